"""What holds for signing in: after how long of doing nothing people are signed out."""

from typing import Any

from flask import Blueprint, Response, flash, request, url_for

from sisportal.extensions import db
from sisportal.models.database import writing
from sisportal.syncing import inactivity, notices
from sisportal.web.access import Rule, access
from sisportal.web.acting import released_engine, who
from sisportal.web.portal import now
from sisportal.web.rendering import redirect_for, render_invalid, render_tab

blueprint = Blueprint("sign_in_rules", __name__, url_prefix="/admin/signing-in")

TEMPLATE = "sign_in_rules/page.html"


@blueprint.get("")
@access(Rule.READ)
def page() -> Response:
    return render_tab(TEMPLATE, **_context(), errors={})


@blueprint.post("")
@access(Rule.WRITE)
def save() -> Response:
    """Keeps the choices, which hold at once: also for those who are signed in."""
    asker = who()
    chosen = {group.name: text for group in inactivity.GROUPS if (text := request.form.get(group.name)) is not None}
    allowed = {str(minutes) for minutes in inactivity.CHOICES}
    errors = {name: "Choose one of the list." for name, text in chosen.items() if text not in allowed}
    if errors:
        return render_invalid(TEMPLATE, **_context(), errors=errors)
    with writing(released_engine()).begin() as connection:
        changed = inactivity.choose(connection, {name: int(text) for name, text in chosen.items()})
        if changed:
            words = {name: inactivity.CHOICES[minutes] for name, minutes in changed.items()}
            notices.record(
                connection, "settings-changed", "signing in", now(),
                actor=asker.name, actor_id=asker.id, address=asker.address, signed_out_after=words,
            )  # fmt: skip
    flash("It holds from now on." if changed else "Nothing was changed.", "success" if changed else "info")
    return redirect_for(url_for(".page"))


def _context() -> dict[str, Any]:
    return {
        "groups": inactivity.GROUPS,
        "minutes": inactivity.minutes(db.session.connection()),
        "choices": list(inactivity.CHOICES.items()),
    }
