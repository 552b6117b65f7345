"""The end of a process that goes on by itself until somebody asks."""

import signal
import threading


def asked_to_end() -> threading.Event:
    """Set once somebody asks for the end, by Ctrl-C or SIGTERM."""
    ended = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: ended.set())
    return ended
