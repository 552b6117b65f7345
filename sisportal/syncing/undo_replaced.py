"""The account that had made way for another one of the same id: an undo gives it its id and places back (SPEC 6.3, 7)."""

from typing import Any

import msgspec
from sqlalchemy import Connection, Text, delete, select, type_coerce

from sisportal.syncing import browser_sessions
from sisportal.syncing.held import ACCOUNT_LINKS, ACCOUNTS, MEMBERSHIPS
from sisportal.syncing.rows import Row, insert_rows, json_text, update_rows
from sisportal.syncing.undo_log import Log, Moved

_FATES = ("archived_at", "archived_by_sync", "changed_by_sync")
_LINK = ("connection_id", "source_id", "account_id", "written", "written_fingerprint")


def give_back(
    connection: Connection, connection_id: int, undo_id: int, new: int, replaced: dict[str, Any], log: Log
) -> None:
    """The older account is active again, with its link and its places; ``log`` keeps what that changed.

    The newer one has lost its link by now. ``replaced``: ``Log.replaced`` of the action that is taken back.
    """
    old, (source_id, written, mark) = replaced["account"], replaced["link"]
    update_rows(connection, ACCOUNTS, _FATES, ("id",), [(None, None, undo_id, old)])
    insert_rows(connection, ACCOUNT_LINKS, _LINK, [(connection_id, source_id, old, json_text(written), mark)])
    moved = [*_moved(connection, replaced["classes"], new, source_id, undo_id, ends=True)]
    moved += _moved(connection, replaced["classes"], old, source_id, undo_id, ends=False)
    rows: list[Row] = [(each[4][1], each[0], each[1]) for each in moved]
    update_rows(connection, MEMBERSHIPS, ("ended_by_sync",), ("class_id", "account_id"), rows)
    log.replaced = replaced
    log.places = [*log.places, *moved]


def take_away(
    connection: Connection, connection_id: int, undo_id: int, now: Any, old: int, classes: list[int]
) -> dict[str, Any]:
    """The older account makes way again; ``Log.replaced`` of that. ``now`` as the driver takes it."""
    mine = (ACCOUNT_LINKS.c.connection_id == connection_id, ACCOUNT_LINKS.c.account_id == old)
    columns = (
        ACCOUNT_LINKS.c.source_id,
        type_coerce(ACCOUNT_LINKS.c.written, Text),
        ACCOUNT_LINKS.c.written_fingerprint,
    )
    row = connection.execute(select(*columns).where(*mine)).one()
    connection.execute(delete(ACCOUNT_LINKS).where(*mine))
    update_rows(connection, ACCOUNTS, _FATES, ("id",), [(now, undo_id, undo_id, old)])
    browser_sessions.end_all(connection, [old])
    return {"account": old, "link": [row[0], msgspec.Raw(row[1].encode()), row[2]], "classes": classes}


def _moved(
    connection: Connection, classes: list[int], account: int, source_id: str, undo_id: int, *, ends: bool
) -> list[Moved]:
    """The places of an account in these classes, to be ended or begun again."""
    columns = (MEMBERSHIPS.c.class_id, MEMBERSHIPS.c.position, MEMBERSHIPS.c.ended_by_sync)
    there = MEMBERSHIPS.c.ended_by_sync.is_(None) if ends else MEMBERSHIPS.c.ended_by_sync.is_not(None)
    statement = select(*columns).where(MEMBERSHIPS.c.account_id == account, MEMBERSHIPS.c.class_id.in_(classes), there)
    return [
        [row[0], account, source_id, [row[1], row[2]], [row[1], undo_id if ends else None]]
        for row in connection.execute(statement.order_by(MEMBERSHIPS.c.class_id)).all()
    ]
