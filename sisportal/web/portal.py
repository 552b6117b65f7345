"""The portal's own settings as pages use them: its name and its time zone, read once for each request."""

from datetime import datetime
from typing import Any, cast
from zoneinfo import ZoneInfo

from flask import current_app, g
from sqlalchemy import select

from sisportal.extensions import db
from sisportal.models import Setting

DEFAULT_NAME = "SIS Portal"
DEFAULT_ZONE = "UTC"


def portal_name() -> str:
    """What the school calls its portal."""
    return str(_settings().get("name") or DEFAULT_NAME)


def time_zone() -> ZoneInfo:
    """The time zone that pages show moments in."""
    return ZoneInfo(str(_settings().get("timezone") or DEFAULT_ZONE))


def now() -> datetime:
    """The moment, aware and in UTC."""
    return cast("datetime", current_app.extensions["clock"]())


def _settings() -> dict[str, Any]:
    if "portal_settings" not in g:
        g.portal_settings = {row.name: row.value for row in db.session.execute(select(Setting.name, Setting.value))}
    return cast("dict[str, Any]", g.portal_settings)
