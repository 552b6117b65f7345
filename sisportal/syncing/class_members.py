"""Who is in a class, by hand: students and teachers put in and taken out, and the order of the teachers (SPEC 2.4).

A sync compares a roster with what it last wrote of it, so it takes out nobody whom a person put in, and puts nobody back
whom a person took out, until the SIS itself changes that person's place (SPEC 6.6). A place is had or not, so what was
changed of a student's on both sides is the same on both; teachers have an order besides, and may have to wait for a person.
"""

from collections.abc import Iterable
from datetime import datetime
from enum import StrEnum
from typing import Any

import msgspec
from sqlalchemy import Connection, insert, select, update

from sisportal.models import (
    Account,
    AccountLink,
    AccountRole,
    ClassLink,
    Membership,
    RecordKind,
    SchoolClass,
    SisConnection,
    SisSection,
)
from sisportal.syncing import pins
from sisportal.syncing.audit_events import Event
from sisportal.syncing.by_hand import Refused, record
from sisportal.syncing.classes import GONE
from sisportal.syncing.review import Who

BY_A_PERSON = 0
"""``ended_by_sync`` of a place that a person ended."""


class Part(StrEnum):
    """What somebody is in a class."""

    STUDENT = "student"
    TEACHER = "teacher"


class Link(msgspec.Struct, frozen=True):
    """The section of a connection that a class is."""

    connection_id: int
    kind: str
    source_id: str
    people: frozenset[str]
    """Whom the last commit left in the class, by ``source_id``."""
    listed: bool
    """Whether the SIS lists the section now."""


class Origin(msgspec.Struct, frozen=True):
    """Which places of a class the SIS has to do with."""

    linked: bool
    """Whether a sync has written the class's roster."""
    written: frozenset[int]
    """Accounts that the last commit left in the class."""


def put_in(connection: Connection, class_id: int, account_id: int, part: Part, who: Who, now: datetime) -> bool:
    """Put somebody into a class; whether that changed anything. A teacher comes behind the others. Raises ``Refused``."""
    class_, account = _open_class(connection, class_id), _account(connection, account_id)
    if (account.role == AccountRole.STUDENT) != (part is Part.STUDENT):
        raise Refused("Students attend classes, and everybody else teaches them.")
    place = connection.execute(_places(class_id).where(Membership.account_id == account_id)).one_or_none()
    if (
        place is not None
        and place.ended_by_sync is None
        and (place.position >= Membership.STUDENT) == (part is Part.STUDENT)
    ):
        return False
    teachers = _teachers(connection, class_id)
    position = Membership.STUDENT if part is Part.STUDENT else len(teachers)
    if place is None:
        values = {"class_id": class_id, "account_id": account_id, "position": position}
        connection.execute(insert(Membership).values(values))
    else:
        _set(connection, class_id, account_id, position=position, ended_by_sync=None)
    if account_id in teachers:
        _number(connection, class_id, [id_ for id_ in teachers if id_ != account_id])
    _note(connection, class_, account, part, who, now, "class-joined")
    return True


def take_out(connection: Connection, class_id: int, account_id: int, who: Who, now: datetime) -> bool:
    """Take somebody out of a class; whether they were in it. Their place is kept, and can be given back."""
    class_ = _open_class(connection, class_id)
    place = connection.execute(_places(class_id).where(Membership.account_id == account_id)).one_or_none()
    if place is None or place.ended_by_sync is not None:
        return False
    _set(connection, class_id, account_id, ended_by_sync=BY_A_PERSON)
    part = Part.STUDENT if place.position >= Membership.STUDENT else Part.TEACHER
    if part is Part.TEACHER:
        _number(connection, class_id, _teachers(connection, class_id))
    _note(connection, class_, _account(connection, account_id, any_state=True), part, who, now, "class-left")
    return True


def lead(connection: Connection, class_id: int, account_id: int, who: Who, now: datetime) -> bool:
    """Make one of a class's teachers the primary one, before the others; whether another one was."""
    class_, teachers = _open_class(connection, class_id), _teachers(connection, class_id)
    return _reorder(connection, class_, teachers, account_id, 0, who, now)


def move_up(connection: Connection, class_id: int, account_id: int, who: Who, now: datetime) -> bool:
    """Let one of a class's teachers change places with the one before; whether there is one."""
    class_, teachers = _open_class(connection, class_id), _teachers(connection, class_id)
    place = teachers.index(account_id) - 1 if account_id in teachers else -1
    return place >= 0 and _reorder(connection, class_, teachers, account_id, place, who, now)


