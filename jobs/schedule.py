"""The clock: `python -m jobs.schedule` does what is due by itself, beside a worker that may be busy for long."""

import os
import signal
import sys
import threading

from flask import Flask

from jobs.worker import RECOVER_SECONDS, recover_now
from sisportal.config import ConfigError, load
from sisportal.factory import create_app


def tick(app: Flask) -> None:
    """What is due now: only recovery, which also runs while the worker is busy."""
    with app.app_context():
        recover_now()


def main() -> int:
    try:
        app = create_app(load(os.environ))
    except ConfigError as error:
        print(error, file=sys.stderr)
        return 1
    ended = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: ended.set())
    while not ended.wait(RECOVER_SECONDS):
        tick(app)
    return 0


if __name__ == "__main__":
    sys.exit(main())
