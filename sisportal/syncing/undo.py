"""Undo of a committed sync: its prepare, which asks nobody and reads only what the sync kept (SPEC 7)."""

from typing import Any

import msgspec
from sqlalchemy import ColumnElement, Connection, Engine, Select, func, select

from sisportal.models import ActionState, NoticeKind, Sync, SyncState
from sisportal.models.database import writing
from sisportal.roster.options import defaults
from sisportal.syncing import notices
from sisportal.syncing.actions import ACTIONS, Plan
from sisportal.syncing.carrying import carry_ticks
from sisportal.syncing.progress import Cancelled, Clock, Pulse
from sisportal.syncing.states import NotAllowed, move, supersede
from sisportal.syncing.undo_found import kind_of
from sisportal.syncing.undo_plan import UndoPlanner
from sisportal.syncing.words import undo_sentence

UNDOABLE = frozenset({SyncState.COMMITTED, SyncState.PARTLY_COMMITTED})


class UndoPreparation:
    """One undo under way to its plan."""

    def __init__(self, engine: Engine, sync_id: int, clock: Clock, pulse: Pulse) -> None:
        self._engine, self._sync_id, self._clock, self._pulse = engine, sync_id, clock, pulse
        with engine.connect() as connection:
            self._row = _row(connection, sync_id)
            self._kind = kind_of(connection, self._row.connection_id)

    def run(self) -> SyncState:
        """Plan the inverse of what the sync applied, and save it as any other plan."""
        undone_id: int = self._row.undoes_id
        with self._engine.connect() as connection:
            self._pulse.stage(f"Looking at what sync {undone_id} changed", count_applied(connection, undone_id))
        # Every kind of change: which ones a sync may plan says nothing of what may be taken back.
        plan = Plan(self._engine, self._sync_id, defaults(self._kind), self._pulse)
        planner = UndoPlanner(self._engine, self._row.connection_id, undone_id, plan, self._pulse)
        planner.run()
        return self._save(plan, planner)

    def _save(self, plan: Plan, planner: UndoPlanner) -> SyncState:
        now, undone_id = self._clock(), self._row.undoes_id
        counts = plan.counts()
        with writing(self._engine).begin() as connection:
            self._pulse.fence(connection)
            if connection.scalar(select(Sync.cancel_asked).where(Sync.id == self._sync_id)):
                raise Cancelled
            supersede(connection, self._row.connection_id, self._sync_id, now)
            request = self._row.request
            if older := request.get("keep_ticks_of"):
                request = request | {"carried": [msgspec.to_builtins(carry_ticks(connection, older, self._sync_id))]}
            note = _note(undone_id, planner.kept, planner.done)
            values: dict[str, Any] = {"counts": counts, "note": note, "stage": "", "prepared_at": now, "claim": None}
            values["request"] = request | {"note": note, "kept": planner.kept}
            move(connection, self._sync_id, SyncState.PREPARED, **values)
            told = f"{undo_sentence(undone_id, counts)}{note.removeprefix(_beginning(undone_id))}"
            notices.notify(connection, self._sync_id, NoticeKind.PREPARED, told, now)
        return SyncState.PREPARED


def undo_note(connection: Connection, sync_id: int) -> str:
    """What an undo said of itself as it was prepared."""
    request: dict[str, Any] = connection.scalars(select(Sync.request).where(Sync.id == sync_id)).one()
    return str(request.get("note", ""))


def _note(undone_id: int, kept: int, done: int) -> str:
    """What an undo says of itself, beside its numbers."""
    parts = [_beginning(undone_id)]
    if kept:
        are, they = ("record stays", "it") if kept == 1 else ("records stay", "they")
        parts.append(
            f"{kept:,} {are} as {they} {'is' if kept == 1 else 'are'}, in whole or in part, because {they} changed since."
        )
    if done:
        parts.append(f"{done:,} {'record was' if done == 1 else 'records were'} as before already.")
    return " ".join(parts)


def _beginning(undone_id: int) -> str:
    """How the note of an undo begins: a notification has said it already."""
    return f"Undo of sync {undone_id}."


def require_undoable(connection: Connection, sync_id: int) -> Any:
    """The row of a sync that can be undone. Raises ``NotAllowed`` with a sentence where it cannot."""
    row = _row(connection, sync_id)
    if row is None:
        raise NotAllowed(f"There is no sync {sync_id}.")
    if row.state == SyncState.COMMITTING:
        raise NotAllowed(f"Sync {sync_id} is being committed. Wait until that has ended, then undo it.")
    if row.state not in UNDOABLE:
        raise NotAllowed(f"Sync {sync_id} is {row.state}: only what was committed can be undone.")
    if row.details_removed_at is not None:
        raise NotAllowed(
            f"The details of sync {sync_id} were removed, being older than they are kept, so it cannot be undone."
        )
    if not connection.scalar(select(_applied(sync_id, ACTIONS.c.id).exists())):
        raise NotAllowed(f"Sync {sync_id} changed nothing, so there is nothing to undo.")
    return row


def count_applied(connection: Connection, sync_id: int) -> int:
    """How many actions of a sync an undo looks at."""
    return connection.scalar(_applied(sync_id, func.count())) or 0


def _applied(sync_id: int, column: ColumnElement[int]) -> Select[int]:
    states = (ActionState.APPLIED, ActionState.ALREADY_SO)
    return select(column).where(ACTIONS.c.sync_id == sync_id, ACTIONS.c.state.in_(states))


def _row(connection: Connection, sync_id: int) -> Any:
    return connection.execute(select(Sync.__table__).where(Sync.id == sync_id)).one_or_none()
