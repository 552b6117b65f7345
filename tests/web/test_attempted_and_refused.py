"""What somebody who means harm would try at the sign-in, each with the answer that it gets."""

import dataclasses
import logging
import re
from collections import Counter
from typing import Any
from urllib.parse import quote, urlsplit

import pytest
from argon2 import PasswordHasher
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select, update

from sisportal.config import Settings
from sisportal.extensions import db
from sisportal.factory import create_app
from sisportal.models import Account, AuditEvent, FailedSignIn
from sisportal.syncing import administrators, browser_sessions, throttle
from sisportal.syncing.administrators import make_administrator, reset_password
from tests.fakes import FakeClock, FakeQueue
from tests.web.conftest import NOW, browser
from tests.web.watching import queries

PASSWORD = "correct horse battery"
EVE = 4
CHANGE = {"current": PASSWORD, "password": "staple on a blue door", "again": "staple on a blue door"}
ELSEWHERE = [
    "https://evil.example", "//evil.example", "///evil.example", "////evil.example/..", "\\\\evil.example",
    "/\\evil.example", "\\/evil.example", "/\t/evil.example", "\t//evil.example", "/\n/evil.example", "https:evil.example",
    "http:///evil.example", "javascript:alert(1)", "data:text/html,x", "evil.example", "@evil.example", " //evil.example",
    "/%09/evil.example", "/%5cevil.example", "%2f%2fevil.example", "/\u2028/evil.example", "//evil.example\\@localhost",
]  # fmt: skip


@pytest.fixture
def app(app: Flask) -> Flask:
    """Ada's portal, with Eve, an administrator who has a password."""
    with app.app_context():
        make_administrator(db.engine, "eve@example.org", PASSWORD, NOW, actor="test", last_name="Eze")
    return app


def try_password(client: FlaskClient, username: str, password: str = "wrong", **more: Any) -> Any:
    return client.post("/sign-in", data={"username": username, "password": password}, **more)


@pytest.mark.parametrize("way", ["the form", "the address", "the address, encoded twice"])
def test_no_next_leads_from_the_sign_in_to_another_site(app: Flask, way: str) -> None:
    for target in ELSEWHERE:
        entered = {"username": "eve@example.org", "password": PASSWORD}
        once = quote(target, safe="")
        query = {"the form": "", "the address": f"?next={once}"}.get(way, f"?next={quote(once, safe='')}")
        more = {"next": target} if way == "the form" else {}
        answer = app.test_client().post(f"/sign-in{query}", data=entered | more)
        assert answer.status_code == 303, target
        assert_stays_here(answer.location)


def test_no_next_leads_whoever_is_signed_in_to_another_site(ada: FlaskClient) -> None:
    for target in ELSEWHERE:
        assert_stays_here(ada.get(f"/sign-in?next={quote(target, safe='')}").location)


def assert_stays_here(location: str) -> None:
    """As a browser reads an address: without tabs and line ends, and a backslash as a slash."""
    read = "".join(sign for sign in location if sign not in "\t\r\n").strip().replace("\\", "/")
    assert read.startswith("/")
    assert not read.startswith("//")
    assert urlsplit(read).netloc == ""


def test_another_site_cannot_sign_a_browser_in_as_somebody_else(app: Flask, nobody: FlaskClient) -> None:
    """Login CSRF: a form of another site has no token, and one of the attacker's own session does not fit."""
    app.config["WTF_CSRF_ENABLED"] = True
    attacker = app.test_client()
    theirs = attacker.get("/sign-in").text.split('name="csrf_token" value="')[1].split('"')[0]
    entered = {"username": "eve@example.org", "password": PASSWORD}
    nobody.get("/sign-in")
    assert [nobody.post("/sign-in", data=entered | more).status_code for more in ({}, {"csrf_token": theirs})] == [
        400,
        400,
    ]
    assert nobody.get("/").location == "/sign-in"


