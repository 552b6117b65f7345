"""Backups that earlier versions made are restored into this one, on both databases."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import flask_migrate
import pytest
import stamina
from alembic.script import ScriptDirectory
from sqlalchemy import inspect

from sisportal.config import PROJECT, load
from sisportal.extensions import db
from sisportal.factory import create_app
from sisportal.sandbox.generator import generate
from sisportal.sandbox.service import create_sandbox
from sisportal.sandbox.serving import serve
from sisportal.syncing.backup import write_backup
from tests.cli.conftest import CommandLine

REVISIONS = [each.revision for each in ScriptDirectory(str(PROJECT / "migrations")).walk_revisions()]


def portal_at(url: str, folder: Path) -> CommandLine:
    settings = load({"DATA_DIR": str(folder), "DATABASE_URL": url, "SECRET_KEY": "made-up"}, env_file=None)
    return CommandLine(create_app(settings, TESTING=True))


def close(cli: CommandLine) -> None:
    with cli.app.app_context():
        db.engine.dispose()


@pytest.fixture(scope="module")
def synced(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The SQLite file of a portal of this version that holds a district."""
    folder = tmp_path_factory.mktemp("synced")
    path = folder / "portal.sqlite3"
    cli = portal_at(f"sqlite:///{path}", folder)
    with serve(create_sandbox(generate(60))) as served, stamina.set_testing(True):
        cli.answer("setup", "--email", "ada@example.org", "--password", "twelve letters")
        cli.commit_all(served)
    close(cli)
    return path


@pytest.fixture
def target(empty_database_url: str, tmp_path: Path) -> Iterator[CommandLine]:
    cli = portal_at(empty_database_url, tmp_path / "target")
    yield cli
    close(cli)


@pytest.mark.parametrize("revision", REVISIONS)
def test_a_backup_of_every_earlier_version_is_restored(
    synced: Path, target: CommandLine, tmp_path: Path, revision: str
) -> None:
    old = portal_at(f"sqlite:///{shutil.copyfile(synced, tmp_path / 'old.sqlite3')}", tmp_path)
    before = exported(old, tmp_path)
    with old.app.app_context():
        flask_migrate.downgrade(revision=revision)
        with (tmp_path / "old.zip").open("wb") as file:
            key = old.app.extensions["cipher"].key
            write_backup(db.engine, file, old.app.extensions["clock"](), revision, key)
        db.engine.dispose()

    answer = target.answer("restore", tmp_path / "old.zip")

    assert (answer["revision"], answer["findings"]) == (revision, [])
    assert exported(target, tmp_path) == before
    with target.app.app_context():
        assert set(inspect(db.engine).get_table_names()) == {*db.metadata.tables, "alembic_version"}


def exported(cli: CommandLine, folder: Path) -> Any:
    """Everything that the portal holds of the school."""
    file = folder / "all.json"
    assert cli.run("directory", "export", file).exit_code == 0
    return json.loads(file.read_text())
