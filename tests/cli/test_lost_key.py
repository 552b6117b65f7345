"""The portal's key is lost, and another one was made in its place: what was stored stays, and what it needs again is said."""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from sisportal.extensions import db
from sisportal.factory import create_app
from sisportal.sandbox.serving import Served
from tests.cli.conftest import CommandLine

SAID = "The stored credentials cannot be read with this SECRET_KEY. Enter them again."


@pytest.fixture
def with_another_key(cli: CommandLine, sandbox: Served) -> Iterator[CommandLine]:
    cli.commit_all(sandbox)
    settings = replace(cli.app.extensions["settings"], secret_key="another one")
    app = create_app(settings, TESTING=True)
    yield CommandLine(app)
    with app.app_context():
        db.engine.dispose()


def test_whatever_asks_the_sis_says_what_to_do_and_changes_nothing(with_another_key: CommandLine) -> None:
    asked = [("sis", "test", "clever"), ("sis", "schools", "clever"), ("sis", "prepare", "clever")]

    answers = [with_another_key.run(*words) for words in asked]

    assert [(answer.exit_code, SAID in answer.output) for answer in answers] == [(1, True)] * 3
    assert with_another_key.answer("sis", "report", 1)["state"] == "committed"


def test_once_they_are_entered_again_the_next_sync_finds_nothing_to_do(
    with_another_key: CommandLine, sandbox: Served
) -> None:
    with_another_key.connect(sandbox)

    counts = with_another_key.answer("sis", "prepare", "clever")["counts"]

    assert sum(number["planned"] for verbs in counts.values() for number in verbs.values()) == 0