def test_a_cookie_that_an_attacker_planted_before_the_sign_in_is_worth_nothing_after_it(
    app: Flask, nobody: FlaskClient
) -> None:
    """Session fixation: whatever the browser had before, what signs it in is made at the sign-in."""
    attacker = app.test_client()
    attacker.get("/sign-in")
    with nobody.session_transaction() as victims, attacker.session_transaction() as planted:
        planted["_user_id"] = "chosen-by-the-attacker"
        victims.update(planted)
    try_password(nobody, "eve@example.org", PASSWORD)
    assert nobody.get("/").status_code == 200
    assert attacker.get("/").location == "/sign-in"


def test_a_cookie_of_another_portal_signs_nobody_in(
    settings: Settings, clock: FakeClock, queue: FakeQueue, app: Flask, nobody: FlaskClient
) -> None:
    other = create_app(dataclasses.replace(settings, secret_key="another"), clock=clock, queue=queue, TESTING=True)
    theirs = browser(other)
    with theirs.session_transaction() as session, app.app_context():
        session["_user_id"] = browser_sessions.begin(db.engine, 1, "password", NOW)
    cookie = theirs.get_cookie("sisportal")
    assert cookie is not None
    nobody.set_cookie("sisportal", cookie.value)
    assert nobody.get("/").location == "/sign-in"
    with other.app_context():
        db.engine.dispose()


class Counting:
    """A hasher that counts what it is asked to do."""

    def __init__(self, hasher: PasswordHasher) -> None:
        self.hasher, self.verified = hasher, 0

    def verify(self, password_hash: str, password: str) -> bool:
        self.verified += 1
        return self.hasher.verify(password_hash, password)


