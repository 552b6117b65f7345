"""What a connection is, as its pages say it, and the next step with one that nothing was read from yet."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from flask import url_for
from sqlalchemy import select

from sisportal.extensions import db
from sisportal.models import ConnectionKind, Mapping, SisConnection, SisSchool
from sisportal.syncing.connections import NAMES, PACKAGE
from sisportal.syncing.packages import WAITING_FILE
from sisportal.web.access import may_write

LISTS = {
    "everything": "everything",
    "changes": "only what changed",
    "both": "some files in full, of others what changed",
}
FILES = {
    "orgs": "organizations", "users": "users", "roles": "roles", "classes": "classes", "enrollments": "enrollments",
    "courses": "courses", "academicSessions": "academic sessions", "demographics": "demographics",
}  # fmt: skip
"""Files of a package as its page calls what they list, in the order in which it names them."""


@dataclass(frozen=True, slots=True)
class Package:
    """The file that was read last."""

    name: str
    read_at: datetime
    contents: str
    rows: str


def package_of(connection: SisConnection) -> Package | None:
    """What is known of the file that a CSV connection read last; None before the first."""
    found: dict[str, Any] | None = connection.district.get(PACKAGE)
    if found is None:
        return None
    counted = [f"{found['rows'][name]:,} {noun}" for name, noun in FILES.items() if name in found["rows"]]
    contents = f"OneRoster {found['version']}, {LISTS[found['lists']]}"
    return Package(found["name"], datetime.fromisoformat(found["read_at"]), contents, ", ".join(counted))


@dataclass(frozen=True, slots=True)
class Step:
    """What comes next, and, for whoever may take the step, where."""

    sentence: str
    label: str = ""
    url: str = ""


def with_scope() -> frozenset[int]:
    """The connections of which somebody has said what their schools become."""
    mapped = select(SisSchool.connection_id).where(SisSchool.mapping == Mapping.MAPPED).distinct()
    return frozenset(db.session.scalars(mapped))


def first_step(connection: SisConnection, *, has_scope: bool) -> Step:
    """The next step with a connection that nothing was read from yet, for the person who asks."""
    kind, name = connection.kind, NAMES[connection.kind]
    nothing = "Nothing has been read from it yet."
    if not connection.enabled:
        return Step(f"{nothing} It is disabled, so no sync can be started.")
    if not may_write():
        return Step(f"{nothing} An administrator begins with it; nothing changes before somebody agrees.")
    if kind == ConnectionKind.CSV and not connection.settings.get(WAITING_FILE):
        return Step(f"{nothing} Upload the first file: it changes nothing before you agree.", "Upload a file", url_for("sis_upload.show"))  # fmt: skip
    if has_scope:
        start = "Start the first sync: it changes nothing before you agree."
        return Step(f"{nothing} {start}", "Start the first sync", url_for("sis_status.status", kind=kind))
    if kind == ConnectionKind.CLEVER:
        choose = url_for("sis_configure.school", kind=kind)
        return Step(f"{nothing} Choose the school that this portal is for; then the first sync can start.", "Choose the school", choose)  # fmt: skip
    waits = "A file waits. " if kind == ConnectionKind.CSV else ""
    sentence = f"{nothing} {waits}Say what the businesses of {name} become; then the first sync can start."
    return Step(sentence, "Businesses", url_for("sis_mapping.schools", kind=kind))