def links_of(connection: Connection, class_id: int) -> list[Link]:
    """The sections that a class is, one at most of each connection."""
    section = (SisSection.connection_id == ClassLink.connection_id) & (SisSection.source_id == ClassLink.source_id)
    listed = SisSection.id.is_not(None) & SisSection.gone_in_sync.is_(None)
    statement = (
        select(ClassLink.connection_id, SisConnection.kind, ClassLink.source_id, ClassLink.written, listed)
        .join(SisConnection, SisConnection.id == ClassLink.connection_id)
        .outerjoin(SisSection, section)
        .where(ClassLink.class_id == class_id)
        .order_by(ClassLink.connection_id)
    )
    return [
        Link(
            row[0], row[1], row[2], frozenset((*row[3].get("teachers", ()), *row[3].get("students", ()))), bool(row[4])
        )
        for row in connection.execute(statement)
    ]


def set_teachers(connection: Connection, class_id: int, account_ids: list[int]) -> None:
    """Let exactly these accounts teach a class, in this order; whoever taught it besides leaves. Pins are the caller's."""
    places = {row.account_id: row for row in connection.execute(_places(class_id))}
    for account_id in _teachers(connection, class_id):
        if account_id not in account_ids:
            _set(connection, class_id, account_id, ended_by_sync=BY_A_PERSON)
    for position, account_id in enumerate(account_ids):
        if account_id in places:
            _set(connection, class_id, account_id, position=position, ended_by_sync=None)
        else:
            values = {"class_id": class_id, "account_id": account_id, "position": position}
            connection.execute(insert(Membership).values(values))


def origin(connection: Connection, class_id: int, links: list[Link]) -> Origin:
    """What of a class's roster syncs wrote."""
    people = {link.connection_id: link.people for link in links if link.people}
    if not people:
        return Origin(linked=False, written=frozenset())
    statement = (
        select(AccountLink.connection_id, AccountLink.source_id, AccountLink.account_id)
        .join(Membership, Membership.account_id == AccountLink.account_id)
        .where(Membership.class_id == class_id)
    )
    rows = connection.execute(statement)
    written = (row.account_id for row in rows if row.source_id in people.get(row.connection_id, ()))
    return Origin(linked=True, written=frozenset(written))


def _reorder(
    connection: Connection, class_: Any, teachers: list[int], account_id: int, place: int, who: Who, now: datetime
) -> bool:
    if account_id not in teachers or teachers.index(account_id) == place:
        return False
    order = [id_ for id_ in teachers if id_ != account_id]
    order.insert(place, account_id)
    _number(connection, class_.id, order)
    pins.edited(connection, RecordKind.CLASS, class_.id, ["teachers"], who, now)
    record(connection, "teachers-ordered", class_.name, who, now)
    return True


def _open_class(connection: Connection, class_id: int) -> Any:
    """The class, where people can be put into it."""
    columns = select(SchoolClass.id, SchoolClass.name, SchoolClass.is_parent, SchoolClass.archived_at)
    row = connection.execute(columns.where(SchoolClass.id == class_id).with_for_update()).one_or_none()
    if row is None:
        raise Refused(GONE)
    if row.is_parent:
        raise Refused("A parent has no people of its own: they are in its sessions.")
    if row.archived_at is not None:
        raise Refused("The class is archived. Reactivate it first.")
    return row


def _account(connection: Connection, account_id: int, *, any_state: bool = False) -> Any:
    columns = select(Account.id, Account.role, Account.archived_at).where(Account.id == account_id)
    row = connection.execute(columns).one_or_none()
    if row is None or (row.archived_at is not None and not any_state):
        raise Refused("There is no such account, or it is archived.")
    return row


def _places(class_id: int) -> Any:
    return select(Membership.account_id, Membership.position, Membership.ended_by_sync).where(
        Membership.class_id == class_id
    )


def _teachers(connection: Connection, class_id: int) -> list[int]:
    """The accounts that teach the class now, in their order."""
    now_teaching = _places(class_id).where(Membership.position < Membership.STUDENT, Membership.ended_by_sync.is_(None))
    rows = connection.execute(now_teaching.order_by(Membership.position, Membership.account_id))
    return [row.account_id for row in rows]


def _number(connection: Connection, class_id: int, teachers: Iterable[int]) -> None:
    for position, account_id in enumerate(teachers):
        _set(connection, class_id, account_id, position=position)


def _set(connection: Connection, class_id: int, account_id: int, **values: Any) -> None:
    place = (Membership.class_id == class_id, Membership.account_id == account_id)
    connection.execute(update(Membership).where(*place).values(values))


def _note(connection: Connection, class_: Any, account: Any, part: Part, who: Who, now: datetime, event: Event) -> None:
    fields, members = (["teachers"], []) if part is Part.TEACHER else ([], [account.id])
    pins.edited(connection, RecordKind.CLASS, class_.id, fields, who, now, members=members)
    record(connection, event, class_.name, who, now, account=account.id, part=str(part))
