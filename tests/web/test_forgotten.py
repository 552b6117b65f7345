"""A forgotten password: who gets a link, and that nobody else learns anything by asking."""

import time
from datetime import timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient

from sisportal.config import Settings
from sisportal.syncing import throttle
from tests.fakes import FakeClock, FakeQueue
from tests.services.smtp import MailServerDouble
from tests.web.conftest import NOW, browser
from tests.web.mailing import change, deliver, events, link_in, mails, with_mail

TOM = 3
PASSWORD = "correct horse battery"
PAGE = "/forgotten-password"


@pytest.fixture
def settings(settings: Settings, mail_server: MailServerDouble) -> Settings:
    return with_mail(settings, mail_server)


def ask(client: FlaskClient, username: str) -> tuple[int, str]:
    answer = client.post(PAGE, data={"username": username})
    return answer.status_code, answer.text


@pytest.mark.parametrize("entered", ["tom@example.org", " TOM@example.org "])
def test_whoever_forgot_their_password_gets_a_link_by_mail(
    app: Flask, nobody: FlaskClient, queue: FakeQueue, mail_server: MailServerDouble, entered: str
) -> None:
    assert "Forgotten your password?" in nobody.get("/sign-in").text
    assert ask(nobody, entered)[0] == 200
    assert queue.sent == [("mail", 1)]
    deliver(app)
    (mail,) = mail_server.mails
    assert mail.recipient == "tom@example.org"
    path = link_in(mail.text)
    assert nobody.post(path, data={"password": PASSWORD, "again": PASSWORD}).location == "/sign-in"
    assert nobody.post("/sign-in", data={"username": "tom@example.org", "password": PASSWORD}).status_code == 303
    assert nobody.get(path).status_code == 404
    assert events(app, "password-reset-asked") == [("tom@example.org", "tom@example.org")]


def test_the_link_of_a_mail_is_good_for_a_day(
    app: Flask, nobody: FlaskClient, clock: FakeClock, mail_server: MailServerDouble
) -> None:
    ask(nobody, "tom@example.org")
    deliver(app)
    clock.pass_(hours=24)
    assert nobody.get(link_in(mail_server.mails[0].text)).status_code == 404


def test_by_username_where_the_address_is_their_own(app: Flask, nobody: FlaskClient) -> None:
    change(app, TOM, username="teze")
    ask(nobody, "TEZE")
    assert mails(app) == [("password-reset", TOM, "waiting")]


@pytest.mark.parametrize(
    ("values", "entered"),
    [
        ({"grade": "5"}, "eve@example.org"),
        ({"email": ""}, "tom@example.org"),
        ({"archived_at": NOW}, "tom@example.org"),
        ({"email": "BEN@example.org", "username": "teze"}, "ben@example.org"),
        ({"email": "BEN@example.org", "username": "teze"}, "teze"),
        ({"username": "teze", "email": "t@example.org"}, "tom@example.org"),
    ],
)
def test_the_answer_is_the_same_where_there_is_nobody_to_write_to(
    app: Flask, nobody: FlaskClient, queue: FakeQueue, values: dict[str, object], entered: str
) -> None:
    known = ask(nobody, "ada@example.org")
    change(app, TOM, **values)
    assert ask(browser(app), entered) == known
    assert mails(app) == [("password-reset", 1, "waiting")]
    assert queue.sent == [("mail", 1), ("mail", 0)]
    assert events(app, "password-reset-asked")[1:] == [("unknown", "unknown")]


def test_it_takes_as_long_whether_there_is_such_an_account_or_not(
    app: Flask, nobody: FlaskClient, monkeypatch: pytest.MonkeyPatch, clock: FakeClock
) -> None:
    monkeypatch.setattr("sisportal.web.forgotten.TRIES_OF_ADDRESS", 1000)
    seconds: dict[str, list[float]] = {"tom@example.org": [], "eve@example.org": []}
    for _ in range(15):
        for entered, taken in seconds.items():
            began = time.perf_counter()
            assert ask(nobody, entered)[0] == 200
            taken.append(time.perf_counter() - began)
        clock.now += throttle.WINDOW  # nobody is slowed down, and the next mail is written
    # the quickest of each: what others do on the machine only ever adds to the rest
    known, unknown = (min(taken) for taken in seconds.values())
    assert abs(known - unknown) < max(0.004, 0.5 * unknown)


def test_asking_again_at_once_fills_nobodys_mailbox(app: Flask, nobody: FlaskClient, clock: FakeClock) -> None:
    answers = [ask(nobody, "tom@example.org") for _ in range(3)]
    assert len(set(answers)) == 1
    assert len(mails(app)) == 1
    clock.now += timedelta(minutes=6)
    ask(nobody, "tom@example.org")
    assert len(mails(app)) == 2


@pytest.mark.parametrize("entered", ["tom@example.org", "eve@example.org"])
def test_asking_too_often_is_slowed_down_for_known_and_unknown_alike(
    nobody: FlaskClient, entered: str, clock: FakeClock
) -> None:
    statuses = [ask(nobody, entered)[0] for _ in range(7)]
    assert statuses == [200] * 5 + [429] * 2
    assert ask(nobody, "somebody else")[0] == 200
    clock.now += throttle.WINDOW + timedelta(seconds=1)
    assert ask(nobody, entered)[0] == 200


def test_one_address_cannot_ask_for_a_whole_school(nobody: FlaskClient) -> None:
    statuses = [ask(nobody, f"person{number}")[0] for number in range(32)]
    assert statuses == [200] * 30 + [429] * 2


def test_a_queue_that_is_away_loses_nothing(app: Flask, nobody: FlaskClient, queue: FakeQueue) -> None:
    queue.away = True
    assert ask(nobody, "tom@example.org")[0] == 200
    assert mails(app) == [("password-reset", TOM, "waiting")]


@pytest.mark.parametrize("entered", ["", "x" * 201])
def test_a_form_that_says_nobody_is_shown_again(nobody: FlaskClient, entered: str) -> None:
    assert ask(nobody, entered)[0] == 422


class TestWithoutAMailServer:
    @pytest.fixture
    def settings(self, settings: Settings) -> Settings:
        from dataclasses import replace  # noqa: PLC0415

        return replace(settings, smtp_url="")

    def test_the_page_says_whom_to_ask_and_writes_no_mail(self, app: Flask, nobody: FlaskClient) -> None:
        shown = nobody.get(PAGE).text
        assert "This portal sends no mail" in shown
        assert "login card" in shown
        assert ask(nobody, "tom@example.org")[0] == 422
        assert mails(app) == []
