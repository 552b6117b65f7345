"""Syncs as people start and stop them: asked for, cancelled, committed, discarded; and how one that runs is getting on."""

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
from sqlalchemy import Connection, Engine, Row, select, update

from sisportal.models import Account, ConnectionKind, SisConnection, Sync, SyncMode, SyncState
from sisportal.models.database import writing
from sisportal.syncing import commit, notices, packages, undo
from sisportal.syncing.audit_events import Event
from sisportal.syncing.prepare import put_request
from sisportal.syncing.review import OPEN, Who
from sisportal.syncing.settings import TIMEZONE, read_settings
from sisportal.syncing.since import BEGINNING, asked_for
from sisportal.syncing.states import ASKED, Busy, NotAllowed, interrupt_dead, is_alive

WAITING_FILE = packages.WAITING_FILE
"""Setting of a CSV connection: a file that was uploaded and waits for somebody to say what its businesses become."""
ASKED_FOR = timedelta(minutes=2)
"""After this long without a worker the page offers the commit again; what was asked for stays asked for."""


class Standing(msgspec.Struct, frozen=True):
    """How a sync is getting on, as pages show it."""

    state: SyncState
    """What to call it: a prepare whose worker died counts as interrupted before anybody has marked it."""
    busy: bool
    """Whether it runs or is about to: the page asks again."""
    silent: bool = False
    """Whether the commit's worker died: somebody, or the clock, has to continue it."""
    waiting: bool = False
    """Whether the worker has not begun yet."""
    words: str = ""
    done: int = 0
    total: int = 0
    elapsed: float = 0
    """Seconds since the stage was claimed, or since it was asked for."""
    remaining: float | None = None
    """Seconds that the step under way still takes at its pace so far; None while nobody can tell."""
    cancelling: bool = False


def standing(sync: Any, now: datetime) -> Standing:
    """How a sync (its object or its row) is getting on."""
    state = SyncState(sync.state)
    alive = is_alive(sync.state, sync.heartbeat_at, now)
    if state is SyncState.PREPARING and not alive:
        return Standing(SyncState.INTERRUPTED, busy=False)
    if state is SyncState.COMMITTING and not alive:
        return Standing(state, busy=False, silent=True, done=sync.done, total=sync.total)
    if state is SyncState.QUEUED:
        words = "Waiting for the worker to begin"
        return Standing(state, busy=True, waiting=True, words=words, elapsed=_seconds(sync.created_at, now))
    if commit_asked(sync) and abs(now - sync.heartbeat_at) <= ASKED_FOR:
        elapsed = _seconds(sync.heartbeat_at, now)
        return Standing(SyncState.COMMITTING, busy=True, waiting=True, words=sync.stage, elapsed=elapsed)
    if not alive:
        return Standing(state, busy=False)
    return Standing(
        state,
        busy=True,
        words=sync.stage,
        done=sync.done,
        total=sync.total,
        elapsed=_seconds(sync.started_at, now),
        remaining=_remaining(sync, now),
        cancelling=sync.cancel_asked,
    )


def commit_asked(sync: Any) -> bool:
    """Whether a commit was asked for and has not begun."""
    return sync.state in OPEN and sync.stage == ASKED and sync.heartbeat_at is not None


def is_commit_asked(engine: Engine, sync_id: int) -> bool:
    """Whether a commit of the sync was asked for and has not begun."""
    with engine.connect() as connection:
        columns = select(Sync.state, Sync.stage, Sync.heartbeat_at)
        row = connection.execute(columns.where(Sync.id == sync_id)).one_or_none()
    return row is not None and commit_asked(row)


def start(
    engine: Engine,
    connection_id: int,
    who: Who,
    now: datetime,
    since: str = BEGINNING,
    *,
    keep_ticks_of: int | None = None,
    automatic: bool = False,
    **more: Any,
) -> int:
    """Put a sync into the table, for the worker to prepare; its id. ``since``: ``last``, ``beginning`` or a day.

    Before the first commit it is from the beginning whatever was asked. ``keep_ticks_of``: the older plan whose ticks go
    over to the new one, of the same schools. ``more`` goes into the request: ``schools``, ``file``, ``auto_commit``. Raises
    ``BadDay``; ``Busy`` where another one of the connection waits or runs, ``NotAllowed`` where none may start.
    """
    newest = packages.newest(engine, connection_id)
    if keep_ticks_of is not None:
        more = again(engine, connection_id, keep_ticks_of) | more
    with writing(engine).begin() as connection:
        interrupt_dead(connection, now, connection_id)
        row = _startable(connection, connection_id, now)
        zone = ZoneInfo(str(read_settings(connection)[TIMEZONE]))
        if row.kind == ConnectionKind.CSV:
            more["file"] = _file(more.get("file", ""), row.settings.get(WAITING_FILE, ""), newest)
            if not more.get(packages.NAME):
                more[packages.NAME] = packages.name_of(connection, connection_id, more["file"])
        mode, asked = asked_for(BEGINNING if row.committed_sync_id is None else since, zone, now)
        sync_id = put_request(
            connection, connection_id, now, started_by=who.id, mode=mode, automatic=automatic, **asked | more
        )
        if row.settings.get(WAITING_FILE, "") == more.get("file", None):
            values = {"settings": row.settings | {WAITING_FILE: ""}}
            connection.execute(update(SisConnection).where(SisConnection.id == connection_id).values(values))
        _record(connection, "sync-started", sync_id, who, now)
    return sync_id


