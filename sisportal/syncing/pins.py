"""Pins: fields in which the portal keeps a value of its own, told for one record and, stored, for lists (SPEC 6.6).

Whoever changes a record by hand calls ``edited`` in the same transaction; a prepare and a commit call ``refresh``.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import cast

import msgspec
from sqlalchemy import ColumnElement, Connection, Table, delete, select, tuple_, update

from sisportal.models import HandEdit, Pin, RecordKind, SisConnection
from sisportal.roster.text import folded, searchable
from sisportal.syncing.connections import ConnectionFacts, load
from sisportal.syncing.explaining import LABELS
from sisportal.syncing.held import ACCOUNTS, CLASSES
from sisportal.syncing.local_edits import STUDENTS, LocalEdit, local_edits
from sisportal.syncing.released import edited_again
from sisportal.syncing.review import Who
from sisportal.syncing.rows import AT_ONCE, Row, chunks, insert_rows, json_text, stored_moment

_EDITED_AT_ONCE = 400
PINS = cast(Table, Pin.__table__)
HAND_EDITS = cast(Table, HandEdit.__table__)
_COLUMNS = (
    "connection_id", "record", "record_id", "source_id", "type", "school", "label", "search", "field", "member", "last",
    "here", "sis", "both", "since", "editor",
)  # fmt: skip


class RecordPin(msgspec.Struct, frozen=True):
    """A pin of one record, with the connection whose value it hides."""

    kind: str
    """``clever``, ``oneroster`` or ``csv``."""
    edit: LocalEdit


class PinFilter(msgspec.Struct, frozen=True):
    """Which pins of a connection: every part that is set narrows the list."""

    search: str = ""
    field: str = ""
    type: str = ""
    school: str = ""
    """``source_id`` of the school."""
    both: bool = False
    """Only those that the SIS has changed since, too."""


def conditions(connection_id: int, chosen: PinFilter) -> list[ColumnElement[bool]]:
    """The conditions of the pins that ``chosen`` finds."""
    found: list[ColumnElement[bool]] = [PINS.c.connection_id == connection_id]
    found += [PINS.c[name] == value for name in ("field", "type", "school") if (value := getattr(chosen, name))]
    if chosen.both:
        found.append(PINS.c.both)
    return found + [PINS.c.search.contains(word, autoescape=True) for word in folded(chosen.search).split()]


def pins_of(connection: Connection, record: RecordKind, record_id: int) -> list[RecordPin]:
    """The pins of one account or class as they are now, for its page: field, values here and in the SIS, since when, who."""
    return [
        RecordPin(facts.kind, edit)
        for facts in _connections(connection)
        for edit in local_edits(connection, facts, record, [record_id])
    ]


def edited(
    connection: Connection,
    record: RecordKind,
    record_id: int,
    fields: Iterable[str],
    who: Who,
    now: datetime,
    *,
    members: Iterable[int] = (),
) -> None:
    """Note that a person changed these fields of a record by hand, and bring its pins up to date.

    Call it after the change, in its transaction. ``fields`` are those of ``roster.fields``; also ``archived``,
    and ``teachers`` of a class; ``members``: accounts put into a class or taken out of it as students.
    """
    table = ACCOUNTS if record is RecordKind.ACCOUNT else CLASSES
    connection.execute(update(table).where(table.c.id == record_id).values(edited_at=now))
    keys = [(field, 0) for field in fields] + [(STUDENTS, account_id) for account_id in members]
    for field, member_id in dict.fromkeys(keys):
        key = {"record": str(record), "record_id": record_id, "field": field, "member_id": member_id}
        same = [HAND_EDITS.c[name] == value for name, value in key.items()]
        connection.execute(delete(HAND_EDITS).where(*same))
        connection.execute(HAND_EDITS.insert().values(**key, edited_at=now, editor=who.name))
    edited_again(connection, record, {record_id: {field for field, _ in keys}}, [each for _, each in keys if each])
    refresh_records(connection, record, [record_id])


def edited_many(
    connection: Connection, record: RecordKind, fields: Mapping[int, Sequence[str]], who: Who, now: datetime
) -> None:
    """As ``edited``, for many records at once: an account or class, and the fields of it that a person changed."""
    table = ACCOUNTS if record is RecordKind.ACCOUNT else CLASSES
    for ids in chunks(sorted(fields), _EDITED_AT_ONCE):
        connection.execute(update(table).where(table.c.id.in_(ids)).values(edited_at=now))
        keys = [(id_, field) for id_ in ids for field in fields[id_]]
        for some in chunks(keys, _EDITED_AT_ONCE):
            same = tuple_(HAND_EDITS.c.record_id, HAND_EDITS.c.field).in_(some)
            connection.execute(
                delete(HAND_EDITS).where(HAND_EDITS.c.record == record, HAND_EDITS.c.member_id == 0, same)
            )
            of_all = {"record": str(record), "member_id": 0, "edited_at": now, "editor": who.name}
            connection.execute(HAND_EDITS.insert(), [of_all | {"record_id": key[0], "field": key[1]} for key in some])
        edited_again(connection, record, {id_: fields[id_] for id_ in ids})
        refresh_records(connection, record, ids)


def refresh_records(connection: Connection, record: RecordKind, record_ids: Sequence[int]) -> None:
    """Compare these accounts or classes anew and store their pins, for every connection."""
    for facts in _connections(connection):
        for some in chunks(record_ids, AT_ONCE):
            mine = (PINS.c.connection_id == facts.id, PINS.c.record == record, PINS.c.record_id.in_(some))
            connection.execute(delete(PINS).where(*mine))
            _store(connection, facts.id, local_edits(connection, facts, record, some))


def refresh(connection: Connection, facts: ConnectionFacts) -> None:
    """Compare everything that was edited by hand anew: pins whose values have become equal are gone."""
    connection.execute(delete(PINS).where(PINS.c.connection_id == facts.id))
    for record in RecordKind:
        _store(connection, facts.id, local_edits(connection, facts, record))


def _connections(connection: Connection) -> list[ConnectionFacts]:
    ids = connection.scalars(select(SisConnection.id).order_by(SisConnection.id)).all()
    return [load(connection, id_) for id_ in ids]


def _store(connection: Connection, connection_id: int, edits: Iterable[LocalEdit]) -> None:
    for some in chunks(edits, AT_ONCE):
        insert_rows(connection, PINS, _COLUMNS, [_row(connection, connection_id, each) for each in some])


def _row(connection: Connection, connection_id: int, edit: LocalEdit) -> Row:
    search = searchable(edit.label, edit.source_id, edit.member, LABELS.get(edit.field, edit.field), edit.editor)
    values = (json_text(edit.last), json_text(edit.here), json_text(edit.sis))
    of_record = (connection_id, str(edit.record), edit.record_id, edit.source_id, edit.type, edit.school, edit.label)
    since = stored_moment(connection, edit.since) if edit.since else None
    return (*of_record, search, edit.field, edit.member, *values, edit.both, since, edit.editor)
