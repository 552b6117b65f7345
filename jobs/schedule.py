"""The clock: `python -m jobs.schedule` does what is due by itself, beside a worker that may be busy for long.

It only ticks: what is due, and what was done about it, is in the database. So it may be killed, and run twice.
"""

import logging
import os
import sys

from flask import Flask, current_app
from sqlalchemy.exc import SQLAlchemyError

from jobs.ending import asked_to_end
from jobs.worker import RECOVER_SECONDS, recover_now
from sisportal.config import ConfigError, load
from sisportal.extensions import db
from sisportal.foundation import create_portal
from sisportal.syncing import sample_district
from sisportal.syncing.automatic import run_due
from sisportal.syncing.keeping import remove_when_due
from sisportal.syncing.watched import Watch

logger = logging.getLogger("sisportal.jobs")


def tick(app: Flask) -> None:
    """What is due now: recovery, also while the worker is busy, the automatic syncs (SPEC 8), the watched folder (SPEC 4)."""
    with app.app_context():
        recover_now()
        start_due()
        look_into_folder()
        remove_old()
        settle_sample()


def start_due() -> None:
    """Start what is due, in an application context. A database that is away is waited for: what is due stays due."""
    portal = current_app.extensions
    try:
        run_due(db.engine, portal["queue"], portal["clock"]())
    except SQLAlchemyError:
        logger.exception("the schedule could not be looked at; it is tried again in %s seconds", RECOVER_SECONDS)
    finally:
        db.engine.dispose()


def look_into_folder() -> None:
    """Take the files that were dropped into the watched folder, in an application context."""
    portal = current_app.extensions
    if "watch" not in portal:
        settings = portal["settings"]
        portal["watch"] = Watch(settings.csv_folder, settings.data_dir, portal["open_provider"], portal["queue"])
    try:
        portal["watch"].look(db.engine, portal["clock"])
    except SQLAlchemyError:
        logger.exception("the watched folder could not be looked at; it is tried again in %s seconds", RECOVER_SECONDS)
    finally:
        db.engine.dispose()


def remove_old() -> None:
    """Remove what is older than it is kept, once a day, in an application context."""
    try:
        remove_when_due(db.engine, current_app.extensions["clock"]())
    except SQLAlchemyError:
        logger.exception("old records could not be removed; it is tried again later")
    finally:
        db.engine.dispose()


def settle_sample() -> None:
    """Have the sample district served while somebody tries it, in an application context."""
    portal = current_app.extensions
    try:
        sample_district.settle(db.engine, portal["settings"].data_dir, portal["clock"]())
    except SQLAlchemyError:
        logger.exception("the sample district could not be looked after; it is tried again later")
    finally:
        db.engine.dispose()


def main() -> int:
    try:
        app = create_portal(load(os.environ))
    except ConfigError as error:
        print(error, file=sys.stderr)
        return 1
    ended = asked_to_end()
    tick(app)  # what was due while the machine was off does not wait
    while not ended.wait(RECOVER_SECONDS):
        tick(app)
    return 0


if __name__ == "__main__":
    sys.exit(main())
