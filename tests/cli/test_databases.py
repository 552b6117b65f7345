"""The whole way by the command line, from a database without tables, on each kind of database."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from sisportal.config import load
from sisportal.extensions import db
from sisportal.factory import create_app
from sisportal.sandbox import edits
from sisportal.sandbox.serving import Served
from tests.cli.conftest import CommandLine


@pytest.fixture
def empty(empty_database_url: str, tmp_path: Path) -> Iterator[CommandLine]:
    settings = load({"DATA_DIR": str(tmp_path / "var"), "DATABASE_URL": empty_database_url}, env_file=None)
    app = create_app(settings, TESTING=True)
    yield CommandLine(app)
    with app.app_context():
        db.engine.dispose()


def test_from_no_tables_to_a_second_sync(empty: CommandLine, sandbox: Served, tmp_path: Path) -> None:
    empty.answer(
        "setup", "--email", "ada@example.org", "--password", "twelve letters", "--timezone", "Europe/Stockholm"
    )
    empty.commit_all(sandbox)
    leaver, unticked = (section.students[0] for section in list(sandbox.sandbox.district.sections)[:2])
    edits.leave(sandbox.sandbox.district, leaver, unticked)
    empty.answer("sis", "prepare", "clever")
    deletes = empty.answer("sis", "actions", 2, "--verb", "delete")
    empty.answer("sis", "untick", 2, *[each["id"] for each in deletes if each["external_id"] == unticked])

    committed = empty.answer("sis", "commit", 2)

    assert empty.run("directory", "export", str(tmp_path / "all.json")).exit_code == 0
    found = json.loads((tmp_path / "all.json").read_bytes())
    assert committed["counts"]["student"]["delete"] == {"planned": 2, "ticked": 1, "applied": 1}
    assert [each["identifiers"] for each in found["accounts"] if each["archived"]] == [{"clever": leaver}]
    assert empty.answer("check") == {"ok": True, "findings": []}


def test_a_database_of_a_later_version_is_left_alone(empty: CommandLine) -> None:
    assert empty.run("check").exit_code == 0
    with empty.app.app_context(), db.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")

    assert empty.failure("check").startswith("A newer version of the portal has used this database.")
