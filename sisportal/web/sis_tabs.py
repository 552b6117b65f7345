"""The tabs of a connection, in the order of SPEC 3.2; those that this release lacks are left out."""

from dataclasses import dataclass

from flask import current_app
from sqlalchemy import exists, select

from sisportal.extensions import db
from sisportal.models import SisConnection, SisSchool
from sisportal.syncing.connections import NAMES

TABS = (
    ("status", "Status"),
    ("configure", "Configure"),
    ("history", "History"),
    ("overview", "Overview"),
    ("schools", "Schools"),
    ("teachers", "Teachers"),
    ("students", "Students"),
    ("sections", "Sync classes"),
)


@dataclass(frozen=True, slots=True)
class Tab:
    """A tab as the tab bar shows it."""

    label: str
    url: str
    current: bool


def sis_name(connection: SisConnection) -> str:
    """What people call the source of a connection: ``Clever``."""
    return NAMES[connection.kind]


def sis_tabs(connection: SisConnection, current: str) -> list[Tab]:
    """The tabs of a connection; *Schools* belongs to portals of several schools."""
    rules = {rule.rule for rule in current_app.url_map.iter_rules()}
    hidden = set() if _several_schools(connection) else {"schools"}
    return [
        Tab(label, f"/admin/sis/{connection.kind}/{name}", name == current)
        for name, label in TABS
        if f"/admin/sis/<kind>/{name}" in rules and name not in hidden
    ]


def _several_schools(connection: SisConnection) -> bool:
    mapped = exists().where(SisSchool.connection_id == connection.id, SisSchool.organization_id.is_not(None))
    return bool(db.session.scalar(select(mapped)))
