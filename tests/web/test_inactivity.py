"""Sessions end after a time in which nothing is done: by role, without a write for every page, and with nothing half done."""

from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from sisportal.extensions import db
from sisportal.models import Account, AccountRole, AuditEvent, SignedInBrowser, SyncState
from sisportal.syncing.administrators import make_administrator
from tests.fakes import FakeClock
from tests.syncing.plans import make_connection, make_sync
from tests.web.conftest import NOW, browser
from tests.web.watching import queries, words

PAGE = "/admin/signing-in"
PASSWORD = "correct horse battery"
EVE = {"username": "eve@example.org", "password": PASSWORD}
ENDED = "Your session has ended"
UNSENT = "Nothing was changed by it: send it again."


@pytest.fixture
def eve(app: Flask) -> FlaskClient:
    """A browser of Eve, an administrator who has a password."""
    with app.app_context():
        make_administrator(db.engine, EVE["username"], PASSWORD, NOW, actor="test", last_name="Eze")
    return browser(app, 4)


@pytest.mark.parametrize(
    ("role", "minutes"),
    [
        ("administrator", 60), ("viewer", 60), ("organization-administrator", 60), ("teacher", 720), ("student", 720),
    ],
)  # fmt: skip
def test_whoever_does_nothing_is_signed_out_after_the_time_of_their_role(
    app: Flask, clock: FakeClock, role: str, minutes: int
) -> None:
    with app.app_context():
        db.session.add(Account(id=9, role=AccountRole(role), roles=[role], username=role, created_at=NOW))
        db.session.commit()
    client = browser(app, 9)
    clock.pass_(minutes=minutes - 1)
    assert client.get("/notifications/bell").status_code == 200
    clock.pass_(minutes=1)
    assert client.get("/").location == "/sign-in"
    assert ENDED in words(client.get("/sign-in"))


def test_whoever_does_something_stays_signed_in_until_twelve_hours_have_passed(
    ada: FlaskClient, clock: FakeClock
) -> None:
    for _ in range(14):
        clock.pass_(minutes=50)
        assert ada.get("/notifications").status_code == 200
    clock.pass_(minutes=50)
    assert ada.get("/notifications").status_code == 303


def test_a_page_that_stays_open_and_asks_by_itself_does_not_keep_anybody_signed_in(
    app: Flask, ada: FlaskClient, clock: FakeClock
) -> None:
    with app.app_context():
        make_sync(db.engine, make_connection(db.engine), state=SyncState.PREPARING)
    for _ in range(5):
        clock.pass_(minutes=10)
        assert [ada.get(path).status_code for path in ("/notifications/bell", "/syncs/1/progress")] == [200, 200]
    clock.pass_(minutes=10)
    asked = {"HX-Request": "true", "HX-Current-URL": "http://localhost/syncs/1"}
    answer = ada.get("/notifications/bell", headers=asked)
    assert answer.headers["HX-Redirect"] == "/sign-in?next=/syncs/1"


def test_it_is_written_down_once_a_minute_at_most_that_somebody_does_something(
    app: Flask, ada: FlaskClient, clock: FakeClock
) -> None:
    def writes() -> list[str]:
        with queries(app) as statements:
            ada.get("/notifications")
        assert len(statements) <= 12
        return [each for each in statements if each.startswith("UPDATE signed_in_browser")]

    clock.pass_(seconds=59)
    assert len(writes()) == 0
    clock.pass_(seconds=1)
    assert len(writes()) == 1
    clock.pass_(seconds=59)
    assert len(writes()) == 0


def test_forms_that_htmx_sends_count_too(ada: FlaskClient, clock: FakeClock) -> None:
    for _ in range(3):
        clock.pass_(minutes=40)
        assert ada.post("/accounts/3/sign-out", headers={"HX-Request": "true"}).status_code == 200


