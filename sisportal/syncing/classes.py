"""Classes by hand: made, changed, archived and reactivated; parents, and the sessions under them (SPEC 2.4)."""

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, exists, func, select, update
from sqlalchemy.orm import aliased

from sisportal.models import ClassStyle, Organization, RecordKind, SchoolClass, Source
from sisportal.roster.entered import Errors, class_errors
from sisportal.roster.fields import Values
from sisportal.syncing import pins
from sisportal.syncing.accounts import ANYTHING, Bounds
from sisportal.syncing.by_hand import Invalid, Refused, check_mark, record
from sisportal.syncing.held import class_columns, class_held, class_search, column_name
from sisportal.syncing.review import Who
from sisportal.syncing.rows import insert_one

GONE = "There is no such class."
WITH_ITS_LAST_SESSION = 0
"""``archived_by_sync`` of a parent whose last session a person took away: it comes back with a session, unlike one that a
person archived."""
_COPIED = ("name", "code", "subject", "grade", "style", "organization_id")


def held(connection: Connection, class_id: int, *, lock: bool = False) -> Values | None:
    """What a person can change of a class, and ``archived``; None where there is no such class."""
    columns = select(SchoolClass.style, SchoolClass.archived_at, *class_columns()).where(SchoolClass.id == class_id)
    row = connection.execute(columns.with_for_update() if lock else columns).one_or_none()
    return None if row is None else {"style": row[0], **class_held(row[2:]), "archived": row[1] is not None}


def make(
    connection: Connection,
    values: Values,
    who: Who,
    now: datetime,
    bounds: Bounds = ANYTHING,
    parent_id: int | None = None,
) -> int:
    """A new class, under a parent where one is given; its id. Fields that are absent are blank.

    Raises ``Invalid``, and ``Refused`` where the parent cannot have it.
    """
    given: Values = {"name": "", "organization": None, "style": str(ClassStyle.INSTRUCTOR)}
    given |= values
    _check(connection, given, bounds, {})
    row: Values = {column_name(name): value for name, value in given.items()}
    row |= {"search": class_search(given), "source": Source.HAND, "created_at": now, "edited_at": now}
    class_id = insert_one(connection, SchoolClass, row)
    record(connection, "class-made", given["name"], who, now)
    if parent_id is not None:
        attach(connection, class_id, parent_id, who, now)
    return class_id


def change(
    connection: Connection,
    class_id: int,
    values: Values,
    who: Who,
    now: datetime,
    bounds: Bounds = ANYTHING,
    seen: str | None = None,
) -> list[str]:
    """Change these fields of a class; the names of those that differ.

    ``seen`` is the mark of what the person saw of it. Raises ``Invalid``, ``Refused`` and ``Changed``.
    """
    before = held(connection, class_id, lock=True)
    if before is None:
        raise Refused(GONE)
    check_mark(seen, before)
    _check(connection, values, bounds, before)
    changed = {name: value for name, value in values.items() if value != before[name]}
    if not changed:
        return []
    if "organization" in changed and _family(connection, class_id):
        raise Invalid({"organization": "A parent and its sessions are of one organization. Part them first."})
    columns = {column_name(name): value for name, value in changed.items()}
    columns |= {"search": class_search(before | changed), "edited_at": now}
    connection.execute(update(SchoolClass).where(SchoolClass.id == class_id).values(columns))
    pins.edited(connection, RecordKind.CLASS, class_id, sorted(changed), who, now)
    record(connection, "class-changed", before["name"], who, now, fields=", ".join(sorted(changed)))
    return sorted(changed)


def archive(connection: Connection, class_id: int, who: Who, now: datetime) -> bool:
    """Archive a class; whether it was active. No sync revives it. Raises ``Refused`` for a parent with sessions."""
    row = _row(connection, class_id)
    if row.archived_at is not None:
        return False
    if row.is_parent and _sessions(connection, class_id):
        raise Refused("It has sessions. Archive them or take them out first; it is archived with the last one.")
    _set(connection, class_id, archived_at=now, archived_by_sync=None)
    pins.edited(connection, RecordKind.CLASS, class_id, ["archived"], who, now)
    record(connection, "class-archived", row.name, who, now)
    _settle(connection, row.parent_id, now)
    return True


def reactivate(connection: Connection, class_id: int, who: Who, now: datetime) -> bool:
    """Take a class out of the archive, and the parent with it that was archived with its last session."""
    row = _row(connection, class_id)
    if row.archived_at is None:
        return False
    _set(connection, class_id, archived_at=None, archived_by_sync=None)
    pins.edited(connection, RecordKind.CLASS, class_id, ["archived"], who, now)
    record(connection, "class-reactivated", row.name, who, now)
    _settle(connection, row.parent_id, now)
    return True


