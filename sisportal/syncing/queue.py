"""The queues: which stage of which sync is to run next, which mail to send. Only ids travel; the rows are the truth."""

import secrets

from redis import Redis
from redis.exceptions import RedisError
from rq import Queue
from rq.serializers import JSONSerializer

STAGES = "stages"
"""The queue of prepares and commits, one at a time."""
MAILS = "mail"
"""The queue of mails: its own, so that nobody who forgot a password waits for a long commit."""
PREPARE = "prepare"
COMMIT = "commit"
MAIL = "mail"
FUNCTIONS = {PREPARE: "jobs.sync.prepare", COMMIT: "jobs.sync.commit", MAIL: "jobs.mail.send"}
"""What the worker runs, by dotted path: nothing here imports it."""
FOR_EVER = -1
MAIL_SECONDS = 240
"""A job that sends mail ends by itself long before; a mail server that drips may not hold it for ever."""
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


def mails(redis: Redis) -> Queue:
    """The queue of mails, likewise."""
    return Queue(MAILS, connection=redis, serializer=JSONSerializer)


class StageQueue:
    """Sends stages to the worker, and mails to theirs."""

    def __init__(self, redis: Redis) -> None:
        self._queue, self._mails = stages(redis), mails(redis)

    def send_prepare(self, sync_id: int) -> None:
        """Have a queued sync prepared. Raises ``QueueGone``: then the sync stays queued and is sent later."""
        self._send(PREPARE, sync_id)

    def send_commit(self, sync_id: int) -> None:
        """Have a sync committed whose commit was asked for, or a commit continued that died. Raises ``QueueGone``."""
        self._send(COMMIT, sync_id)

    def send_mail(self, mail_id: int) -> None:
        """Have this mail sent, and every other one that is due. Raises ``QueueGone``: then it is sent later."""
        self._send(MAIL, mail_id)

    def waiting(self) -> set[tuple[str, int]]:
        """(``PREPARE`` or ``COMMIT``, sync id; ``MAIL``, mail id) of what no worker has taken yet. Raises ``QueueGone``."""
        try:
            ids = self._queue.get_job_ids() + self._mails.get_job_ids()
        except RedisError as error:
            raise QueueGone from error
        return {(job, int(row_id)) for job, row_id, _ in (id_.split("-") for id_ in ids)}

    def forget(self) -> None:
        """Take out everything that no worker has taken yet: it was meant for another state of the syncs. Raises ``QueueGone``."""
        try:
            self._queue.empty()  # type: ignore[no-untyped-call]  # RQ's
            self._mails.empty()  # type: ignore[no-untyped-call]  # likewise
        except RedisError as error:
            raise QueueGone from error

    def _send(self, job: str, row_id: int) -> None:
        # Without retries of RQ's own: what a failed job left undone is seen on its row and sent again from there.
        job_id = f"{job}-{row_id}-{secrets.token_hex(4)}"
        try:
            (self._mails if job == MAIL else self._queue).enqueue_call(
                FUNCTIONS[job],
                (row_id,),
                job_id=job_id,
                timeout=MAIL_SECONDS if job == MAIL else FOR_EVER,
                result_ttl=0,
                failure_ttl=FAILURE_KEPT_SECONDS,
                description=f"{job} {row_id}",
            )
        except RedisError as error:
            raise QueueGone from error
