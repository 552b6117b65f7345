"""Signing in with a password, and what keeps others from doing it."""

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select, update

from sisportal.extensions import db
from sisportal.models import Account, AuditEvent
from sisportal.syncing.administrators import make_administrator, reset_password
from tests.fakes import FakeClock
from tests.web.conftest import NOW

PASSWORD = "correct horse battery"
WRONG = "The username or the password is not right."


@pytest.fixture
def app(app: Flask) -> Flask:
    """Ada's portal, with Eve, an administrator who has a password."""
    with app.app_context():
        make_administrator(db.engine, "Eve@example.org", PASSWORD, NOW, actor="test", last_name="Eze")
    return app


def sign_in(
    client: FlaskClient, username: str = "eve@example.org", password: str = PASSWORD, **more: str
) -> tuple[int, str]:
    """(status, where it leads) of a try."""
    answer = client.post("/sign-in", data={"username": username, "password": password, **more})
    return answer.status_code, answer.location or ""


def events(app: Flask) -> list[tuple[str, str]]:
    with app.app_context():
        rows = db.session.execute(select(AuditEvent.event, AuditEvent.actor).order_by(AuditEvent.id)).all()
        return [(row.event, row.actor) for row in rows][1:]


def test_the_right_password_leads_home(nobody: FlaskClient) -> None:
    assert sign_in(nobody) == (303, "/")
    assert nobody.get("/").status_code == 200


def test_signing_in_leads_to_the_page_that_was_asked_for(nobody: FlaskClient) -> None:
    assert sign_in(nobody, next="/notifications?show=unread") == (303, "/notifications?show=unread")


@pytest.mark.parametrize(
    "target", ["https://elsewhere.example", "//elsewhere.example", "/\\elsewhere.example", "javascript:1"]
)
def test_signing_in_never_leads_to_another_site(nobody: FlaskClient, target: str) -> None:
    assert sign_in(nobody, next=target) == (303, "/")


@pytest.mark.parametrize(
    ("username", "password"),
    [("eve@example.org", "wrong"), ("mallory@example.org", "wrong"), ("ada@example.org", "wrong")],
)
def test_a_wrong_password_and_an_unknown_person_get_the_same_answer(
    nobody: FlaskClient, username: str, password: str
) -> None:
    answer = nobody.post("/sign-in", data={"username": username, "password": password})
    assert answer.status_code == 422
    assert answer.text.count(WRONG) == 1


def test_a_blank_form_says_what_is_missing(nobody: FlaskClient) -> None:
    assert sign_in(nobody, "", "") == (422, "")


def test_an_account_is_left_alone_after_ten_wrong_passwords_for_a_quarter_of_an_hour(
    nobody: FlaskClient, clock: FakeClock
) -> None:
    statuses = [sign_in(nobody, password="wrong")[0] for _ in range(11)]
    assert statuses == [422] * 10 + [429]
    assert sign_in(nobody) == (429, "")
    clock.pass_(minutes=16)
    assert sign_in(nobody) == (303, "/")


def test_an_address_may_not_try_one_account_after_the_other(
    nobody: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sisportal.web.sign_in.TRIES_OF_ADDRESS", 3)
    assert [sign_in(nobody, f"person{number}", "wrong")[0] for number in range(4)] == [422, 422, 422, 429]


def test_the_right_password_forgets_the_wrong_ones(nobody: FlaskClient) -> None:
    for _ in range(3):
        assert [sign_in(nobody, password="wrong")[0] for _ in range(9)] == [422] * 9
        assert sign_in(nobody)[0] == 303


def test_an_archived_account_is_signed_out_and_stays_out(app: Flask, nobody: FlaskClient) -> None:
    sign_in(nobody)
    with app.app_context():
        db.session.execute(update(Account).where(Account.username == "Eve@example.org").values(archived_at=NOW))
        db.session.commit()
    assert nobody.get("/").location == "/sign-in"
    assert sign_in(nobody) == (422, "")


def test_a_new_password_ends_every_session(app: Flask, nobody: FlaskClient) -> None:
    sign_in(nobody)
    with app.app_context():
        reset_password(db.engine, "eve@example.org", "another good one", NOW, actor="test")
    assert nobody.get("/").location == "/sign-in"
    assert sign_in(nobody, password="another good one") == (303, "/")
    assert nobody.get("/").status_code == 200


def test_signing_in_begins_a_new_session(nobody: FlaskClient) -> None:
    with nobody.session_transaction() as session:
        session["planted"] = "before"
    sign_in(nobody)
    with nobody.session_transaction() as session:
        assert "planted" not in session


def test_signing_out_ends_the_session_and_only_a_form_does_it(nobody: FlaskClient) -> None:
    sign_in(nobody)
    assert nobody.get("/sign-out").status_code == 405
    assert nobody.post("/sign-out").location == "/sign-in"
    assert nobody.get("/").location == "/sign-in"


def test_the_audit_log_knows_who_came_and_who_was_refused(app: Flask, nobody: FlaskClient) -> None:
    sign_in(nobody, password="wrong")
    sign_in(nobody, "hunter2 typed into the wrong field", "wrong")
    sign_in(nobody)
    nobody.post("/sign-out")
    assert events(app) == [
        ("sign-in-failed", "Eve@example.org"),
        ("sign-in-failed", "unknown"),
        ("signed-in", "Eve@example.org"),
        ("signed-out", "Eve@example.org"),
    ]


def test_the_session_cookie_is_kept_from_scripts_and_other_sites(nobody: FlaskClient) -> None:
    cookie = nobody.post("/sign-in", data={"username": "eve@example.org", "password": PASSWORD}).headers["Set-Cookie"]
    assert {"HttpOnly", "SameSite=Lax", "Path=/"} <= {part.strip() for part in cookie.split(";")}


def test_a_form_without_its_token_is_refused(app: Flask, nobody: FlaskClient) -> None:
    app.config["WTF_CSRF_ENABLED"] = True
    assert sign_in(nobody)[0] == 400
