"""A few processes that live and end together: when one ends, or the one that started them, so do the others."""

import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from types import FrameType, TracebackType
from typing import Self

PATIENCE = 10.0
"""Seconds that a process gets to end by itself before it is told again, and then killed."""
_GLANCE = 0.1
_PR_SET_PDEATHSIG = 1


class Stopped(Exception):
    """Somebody asked for the end, by Ctrl-C or SIGTERM."""


class ChildEnded(Exception):
    """A process that was to stay has ended, or one that was to succeed has not; the message says which."""


class Children:
    """Started processes by name. Leaving the context ends them all, the first one started last."""

    def __init__(self, environ: Mapping[str, str], folder: str) -> None:
        self._environ = dict(environ)
        self._folder = folder
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        self._asked_to_stop = False

    def __enter__(self) -> Self:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self._ask_to_stop)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        first, *others = self._running.values() or [None]
        for group in (others, [first]):
            _end([child for child in group if child])

    def pids(self) -> dict[str, int]:
        """The process numbers of what was started to stay, by name."""
        return {name: child.pid for name, child in self._running.items()}

    def start(self, name: str, command: Sequence[str]) -> None:
        """Starts ``command`` to stay until the end."""
        self._running[name] = subprocess.Popen(  # noqa: S603 - commands are the Procfile's and our own
            command,
            env=self._environ,
            cwd=self._folder,
            start_new_session=True,
            preexec_fn=end_with_parent,  # noqa: PLW1509 - there are no threads here
        )

    def run(self, name: str, command: Sequence[str]) -> None:
        """Runs ``command`` to its end. Raises ChildEnded where that is a failure."""
        self.start(name, command)
        child = self._running.pop(name)
        try:
            self.wait_until(lambda: child.poll() is not None)
        finally:
            _end([child])
        if child.returncode:
            raise ChildEnded(f"{name} failed (exit code {child.returncode}); what it said stands above.")

    def read(self, name: str, command: Sequence[str]) -> bytes:
        """What ``command`` prints. Raises ChildEnded where it fails."""
        done = subprocess.run(  # noqa: S603 - as in start
            command, env=self._environ, cwd=self._folder, stdout=subprocess.PIPE, check=False
        )
        if done.returncode:
            raise ChildEnded(f"{name} failed (exit code {done.returncode}); what it said stands above.")
        return done.stdout

    def wait_until(self, ready: Callable[[], bool], *, seconds: float = float("inf"), otherwise: str = "") -> None:
        """Waits for ``ready`` while every process runs. Raises Stopped, or ChildEnded with ``otherwise`` in the end."""
        limit = time.monotonic() + seconds
        while not ready():
            self._check()
            if time.monotonic() > limit:
                raise ChildEnded(otherwise)
            time.sleep(_GLANCE)

    def _check(self) -> None:
        if self._asked_to_stop:
            raise Stopped
        for name, child in self._running.items():
            if child.poll() is not None:
                raise ChildEnded(f"{name} ended by itself (exit code {child.returncode}); what it said stands above.")

    def _ask_to_stop(self, _number: int, _frame: FrameType | None) -> None:
        self._asked_to_stop = True


def _end(children: Sequence[subprocess.Popen[bytes]]) -> None:
    """Asks twice (a worker finishes its job after the first, and drops it after the second), then kills."""
    for _ in range(2):
        for child in children:
            child.send_signal(signal.SIGTERM)  # does nothing where it has ended
        if _ended(children):
            return
    for child in children:
        if child.poll() is None:
            os.killpg(child.pid, signal.SIGKILL)
            child.wait()


def _ended(children: Sequence[subprocess.Popen[bytes]]) -> bool:
    limit = time.monotonic() + PATIENCE
    while any(child.poll() is None for child in children):
        if time.monotonic() > limit:
            return False
        time.sleep(_GLANCE)
    return True


_LIBC = ctypes.CDLL(None) if sys.platform == "linux" else None


def end_with_parent() -> None:
    """Has the kernel end this process when its parent is killed without a chance to do so (prctl(2), Linux)."""
    if _LIBC:
        _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
