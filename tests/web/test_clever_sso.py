"""Signing in with Clever, over the real wire of its double: the three ways in, and everything that is refused."""

import base64
import dataclasses
from datetime import datetime
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import msgspec
import pytest
import requests
from flask import Flask
from flask.testing import FlaskClient
from joserfc import jwt
from joserfc.jwk import RSAKey
from sqlalchemy import select, update

from sisportal.config import Settings
from sisportal.extensions import db
from sisportal.factory import create_app
from sisportal.models import Account, AccountLink, AuditEvent, Mapping
from sisportal.models.database import writing
from sisportal.sandbox import clever_login, clever_tokens, edits
from sisportal.sandbox.clever_visitors import elsewhere
from sisportal.sandbox.district import District
from sisportal.sandbox.entities import Person
from sisportal.sandbox.faults import Fault
from sisportal.sandbox.serving import Served
from sisportal.syncing import apps
from sisportal.syncing.commit import commit
from sisportal.syncing.connections import connect, load, map_school, remember_schools
from sisportal.syncing.prepare import prepare, request_sync
from tests.fakes import FakeClock, FakeQueue
from tests.web.conftest import NOW

CALLBACK = "http://127.0.0.1:5000/clever/callback"
LOST = "The sign-in could not be finished"
SPENT = "The sign-in came too late"


@pytest.fixture
def settings(settings: Settings, sandbox: Served) -> Settings:
    """A portal that Clever's double knows."""
    sandbox.sandbox.login.redirect_uris = [CALLBACK]
    return dataclasses.replace(settings, clever_login_url=sandbox.url, clever_api_url=sandbox.url)


@pytest.fixture
def portal(settings: Settings, app: Flask, sandbox: Served) -> Flask:
    """Ada's portal after its first commit: every person of the district has an account."""
    with app.app_context():
        connect_all(app, sandbox)
        sync_all(app)
    return app


def connect_all(app: Flask, sandbox: Served, **more: str) -> None:
    extensions = app.extensions
    secrets = extensions["cipher"].encrypt({"token": sandbox.sandbox.token} | more)
    connection_id = connect(
        db.engine,
        "clever",
        {"base_url": sandbox.url, "login_url": sandbox.url, "client_id": "sandbox-client"},
        secrets,
        NOW,
    )
    with writing(db.engine).begin() as connection:
        schools = extensions["open_provider"](load(connection, connection_id)).schools()
        remember_schools(connection, connection_id, schools, NOW)
        for school in schools:
            map_school(connection, connection_id, school.source_id, Mapping.MAPPED, None, NOW)


def sync_all(app: Flask) -> None:
    extensions = app.extensions
    sync_id = request_sync(db.engine, 1, NOW)
    prepare(db.engine, sync_id, extensions["open_provider"], extensions["clock"])
    commit(db.engine, sync_id, extensions["clock"])


@pytest.fixture
def teacher(district: District) -> Person:
    return next(person for person in district.people if person.teacher and not person.staff)


@pytest.fixture
def student(district: District) -> Person:
    return next(person for person in district.people if person.student)


class Browser:
    """One browser, at the portal and at Clever: it follows every redirect between the two."""

    def __init__(self, app: Flask, sandbox: Served) -> None:
        self.portal, self._clever = app.test_client(), requests.Session()
        self._url = sandbox.url
        self.visited: list[str] = []

    def clever(self, path: str, **query: str) -> requests.Response:
        address = f"{self._url}{path}?{urlencode(query)}" if query else f"{self._url}{path}"
        return self._clever.get(address, allow_redirects=False, timeout=20)

    def at_clever(self, person: Person, role: str) -> None:
        """Be signed in to Clever as somebody."""
        self._clever.cookies.clear()
        assert self.clever("/portal", person=person.id, role=role).headers["Location"] == "/portal"

    def go(self, address: str) -> Any:
        """The page that an address leads to in the end."""
        for _ in range(12):
            self.visited.append(address)
            if address.startswith(self._url):
                answer: Any = self._clever.get(address, allow_redirects=False, timeout=20)
            else:
                answer = self.portal.get(address.removeprefix("http://127.0.0.1:5000"))
            location = answer.headers.get("Location")
            if location is None:
                return answer
            address = (
                location if location.startswith("http") or not address.startswith(self._url) else self._url + location
            )
        raise AssertionError(f"an endless way: {self.visited}")

    def by_button(self, **query: str) -> Any:
        return self.go("/clever/sign-in" + (f"?{urlencode(query)}" if query else ""))

    def who(self) -> str:
        """The username that is signed in, blank for nobody."""
        page = self.portal.get("/my-account")
        if page.status_code != 200:
            return ""
        return page.text.split("<dt>Username</dt><dd>")[1].split("<")[0]

    def exchanges(self) -> int:
        return len([address for address in self.visited if "code=" in address])


