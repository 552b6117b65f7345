"""Choosing a password by a link, where one is signed in, and signing out everywhere."""

import re

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select, update

from sisportal.extensions import db
from sisportal.models import Account, AuditEvent, PasswordLink, SignedInBrowser
from sisportal.models.database import writing
from sisportal.syncing import password_links
from sisportal.syncing.password_links import Purpose
from sisportal.syncing.review import Who
from tests.fakes import FakeClock
from tests.web.conftest import NOW, browser

PASSWORD = "correct horse battery"
TOM = 3
GONE = "This link is no longer good"


def link(ada: FlaskClient, account_id: int = TOM) -> str:
    """The path of a new link for an account."""
    answer = ada.post(f"/accounts/{account_id}/password-link")
    found = re.search(r'id="link">http://127\.0\.0\.1:5000(/choose-password/[\w-]+)<', answer.text)
    assert found, answer.text
    return found[1]


def choose(client: FlaskClient, path: str, password: str = PASSWORD, again: str | None = None) -> tuple[int, str]:
    answer = client.post(path, data={"password": password, "again": password if again is None else again})
    return answer.status_code, answer.location or ""


def sign_in(client: FlaskClient, username: str = "tom@example.org", password: str = PASSWORD) -> int:
    return client.post("/sign-in", data={"username": username, "password": password}).status_code


def test_a_link_lets_its_holder_choose_a_password_and_sign_in(ada: FlaskClient, nobody: FlaskClient) -> None:
    path = link(ada)
    assert "tom@example.org" in nobody.get(path).text
    assert choose(nobody, path) == (303, "/sign-in")
    assert sign_in(nobody) == 303


def test_a_link_works_once(app: Flask, ada: FlaskClient, nobody: FlaskClient) -> None:
    path = link(ada)
    choose(nobody, path)
    thief = browser(app)
    assert (thief.get(path).status_code, GONE in thief.get(path).text) == (404, True)
    assert choose(thief, path, "another good one") == (404, "")
    assert sign_in(thief, password="another good one") == 422


def test_looking_at_a_link_does_not_use_it_up(ada: FlaskClient, nobody: FlaskClient) -> None:
    path = link(ada)
    assert [nobody.get(path).status_code for _ in range(3)] == [200, 200, 200]
    assert choose(nobody, path)[0] == 303


def test_a_link_is_good_for_a_day_or_for_a_first_password_a_week(
    app: Flask, ada: FlaskClient, nobody: FlaskClient, clock: FakeClock
) -> None:
    first = link(ada)
    clock.pass_(days=6, hours=23)
    assert choose(nobody, first)[0] == 303
    second = link(browser(app, 1))
    clock.pass_(hours=24)
    assert choose(nobody, second) == (404, "")


def test_a_newer_link_takes_the_place_of_an_older_one(ada: FlaskClient, nobody: FlaskClient) -> None:
    older, newer = link(ada), link(ada)
    assert choose(nobody, older) == (404, "")
    assert choose(nobody, newer) == (303, "/sign-in")


def test_only_the_hash_of_a_link_is_kept(app: Flask, ada: FlaskClient) -> None:
    token = link(ada).rpartition("/")[2]
    with app.app_context():
        kept = [str(value) for row in db.session.execute(select(PasswordLink.__table__)) for value in row]
        told = [str(event.details) + event.subject for event in db.session.scalars(select(AuditEvent))]
    assert [text for text in kept + told if token in text] == []


def test_the_address_of_a_link_is_told_to_no_other_page(ada: FlaskClient, nobody: FlaskClient) -> None:
    assert nobody.get(link(ada)).headers["Referrer-Policy"] == "no-referrer"


@pytest.mark.parametrize(
    ("password", "again"), [("short", "short"), (PASSWORD, "other"), ("", ""), ("x" * 201, "x" * 201)]
)
def test_a_password_that_cannot_be_used_leaves_the_link_good(
    ada: FlaskClient, nobody: FlaskClient, password: str, again: str
) -> None:
    path = link(ada)
    assert choose(nobody, path, password, again)[0] == 422
    assert choose(nobody, path)[0] == 303