def attach(connection: Connection, class_id: int, parent_id: int, who: Who, now: datetime) -> None:
    """Make a class a session of a parent. No sync moves it from there. Raises ``Refused``."""
    row, parent = _row(connection, class_id), _row(connection, parent_id)
    if row.is_parent or not parent.is_parent or parent.archived_at is not None:
        raise Refused("Choose an active parent class; a parent cannot be a session itself.")
    if row.organization_id != parent.organization_id:
        raise Refused("A parent and its sessions are of one organization.")
    if row.parent_id == parent_id:
        return
    _move(connection, class_id, parent_id, now)
    record(connection, "session-attached", row.name, who, now, parent=parent.name)
    _settle(connection, row.parent_id, now)


def detach(connection: Connection, class_id: int, who: Who, now: datetime) -> None:
    """Let a session stand alone. No sync moves it under a parent again."""
    row = _row(connection, class_id)
    if row.parent_id is None:
        return
    _move(connection, class_id, None, now)
    record(connection, "session-detached", row.name, who, now, parent=_row(connection, row.parent_id).name)
    _settle(connection, row.parent_id, now)


def make_parent(connection: Connection, class_id: int, who: Who, now: datetime) -> int:
    """A new parent, named like the class, which becomes its first session; the parent's id. Raises ``Refused``."""
    row = _row(connection, class_id)
    if row.is_parent or row.parent_id is not None or row.archived_at is not None:
        raise Refused("Only an active class that stands alone gets a parent of its own.")
    values: Values = {name: getattr(row, name) for name in _COPIED}
    values |= {"search": class_search(values), "source": Source.HAND, "is_parent": True, "created_at": now}
    parent_id = insert_one(connection, SchoolClass, values)
    record(connection, "parent-made", row.name, who, now)
    attach(connection, class_id, parent_id, who, now)
    return parent_id


def _check(connection: Connection, values: Values, bounds: Bounds, before: Values) -> None:
    """Raise ``Invalid`` where the values cannot be kept; what a class has already may stay."""
    new = {name: value for name, value in values.items() if not before or value != before[name]}
    days = (
        {name: (before | values).get(name, "") for name in ("start", "finish")}
        if {"start", "finish"} & new.keys()
        else {}
    )
    errors: Errors = bounds.check(new) | class_errors(days | new)
    if new.get("style", ClassStyle.INSTRUCTOR) not in set(ClassStyle):
        errors["style"] = "Choose how the class is held."
    place = new.get("organization")
    if place is not None and "organization" not in errors:
        active = select(Organization.id).where(Organization.id == place, Organization.archived_at.is_(None))
        if connection.scalar(active) is None:
            errors["organization"] = "There is no such organization, or it is archived."
    if errors:
        raise Invalid(errors)


def _row(connection: Connection, class_id: int) -> Row[Any]:
    columns = (
        SchoolClass.id, SchoolClass.parent_id, SchoolClass.is_parent, SchoolClass.archived_at,
        *(getattr(SchoolClass, name) for name in _COPIED),
    )  # fmt: skip
    row = connection.execute(select(*columns).where(SchoolClass.id == class_id).with_for_update()).one_or_none()
    if row is None:
        raise Refused(GONE)
    return row


def _set(connection: Connection, class_id: int, **values: Any) -> None:
    connection.execute(update(SchoolClass).where(SchoolClass.id == class_id).values(values))


def _move(connection: Connection, class_id: int, parent_id: int | None, now: datetime) -> None:
    # Without its session key no sync counts the class among those that it may put under a parent.
    _set(connection, class_id, parent_id=parent_id, session_key="", edited_at=now)


def _sessions(connection: Connection, parent_id: int) -> int:
    active = (SchoolClass.parent_id == parent_id, SchoolClass.archived_at.is_(None))
    return connection.scalar(select(func.count()).select_from(SchoolClass).where(*active)) or 0


def _family(connection: Connection, class_id: int) -> bool:
    """Whether a class is a session, or a parent with sessions."""
    child = aliased(SchoolClass)
    has_sessions = exists().where(child.parent_id == class_id)
    return bool(
        connection.scalar(select(SchoolClass.parent_id.is_not(None) | has_sessions).where(SchoolClass.id == class_id))
    )


def _settle(connection: Connection, parent_id: int | None, now: datetime) -> None:
    """A parent whose last session left is archived with it, one that has a session again is active again (SPEC 10)."""
    if parent_id is None:
        return
    parent = select(SchoolClass.archived_at, SchoolClass.archived_by_sync).where(SchoolClass.id == parent_id)
    archived_at, by = connection.execute(parent).one()
    has_sessions = _sessions(connection, parent_id) > 0
    if archived_at is None and not has_sessions:
        _set(connection, parent_id, archived_at=now, archived_by_sync=WITH_ITS_LAST_SESSION)
    elif archived_at is not None and by is not None and has_sessions:
        _set(connection, parent_id, archived_at=None, archived_by_sync=None)
