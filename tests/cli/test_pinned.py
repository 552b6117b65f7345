"""``flask sis pins`` and ``flask sis release``: what was edited by hand, told and let go."""

from datetime import UTC, datetime

import pytest
from sqlalchemy import select, update

from sisportal.extensions import db
from sisportal.models import Account, AccountLink, RecordKind
from sisportal.models.database import writing
from sisportal.sandbox.serving import Served
from sisportal.syncing.pins import edited
from sisportal.syncing.review import Who
from tests.cli.conftest import CommandLine

NOW = datetime(2026, 11, 3, 13, 5, tzinfo=UTC)


@pytest.fixture
def student(cli: CommandLine, sandbox: Served) -> str:
    """A synced student whose last name and e-mail address Ada changed by hand."""
    cli.commit_all(sandbox)
    source_id = next(p.id for p in sandbox.sandbox.district.people if p.student and p.email)
    with cli.app.app_context(), writing(db.engine).begin() as connection:
        linked = select(AccountLink.account_id).where(AccountLink.source_id == source_id)
        account_id = connection.scalars(linked).one()
        changed = {"last_name": "By Hand", "email": "by-hand@example.org"}
        connection.execute(update(Account).where(Account.id == account_id).values(changed))
        edited(connection, RecordKind.ACCOUNT, account_id, changed, Who("ada@example.org"), NOW)
    return source_id


def test_pins_tell_what_they_hide_since_when_and_who_did_it(cli: CommandLine, student: str) -> None:
    found = {pin["field"]: pin for pin in cli.answer("sis", "pins", "clever")}

    assert set(found) == {"last_name", "email"}
    pin = found["email"]
    assert (pin["type"], pin["external_id"], pin["here"], pin["both"]) == (
        "student",
        student,
        "by-hand@example.org",
        False,
    )
    assert pin["sis"] == pin["last"] != pin["here"]
    assert (pin["since"], pin["editor"]) == ("2026-11-03T13:05:00Z", "ada@example.org")
    assert [each["field"] for each in cli.answer("sis", "pins", "clever", "--field", "email")] == ["email"]
    assert cli.answer("sis", "pins", "clever", "--both") == []
    table = cli.run("sis", "pins", "clever", "--search", "last name").stdout
    assert "By Hand" in table
    assert "by-hand@example.org" not in table


@pytest.mark.parametrize("words", [("--all",), ("--type", "student"), ("--search", "by hand")])
def test_release_lets_the_next_prepare_propose_what_the_sis_says(
    cli: CommandLine, student: str, words: tuple[str, ...]
) -> None:
    assert cli.answer("sis", "release", "clever", *words) == {"released": 2}

    sync = cli.answer("sis", "prepare", "clever")
    [action] = cli.answer("sis", "actions", sync["id"])
    assert (action["verb"], action["external_id"], set(action["after"])) == ("edit", student, {"last_name", "email"})
    cli.answer("sis", "commit", sync["id"])
    assert cli.answer("sis", "pins", "clever") == []


def test_one_pin_is_released_by_its_id(cli: CommandLine, student: str) -> None:
    pin = next(each for each in cli.answer("sis", "pins", "clever") if each["field"] == "email")

    assert "1 field is released" in cli.run("sis", "release", "clever", pin["id"]).stdout
    assert [each["field"] for each in cli.answer("sis", "pins", "clever")] == ["last_name"]
    assert cli.answer("sis", "release", "clever", pin["id"]) == {"released": 0}


@pytest.mark.parametrize("words", [(), ("--all", "--field", "email"), ("1", "--all")])
def test_what_to_release_must_be_said_in_one_way(cli: CommandLine, student: str, words: tuple[str, ...]) -> None:
    assert "Give ids, or what the pins must match, or --all." in cli.failure("sis", "release", "clever", *words, code=2)
    assert len(cli.answer("sis", "pins", "clever")) == 2
