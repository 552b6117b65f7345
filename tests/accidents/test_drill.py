"""``make drill``: a table of accidents and promises, on a copy that leaves the original as it was."""

import hashlib
import os
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import Connection, insert
from sqlalchemy.exc import OperationalError

from drill import __main__ as drill
from drill.copying import sample
from drill.scene import Accident, Scene
from drill.stores import Files, stores
from sisportal.config import PROJECT, load
from sisportal.extensions import db
from sisportal.factory import create_app
from sisportal.models import Base, Organization
from sisportal.models.database import make_engine
from sisportal.sandbox.serving import Served
from tests.cli.conftest import CommandLine
from tests.services.databases import DATABASES
from tests.services.postgres import Cluster


def drilled(folder: Path, *words: str, **environ: str) -> subprocess.CompletedProcess[str]:
    given = {"PATH": os.environ["PATH"], "DATA_DIR": str(folder), **environ}
    command = [sys.executable, "-m", "drill", *words]
    return subprocess.run(command, cwd=PROJECT, env=given, capture_output=True, text=True, timeout=120, check=False)


def portal_of(folder: Path, sandbox: Served, **environ: str) -> CommandLine:
    """A portal that holds the district."""
    settings = load({"DATA_DIR": str(folder), "SECRET_KEY": "made-up", **environ}, env_file=None)
    cli = CommandLine(create_app(settings, TESTING=True))
    cli.commit_all(sandbox)
    return cli


def test_without_a_portal_a_sample_is_made_and_the_table_tells_what_held(tmp_path: Path) -> None:
    done = drilled(tmp_path / "var", "--only", "clock jumps")

    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[0] == "2 accidents on a sample district of 60 students. Nothing is written to the original."
    assert [line.split("  ")[0] for line in lines if " held " in line] == [
        "the clock jumps forth",
        "the clock jumps back",
    ]
    assert lines[-1] == "2 promises held, 0 broken."


def digests(folder: Path) -> dict[str, str]:
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.rglob("*") if path.is_file()}


def test_a_copy_of_the_portal_is_played_on_and_the_original_stays_as_it_was(tmp_path: Path, sandbox: Served) -> None:
    folder = tmp_path / "var"
    cli = portal_of(folder, sandbox)
    with cli.app.app_context():
        db.engine.dispose()
    before = digests(folder)

    done = drilled(folder, "--only", "school", SECRET_KEY="made-up")

    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.startswith(f"2 accidents on a copy of the portal in {folder}.")
    after = digests(folder)
    assert {name: after[name] for name in before} == before


def test_a_portal_of_oneroster_on_postgresql_is_copied_too(
    tmp_path: Path, sandbox: Served, postgres_cluster: Cluster
) -> None:
    name = postgres_cluster.create()
    environ = {"DATABASE_URL": postgres_cluster.url(name), "SECRET_KEY": "made-up"}
    cli = CommandLine(create_app(load({"DATA_DIR": str(tmp_path / "var"), **environ}, env_file=None), TESTING=True))
    year = ("--year-start", "2026-08-01", "--year-end", "2027-07-31")
    bearer = sandbox.sandbox.oneroster.access.bearer
    cli.answer("sis", "connect", "oneroster", "--base-url", sandbox.url, "--bearer", bearer, *year)
    cli.answer("sis", "map", "oneroster", "--auto-create")
    cli.answer("sis", "prepare", "oneroster", "--full")
    cli.answer("sis", "commit", 1)
    with cli.app.app_context():
        db.engine.dispose()

    done = drilled(tmp_path / "var", "--only", "applied twice", **environ)

    postgres_cluster.drop(name)
    assert (done.returncode, done.stdout.splitlines()[-1]) == (0, "1 promises held, 0 broken."), done.stderr


def test_accidents_are_played_on_a_postgresql_server_too_and_nothing_stays_there(
    tmp_path: Path, postgres_cluster: Cluster
) -> None:
    before = databases_of(postgres_cluster)

    done = drilled(tmp_path / "var", "--only", "tabs", "--on", postgres_cluster.url("postgres"))

    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.startswith("1 accidents on PostgreSQL on a sample district of 60 students. Nothing is written")
    assert databases_of(postgres_cluster) == before


def databases_of(cluster: Cluster) -> set[str]:
    with psycopg.connect(host=str(cluster.folder), user="portal", dbname="postgres") as connection:
        return {name for (name,) in connection.execute("SELECT datname FROM pg_database")}


def test_a_server_on_which_nothing_can_be_made_is_said_so(tmp_path: Path, postgres_cluster: Cluster) -> None:
    postgres_cluster.execute("CREATE ROLE bystander LOGIN")
    url = postgres_cluster.url("postgres").replace("portal@", "bystander@")

    done = drilled(tmp_path / "var", "--only", "tabs", "--on", url)

    postgres_cluster.execute("DROP ROLE bystander")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "--on: no database can be made on that server: permission denied to create database\n"


@pytest.mark.parametrize("kind", DATABASES)
def test_a_store_that_is_full_or_locked_really_is(tmp_path: Path, postgres_cluster: Cluster, kind: str) -> None:
    with stores(None if kind == "sqlite" else postgres_cluster.url("postgres"), tmp_path) as kept:
        url = kept.new()
        engine = make_engine(url)
        Base.metadata.create_all(engine)
        with kept.full(engine), pytest.raises(OperationalError, match="full"), engine.begin() as connection:
            for number in range(2000):
                write(connection, f"{number:0100}")
        with engine.begin() as connection:
            write(connection, "with room again")
        with kept.locked(url), pytest.raises(OperationalError, match="lock"), engine.begin() as connection:
            connection.exec_driver_sql("PRAGMA busy_timeout = 50" if kind == "sqlite" else "SET lock_timeout = 50")
            write(connection, "while it is locked")
        engine.dispose()


def write(connection: Connection, name: str) -> None:
    connection.execute(insert(Organization).values(name=name, slug=name, created_at=datetime.now(UTC)))


def disaster(_scene: Scene) -> None:
    raise AssertionError("somebody was archived")


def mistake(_scene: Scene) -> None:
    raise RuntimeError("a bug")


@pytest.mark.parametrize(
    ("play", "why"), [(disaster, "somebody was archived"), (mistake, "RuntimeError: a bug")], ids=["broken", "a bug"]
)
def test_a_broken_promise_is_told_with_the_reason_and_fails_the_drill(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    play: Callable[[Scene], object],
    why: str,
) -> None:
    base = sample(tmp_path, Files(tmp_path), 10)
    monkeypatch.setattr(drill, "base", lambda _folder, _stores, _students: (base, "a sample"))
    monkeypatch.setattr(drill, "ACCIDENTS", {"made up": Accident("made up", "Nothing happens.", play)})

    assert drill.main([]) == 1

    told = capsys.readouterr().out
    assert "made up   BROKEN  Nothing happens." in told
    assert f"-> {why}" in told


def test_an_accident_that_is_none_is_wrong_usage(capsys: pytest.CaptureFixture[str]) -> None:
    assert drill.main(["--only", "sunshine"]) == 2
    assert capsys.readouterr().err.startswith("No accident is called 'sunshine'. There are: ")