@pytest.fixture
def browser(portal: Flask, sandbox: Served) -> Browser:
    return Browser(portal, sandbox)


def username_of(app: Flask, id_: str) -> str:
    with app.app_context():
        statement = select(Account.username).join(AccountLink, AccountLink.account_id == Account.id)
        return str(db.session.scalar(statement.where(AccountLink.source_id == id_)))


def events(app: Flask, *names: str) -> list[tuple[str, dict[str, str]]]:
    with app.app_context():
        rows = db.session.execute(select(AuditEvent.actor, AuditEvent.details).where(AuditEvent.event.in_(names)))
        return [(row.actor, row.details) for row in rows]


def title(page: Any) -> str:
    return str(page.text.split("<h1>")[1].split("</h1>")[0])


def tokens_asked(sandbox: Served) -> int:
    return sum(call.startswith("POST /oauth/tokens") for call in sandbox.sandbox.calls)


# --- the three ways in ---


def test_the_button_signs_in_and_leads_to_the_page_that_was_asked_for(
    portal: Flask, browser: Browser, teacher: Person, district: District
) -> None:
    assert "/clever/sign-in?next=/my-account" in browser.portal.get("/sign-in?next=/my-account").text
    browser.at_clever(teacher, "teacher")
    page = browser.by_button(next="/my-account")
    assert (page.status_code, title(page)) == (200, "My account")
    assert browser.who() == username_of(portal, teacher.id)
    asked = parse_qs(urlsplit(browser.visited[1]).query)
    assert (asked["district_id"], asked["redirect_uri"], asked["return_unshared"]) == (
        [district.id],
        [CALLBACK],
        ["true"],
    )
    assert events(portal, "signed-in") == [(username_of(portal, teacher.id), {"way": "clever"})]


def test_the_clever_portal_signs_in_by_a_try_of_this_browsers_own(
    portal: Flask, browser: Browser, sandbox: Served, student: Person
) -> None:
    browser.at_clever(student, "student")
    page = browser.go(sandbox.url + "/portal/open")
    assert (page.status_code, browser.who()) == (200, username_of(portal, student.id))
    assert "state=" not in browser.visited[1]
    assert tokens_asked(sandbox) == 1


def test_an_instant_login_link_signs_in(portal: Flask, browser: Browser, sandbox: Served, student: Person) -> None:
    with portal.app_context():
        page = Browser(portal, sandbox)
    browser.at_clever(student, "student")
    browser.go(f"{sandbox.url}/oauth/instant-login?client_id=sandbox-client&district_id={sandbox.sandbox.district.id}")
    assert browser.who() == username_of(portal, student.id)
    assert page.who() == ""


def test_status_shows_the_instant_login_link_and_the_address_to_register(
    portal: Flask, ada: FlaskClient, sandbox: Served
) -> None:
    page = ada.get("/admin/sis/clever/status").text
    assert f"{sandbox.url}/oauth/instant-login?client_id=sandbox-client&amp;district_id=" in page
    assert CALLBACK in page


def test_somebody_without_an_e_mail_address_signs_in(portal: Flask, browser: Browser, district: District) -> None:
    person = next(person for person in district.people if person.student and not person.email)
    browser.at_clever(person, "student")
    browser.by_button()
    assert browser.who() == username_of(portal, person.id)


def test_a_sign_in_with_openid_connect(portal: Flask, browser: Browser, sandbox: Served, teacher: Person) -> None:
    sandbox.sandbox.login.oidc = True
    browser.at_clever(teacher, "teacher")
    browser.by_button()
    assert browser.who() == username_of(portal, teacher.id)


