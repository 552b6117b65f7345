"""Packages synced from end to end: in full, as changes, and refused."""

import csv
import io
import shutil
import zipfile
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from sisportal.models import (
    AccountLink,
    ClassLink,
    Mapping,
    SisPerson,
    SisSchool,
    SisSection,
    SyncMode,
    SyncState,
    SyncWarning,
)
from sisportal.models.database import make_engine
from sisportal.sandbox import edits
from sisportal.sandbox.serving import Served
from sisportal.syncing import packages
from sisportal.syncing.prepare import request_sync
from tests.syncing.oneroster import CsvPortal, OneRosterPortal


@pytest.fixture
def portal(sqlite_store_url: str, sandbox: Served, tmp_path: Path) -> Iterator[CsvPortal]:
    engine = make_engine(sqlite_store_url)
    portal = CsvPortal(engine, sandbox, tmp_path)
    portal.connect()
    yield portal
    engine.dispose()


def kept(portal: CsvPortal) -> list[str]:
    """The files in the portal's own folder."""
    folder = portal.folder / packages.FOLDER
    return sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []


def failed(portal: CsvPortal, file: str) -> Any:
    """The sync of a package that must fail."""
    sync_id = portal.try_prepare(request_sync(portal.engine, portal.connection_id, portal.now, file=file))
    assert portal.sync(sync_id).state == SyncState.FAILED
    return portal.sync(sync_id)


def keep(portal: CsvPortal, path: Path) -> str:
    with path.open("rb") as file:
        return str(packages.keep(portal.folder, file))


def with_cell(path: Path, name: str, column: str, value: str) -> Path:
    """A package like that at ``path``, with another value in the first row of one of its files."""
    rows = list(csv.reader(io.StringIO(read(path, name).decode())))
    rows[1][rows[0].index(column)] = value
    text = io.StringIO()
    csv.writer(text).writerows(rows)
    return with_file(path, name, text.getvalue().encode())


def read(path: Path, name: str) -> bytes:
    with zipfile.ZipFile(path) as archive:
        return archive.read(name)


def with_file(path: Path, name: str, data: bytes) -> Path:
    """A package like that at ``path``, with another file of this name."""
    with zipfile.ZipFile(path) as archive:
        files = {each: archive.read(each) for each in archive.namelist()}
    other = path.with_name("other.zip")
    with zipfile.ZipFile(other, "w", zipfile.ZIP_DEFLATED) as archive:
        for each, content in (files | {name: data}).items():
            archive.writestr(each, content)
    return other


def test_a_first_package_makes_an_organization_of_every_school_where_that_was_asked_for(portal: CsvPortal) -> None:
    portal.sync_all()

    students = [account for account in portal.accounts().values() if account["role"] == "student"]
    assert len(students) == 60
    assert len(portal.classes()) == len(portal.served.sandbox.district.sections)
    assert portal.actions(portal.prepare()) == {}


def test_the_file_of_a_sync_goes_when_the_sync_has_ended(portal: CsvPortal) -> None:
    first = portal.prepare()
    assert len(kept(portal)) == 1
    path = Path(portal.sync(first).request["file"])
    assert (path.stat().st_mode & 0o777, path.parent.stat().st_mode & 0o777) == (0o600, 0o700)

    portal.prepare()
    assert len(kept(portal)) == 1, "that of the first one, which was superseded, is gone"
    assert not path.exists()

    portal.sync_all()
    assert kept(portal) == []


@pytest.mark.parametrize("version", ["1.1", "1.2"])
def test_packages_of_changes_give_what_packages_in_full_do(portal: CsvPortal, version: str) -> None:
    portal.commit_everything(portal.prepare_with(file=portal.package(version=version)))
    for seed in (3, 4):
        since = portal.now - timedelta(hours=12)
        portal.pass_day(seed=seed)
        sync_id = portal.prepare_with(file=portal.package(version=version, mode="delta", since=since))
        assert portal.actions(sync_id)
        portal.commit_everything(sync_id)

    assert portal.actions(portal.prepare_with(file=portal.package(version=version))) == {}


def test_what_a_package_leaves_out_stays_as_it_was(portal: CsvPortal) -> None:
    portal.sync_all()
    before = portal.dump()

    for absent in ("users", "courses", "academicSessions", "orgs", "demographics", "enrollments"):
        sync_id = portal.prepare_with(file=portal.package(modes={absent: "absent"}))
        assert (absent, portal.actions(sync_id)) == (absent, {})

    assert portal.dump() == before


def test_rest_and_packages_of_a_district_give_the_same_accounts_and_classes(
    portal: CsvPortal, sqlite_template: Path, tmp_path: Path
) -> None:
    shutil.copyfile(sqlite_template, tmp_path / "rest.sqlite3")
    engine = make_engine(f"sqlite:///{tmp_path / 'rest.sqlite3'}")
    rest = OneRosterPortal(engine, portal.served)
    rest.connect()
    rest.sync_all()
    portal.sync_all()
    for seed in (5, 6):
        since = portal.now - timedelta(hours=12)
        portal.pass_day(seed=seed)
        rest.now = portal.now
        rest.commit_everything(rest.prepare_with(SyncMode.QUICK))
        portal.commit_everything(portal.prepare_with(file=portal.package(mode="delta", since=since)))

    assert portal.accounts() == rest.accounts()
    assert portal.classes() == rest.classes()
    engine.dispose()


