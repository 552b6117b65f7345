"""Releasing pins: the next prepare proposes what the SIS says, to be reviewed like any other change (SPEC 6.6).

Nothing of the portal changes here. What was last written is noted as if it were what the portal holds, so that the
comparison finds a change of the SIS alone; what it was is kept, for who edits the field again (``syncing.released``).
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from itertools import groupby
from typing import Any

import msgspec
from sqlalchemy import (
    ColumnElement,
    Connection,
    Engine,
    Row,
    Table,
    Text,
    and_,
    bindparam,
    delete,
    select,
    type_coerce,
    update,
)

from sisportal.models import HandEdit, Pin, RecordKind, SisConnection, Sync, SyncState
from sisportal.models.database import writing
from sisportal.roster.fields import Values
from sisportal.syncing import notices
from sisportal.syncing.held import ACCOUNT_LINKS, ACCOUNTS, CLASS_LINKS, CLASSES, decode_values
from sisportal.syncing.local_edits import ARCHIVED, STUDENTS, TEACHERS
from sisportal.syncing.mirror import PEOPLE, SECTIONS
from sisportal.syncing.pins import PINS, PinFilter, conditions
from sisportal.syncing.released import mark, was_written
from sisportal.syncing.review import Who
from sisportal.syncing.rows import chunks, json_text, update_rows
from sisportal.syncing.states import NotAllowed

AT_ONCE = 1_000
RELEASED = 0
"""``archived_by_sync`` of a record that a person archived and may be revived: no sync has this number."""


def release(engine: Engine, connection_id: int, pin_ids: Sequence[int], who: Who, now: datetime) -> int:
    """Release these pins of a connection; how many. Raises ``NotAllowed`` while one of its syncs is committed."""
    with writing(engine).begin() as connection:
        released = _release(connection, connection_id, [PINS.c.id.in_(pin_ids)])
        if released:
            of_one = {"label": released[0].label, "field": released[0].field} if len(released) == 1 else {}
            _record(connection, connection_id, len(released), who, now, **of_one)
    return len(released)


def release_matching(engine: Engine, connection_id: int, chosen: PinFilter, who: Who, now: datetime) -> int:
    """Release every pin that ``chosen`` finds, all where it narrows nothing; how many. Raises as ``release`` does."""
    with writing(engine).begin() as connection:
        number = len(_release(connection, connection_id, conditions(connection_id, chosen)))
        if number:
            words = {name: value for name, value in msgspec.structs.asdict(chosen).items() if value}
            _record(connection, connection_id, number, who, now, matching=words)
    return number


def _record(connection: Connection, connection_id: int, number: int, who: Who, now: datetime, **details: Any) -> None:
    kind = connection.scalars(select(SisConnection.kind).where(SisConnection.id == connection_id)).one()
    notices.record(
        connection, "pins-released", str(kind), now, actor=who.name, actor_id=who.id, address=who.address,
        pins=number, **details,
    )  # fmt: skip


def _release(connection: Connection, connection_id: int, which: list[ColumnElement[bool]]) -> list[Row[Any]]:
    _refuse_while_committing(connection, connection_id)
    order = (PINS.c.record, PINS.c.record_id, PINS.c.id)
    statement = select(PINS).where(PINS.c.connection_id == connection_id, *which).order_by(*order)
    rows = list(connection.execute(statement))
    for record, of_kind in groupby(rows, key=lambda row: RecordKind(row.record)):
        some = list(of_kind)
        _rewrite(connection, connection_id, record, some)
        _forget(connection, connection_id, record, some)
    for ids in chunks([row.id for row in rows], AT_ONCE):
        connection.execute(delete(Pin).where(Pin.id.in_(ids)))
    return rows


def _refuse_while_committing(connection: Connection, connection_id: int) -> None:
    """A commit writes what was last written itself. No claim of the connection begins before this transaction ends."""
    connection.execute(select(SisConnection.id).where(SisConnection.id == connection_id).with_for_update())
    running = select(Sync.id).where(Sync.connection_id == connection_id, Sync.state == SyncState.COMMITTING)
    if (sync_id := connection.scalar(running.limit(1))) is not None:
        raise NotAllowed(f"Sync {sync_id} is being committed. Release the pins when it is done.")


def _rewrite(connection: Connection, connection_id: int, record: RecordKind, pins: list[Row[Any]]) -> None:
    links, mirrored, target = _tables(record)
    mine = links.c.connection_id == connection_id
    for some in chunks((list(group) for _, group in groupby(pins, key=lambda row: row.source_id)), AT_ONCE):
        of = {group[0].source_id: group for group in some}
        written = select(
            links.c.source_id, type_coerce(links.c.written, Text), type_coerce(links.c.released, Text)
        ).where(mine, links.c.source_id.in_(of))
        rows: list[tuple[Any, ...]] = []
        for source_id, text, earlier in connection.execute(written):
            last = decode_values(text)
            released = _released(last, of[source_id]) | (decode_values(earlier) if earlier else {})
            rows.append((json_text(_as_held(last, of[source_id])), None, json_text(released), connection_id, source_id))
        columns, keys = ("written", "written_fingerprint", "released"), ("connection_id", "source_id")
        update_rows(connection, links, columns, keys, rows)
        listed = (mirrored.c.connection_id == connection_id, mirrored.c.source_id.in_(of))
        connection.execute(update(mirrored).where(*listed).values(pending=True))
        archived = [group[0].record_id for group in some if any(pin.field == ARCHIVED for pin in group)]
        by_hand = (target.c.id.in_(archived), target.c.archived_by_sync.is_(None), target.c.archived_at.is_not(None))
        connection.execute(update(target).where(*by_hand).values(archived_by_sync=RELEASED))


def _tables(record: RecordKind) -> tuple[Table, Table, Table]:
    """Links, mirror, and the records themselves."""
    return (ACCOUNT_LINKS, PEOPLE, ACCOUNTS) if record is RecordKind.ACCOUNT else (CLASS_LINKS, SECTIONS, CLASSES)


def _released(written: Values, pins: Iterable[Row[Any]]) -> Values:
    """What was last written of the pinned fields, to be found again (``syncing.released``)."""
    named = ((pin.field, pin.member) for pin in pins if pin.field != ARCHIVED)
    return {mark(field, member): was_written(written, field, member) for field, member in named}


def _as_held(written: Values, pins: Iterable[Row[Any]]) -> Values:
    """What was last written of a record, with the pinned fields as the portal holds them."""
    values = dict(written)
    for pin in pins:
        if pin.field == STUDENTS:
            students = [source_id for source_id in values.get(STUDENTS, ()) if source_id != pin.member]
            values[STUDENTS] = [*students, pin.member] if pin.here else students
        elif pin.field == TEACHERS:
            # Somebody without a link is no concern of the SIS and stays where they are.
            values[TEACHERS] = [name for name in pin.here if not name.startswith("account ")]
        elif pin.field != ARCHIVED:
            values[pin.field] = pin.here
    return values


def _forget(connection: Connection, connection_id: int, record: RecordKind, pins: list[Row[Any]]) -> None:
    """Who edited them: what is proposed and applied from now on is the SIS's."""
    accounts: dict[str, int] = {}
    for some in chunks({pin.member for pin in pins if pin.member}, AT_ONCE):
        linked = select(ACCOUNT_LINKS.c.source_id, ACCOUNT_LINKS.c.account_id)
        mine = (ACCOUNT_LINKS.c.connection_id == connection_id, ACCOUNT_LINKS.c.source_id.in_(some))
        accounts.update((row[0], row[1]) for row in connection.execute(linked.where(*mine)))
    key = and_(*(HandEdit.__table__.c[name] == bindparam(f"of_{name}") for name in ("record_id", "field", "member_id")))
    keys = [
        {"of_record_id": pin.record_id, "of_field": pin.field, "of_member_id": accounts.get(pin.member, 0)}
        for pin in pins
    ]
    connection.execute(delete(HandEdit).where(HandEdit.record == str(record), key), keys)
