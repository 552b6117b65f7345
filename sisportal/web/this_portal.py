"""What the set-up asked about the portal itself, to be changed later: its name and its time zone."""

from typing import Any

from flask import Blueprint, Response, flash, request, url_for
from sqlalchemy import select

from sisportal.extensions import db
from sisportal.models import SisConnection
from sisportal.models.database import writing
from sisportal.syncing import notices
from sisportal.syncing.administrators import LONGEST_TEXT
from sisportal.syncing.connections import stored_options
from sisportal.syncing.settings import NAME, TIMEZONE, change_settings, time_zone_choices
from sisportal.web.access import Rule, access
from sisportal.web.acting import released_engine, who
from sisportal.web.chosen import WRONG
from sisportal.web.portal import now, portal_settings
from sisportal.web.rendering import redirect_for, render_invalid, render_tab

blueprint = Blueprint("this_portal", __name__, url_prefix="/admin/portal")

TEMPLATE = "this_portal/page.html"
NAMELESS = "Name the portal."
TOO_LONG = f"At most {LONGEST_TEXT} characters."


@blueprint.get("")
@access(Rule.READ)
def page() -> Response:
    return render_tab(TEMPLATE, **_context(portal_settings()), errors={})


@blueprint.post("")
@access(Rule.WRITE)
def save() -> Response:
    """Keeps both; pages show them at once, and daily syncs go by the new zone (``timetable.current``)."""
    asker = who()
    sent = {name: request.form.get(name, "").strip() for name in (NAME, TIMEZONE)}
    if errors := _errors(sent):
        return render_invalid(TEMPLATE, **_context(sent), errors=errors)
    with writing(released_engine()).begin() as connection:
        changed = change_settings(connection, sent)
        if changed:
            notices.record(
                connection, "settings-changed", "portal", now(),
                actor=asker.name, actor_id=asker.id, address=asker.address, **changed,
            )  # fmt: skip
    flash("It is stored." if changed else "Nothing was changed.", "success" if changed else "info")
    return redirect_for(url_for(".page"))


def _errors(sent: dict[str, str]) -> dict[str, str]:
    """The message for each field that cannot be kept."""
    errors = {}
    if not sent[NAME] or len(sent[NAME]) > LONGEST_TEXT:
        errors[NAME] = TOO_LONG if sent[NAME] else NAMELESS
    if sent[TIMEZONE] not in dict(time_zone_choices()):
        errors[TIMEZONE] = WRONG
    return errors


def _context(shown: dict[str, Any]) -> dict[str, Any]:
    found = db.session.execute(select(SisConnection.options, SisConnection.kind))
    is_daily = any(stored_options(options, kind).auto_sync is not None for options, kind in found)
    return {"name": shown[NAME], "timezone": shown[TIMEZONE], "choices": time_zone_choices(), "is_daily": is_daily}