def test_somebody_of_several_roles_has_one_account_in_each(portal: Flask, browser: Browser, district: District) -> None:
    person = next(person for person in district.people if person.teacher and person.staff)
    for role in ("teacher", "staff"):
        browser.at_clever(person, role)
        browser.by_button()
        assert browser.who() == username_of(portal, person.id)


@pytest.mark.parametrize("role", ["teacher", "staff"])
def test_links_of_an_older_version_of_the_api_are_found(
    portal: Flask, browser: Browser, district: District, role: str
) -> None:
    person = next(person for person in district.people if person.teacher and person.staff)
    assert person.teacher is not None
    with portal.app_context():
        link = update(AccountLink).where(AccountLink.source_id == person.id)
        db.session.execute(link.values(source_id=person.teacher.legacy_id))
        db.session.commit()
    browser.at_clever(person, role)
    browser.by_button()
    assert browser.who() == username_of(portal, person.teacher.legacy_id)


def test_the_application_of_the_connection_serves_where_the_portal_has_none_of_its_own(
    settings: Settings, clock: FakeClock, queue: FakeQueue, app: Flask, sandbox: Served, teacher: Person
) -> None:
    bare = dataclasses.replace(
        settings, clever_client_id="", clever_client_secret="", clever_login_url="https://x.example"
    )
    portal = create_app(bare, clock=clock, queue=queue, TESTING=True, WTF_CSRF_ENABLED=False)
    with portal.app_context():
        connect_all(portal, sandbox, client_secret="sandbox-secret")
        sync_all(portal)
    browser = Browser(portal, sandbox)
    browser.at_clever(teacher, "teacher")
    browser.by_button()
    assert browser.who() == username_of(portal, teacher.id)
    with portal.app_context():
        db.engine.dispose()


# --- who sits at the browser ---


def test_a_sign_in_with_clever_takes_the_place_of_whoever_was_signed_in(
    portal: Flask, browser: Browser, teacher: Person, student: Person, sandbox: Served
) -> None:
    browser.at_clever(teacher, "teacher")
    browser.by_button()
    copied = portal.test_client()
    with browser.portal.session_transaction() as session, copied.session_transaction() as copy:
        copy.update(session)
    browser.at_clever(student, "student")
    browser.go(sandbox.url + "/portal/open")
    assert browser.who() == username_of(portal, student.id)
    assert copied.get("/").location == "/sign-in"


def test_signing_in_begins_a_new_session(browser: Browser, teacher: Person) -> None:
    with browser.portal.session_transaction() as session:
        session["planted"] = "before"
    browser.at_clever(teacher, "teacher")
    browser.by_button()
    with browser.portal.session_transaction() as session:
        assert set(session) - {"csrf_token"} == {"_user_id", "_permanent"}


def test_whoever_is_turned_away_leaves_nobody_else_signed_in(
    browser: Browser, teacher: Person, district: District
) -> None:
    browser.at_clever(teacher, "teacher")
    browser.by_button()
    stranger = next(person for person in district.people if person.administrator and not person.teacher)
    browser.at_clever(stranger, "district_admin")
    assert title(browser.by_button()) == "You have no account here yet"
    assert browser.who() == ""


# --- on and off ---


def test_it_is_off_before_the_first_commit_and_on_by_itself_after_it(
    app: Flask, sandbox: Served, teacher: Person
) -> None:
    browser = Browser(app, sandbox)
    with app.app_context():
        connect_all(app, sandbox)
    assert "Sign in with Clever" not in browser.portal.get("/sign-in").text
    assert title(browser.by_button()) == "Signing in with Clever is switched off"
    with app.app_context():
        sync_all(app)
    assert "Sign in with Clever" in browser.portal.get("/sign-in").text
    browser.at_clever(teacher, "teacher")
    browser.by_button()
    assert browser.who() == username_of(app, teacher.id)


def test_it_stays_off_where_an_administrator_says_so(
    portal: Flask, browser: Browser, teacher: Person, sandbox: Served, ada: FlaskClient
) -> None:
    browser.at_clever(teacher, "teacher")
    ada.post("/admin/sis/clever/configure", data={"sso": "no"})
    with portal.app_context():
        sync_all(portal)
    for way in ("/clever/sign-in", sandbox.url + "/portal/open"):
        page = browser.go(way)
        assert (page.status_code, title(page)) == (403, "Signing in with Clever is switched off")
    assert "Off, as an administrator chose" in ada.get("/admin/sis/clever/status").text
    assert tokens_asked(sandbox) == 0


