"""Parent classes and their sessions: new classes of one organization, teacher and key come under one parent (option 7)."""

from collections import defaultdict

from sqlalchemy import Connection, exists, select, update

from sisportal.models import ActionState, SchoolClass, Source
from sisportal.syncing.actions import ACTIONS
from sisportal.syncing.held import CLASSES
from sisportal.syncing.outcomes import Ledger
from sisportal.syncing.rows import Row, chunks, insert_rows, reserve_ids, stored_moment, update_rows

_COPIED = ("name", "code", "subject", "grade", "style", "organization_id", "session_key", "search")
_INSERT = ("id", *_COPIED, "source", "is_parent", "changed_by_sync", "created_at")
_KEYS_AT_ONCE = 500


def arrange(ledger: Ledger) -> None:
    """Put the classes that this sync made under parents. Run again after a crash, it finds what is left to do."""
    added = select(ACTIONS.c.target_id).where(
        ACTIONS.c.sync_id == ledger.sync_id, ACTIONS.c.type == "section", ACTIONS.c.verb == "add",
        ACTIONS.c.state == ActionState.APPLIED,
    )  # fmt: skip
    new = select(CLASSES.c.session_key).where(
        CLASSES.c.id.in_(added), CLASSES.c.session_key != "", CLASSES.c.parent_id.is_(None)
    )
    with ledger.transaction() as connection:
        keys = sorted(set(connection.scalars(new).all()))
    for chunk in chunks(keys, _KEYS_AT_ONCE):
        with ledger.transaction() as connection:
            _arrange_keys(connection, chunk, ledger)


def settle(ledger: Ledger) -> None:
    """A parent whose last session left is archived with it; one that has a session again is active again."""
    child = SchoolClass.__table__.alias("child")
    has_session = exists().where(child.c.parent_id == CLASSES.c.id, child.c.archived_at.is_(None))
    parents = update(CLASSES).where(CLASSES.c.is_parent, CLASSES.c.source == Source.SYNC)
    marks = {"archived_by_sync": ledger.sync_id, "changed_by_sync": ledger.sync_id}
    with ledger.transaction() as connection:
        connection.execute(
            parents.where(CLASSES.c.archived_at.is_(None), ~has_session).values(archived_at=ledger.clock(), **marks)
        )
        revived = CLASSES.c.archived_by_sync.is_not(None) & has_session
        connection.execute(
            parents.where(revived).values(archived_at=None, archived_by_sync=None, changed_by_sync=ledger.sync_id)
        )


def _arrange_keys(connection: Connection, keys: list[str], ledger: Ledger) -> None:
    statement = select(CLASSES.c.id, CLASSES.c.is_parent, *(CLASSES.c[name] for name in _COPIED)).where(
        CLASSES.c.session_key.in_(keys), CLASSES.c.archived_at.is_(None), CLASSES.c.parent_id.is_(None)
    )
    parents: dict[str, int] = {}
    alone: dict[str, list[Row]] = defaultdict(list)
    for row in connection.execute(statement.order_by(CLASSES.c.id)).all():
        if row.is_parent:
            parents[row.session_key] = row.id
        else:
            alone[row.session_key].append(tuple(row))
    wanted = [key for key in keys if key not in parents and len(alone[key]) > 1]
    first = reserve_ids(connection, CLASSES, len(wanted))
    now = stored_moment(connection, ledger.clock())
    made: list[Row] = []
    for id_, key in enumerate(wanted, first):
        parents[key] = id_
        made.append((id_, *alone[key][0][2:], str(Source.SYNC), True, ledger.sync_id, now))
    insert_rows(connection, CLASSES, _INSERT, made)
    joins: list[Row] = [(parents[key], row[0]) for key in keys if key in parents for row in alone[key]]
    update_rows(connection, CLASSES, ("parent_id",), ("id",), joins)
