"""An undo that waits for review: what would start by itself waits for it, for a newer plan would replace it (SPEC 6.7, 8.3)."""

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, func, select, update

from sisportal.models import NoticeKind, Sync, SyncMode, SyncState
from sisportal.syncing import notices, timetable
from sisportal.syncing.explaining import day
from sisportal.syncing.staleness import COMMITTABLE_FOR, why_stale

PUT_OFF = "put_off"
"""In the request of an undo: when it was told that something waits for it (ISO)."""


def waiting_undo(connection: Connection, connection_id: int, now: datetime) -> int | None:
    """The undo of the connection that somebody planned and may still commit; None where none waits.

    One that can no longer be committed holds nothing up: nobody would lose anything by a newer plan.
    """
    mine = (Sync.connection_id == connection_id, Sync.mode == SyncMode.UNDO, Sync.state == SyncState.PREPARED)
    found = connection.scalar(select(func.max(Sync.id)).where(*mine))
    return None if found is None or why_stale(connection, found, now) else found


def tell_once(connection: Connection, undo_id: int, what: str, now: datetime) -> None:
    """Tell the administrators that ``what`` (a phrase that begins a sentence) waits for the undo; once for each undo."""
    row = connection.execute(select(Sync.request, Sync.undoes_id, Sync.prepared_at).where(Sync.id == undo_id)).one()
    request: dict[str, Any] = row.request
    if PUT_OFF in request:
        return
    told = request | {PUT_OFF: now.isoformat()}
    connection.execute(update(Sync).where(Sync.id == undo_id).values(request=told))
    until = (row.prepared_at + COMMITTABLE_FOR).astimezone(timetable.portal_zone(connection))
    text = (
        f"{what} is put off: the undo of sync {row.undoes_id} waits for review, and a newer plan would replace it. "
        f"Commit or discard it, then the portal goes on by itself; it does so too once the undo is too old, after {day(until.date())}."
    )
    notices.notify(connection, None, NoticeKind.HELD, text, now, link=f"/syncs/{undo_id}")
