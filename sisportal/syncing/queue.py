"""The queue: which stage of which sync is to run next. Only ids travel in it; the sync's row is the truth."""

import secrets

from redis import Redis
from redis.exceptions import RedisError
from rq import Queue
from rq.serializers import JSONSerializer

STAGES = "stages"
"""The one queue that workers listen on."""
PREPARE = "prepare"
COMMIT = "commit"
FUNCTIONS = {PREPARE: "jobs.sync.prepare", COMMIT: "jobs.sync.commit"}
"""What the worker runs, by dotted path: nothing here imports it."""
FOR_EVER = -1
FAILURE_KEPT_SECONDS = 86_400


class QueueGone(Exception):
    """Redis does not answer, so nothing can be sent now; the message is a sentence for the page."""

    def __init__(self) -> None:
        super().__init__(
            "The queue does not answer just now. What was asked for is kept, and begins by itself when it is back."
        )


def connect(url: str) -> Redis:
    """A client that gives up soon: a page must not hang on a queue that is away. Nothing is sent yet."""
    return Redis.from_url(url, socket_connect_timeout=2, socket_timeout=5)


def stages(redis: Redis) -> Queue:
    """The queue as RQ knows it. What travels is JSON: unpickling would run whatever somebody put into Redis."""
    return Queue(STAGES, connection=redis, serializer=JSONSerializer)


class StageQueue:
    """Sends stages to the worker."""

    def __init__(self, redis: Redis) -> None:
        self._queue = stages(redis)

    def send_prepare(self, sync_id: int) -> None:
        """Have a queued sync prepared. Raises ``QueueGone``: then the sync stays queued and is sent later."""
        self._send(PREPARE, sync_id)

    def send_commit(self, sync_id: int) -> None:
        """Have a sync committed whose commit was asked for, or a commit continued that died. Raises ``QueueGone``."""
        self._send(COMMIT, sync_id)

    def waiting(self) -> set[tuple[str, int]]:
        """(``PREPARE`` or ``COMMIT``, sync id) of what no worker has taken yet. Raises ``QueueGone``."""
        try:
            ids = self._queue.get_job_ids()
        except RedisError as error:
            raise QueueGone from error
        return {(job, int(sync_id)) for job, sync_id, _ in (id_.split("-") for id_ in ids)}

    def forget(self) -> None:
        """Take out everything that no worker has taken yet: it was meant for another state of the syncs. Raises ``QueueGone``."""
        try:
            self._queue.empty()  # type: ignore[no-untyped-call]  # RQ's
        except RedisError as error:
            raise QueueGone from error

    def _send(self, job: str, sync_id: int) -> None:
        # Without retries of RQ's own: what a failed job left undone is seen on the sync's row and sent again from there.
        job_id = f"{job}-{sync_id}-{secrets.token_hex(4)}"
        try:
            self._queue.enqueue_call(
                FUNCTIONS[job],
                (sync_id,),
                job_id=job_id,
                timeout=FOR_EVER,
                result_ttl=0,
                failure_ttl=FAILURE_KEPT_SECONDS,
                description=f"{job} sync {sync_id}",
            )
        except RedisError as error:
            raise QueueGone from error
