"""The benchmarks of syncs, on a district small enough for a test."""

import json
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text, update

from bench import floor, package
from bench.__main__ import main
from bench.bare import connect
from bench.product import Portal, Unexpected, first_sync, quick_sync, unchanged_sync
from bench.recording import record
from bench.report import TICK, records_of
from bench.stores import PostgresStores, SqliteStores, Stores
from bench.visits import VISITS
from sisportal.models import Account, AccountLink
from sisportal.models.database import writing

STUDENTS = 50


@pytest.fixture(scope="session")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A recorded district."""
    folder = tmp_path_factory.mktemp("district") / "pages"
    record(STUDENTS, folder)
    return folder


@pytest.fixture(params=["sqlite", "postgresql"])
def stores(request: pytest.FixtureRequest, tmp_path: Path) -> Stores:
    if request.param == "sqlite":
        return SqliteStores(tmp_path)
    return PostgresStores(request.getfixturevalue("postgres_url"))


def test_the_floor_stores_every_person_section_and_enrolment_that_the_portal_stores(
    pages: Path, stores: Stores
) -> None:
    bare, portal = stores.address("floor"), stores.address("portal")
    floor.first_sync(pages, bare)
    records = first_sync(pages, portal)["records"]
    kept = {"people": "users", "sections": "sections", "enrollments": "enrollments"}
    connection = connect(bare)
    stored = {name: len(list(connection.read(f"SELECT * FROM {table}"))) for name, table in kept.items()}
    connection.close()
    assert stored == {name: records[name] for name in kept}
    assert records["people"] > STUDENTS


def test_the_floor_of_an_unchanged_sync_notices_a_change(pages: Path, stores: Stores) -> None:
    address = stores.address("floor")
    floor.first_sync(pages, address)
    floor.unchanged_sync(pages, address)
    connection = connect(address)
    connection.execute("UPDATE users SET home_language = 'changed' WHERE id = (SELECT min(id) FROM users)")
    connection.close()
    with pytest.raises(RuntimeError, match="1 differences"):
        floor.unchanged_sync(pages, address)


def test_a_second_sync_of_the_same_pages_plans_nothing(pages: Path, stores: Stores) -> None:
    address = stores.address("portal")
    assert first_sync(pages, address)["planned"]["student"]["add"]["planned"] == STUDENTS
    assert unchanged_sync(pages, address)["planned"] == {}


def test_a_quick_sync_plans_what_a_hundredth_of_the_students_changed_to(pages: Path, stores: Stores) -> None:
    address = stores.address("portal")
    first_sync(pages, address)
    assert quick_sync(pages, address)["planned"]["student"]["edit"]["applied"] == 1


def test_a_plan_that_is_not_empty_is_an_error(pages: Path, tmp_path: Path) -> None:
    address = SqliteStores(tmp_path).address("portal")
    first_sync(pages, address)
    with Portal(pages, address) as portal, writing(portal.engine).begin() as connection:
        connection.execute(update(Account).where(Account.role == "student").values(grade="changed"))
        connection.execute(update(AccountLink).values(written={}, written_fingerprint=None))
    with pytest.raises(Unexpected, match="with nothing changed planned"):
        unchanged_sync(pages, address)


def test_stores_leave_nothing_behind(stores: Stores) -> None:
    address = stores.address("floor")
    connect(address).close()
    stores.drop("floor")
    assert stores.address("floor") == address
    assert stores.size("floor") < 10_000


def test_schemas_of_runs_stand_beside_what_a_database_holds(postgres_url: str) -> None:
    engine = create_engine(postgres_url)
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE account (id integer)"))
    stores = PostgresStores(postgres_url)
    bare = connect(stores.address("floor"))
    bare.execute("CREATE TABLE account (id integer)")
    bare.close()
    stores.drop("floor")
    with engine.connect() as connection:
        assert connection.execute(text("SELECT count(*) FROM account")).scalar() == 0
    engine.dispose()


def test_the_bench_prints_a_table_and_keeps_the_figures(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("bench.__main__.RESULTS", tmp_path)
    assert main(["--sizes", str(STUDENTS), "--runs", "1"]) == 0
    printed = capsys.readouterr().out
    (kept,) = tmp_path.glob("*.json")
    figures = json.loads(kept.read_text())
    assert figures["table"] + "\n" == printed
    assert [page["what"] for page in figures["districts"][0]["pages"]] == [*(visit.what for visit in VISITS), TICK]
    assert [line.split("|")[2].strip() for line in printed.splitlines()[2:10]] == [
        "first sync, prepare and commit",
        "- prepare",
        "- commit",
        "full sync with nothing changed",
        "quick sync of 1 % changes",
        f"time per record ({records_of(figures['districts'][0])} records)",
        "memory of the worker, at its peak",
        "database",
    ]


# --- OneRoster CSV


@pytest.fixture(scope="module")
def roster(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same district as a package."""
    path = tmp_path_factory.mktemp("district") / "roster.zip"
    package.write(STUDENTS, path)
    return path


def test_a_package_is_measured_like_pages(roster: Path, tmp_path: Path) -> None:
    stores = SqliteStores(tmp_path)
    bare, address = stores.address("floor"), stores.address("portal")
    floor.first_sync(roster, bare)
    floor.unchanged_sync(roster, bare)
    first = first_sync(roster, address)
    connection = connect(bare)
    stored = {name: len(list(connection.read(f"SELECT * FROM {name}"))) for name in ("users", "classes")}
    connection.close()

    assert stored == {"users": first["records"]["people"], "classes": first["records"]["sections"]}
    assert first["planned"]["student"]["add"]["planned"] == STUDENTS
    assert unchanged_sync(roster, address)["planned"] == {}


def test_the_bench_measures_a_package_when_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("bench.__main__.RESULTS", tmp_path)
    assert main(["--csv", "--sizes", str(STUDENTS), "--runs", "1"]) == 0
    table = capsys.readouterr().out
    assert "first sync, prepare and commit" in table
    assert "page, " not in table