def test_a_form_that_comes_after_the_end_changes_nothing_and_is_told_of_after_signing_in(
    app: Flask, eve: FlaskClient, clock: FakeClock
) -> None:
    app.config["WTF_CSRF_ENABLED"] = True
    edit = {"Referer": "http://localhost/accounts/3/edit?from=list"}
    token = _token(eve.get("/accounts/3/edit"))
    clock.pass_(minutes=61)
    answer = eve.post("/accounts/3/archive", data={"csrf_token": token}, headers=edit)
    assert answer.location == "/sign-in?next=/accounts/3/edit?from%3Dlist"
    with app.app_context():
        assert db.session.scalar(select(Account.archived_at).where(Account.id == 3)) is None
        assert db.session.scalars(select(AuditEvent.event)).all() == ["administrator-made"]
    page = eve.get(answer.location)
    assert ENDED in words(page)
    back = eve.post("/sign-in", data={**EVE, "csrf_token": _token(page), "next": "/accounts/3/edit?from=list"})
    assert back.location == "/accounts/3/edit?from=list"
    page = eve.get(back.location)
    assert UNSENT in words(page)
    assert UNSENT not in words(eve.get(back.location))
    sent = eve.post("/accounts/3/archive", data={"csrf_token": _token(page)})
    assert sent.status_code == 303


def test_who_only_looks_at_a_page_after_the_end_is_not_told_that_something_was_lost(
    eve: FlaskClient, clock: FakeClock
) -> None:
    clock.pass_(minutes=61)
    assert eve.get("/accounts").status_code == 303
    eve.post("/sign-in", data=EVE)
    assert UNSENT not in words(eve.get("/"))


def test_a_form_of_another_site_leads_nobody_back_to_it(eve: FlaskClient, clock: FakeClock) -> None:
    clock.pass_(minutes=61)
    answer = eve.post("/accounts/3/archive", headers={"Referer": "https://evil.example/accounts"})
    assert answer.location == "/sign-in"


def test_a_session_that_ended_does_not_come_back_with_a_longer_time(
    app: Flask, ada: FlaskClient, eve: FlaskClient, clock: FakeClock
) -> None:
    clock.pass_(minutes=59)
    ada.get("/")
    clock.pass_(minutes=2)
    assert eve.get("/").status_code == 303
    ada.post(PAGE, data={"staff": "720"})
    assert eve.get("/").status_code == 303
    assert ada.get("/").status_code == 200


def test_an_administrator_chooses_the_times_and_they_hold_at_once(
    app: Flask, ada: FlaskClient, tom: FlaskClient, clock: FakeClock
) -> None:
    assert '<option value="60" selected>' in ada.get(PAGE).text
    answer = ada.post(PAGE, data={"staff": "15", "teachers": "30"}, follow_redirects=True)
    assert "It holds from now on." in words(answer)
    assert "staff 15 minutes, teachers 30 minutes" in words(ada.get("/audit"))
    assert "do nothing for 30 minutes" in words(tom.get("/my-account"))
    clock.pass_(minutes=15)
    assert (ada.get("/").status_code, tom.get("/").status_code) == (303, 200)
    with app.app_context():
        assert db.session.scalars(select(SignedInBrowser.account_id)).all() == [3]


@pytest.mark.parametrize("minutes", ["0", "61", "-15", "soon", ""])
def test_a_time_that_is_not_offered_signs_nobody_out(ada: FlaskClient, minutes: str) -> None:
    answer: Any = ada.post(PAGE, data={"staff": minutes})
    assert (answer.status_code, "Choose one of the list." in answer.text) == (422, True)


def test_a_viewer_reads_the_times_and_changes_nothing(ben: FlaskClient) -> None:
    page = ben.get(PAGE)
    assert ("1 hour" in words(page), "<select" in page.text) == (True, False)
    assert ben.post(PAGE, data={"staff": "720"}).status_code == 403


def _token(answer: Any) -> str:
    return str(answer.text.split('name="csrf_token" value="')[1].split('"')[0])
