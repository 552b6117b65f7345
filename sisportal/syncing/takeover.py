"""Waiting for the silence of a stage whose program was killed: it counts as dead only some seconds later."""

import time
from collections.abc import Callable
from datetime import datetime

from sqlalchemy import Engine, select

from sisportal.models import Sync
from sisportal.syncing.progress import Clock
from sisportal.syncing.states import ACTIVE, STALE_AFTER, is_alive

LOOK_EVERY = 0.2
Beats = dict[int, datetime | None]


def await_silent(
    engine: Engine, connection_id: int, clock: Clock, sleep: Callable[[float], object] = time.sleep
) -> None:
    """Return when no stage of the connection seems to run, or as soon as one is seen to beat: then it does run."""
    first = _beating(engine, connection_id, clock())
    waited = 0.0
    while first and waited <= STALE_AFTER.total_seconds() + 1:
        sleep(LOOK_EVERY)
        waited += LOOK_EVERY
        now = _beating(engine, connection_id, clock())
        if not now or any(first.get(sync_id) != beat for sync_id, beat in now.items()):
            return


def _beating(engine: Engine, connection_id: int, now: datetime) -> Beats:
    """The last beat of each stage of the connection that counts as alive."""
    statement = select(Sync.id, Sync.state, Sync.heartbeat_at).where(
        Sync.connection_id == connection_id, Sync.state.in_(ACTIVE)
    )
    with engine.connect() as connection:
        rows = list(connection.execute(statement))
    return {row.id: row.heartbeat_at for row in rows if is_alive(row.state, row.heartbeat_at, now)}
