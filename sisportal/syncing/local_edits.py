"""What people changed in the portal that the SIS says otherwise: compared field by field, person by person (SPEC 6.6).

The rules are those of the planner (``roster.fields.difference``); here they are asked about a few records, the ones that
somebody edited by hand.
"""

from collections.abc import Iterable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import Connection, Select, Text, and_, select, type_coerce

from sisportal.models import HandEdit, Membership, RecordKind
from sisportal.roster.fields import Difference, Values, account_values, class_values, difference
from sisportal.roster.lineup import lineup
from sisportal.roster.records import Person, Section
from sisportal.syncing.connections import ConnectionFacts
from sisportal.syncing.held import (
    ACCOUNT_LINKS,
    ACCOUNTS,
    CLASS_LINKS,
    CLASSES,
    MEMBERSHIPS,
    account_columns,
    account_held,
    class_columns,
    class_held,
    decode_values,
)
from sisportal.syncing.mirror import PEOPLE, SECTIONS
from sisportal.syncing.rows import chunks

AT_ONCE = 500
STUDENTS, TEACHERS, ARCHIVED = "students", "teachers", "archived"
_person, _section = msgspec.json.Decoder(Person).decode, msgspec.json.Decoder(Section).decode


class LocalEdit(msgspec.Struct, frozen=True):
    """One field in which the portal keeps another value than the SIS says."""

    record: RecordKind
    record_id: int
    source_id: str
    type: str
    """``student``, ``teacher`` or ``section``."""
    school: str
    label: str
    field: str
    """As in ``roster.fields``; also ``archived`` and ``teachers`` (lists of ``source_id``, ``account 7`` of somebody
    without a link), and ``students``, of which each person is an edit and the values are whether they are in the class."""
    last: Any
    """What was last written by a sync."""
    here: Any
    sis: Any
    both: bool = False
    """Whether the SIS has changed the field since, too: the next plan asks a person."""
    member: str = ""
    """Of ``students``: ``source_id`` of the person."""
    member_id: int = 0
    """Of ``students``: the account of the person."""
    since: datetime | None = None
    editor: str = ""
    """Blank where nobody noted it."""


def local_edits(
    connection: Connection, facts: ConnectionFacts, record: RecordKind, ids: Sequence[int] | None = None
) -> Iterator[LocalEdit]:
    """What differs by hand of these accounts or classes; of all that were edited by hand, where None.

    Only records that this connection lists and is linked to: what it does not list, it cannot want otherwise.
    """
    find = _of_accounts if record is RecordKind.ACCOUNT else _of_classes
    for some in chunks(_edited(connection, record) if ids is None else ids, AT_ONCE):
        found = list(find(connection, facts, some))
        edits = _hand_edits(connection, record, {each.record_id for each in found})
        fallback = _edited_at(connection, record, {each.record_id for each in found})
        for each in found:
            since, editor = edits.get((each.record_id, each.field, each.member_id), (fallback[each.record_id], ""))
            yield msgspec.structs.replace(each, since=since, editor=editor)


def _edited(connection: Connection, record: RecordKind) -> list[int]:
    table = ACCOUNTS if record is RecordKind.ACCOUNT else CLASSES
    # Put in order here: asked for it, SQLite goes through the whole table rather than the index of what was edited.
    return sorted(connection.scalars(select(table.c.id).where(table.c.edited_at.is_not(None))))


def _edited_at(connection: Connection, record: RecordKind, ids: Iterable[int]) -> dict[int, datetime | None]:
    table = ACCOUNTS if record is RecordKind.ACCOUNT else CLASSES
    return {
        row[0]: row[1] for row in connection.execute(select(table.c.id, table.c.edited_at).where(table.c.id.in_(ids)))
    }


def _hand_edits(
    connection: Connection, record: RecordKind, ids: Iterable[int]
) -> dict[tuple[int, str, int], tuple[datetime, str]]:
    statement = select(HandEdit.record_id, HandEdit.field, HandEdit.member_id, HandEdit.edited_at, HandEdit.editor)
    rows = connection.execute(statement.where(HandEdit.record == record, HandEdit.record_id.in_(ids)))
    return {(row[0], row[1], row[2]): (row[3], row[4]) for row in rows}