def start_undo(engine: Engine, undone_id: int, who: Who, now: datetime, *, keep_ticks_of: int | None = None) -> int:
    """Put the undo of a committed sync into the table, for the worker to prepare; its id.

    It asks the SIS nothing, so a disabled connection is no hindrance. Raises ``NotAllowed``, ``Busy`` among them, with a sentence.
    """
    asked: dict[str, Any] = {} if keep_ticks_of is None else {"keep_ticks_of": keep_ticks_of}
    with writing(engine).begin() as connection:
        row = undo.require_undoable(connection, undone_id)
        interrupt_dead(connection, now, row.connection_id)
        refuse_beside_another(connection, row.connection_id, now)
        sync_id = put_request(
            connection, row.connection_id, now, started_by=who.id, mode=SyncMode.UNDO, undoes=undone_id, **asked
        )
        _record(connection, "undo-asked", sync_id, who, now, undoes=undone_id)
    return sync_id


def again(engine: Engine, connection_id: int, older: int) -> dict[str, Any]:
    """What is asked for to prepare a plan again and keep its ticks: the same schools and file. Raises ``NotAllowed``."""
    with engine.connect() as connection:
        mine = (Sync.id == older, Sync.connection_id == connection_id)
        request: dict[str, Any] | None = connection.scalar(select(Sync.request).where(*mine))
    if request is None:
        raise NotAllowed(f"There is no sync {older} of this connection.")
    asked = {"keep_ticks_of": older} | {name: request[name] for name in ("schools",) if request.get(name)}
    if file := request.get("file"):
        kept = file if Path(file).is_file() else packages.newest(engine, connection_id)
        if not kept:
            raise NotAllowed("The file of this sync is no longer kept. Upload it again.")
        asked["file"] = kept
    return asked


def _startable(connection: Connection, connection_id: int, now: datetime) -> Row[Any]:
    """The connection, kept from others until the transaction ends. Raises ``Busy`` and ``NotAllowed``."""
    columns = select(SisConnection.enabled, SisConnection.committed_sync_id, SisConnection.kind, SisConnection.settings)
    row = connection.execute(columns.where(SisConnection.id == connection_id).with_for_update()).one()
    if not row.enabled:
        raise NotAllowed("The connection is disabled. Enable it, then start the sync.")
    refuse_beside_another(connection, connection_id, now)
    return row


def asked_before(connection: Connection, sync_id: int, *names: str) -> dict[str, Any]:
    """What an older sync was asked for, by these names of its request."""
    request = connection.scalar(select(Sync.request).where(Sync.id == sync_id)) or {}
    return {name: request[name] for name in names if request.get(name)}


def is_busy(engine: Engine, connection_id: int, now: datetime) -> bool:
    """Whether a sync of the connection waits, runs, or has a commit that is to be continued."""
    with engine.connect() as connection:
        try:
            refuse_beside_another(connection, connection_id, now)
        except Busy:
            return True
    return False


def _file(*candidates: str) -> str:
    """The file that a sync of a CSV connection reads: the one given, one that waits, or that of the newest sync."""
    for file in candidates:
        if file and Path(file).is_file():
            return file
    raise NotAllowed("There is no file to read any more. Upload the zip that the SIS made.")


def cancel(engine: Engine, sync_id: int, who: Who, now: datetime) -> None:
    """Cancel a sync that waits, or ask a running prepare to stop. Raises ``NotAllowed``."""
    with writing(engine).begin() as connection:
        interrupt_dead(connection, now)
        waiting = update(Sync).where(Sync.id == sync_id, Sync.state == SyncState.QUEUED)
        note = f"Cancelled by {who.name}. Nothing was changed in the portal."
        if connection.execute(waiting.values(state=SyncState.CANCELLED, note=note, finished_at=now)).rowcount != 1:
            running = update(Sync).where(Sync.id == sync_id, Sync.state == SyncState.PREPARING)
            if connection.execute(running.values(cancel_asked=True)).rowcount != 1:
                raise NotAllowed("Only a sync that is being prepared can be cancelled.")
        _record(connection, "sync-cancelled", sync_id, who, now)


