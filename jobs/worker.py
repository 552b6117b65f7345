"""The worker: `python -m jobs.worker` takes stages from the queue, one at a time, each in a process of its own."""

import logging
import os
import sys
import time
from types import FrameType

from flask import Flask, current_app
from redis import Redis
from redis.exceptions import RedisError
from rq import Queue, Worker
from rq.job import Job
from rq.serializers import JSONSerializer
from sqlalchemy.exc import SQLAlchemyError

from jobs.children import end_with_parent
from sisportal.config import ConfigError, load
from sisportal.extensions import db
from sisportal.factory import create_app
from sisportal.syncing.queue import stages
from sisportal.syncing.recovery import recover

logger = logging.getLogger("sisportal.jobs")

RECOVER_SECONDS = 10
_MARGIN = 15
"""Seconds that RQ takes off a worker's time to live to get how long it waits for a job."""
_PAUSE = 2.0


def recover_now() -> None:
    """Recover, in an application context. No connection stays open: the jobs' processes would inherit it.

    A database that is away is waited for.
    """
    try:
        recover(db.engine, current_app.extensions["queue"], current_app.extensions["clock"]())
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


def work(app: Flask, redis: Redis) -> None:
    """Work until somebody asks for the end; where Redis goes away, wait for it and go on."""
    with app.app_context():
        while True:
            try:
                worker = StageWorker(
                    [stages(redis)],
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


def main() -> int:
    try:
        settings = load(os.environ)
    except ConfigError as error:
        print(error, file=sys.stderr)
        return 1
    work(create_app(settings), Redis.from_url(settings.redis_url))
    return 0


if __name__ == "__main__":
    sys.exit(main())
