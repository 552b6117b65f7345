"""The portal as pages know it: its name, its time zone, the moment, and who asks from where."""

from datetime import datetime
from typing import Any, cast
from zoneinfo import ZoneInfo

from flask import current_app, g, request
from sqlalchemy.exc import SQLAlchemyError

from sisportal.extensions import db
from sisportal.syncing import apps, settings
from sisportal.syncing.breached import IsBreached

_LAST_NAME = "last-portal-name"


def portal_name() -> str:
    """What the school calls its portal."""
    return str(portal_settings()[settings.NAME])


def name_for_error(code: int) -> str:
    """The portal's name for the page of an error.

    From 500 on no database is asked, for it may be what is away: the name is the one that this process read last.
    """
    if code < 500:
        try:
            return portal_name()
        except SQLAlchemyError:
            current_app.logger.warning("the portal's name could not be read for the page of an error")
    return str(current_app.extensions.get(_LAST_NAME, settings.DEFAULTS[settings.NAME]))


def time_zone() -> ZoneInfo:
    """The time zone that pages show moments in."""
    return ZoneInfo(str(portal_settings()[settings.TIMEZONE]))


def enabled_apps() -> set[str]:
    """Names of the apps that are installed and not disabled."""
    if "enabled_apps" not in g:
        g.enabled_apps = apps.enabled(db.session.connection())
    return cast("set[str]", g.enabled_apps)


def is_partitioned() -> bool:
    """Whether people see only the accounts and classes of their own organization and below (SPEC 2.3)."""
    return bool(portal_settings().get(settings.PARTITION)) and "organizations" in enabled_apps()


def now() -> datetime:
    """The moment, aware and in UTC."""
    return cast("datetime", current_app.extensions["clock"]())


def is_breached() -> IsBreached:
    """What says whether a password is known from a breach."""
    return cast("IsBreached", current_app.extensions["is_breached"])


def address() -> str:
    """Where this request comes from, for the audit log."""
    return request.remote_addr or ""


def portal_settings() -> dict[str, Any]:
    """Every setting of the portal by its name, read once for a request."""
    if "portal_settings" not in g:
        g.portal_settings = settings.read_settings(db.session.connection())
        current_app.extensions[_LAST_NAME] = g.portal_settings[settings.NAME]
    return cast("dict[str, Any]", g.portal_settings)
