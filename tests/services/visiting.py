"""An administrator at a portal that runs in processes of its own, and what happens to these processes meanwhile."""

import os
import re
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any

import requests

from sisportal.config import PROJECT
from tests.services.processes import children

LONG = 60.0


def await_that(happens: Callable[[], bool], what: str) -> None:
    """Return once it is so. Raises ``AssertionError`` where it is not so before long."""
    limit = time.monotonic() + LONG
    while not happens():
        assert time.monotonic() < limit, what
        time.sleep(0.01)


class Administrator:
    """Somebody with a browser, who also sees what lies in the database."""

    def __init__(self, port: int, folder: Path) -> None:
        self._url, self._file = f"http://127.0.0.1:{port}", folder / "portal.sqlite3"
        self._browser = requests.Session()

    def sign_in(self, username: str, password: str) -> None:
        self.send("/sign-in", "/sign-in", username=username, password=password)

    def send(self, path: str, form_at: str, **fields: str) -> None:
        """Fill in a form as it stands on a page, and send it; it is to be taken."""
        answer = self.post(path, form_at, fields)
        assert answer.status_code in {302, 303}, f"{path} answered {answer.status_code}"

    def post(
        self, path: str, form_at: str, fields: dict[str, str], file: tuple[str, bytes] | None = None
    ) -> requests.Response:
        """The answer to a form; ``file``: the name and content of the one that is chosen in it."""
        page = self._browser.get(self._url + form_at, timeout=LONG)
        token = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', page.text)
        assert token, f"{form_at} has no form: {page.status_code}"
        sent, files = {"csrf_token": token[1], **fields}, {"file": file} if file else None
        return self._browser.post(self._url + path, data=sent, files=files, timeout=LONG, allow_redirects=False)

    def status(self, path: str) -> int:
        """What the portal answers; 0 while it does not."""
        try:
            return self._browser.get(self._url + path, timeout=LONG, allow_redirects=False).status_code
        except requests.ConnectionError:
            return 0

    def reads(self, statement: str) -> list[tuple[Any, ...]]:
        with closing(sqlite3.connect(self._file)) as database:
            return list(database.execute(statement))

    def is_in(self, sync_id: int, state: str) -> bool:
        return self.reads(f"SELECT state FROM sync WHERE id = {sync_id}") == [(state,)]

    def await_state(self, sync_id: int, state: str) -> None:
        found = self.reads("SELECT id, state, note FROM sync")
        await_that(lambda: self.is_in(sync_id, state), f"sync {sync_id} is not {state}; {found}")

    @contextmanager
    def half_way(self, sync_id: int, worker: int) -> Iterator[None]:
        """A commit that has begun goes no further meanwhile: its worker does nothing, perhaps in the midst of writing."""
        with closing(sqlite3.connect(self._file)) as database:
            limit = time.monotonic() + LONG
            while not _is_committing(database, sync_id):  # without a pause: a commit is short
                assert time.monotonic() < limit, "the commit was not met half-way"
            with paused(worker):
                assert _is_committing(database, sync_id), "the commit was met too late"
                yield
                assert _is_committing(database, sync_id)


def _is_committing(database: sqlite3.Connection, sync_id: int) -> bool:
    found: tuple[str] = database.execute("SELECT state FROM sync WHERE id = ?", (sync_id,)).fetchone()
    return found[0] == "committing"


@contextmanager
def web_process(
    environ: Mapping[str, str], port: int, preexec_fn: Callable[[], None] | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    """gunicorn as the Procfile starts it, once it answers; ended in the end."""
    command = [str(Path(sys.executable).parent / "gunicorn"), "app:app"]
    settings = {**os.environ, **environ, "PORT": str(port), "PYTHONDONTWRITEBYTECODE": "1"}
    silent = subprocess.DEVNULL
    with subprocess.Popen(
        command,
        cwd=PROJECT,
        env=settings,
        stdout=silent,
        stderr=silent,
        preexec_fn=preexec_fn,  # noqa: PLW1509 - there are no threads that hold anything yet
    ) as web:
        try:
            visitor = Administrator(port, Path(environ["DATA_DIR"]))
            await_that(lambda: visitor.status("/sign-in") == 200, "gunicorn does not answer")
            yield web
        finally:
            web.terminate()
            web.wait(LONG)


def kill_all(pid: int) -> None:
    """End a process without a word, with what it started itself."""
    for each in (pid, *children(pid)):
        os.kill(each, signal.SIGKILL)


@contextmanager
def paused(pid: int) -> Iterator[None]:
    """A process, and what it started itself, does nothing meanwhile, and goes on then."""
    every = [pid, *children(pid)]
    for each in every:
        os.kill(each, signal.SIGSTOP)
    try:
        yield
    finally:
        for each in every:
            os.kill(each, signal.SIGCONT)


class Processes:
    """What a launcher has started."""

    def __init__(self, launcher: int) -> None:
        self._launcher = launcher

    def of(self, words: str) -> int:
        """The process whose command has these words, be it started by one of these; 0 where none does just now."""
        own = children(self._launcher)
        with suppress(FileNotFoundError, ProcessLookupError):  # one that ends in this moment
            own += [each for pid in own for each in children(pid)]
        for pid in own:
            if words in _command(pid):
                return pid
        return 0

    def hold_back(self, name: str) -> None:
        """Others come first: what it does is met half-way on a busy machine, too."""
        os.setpriority(os.PRIO_PROCESS, self.of(name), 19)

    def kill(self, *names: str) -> None:
        """End them without a word, with what they started themselves, and wait until others stand in their place."""
        killed = {name: self.of(name) for name in names}
        for pid in killed.values():
            kill_all(pid)
        for name, pid in killed.items():
            await_that(lambda name=name, pid=pid: self.of(name) not in {0, pid}, f"{name} is not started again")  # type: ignore[misc]

    @contextmanager
    def stopped(self, name: str) -> Iterator[None]:
        """It does nothing meanwhile, and goes on then."""
        with paused(self.of(name)):
            yield


def _command(pid: int) -> str:
    """What a process was started with; blank where it has ended in this moment."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_text().replace("\0", " ")
    except (FileNotFoundError, ProcessLookupError):
        return ""
