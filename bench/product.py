"""The portal's own syncs over recorded pages, or over a OneRoster CSV package, as a worker runs them."""

import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

from sqlalchemy import Engine, func, select

from bench.package import is_package
from bench.recorded import A_HUNDREDTH, BASE, TOKEN, RecordedSession, changes_of
from sisportal.models import Base, Mapping, Membership, SisEnrollment, SisPerson, SisSection, Sync, SyncMode, SyncState
from sisportal.models.database import make_engine, writing
from sisportal.providers.base import Provider
from sisportal.providers.oneroster_csv import open_csv
from sisportal.providers.opening import open_clever
from sisportal.roster.records import Role
from sisportal.syncing import connections
from sisportal.syncing.commit import commit
from sisportal.syncing.connections import ConnectionFacts
from sisportal.syncing.prepare import prepare, request_sync

YEAR: dict[str, Any] = {"year_start": "2026-08-01", "year_end": "2027-07-31"}


class Unexpected(Exception):
    """A sync did not do what it should have: then its time means nothing."""


class Portal:
    """A portal with one connection, whose provider answers from a folder of pages, or reads a package."""

    def __init__(self, source: Path, url: str) -> None:
        self.engine: Engine = make_engine(url)
        self._source = source
        self.connection_id = 1

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.engine.dispose()

    def open_provider(self, facts: ConnectionFacts | None = None) -> Provider:
        """The recorded district."""
        if is_package(self._source):
            return open_csv(self._source, held=facts.held if facts else None, **YEAR)
        return open_clever(base_url=BASE, token=TOKEN, session=RecordedSession(self._source))

    def set_up(self) -> None:
        """Make the tables, connect, and map every school."""
        Base.metadata.create_all(self.engine)
        kind, settings = ("csv", YEAR) if is_package(self._source) else ("clever", {"base_url": BASE})
        self.connection_id = connections.connect(self.engine, kind, settings, None, now())
        schools = self.open_provider().schools()
        with writing(self.engine).begin() as connection:
            connections.remember_schools(connection, self.connection_id, schools, now())
            for school in schools:
                connections.map_school(connection, self.connection_id, school.source_id, Mapping.MAPPED, None, now())

    def prepare(self, mode: SyncMode = SyncMode.FULL) -> int:
        """Prepare a full sync, or a quick one of what changed since the last; its id."""
        since = "last" if mode is SyncMode.QUICK else ""
        sync_id = request_sync(self.engine, self.connection_id, now(), mode=mode, since=since)
        state = prepare(self.engine, sync_id, self.open_provider, now)
        if state is not SyncState.PREPARED:
            raise Unexpected(f"the prepare ended as {state}: {self._column(sync_id, Sync.note)}")
        if self._column(sync_id, Sync.mode) != mode:
            raise Unexpected(f"the {mode} sync became another: {self._column(sync_id, Sync.note)}")
        return sync_id

    def commit(self, sync_id: int) -> None:
        """Commit a prepared sync wholly."""
        state = commit(self.engine, sync_id, now)
        if state is not SyncState.COMMITTED:
            raise Unexpected(f"the commit ended as {state}: {self._column(sync_id, Sync.note)}")

    def counts(self, sync_id: int) -> dict[str, Any]:
        """What a sync planned: ``{type: {verb: {"planned": number}}}``."""
        found: dict[str, Any] = self._column(sync_id, Sync.counts)
        return found

    def records(self) -> dict[str, int]:
        """How many rows the mirror and the rosters hold."""
        tables = {"people": SisPerson, "sections": SisSection, "enrollments": SisEnrollment, "memberships": Membership}
        with self.engine.connect() as connection:
            return {
                name: connection.scalar(select(func.count()).select_from(table)) or 0 for name, table in tables.items()
            }

    def students(self) -> int:
        """How many students the mirror holds."""
        with self.engine.connect() as connection:
            return (
                connection.scalar(select(func.count()).select_from(SisPerson).where(SisPerson.role == Role.STUDENT))
                or 0
            )

    def _column(self, sync_id: int, column: Any) -> Any:
        with self.engine.connect() as connection:
            return connection.scalar(select(column).where(Sync.id == sync_id))


def now() -> datetime:
    """The clock of the stages."""
    return datetime.now(UTC)


def first_sync(source: Path, url: str) -> dict[str, Any]:
    """Prepare and commit the whole district into an empty portal."""
    with Portal(source, url) as portal:
        portal.set_up()
        figures = _timed(portal)
        records = portal.records()
    if not records["memberships"]:
        raise Unexpected("the first sync wrote no memberships")
    return figures | {"records": records}


def unchanged_sync(source: Path, url: str) -> dict[str, Any]:
    """The same once more. Raises ``Unexpected`` where anything was planned."""
    with Portal(source, url) as portal:
        figures = _timed(portal)
    if figures["planned"]:
        raise Unexpected(f"a sync with nothing changed planned {figures['planned']}")
    return figures


def quick_sync(source: Path, url: str) -> dict[str, Any]:
    """A sync of what changed, of a hundredth of the students, after one in which nothing had.

    The one before takes what a first sync wrote off the list of records to compare, once for ever. Raises ``Unexpected``
    where anything else than those changes was planned.
    """
    with Portal(source, url) as portal:
        portal.commit(portal.prepare(SyncMode.QUICK))
    with Portal(changes_of(source), url) as portal:
        figures = _timed(portal, SyncMode.QUICK)
        students = portal.students()
    changed = -(-students // A_HUNDREDTH)
    if figures["planned"] != {"student": {"edit": {"planned": changed, "applied": changed}}}:
        raise Unexpected(f"a sync of a hundredth of {students} students came to {figures['planned']}")
    return figures


def _timed(portal: Portal, mode: SyncMode = SyncMode.FULL) -> dict[str, Any]:
    begun, begun_cpu = time.perf_counter(), time.process_time()
    sync_id = portal.prepare(mode)
    prepared = time.perf_counter()
    portal.commit(sync_id)
    ended, ended_cpu = time.perf_counter(), time.process_time()
    return {
        "seconds": ended - begun,
        "cpu_seconds": ended_cpu - begun_cpu,
        "prepare_seconds": prepared - begun,
        "commit_seconds": ended - prepared,
        "planned": portal.counts(sync_id),
    }
