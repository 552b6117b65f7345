"""The states of a sync: which moves are allowed, and how a stage claims a sync so that it runs once (DESIGN 2)."""

import secrets
from collections.abc import Callable
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Connection, Engine, false, or_, select, update

from sisportal.models import NoticeKind, SisConnection, Sync, SyncState
from sisportal.models.database import writing
from sisportal.syncing import notices

STALE_AFTER = timedelta(seconds=10)
"""A stage whose heartbeat is older than this is taken to be dead: it beats every second."""

ASKED = "Waiting for the worker to begin the commit"
"""The stage of a sync whose commit was asked for and has not begun."""

MOVES: dict[SyncState, frozenset[SyncState]] = {
    SyncState.QUEUED: frozenset({SyncState.PREPARING, SyncState.CANCELLED, SyncState.FAILED, SyncState.INTERRUPTED}),
    SyncState.PREPARING: frozenset({SyncState.PREPARED, SyncState.FAILED, SyncState.INTERRUPTED, SyncState.CANCELLED}),
    SyncState.PREPARED: frozenset({SyncState.COMMITTING, SyncState.DISCARDED, SyncState.SUPERSEDED, SyncState.EXPIRED}),
    SyncState.COMMITTING: frozenset({SyncState.COMMITTED, SyncState.PARTLY_COMMITTED}),
    SyncState.PARTLY_COMMITTED: frozenset({SyncState.COMMITTING, SyncState.SUPERSEDED, SyncState.EXPIRED}),
    SyncState.COMMITTED: frozenset(),
    SyncState.FAILED: frozenset(),
    SyncState.INTERRUPTED: frozenset(),
    SyncState.CANCELLED: frozenset(),
    SyncState.DISCARDED: frozenset(),
    SyncState.SUPERSEDED: frozenset(),
    SyncState.EXPIRED: frozenset(),
}
ACTIVE = (SyncState.PREPARING, SyncState.COMMITTING)
STAGES = {SyncState.PREPARING: SyncState.QUEUED, SyncState.COMMITTING: SyncState.PREPARED}


class NotAllowed(Exception):
    """A move that the state of the sync does not allow; the message is a sentence for whoever asked."""


class Busy(NotAllowed):
    """Another sync of the connection runs now."""


def move(connection: Connection, sync_id: int, to: SyncState, **values: object) -> bool:
    """Move a sync to a state from any state that allows it; False when none of them is its own."""
    sources = [state for state, targets in MOVES.items() if to in targets]
    statement = update(Sync).where(Sync.id == sync_id, Sync.state.in_(sources)).values(state=to, **values)
    return connection.execute(statement).rowcount == 1


def claim(
    engine: Engine,
    sync_id: int,
    to: SyncState,
    now: datetime,
    first: Callable[[Connection, SyncState], None] | None = None,
) -> str:
    """Take a sync for a stage (``PREPARING`` or ``COMMITTING``) and return the claim's token.

    ``first`` is called once it is taken, with the state that it was in: what it does stands or falls with the claim.

    A commit that died is taken over where it stopped; one that is alive, and any other sync of the connection that is
    alive, raises ``Busy``. A state that does not allow the stage raises ``NotAllowed``.
    """
    token = secrets.token_urlsafe(12)
    with writing(engine).begin() as connection:
        connection_id = connection.scalar(select(Sync.connection_id).where(Sync.id == sync_id))
        if connection_id is None:
            raise NotAllowed(f"There is no sync {sync_id}.")
        # One claim of a connection at a time: of two syncs claimed in one moment, one must see the other.
        connection.execute(select(SisConnection.id).where(SisConnection.id == connection_id).with_for_update())
        interrupt_dead(connection, now, connection_id)
        _refuse_while_another_runs(connection, connection_id, sync_id)
        was = connection.scalars(select(Sync.state).where(Sync.id == sync_id)).one()
        takes_over = (Sync.state == SyncState.COMMITTING) & _dead(now) if to is SyncState.COMMITTING else false()
        sources = [state for state, targets in MOVES.items() if to in targets]
        statement = (
            update(Sync)
            .where(Sync.id == sync_id, or_(Sync.state.in_(sources), takes_over))
            .values(state=to, claim=token, heartbeat_at=now, done=0, total=0, cancel_asked=False, started_at=now)
        )
        if connection.execute(statement).rowcount != 1:
            raise NotAllowed(_refusal(connection, sync_id, to, now))
        if first is not None:
            first(connection, SyncState(was))
    return token


