"""Who is told that the way in which somebody signs in has changed: the person by mail, the administrators in the portal."""

import re

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from sisportal.config import Settings
from sisportal.extensions import db
from sisportal.models import Notification
from sisportal.syncing.audit_events import NAMES
from sisportal.syncing.sign_in_notices import WHAT
from tests.fakes import FakeClock
from tests.services.smtp import MailServerDouble
from tests.web.conftest import NOW, browser
from tests.web.mailing import deliver, mails, with_mail
from tests.web.second_factors import (
    EVE,
    EVES,
    PAGE,
    PASSWORD,
    code_at,
    first_step,
    give_factor,
    give_password,
    make_eve,
    second_step,
    shown_key,
)
from tests.web.watching import words

ADA, TOM = 1, 3
THEN = " If they know nothing of it, give them another password and reset their second factor."


@pytest.fixture
def settings(settings: Settings, mail_server: MailServerDouble) -> Settings:
    return with_mail(settings, mail_server)


@pytest.fixture
def app(app: Flask) -> Flask:
    make_eve(app)
    return app


def told(app: Flask) -> list[tuple[int, str]]:
    """(who, what) of every notification."""
    with app.app_context():
        rows = db.session.execute(select(Notification.account_id, Notification.text).order_by(Notification.id))
        return [(account_id, text) for account_id, text in rows]


def test_whoever_knows_a_password_cannot_set_up_a_second_factor_unnoticed(
    app: Flask, mail_server: MailServerDouble
) -> None:
    stranger = browser(app, EVE)
    stranger.post(PAGE, data={"code": code_at(NOW, shown_key(stranger)), "proof": PASSWORD})

    deliver(app)

    (mail,) = mail_server.mails
    assert (mail.recipient, mail.message["Subject"]) == (EVES, "SIS Portal: signing in to your account changed")
    for text in (mail.text, mail.html):
        assert f"A second factor was set up for your account {EVES}, from 127.0.0.1." in text
        assert "If not, choose another password at once" in text
        assert "http://127.0.0.1:5000/my-account" in text
    assert told(app) == [(ADA, f"A second factor was set up for {EVES}, from 127.0.0.1.{THEN}")]


def test_the_other_administrators_see_it_in_the_bell_with_a_way_to_the_account(app: Flask, ada: FlaskClient) -> None:
    give_factor(app)

    page = ada.get("/notifications")

    assert f"A second factor was set up for {EVES}." in words(page)
    (way,) = re.findall(r'href="(/notifications/\d+)"', page.text)
    assert ada.get(way).location == f"/accounts/{EVE}"
    assert "A second factor" in words(ada.get("/notifications?kind=sign-in"))


def test_ten_wrong_codes_after_the_right_password_are_told_once(
    app: Flask, nobody: FlaskClient, clock: FakeClock
) -> None:
    give_factor(app)
    before = len(told(app))
    first_step(nobody)
    for _ in range(13):
        second_step(nobody, "000000")

    (only,) = told(app)[before:]

    sentence = f"Ten wrong codes were typed for {EVES}, from 127.0.0.1, after the right password: somebody else may know it by now."
    assert only == (ADA, sentence + THEN)
    assert mails(app)[-1] == ("sign-in", EVE, "waiting")
    clock.pass_(minutes=16)
    first_step(nobody)
    for _ in range(11):
        second_step(nobody, "000000")
    assert [text for _, text in told(app)[before:]] == [sentence + THEN] * 2


def test_what_an_administrator_did_for_somebody_else_is_told_to_that_person(
    app: Flask, ada: FlaskClient, mail_server: MailServerDouble
) -> None:
    give_factor(app)
    before = told(app)

    ada.post(f"/accounts/{EVE}/second-factor/reset")
    deliver(app)

    assert told(app) == before
    assert (
        f"The second factor of your account {EVES} was taken off by ada@example.org, from 127.0.0.1."
        in mail_server.mails[-1].text
    )


def test_a_recovery_code_that_was_used_is_told(app: Flask, nobody: FlaskClient) -> None:
    code = give_factor(app)[0]
    first_step(nobody)

    second_step(nobody, recovery=code)

    assert told(app)[-1] == (ADA, f"A recovery code was used for {EVES}, from 127.0.0.1.{THEN}")


def test_another_password_is_told_of_those_who_see_everybodys_records_and_of_nobody_else(app: Flask) -> None:
    before = len(told(app))
    give_password(app, EVES)
    give_password(app, "tom@example.org")

    assert [text for _, text in told(app)[before:]] == [f"The password of {EVES} was reset by test.{THEN}"]
    assert [account_id for kind, account_id, _ in mails(app) if kind == "sign-in"] == [EVE]


def test_a_teachers_second_factor_is_told_to_the_teacher_alone(app: Flask) -> None:
    give_password(app, "tom@example.org")

    give_factor(app, TOM, "tom@example.org")

    assert told(app) == []
    assert mails(app) == [("sign-in", TOM, "waiting")]


def test_every_event_that_is_told_is_one_of_the_audit_log() -> None:
    assert WHAT.keys() <= NAMES