def test_a_new_password_ends_the_sessions_of_its_account(app: Flask, ada: FlaskClient, nobody: FlaskClient) -> None:
    tom = browser(app, TOM)
    assert tom.get("/").status_code == 200
    choose(nobody, link(ada))
    assert tom.get("/").location == "/sign-in"
    assert ada.get("/").status_code == 200


def test_an_archived_account_gets_no_link_and_its_link_is_no_longer_good(
    app: Flask, ada: FlaskClient, nobody: FlaskClient
) -> None:
    path = link(ada)
    with app.app_context():
        db.session.execute(update(Account).where(Account.id == TOM).values(archived_at=NOW))
        db.session.commit()
    assert choose(nobody, path) == (404, "")
    assert ada.post(f"/accounts/{TOM}/password-link").location == f"/accounts/{TOM}"


def test_guessing_links_is_slowed_down_and_a_guess_learns_nothing(
    app: Flask, ada: FlaskClient, nobody: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sisportal.web.password_links.TRIES_OF_ADDRESS", 3)
    used = link(ada)
    choose(nobody, used)
    stranger = browser(app)
    guess, known = stranger.get("/choose-password/guess"), stranger.get(used)
    assert guess.text == known.text
    assert [nobody.get(f"/choose-password/{number}").status_code for number in range(3)] == [404, 429, 429]


def test_who_made_a_link_and_who_used_it_is_in_the_audit_log(app: Flask, ada: FlaskClient, nobody: FlaskClient) -> None:
    choose(nobody, link(ada))
    with app.app_context():
        rows = db.session.execute(
            select(AuditEvent.event, AuditEvent.actor, AuditEvent.subject).order_by(AuditEvent.id)
        )
        assert [tuple(row) for row in rows] == [
            ("password-link-made", "ada@example.org", "tom@example.org"),
            ("password-chosen", "tom@example.org", "tom@example.org"),
        ]


def test_two_who_use_a_link_at_once_set_one_password(app: Flask) -> None:
    with app.app_context():
        with writing(db.engine).begin() as connection:
            token = password_links.make(connection, TOM, Purpose.SET, Who("a test"), NOW)
        assert token
        assert password_links.use(db.engine, token, PASSWORD, NOW) == "tom@example.org"
        assert password_links.use(db.engine, token, "another good one", NOW) is None


def test_a_copied_cookie_is_worth_nothing_after_signing_out(app: Flask) -> None:
    tom, copy = browser(app, TOM), app.test_client()
    with tom.session_transaction() as session, copy.session_transaction() as copied:
        copied.update(session)
    assert copy.get("/").status_code == 200
    tom.post("/sign-out")
    assert copy.get("/").location == "/sign-in"


def test_signing_out_on_one_browser_leaves_the_others(app: Flask) -> None:
    one, other = browser(app, TOM), browser(app, TOM)
    one.post("/sign-out")
    assert other.get("/").status_code == 200


def test_signing_out_everywhere_ends_them_all(app: Flask, ada: FlaskClient) -> None:
    one, other = browser(app, TOM), browser(app, TOM)
    assert one.get("/my-account").text.count("With a password") == 2
    assert one.post("/my-account/sign-out-everywhere").location == "/sign-in"
    assert (one.get("/").location, other.get("/").location) == ("/sign-in", "/sign-in")
    assert ada.get("/").status_code == 200


def test_a_session_ends_after_twelve_hours_and_is_forgotten(app: Flask, clock: FakeClock) -> None:
    tom = browser(app, TOM)
    clock.pass_(hours=11, minutes=59)
    assert tom.get("/").status_code == 200
    clock.pass_(minutes=2)
    assert tom.get("/").location == "/sign-in"
    browser(app, TOM)
    with app.app_context():
        assert len(db.session.scalars(select(SignedInBrowser.key)).all()) == 1
