"""What reaches the log: neither a secret nor anything of a pupil, whatever happens."""

import dataclasses
import logging

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from sisportal.config import Settings
from sisportal.extensions import db
from sisportal.models import Account, SyncState
from sisportal.sandbox.district import District
from sisportal.sandbox.faults import Fault
from sisportal.sandbox.serving import Served
from sisportal.syncing.administrators import make_administrator
from sisportal.syncing.prepare import prepare, request_sync
from sisportal.web.access import Rule, access
from tests.web.conftest import NOW, browser
from tests.web.test_clever_sso import CALLBACK, Browser, connect_all, sync_all

PASSWORD = "correct horse battery"


@pytest.fixture
def settings(settings: Settings, sandbox: Served) -> Settings:
    sandbox.sandbox.login.redirect_uris = [CALLBACK]
    return dataclasses.replace(settings, clever_login_url=sandbox.url, clever_api_url=sandbox.url)


def test_no_pupil_and_no_secret_reaches_the_log_over_a_sync_and_every_kind_of_sign_in(
    app: Flask,
    sandbox: Served,
    district: District,
    caplog: pytest.LogCaptureFixture,
    capsys: pytest.CaptureFixture[str],
) -> None:
    caplog.set_level(logging.INFO)
    for name in ("sisportal", "jobs", "werkzeug", "gunicorn"):
        logging.getLogger(name).setLevel(logging.DEBUG)
    with app.app_context():
        make_administrator(db.engine, "eve@example.org", PASSWORD, NOW, actor="test")
        connect_all(app, sandbox)
        sync_all(app)
        found = app.extensions
        sandbox.sandbox.faults.add(Fault(name="empty-list", path="/v3.1/users"))
        sync_id = request_sync(db.engine, 1, NOW)
        assert prepare(db.engine, sync_id, found["open_provider"], found["clock"]) is SyncState.FAILED
    student = next(person for person in district.people if person.student)
    visitor = Browser(app, sandbox)
    visitor.at_clever(student, "student")
    visitor.by_button()
    token = visitor.portal.get_cookie("sisportal")
    stranger = next(person for person in district.people if person.administrator and not person.teacher)
    visitor.at_clever(stranger, "district_admin")
    visitor.by_button()
    sandbox.sandbox.faults.add(Fault(name="html", path="/oauth/tokens"))
    visitor.at_clever(student, "student")
    visitor.by_button()
    nobody = app.test_client()
    for password in ("wrong-secret", PASSWORD):
        nobody.post("/sign-in", data={"username": "eve@example.org", "password": password})
    browser(app, 3).get("/accounts")  # a teacher, who may not
    logged = caplog.text + "".join(capsys.readouterr())
    people = {text for person in district.people for text in (person.last, person.email) if text and len(text) > 4}
    secrets = {sandbox.sandbox.token, PASSWORD, "wrong-secret", "sandbox-secret", "eve@example.org", "made-up"}
    assert token is not None
    assert "a sign-in with Clever failed, away" in logged
    assert "GET accounts.listing is not for account 3: 404" in logged
    assert [text for text in people | secrets | {token.value, student.id} if text in logged] == []


def test_an_error_of_the_database_is_logged_without_the_values_of_its_statement(
    app: Flask, caplog: pytest.LogCaptureFixture, ada: FlaskClient
) -> None:
    def fails() -> str:
        db.session.add(
            Account(role="student", roles=[], username="ada@example.org", last_name="Pupil-Name", created_at=NOW)
        )
        db.session.flush()
        return ""

    app.add_url_rule("/fails", view_func=access(Rule.READ)(fails), endpoint="fails")
    app.config.update(TESTING=False, PROPAGATE_EXCEPTIONS=False)
    answer = ada.get("/fails")
    assert answer.status_code == 500
    assert "IntegrityError" in caplog.text
    assert [text for text in ("Pupil-Name", "ada@example.org") if text in caplog.text + answer.text] == []


def test_errors_hide_the_values_of_their_statement(app: Flask) -> None:
    with app.app_context(), pytest.raises(IntegrityError) as error:
        db.session.execute(db.insert(Account).values(role="x", roles=[], username="ada@example.org", created_at=NOW))
    assert "ada@example.org" not in str(error.value)
    with app.app_context():
        assert db.session.scalar(select(Account.id).where(Account.username == "ada@example.org")) == 1
