"""Admin > Mail: whether mail can be sent, a test of it, and what became of each mail."""

import dataclasses

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from sisportal.config import Settings
from sisportal.extensions import db
from sisportal.models import MailKind, PasswordLink
from sisportal.models.database import writing
from sisportal.syncing import outbox
from tests.fakes import FakeClock, FakeQueue
from tests.services.smtp import MailServerDouble
from tests.web.conftest import NOW
from tests.web.mailing import change, deliver, events, link_in, mails, with_mail
from tests.web.watching import queries, words

PAGE = "/admin/mail"


@pytest.fixture
def settings(settings: Settings, mail_server: MailServerDouble) -> Settings:
    return with_mail(settings, mail_server)


def put(app: Flask, kind: MailKind = MailKind.NOTIFICATION, account_id: int = 3, number: int = 1) -> None:
    with app.app_context(), writing(db.engine).begin() as connection:
        for _ in range(number):
            outbox.put(connection, kind, account_id, "", NOW, text="Committed.", path="/syncs/7")


def test_a_test_mail_goes_to_whoever_asks_for_it(ada: FlaskClient, mail_server: MailServerDouble) -> None:
    assert ada.post(f"{PAGE}/test").location == PAGE
    assert "The mail server took a test mail to ada@example.org." in words(ada.get(PAGE))
    (mail,) = mail_server.mails
    assert mail.recipient == "ada@example.org"
    assert "The portal can send mail." in mail.text
    assert "The portal can send mail." in mail.html


@pytest.mark.parametrize(
    ("command", "answer", "sentence"),
    [
        ("MAIL", "550 not from there", "takes no mail from portal@localhost.localdomain. It said: 550 not from there"),
        ("RCPT", "550 5.1.1 no such user", "The mail server refused the address. It said: 550 5.1.1 no such user"),
        ("CONNECT", "554 go away", "takes no connection now. It said: 554 go away"),
    ],
)
def test_what_the_mail_server_answers_is_shown_in_plain_words(
    ada: FlaskClient, mail_server: MailServerDouble, command: str, answer: str, sentence: str
) -> None:
    mail_server.answers[command] = [answer]
    ada.post(f"{PAGE}/test")
    assert sentence in words(ada.get(PAGE))


def test_whoever_has_no_address_is_told(app: Flask, ada: FlaskClient, mail_server: MailServerDouble) -> None:
    change(app, 1, email="")
    ada.post(f"{PAGE}/test")
    assert "Your account has no e-mail address" in words(ada.get(PAGE))
    assert mail_server.mails == []


def test_the_list_says_what_became_of_each_mail_and_never_its_link(
    app: Flask, ada: FlaskClient, mail_server: MailServerDouble
) -> None:
    mail_server.answers["ben@example.org"] = ["550 5.1.1 no such user"]
    put(app, MailKind.PASSWORD_RESET, 3)
    put(app, MailKind.ACCOUNT_MADE, 2)
    deliver(app)
    put(app, MailKind.NOTIFICATION, 1)
    shown = ada.get(PAGE)
    assert "1 sent, 1 waiting, 0 failed, 1 bounced." in words(shown)
    assert "no such user" in shown.text
    token = link_in(mail_server.mails[0].text).rpartition("/")[2]
    with app.app_context():
        key = db.session.scalar(select(PasswordLink.key).where(PasswordLink.account_id == 3))
    assert token not in shown.text
    assert str(key) not in shown.text


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("", ["Abara", "Chen", "Eze"]),
        ("?q=eze", ["Eze"]),
        ("?q=BEN@example", ["Chen"]),
        ("?kind=account-made", ["Chen"]),
        ("?state=waiting&kind=notification", ["Abara"]),
        ("?state=sent", []),
        ("?state=no-such", ["Abara", "Chen", "Eze"]),
        ("?sort=newest", ["Eze", "Chen", "Abara"]),
    ],
)
def test_the_list_is_searched_filtered_and_sorted(app: Flask, ada: FlaskClient, query: str, names: list[str]) -> None:
    for kind, account_id in ((MailKind.PASSWORD_RESET, 3), (MailKind.ACCOUNT_MADE, 2), (MailKind.NOTIFICATION, 1)):
        put(app, kind, account_id)
    shown = ada.get(PAGE + query).text
    table = shown[shown.index('<div id="mails">') :]
    found = [
        name
        for _, name in sorted(
            (table.find(f"{name},"), name) for name in ("Abara", "Chen", "Eze") if f"{name}," in table
        )
    ]
    assert found == names


def test_a_page_of_fifty_asks_the_database_no_more_than_a_page_of_one(app: Flask, ada: FlaskClient) -> None:
    asked = []
    for number in (1, 60):
        put(app, number=number)
        with queries(app) as statements:
            ada.get(PAGE)
        asked.append(len(statements))
    assert asked[0] == asked[1] <= 14


