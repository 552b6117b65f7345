"""The sample district's keeper: `python -m jobs.sample` serves it while the portal wants it (SPEC 2.1).

It waits until somebody tries the sample, starts the sandbox as a process of its own, and starts it again when it dies.
"""

import contextlib
import os
import socket
import subprocess
import sys
import threading
import time

from jobs.children import end_with_parent
from jobs.ending import asked_to_end
from sisportal import sample
from sisportal.config import PROJECT, ConfigError, Settings, load
from sisportal.folder import FolderInUse, held

GLANCE = 0.2
"""Seconds between two looks at what is wanted."""
PORTS = 50
"""So many ports from the portal's own are tried: the address is to stay the same, out of the way of passing ones."""
LONGEST_PAUSE = 30.0
LIVED = 10.0
"""Seconds after which a death is the first of its kind again."""
STUDENTS, SCHOOLS = 600, 3


def command(settings: Settings, port: int) -> list[str]:
    """What serves the district, with the days that passed in it."""
    serving = [sys.executable, "-m", "sisportal.sandbox", "--port", str(port), "--token", sample.TOKEN]
    district = ["--students", str(STUDENTS), "--schools", str(SCHOOLS), "--days", "1"]
    remembers = ["--state", str(sample.days_file(settings.data_dir))]
    return [*serving, *district, *remembers, "--redirect-uri", f"{settings.base_url}/clever/callback", "--oidc"]


def free_port(first: int) -> int:
    """The first free port from here on; raises OSError where none of them is."""
    for port in range(first, min(first + PORTS, 65536)):
        with contextlib.suppress(OSError):
            socket.create_server(("127.0.0.1", port)).close()
            return port
    raise OSError(f"no port from {first} on is free for the sample district")


class Keeper:
    """The district's process, where there is one."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._process: subprocess.Popen[bytes] | None = None
        self._for = ""
        self._started = self._not_before = 0.0
        self._pause = 0.0

    def look(self) -> None:
        """Start it, start it again, or end it."""
        wanted, now = sample.wanted(self._settings.data_dir), time.monotonic()
        if self._process and self._process.poll() is not None:
            self._died(now)
        if self._process and wanted != self._for:
            self.end()
        if wanted and not self._process and now >= self._not_before:
            self._start(wanted, now)

    def _start(self, wanted: str, now: float) -> None:
        data_dir = self._settings.data_dir
        last = sample.address(data_dir).rpartition(":")[2]
        port = free_port(int(last) if last.isdigit() else self._settings.port + 1)
        self._process = subprocess.Popen(  # noqa: S603 - the command is our own
            command(self._settings, port),
            cwd=PROJECT,
            stdout=subprocess.DEVNULL,  # it says its address, which is the portal's to tell
            start_new_session=True,
            preexec_fn=end_with_parent,  # noqa: PLW1509 - there are no threads here
        )
        self._for, self._started = wanted, now
        sample.served_at(data_dir, f"http://127.0.0.1:{port}")

    def _died(self, now: float) -> None:
        """At once again the first time, so that a sync that runs goes on; later ever more slowly."""
        code = self._process.returncode if self._process else 0
        print(f"the sample district ended by itself (exit code {code}); it is started again.", flush=True)
        self._pause = 0.0 if now - self._started > LIVED else min(max(self._pause * 2, 1.0), LONGEST_PAUSE)
        self._process, self._not_before = None, now + self._pause

    def end(self) -> None:
        """End the process, where one runs."""
        if self._process:
            self._process.terminate()
            try:
                self._process.wait(timeout=5)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
            self._process = None


def keep(settings: Settings, ended: threading.Event) -> None:
    """Look after the district until the end; where another process does it, take over once that one has gone."""
    keeper = Keeper(settings)
    while not ended.is_set():
        try:
            with held(sample.folder(settings.data_dir)):
                while not ended.wait(GLANCE):
                    keeper.look()
        except FolderInUse:
            ended.wait(1)
        except OSError as error:
            print(f"The sample district cannot be served: {error}. It is tried again.", file=sys.stderr, flush=True)
            ended.wait(LONGEST_PAUSE)
        finally:
            keeper.end()


def main() -> int:
    try:
        settings = load(os.environ)
    except ConfigError as error:
        print(error, file=sys.stderr)
        return 1
    keep(settings, asked_to_end())
    return 0


if __name__ == "__main__":
    sys.exit(main())
