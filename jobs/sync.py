"""The jobs of the queue: one stage of one sync each. They may be killed at any time and sent any number of times."""

import logging

from flask import current_app

from sisportal.extensions import db
from sisportal.syncing import commit as committing
from sisportal.syncing import prepare as preparing
from sisportal.syncing import running
from sisportal.syncing.queue import QueueGone
from sisportal.syncing.recovery import forget_asked_commit
from sisportal.syncing.states import Busy, NotAllowed

logger = logging.getLogger("sisportal.jobs")


def prepare(sync_id: int) -> None:
    """Prepare a queued sync, and have it committed where it is to be by itself.

    One that may not be prepared now stays as it is: recovery sends it again.
    """
    portal = current_app.extensions
    try:
        state = preparing.prepare(db.engine, sync_id, portal["open_provider"], portal["clock"])
        logger.info("sync %s: %s", sync_id, state)
        if running.is_commit_asked(db.engine, sync_id):
            portal["queue"].send_commit(sync_id)
    except NotAllowed as refusal:
        logger.info("sync %s not prepared: %s", sync_id, refusal)
    except QueueGone:
        logger.warning("the commit of sync %s is sent when the queue is back", sync_id)


def commit(sync_id: int) -> None:
    """Commit a sync, or continue a commit whose worker died."""
    clock = current_app.extensions["clock"]
    try:
        state = committing.commit(db.engine, sync_id, clock)
        logger.info("sync %s: %s", sync_id, state)
    except Busy as refusal:
        logger.info("sync %s not committed yet: %s", sync_id, refusal)
    except NotAllowed as refusal:
        logger.info("sync %s not committed: %s", sync_id, refusal)
        forget_asked_commit(db.engine, sync_id, str(refusal), clock())
