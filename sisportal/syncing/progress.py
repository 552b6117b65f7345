"""The pulse of a running stage: progress and heartbeat on the sync's row, and word of a cancel or of a lost claim."""

import threading
from collections.abc import Callable
from datetime import datetime
from types import TracebackType
from typing import Self

from sqlalchemy import Connection, Engine, select, update
from sqlalchemy.exc import OperationalError

from sisportal.models import Sync
from sisportal.models.database import writing

Clock = Callable[[], datetime]
BEAT_SECONDS = 1.0


class Cancelled(Exception):
    """A person asked for the stage to stop."""


class ClaimLost(Exception):
    """Another worker took the sync over: this one was thought dead and must write nothing more."""


class Stopped(Exception):
    """The prepare must not go on; the sentence says why and what to do."""

    def __init__(self, sentence: str, code: str) -> None:
        super().__init__(sentence)
        self.code = code


class Pulse:
    """Beats once a second from a thread of its own, so that a slow page of the SIS does not look like a dead worker."""

    def __init__(self, engine: Engine, sync_id: int, token: str, clock: Clock, every: float = BEAT_SECONDS) -> None:
        self._engine, self._sync_id, self._token, self._clock, self._every = (
            writing(engine),
            sync_id,
            token,
            clock,
            every,
        )
        self._stage, self._done, self._total = "", 0, 0
        self._stage_started_at = clock()
        self._asked_to_cancel, self._lost = False, False
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"pulse-{sync_id}", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        self._thread.join()

    @property
    def words(self) -> str:
        """The stage that runs now."""
        return self._stage

    def stage(self, words: str, total: int = 0) -> None:
        """Begin a stage, in words that a page shows."""
        self._stage, self._done, self._total = words, 0, total
        self._stage_started_at = self._clock()

    def advance(self, count: int, total: int | None = None) -> None:
        """Say that ``count`` more are done; raises ``Cancelled`` or ``ClaimLost`` where the stage must stop."""
        self._done += count
        if total is not None:
            self._total = total
        self.check()

    def check(self) -> None:
        """Raise ``Cancelled`` or ``ClaimLost`` where the stage must stop."""
        if self._lost:
            raise ClaimLost
        if self._asked_to_cancel:
            raise Cancelled

    def fence(self, connection: Connection) -> None:
        """Inside a write transaction: make sure that the claim still holds, or raise ``ClaimLost``."""
        statement = update(Sync).where(Sync.id == self._sync_id, Sync.claim == self._token)
        if connection.execute(statement.values(self._values())).rowcount != 1:
            raise ClaimLost

    def _values(self) -> dict[str, object]:
        return {
            "heartbeat_at": self._clock(),
            "stage": self._stage,
            "stage_started_at": self._stage_started_at,
            "done": self._done,
            "total": max(self._total, self._done),
        }

    def _run(self) -> None:
        while not self._ended.wait(self._every):
            try:
                self._beat()
            except ClaimLost:
                self._lost = True
                return
            except OperationalError:
                # The database is busy or away for a moment: the next beat tells. The stage's own writes fail loudly.
                continue

    def _beat(self) -> None:
        with self._engine.begin() as connection:
            self.fence(connection)
            asked = connection.scalar(select(Sync.cancel_asked).where(Sync.id == self._sync_id))
        self._asked_to_cancel = bool(asked)