def interrupt_dead(connection: Connection, now: datetime, connection_id: int | None = None) -> list[int]:
    """Mark prepares whose worker died as interrupted; their ids. A dead commit keeps its state: it is to be continued."""
    statement = select(Sync.id, Sync.automatic).where(Sync.state == SyncState.PREPARING, _dead(now))
    if connection_id is not None:
        statement = statement.where(Sync.connection_id == connection_id)
    note = "Stopped half-way: the program that prepared it ended. Nothing was lost; start it again."
    values = {"state": SyncState.INTERRUPTED, "note": note, "finished_at": now, "claim": None}
    # Asked again with the change: its heart may have beaten since it was found.
    found = {row.id: row.automatic for row in connection.execute(statement)}
    still = update(Sync).where(Sync.state == SyncState.PREPARING, _dead(now)).values(values)
    ended = [sync_id for sync_id in found if connection.execute(still.where(Sync.id == sync_id)).rowcount]
    for sync_id in ended:
        if not found[sync_id]:  # one that the schedule started is started again by it
            notices.notify(connection, sync_id, NoticeKind.FAILED, f"The sync was interrupted. {note}", now)
    return ended


def supersede(connection: Connection, connection_id: int, sync_id: int, now: datetime) -> None:
    """Plans of the connection that nobody committed are stale once a newer one is prepared (SPEC 6.7)."""
    older = select(Sync.id).where(
        Sync.connection_id == connection_id, Sync.id != sync_id, Sync.state == SyncState.PREPARED
    )
    for each in list(connection.scalars(older)):
        note = f"Replaced by sync {sync_id}, which is newer."
        move(connection, each, SyncState.SUPERSEDED, note=note, finished_at=now)


def dead_commits(connection: Connection, now: datetime) -> list[int]:
    """Commits whose worker died: to be run again, which continues them."""
    return list(connection.scalars(select(Sync.id).where(Sync.state == SyncState.COMMITTING, _dead(now))))


def seems_dead(engine: Engine, now: datetime) -> bool:
    """Whether a stage gave no sign of life that fits the time."""
    with engine.connect() as connection:
        return connection.scalar(select(Sync.id).where(Sync.state.in_(ACTIVE), _dead(now)).limit(1)) is not None


def is_alive(state: str, heartbeat_at: datetime | None, now: datetime) -> bool:
    """Whether a stage runs on the sync now.

    A heartbeat from the future was made before the clock was put back: one that lives beats again within a second.
    """
    return state in ACTIVE and heartbeat_at is not None and abs(now - heartbeat_at) <= STALE_AFTER


def _dead(now: datetime) -> ColumnElement[bool]:
    return or_(
        Sync.heartbeat_at.is_(None), Sync.heartbeat_at < now - STALE_AFTER, Sync.heartbeat_at > now + STALE_AFTER
    )


def _refuse_while_another_runs(connection: Connection, connection_id: int, sync_id: int) -> None:
    other = connection.execute(
        select(Sync.id, Sync.state, Sync.started_at)
        .where(Sync.connection_id == connection_id, Sync.id != sync_id, Sync.state.in_(ACTIVE))
        .limit(1)
    ).first()
    if other is None:
        return
    if other.state == SyncState.COMMITTING:
        raise Busy(
            f"Sync {other.id} is being committed since {other.started_at:%H:%M} UTC. Wait for it, or continue it."
        )
    raise Busy(f"Sync {other.id} is being prepared since {other.started_at:%H:%M} UTC. Wait for it, or cancel it.")


def _refusal(connection: Connection, sync_id: int, to: SyncState, now: datetime) -> str:
    row = connection.execute(select(Sync.state, Sync.heartbeat_at).where(Sync.id == sync_id)).one()
    if is_alive(row.state, row.heartbeat_at, now):
        return f"Sync {sync_id} is already {row.state}."
    verb = "committed" if to is SyncState.COMMITTING else "prepared"
    return f"Sync {sync_id} is {row.state} and cannot be {verb}."
