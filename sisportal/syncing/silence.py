"""Silence is an alarm: a sync that should have come and has not, and a SIS from which nothing new comes (SPEC 8.4)."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
from sqlalchemy import Connection, func, insert, or_, select, update

from sisportal.models import Alarm, ConnectionKind, NoticeKind, SisConnection, Sync, SyncMode, SyncState
from sisportal.roster.daily import next_run
from sisportal.syncing import notices, timetable
from sisportal.syncing.connections import NAMES, ConnectionFacts
from sisportal.syncing.explaining import day
from sisportal.syncing.states import ASKED
from sisportal.syncing.waiting_undo import waiting_undo

LATE, OLD = "late", "old"
_FROZEN = frozenset({"paused"})
"""States of a district whose data is old on purpose: between two school years."""
_LOOK_BACK = 50


class Silent(msgspec.Struct, frozen=True):
    """Something that should have come and has not."""

    kind: str
    occasion: str
    """The same for as long as it is one silence."""
    text: str


def look(connection: Connection, facts: ConnectionFacts, now: datetime) -> None:
    """Tell of every silence that was not told yet, and mark those that are over. The connection is locked and enabled."""
    found = {each.kind: each for each in _silences(connection, facts, now)}
    held = {row.kind: row for row in connection.execute(_alarms(facts.id))}
    for kind, silent in found.items():
        if kind not in held or held[kind].ended_at is not None or held[kind].occasion != silent.occasion:
            _raise(connection, facts, silent, now)
    over = [kind for kind, row in held.items() if row.ended_at is None and kind not in found]
    if over:
        mine = (Alarm.connection_id == facts.id, Alarm.kind.in_(over))
        connection.execute(update(Alarm).where(*mine).values(ended_at=now))


def newest_data(connection: Connection, facts: ConnectionFacts) -> datetime | None:
    """From when the newest data is that the portal has seen: of the SIS's last sync, or the last file; None: not known."""
    if facts.kind == ConnectionKind.CSV:
        return _last_file(connection, facts.id)
    district = connection.scalars(select(SisConnection.district).where(SisConnection.id == facts.id)).one()
    if district.get("state") in _FROZEN:
        return None
    return _moment(str(district.get("last_sync") or ""))


def _silences(connection: Connection, facts: ConnectionFacts, now: datetime) -> Iterator[Silent]:
    zone = timetable.portal_zone(connection)
    if late := _late(connection, facts, zone, now):
        yield late
    newest, days = newest_data(connection, facts), facts.options.alarm_days
    if newest is not None and days and now - newest > timedelta(days=days):
        text = (
            f"Nothing new has come from {NAMES[facts.kind]} for more than {days} {'day' if days == 1 else 'days'}: "
            f"its newest data is from {_words(newest, zone)}. {_ADVICE[facts.kind]}"
        )
        yield Silent(OLD, newest.isoformat(), text)


_ADVICE = {
    "clever": "Look in Clever whether the district's own sync runs, then sync here.",
    "oneroster": "Look in the SIS whether its export runs, then sync here.",
    "csv": "Upload the files that the SIS made last.",
}


def _late(connection: Connection, facts: ConnectionFacts, zone: ZoneInfo, now: datetime) -> Silent | None:
    """Whether a run that was due has brought nothing, nor any sync since, although it had the hours of grace."""
    at, row = facts.options.auto_sync, timetable.read(connection, facts.id)
    if at is None or row is None or facts.kind == ConnectionKind.CSV:  # where no file came there is nothing to read
        return None
    last = _last_success(connection, facts.id)
    due_at = next_run(at, zone, max(last or row.set_at, row.set_at))
    began = connection.scalar(
        select(func.min(Sync.created_at)).where(
            Sync.connection_id == facts.id, Sync.automatic, Sync.created_at >= due_at
        )
    )
    if now - max(due_at, began or due_at) <= timedelta(hours=facts.options.alarm_hours):
        return None
    ever = f"The last one that did was on {_words(last, zone)}." if last else "None has so far."
    text = (
        f"No sync of {NAMES[facts.kind]} has succeeded since one was due on {_words(due_at, zone)}. {ever} "
        f"{_what_to_do(waiting_undo(connection, facts.id, now))}"
    )
    return Silent(LATE, last.isoformat() if last else "never", text)


def _what_to_do(undo_id: int | None) -> str:
    if undo_id is not None:
        return (
            f"The undo, sync {undo_id}, waits for review, and no sync starts by itself meanwhile: commit or discard it."
        )
    return "Look at the last report. If none was even begun, see whether the portal's worker runs."


def _last_success(connection: Connection, connection_id: int) -> datetime | None:
    """When a sync last came through: prepared, and committed too where it was to be. An undo asks the SIS nothing."""
    through = (
        Sync.connection_id == connection_id,
        Sync.mode != SyncMode.UNDO,
        Sync.prepared_at.is_not(None),
        Sync.state != SyncState.COMMITTING,
        or_(Sync.stage != ASKED, Sync.state != SyncState.PREPARED),
    )
    return connection.scalar(select(func.max(Sync.prepared_at)).where(*through))


def _last_file(connection: Connection, connection_id: int) -> datetime | None:
    """When the newest file came: its first sync."""
    columns = select(Sync.request, Sync.created_at).where(Sync.connection_id == connection_id)
    rows = list(connection.execute(columns.order_by(Sync.id.desc()).limit(_LOOK_BACK)))
    files = [(row.request.get("file"), row.created_at) for row in rows if row.request.get("file")]
    return min(moment for file, moment in files if file == files[0][0]) if files else None


def _raise(connection: Connection, facts: ConnectionFacts, silent: Silent, now: datetime) -> None:
    values = {"occasion": silent.occasion, "text": silent.text, "raised_at": now, "ended_at": None}
    mine = update(Alarm).where(Alarm.connection_id == facts.id, Alarm.kind == silent.kind)
    if not connection.execute(mine.values(values)).rowcount:
        connection.execute(insert(Alarm).values(connection_id=facts.id, kind=silent.kind, **values))
    link = f"/admin/sis/{facts.kind}/status"
    notices.notify(connection, None, NoticeKind.SILENT, silent.text, now, link=link)


def _alarms(connection_id: int) -> Any:
    return select(Alarm.__table__).where(Alarm.connection_id == connection_id)


def _words(moment: datetime, zone: ZoneInfo) -> str:
    there = moment.astimezone(zone)
    return f"{day(there.date())}, {there:%H:%M}"


def _moment(text: str) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
