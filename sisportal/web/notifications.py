"""The bell and the page of notifications, each with a link to where what it tells of is seen."""

from flask import Blueprint, Response, abort, url_for
from htmx_flask import request
from sqlalchemy import ColumnElement, Update, func, select, update

from sisportal.extensions import db
from sisportal.models import NoticeKind, Notification
from sisportal.models.database import writing
from sisportal.web.access import MANAGERS, Rule, access, current
from sisportal.web.frame import bell as current_bell
from sisportal.web.lists import asked_choice, asked_search, page_of
from sisportal.web.portal import now
from sisportal.web.rendering import local_path, redirect_for, render_partial, render_tab

blueprint = Blueprint("notifications", __name__)

SHOWN = ("", "unread")
KINDS = {
    "": "All kinds",
    NoticeKind.PREPARED: "Prepared",
    NoticeKind.HELD: "Held",
    NoticeKind.COMMITTED: "Committed",
    NoticeKind.PARTLY_COMMITTED: "Partly committed",
    NoticeKind.FAILED: "Failed",
    NoticeKind.UNDONE: "Undone",
    NoticeKind.SWITCHED_OFF: "Switched off",
    NoticeKind.SILENT: "Nothing came",
    NoticeKind.RESTORED: "Restored",
    NoticeKind.SIGN_IN: "Signing in",
}
TONES = {
    NoticeKind.PREPARED: "info",
    NoticeKind.HELD: "warning",
    NoticeKind.COMMITTED: "success",
    NoticeKind.PARTLY_COMMITTED: "warning",
    NoticeKind.FAILED: "danger",
    NoticeKind.SWITCHED_OFF: "danger",
    NoticeKind.SILENT: "danger",
    NoticeKind.SIGN_IN: "warning",
}


@blueprint.get("/notifications")
@access(Rule.SIGNED_IN)
def listing() -> Response:
    found = select(Notification.id).where(*_asked()).order_by(Notification.id.desc())
    ids, pages = page_of(found)
    rows = db.session.scalars(select(Notification).where(Notification.id.in_(ids)).order_by(Notification.id.desc()))
    return render_tab(
        "notifications/notifications.html",
        notices=list(rows),
        pages=pages,
        search=asked_search(),
        kind=asked_choice("kind", KINDS),
        kinds=KINDS,
        tones=TONES,
        is_told=current().role in MANAGERS,
        show=asked_choice("show", SHOWN),
        unread=current_bell().unread,
    )


@blueprint.get("/notifications/bell")
@access(Rule.SIGNED_IN, polled=True)
def bell() -> Response:
    return render_partial("notifications/_bell.html", bell=current_bell())


@blueprint.get("/notifications/<int:notification_id>")
@access(Rule.SIGNED_IN)
def follow(notification_id: int) -> Response:
    """Leads to what the notification is about; following it is reading it."""
    notification = db.session.get(Notification, notification_id)
    if notification is None or notification.account_id != current().id:
        abort(404)
    link = notification.link
    if notification.read_at is None:
        with writing(db.engine).begin() as connection:
            connection.execute(_reading(current().id).where(Notification.id == notification_id))
    return redirect_for(local_path(link, url_for("notifications.listing")))


@blueprint.post("/notifications/read")
@access(Rule.SIGNED_IN)
def read() -> Response:
    """Marks one, or where none is named all, as read."""
    statement = _reading(current().id)
    if "id" in request.form:
        statement = statement.where(Notification.id == request.form.get("id", -1, type=int))
    db.session.execute(statement)
    db.session.commit()
    return redirect_for(local_path(request.form.get("next"), url_for("notifications.listing")))


def _asked() -> list[ColumnElement[bool]]:
    """Conditions of one's own notifications that the URL asks for."""
    conditions: list[ColumnElement[bool]] = [Notification.account_id == current().id]
    if asked_choice("show", SHOWN):
        conditions.append(Notification.read_at.is_(None))
    if kind := asked_choice("kind", KINDS):
        conditions.append(Notification.kind == kind)
    words = asked_search().lower().split()
    return conditions + [func.lower(Notification.text).contains(word, autoescape=True) for word in words]


def _reading(account_id: int) -> Update:
    unread = update(Notification).where(Notification.account_id == account_id, Notification.read_at.is_(None))
    return unread.values(read_at=now())
