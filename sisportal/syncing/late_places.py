"""Places in classes of people whose accounts come later than the classes: held at a sync's first commit, released for the next.

The first commit put them into no class and warned of that; the warnings tell who is to be where. Teachers wait for the
next sync, which knows their order.
"""

from typing import Any

import msgspec
from sqlalchemy import Connection, Row, Select, Text, and_, delete, select, tuple_, type_coerce

from sisportal.models import ActionState, Membership, SyncWarning
from sisportal.syncing.actions import ACTIONS
from sisportal.syncing.class_members import BY_A_PERSON
from sisportal.syncing.held import ACCOUNT_LINKS, ACCOUNTS, CLASS_LINKS, MEMBERSHIPS, decode_values
from sisportal.syncing.outcomes import Ledger
from sisportal.syncing.rows import Row as Tuple
from sisportal.syncing.rows import chunks, insert_rows, json_text, update_rows
from sisportal.syncing.undo_log import Moved, read_logs

AT_ONCE = 1_000
CODES = ("unticked-in-roster", "no-account-in-roster")


def fill_late(ledger: Ledger, connection_id: int) -> None:
    """Put whoever has an account by now into the classes that were written without them. Safe to repeat."""
    last = 0
    while True:
        with ledger.transaction() as connection:
            found = connection.execute(_left_out(ledger.sync_id, connection_id, last)).all()
            if not found:
                return
            _put_in(connection, connection_id, [row for row in found if _is_due(row)])
        last = found[-1].id


def _left_out(sync_id: int, connection_id: int, last: int) -> Select[*tuple[Any, ...]]:
    link = and_(ACCOUNT_LINKS.c.connection_id == connection_id, ACCOUNT_LINKS.c.source_id == SyncWarning.value)
    return (
        select(
            SyncWarning.id, SyncWarning.value.label("person"), ACTIONS.c.id.label("action_id"), ACTIONS.c.source_id,
            ACTIONS.c.target_id, ACTIONS.c.roster, ACTIONS.c.after, ACCOUNT_LINKS.c.account_id,
        )
        .join(ACTIONS, ACTIONS.c.id == SyncWarning.action_id)
        .join(ACCOUNT_LINKS, link)
        .join(ACCOUNTS, ACCOUNTS.c.id == ACCOUNT_LINKS.c.account_id)
        .where(SyncWarning.sync_id == sync_id, SyncWarning.stage == "commit", SyncWarning.code.in_(CODES))
        .where(ACTIONS.c.state.in_((ActionState.APPLIED, ActionState.ALREADY_SO)), ACTIONS.c.target_id.is_not(None))
        .where(ACCOUNTS.c.archived_at.is_(None), SyncWarning.id > last)
        .order_by(SyncWarning.id)
        .limit(AT_ONCE)
    )  # fmt: skip


def _is_due(row: Row[Any]) -> bool:
    """Whether a person joins as a student, and nobody unticked the place."""
    return row.person not in row.roster.get("unticked", ()) and row.person not in row.after.get("teachers", ())


def _put_in(connection: Connection, connection_id: int, due: list[Row[Any]]) -> None:
    places = _places(connection, due)
    added: list[Tuple] = []
    back: list[Tuple] = []
    joined: dict[str, list[str]] = {}
    moved: dict[int, list[Moved]] = {}
    for row in due:
        key = (row.target_id, row.account_id)
        before = places.get(key)
        if before is not None and before[1] in {None, BY_A_PERSON}:
            continue
        if before is None:
            added.append((*key, Membership.STUDENT))
        else:
            back.append((Membership.STUDENT, None, *key))
        joined.setdefault(row.source_id, []).append(row.person)
        moved.setdefault(row.action_id, []).append([*key, row.person, before, [Membership.STUDENT, None]])
    insert_rows(connection, MEMBERSHIPS, ("class_id", "account_id", "position"), added)
    update_rows(connection, MEMBERSHIPS, ("position", "ended_by_sync"), ("class_id", "account_id"), back)
    _note_written(connection, connection_id, joined)
    _keep(connection, moved)
    for some in chunks([row.id for row in due]):
        connection.execute(delete(SyncWarning).where(SyncWarning.id.in_(some)))


def _places(connection: Connection, due: list[Row[Any]]) -> dict[tuple[int, int], list[int | None]]:
    """(class, account) -> position and ``ended_by_sync``, of those who had a place."""
    key = tuple_(MEMBERSHIPS.c.class_id, MEMBERSHIPS.c.account_id)
    columns = (MEMBERSHIPS.c.class_id, MEMBERSHIPS.c.account_id, MEMBERSHIPS.c.position, MEMBERSHIPS.c.ended_by_sync)
    found: dict[tuple[int, int], list[int | None]] = {}
    for some in chunks([(row.target_id, row.account_id) for row in due], 400):
        for row in connection.execute(select(*columns).where(key.in_(some))):
            found[row[0], row[1]] = [row[2], row[3]]
    return found


def _note_written(connection: Connection, connection_id: int, joined: dict[str, list[str]]) -> None:
    """Note the people as last written of the classes."""
    columns = (CLASS_LINKS.c.source_id, type_coerce(CLASS_LINKS.c.written, Text))
    rows: list[Tuple] = []
    for some in chunks(joined, 400):
        mine = (CLASS_LINKS.c.connection_id == connection_id, CLASS_LINKS.c.source_id.in_(some))
        for source_id, text in connection.execute(select(*columns).where(*mine)):
            written = decode_values(text)
            students = list(dict.fromkeys([*written.get("students", ()), *joined[source_id]]))
            rows.append((json_text(written | {"students": students}), connection_id, source_id))
    update_rows(connection, CLASS_LINKS, ("written",), ("connection_id", "source_id"), rows)


def _keep(connection: Connection, moved: dict[int, list[Moved]]) -> None:
    """Add the places to what the classes' actions keep for their undo; not of a new class, which goes as a whole."""
    logs = read_logs(connection, moved)
    rows: list[Tuple] = []
    for action_id, places in moved.items():
        log = logs.get(action_id)
        if log is not None and log.link is not msgspec.UNSET:
            rows.append((json_text(msgspec.structs.replace(log, places=[*log.places, *places])), action_id))
    update_rows(connection, ACTIONS, ("undo",), ("id",), rows)
