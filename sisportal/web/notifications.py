"""The bell and the page of notifications, each with a link to its report."""

from flask import Blueprint, Response, abort, url_for
from htmx_flask import request
from sqlalchemy import Update, select, update

from sisportal.extensions import db
from sisportal.models import Notification
from sisportal.models.database import writing
from sisportal.web.access import Rule, access, current
from sisportal.web.frame import bell as current_bell
from sisportal.web.portal import now
from sisportal.web.rendering import local_path, redirect_for, render_partial, render_tab

blueprint = Blueprint("notifications", __name__)

SHOWN = ("", "unread")


@blueprint.get("/notifications")
@access(Rule.SIGNED_IN)
def listing() -> Response:
    shown = request.args.get("show", "")
    mine = select(Notification).where(Notification.account_id == current().id).order_by(Notification.id.desc())
    if shown == "unread":
        mine = mine.where(Notification.read_at.is_(None))
    pages = db.paginate(mine, per_page=50, max_per_page=50, error_out=False)
    bell = current_bell()
    return render_tab(
        "notifications/notifications.html", pages=pages, show=shown if shown in SHOWN else "", unread=bell.unread
    )


@blueprint.get("/notifications/bell")
@access(Rule.SIGNED_IN)
def bell() -> Response:
    return render_partial("notifications/_bell.html", bell=current_bell())


@blueprint.get("/notifications/<int:notification_id>")
@access(Rule.SIGNED_IN)
def follow(notification_id: int) -> Response:
    """Leads to the report that the notification is about; following it is reading it."""
    notification = db.session.get(Notification, notification_id)
    if notification is None or notification.account_id != current().id:
        abort(404)
    if notification.read_at is None:
        with writing(db.engine).begin() as connection:
            connection.execute(_reading(current().id).where(Notification.id == notification_id))
    return redirect_for(f"/syncs/{notification.sync_id}" if notification.sync_id else url_for("notifications.listing"))


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


def _reading(account_id: int) -> Update:
    unread = update(Notification).where(Notification.account_id == account_id, Notification.read_at.is_(None))
    return unread.values(read_at=now())
