"""Setting up, passwords and apps by the command line."""

from sqlalchemy import select

from sisportal.extensions import db
from sisportal.models import Account, AuditEvent
from sisportal.syncing.administrators import fits
from tests.cli.conftest import CommandLine

ADA = ("setup", "--email", "ada@example.org", "--password", "twelve letters")


def password_fits(cli: CommandLine, password: str) -> bool:
    with cli.app.app_context(), db.engine.connect() as connection:
        return fits(connection.scalars(select(Account.password_hash)).one(), password)


def test_setting_up_twice_makes_one_administrator_and_keeps_the_password(cli: CommandLine) -> None:
    first = cli.answer(*ADA)
    second = cli.answer("setup", "--email", "Ada@Example.org", "--password", "another twelve letters")

    assert (first, second["id"]) == ({"id": 1, "email": "ada@example.org"}, 1)
    assert password_fits(cli, "twelve letters")


def test_a_short_password_is_refused_with_a_sentence(cli: CommandLine) -> None:
    said = cli.failure("setup", "--email", "ada@example.org", "--password", "short")

    assert said.startswith("A password has at least")


def test_a_time_zone_that_is_none_is_wrong_usage(cli: CommandLine) -> None:
    assert "'Mars' is not a time zone" in cli.failure(*ADA, "--timezone", "Mars", code=2)


def test_a_forgotten_password_is_replaced_by_a_made_up_one(cli: CommandLine) -> None:
    cli.answer(*ADA)

    fresh = cli.answer("user", "reset-password", "ada@example.org")["password"]

    assert password_fits(cli, fresh)


def test_a_password_that_is_given_is_not_printed(cli: CommandLine) -> None:
    cli.answer(*ADA)

    result = cli.run("user", "reset-password", "ada@example.org", "--password", "chosen by herself")

    assert result.stdout == "ada@example.org has the new password.\n"
    assert password_fits(cli, "chosen by herself")


def test_the_password_of_nobody_cannot_be_reset(cli: CommandLine) -> None:
    assert "nobody@example.org" in cli.failure("user", "reset-password", "nobody@example.org")


def test_an_app_brings_the_apps_that_it_needs(cli: CommandLine) -> None:
    installed = cli.answer("app", "install", "OneRoster")

    assert installed == {
        "app": "oneroster",
        "installed": ["sis-integration", "organizations", "organization-portals", "oneroster"],
    }
    assert cli.answer("app", "install", "oneroster") == {"app": "oneroster", "installed": []}


def test_an_app_that_is_disabled_takes_those_that_need_it_along_and_comes_back(cli: CommandLine) -> None:
    cli.answer("app", "install", "organization-portals")

    assert cli.answer("app", "disable", "organizations")["disabled"] == ["organizations", "organization-portals"]
    assert cli.answer("app", "install", "Organizations")["installed"] == ["organizations"]


def test_an_app_that_is_none_is_answered_with_those_there_are(cli: CommandLine) -> None:
    said = cli.failure("app", "install", "chess")

    assert said == (
        "There is no app 'chess'. The apps are: organizations, organization-portals, sis-integration, clever, oneroster, csv."
    )


def test_the_audit_log_says_that_it_was_the_command_line(cli: CommandLine) -> None:
    cli.answer(*ADA)

    with cli.app.app_context(), db.engine.connect() as connection:
        events = connection.execute(select(AuditEvent.event, AuditEvent.actor, AuditEvent.subject)).all()
    assert events == [("administrator-made", "command line", "ada@example.org")]


def test_whoever_types_a_password_that_is_guessed_first_is_warned_and_not_kept_from_it(cli: CommandLine) -> None:
    said = cli.run("setup", "--email", "ada@example.org", "--password", "Basketball1")
    assert said.exit_code == 0
    assert "This password is guessed easily." in said.stderr
    assert "guessed" not in cli.run("setup", "--email", "ada@example.org", "--password", "correct horse battery").stderr
