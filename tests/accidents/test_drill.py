"""``make drill``: a table of accidents and promises, on a copy that leaves the original as it was."""

import hashlib
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from drill import __main__ as drill
from drill.copying import sample
from drill.scene import Accident, Scene
from sisportal.config import PROJECT, load
from sisportal.extensions import db
from sisportal.factory import create_app
from sisportal.sandbox.serving import Served
from tests.cli.conftest import CommandLine
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
    base = sample(tmp_path, 10)
    monkeypatch.setattr(drill, "base", lambda _folder, _students: (base, "a sample"))
    monkeypatch.setattr(drill, "ACCIDENTS", {"made up": Accident("made up", "Nothing happens.", play)})

    assert drill.main([]) == 1

    told = capsys.readouterr().out
    assert "made up   BROKEN  Nothing happens." in told
    assert f"-> {why}" in told


def test_an_accident_that_is_none_is_wrong_usage(capsys: pytest.CaptureFixture[str]) -> None:
    assert drill.main(["--only", "sunshine"]) == 2
    assert capsys.readouterr().err.startswith("No accident is called 'sunshine'. There are: ")