@pytest.mark.parametrize("what", ["connection", "app", "needed app"])
def test_it_is_off_while_the_connection_or_its_app_is_disabled(
    portal: Flask, browser: Browser, ada: FlaskClient, what: str
) -> None:
    with portal.app_context(), writing(db.engine).begin() as connection:
        apps.install(connection, "clever", NOW)
    assert "Sign in with Clever" in browser.portal.get("/sign-in").text
    if what == "connection":
        ada.post("/admin/sis/clever/disable")
    else:
        with portal.app_context(), writing(db.engine).begin() as connection:
            apps.disable(connection, "clever" if what == "app" else "sis-integration")
    assert title(browser.by_button()) == "Signing in with Clever is switched off"


def test_without_an_application_there_is_no_button(
    settings: Settings, clock: FakeClock, queue: FakeQueue, portal: Flask
) -> None:
    bare = dataclasses.replace(settings, clever_client_id="", clever_client_secret="")
    other = create_app(bare, clock=clock, queue=queue, TESTING=True)
    assert "Sign in with Clever" not in other.test_client().get("/sign-in").text
    with other.app_context():
        db.engine.dispose()


# --- attempted and refused ---


def test_a_code_that_comes_without_a_state_is_never_exchanged(
    browser: Browser, sandbox: Served, teacher: Person
) -> None:
    answer = browser.portal.get("/clever/callback?code=stolen")
    assert answer.location.startswith(sandbox.url + "/oauth/authorize?")
    assert tokens_asked(sandbox) == 0
    assert browser.who() == ""


def test_a_foreign_code_and_state_sign_nobody_in(
    portal: Flask, sandbox: Served, teacher: Person, student: Person
) -> None:
    attacker, victim = Browser(portal, sandbox), Browser(portal, sandbox)
    attacker.at_clever(teacher, "teacher")
    begun = attacker.portal.get("/clever/sign-in").location
    lure = attacker.clever(begun.removeprefix(sandbox.url)).headers["Location"]
    victim.at_clever(student, "student")
    victim.go(lure)
    assert victim.who() == username_of(portal, student.id)


def test_a_state_of_nobody_begins_anew_once_and_then_says_what_to_do(browser: Browser, sandbox: Served) -> None:
    first = browser.portal.get("/clever/callback?code=x&state=forged")
    state = parse_qs(urlsplit(first.location).query)["state"][0]
    browser.portal.delete_cookie("sisportal")
    second = browser.portal.get(f"/clever/callback?code=x&state={state}")
    assert (second.status_code, title(second)) == (400, LOST)
    assert tokens_asked(sandbox) == 0


def test_a_browser_without_cookies_is_not_led_in_circles(portal: Flask, sandbox: Served, teacher: Person) -> None:
    browser = Browser(portal, sandbox)
    browser.portal = portal.test_client(use_cookies=False)
    browser.at_clever(teacher, "teacher")
    assert title(browser.go(sandbox.url + "/portal/open")) == LOST


def test_the_callback_address_loaded_again_begins_anew_and_signs_in(
    portal: Flask, browser: Browser, sandbox: Served, teacher: Person
) -> None:
    browser.at_clever(teacher, "teacher")
    browser.by_button()
    used = next(address for address in browser.visited if "code=" in address)
    browser.portal.post("/sign-out")
    browser.go(used)
    assert browser.who() == username_of(portal, teacher.id)
    assert tokens_asked(sandbox) == 2


def test_a_code_that_was_used_already_begins_anew_once(
    portal: Flask, browser: Browser, sandbox: Served, teacher: Person
) -> None:
    browser.at_clever(teacher, "teacher")
    begun = browser.portal.get("/clever/sign-in?next=/my-account").location
    back = browser.clever(begun.removeprefix(sandbox.url)).headers["Location"]
    sandbox.sandbox.login.grants.clear()
    page = browser.go(back)
    assert (title(page), browser.who()) == ("My account", username_of(portal, teacher.id))


