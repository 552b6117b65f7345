"""Which notifications one wants a copy of by mail; each person for themselves."""

from flask import Blueprint, Response, current_app, flash, request, url_for
from sqlalchemy import delete, insert, select

from sisportal.extensions import db
from sisportal.models import AccountRole, NoticeKind, NotificationCopy
from sisportal.models.database import writing
from sisportal.web.access import Rule, access, current
from sisportal.web.acting import released_engine
from sisportal.web.rendering import redirect_for, render_tab

blueprint = Blueprint("notification_copies", __name__, url_prefix="/notifications/mail")

TOLD = frozenset({AccountRole.ADMINISTRATOR, AccountRole.ORGANIZATION_ADMINISTRATOR})
"""Who gets notifications at all."""
KINDS = {
    NoticeKind.PREPARED: ("Prepared", "A sync is prepared and waits for review."),
    NoticeKind.HELD: ("Held", "A sync is prepared, and something in it waits for a decision."),
    NoticeKind.COMMITTED: ("Committed", "The changes of a sync were applied."),
    NoticeKind.PARTLY_COMMITTED: ("Partly committed", "Some changes of a sync were not applied."),
    NoticeKind.FAILED: ("Failed", "A sync failed, and what to do."),
    NoticeKind.UNDONE: ("Undone", "A sync was undone."),
    NoticeKind.SWITCHED_OFF: ("Automatic sync switched off", "It was held too often, and needs a person."),
    NoticeKind.SILENT: ("Nothing came", "No sync has succeeded for too long."),
    NoticeKind.RESTORED: ("Restored", "The portal was restored from a backup."),
    NoticeKind.SIGN_IN: (
        "Signing in",
        "Somebody who sees everybody's records has another password or second factor, or types codes that do not fit.",
    ),
}


@blueprint.get("")
@access(Rule.SIGNED_IN)
def choose() -> Response:
    account = current()
    chosen = set(db.session.scalars(select(NotificationCopy.kind).where(NotificationCopy.account_id == account.id)))
    return render_tab(
        "notification_copies/choose.html",
        account=account,
        told=account.role in TOLD,
        sends_mail=bool(current_app.extensions["settings"].smtp_url),
        kinds=[(kind, label, text, kind in chosen) for kind, (label, text) in KINDS.items()],
    )


@blueprint.post("")
@access(Rule.SIGNED_IN)
def save() -> Response:
    """Keeps the choice; kinds that are not known are left out."""
    account_id = current().id
    chosen = [kind for kind in KINDS if kind in request.form.getlist("kind")]
    with writing(released_engine()).begin() as connection:
        connection.execute(delete(NotificationCopy).where(NotificationCopy.account_id == account_id))
        if chosen:
            connection.execute(
                insert(NotificationCopy), [{"account_id": account_id, "kind": str(kind)} for kind in chosen]
            )
    flash("You get copies of what you chose." if chosen else "You get no copies by mail.", "success")
    return redirect_for(url_for(".choose"))
