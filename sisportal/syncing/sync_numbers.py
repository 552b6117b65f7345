"""The numbers of syncs: none is given twice, for the audit log goes on naming those that were removed."""

from typing import Any

from sqlalchemy import Connection, func, insert, select

from sisportal.models import Sync
from sisportal.syncing.rows import insert_one, reserve_ids
from sisportal.syncing.settings import read_setting, write_setting

GIVEN = "highest-sync-given"
"""Setting: the highest number that a sync had when some were removed."""


def keep_highest(connection: Connection) -> None:
    """Remember the highest number so far: call it before syncs are removed.

    SQLite gives a number again whose row is gone, and PostgreSQL does after a restore.
    """
    write_setting(connection, GIVEN, max(_highest(connection), _given(connection)))


def insert_sync(connection: Connection, values: dict[str, Any]) -> int:
    """Insert a sync; its number, which no other had before."""
    given = _given(connection)
    if given <= _highest(connection):
        return insert_one(connection, Sync, values)
    number = reserve_ids(connection, Sync.metadata.tables[Sync.__tablename__], 1, after=given)
    connection.execute(insert(Sync).values(values | {"id": number}))
    return number


def _given(connection: Connection) -> int:
    return int(read_setting(connection, GIVEN, 0))


def _highest(connection: Connection) -> int:
    return connection.scalar(select(func.max(Sync.id))) or 0