def test_a_code_that_is_refused_twice_in_a_row_gets_its_page(
    browser: Browser, sandbox: Served, teacher: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clever_login, "CODE_LIFETIME", -1)
    browser.at_clever(teacher, "teacher")
    page = browser.by_button()
    assert (page.status_code, title(page)) == (400, SPENT)
    assert (tokens_asked(sandbox), browser.who()) == (2, "")


def test_somebody_of_another_district_with_the_same_address_is_turned_away(
    portal: Flask, browser: Browser, district: District
) -> None:
    theirs = elsewhere(district)[1].person
    assert theirs.email in {person.email for person in district.people}
    browser.at_clever(theirs, "teacher")
    page = browser.go(as_they_are(browser))
    assert (page.status_code, title(page)) == (403, "You belong to another district")
    assert browser.who() == ""


def test_the_same_id_in_another_district_is_another_person(portal: Flask, browser: Browser, district: District) -> None:
    theirs = elsewhere(district)[1].person
    with portal.app_context():
        link = update(AccountLink).where(
            AccountLink.account_id == select(AccountLink.account_id).limit(1).scalar_subquery()
        )
        db.session.execute(link.values(source_id=theirs.id))
        db.session.commit()
    browser.at_clever(theirs, "teacher")
    assert title(browser.go(as_they_are(browser))) == "You belong to another district"


def test_a_teacher_without_a_district_is_turned_away(browser: Browser, district: District) -> None:
    browser.at_clever(elsewhere(district)[2].person, "teacher")
    assert title(browser.go(as_they_are(browser))) == "Your Clever account has no district"


def as_they_are(browser: Browser) -> str:
    """The way to Clever without the preset district, so that somebody of elsewhere gets through."""
    begun = str(browser.portal.get("/clever/sign-in").location)
    parts = urlsplit(begun)
    query = {name: values[0] for name, values in parse_qs(parts.query).items() if name != "district_id"}
    return parts._replace(query=urlencode(query)).geturl()


def test_an_account_is_never_found_by_its_e_mail_address(portal: Flask, browser: Browser, teacher: Person) -> None:
    with portal.app_context():
        db.session.execute(update(Account).where(Account.id == 1).values(email=teacher.email, username=teacher.email))
        link = update(AccountLink).where(AccountLink.source_id == teacher.id)
        db.session.execute(link.values(source_id="f" * 24))
        db.session.commit()
    browser.at_clever(teacher, "teacher")
    assert title(browser.by_button()) == "You have no account here yet"
    assert events(portal, "sign-in-refused") == [
        ("unknown", {"way": "clever", "reason": "unknown", "clever_id": teacher.id})
    ]


def test_an_archived_student_is_turned_away_and_comes_back_when_listed_again(
    portal: Flask, browser: Browser, student: Person
) -> None:
    username = username_of(portal, student.id)
    set_archived(portal, username, NOW)
    browser.at_clever(student, "student")
    page = browser.by_button()
    assert (page.status_code, title(page), browser.who()) == (403, "Your account here is archived", "")
    set_archived(portal, username, None)
    browser.by_button()
    assert browser.who() == username


def set_archived(app: Flask, username: str, at: datetime | None) -> None:
    with app.app_context():
        db.session.execute(update(Account).where(Account.username == username).values(archived_at=at))
        db.session.commit()


def test_a_commit_that_archives_somebody_ends_their_sessions_for_good(
    portal: Flask, browser: Browser, district: District, student: Person
) -> None:
    browser.at_clever(student, "student")
    browser.by_button()
    assert browser.who() == username_of(portal, student.id)
    edits.leave(district, student.id)
    district.settle()
    with portal.app_context():
        sync_all(portal)
    set_archived(portal, username_of(portal, student.id), None)
    assert browser.who() == ""


def test_somebody_who_is_not_shared_is_told_whom_to_ask(browser: Browser, district: District, student: Person) -> None:
    assert student.student is not None
    edits.unshare_school(district, student.student.school)
    browser.at_clever(student, "student")
    page = browser.by_button()
    assert (page.status_code, title(page)) == (403, "Your school does not share you with this portal")


def test_an_error_that_clever_sends_along_is_never_repeated_on_the_page(browser: Browser) -> None:
    page = browser.portal.get("/clever/callback?error=access_denied&error_description=call+555+0100&state=x")
    assert (page.status_code, title(page)) == (403, "Clever did not sign you in")
    assert "555" not in page.text


