"""Automatic sync: once a day a connection is synced by itself, started by whichever clock looks first (SPEC 8.3, 6.5)."""

import logging
from datetime import datetime, time
from typing import Any

import msgspec
from sqlalchemy import Connection, Engine, func, select, update

from sisportal.models import ConnectionKind, NoticeKind, SisConnection, Sync, SyncMode, SyncState
from sisportal.models.database import writing
from sisportal.roster.daily import due
from sisportal.roster.guards import Guard
from sisportal.syncing import apps, notices, packages, running, silence, timetable
from sisportal.syncing.auto_commit import AUTO_COMMIT
from sisportal.syncing.connections import NAMES, ConnectionFacts, load, store_options
from sisportal.syncing.prepare import put_request
from sisportal.syncing.queue import QueueGone, StageQueue
from sisportal.syncing.since import BEGINNING, LAST, asked_for
from sisportal.syncing.states import Busy, interrupt_dead
from sisportal.syncing.waiting_undo import tell_once, waiting_undo

logger = logging.getLogger(__name__)

STRIKES = 5
"""So many automatic syncs in a row that a guard holds switch automatic sync off."""
MOST_RESTARTS = 3
"""How often a run is started again whose worker died: a district that kills every worker must not keep it from others."""
DUE = "due"
"""In the request of an automatic sync: the moment (ISO) that it was due at."""
_LOOK_BACK = 50
_NOT_ENDED_WELL = frozenset({SyncState.FAILED, SyncState.INTERRUPTED, SyncState.CANCELLED})
_UNDER_WAY = frozenset({SyncState.QUEUED, SyncState.PREPARING, SyncState.COMMITTING})
_GUARDS = frozenset(str(guard) for guard in Guard)


def run_due(engine: Engine, queue: StageQueue, now: datetime) -> list[int]:
    """Start every automatic sync that is due, and tell where one that should have come has not; ids of what was started.

    May be called as often as anybody likes, by several programs at once. Where the queue is away, recovery sends later.
    """
    started = []
    with engine.connect() as connection:
        ids = list(connection.scalars(select(SisConnection.id).order_by(SisConnection.id)))
    for connection_id in ids:
        file = packages.newest(engine, connection_id)
        with writing(engine).begin() as connection:
            sync_id = _look(connection, connection_id, file, now)
        if sync_id is not None:
            logger.info("sync %s starts by itself", sync_id)
            started.append(sync_id)
    try:
        for sync_id in started:
            queue.send_prepare(sync_id)
    except QueueGone:
        logger.warning("the queue does not answer: %d automatic syncs wait for it", len(started))
    return started


def strikes(connection: Connection, connection_id: int, since: datetime) -> int:
    """How many automatic syncs in a row a guard has held, newest last; those that failed count neither way.

    A sync that was committed whole ends the row, by whomever it was started.
    """
    columns = select(Sync.automatic, Sync.state, Sync.held).where(
        Sync.connection_id == connection_id, Sync.created_at >= since, Sync.mode != SyncMode.UNDO
    )
    number = 0
    for row in connection.execute(columns.order_by(Sync.id.desc()).limit(_LOOK_BACK)):
        if row.state == SyncState.COMMITTED:
            break
        if not row.automatic or row.state in _NOT_ENDED_WELL | _UNDER_WAY:
            continue
        if not any(each["reason"] in _GUARDS for each in row.held):
            break
        number += 1
    return number


def _look(connection: Connection, connection_id: int, file: str, now: datetime) -> int | None:
    """Deal with one connection; the id of the sync that was started for it."""
    timetable.lock(connection, connection_id)
    facts = load(connection, connection_id)
    enabled = connection.scalar(select(SisConnection.enabled).where(SisConnection.id == connection_id))
    runs = bool(enabled) and not apps.is_off(connection, facts.kind)
    at, sync_id = facts.options.auto_sync, None
    if at is not None and runs:
        sync_id = _start(connection, facts, at, file, now)
    elif at is not None:
        _let_pass(connection, facts, at, now)
    if runs:
        silence.look(connection, load(connection, connection_id), now)
    return sync_id


def _let_pass(connection: Connection, facts: ConnectionFacts, at: time, now: datetime) -> None:
    """While a connection is disabled its runs pass: they are neither made up later nor missed."""
    row = timetable.current(connection, facts.id, at, now)
    found = due(at, timetable.portal_zone(connection), row.handled_until, now)
    if found.handled_until != row.handled_until:
        timetable.change(connection, facts.id, handled_until=found.handled_until, set_at=found.handled_until)


