"""Stand-ins that tests hand to the portal: a clock and a queue."""

from datetime import datetime, timedelta

from sisportal.syncing.queue import QueueGone, StageQueue


class FakeClock:
    """Stands still until it is told to move."""

    def __init__(self, now: datetime) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now

    def pass_(self, **time: float) -> None:
        self.now += timedelta(**time)


class FakeQueue(StageQueue):
    """Remembers what was sent; ``away`` makes it a queue that does not answer."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, int]] = []
        self.away = False

    def _send(self, job: str, sync_id: int) -> None:
        if self.away:
            raise QueueGone
        self.sent.append((job, sync_id))

    def waiting(self) -> set[tuple[str, int]]:
        if self.away:
            raise QueueGone
        return set(self.sent)

    def forget(self) -> None:
        if self.away:
            raise QueueGone
        self.sent.clear()