def ask_commit(engine: Engine, sync_id: int, who: Who, now: datetime) -> None:
    """Note that the ticked actions are to be applied, or that a commit that died is to be continued.

    The worker is told by the caller. Raises ``NotAllowed`` (``Stale``, ``Busy``) where it would not do it.
    """
    commit.refuse_stale(engine, sync_id, now)
    with writing(engine).begin() as connection:
        row = connection.execute(select(Sync.__table__).where(Sync.id == sync_id)).one_or_none()
        if row is None:
            raise NotAllowed(f"There is no sync {sync_id}.")
        if is_alive(row.state, row.heartbeat_at, now):
            raise NotAllowed(f"Sync {sync_id} is {row.state} already.")
        if commit_asked(row) and abs(now - row.heartbeat_at) <= ASKED_FOR:
            raise NotAllowed(
                f"The commit of sync {sync_id} was asked for already: it begins as soon as the worker does."
            )
        if row.state not in {*OPEN, SyncState.COMMITTING}:
            raise NotAllowed(f"Sync {sync_id} is {row.state} and cannot be committed.")
        refuse_beside_another(connection, row.connection_id, now, sync_id)
        if row.state in OPEN:
            values = {"stage": ASKED, "heartbeat_at": now, "committed_by": who.id}
            connection.execute(update(Sync).where(Sync.id == sync_id).values(values))
        _record(connection, "commit-asked", sync_id, who, now)


def discard(engine: Engine, sync_id: int, who: Who, now: datetime) -> None:
    """Put a prepared sync aside for good. Raises ``NotAllowed``."""
    commit.discard(engine, sync_id, now, who.name)
    with writing(engine).begin() as connection:
        _record(connection, "sync-discarded", sync_id, who, now)


def set_enabled(engine: Engine, connection_id: int, enabled: bool, who: Who, now: datetime) -> None:  # noqa: FBT001
    """Enable or disable a connection; its data and its plans stay."""
    with writing(engine).begin() as connection:
        changed = update(SisConnection).where(SisConnection.id == connection_id, SisConnection.enabled.is_(not enabled))
        if connection.execute(changed.values(enabled=enabled, updated_at=now)).rowcount == 1:
            event: Event = "connection-enabled" if enabled else "connection-disabled"
            subject = f"connection {connection_id}"
            notices.record(connection, event, subject, now, actor=who.name, actor_id=who.id, address=who.address)


def refuse_beside_another(connection: Connection, connection_id: int, now: datetime, but: int = 0) -> None:
    """Raise ``Busy`` where another sync of the connection waits for the worker or runs."""
    statement = (
        select(Sync.__table__, Account.first_name, Account.last_name)
        .outerjoin(Account, Account.id == Sync.started_by)
        .where(Sync.connection_id == connection_id, Sync.id != but)
        .where(Sync.state.in_([SyncState.QUEUED, SyncState.PREPARING, SyncState.COMMITTING, *OPEN]))
        .order_by(Sync.id.desc())
    )
    for other in connection.execute(statement):
        who = f"{other.first_name or ''} {other.last_name or ''}".strip()
        by = f", started by {who}" if who else ""
        at = standing(other, now)
        if at.silent:
            raise Busy(f"The commit of sync {other.id} stopped half-way. Continue it first.")
        if at.busy:
            verb = "waits" if other.state == SyncState.QUEUED else "runs"
            raise Busy(
                f"Sync {other.id} {verb} since {other.created_at:%H:%M} UTC{by}. One runs at a time: wait for it."
            )


def _record(connection: Connection, event: Event, sync_id: int, who: Who, now: datetime, **details: int) -> None:
    notices.record(
        connection, event, f"sync {sync_id}", now, actor=who.name, actor_id=who.id, address=who.address, **details
    )


def _seconds(since: datetime | None, now: datetime) -> float:
    return max((now - since).total_seconds(), 0) if since else 0


def _remaining(sync: Any, now: datetime) -> float | None:
    if not sync.total or not sync.done or sync.stage_started_at is None:
        return None
    return float(_seconds(sync.stage_started_at, now) * max(sync.total - sync.done, 0) / sync.done)