def _start(connection: Connection, facts: ConnectionFacts, at: time, file: str, now: datetime) -> int | None:
    row = timetable.current(connection, facts.id, at, now)
    interrupt_dead(connection, now, facts.id)
    if strikes(connection, facts.id, row.set_at) >= STRIKES:
        _switch_off(connection, facts, now)
        return None
    found = due(at, timetable.portal_zone(connection), row.handled_until, now)
    if found.start is None:
        if found.handled_until != row.handled_until:
            timetable.change(connection, facts.id, handled_until=found.handled_until)
        return _start_again(connection, facts, row, file, now)
    if _is_busy(connection, facts.id, now):
        return None  # it stays due, and starts when what runs has ended
    undo_id = waiting_undo(connection, facts.id, now)
    if undo_id is not None and (file or facts.kind != ConnectionKind.CSV):
        tell_once(connection, undo_id, f"The automatic sync of {NAMES[facts.kind]}", now)
        return None  # likewise
    timetable.change(connection, facts.id, handled_until=found.handled_until, restarts=0)
    return _put(connection, facts, file, found.start, now)


def _start_again(connection: Connection, facts: ConnectionFacts, row: Any, file: str, now: datetime) -> int | None:
    """Another attempt for a run that was under way when its worker died: nobody is there to start it by hand."""
    columns = select(Sync.id, Sync.automatic, Sync.state, Sync.request).where(Sync.connection_id == facts.id)
    newest = connection.execute(columns.order_by(Sync.id.desc()).limit(1)).one_or_none()
    if newest is None or not newest.automatic or newest.state != SyncState.INTERRUPTED:
        return None
    due_at = newest.request.get(DUE)
    if due_at != row.handled_until.isoformat() or row.restarts > MOST_RESTARTS:
        return None
    timetable.change(connection, facts.id, restarts=row.restarts + 1)
    if row.restarts == MOST_RESTARTS:
        text = (
            f"The automatic sync failed. The program that prepared it ended {MOST_RESTARTS + 1} times, so it is not started again "
            "today. Look at the server's log and at its memory, then start a sync by hand. Nothing was changed."
        )
        notices.notify(connection, newest.id, NoticeKind.FAILED, text, now)
        return None
    sync_id = _put(connection, facts, file, datetime.fromisoformat(due_at), now)
    note = f"Stopped half-way: the program that prepared it ended. Nothing was lost; sync {sync_id} took its place."
    connection.execute(update(Sync).where(Sync.id == newest.id).values(note=note))
    return sync_id


def _is_busy(connection: Connection, connection_id: int, now: datetime) -> bool:
    try:
        running.refuse_beside_another(connection, connection_id, now)
    except Busy:
        return True
    return False


def _put(connection: Connection, facts: ConnectionFacts, file: str, due_at: datetime, now: datetime) -> int | None:
    """The row of the sync: quick where that can be, and with what people unticked before left unticked."""
    is_file = facts.kind == ConnectionKind.CSV
    if is_file and not file:
        return None  # there is nothing to read that was not read; an old file is told of as old data
    quick = facts.committed_sync_id is not None and not is_file
    mode, asked = asked_for(LAST if quick else BEGINNING, timetable.portal_zone(connection), now)
    asked[DUE] = due_at.isoformat()
    asked["keep_ticks_of"] = _plans_before(connection, facts)
    if is_file:
        asked["file"] = file
    if facts.options.auto_commit:
        asked[AUTO_COMMIT] = True
    sync_id = put_request(connection, facts.id, now, mode=mode, automatic=True, **asked)
    notices.record(connection, "sync-started", f"sync {sync_id}", now, actor=notices.SCHEDULE)
    return sync_id


def _plans_before(connection: Connection, facts: ConnectionFacts) -> list[int]:
    """The plans whose unticked actions stay unticked: nobody who left something out wants it applied in the night.

    The last one that was committed, which itself kept what those before it left out, and one that waits.
    """
    planned = (Sync.connection_id == facts.id, Sync.mode != SyncMode.UNDO)
    states = ((SyncState.COMMITTED, SyncState.PARTLY_COMMITTED), (SyncState.PREPARED,))
    newest = [connection.scalar(select(func.max(Sync.id)).where(*planned, Sync.state.in_(each))) for each in states]
    return [each for each in newest if each is not None]


def _switch_off(connection: Connection, facts: ConnectionFacts, now: datetime) -> None:
    why = (
        f"The guards held {STRIKES} automatic syncs in a row and nobody decided about them, so the portal switched it off. "
        "Review the last one, then set a time again."
    )
    changed = msgspec.structs.replace(facts.options, auto_sync=None)
    store_options(connection, facts.id, changed, now, off_because=why)
    notices.record(
        connection, "automatic-sync-switched-off", NAMES[facts.kind], now, actor=notices.SCHEDULE, held_in_a_row=STRIKES
    )
