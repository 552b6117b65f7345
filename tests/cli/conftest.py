"""Fixtures of the command line: a portal on SQLite whose commands run in this process, and a district to read."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import stamina
from click.testing import Result
from flask import Flask

from sisportal.config import Settings, load
from sisportal.extensions import db
from sisportal.factory import create_app
from sisportal.sandbox.generator import generate
from sisportal.sandbox.service import create_sandbox
from sisportal.sandbox.serving import Served, serve

if TYPE_CHECKING:
    from tests.cli.town import Town


class CommandLine:
    """Types commands, and reads what they print."""

    def __init__(self, app: Flask) -> None:
        self.app = app

    def run(self, *words: str | int | Path) -> Result:
        return self.app.test_cli_runner().invoke(args=[str(word) for word in words])

    def answer(self, *words: str | int | Path, code: int = 0) -> Any:
        """The JSON that a command prints, which ends with ``code``."""
        result = self.run(*words, "--json")
        assert result.exit_code == code, result.output
        return json.loads(result.stdout)

    def failure(self, *words: str | int | Path, code: int = 1) -> str:
        """What a command that ends with ``code`` says on the standard error, in one line."""
        result = self.run(*words)
        assert result.exit_code == code, result.output
        return re.sub(r"\s+", " ", result.stderr).strip().removeprefix("Error: ")

    def connect(self, sandbox: Served) -> None:
        self.answer("sis", "connect", "clever", "--base-url", sandbox.url, "--token", sandbox.sandbox.token)

    def map_all(self, sandbox: Served) -> None:
        self.connect(sandbox)
        self.answer("sis", "map", "clever", "--auto-create")

    def commit_all(self, sandbox: Served) -> int:
        """Everything of the district is in the portal; the id of the sync."""
        self.map_all(sandbox)
        sync_id: int = self.answer("sis", "prepare", "clever")["id"]
        self.answer("sis", "commit", sync_id)
        return sync_id


@pytest.fixture(autouse=True)
def _no_waiting() -> Iterator[None]:
    """Requests that are tried again keep their attempts and drop their pauses."""
    with stamina.set_testing(True, attempts=100, cap=True):
        yield


@pytest.fixture
def settings(sqlite_store_url: str) -> Settings:
    folder = sqlite_store_url.removeprefix("sqlite:///").rpartition("/")[0]
    return load({"DATA_DIR": folder, "DATABASE_URL": sqlite_store_url, "SECRET_KEY": "made-up"}, env_file=None)


@pytest.fixture
def cli(settings: Settings) -> Iterator[CommandLine]:
    """The command line of a portal that nobody has set up."""
    app = create_app(settings, TESTING=True)
    yield CommandLine(app)
    with app.app_context():
        db.engine.dispose()


@pytest.fixture
def town(cli: CommandLine) -> Iterator["Town"]:
    """A portal that is connected to a small school's Clever; nothing is synced yet."""
    from tests.cli.town import Town  # noqa: PLC0415 - it needs this module

    with serve(create_sandbox(generate(14, schools=1, awkward=False))) as served:
        yield Town(cli, served)