def _of_accounts(connection: Connection, facts: ConnectionFacts, ids: list[int]) -> Iterator[LocalEdit]:
    for row in connection.execute(_accounts(facts.id).where(ACCOUNTS.c.id.in_(ids))).all():
        person, held = _person(row.payload), account_held(row[7:-1])
        name = ", ".join(part for part in (held["last_name"], held["first_name"]) if part) or row.username
        of_record = (RecordKind.ACCOUNT, row.id, row.source_id, str(person.role), row.school, name)
        if row.archived_at is not None:
            if row.archived_by_sync is None and not person.archived:
                yield LocalEdit(*of_record, ARCHIVED, last=False, here=True, sis=False)
            continue
        written, incoming = decode_values(row.written), account_values(person, facts.options, facts.places)
        found = difference(incoming, held, written, facts.options.blanks)
        yield from (LocalEdit(*of_record, *values) for values in _differing(found, held, written))


def _of_classes(connection: Connection, facts: ConnectionFacts, ids: list[int]) -> Iterator[LocalEdit]:
    rows = connection.execute(_classes(facts.id).where(CLASSES.c.id.in_(ids))).all()
    people = _members(connection, facts.id, [row.id for row in rows])
    records = [(row, _section(row.payload), decode_values(row.written)) for row in rows]
    teaching = {each for _, section, written in records for each in (*section.teachers, *written.get(TEACHERS, ()))}
    active = _active(connection, facts.id, teaching)
    for row, section, written in records:
        held = class_held(row[7:])
        name = held["name"] or f"Class {row.id}"
        of_record = (RecordKind.CLASS, row.id, row.source_id, "section", row.school, name)
        if row.archived_at is not None:
            if row.archived_by_sync is None and not section.archived:
                yield LocalEdit(*of_record, ARCHIVED, last=False, here=True, sis=False)
            continue
        incoming = class_values(section, facts.places)
        if facts.options.ignore_name_edits:
            incoming.pop("name")
        found = difference(incoming, held, written, facts.options.blanks)
        yield from (LocalEdit(*of_record, *values) for values in _differing(found, held, written))
        yield from _of_roster(of_record, section, people.get(row.id, []), written, active)


def _differing(found: Difference, held: Values, written: Values) -> Iterator[tuple[str, Any, Any, Any, bool]]:
    """(field, last, here, sis, both)."""
    for name, value in found.kept.items():
        yield name, written.get(name), held.get(name), value, False
    for name, (last, here, value) in found.both.items():
        yield name, last, here, value, True


class _Member(msgspec.Struct, frozen=True):
    """Somebody's place in a class, as the portal has it."""

    account_id: int
    source_id: str
    """Blank for somebody whom the connection does not list."""
    position: int
    ended_by: int | None

    @property
    def is_in(self) -> bool:
        return self.ended_by is None

    @property
    def name(self) -> str:
        return self.source_id or f"account {self.account_id}"


def _of_roster(
    of_record: tuple[RecordKind, int, str, str, str, str],
    section: Section,
    members: list[_Member],
    written: Values,
    active: AbstractSet[str],
) -> Iterator[LocalEdit]:
    last = [source_id for source_id in written.get(TEACHERS, ()) if source_id in active]
    here = _teachers(members)
    sis = [source_id for source_id in section.teachers if source_id in active]
    if here not in (last, sis):
        _, asks = lineup(here, last, sis, {*sis} - {*last}, {*last} - {*sis})
        yield LocalEdit(*of_record, TEACHERS, last, here, sis, both=asks and last != sis)
    attended, listed = set(written.get(STUDENTS, [])), set(section.students)
    for each in members:
        if not each.source_id or (each.position < Membership.STUDENT and each.is_in):
            continue
        was, says = each.source_id in attended, each.source_id in listed
        # Only a person ends a place with 0; what is in without having been written was put in by a person.
        by_hand = not was if each.is_in else was and each.ended_by == 0
        if by_hand and was == says:
            yield LocalEdit(
                *of_record, STUDENTS, was, each.is_in, says, member=each.source_id, member_id=each.account_id
            )


