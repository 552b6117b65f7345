"""The OneRoster package of the LMS side: another portal that reads it holds the same."""

import csv
import io
import shutil
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine

from sisportal.models import SyncWarning
from sisportal.models.database import make_engine
from sisportal.providers.oneroster_csv_columns import TABLES
from sisportal.sandbox import edits
from sisportal.sandbox.serving import Served
from sisportal.syncing.directory_export import accounts, classes, organizations
from sisportal.syncing.oneroster_export import export_oneroster
from tests.syncing.oneroster import CsvPortal
from tests.syncing.portal import Portal

NOT_COMPARED = {"id", "identifiers", "archived"}
"""What each portal says itself."""


@pytest.fixture
def other(sqlite_template: Path, sandbox: Served, tmp_path: Path) -> Iterator[CsvPortal]:
    """A portal that knows nothing yet and reads packages."""
    shutil.copyfile(sqlite_template, tmp_path / "other.sqlite3")
    engine = make_engine(f"sqlite:///{tmp_path / 'other.sqlite3'}")
    portal = CsvPortal(engine, sandbox, tmp_path)
    portal.connect()
    yield portal
    engine.dispose()


@contextmanager
def clever(url: str, sandbox: Served, *, with_organizations: bool) -> Iterator[Portal]:
    """A portal with the district of Clever."""
    engine = make_engine(url)
    portal = Portal(engine, sandbox)
    portal.connect(organizations=with_organizations)
    portal.sync_all()
    yield portal
    engine.dispose()


def package(portal: Portal, folder: Path) -> str:
    path = folder / "export.zip"
    with portal.engine.connect() as connection:
        path.write_bytes(b"".join(export_oneroster(connection, "Lincoln Unified")))
    return str(path)


def held(engine: Engine) -> dict[str, list[dict[str, Any]]]:
    """Everything active, by names instead of ids."""
    with engine.connect() as connection:
        groups = {row["id"]: row for row in organizations(connection)}
        people = {row["id"]: row for row in accounts(connection)}
        rooms = {row["id"]: row for row in classes(connection)}
    for row in people.values():
        row["organizations"] = sorted(groups[id_]["name"] for id_ in row["organizations"])
    for row in rooms.values():
        row["teachers"] = [people[id_]["username"] for id_ in row["teachers"]]
        row["students"] = sorted(people[id_]["username"] for id_ in row["students"])
        row["parent"] = row["parent"] and rooms[row["parent"]]["name"]
    for row in (*people.values(), *rooms.values()):
        row["organization"] = row["organization"] and groups[row["organization"]]["name"]
    for row in groups.values():
        row["parent"] = row["parent"] and groups[row["parent"]]["name"]
    return {
        name: sorted(
            (
                {field: value for field, value in row.items() if field not in NOT_COMPARED}
                for row in rows.values()
                if not row["archived"]
            ),
            key=str,
        )
        for name, rows in {"organizations": groups, "accounts": people, "classes": rooms}.items()
    }


def test_another_portal_that_reads_the_package_holds_the_same(
    sqlite_store_url: str, sandbox: Served, other: CsvPortal, tmp_path: Path
) -> None:
    with clever(sqlite_store_url, sandbox, with_organizations=True) as portal:
        student = next(person.id for person in sandbox.sandbox.district.people if person.student)
        edits.leave(sandbox.sandbox.district, student)
        portal.sync_all()
        sync_id = other.commit_everything(other.prepare_with(file=package(portal, tmp_path)))

        expected, got = held(portal.engine), held(other.engine)
        assert got["organizations"] == expected["organizations"]
        assert got["accounts"] == expected["accounts"]
        assert got["classes"] == expected["classes"]
        assert not {row.code for row in other.rows(SyncWarning, SyncWarning.sync_id == sync_id)} & {
            "refused-row", "unknown-person-in-section", "unknown-term", "unknown-course", "unknown-column",
        }  # fmt: skip


def test_a_portal_without_organizations_is_moved_without_any(
    sqlite_store_url: str, sandbox: Served, other: CsvPortal, tmp_path: Path
) -> None:
    with clever(sqlite_store_url, sandbox, with_organizations=False) as portal:
        other.commit_everything(other.prepare_with(file=package(portal, tmp_path)))

        assert held(other.engine) == held(portal.engine)
        assert held(other.engine)["organizations"] == []


def test_what_was_read_of_a_package_is_exported_so_that_nothing_differs(
    sqlite_store_url: str, other: CsvPortal, tmp_path: Path
) -> None:
    other.sync_all()

    sync_id = other.prepare_with(file=package(other, tmp_path))

    assert other.actions(sync_id) == {}


def test_what_the_format_has_no_room_for_stands_behind_its_own_columns(
    sqlite_store_url: str, sandbox: Served, tmp_path: Path
) -> None:
    with clever(sqlite_store_url, sandbox, with_organizations=True) as portal:
        path = package(portal, tmp_path)
        people = {row["username"]: row for row in portal.exported()["accounts"].values()}

    with zipfile.ZipFile(path) as archive:
        text = io.StringIO(archive.read("users.csv").decode())
    header, *rows = csv.reader(text)
    own = header[len(TABLES["1.1"]["users"].columns) :]
    assert tuple(header[: -len(own)]) == TABLES["1.1"]["users"].columns
    assert own == [
        "metadata.sisPortal.preferredName", "metadata.sisPortal.graduationYear", "metadata.sisPortal.furtherRoles",
        "metadata.sisPortal.archived", "metadata.sisPortal.exact",
    ]  # fmt: skip
    told = {row[header.index("username")]: row[-5:-2] for row in rows}
    assert any(preferred for preferred, _, _ in told.values())
    assert any(year for _, year, _ in told.values())
    assert any(roles for _, _, roles in told.values())
    assert all((people[name]["preferred_name"], people[name]["graduation_year"]) == (preferred, year) for name, (preferred, year, _) in told.items())  # fmt: skip
