"""Putting right what a killed worker or a lost queue left behind, from what the syncs' rows say (SPEC 7, 11)."""

import logging
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Engine, or_, select, update

from sisportal.models import NoticeKind, Sync, SyncState
from sisportal.models.database import writing
from sisportal.syncing import notices, outbox
from sisportal.syncing.queue import COMMIT, MAIL, PREPARE, QueueGone, StageQueue
from sisportal.syncing.running import commit_asked
from sisportal.syncing.states import ASKED, MOVES, dead_commits, interrupt_dead, seems_dead

logger = logging.getLogger(__name__)

GRACE = timedelta(seconds=5)
"""How long somebody who asked for a stage may take to send it, or to begin it without a queue."""
BEATS_SECONDS = 2.5
"""A stage that lives beats twice meanwhile."""
_COMMITTABLE = [state for state, targets in MOVES.items() if SyncState.COMMITTING in targets]


def recover(
    engine: Engine, queue: StageQueue, now: datetime, pause: Callable[[float], object] = lambda _seconds: None
) -> list[tuple[str, int]]:
    """Mark dead prepares as interrupted, and send again what waits for a worker and is not in the queue.

    Where a stage seems dead, ``pause`` is called before it is believed: a clock that was just put forward or back makes
    every stage look so until its next beat.

    Returns (job, sync id) of what was sent. To send a stage once too often does no harm: it is claimed once. Where the
    queue is away nothing is sent, and the next call tries again.
    """
    if seems_dead(engine, now):
        pause(BEATS_SECONDS)
    with writing(engine).begin() as connection:
        for sync_id in interrupt_dead(connection, now):
            logger.warning("sync %s was interrupted: its worker has died", sync_id)
        wanted = [(COMMIT, sync_id) for sync_id in dead_commits(connection, now)]
        wanted += [(COMMIT, row.id) for row in connection.execute(_asked()) if _is_lost_commit(row, now)]
        late = or_(Sync.created_at < now - GRACE, Sync.created_at > now + GRACE)
        queued = select(Sync.id).where(Sync.state == SyncState.QUEUED, late)
        wanted += [(PREPARE, sync_id) for sync_id in connection.scalars(queued.order_by(Sync.id))]
    try:
        return _send(queue, wanted)
    except QueueGone:
        logger.warning("the queue does not answer: %d stages wait for it", len(wanted))
        return []


def recover_mail(engine: Engine, queue: StageQueue, now: datetime) -> int | None:
    """Take up mails that a dead worker had, and have what is due sent where no job for it waits; the mail it begins with.

    Called every few seconds, this is also what sends a mail again after its pause, or once the mail server is back.
    """
    with writing(engine).begin() as connection:
        outbox.tidy(connection, now)
        trouble = outbox.trouble(connection)
        due = None if trouble and now < trouble.until else outbox.next_due(connection, now)
    if due is None:
        return None
    try:
        if any(job == MAIL for job, _ in queue.waiting()):
            return None
        queue.send_mail(due)
    except QueueGone:
        logger.warning("the queue does not answer: mail waits for it")
        return None
    return due


def forget_asked_commit(engine: Engine, sync_id: int, why: str, now: datetime) -> None:
    """A commit that was asked for is refused: it is not to be sent again until somebody asks again, who is told why."""
    with writing(engine).begin() as connection:
        asked = update(Sync).where(Sync.id == sync_id, Sync.stage == ASKED)
        if connection.execute(asked.values(stage="")).rowcount:
            text = f"The commit of sync {sync_id} was not begun. {why}"
            notices.notify(connection, sync_id, NoticeKind.FAILED, text, now)


def _send(queue: StageQueue, wanted: list[tuple[str, int]]) -> list[tuple[str, int]]:
    waiting = queue.waiting() if wanted else set()
    lost = [(job, sync_id) for job, sync_id in wanted if (job, sync_id) not in waiting]
    for job, sync_id in lost:
        logger.warning("%s of sync %s is sent again", job, sync_id)
        if job == COMMIT:
            queue.send_commit(sync_id)
        else:
            queue.send_prepare(sync_id)
    return lost


def _asked() -> Any:
    return select(Sync.id, Sync.state, Sync.stage, Sync.heartbeat_at).where(
        Sync.state.in_(_COMMITTABLE), Sync.stage != ""
    )


def _is_lost_commit(row: Any, now: datetime) -> bool:
    return commit_asked(row) and abs(now - row.heartbeat_at) > GRACE