def test_an_account_cannot_be_told_from_none_by_the_answer_or_by_the_work_it_takes(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A wrong password, somebody without one, an archived account and none: each checks one hash and asks the same."""
    with app.app_context():
        gone = make_administrator(db.engine, "gone@example.org", PASSWORD, NOW, actor="test")
        db.session.execute(update(Account).where(Account.id == gone).values(archived_at=NOW))
        db.session.commit()
    counting = Counting(administrators._HASHER)
    monkeypatch.setattr(administrators, "_HASHER", counting)
    try_password(browser(app), "a first one, for what is asked only once")
    seen = set()
    for username in ("eve@example.org", "tom@example.org", "gone@example.org", "nobody@example.org"):
        client, before = browser(app), counting.verified
        with queries(app) as statements:
            answer = try_password(client, username)
        seen.add(
            (
                counting.verified - before,
                tuple(statements),
                answer.status_code,
                re.sub(f'value="[^"]*"|{username}', "", answer.text),
            )
        )
    assert [work for work, *_ in seen] == [1]


def test_what_stands_in_for_a_missing_hash_takes_the_work_of_a_real_one() -> None:
    assert not PARAMETERS.check_needs_rehash(NOBODY)


PARAMETERS, NOBODY = administrators._HASHER, administrators._NOBODY
"""As they are outside of tests, whose hashes are quick."""


@pytest.mark.parametrize("header", ["X-Forwarded-For", "X-Real-IP", "Forwarded", "X-Client-IP", "True-Client-IP"])
def test_headers_of_a_proxy_do_not_make_another_address_of_an_attacker(
    nobody: FlaskClient, header: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sisportal.web.sign_in.TRIES_OF_ADDRESS", 3)
    answers = [
        try_password(nobody, f"person{number}", headers={header: f"203.0.113.{number}"}).status_code
        for number in range(5)
    ]
    assert answers == [422, 422, 422, 429, 429]


def test_behind_a_proxy_only_what_the_proxy_itself_adds_counts_as_the_address(
    settings: Settings, clock: FakeClock, queue: FakeQueue, app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sisportal.web.sign_in.TRIES_OF_ADDRESS", 3)
    secure = dataclasses.replace(settings, base_url="https://portal.example")
    portal = create_app(secure, clock=clock, queue=queue, TESTING=True, WTF_CSRF_ENABLED=False)
    client = portal.test_client()
    forwarded = [{"X-Forwarded-For": f"203.0.113.{number}, 198.51.100.7"} for number in range(5)]
    answers = [
        try_password(client, f"person{number}", headers=headers).status_code for number, headers in enumerate(forwarded)
    ]
    assert answers == [422, 422, 422, 429, 429]
    with portal.app_context():
        assert "address:198.51.100.7" in db.session.scalars(select(FailedSignIn.key)).all()
        db.engine.dispose()


@pytest.mark.parametrize(
    ("address", "counted"),
    [
        ("2001:db8:1:2::1", "2001:db8:1:2::/64"),
        ("2001:db8:1:2:ffff:ffff:ffff:ffff", "2001:db8:1:2::/64"),
        ("2001:db8:1:3::1", "2001:db8:1:3::/64"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("192.0.2.7", "192.0.2.7"),
        ("", ""),
        ("unix:", "unix:"),
    ],
)
def test_all_addresses_of_one_ipv6_network_count_as_one(address: str, counted: str) -> None:
    assert throttle.network(address) == counted


def test_the_audit_log_is_not_filled_by_somebody_who_goes_on_after_being_held_back(
    app: Flask, nobody: FlaskClient
) -> None:
    for _ in range(30):
        try_password(nobody, "eve@example.org")
    with app.app_context():
        events = Counter(db.session.scalars(select(AuditEvent.event)))
    assert events == {"administrator-made": 1, "sign-in-failed": 10, "sign-in-throttled": 1}


def test_an_account_is_tried_ten_times_by_whatever_name_it_is_called(
    app: Flask, nobody: FlaskClient, clock: FakeClock
) -> None:
    """By the username, by the e-mail address and in any spelling: it is one password that is tried."""
    with app.app_context():
        db.session.execute(update(Account).where(Account.id == EVE).values(username="eve", email="eve@example.org"))
        db.session.commit()
    names = ("eve", "EVE@example.org", " Eve ", "eve@EXAMPLE.org", "eVe")
    statuses = [try_password(nobody, names[number % len(names)]).status_code for number in range(11)]
    assert statuses == [422] * 10 + [429]
    assert [try_password(nobody, name, PASSWORD).status_code for name in names] == [429] * len(names)
    assert browser(app, EVE).post("/my-account/password", data=CHANGE).status_code == 429, (
        "nor by the page that changes it"
    )


@pytest.mark.parametrize(
    ("path", "data", "module"),
    [
        ("/sign-in", {"username": "{}", "password": "wrong"}, "sign_in"),
        ("/login-card", {"username": "{}", "code": "AAAA-AAAA"}, "card_sign_in"),
        ("/forgotten-password", {"username": "{}"}, "forgotten"),
        ("/choose-password/{}", {}, "password_links"),
    ],
)
def test_a_household_of_ipv6_has_as_many_tries_as_one_address(
    settings: Settings, clock: FakeClock, queue: FakeQueue, app: Flask, monkeypatch: pytest.MonkeyPatch, path: str,
    data: dict[str, str], module: str,
) -> None:  # fmt: skip
    """Whoever has 2^64 addresses is held back after as many tries as whoever has one."""
    app.extensions["settings"] = dataclasses.replace(settings, smtp_url="smtp://127.0.0.1:9")
    monkeypatch.setattr(f"sisportal.web.{module}.TRIES_OF_ADDRESS", 3)
    statuses = []
    for number in range(5):
        guess = f"guess-{number}"
        where = {"REMOTE_ADDR": f"2001:db8:0:7::{number + 1:x}"}
        filled = {name: value.format(guess) for name, value in data.items()}
        statuses.append(app.test_client().post(path.format(guess), data=filled, environ_base=where).status_code)
    assert [status == 429 for status in statuses] == [False] * 3 + [True] * 2


@pytest.mark.parametrize("path", ["/sign-in", "/login-card", "/forgotten-password", "/sign-in/code"])
def test_what_no_database_keeps_is_refused_before_anything_is_looked_for(
    app: Flask, nobody: FlaskClient, path: str
) -> None:
    """PostgreSQL fails on a NUL, which an error page would tell an attacker of, and a log of every try."""
    with queries(app) as statements:
        for data in ({"username": "eve\0", "password": PASSWORD}, {"us\0er": "eve"}, {"code": "12\0"}):
            assert nobody.post(path, data=data).status_code == 400
    assert [each for each in statements if "username" in each or "failed_sign_in" in each] == []


def test_a_search_for_what_no_database_keeps_is_refused(ada: FlaskClient) -> None:
    assert [ada.get(path).status_code for path in ("/accounts?q=%00", "/o/a%00b", "/accounts?%00=1")] == [400] * 3


def test_a_password_counts_to_its_last_character(app: Flask, nobody: FlaskClient) -> None:
    """ASVS 6.2.8, 6.2.9: as it was typed, spaces, capitals and other alphabets included, and never cut."""
    long = " ада любит ЧИСЛА " + "x" * 183
    assert len(long) == 200
    with app.app_context():
        reset_password(db.engine, "eve@example.org", long, NOW, actor="test")
    for wrong in (long[:-1], long[:-1] + "y", long.strip(), long.lower(), long[:72]):
        assert try_password(nobody, "eve@example.org", wrong).status_code == 422
    assert try_password(nobody, "eve@example.org", long).status_code == 303


def test_password_fields_are_masked_and_let_password_managers_fill_them(
    app: Flask, nobody: FlaskClient, ada: FlaskClient
) -> None:
    link = re.findall(r"/choose-password/[\w-]+", ada.post(f"/accounts/{EVE}/password-link").text)[0]
    pages = [nobody.get("/sign-in"), nobody.get(link), browser(app, EVE).get("/my-account")]
    fields = [field for page in pages for field in re.findall(r"<input[^>]*password[^>]*>", page.text)]
    assert len(fields) == 1 + 2 + 3
    for field in fields:
        assert re.search(r'type="password"', field), field
        assert re.search(r'autocomplete="(current|new)-password"', field), field
        assert not re.search(r"onpaste|readonly", field), field


def test_a_refused_page_is_logged_by_who_and_what(
    app: Flask, tom: FlaskClient, ben: FlaskClient, caplog: pytest.LogCaptureFixture
) -> None:
    """ASVS 16.3.2: by the number of the account, without a name."""
    caplog.set_level(logging.WARNING)
    assert (tom.get("/accounts").status_code, ben.post("/accounts/3/archive").status_code) == (404, 403)
    said = " ".join(caplog.messages)
    assert ("accounts.listing is not for account 3" in said, "account 2: 403" in said) == (True, True)
    assert "example.org" not in said


@pytest.mark.parametrize(
    "path",
    [
        "/static/", "/static", "/static/vendor/", "/static/../app.py", "/static/..%2fapp.py", "/static/%2e%2e/.env",
        "/.git/config", "/.env", "/app.py", "/var/secret-key", "/secret-key", "/portal.sqlite3", "/static//etc/passwd",
        "/templates/base.html", "/server-status", "/metrics", "/console",
    ],
)  # fmt: skip
def test_nothing_of_the_folders_is_served_but_the_files_for_browsers(ada: FlaskClient, path: str) -> None:
    answer = ada.get(path, follow_redirects=True)
    assert answer.status_code == 404
    assert "SECRET_KEY" not in answer.text


def test_no_other_site_may_read_an_answer_and_every_text_says_its_alphabet(ada: FlaskClient) -> None:
    evil = {"Origin": "https://evil.example", "Access-Control-Request-Method": "POST"}
    for path in ("/", "/accounts", "/accounts.csv", "/sign-in", "/nowhere"):
        answers = [ada.get(path, headers=evil), ada.options(path, headers=evil)]
        assert [name for answer in answers for name, _ in answer.headers if name.startswith("Access-Control")] == []
        assert answers[0].headers.get("Content-Type", "").endswith("charset=utf-8"), path
