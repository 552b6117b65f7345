"""``flask user``: accounts by the command line."""

import pyotp
import pytest
from sqlalchemy import insert, select

from sisportal.extensions import db
from sisportal.models import Account, AuditEvent, Organization
from sisportal.models.database import writing
from sisportal.syncing import second_factor
from sisportal.syncing.review import Who
from tests.cli.conftest import CommandLine


@pytest.fixture(autouse=True)
def ada(cli: CommandLine) -> None:
    """The first administrator."""
    cli.answer("setup", "--email", "ada@example.org", "--password", "a long enough one")


def account(cli: CommandLine, username: str) -> Account:
    with cli.app.app_context():
        return db.session.scalars(select(Account).where(Account.username == username)).one()


def events(cli: CommandLine) -> list[tuple[str, str, str]]:
    with cli.app.app_context():
        rows = db.session.scalars(select(AuditEvent).order_by(AuditEvent.id))
        return [(row.event, row.actor, row.subject) for row in rows]


def organization(cli: CommandLine, name: str) -> None:
    with cli.app.app_context(), writing(db.engine).begin() as connection:
        values = {"name": name, "slug": name.lower(), "created_at": cli.app.extensions["clock"]()}
        connection.execute(insert(Organization).values(values))


def test_an_account_is_made_and_listed(cli: CommandLine) -> None:
    organization(cli, "North")
    words = ("--role", "teacher", "--first-name", "Tia", "--last-name", "Ueda", "--organization", "north")

    made = cli.answer("user", "create", "tia", *words, "--password", "another long one")

    assert made == {
        "id": 2, "username": "tia", "role": "teacher", "first_name": "Tia", "last_name": "Ueda", "email": "",
        "organization": "North", "archived": False,
    }  # fmt: skip
    assert account(cli, "tia").password_hash is not None
    assert cli.answer("user", "list", "--role", "teacher") == [made]
    assert cli.answer("user", "list", "--search", "nobody") == []
    assert [each["username"] for each in cli.answer("user", "list")] == ["ada@example.org", "tia"]
    assert "tia" in cli.run("user", "list").output
    assert ("account-made", "command line", "tia") in events(cli)


@pytest.mark.parametrize(
    ("words", "code", "sentence"),
    [
        (("ADA@example.org", "--role", "student", "--last-name", "X"), 1, "Username: Another account has this username already."),
        (("x", "--role", "student"), 1, "Last name: Type a first or a last name."),
        (("x", "--role", "student", "--last-name", "X", "--email", "none"), 1, "E-mail: This is no e-mail address"),
        (("x", "--role", "student", "--last-name", "X", "--organization", "Nowhere"), 1, "No active organization is called Nowhere."),
        (("x", "--role", "student", "--last-name", "X", "--password", "short"), 1, "A password has at least 8 characters."),
        (("x", "--role", "owner"), 2, "Invalid value for '--role'"),
        (("x",), 2, "Missing option '--role'"),
    ],
)  # fmt: skip
def test_what_cannot_be_made_is_said_and_leaves_nothing(
    cli: CommandLine, words: tuple[str, ...], code: int, sentence: str
) -> None:
    assert sentence in cli.failure("user", "create", *words, code=code)
    assert len(cli.answer("user", "list", "--state", "all")) == 1


def test_an_account_is_archived_and_reactivated(cli: CommandLine) -> None:
    cli.answer("user", "create", "tia", "--role", "teacher", "--last-name", "Ueda", "--email", "t@example.org")

    assert cli.answer("user", "archive", "T@example.org")["archived"] is True
    assert (account(cli, "tia").archived_by_sync, account(cli, "tia").edited_at is not None) == (None, True)
    assert cli.run("user", "archive", "tia").output == "tia was archived already.\n"
    assert [each["username"] for each in cli.answer("user", "list", "--state", "archived")] == ["tia"]
    assert cli.answer("user", "reactivate", "2")["archived"] is False
    assert [event for event, _, _ in events(cli)][-2:] == ["account-archived", "account-reactivated"]
    assert "No account has the username or e-mail address nobody." in cli.failure("user", "archive", "nobody")


def test_a_role_is_given_and_the_last_administrator_stays(cli: CommandLine) -> None:
    organization(cli, "North")
    cli.answer("user", "create", "tia", "--role", "teacher", "--last-name", "Ueda")
    last = "This is the last administrator who can sign in with a password."
    assert last in cli.failure("user", "role", "ada@example.org", "viewer")
    assert last in cli.failure("user", "archive", "ada@example.org")
    assert "belongs to an organization" in cli.failure("user", "role", "tia", "organization-administrator")

    made = cli.answer("user", "role", "tia", "organization-administrator", "--organization", "North")

    assert (made["role"], made["organization"]) == ("organization-administrator", "North")
    cli.answer("user", "role", "tia", "administrator")
    cli.answer("user", "reset-password", "tia", "--password", "another long one")
    assert cli.answer("user", "role", "ada@example.org", "viewer")["role"] == "viewer"


def test_a_name_that_several_have_is_not_guessed(cli: CommandLine) -> None:
    for name in ("a", "b"):
        cli.answer("user", "create", name, "--role", "student", "--last-name", "X", "--email", "home@example.org")
    assert "More than one account has home@example.org." in cli.failure("user", "archive", "home@example.org")


def test_a_second_factor_whose_telephone_is_lost_is_reset_by_the_command_line(cli: CommandLine) -> None:
    secret = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
    with cli.app.app_context():
        now = cli.app.extensions["clock"]()
        who = Who("ada@example.org", 1)
        second_factor.set_up(db.engine, cli.app.extensions["cipher"], who, secret, pyotp.TOTP(secret).at(now), now)

    said = cli.run("user", "reset-second-factor", "Ada@example.org")

    assert said.output == "ada@example.org has no second factor now, and is signed out everywhere.\n"
    assert events(cli)[-1] == ("second-factor-reset", "command line", "ada@example.org")
    with cli.app.app_context(), db.engine.connect() as connection:
        assert not second_factor.is_asked(connection, 1, "password")
    assert "had no second factor" in cli.run("user", "reset-second-factor", "1").output
    assert "No account has" in cli.failure("user", "reset-second-factor", "nobody")
