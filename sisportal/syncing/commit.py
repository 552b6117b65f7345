"""Commit: apply the ticked actions in batches, each a transaction that also records its outcome (SPEC 7)."""

import logging
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Engine, Row, func, select, update

from sisportal.models import Account, ActionState, NoticeKind, SisConnection, Sync, SyncMode, SyncState, SyncWarning
from sisportal.models.database import writing
from sisportal.syncing import kept_under, notices, packages, parents, pins
from sisportal.syncing.actions import ACTIONS, IS_HELD
from sisportal.syncing.commit_accounts import AccountCommit
from sisportal.syncing.commit_classes import ClassCommit
from sisportal.syncing.connections import load, stored_options
from sisportal.syncing.guarding import guard_again
from sisportal.syncing.kept_back import forget_committed
from sisportal.syncing.late_places import fill_late
from sisportal.syncing.moved_ids import move_rosters
from sisportal.syncing.outcomes import Ledger
from sisportal.syncing.progress import ClaimLost, Clock, Pulse
from sisportal.syncing.rosters import Rosters
from sisportal.syncing.rows import few_collections
from sisportal.syncing.since import full_note
from sisportal.syncing.staleness import why_stale
from sisportal.syncing.states import NotAllowed, claim, move
from sisportal.syncing.undo import undo_note
from sisportal.syncing.undo_commit import apply_undo
from sisportal.syncing.words import committed_sentence, undone_sentence

logger = logging.getLogger(__name__)


class Stale(NotAllowed):
    """The plan is too old, or was made with other options: prepare again."""


def commit(engine: Engine, sync_id: int, clock: Clock, *, committed_by: int | None = None) -> SyncState:
    """Apply what is ticked and not held, or go on with a commit that was killed; the state it ended in.

    A sync that is committed already is left as it is. Raises ``NotAllowed`` (``Stale``, ``Busy``) and changes nothing
    where the sync cannot be committed.
    """
    if _state(engine, sync_id) == SyncState.COMMITTED:
        return SyncState.COMMITTED
    refuse_stale(engine, sync_id, clock())

    def guard_what_is_ticked(connection: Connection, was: SyncState) -> None:
        # Not for a commit that goes on: half-way, the numbers are no longer those of the plan.
        if was is SyncState.PREPARED:
            guard_again(connection, sync_id)

    token = claim(engine, sync_id, SyncState.COMMITTING, clock(), guard_what_is_ticked)
    with few_collections(), Pulse(engine, sync_id, token, clock) as pulse:
        try:
            state = _apply(engine, sync_id, pulse, clock, committed_by)
        except ClaimLost:
            logger.warning("claim lost", extra={"sync_id": sync_id})
            return SyncState.COMMITTING
    packages.drop(engine, sync_id)
    return state


def refuse_stale(engine: Engine, sync_id: int, now: datetime) -> None:
    """Raise ``Stale`` where the plan may not be committed any more (SPEC 6.7); a commit under way goes on."""
    with writing(engine).begin() as connection:
        why = why_stale(connection, sync_id, now)
        if not why:
            return
        sentence = f"{why} Prepare again."
        if connection.scalar(select(Sync.state).where(Sync.id == sync_id)) == SyncState.PREPARED:
            move(connection, sync_id, SyncState.EXPIRED, note=sentence, finished_at=now)
    raise Stale(sentence)


def discard(engine: Engine, sync_id: int, now: datetime, who: str) -> None:
    """Put a prepared sync aside for good. Raises ``NotAllowed``."""
    with writing(engine).begin() as connection:
        note = f"Discarded by {who}."
        if not move(connection, sync_id, SyncState.DISCARDED, note=note, finished_at=now):
            raise NotAllowed("Only a sync that is prepared and not committed can be discarded.")
        notices.stop_asking(connection, sync_id, now)
    packages.drop(engine, sync_id)


def _apply(engine: Engine, sync_id: int, pulse: Pulse, clock: Clock, committed_by: int | None) -> SyncState:
    with writing(engine).begin() as connection:
        pulse.fence(connection)
        row = connection.execute(
            select(Sync.connection_id, Sync.mode, Sync.undoes_id, Sync.options, SisConnection.kind)
            .join(SisConnection, SisConnection.id == Sync.connection_id)
            .where(Sync.id == sync_id)
        ).one()
        if committed_by is not None:
            connection.execute(update(Sync).where(Sync.id == sync_id).values(committed_by=committed_by))
        total = connection.scalar(
            select(func.count()).where(
                ACTIONS.c.sync_id == sync_id, ACTIONS.c.state == ActionState.PLANNED, ACTIONS.c.ticked
            )
        )
    ledger = Ledger(engine, sync_id, pulse, clock)
    pulse.stage("Writing accounts, classes and rosters", total or 0)
    if row.mode == SyncMode.UNDO:
        apply_undo(ledger, row.connection_id, row.kind)
    else:
        _apply_sync(ledger, row)
    ledger.settle_unticked()
    return _finish(ledger, row)