def _members(connection: Connection, connection_id: int, class_ids: list[int]) -> dict[int, list[_Member]]:
    """Everybody with an active account who is or was in a class, teachers in order."""
    link = and_(ACCOUNT_LINKS.c.account_id == MEMBERSHIPS.c.account_id, ACCOUNT_LINKS.c.connection_id == connection_id)
    statement = (
        select(
            MEMBERSHIPS.c.class_id,
            MEMBERSHIPS.c.account_id,
            ACCOUNT_LINKS.c.source_id,
            MEMBERSHIPS.c.position,
            MEMBERSHIPS.c.ended_by_sync,
        )
        .select_from(
            MEMBERSHIPS.join(ACCOUNTS, ACCOUNTS.c.id == MEMBERSHIPS.c.account_id).outerjoin(ACCOUNT_LINKS, link)
        )
        .where(MEMBERSHIPS.c.class_id.in_(class_ids), ACCOUNTS.c.archived_at.is_(None))
        .order_by(MEMBERSHIPS.c.class_id, MEMBERSHIPS.c.position, MEMBERSHIPS.c.account_id)
    )
    found: dict[int, list[_Member]] = {}
    for class_id, account_id, source_id, position, ended in connection.execute(statement):
        found.setdefault(class_id, []).append(_Member(account_id, source_id or "", position, ended))
    return found


def teaching_by_hand(connection: Connection, connection_id: int, class_ids: Sequence[int]) -> dict[int, list[str]]:
    """Who teaches those of the classes whose teachers a person changed, in their order, named as in ``LocalEdit.field``."""
    statement = select(HandEdit.record_id).where(
        HandEdit.record == RecordKind.CLASS, HandEdit.field == TEACHERS, HandEdit.record_id.in_(class_ids)
    )
    edited = list(connection.scalars(statement))
    people = _members(connection, connection_id, edited) if edited else {}
    return {class_id: _teachers(people.get(class_id, ())) for class_id in edited}


def _teachers(members: Iterable[_Member]) -> list[str]:
    return [each.name for each in members if each.is_in and each.position < Membership.STUDENT]


def _active(connection: Connection, connection_id: int, source_ids: AbstractSet[str]) -> frozenset[str]:
    """Those of the people who have an active account."""
    statement = (
        select(ACCOUNT_LINKS.c.source_id)
        .join(ACCOUNTS, ACCOUNTS.c.id == ACCOUNT_LINKS.c.account_id)
        .where(ACCOUNT_LINKS.c.connection_id == connection_id, ACCOUNTS.c.archived_at.is_(None))
    )
    found = (connection.scalars(statement.where(ACCOUNT_LINKS.c.source_id.in_(some))) for some in chunks(source_ids))
    return frozenset(source_id for some in found for source_id in some)


def _accounts(connection_id: int) -> Select[*tuple[Any, ...]]:
    """Linked accounts whose person is listed: seven columns, then ``account_columns``."""
    link = and_(ACCOUNT_LINKS.c.connection_id == connection_id, ACCOUNT_LINKS.c.account_id == ACCOUNTS.c.id)
    listed = and_(
        PEOPLE.c.connection_id == connection_id,
        PEOPLE.c.source_id == ACCOUNT_LINKS.c.source_id,
        PEOPLE.c.in_scope,
        PEOPLE.c.gone_in_sync.is_(None),
    )
    columns = (
        ACCOUNTS.c.id,
        PEOPLE.c.source_id,
        PEOPLE.c.school,
        type_coerce(PEOPLE.c.payload, Text).label("payload"),
        type_coerce(ACCOUNT_LINKS.c.written, Text).label("written"),
        ACCOUNTS.c.archived_at,
        ACCOUNTS.c.archived_by_sync,
    )
    tables = ACCOUNTS.join(ACCOUNT_LINKS, link).join(PEOPLE, listed)
    return select(*columns, *account_columns(), ACCOUNTS.c.username).select_from(tables).order_by(ACCOUNTS.c.id)


def _classes(connection_id: int) -> Select[*tuple[Any, ...]]:
    """As ``_accounts``, of classes and their sections; the columns of the class come after seven."""
    link = and_(CLASS_LINKS.c.connection_id == connection_id, CLASS_LINKS.c.class_id == CLASSES.c.id)
    listed = and_(
        SECTIONS.c.connection_id == connection_id,
        SECTIONS.c.source_id == CLASS_LINKS.c.source_id,
        SECTIONS.c.in_scope,
        SECTIONS.c.gone_in_sync.is_(None),
    )
    columns = (
        CLASSES.c.id,
        SECTIONS.c.source_id,
        SECTIONS.c.school,
        type_coerce(SECTIONS.c.payload, Text).label("payload"),
        type_coerce(CLASS_LINKS.c.written, Text).label("written"),
        CLASSES.c.archived_at,
        CLASSES.c.archived_by_sync,
    )
    tables = CLASSES.join(CLASS_LINKS, link).join(SECTIONS, listed)
    return select(*columns, *class_columns()).select_from(tables).order_by(CLASSES.c.id)
