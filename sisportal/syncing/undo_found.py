"""What undo finds: the applied actions of a sync, newest first, and their accounts and classes as they are now."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import msgspec
from sqlalchemy import Connection, Engine, Table, Text, select, type_coerce

from sisportal.models import ActionState, Membership, SisConnection, Sync, SyncState
from sisportal.roster.fields import Values
from sisportal.syncing.actions import ACTIONS
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
from sisportal.syncing.links import Link
from sisportal.syncing.rows import chunks
from sisportal.syncing.undo_log import Log

AT_ONCE = 1_000
COMMITTED = (SyncState.COMMITTED, SyncState.PARTLY_COMMITTED, SyncState.COMMITTING)
_IN_JSON = ("before", "after", "roster")


class Undone(msgspec.Struct, frozen=True):
    """An action that was applied, as its undo sees it."""

    id: int
    type: str
    verb: str
    source_id: str
    school: str
    label: str
    search: str
    target_id: int
    state: str
    before: Values
    after: Values
    roster: dict[str, list[str]]
    log: Log | None
    """None: nothing was kept, because nothing had to be or because an older version applied it."""

    @property
    def collection(self) -> str:
        """``people`` or ``sections``."""
        return "sections" if self.type == "section" else "people"

    @property
    def applied(self) -> bool:
        """Whether it wrote the fields of its record: not where the record was like that already."""
        return self.state == ActionState.APPLIED


class Found(msgspec.Struct):
    """An account or class as it is now."""

    id: int
    values: Values
    """Its synced fields and ``archived``; of a class its ``style``, too."""
    archived_by: int | None
    username: str = ""
    """Of an account."""
    links: dict[str, Link] = {}
    """Of this connection, by ``source_id``."""


def undone_actions(engine: Engine, sync_id: int, size: int = AT_ONCE) -> Iterator[list[Undone]]:
    """The actions of a sync that changed something, newest first, some at a time."""
    decode = msgspec.json.Decoder(Log).decode
    columns = [
        type_coerce(ACTIONS.c[name], Text) if name in _IN_JSON else ACTIONS.c[name]
        for name in Undone.__struct_fields__
        if name != "log"
    ]
    statement = select(*columns, type_coerce(ACTIONS.c.undo, Text)).where(
        ACTIONS.c.sync_id == sync_id,
        ACTIONS.c.state.in_([ActionState.APPLIED, ActionState.ALREADY_SO]),
        ACTIONS.c.target_id.is_not(None),
    )
    last: int | None = None
    while True:
        older = statement if last is None else statement.where(ACTIONS.c.id < last)
        with engine.connect() as connection:
            rows = connection.execute(older.order_by(ACTIONS.c.id.desc()).limit(size)).all()
        if not rows:
            return
        last = rows[-1][0]
        yield [_undone(row, decode) for row in rows]


def _undone(row: Sequence[Any], decode: Callable[[str], Log]) -> Undone:
    before, after, roster = (decode_values(text) for text in row[9:12])
    id_, type_, verb, source_id, school, label, search, target_id, state = row[:9]
    log = decode(row[12]) if row[12] else None
    return Undone(id_, type_, verb, source_id, school, label, search, target_id, state, before, after, roster, log)


def undoing(connection: Connection, sync_id: int) -> set[int]:
    """The committed undos of a sync."""
    statement = select(Sync.id).where(Sync.undoes_id == sync_id, Sync.state.in_(COMMITTED))
    return set(connection.scalars(statement))


def undone_by(connection: Connection, sync_ids: list[int]) -> dict[int, int]:
    """Sync -> its newest undo that was committed, of those that have one."""
    statement = select(Sync.undoes_id, Sync.id).where(Sync.undoes_id.in_(sync_ids), Sync.state.in_(COMMITTED))
    return {row[0]: row[1] for row in connection.execute(statement.order_by(Sync.id)) if row[0] is not None}


def find_accounts(
    connection: Connection, connection_id: int, ids: Iterable[int], *, lock: bool = False
) -> dict[int, Found]:
    """Accounts by id, locked where the database can and ``lock`` says so."""
    columns = (
        ACCOUNTS.c.id, ACCOUNTS.c.archived_at, ACCOUNTS.c.archived_by_sync, ACCOUNTS.c.username, *account_columns()
    )  # fmt: skip
    found: dict[int, Found] = {}
    for some in chunks(ids, AT_ONCE):
        statement = select(*columns).where(ACCOUNTS.c.id.in_(some))
        for row in connection.execute(statement.with_for_update() if lock else statement).all():
            found[row[0]] = Found(row[0], account_held(row[4:]) | {"archived": row[1] is not None}, row[2], row[3], {})
    return _with_links(connection, connection_id, ACCOUNT_LINKS, found)


def find_classes(
    connection: Connection, connection_id: int, ids: Iterable[int], *, lock: bool = False
) -> dict[int, Found]:
    """As ``find_accounts``, of classes."""
    columns = (CLASSES.c.id, CLASSES.c.archived_at, CLASSES.c.archived_by_sync, CLASSES.c.style, *class_columns())
    found: dict[int, Found] = {}
    for some in chunks(ids, AT_ONCE):
        statement = select(*columns).where(CLASSES.c.id.in_(some))
        for row in connection.execute(statement.with_for_update() if lock else statement).all():
            values = class_held(row[4:]) | {"archived": row[1] is not None, "style": row[3]}
            found[row[0]] = Found(row[0], values, row[2], "", {})
    return _with_links(connection, connection_id, CLASS_LINKS, found)


def linked_targets(
    connection: Connection, connection_id: int, table: Table, source_ids: Iterable[str]
) -> dict[str, int]:
    """Which accounts or classes some ids of the SIS are linked to; ``table``: ``ACCOUNT_LINKS`` or ``CLASS_LINKS``."""
    target = table.c.account_id if table is ACCOUNT_LINKS else table.c.class_id
    found: dict[str, int] = {}
    for some in chunks(source_ids, AT_ONCE):
        mine = (table.c.connection_id == connection_id, table.c.source_id.in_(some))
        found.update((row[0], row[1]) for row in connection.execute(select(table.c.source_id, target).where(*mine)))
    return found


def places_of(connection: Connection, class_ids: Iterable[int]) -> dict[int, dict[int, tuple[int, int | None]]]:
    """Class -> account -> (position, ``ended_by_sync``) of every place, those that ended included."""
    columns = (MEMBERSHIPS.c.class_id, MEMBERSHIPS.c.account_id, MEMBERSHIPS.c.position, MEMBERSHIPS.c.ended_by_sync)
    found: dict[int, dict[int, tuple[int, int | None]]] = {}
    for some in chunks(class_ids, AT_ONCE):
        for row in connection.execute(select(*columns).where(MEMBERSHIPS.c.class_id.in_(some))):
            found.setdefault(row[0], {})[row[1]] = (row[2], row[3])
    return found


def kind_of(connection: Connection, connection_id: int) -> str:
    """The kind of a connection."""
    return connection.scalars(select(SisConnection.kind).where(SisConnection.id == connection_id)).one()


def undone_id_of(connection: Connection, undo_id: int) -> int:
    """The sync that an undo takes back."""
    return connection.scalars(select(Sync.undoes_id).where(Sync.id == undo_id, Sync.undoes_id.is_not(None))).one() or 0


def depth(connection: Connection, sync_id: int) -> int:
    """0 of a sync that read the SIS, 1 of its undo, 2 of the undo of that."""
    steps = 0
    while (below := connection.scalar(select(Sync.undoes_id).where(Sync.id == sync_id))) is not None:
        steps, sync_id = steps + 1, below
    return steps


def _with_links(connection: Connection, connection_id: int, table: Table, found: dict[int, Found]) -> dict[int, Found]:
    target = table.c.account_id if table is ACCOUNT_LINKS else table.c.class_id
    columns = (
        table.c.source_id, target, type_coerce(table.c.written, Text), table.c.written_fingerprint,
        type_coerce(table.c.released, Text),
    )  # fmt: skip
    for some in chunks(found, AT_ONCE):
        statement = select(*columns).where(table.c.connection_id == connection_id, target.in_(some))
        for row in connection.execute(statement):
            found[row[1]].links[row[0]] = Link(*row)
    return found


STUDENT = Membership.STUDENT
