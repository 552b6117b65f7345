"""One district by REST in full, by REST as changes, and by packages in full and of changes: the same JSON export, byte for byte."""

import json
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from sisportal.models import SyncMode
from sisportal.models.database import make_engine
from sisportal.sandbox.generator import generate
from sisportal.sandbox.service import create_sandbox
from sisportal.sandbox.serving import Served, serve
from sisportal.syncing.directory_export import export_json
from tests.syncing.oneroster import CsvPortal, OneRosterPortal

DAYS = (5, 6, 7)
"""Seeds of the days that pass."""
REFERENCES = {
    ("organizations", "parent"): "organizations",
    ("accounts", "organization"): "organizations",
    ("accounts", "organizations"): "organizations",
    ("classes", "organization"): "organizations",
    ("classes", "parent"): "classes",
    ("classes", "teachers"): "accounts",
    ("classes", "students"): "accounts",
}
"""Fields of the export that name records by id, and which records."""


class Way:
    """A way to read the district, day by day, in one of the versions."""

    def __init__(self, version: str, *, packages: bool, changes: bool) -> None:
        self.version, self.packages, self.changes = version, packages, changes

    def sync(self, portal: Any, since: datetime | None) -> None:
        """Prepare and commit everything; ``since`` is blank at first."""
        as_changes = self.changes and since is not None
        if self.packages:
            how = {"mode": "delta", "since": since} if as_changes else {}
            sync_id = portal.prepare_with(file=portal.package(version=self.version, **how))
        else:
            sync_id = portal.prepare_with(SyncMode.QUICK if as_changes else SyncMode.FULL)
            assert portal.sync(sync_id).mode == (SyncMode.QUICK if as_changes else SyncMode.FULL)
        portal.commit_everything(sync_id)


WAYS: dict[str, Callable[[str], Way]] = {
    "REST in full": lambda version: Way(version, packages=False, changes=False),
    "REST as changes": lambda version: Way(version, packages=False, changes=True),
    "packages in full": lambda version: Way(version, packages=True, changes=False),
    "packages of changes": lambda version: Way(version, packages=True, changes=True),
}


@contextmanager
def portal_by(way: Way, served: Served, template: Path, folder: Path) -> Iterator[OneRosterPortal]:
    path = folder / "portal.sqlite3"
    shutil.copyfile(template, path)
    engine = make_engine(f"sqlite:///{path}")
    portal = CsvPortal(engine, served, folder) if way.packages else OneRosterPortal(engine, served)
    portal.connect()
    if not way.packages:
        portal.option("api_version", way.version)
    yield portal
    engine.dispose()


def exported(way: Way, template: Path, folder: Path) -> list[bytes]:
    """The JSON export after the first sync and after those of each day, without what a connection calls a record."""
    folder.mkdir()
    found = []
    with serve(create_sandbox(generate(60))) as served, portal_by(way, served, template, folder) as portal:
        way.sync(portal, None)
        found.append(export(portal))
        for seed in DAYS:
            since = portal.now - timedelta(hours=12)
            portal.pass_day(seed=seed)
            way.sync(portal, since)
            found.append(export(portal))
    return found


def export(portal: OneRosterPortal) -> bytes:
    """The export with what the SIS calls each record instead of the portal's ids, which are in the order of creation."""
    with portal.engine.connect() as connection:
        lists = json.loads(b"".join(export_json(connection)))
    names = {kind: {row["id"]: name_of(row) for row in rows} for kind, rows in lists.items()}
    for (kind, field), of in REFERENCES.items():
        for row in lists[kind]:
            row[field] = named(row[field], names[of])
    for kind, rows in lists.items():
        for row in rows:
            row |= {"id": names[kind][row["id"]], "identifiers": {}}
            if kind == "classes":
                row["students"].sort()  # they have no order; teachers do
        rows.sort(key=lambda row: row["id"])
    return json.dumps(lists, indent=0).encode()


def name_of(row: dict[str, Any]) -> str:
    """The id in the SIS; of what has none, as the parent of sessions, its name."""
    return str(next(iter(row["identifiers"].values()), row.get("name") or row.get("username")))


def named(value: Any, names: dict[int, str]) -> Any:
    return [names[each] for each in value] if isinstance(value, list) else names.get(value)


@pytest.mark.parametrize("version", ["1.1", "1.2"])
def test_every_way_to_read_a_district_leads_to_the_same_export(
    version: str, sqlite_template: Path, tmp_path: Path
) -> None:
    first, *others = (
        (name, exported(make(version), sqlite_template, tmp_path / name.replace(" ", "-")))
        for name, make in WAYS.items()
    )

    assert len(set(first[1])) == 1 + len(DAYS), "every day changes something"
    assert json.loads(first[1][-1])["accounts"]
    for name, found in others:
        for day, (expected, got) in enumerate(zip(first[1], found, strict=True)):
            assert got == expected, f"{name}, day {day}"
