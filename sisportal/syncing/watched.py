"""The watched folder: a OneRoster zip that is dropped there is taken once it is whole, and moved to ``done`` or ``failed`` (SPEC 4).

A file is whole when nothing about it has changed between two looks, it is no longer young, and it ends as a zip ends. It is
known by its name, size and time: the sync that reads it keeps those, so that it is taken once whatever is killed on the way.
"""

import logging
import os
import stat
import zipfile
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

from sqlalchemy import Engine, select

from sisportal.models import NoticeKind, SisConnection, Sync
from sisportal.models.database import writing
from sisportal.syncing import apps, arrivals, notices, packages, running
from sisportal.syncing.audit_events import Event
from sisportal.syncing.auto_commit import AUTO_COMMIT
from sisportal.syncing.connections import OpenProvider, load
from sisportal.syncing.progress import Clock
from sisportal.syncing.queue import QueueGone, StageQueue
from sisportal.syncing.review import Who
from sisportal.syncing.states import NotAllowed
from sisportal.syncing.waiting_undo import tell_once, waiting_undo

logger = logging.getLogger(__name__)

DROPPED = "dropped"
"""In the request of a sync: which file of the folder it reads."""
DONE, FAILED = "done", "failed"
YOUNG = timedelta(seconds=20)
"""A file that was written to so recently may still grow."""
GIVE_UP = timedelta(minutes=10)
"""After so long without a byte more, what does not end as a zip is no copy under way."""
WHO = Who("watched folder")
_LOOK_BACK = 200


class Seen(NamedTuple):
    """What tells one file from another, and a file from the same one that has grown."""

    inode: int
    size: int
    written_ns: int


class Watch:
    """Looks into the folder again and again, and remembers what it saw the last time."""

    def __init__(self, folder: Path, data_dir: Path, open_provider: OpenProvider, queue: StageQueue) -> None:
        self._folder, self._data_dir, self._open_provider, self._queue = folder, data_dir, open_provider, queue
        self._seen: dict[str, Seen] = {}

    def look(self, engine: Engine, clock: Clock) -> list[int]:
        """Take the files that are whole, oldest first, while the connection is free; ids of the syncs that were started."""
        connection_id = _connection(engine)
        if connection_id is None or not self._is_there():
            return []
        started = []
        for path, seen in self._whole(clock()):
            sync_id = self._take(engine, connection_id, path, seen, clock)
            if sync_id is not None:
                started.append(sync_id)
        return started

    def _is_there(self) -> bool:
        """The portal's own folder is made where it is missing; one elsewhere is whose it is."""
        if self._folder.parent == self._data_dir:
            self._folder.mkdir(mode=0o700, exist_ok=True)
        return self._folder.is_dir()

    def _whole(self, now: datetime) -> list[tuple[Path, Seen]]:
        found = dict(_files(self._folder))
        before, self._seen = self._seen, {path.name: seen for path, seen in found.items()}
        still = [
            (path, seen) for path, seen in found.items() if before.get(path.name) == seen and _is_whole(path, seen, now)
        ]
        return sorted(still, key=lambda each: each[1].written_ns)

    def _take(self, engine: Engine, connection_id: int, path: Path, seen: Seen, clock: Clock) -> int | None:
        name = f"{path.name}|{seen.size}|{seen.written_ns}"
        try:
            if _is_taken(engine, connection_id, name):  # killed before it could be moved
                self._move(path, DONE, clock())
                return None
            if running.is_busy(engine, connection_id, clock()) or _waits(engine, connection_id, path, clock()):
                return None
            with path.open("rb") as file:
                kept = packages.keep(self._data_dir, file)
        except OSError:
            logger.exception("%s of the watched folder cannot be read; it is tried again", path.name)
            return None
        return self._start(engine, connection_id, path, kept, name, clock)

    def _start(self, engine: Engine, connection_id: int, path: Path, kept: Path, name: str, clock: Clock) -> int | None:
        try:
            may_start = arrivals.look_through(engine, connection_id, kept, self._open_provider, clock)
        except arrivals.Refused as refusal:
            self._refuse(engine, path, str(refusal), clock())
            return None
        if not may_start:
            arrivals.keep_waiting(engine, connection_id, kept, clock, path.name)
            self._move(path, DONE, clock())
            told = f"{path.name} was taken. Say what its businesses become; then its sync can start."
            _tell(engine, NoticeKind.HELD, told, "/admin/sis/csv/configure/mapping", clock())
            return None
        try:
            sync_id = running.start(
                engine,
                connection_id,
                WHO,
                clock(),
                automatic=True,
                file=str(kept),
                file_name=path.name,
                **_wanted(engine, connection_id, name),
            )
        except NotAllowed as refusal:  # somebody was faster: it stays where it is
            kept.unlink(missing_ok=True)
            logger.info("%s waits: %s", path.name, refusal)
            return None
        self._move(path, DONE, clock())
        try:
            self._queue.send_prepare(sync_id)
        except QueueGone:
            logger.warning("the queue does not answer: sync %s is sent later", sync_id)
        return sync_id

    def _refuse(self, engine: Engine, path: Path, why: str, now: datetime) -> None:
        moved = self._move(path, FAILED, now)
        if moved is not None:
            moved.with_name(f"{moved.name}.reason.txt").write_text(f"{why}\n", encoding="utf-8")
        told = f"{path.name} of the watched folder was refused, and nothing was changed. {why}"
        _tell(engine, NoticeKind.FAILED, told, "/admin/sis/csv/upload", now)

    def _move(self, path: Path, to: str, now: datetime) -> Path | None:
        """Where the file went: never over another one; None where it cannot be moved, which is tried again."""
        target = self._folder / to / f"{now:%Y%m%dT%H%M%S}-{path.name}"
        try:
            target.parent.mkdir(exist_ok=True)
            while target.exists():
                target = target.with_name(f"again-{target.name}")
            path.rename(target)
        except OSError:
            logger.exception("%s cannot be moved to %s", path, target)
            return None
        return target


