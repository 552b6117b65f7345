"""`flask mail`, and what a commit on the command line says of the mails that it has written."""

from collections.abc import Iterator

import pytest

from sisportal.config import Settings, load
from sisportal.extensions import db
from sisportal.factory import create_app
from sisportal.sandbox.serving import Served
from tests.cli.conftest import CommandLine
from tests.services.smtp import MailServerDouble


@pytest.fixture
def posting(settings: Settings, mail_server: MailServerDouble) -> Iterator[CommandLine]:
    """The same portal's command line, with a mail server."""
    given = {"DATA_DIR": str(settings.data_dir), "DATABASE_URL": settings.database_url, "SECRET_KEY": "made-up"}
    app = create_app(load(given | {"SMTP_URL": mail_server.url}, env_file=None), TESTING=True)
    yield CommandLine(app)
    with app.app_context():
        db.engine.dispose()


def test_what_a_commit_writes_waits_until_it_is_sent(
    cli: CommandLine, posting: CommandLine, sandbox: Served, mail_server: MailServerDouble
) -> None:
    cli.map_all(sandbox)
    cli.run("sis", "option", "clever", "email_on_create", "yes")
    sync_id = cli.answer("sis", "prepare", "clever")["id"]
    said = cli.run("sis", "commit", sync_id).stderr
    waiting = cli.answer("mail", "status")["states"]["waiting"]
    assert f"{waiting} mails about new accounts wait. They are kept: set SMTP_URL" in said
    assert cli.failure("mail", "send") == "SMTP_URL is not set, so no mail can be sent."

    sent = posting.answer("mail", "send")["states"]
    assert sent["sent"] + sent.get("bounced", 0) == waiting
    assert len(mail_server.mails) == sent["sent"] > 0
    assert posting.run("mail", "send").stdout == "No mail is due.\n"
    assert "Choose a password here." in mail_server.mails[0].text


def test_a_mail_server_that_refuses_is_a_failure_that_says_why(
    cli: CommandLine, posting: CommandLine, sandbox: Served, mail_server: MailServerDouble
) -> None:
    cli.map_all(sandbox)
    cli.run("sis", "option", "clever", "email_on_create", "yes")
    posting.run("sis", "commit", cli.answer("sis", "prepare", "clever")["id"])
    mail_server.answers["MAIL"] = ["550 not you"]
    assert posting.failure("mail", "send").endswith("It said: 550 not you")
    assert "not you" in posting.answer("mail", "status")["trouble"]


def test_without_the_option_nobody_is_written_to(
    posting: CommandLine, sandbox: Served, mail_server: MailServerDouble
) -> None:
    posting.map_all(sandbox)
    assert posting.answer("sis", "option", "clever", "email_on_create")["email_on_create"]["value"] == "no"

    posting.answer("sis", "commit", posting.answer("sis", "prepare", "clever")["id"])

    assert not any(posting.answer("mail", "status")["states"].values())
    assert posting.run("mail", "send").stdout == "No mail is due.\n"
    assert mail_server.mails == []
