"""Portals that read the sandbox as OneRoster: by REST, and by packages."""

from datetime import timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import Engine

from sisportal.models import Mapping, SisSchool, SyncMode, SyncState
from sisportal.models.database import writing
from sisportal.providers.base import Provider
from sisportal.providers.oneroster_csv import open_csv
from sisportal.providers.opening import open_oneroster
from sisportal.roster.options import with_option
from sisportal.sandbox.oneroster_csv import write_package
from sisportal.sandbox.oneroster_profiles import SPEC_TRUE
from sisportal.sandbox.serving import Served
from sisportal.syncing import connections, mapping, packages
from sisportal.syncing.connections import ConnectionFacts, OpenProvider
from sisportal.syncing.prepare import request_sync
from sisportal.syncing.releasing import release_guards
from tests.syncing.portal import PAGE, WHO, Portal

YEAR: dict[str, Any] = {"year_start": "2026-08-01", "year_end": "2027-07-31"}


class OneRosterPortal(Portal):
    """Whose connection reads the sandbox by REST."""

    kind = "oneroster"

    @property
    def open_provider(self) -> OpenProvider:
        def open_provider(facts: ConnectionFacts) -> Provider:
            sandbox = self.served.sandbox
            # Servers with addresses of their own are entered with them.
            version, root = sandbox.oneroster.profile.roots[0]
            is_usual = sandbox.oneroster.profile.roots == SPEC_TRUE.roots
            return open_oneroster(
                base_url=self.served.url if is_usual else self.served.url + root,
                bearer=sandbox.oneroster.access.bearer,
                version=facts.options.api_version if is_usual else version,
                clock=self.now.timestamp,
                sleep=lambda _seconds: None,
                page_size=PAGE,
                **YEAR,
            )

        return open_provider

    def connect(self, *schools: str, organizations: bool = True) -> None:  # always of their own
        """Connect, and map these schools by their names, or everything that is listed."""
        self.served.sandbox.oneroster.ledger(self.served.sandbox.district)
        self.connection_id = connections.connect(self.engine, self.kind, {}, None, self.now)
        self.map_listed(*schools)

    def map_listed(self, *names: str) -> None:
        mapping.fetch_schools(self.engine, self.connection_id, self.open_provider, self.clock)
        with writing(self.engine).begin() as connection:
            if not names:
                mapping.auto_create(connection, self.connection_id, self.now)
            for row in self.rows(SisSchool, SisSchool.connection_id == self.connection_id):
                if row.name in names:
                    mapping.map_to_organization(connection, self.connection_id, row.source_id, row.name, self.now)

    def option(self, name: str, text: str) -> None:
        changed = with_option(self.facts().options, name, text, self.kind)
        connections.change_options(self.engine, self.connection_id, changed, self.now)

    def school_ids(self) -> list[str]:
        """The ids of the mapped schools that are schools."""
        rows = self.rows(SisSchool, SisSchool.connection_id == self.connection_id, SisSchool.mapping == Mapping.MAPPED)
        return [row.source_id for row in rows if row.payload["kind"] == "school"]

    def prepare_with(self, mode: SyncMode = SyncMode.FULL, **asked: Any) -> int:
        """A prepared sync; its id."""
        sync_id = self.try_prepare(request_sync(self.engine, self.connection_id, self.now, mode=mode, **asked))
        assert self.sync(sync_id).state == SyncState.PREPARED, self.sync(sync_id).note
        self.now += timedelta(minutes=1)
        return sync_id

    def commit_everything(self, sync_id: int) -> int:
        release_guards(self.engine, sync_id, WHO, self.now)
        assert self.commit(sync_id) == SyncState.COMMITTED, self.sync(sync_id).note
        return sync_id

    def quick(self) -> int:
        return self.prepare_with(SyncMode.QUICK)


class CsvPortal(OneRosterPortal):
    """Whose connection reads packages that the sandbox wrote."""

    kind = "csv"

    def __init__(self, engine: Engine, served: Served, folder: Path) -> None:
        super().__init__(engine, served)
        self.folder = folder

    @property
    def open_provider(self) -> OpenProvider:
        def open_provider(facts: ConnectionFacts) -> Provider:
            return open_csv(facts.package, held=facts.held, clock=self.now.timestamp, **YEAR)

        return open_provider

    def map_listed(self, *names: str) -> None:
        """There is no file yet: everything in the first one."""
        connections.change_settings(self.engine, self.connection_id, self.now, **{connections.MAP_ALL_FIRST: True})

    def package(self, **how: Any) -> str:
        """The district as a package in the portal's own folder."""
        sandbox = self.served.sandbox
        path = self.folder / "written.zip"
        with path.open("wb") as out:
            write_package(sandbox.district, out, ledger=sandbox.oneroster.ledger(sandbox.district), **how)
        with path.open("rb") as file:
            return str(packages.keep(self.folder, file))

    def prepare(self) -> int:
        return self.prepare_with(file=self.package())