def _files(folder: Path) -> Iterator[tuple[Path, Seen]]:
    """The zips that lie in the folder itself: neither links nor what is hidden."""
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.name.startswith(".") or not entry.name.lower().endswith(".zip"):
                continue
            try:
                found = entry.stat(follow_symlinks=False)
            except FileNotFoundError:  # taken away in this moment
                continue
            if stat.S_ISREG(found.st_mode):
                yield Path(entry.path), Seen(found.st_ino, found.st_size, found.st_mtime_ns)


def _is_whole(path: Path, seen: Seen, now: datetime) -> bool:
    age = now.timestamp() - seen.written_ns / 1e9
    if age < YOUNG.total_seconds():
        return False
    return zipfile.is_zipfile(path) or age > GIVE_UP.total_seconds()


def _connection(engine: Engine) -> int | None:
    """The CSV connection, where it is enabled."""
    with engine.connect() as connection:
        wanted = select(SisConnection.id).where(SisConnection.kind == "csv", SisConnection.enabled)
        found = connection.scalar(wanted)
        return None if found is None or apps.is_off(connection, "csv") else found


def _is_taken(engine: Engine, connection_id: int, name: str) -> bool:
    statement = select(Sync.request).where(Sync.connection_id == connection_id).order_by(Sync.id.desc())
    with engine.connect() as connection:
        return any(asked.get(DROPPED) == name for asked in connection.scalars(statement.limit(_LOOK_BACK)))


def _waits(engine: Engine, connection_id: int, path: Path, now: datetime) -> bool:
    """Whether the file stays where it is because an undo waits for review, which is told once."""
    with writing(engine).begin() as connection:
        undo_id = waiting_undo(connection, connection_id, now)
        if undo_id is not None:
            tell_once(connection, undo_id, f"{path.name} of the watched folder", now)
        return undo_id is not None


def _wanted(engine: Engine, connection_id: int, name: str) -> dict[str, Any]:
    with engine.connect() as connection:
        by_itself = load(connection, connection_id).options.auto_commit
    return {DROPPED: name} | ({AUTO_COMMIT: True} if by_itself else {})


def _tell(engine: Engine, kind: NoticeKind, text: str, link: str, now: datetime) -> None:
    with writing(engine).begin() as connection:
        notices.notify(connection, None, kind, text, now, link=link)
        event: Event = "file-refused" if kind is NoticeKind.FAILED else "file-taken"
        notices.record(connection, event, text[:200], now, actor=WHO.name)
