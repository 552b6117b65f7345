"""How far the daily sync of a connection has come: kept in the database, so that any clock may look (SPEC 8.3)."""

from datetime import datetime, time
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, insert, select, update

from sisportal.models import Schedule, SisConnection
from sisportal.syncing.settings import TIMEZONE, read_settings


def portal_zone(connection: Connection) -> ZoneInfo:
    """The time zone that daily syncs are set in."""
    return ZoneInfo(str(read_settings(connection)[TIMEZONE]))


def lock(connection: Connection, connection_id: int) -> None:
    """Let one transaction at a time deal with what runs by itself for this connection."""
    connection.execute(select(SisConnection.id).where(SisConnection.id == connection_id).with_for_update())


def read(connection: Connection, connection_id: int) -> Any:
    """The row of the connection's schedule; None where automatic sync was never set."""
    return connection.execute(select(Schedule.__table__).where(Schedule.connection_id == connection_id)).one_or_none()


def set_to(
    connection: Connection, connection_id: int, at: time | None, now: datetime, *, off_because: str = ""
) -> None:
    """Note that from now on the connection syncs daily at ``at``; None: not by itself.

    Its first run is the first one after ``now``, whatever ran before.
    """
    values = {
        "setting": _setting(at, portal_zone(connection)),
        "set_at": now,
        "handled_until": now,
        "restarts": 0,
        "off_because": off_because,
    }
    change(connection, connection_id, **values)


def change(connection: Connection, connection_id: int, **values: Any) -> None:
    """Write these columns of the connection's row, which is locked; make it where it is not there."""
    statement = update(Schedule).where(Schedule.connection_id == connection_id)
    if not connection.execute(statement.values(values)).rowcount:
        connection.execute(insert(Schedule).values(connection_id=connection_id, **values))


def current(connection: Connection, connection_id: int, at: time, now: datetime) -> Any:
    """The row for a daily sync at ``at``. A time or a zone that it was not set to counts as set now."""
    row = read(connection, connection_id)
    if row is None or row.setting != _setting(at, portal_zone(connection)):
        set_to(connection, connection_id, at, now)
        row = read(connection, connection_id)
    return row


def _setting(at: time | None, zone: ZoneInfo) -> str:
    return f"{at:%H:%M} {zone.key}" if at is not None else ""
