"""Pages of an app that is not enabled are not there: routes follow the App center (SPEC 2.2)."""

from flask import Flask, g, request, url_for
from sqlalchemy import select

from sisportal.extensions import db
from sisportal.models import SisConnection, Sync
from sisportal.syncing.apps import APPS
from sisportal.web.access import may_write, reads_everything
from sisportal.web.errors import ErrorText, Explained
from sisportal.web.portal import enabled_apps

APPS_OF_TABS = {
    "organizations": "organizations",
    "organization_profile": "organizations",
    "organization_administrators": "organizations",
    "organization_forms": "organizations",
    "organization_portals": "organization-portals",
}
"""The app that each tab belongs to; the tabs of syncs, whose names begin ``sis_`` and ``sync_``, belong to that of SIS."""
SIS = "sis-integration"


def init_app_gate(app: Flask) -> None:
    """Puts the gate behind the guard of ``access``: whoever is not let in is not told what is installed."""
    app.before_request(_gate)
    app.jinja_env.globals.update(reads_connection=reads_connection)


def reads_connection(kind: str) -> bool:
    """Whether whoever is signed in is led to pages of the connection of this kind."""
    return reads_everything() and {SIS, kind} <= enabled_apps()


def _gate() -> None:
    for name in _needed():
        if name in APPS and name not in enabled_apps():
            raise Explained(_off(APPS[name].label))


def _needed() -> list[str]:
    """Names of the apps that the page which is asked for belongs to."""
    tab, values = request.blueprint or "", request.view_args or {}
    if tab in APPS_OF_TABS:
        return [APPS_OF_TABS[tab]]
    if not tab.startswith(("sis_", "sync_")):
        return []
    if "kind" in values:
        return [SIS, values["kind"]]
    if "sync_id" in values:
        return [SIS, *_kind_of(values["sync_id"])]
    return [SIS]


def _kind_of(sync_id: int) -> list[str]:
    """Kind of the connection that a sync is of. Both rows are kept for the view, which asks for them anyway."""
    both = select(Sync, SisConnection).join(SisConnection, SisConnection.id == Sync.connection_id)
    g.of_this_sync = found = db.session.execute(both.where(Sync.id == sync_id)).one_or_none()
    return [found[1].kind] if found else []


def _off(label: str) -> ErrorText:
    return ErrorText(
        "This page is switched off",
        f"It belongs to {label}, which is not enabled in this portal. Whatever it holds is kept.",
        "Enable it in the App center."
        if may_write()
        else "An administrator of the portal can enable it in the App center.",
        leads_to=("App center", url_for("app_center.listing")) if may_write() else None,
    )
