"""Copies of notifications by mail: each person chooses, and gets what they chose and nothing else."""

import pytest
from flask import Flask
from flask.testing import FlaskClient

from sisportal.config import Settings
from sisportal.extensions import db
from sisportal.models import NoticeKind
from sisportal.models.database import writing
from sisportal.syncing import notices
from sisportal.web.notification_copies import KINDS
from tests.services.smtp import MailServerDouble
from tests.web.conftest import NOW
from tests.web.mailing import change, deliver, mails, with_mail
from tests.web.watching import words

PAGE = "/notifications/mail"


@pytest.fixture
def settings(settings: Settings, mail_server: MailServerDouble) -> Settings:
    return with_mail(settings, mail_server)


def happen(app: Flask, kind: NoticeKind, text: str = "3 added.") -> None:
    with app.app_context(), writing(db.engine).begin() as connection:
        notices.notify(connection, None, kind, text, NOW, link="/admin/sis")


def test_every_kind_of_notification_can_be_chosen() -> None:
    assert set(KINDS) == set(NoticeKind)


def test_who_chose_a_kind_gets_its_notifications_by_mail_too(
    app: Flask, ada: FlaskClient, mail_server: MailServerDouble
) -> None:
    assert ada.post(PAGE, data={"kind": ["committed", "no-such-kind"]}).location == PAGE
    assert ada.get(PAGE).text.count("checked") == 1
    happen(app, NoticeKind.COMMITTED)
    happen(app, NoticeKind.PREPARED)
    deliver(app)
    (mail,) = mail_server.mails
    assert mail.recipient == "ada@example.org"
    assert mail.message["Subject"] == "SIS Portal: 3 added."
    assert "http://127.0.0.1:5000/admin/sis" in mail.text
    assert 'href="http://127.0.0.1:5000/admin/sis"' in mail.html
    assert f"http://127.0.0.1:5000{PAGE}" in mail.text


def test_nobody_gets_copies_unless_they_ask(app: Flask, ada: FlaskClient) -> None:
    happen(app, NoticeKind.FAILED)
    assert mails(app) == []


def test_taking_the_choice_back_ends_the_copies(app: Flask, ada: FlaskClient) -> None:
    ada.post(PAGE, data={"kind": "failed"})
    ada.post(PAGE)
    happen(app, NoticeKind.FAILED)
    assert mails(app) == []


def test_a_copy_is_not_written_where_the_notification_is_not(app: Flask, ada: FlaskClient) -> None:
    ada.post(PAGE, data={"kind": "failed"})
    with app.app_context(), writing(db.engine).connect() as connection:
        notices.notify(connection, None, NoticeKind.FAILED, "It failed.", NOW)
        connection.rollback()
    assert mails(app) == []


def test_text_from_the_sis_stays_text(app: Flask, ada: FlaskClient, mail_server: MailServerDouble) -> None:
    ada.post(PAGE, data={"kind": "failed"})
    happen(app, NoticeKind.FAILED, "<script>alert(1)</script>\r\nBcc: eve@example.org")
    deliver(app)
    (mail,) = mail_server.mails
    assert mail.message["Bcc"] is None
    assert "<script>" not in mail.html


def test_who_is_told_nothing_has_nothing_to_choose(tom: FlaskClient) -> None:
    shown = words(tom.get(PAGE))
    assert "nothing to choose for your account" in shown
    assert "Save" not in shown


def test_who_has_no_address_is_told(app: Flask, ada: FlaskClient) -> None:
    change(app, 1, email="")
    ada.post(PAGE, data={"kind": "failed"})
    assert "Your account has no e-mail address" in words(ada.get(PAGE))
    happen(app, NoticeKind.FAILED)
    assert mails(app) == []