@pytest.mark.parametrize("target", ["https://elsewhere.example", "//elsewhere.example", "/\\elsewhere.example"])
def test_signing_in_never_leads_to_another_site(browser: Browser, teacher: Person, target: str) -> None:
    browser.at_clever(teacher, "teacher")
    page = browser.by_button(next=target)
    assert title(page) == "Home"


@pytest.mark.parametrize("path", ["/oauth/tokens", "/v3.1/me"])
@pytest.mark.parametrize(
    "fault",
    ["400", "404", "429", "500", "502", "html", "truncated-json", "empty-body", "list-envelope", "empty-envelope",
     "dropped-connection"],
)  # fmt: skip
def test_where_clever_does_not_answer_as_it_should_nobody_is_signed_in(
    browser: Browser, sandbox: Served, teacher: Person, path: str, fault: str
) -> None:
    sandbox.sandbox.faults.add(Fault(name=fault, path=path))
    browser.at_clever(teacher, "teacher")
    page = browser.by_button()
    assert (page.status_code, title(page), browser.who()) == (503, "Clever does not answer as it should", "")


def test_a_wrong_secret_of_the_application_is_not_the_persons_fault(
    browser: Browser, sandbox: Served, teacher: Person
) -> None:
    sandbox.sandbox.access.client_secret = "another"
    browser.at_clever(teacher, "teacher")
    assert title(browser.by_button()) == "Clever does not answer as it should"


FORGED: dict[str, dict[str, Any]] = {
    "another nonce": {"nonce": "another"},
    "no nonce": {"nonce": None},
    "another application": {"aud": "another"},
    "another issuer": {"iss": "https://elsewhere.example"},
    "too old": {"exp": 1_000_000_000, "iat": 999_999_000},
    "another person": {"sub": "f" * 24},
}


@pytest.mark.parametrize("wrong", FORGED)
def test_a_signed_token_that_is_not_for_this_sign_in_is_refused(
    browser: Browser, sandbox: Served, teacher: Person, wrong: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    sandbox.sandbox.login.oidc = True
    sign = sandbox.sandbox.login.signing.sign

    def forged(claims: dict[str, Any]) -> str:
        return sign({name: value for name, value in (claims | FORGED[wrong]).items() if value is not None})

    monkeypatch.setattr(sandbox.sandbox.login.signing, "sign", forged)
    browser.at_clever(teacher, "teacher")
    page = browser.by_button()
    assert (page.status_code, title(page), browser.who()) == (400, "The sign-in could not be trusted", "")


@pytest.mark.parametrize("wrong", ["another key", "no signature"])
def test_a_token_without_clevers_signature_is_refused(
    browser: Browser, sandbox: Served, teacher: Person, wrong: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    login = sandbox.sandbox.login
    login.oidc = True

    def unsigned(claims: dict[str, Any]) -> str:
        if wrong == "another key":
            return jwt.encode({"alg": "RS256", "kid": login.signing.key.kid}, claims, RSAKey.generate_key(2048))
        parts = (msgspec.json.encode(part) for part in ({"alg": "none"}, claims))
        return ".".join([*(base64.urlsafe_b64encode(part).decode().rstrip("=") for part in parts), ""])

    monkeypatch.setattr(login.signing, "sign", unsigned)
    browser.at_clever(teacher, "teacher")
    assert title(browser.by_button()) == "The sign-in could not be trusted"
    assert browser.who() == ""


def test_a_new_key_of_clever_is_learnt(portal: Flask, browser: Browser, sandbox: Served, teacher: Person) -> None:
    sandbox.sandbox.login.oidc = True
    browser.at_clever(teacher, "teacher")
    browser.by_button()
    browser.portal.post("/sign-out")
    sandbox.sandbox.login.signing = clever_tokens.Signing()
    browser.by_button()
    assert browser.who() == username_of(portal, teacher.id)


def test_tries_that_are_never_finished_do_not_fill_the_cookie(browser: Browser) -> None:
    for _ in range(30):
        browser.portal.get("/clever/sign-in?next=/my-account")
    with browser.portal.session_transaction() as session:
        assert len([key for key in session if key.startswith("_state_")]) == 4
