"""A few processes that start and end together; one that is killed in between is started again."""

import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import FrameType, TracebackType
from typing import Never, Self

PATIENCE = 10.0
"""Seconds that a process gets to end by itself before it is told again, and then killed."""
DEATHS = 5
"""So many ends of one process within a minute show that starting it again does not help."""
_MINUTE = 60.0
_GLANCE = 0.1
_PR_SET_PDEATHSIG = 1


class Stopped(Exception):
    """Somebody asked for the end, by Ctrl-C or SIGTERM."""


class ChildEnded(Exception):
    """A process that was to stay has ended, or one that was to succeed has not; the message says which."""


@dataclass
class _Child:
    """A process, how to start it again, and when it ended so far."""

    command: Sequence[str]
    process: subprocess.Popen[bytes]
    deaths: list[float] = field(default_factory=list)


class Children:
    """Started processes by name. Leaving the context ends them all, the first one started last."""

    def __init__(self, environ: Mapping[str, str], folder: str) -> None:
        self._environ = dict(environ)
        self._folder = folder
        self._running: dict[str, _Child] = {}
        self._asked_to_stop = False

    def __enter__(self) -> Self:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self._ask_to_stop)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        processes = [child.process for child in self._running.values()]
        for group in (processes[1:], processes[:1]):
            _end(group)

    def pids(self) -> dict[str, int]:
        """The process numbers of what was started to stay, by name."""
        return {name: child.process.pid for name, child in self._running.items()}

    def start(self, name: str, command: Sequence[str]) -> None:
        """Starts ``command`` to stay until the end."""
        self._running[name] = _Child(command, self._started(command))

    def _started(self, command: Sequence[str]) -> subprocess.Popen[bytes]:
        return subprocess.Popen(  # noqa: S603 - commands are the Procfile's and our own
            command,
            env=self._environ,
            cwd=self._folder,
            start_new_session=True,
            preexec_fn=end_with_parent,  # noqa: PLW1509 - there are no threads here
        )

    def run(self, name: str, command: Sequence[str]) -> None:
        """Runs ``command`` to its end. Raises ChildEnded where that is a failure."""
        self.start(name, command)
        child = self._running.pop(name).process
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

    def stay(self) -> Never:
        """Keeps every process up until somebody asks for the end: what was killed is started again.

        Raises Stopped, or ChildEnded where a process ends ``DEATHS`` times within a minute.
        """
        while True:
            if self._asked_to_stop:
                raise Stopped
            for name, child in self._running.items():
                if child.process.poll() is not None:
                    self._start_again(name, child)
            time.sleep(_GLANCE)

    def _start_again(self, name: str, child: _Child) -> None:
        now = time.monotonic()
        child.deaths = [*(moment for moment in child.deaths if now - moment < _MINUTE), now]
        if len(child.deaths) >= DEATHS:
            raise _ended_by_itself(name, child)
        print(f"{name} ended by itself (exit code {child.process.returncode}); it is started again.", flush=True)
        child.process = self._started(child.command)

    def _check(self) -> None:
        if self._asked_to_stop:
            raise Stopped
        for name, child in self._running.items():
            if child.process.poll() is not None:
                raise _ended_by_itself(name, child)

    def _ask_to_stop(self, _number: int, _frame: FrameType | None) -> None:
        self._asked_to_stop = True


def _ended_by_itself(name: str, child: _Child) -> ChildEnded:
    code = child.process.returncode
    return ChildEnded(f"{name} ended by itself (exit code {code}); what it said stands above.")


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
