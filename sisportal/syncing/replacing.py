"""An id of the SIS that is somebody else now: the account that had it makes way for a new one (SPEC 6.3)."""

from typing import Any

import msgspec
from sqlalchemy import Connection, Text, delete, select, type_coerce

from sisportal.syncing import browser_sessions
from sisportal.syncing.held import ACCOUNT_LINKS, ACCOUNTS, CLASS_LINKS, MEMBERSHIPS
from sisportal.syncing.rows import Row, insert_rows, update_rows


def make_way(
    connection: Connection, connection_id: int, sync_id: int, now: Any, replaced: list[tuple[str, int, int]]
) -> dict[str, dict[str, Any]]:
    """Archive accounts, take their links off, and give their places in synced classes to the new accounts.

    ``replaced``: (``source_id``, old account, new account); ``now`` as the driver takes it. Gives what undo needs
    (``Log.replaced``), by ``source_id``.
    """
    archived: list[Row] = []
    logs: dict[str, dict[str, Any]] = {}
    for source_id, old, new in replaced:
        mine = (ACCOUNT_LINKS.c.connection_id == connection_id, ACCOUNT_LINKS.c.source_id == source_id)
        link = connection.execute(
            select(type_coerce(ACCOUNT_LINKS.c.written, Text), ACCOUNT_LINKS.c.written_fingerprint).where(*mine)
        ).one()
        connection.execute(delete(ACCOUNT_LINKS).where(*mine))
        classes = _hand_over_places(connection, connection_id, sync_id, old, new)
        logs[source_id] = {
            "account": old,
            "link": [source_id, msgspec.Raw(link[0].encode()), link[1]],
            "classes": classes,
        }
        archived.append((now, sync_id, sync_id, old))
    update_rows(connection, ACCOUNTS, ("archived_at", "archived_by_sync", "changed_by_sync"), ("id",), archived)
    browser_sessions.end_all(connection, (row[-1] for row in archived))
    return logs


def _hand_over_places(connection: Connection, connection_id: int, sync_id: int, old: int, new: int) -> list[int]:
    """Ids of the classes whose places were handed over."""
    synced = select(CLASS_LINKS.c.class_id).where(CLASS_LINKS.c.connection_id == connection_id)
    places = connection.execute(
        select(MEMBERSHIPS.c.class_id, MEMBERSHIPS.c.position).where(
            MEMBERSHIPS.c.account_id == old, MEMBERSHIPS.c.ended_by_sync.is_(None), MEMBERSHIPS.c.class_id.in_(synced)
        )
    ).all()
    ended: list[Row] = [(sync_id, row.class_id, old) for row in places]
    update_rows(connection, MEMBERSHIPS, ("ended_by_sync",), ("class_id", "account_id"), ended)
    begun: list[Row] = [(row.class_id, new, row.position) for row in places]
    insert_rows(connection, MEMBERSHIPS, ("class_id", "account_id", "position"), begun)
    return [row.class_id for row in places]