def test_rows_that_are_left_out_are_told_with_their_places(portal: CsvPortal) -> None:
    portal.sync_all()
    path = with_cell(Path(portal.package()), "users.csv", "role", "juggler")

    sync_id = portal.prepare_with(file=keep(portal, path))

    rows = [row for row in portal.rows(SyncWarning, SyncWarning.sync_id == sync_id) if row.code == "refused-row"]
    assert [(row.file, row.line, row.column, row.value) for row in rows] == [("users.csv", 2, "role", "juggler")]
    assert portal.actions(sync_id) == {}, "whoever could not be read is not archived"
    assert {each["type"] for each in portal.sync(sync_id).withheld} == {"student", "teacher"}


def test_a_zip_bomb_is_refused_with_a_sentence_and_nothing_is_written(portal: CsvPortal) -> None:
    path = portal.folder / "bomb.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("manifest.csv", "propertyName,value\r\n")
        archive.writestr("users.csv", b"0" * (64 << 20))

    sync = failed(portal, keep(portal, path))

    assert "unpack" in sync.note
    assert (portal.rows(AccountLink), portal.rows(ClassLink), kept(portal)) == ([], [], [])


REFUSED: dict[str, tuple[str, str, Callable[[bytes], bytes]]] = {
    "a zip bomb": ("too-large", "results.csv", lambda _: b"0" * (32 << 20)),
    "a path out of the zip": ("unsafe-path", "../../users.csv", lambda _: b"x"),
    "a folder": ("nested", "roster/users.csv", lambda _: b"x"),
    "UTF-16": ("wrong-encoding", "enrollments.csv", lambda data: data.decode().encode("utf-16")),
    "Windows-1252": ("wrong-encoding", "enrollments.csv", lambda data: data + b"\x93Lovelace\x94,,,\r\n"),
    "a header without a column": ("wrong-header", "enrollments.csv", lambda data: data.replace(b"userSourcedId", b"who", 1)),
    "no header": ("wrong-header", "enrollments.csv", lambda data: data.partition(b"\r\n")[2]),
    "another version": ("bad-manifest", "manifest.csv", lambda data: data.replace(b"oneroster.version,1.1", b"oneroster.version,3.0")),
}  # fmt: skip


@pytest.mark.parametrize("what", REFUSED)
def test_a_package_that_is_not_in_order_fails_with_a_sentence_before_anything_is_written(
    portal: CsvPortal, what: str
) -> None:
    portal.sync_all()
    before, mirror = portal.dump(), mirrored(portal)
    code, name, change = REFUSED[what]
    path = Path(portal.package())
    broken = with_file(path, name, change(read(path, name) if name in FILES_READ else b""))

    sync = failed(portal, keep(portal, broken))

    assert (sync.error_code, sync.note.endswith(".")) == (code, True)
    assert (portal.dump(), mirrored(portal)) == (before, mirror), "neither the LMS side nor the SIS side"
    assert portal.actions(sync.id) == {}
    assert not (portal.folder.parent / "users.csv").exists()


FILES_READ = {"manifest.csv", "enrollments.csv"}


def mirrored(portal: CsvPortal) -> list[Any]:
    """What the portal keeps of what the SIS said."""
    return [
        sorted((row.source_id, str(row.payload)) for row in portal.rows(table)) for table in (SisPerson, SisSection, SisSchool)
    ]  # fmt: skip


def test_what_is_no_zip_is_refused_with_a_sentence(portal: CsvPortal) -> None:
    path = portal.folder / "roster.xls"
    path.write_bytes(b"not a zip")

    assert failed(portal, keep(portal, path)).error_code == "not-a-zip"


@pytest.mark.parametrize(
    "modes", [{}, {"users": "bulk", "orgs": "bulk", "academicSessions": "bulk", "courses": "bulk"}]
)
def test_changes_of_what_was_never_listed_are_refused(portal: CsvPortal, modes: dict[str, str]) -> None:
    before = portal.dump()

    sync = failed(portal, portal.package(mode="delta", modes=modes, since=portal.now - timedelta(days=400)))

    assert sync.error_code == "whole-file-needed"
    assert sync.note.startswith("This is a delta file")
    assert sync.note.endswith("Upload a bulk package first, then the delta files made after it.")
    assert (portal.dump(), portal.actions(sync.id)) == (before, {}), "not even an organization was made"


def test_the_first_classes_of_a_year_may_come_as_changes_of_a_file_that_listed_none(portal: CsvPortal) -> None:
    sandbox = portal.served.sandbox
    sandbox.oneroster.ledger(sandbox.district)
    sections = list(sandbox.district.sections)
    for section in sections:
        edits.drop_section(sandbox.district, section.id)
    portal.sync_all()
    for section in sections:
        sandbox.district.put(section)

    planned = portal.prepare_with(file=portal.package(mode="delta", since=portal.now - timedelta(days=400)))

    assert {(type_, verb) for type_, verb, _ in portal.actions(planned)} >= {("section", "add")}


def test_after_another_mapping_a_file_of_changes_is_not_enough(portal: CsvPortal) -> None:
    portal.sync_all()
    portal.map(portal.school_ids()[0], mapping=Mapping.IGNORED)

    sync = failed(portal, portal.package(mode="delta", since=portal.now))

    assert sync.note.endswith("Upload a file that lists everything.")
    assert ("section", "delete") in {(type_, verb) for type_, verb, _ in portal.actions(portal.prepare())}
