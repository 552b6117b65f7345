"""The portal's own syncs over recorded pages, or over a OneRoster CSV package, as a worker runs them."""

import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

from sqlalchemy import Engine, func, select

from bench.package import is_package
from bench.recorded import BASE, TOKEN, RecordedSession
from sisportal.models import Base, Mapping, Membership, SisEnrollment, SisPerson, SisSection, Sync, SyncState
from sisportal.models.database import make_engine, writing
from sisportal.providers.base import Provider
from sisportal.providers.oneroster_csv import open_csv
from sisportal.providers.opening import open_clever
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

    def prepare(self) -> int:
        """Prepare a full sync; its id."""
        sync_id = request_sync(self.engine, self.connection_id, now())
        state = prepare(self.engine, sync_id, self.open_provider, now)
        if state is not SyncState.PREPARED:
            raise Unexpected(f"the prepare ended as {state}: {self._column(sync_id, Sync.note)}")
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


def _timed(portal: Portal) -> dict[str, Any]:
    begun, begun_cpu = time.perf_counter(), time.process_time()
    sync_id = portal.prepare()
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