def _apply_sync(ledger: Ledger, row: Row[Any]) -> None:
    options = stored_options(row.options, row.kind)
    accounts = AccountCommit(ledger, row.connection_id, mails=options.email_on_create)
    rosters = Rosters(row.connection_id, ledger.sync_id)
    classes = ClassCommit(ledger, row.connection_id, options, rosters)
    accounts.run()
    fill_late(ledger, row.connection_id)
    move_rosters(ledger, row.connection_id, row.kind)
    classes.run()
    parents.arrange(ledger)
    accounts.archive()
    classes.archive()
    parents.settle(ledger)


def _finish(ledger: Ledger, row: Row[Any]) -> SyncState:
    now, connection_id, undone_id = ledger.clock(), row.connection_id, row.undoes_id
    with ledger.transaction() as connection:
        waiting = connection.scalar(
            select(func.count()).where(
                ACTIONS.c.sync_id == ledger.sync_id, ACTIONS.c.state == ActionState.PLANNED, IS_HELD
            )
        )
        undone = ledger.outcome(ActionState.CONFLICT) + ledger.outcome(ActionState.FAILED)
        state = SyncState.PARTLY_COMMITTED if waiting or undone else SyncState.COMMITTED
        why = _why_full(connection, ledger.sync_id) if undone_id is None else undo_note(connection, ledger.sync_id)
        note = " ".join(part for part in (why, _note(waiting or 0, undone)) if part)
        move(connection, ledger.sync_id, state, note=note, finished_at=now, claim=None, stage="")
        partly = state is SyncState.PARTLY_COMMITTED
        kept_under.follow(connection, connection_id, ledger.sync_id, row.kind, is_undo=undone_id is not None)
        if undone_id is None:
            _take_place(connection, connection_id, ledger.sync_id)
            told = committed_sentence(ledger.counts, partly=partly)
        else:
            told = undone_sentence(undone_id, ledger.counts)
        pins.refresh(connection, load(connection, connection_id))
        whole = NoticeKind.COMMITTED if undone_id is None else NoticeKind.UNDONE
        kind = NoticeKind.PARTLY_COMMITTED if partly else whole
        notices.notify(connection, ledger.sync_id, kind, f"{told} {note}".strip(), now)
        _record(connection, ledger, state, now)
    return state


def _record(connection: Connection, ledger: Ledger, state: SyncState, now: datetime) -> None:
    """What the commit did, for the audit log, under the name of whoever asked for it where that is an account."""
    by = select(Account.id, Account.username).join(Sync, Sync.committed_by == Account.id)
    who = connection.execute(by.where(Sync.id == ledger.sync_id)).one_or_none()
    outcomes = {str(outcome): number for outcome in ActionState if (number := ledger.outcome(outcome))}
    notices.record(
        connection, "sync-committed", f"sync {ledger.sync_id}", now,
        actor=who.username if who else "portal", actor_id=who.id if who else None, state=str(state), outcomes=outcomes,
    )  # fmt: skip


def _take_place(connection: Connection, connection_id: int, sync_id: int) -> None:
    """Note where the next quick sync reads on. Not of an undo: it reads nothing, and the mirror stays where it was."""
    cursor = connection.scalar(select(Sync.cursor).where(Sync.id == sync_id))
    values = {"committed_sync_id": sync_id, "cursor": cursor}
    connection.execute(update(SisConnection).where(SisConnection.id == connection_id).values(values))
    forget_committed(connection, connection_id, sync_id)


def _why_full(connection: Connection, sync_id: int) -> str:
    """Why everything was read although only changes were asked for, as the prepare noted it; blank where it was not so."""
    about = (SyncWarning.sync_id == sync_id, SyncWarning.code == "full-instead")
    reason = connection.scalar(select(SyncWarning.value).where(*about).limit(1))
    return full_note(reason) if reason else ""


def _note(waiting: int, undone: int) -> str:
    parts = []
    if waiting:
        parts.append(f"{waiting:,} held, waiting for a decision.")
    if undone:
        parts.append(f"{undone:,} not applied because the portal changed in between.")
    return " ".join(parts)


def _state(engine: Engine, sync_id: int) -> str | None:
    with engine.connect() as connection:
        return connection.scalar(select(Sync.state).where(Sync.id == sync_id))
