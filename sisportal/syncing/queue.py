"""The queue: which stage of which sync is to run next. Only ids travel in it; the sync's row is the truth."""

import secrets

from redis import Redis
from redis.exceptions import RedisError
from rq import Queue as RedisQueue
from rq.serializers import JSONSerializer

QUEUE = "stages"
PREPARE = "jobs.sync.prepare"
COMMIT = "jobs.sync.commit"


class QueueGone(Exception):
    """Redis does not answer: nothing can be put into the queue now; the message is a sentence for the page."""

    def __init__(self) -> None:
        super().__init__("The queue does not answer. What was asked for is kept, and starts by itself when it is back.")


def redis_client(url: str) -> Redis:
    """A client that gives up soon: a page must not hang on a queue that is away."""
    return Redis.from_url(url, socket_connect_timeout=2, socket_timeout=5)


class StageQueue:
    """Sends stages to the worker."""

    def __init__(self, redis: Redis) -> None:
        self._jobs = RedisQueue(QUEUE, connection=redis, serializer=JSONSerializer)

    def send_prepare(self, sync_id: int) -> None:
        """Have a queued sync prepared. Raises ``QueueGone``."""
        self._send(PREPARE, sync_id)

    def send_commit(self, sync_id: int, committed_by: int | None = None) -> None:
        """Have a prepared sync committed, or a commit that died continued. Raises ``QueueGone``."""
        self._send(COMMIT, sync_id, committed_by)

    def waiting(self) -> set[tuple[str, int]]:
        """(job, sync id) of what waits for the worker. Raises ``QueueGone``."""
        try:
            ids = self._jobs.get_job_ids()
        except RedisError as error:
            raise QueueGone from error
        return {(job, int(sync_id)) for job, sync_id, _ in (id_.split(":") for id_ in ids)}

    def _send(self, job: str, sync_id: int, *more: int | None) -> None:
        # The stage itself knows whether it may run again; a job that failed is sent anew by whoever finds its sync.
        job_id = f"{job}:{sync_id}:{secrets.token_hex(4)}"
        try:
            self._jobs.enqueue(job, sync_id, *more, job_id=job_id, job_timeout=-1, result_ttl=0, failure_ttl=86_400)
        except RedisError as error:
            raise QueueGone from error