def test_a_list_of_many_has_pages(app: Flask, ada: FlaskClient) -> None:
    put(app, number=60)
    assert "1\N{EN DASH}50 of 60 mails" in words(ada.get(PAGE))
    assert "51\N{EN DASH}60 of 60 mails" in words(ada.get(f"{PAGE}?page=2"))


def test_a_mail_that_bounced_is_sent_again_to_the_corrected_address(
    app: Flask, ada: FlaskClient, queue: FakeQueue, mail_server: MailServerDouble
) -> None:
    mail_server.answers["tom@example.org"] = ["550 5.1.1 no such user"]
    put(app, MailKind.ACCOUNT_MADE)
    deliver(app)
    change(app, 3, email="thomas@example.org")
    assert ada.post(f"{PAGE}/1/retry?state=bounced").location == f"{PAGE}?state=bounced"
    assert queue.sent == [("mail", 1)]
    deliver(app)
    assert mail_server.recipients == ["thomas@example.org"]
    assert events(app, "mails-sent-again") == [("ada@example.org", "mail")]


def test_a_link_that_somebody_asked_for_is_not_sent_again_by_others(
    app: Flask, ada: FlaskClient, mail_server: MailServerDouble
) -> None:
    mail_server.answers["RCPT"] = ["550 5.1.1 no such user"]
    put(app, MailKind.PASSWORD_RESET)
    deliver(app)
    ada.post(f"{PAGE}/1/retry")
    assert "There was nothing to send again." in words(ada.get(PAGE))
    assert mails(app) == [("password-reset", 3, "bounced")]


def test_what_failed_is_sent_again_at_once_and_what_waits_can_be_given_up(
    app: Flask, ada: FlaskClient, mail_server: MailServerDouble
) -> None:
    mail_server.answers["END"] = ["554 no", "554 no", "250 taken"]
    put(app, number=2)
    deliver(app)
    assert "Send the failed ones again" in words(ada.get(PAGE))
    ada.post(f"{PAGE}/retry")
    assert [state for _, _, state in mails(app)] == ["waiting"] * 2
    assert "Give up what waits" in words(ada.get(PAGE))
    ada.post(f"{PAGE}/give-up")
    assert [state for _, _, state in mails(app)] == ["dropped"] * 2
    assert "Given up by ada@example.org." in words(ada.get(PAGE))
    assert events(app, "mails-given-up") == [("ada@example.org", "mail")]


def test_a_server_in_trouble_is_said_at_the_top(
    app: Flask, ada: FlaskClient, mail_server: MailServerDouble, clock: FakeClock
) -> None:
    mail_server.answers["CONNECT"] = ["421 busy", "220 ready"]
    put(app)
    deliver(app)
    assert "The mail server takes no mail" in words(ada.get(PAGE))
    clock.pass_(minutes=1)
    deliver(app)
    assert "The mail server takes no mail" not in words(ada.get(PAGE))


def test_the_sender_is_an_address_or_the_usual_one(ada: FlaskClient, mail_server: MailServerDouble) -> None:
    assert ada.post(f"{PAGE}/sender", data={"sender": "office@example.org"}).status_code == 303
    ada.post(f"{PAGE}/test")
    wrong = ada.post(f"{PAGE}/sender", data={"sender": "office@example.org\r\nBcc: eve@example.org"})
    assert (wrong.status_code, "That is no e-mail address" in wrong.text) == (422, True)
    ada.post(f"{PAGE}/sender", data={"sender": ""})
    ada.post(f"{PAGE}/test")
    assert [mail.sender for mail in mail_server.mails] == ["office@example.org", "portal@localhost.localdomain"]


def test_a_viewer_sees_the_page_without_its_buttons(app: Flask, ben: FlaskClient) -> None:
    put(app)
    shown = ben.get(PAGE)
    assert "1 waiting" in words(shown)
    assert f'action="{PAGE}' not in shown.text.replace(f'action="{PAGE}" aria-label', "")


class TestWithoutAMailServer:
    @pytest.fixture
    def settings(self, settings: Settings) -> Settings:
        return dataclasses.replace(settings, smtp_url="")

    def test_the_page_says_so_and_what_waits_is_kept(self, app: Flask, ada: FlaskClient) -> None:
        put(app, MailKind.ACCOUNT_MADE)
        shown = words(ada.get(PAGE))
        assert "No mail server is set, so 1 mail waits. Nothing is lost." in shown
        assert "Send a test mail" not in shown
        deliver(app)
        assert mails(app) == [("account-made", 3, "waiting")]
