"""Run by ``test_killed``: stages in processes of their own that SIGKILL ends at chosen statements, then run again.

Reads what to do from its first argument and prints what came of it, both as JSON.
"""

import gc
import os
import signal
import sys
import threading
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from types import ModuleType
from typing import Any

import msgspec
from sqlalchemy import Engine, event

from sisportal.models import SyncMode
from sisportal.models.database import make_engine
from sisportal.syncing import actions, commit_accounts, commit_classes, parents, undo_places, undo_records
from sisportal.syncing.commit import commit
from sisportal.syncing.prepare import prepare, request_sync
from tests.services import compiled
from tests.syncing.portal import Portal, reader

SMALL_BATCHES: list[tuple[ModuleType, str, int]] = [
    (actions, "AT_ONCE", 20),
    (commit_accounts, "AT_ONCE", 7),
    (commit_classes, "AT_ONCE", 5),
    (parents, "_KEYS_AT_ONCE", 2),
    (undo_records, "AT_ONCE", 6),
    (undo_places, "_AT_ONCE", 3),
]
"""So that a small district has as many boundaries as a large one."""


class Task(msgspec.Struct):
    """What to do, once with each of the databases: all of them are alike."""

    stage: str
    sync_id: int
    urls: list[str]
    """The first one's stage is not killed: it tells how many statements there are."""
    now: datetime
    sandbox: str
    token: str
    undoes: int | None = None
    """Of the prepare of an undo: the sync that it takes back."""

    @property
    def later(self) -> datetime:
        """When whoever was killed counts as dead."""
        return self.now + timedelta(minutes=1)


class Run(msgspec.Struct):
    """What came of one database."""

    killed_at: int
    """The number of the statement; 0 for none."""
    was_killed: bool
    kept: str
    """Everything that the portal holds in the end."""
    outcome: str
    """What the sync's report says in the end."""


class Outcome(msgspec.Struct):
    """What came of the task."""

    statements: int
    runs: list[Run]


def main() -> None:
    for module, name, size in SMALL_BATCHES:
        assert hasattr(module, name)
        setattr(module, name, size)
    task = msgspec.json.decode(sys.argv[1], type=Task)
    with TemporaryDirectory() as folder:
        first, *others = task.urls
        # Here rather than in a child: all of them then begin with the statements compiled.
        compiled.share()
        statements = _counted(task, first)
        gc.collect()
        gc.freeze()
        runs = [_finished(task, first, folder, 0, was_killed=False)]
        for number, url in enumerate(others):
            at = 1 + number * statements // len(others)
            status = _forked(lambda url=url, at=at: _killed(task, url, at))  # type: ignore[misc]  # defaults bind the values
            was_killed = os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL
            runs.append(_finished(task, url, folder, at, was_killed=was_killed))
    sys.stdout.buffer.write(msgspec.json.encode(Outcome(statements, runs)))


def _stage(task: Task, engine: Engine) -> None:
    if task.stage == "commit":
        commit(engine, task.sync_id, lambda: task.now)
    else:
        prepare(engine, task.sync_id, reader(task.sandbox, task.token), lambda: task.now)


def _counted(task: Task, url: str) -> int:
    engine, seen = make_engine(url), [0]
    _listen(engine, lambda number: seen.__setitem__(0, number))
    _stage(task, engine)
    engine.dispose()
    return seen[0]


def _killed(task: Task, url: str, at: int) -> None:
    engine = make_engine(url)
    _listen(engine, lambda number: os.kill(os.getpid(), signal.SIGKILL) if number == at else None)
    _stage(task, engine)
    engine.dispose()


def _listen(engine: Engine, tell: Callable[[int], object]) -> None:
    """Number the statements and the ends of transactions of the stage itself, not of its pulse."""
    seen = 0

    def note(*_: Any) -> None:
        nonlocal seen
        if threading.current_thread() is threading.main_thread():
            seen += 1
            tell(seen)

    event.listen(engine, "before_cursor_execute", note)
    event.listen(engine, "commit", note)


def _finished(task: Task, url: str, folder: str, at: int, *, was_killed: bool) -> Run:
    """Run the stage again where it was killed, and commit what it prepared."""
    path = Path(folder) / "run"
    _forked(lambda: path.write_bytes(msgspec.json.encode(_run_again(task, url, at, was_killed=was_killed))))
    return msgspec.json.decode(path.read_bytes(), type=Run)


def _run_again(task: Task, url: str, at: int, *, was_killed: bool) -> Run:
    engine, sync_id = make_engine(url), task.sync_id
    if task.stage == "prepare":
        if was_killed:
            mode = SyncMode.FULL if task.undoes is None else SyncMode.UNDO
            sync_id = request_sync(engine, 1, task.later, mode=mode, undoes=task.undoes)
            prepare(engine, sync_id, reader(task.sandbox, task.token), lambda: task.later)
        commit(engine, sync_id, lambda: task.later)
    elif was_killed:
        commit(engine, sync_id, lambda: task.later)
    portal = Portal(engine, None)  # type: ignore[arg-type]  # the sandbox is not asked any more
    run = Run(at, was_killed, portal.dump(), portal.told(sync_id))
    engine.dispose()
    return run


def _forked(call: Callable[[], object]) -> int:
    """Do it in a child process; how that ended."""
    child = os.fork()
    if child:
        return os.waitpid(child, 0)[1]
    try:
        call()
    except BaseException:  # noqa: BLE001 - the child must never come back into the parent's code
        sys.excepthook(*sys.exc_info())
        os._exit(1)
    os._exit(0)


if __name__ == "__main__":
    main()
