"""The worker: `python -m jobs.worker` takes jobs from the queues, one at a time, each in a process of its own.

`python -m jobs.worker stages` and `python -m jobs.worker mail` serve one queue each; without a name it serves both.
"""

import logging
import os
import sys
import time
from collections.abc import Sequence
from types import FrameType

from flask import Flask, current_app
from redis import Redis
from redis.exceptions import RedisError
from rq import Queue, Worker
from rq.job import Job
from rq.serializers import JSONSerializer
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import configure_mappers

# Jobs name these two: loaded here, they are there when a job's process begins.
from jobs import mail, sync  # noqa: F401
from jobs.children import end_with_parent
from sisportal.config import ConfigError, load
from sisportal.extensions import db
from sisportal.foundation import create_portal
from sisportal.syncing.queue import MAILS, STAGES, mails, stages
from sisportal.syncing.recovery import recover, recover_mail

logger = logging.getLogger("sisportal.jobs")

RECOVER_SECONDS = 10
QUEUES = {STAGES: stages, MAILS: mails}
_MARGIN = 15
"""Seconds that RQ takes off a worker's time to live to get how long it waits for a job."""
_PAUSE = 2.0


def get_ready() -> None:
    """Do once what every job would begin with: the process of a job is a copy of this one."""
    configure_mappers()


def recover_now() -> None:
    """Recover, in an application context. No connection stays open: the jobs' processes would inherit it.

    A database that is away is waited for.
    """
    queue, now = current_app.extensions["queue"], current_app.extensions["clock"]()
    try:
        recover(db.engine, queue, now, time.sleep)
        if current_app.extensions["settings"].smtp_url:
            recover_mail(db.engine, queue, now)
    except SQLAlchemyError:
        logger.exception("recovery failed; it is tried again in %s seconds", RECOVER_SECONDS)
    finally:
        db.engine.dispose()


class StageWorker(Worker):
    """RQ's worker, which looks for what others left behind at its start and whenever it has nothing to do."""

    asked_to_stop = False

    def request_stop(self, signum: int, frame: FrameType | None) -> None:
        self.asked_to_stop = True
        super().request_stop(signum, frame)

    def run_maintenance_tasks(self) -> None:
        super().run_maintenance_tasks()
        recover_now()

    def main_work_horse(self, job: Job, queue: Queue) -> None:
        # A stage whose worker was killed would go on unseen, and nobody could stop it.
        end_with_parent()
        super().main_work_horse(job, queue)


def work(app: Flask, redis: Redis, queues: Sequence[Queue]) -> None:
    """Work on what the queues hold, the first one first, until somebody asks for the end; where Redis goes away, wait for it and go on."""
    with app.app_context():
        while True:
            try:
                worker = StageWorker(
                    queues,
                    connection=redis,
                    serializer=JSONSerializer,
                    worker_ttl=RECOVER_SECONDS + _MARGIN,
                    maintenance_interval=RECOVER_SECONDS - 1,
                )
                worker.work(logging_level="WARNING")
                if worker.asked_to_stop:
                    return
            except RedisError as error:
                logger.warning("the queue does not answer (%s)", error)
            time.sleep(_PAUSE)


def main(names: Sequence[str]) -> int:
    if unknown := set(names) - QUEUES.keys():
        print(f"There is no queue {min(unknown)}. The queues are: {', '.join(QUEUES)}.", file=sys.stderr)
        return 2
    try:
        settings = load(os.environ)
    except ConfigError as error:
        print(error, file=sys.stderr)
        return 1
    get_ready()
    redis = Redis.from_url(settings.redis_url)
    work(create_portal(settings), redis, [QUEUES[name](redis) for name in names or QUEUES])
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
