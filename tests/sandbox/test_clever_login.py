"""Clever's login side: the three ways in, codes, tokens and OpenID Connect."""

from collections.abc import Iterator
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
import requests
from joserfc import jwt
from joserfc.jwk import KeySet

from sisportal.sandbox import edits
from sisportal.sandbox.clever_visitors import elsewhere
from sisportal.sandbox.district import District
from sisportal.sandbox.entities import Person
from sisportal.sandbox.service import create_sandbox
from sisportal.sandbox.serving import Served, serve

PORTAL = "http://portal.example.org/clever/callback"
SECOND = "http://portal.example.org/other"
KEYS = ("sandbox-client", "sandbox-secret")
STARTED = 1_790_000_000.0


class Clock:
    def __init__(self) -> None:
        self.now = STARTED

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def served(district: District, clock: Clock) -> Iterator[Served]:
    sandbox = create_sandbox(district, clock=clock)
    sandbox.login.redirect_uris = [PORTAL, SECOND]
    with serve(sandbox) as served:
        yield served


@pytest.fixture
def teacher(district: District) -> Person:
    return next(person for person in district.people if person.teacher and person.email)


class Browser:
    """A browser at Clever."""

    def __init__(self, served: Served) -> None:
        self._session, self._url = requests.Session(), served.url

    def get(self, path: str, **query: str) -> requests.Response:
        address = f"{self._url}{path}?{urlencode(query)}" if query else self._url + path
        return self._session.get(address, allow_redirects=False, timeout=20)

    def authorize(self, **query: str) -> requests.Response:
        asked = {"response_type": "code", "client_id": "sandbox-client", "redirect_uri": PORTAL, "state": "s"}
        return self.get("/oauth/authorize", **(asked | query))

    def sign_in(self, person: Person, role: str) -> None:
        assert self.get("/portal", person=person.id, role=role).headers["Location"] == "/portal"


@pytest.fixture
def browser(served: Served) -> Browser:
    return Browser(served)


def landed(reply: requests.Response) -> tuple[str, dict[str, str]]:
    """Where the application is called back, and what with."""
    assert reply.status_code == 302, reply.text
    parts = urlsplit(reply.headers["Location"])
    query = {name: values[0] for name, values in parse_qs(parts.query).items()}
    return f"{parts.scheme}://{parts.netloc}{parts.path}", query


def exchange(served: Served, code: str, *, keys: tuple[str, str] = KEYS, uri: str = PORTAL) -> requests.Response:
    sent = {"code": code, "grant_type": "authorization_code", "redirect_uri": uri}
    return requests.post(served.url + "/oauth/tokens", json=sent, auth=keys, timeout=20)


def code_of(browser: Browser, person: Person, role: str) -> str:
    browser.sign_in(person, role)
    return landed(browser.authorize())[1]["code"]


def test_the_button_asks_who_it_is_and_leads_back_with_a_code_and_the_state(browser: Browser, teacher: Person) -> None:
    page = browser.authorize()
    assert (page.status_code, str(teacher.email) in page.text) == (200, True)
    chosen = browser.authorize(person=teacher.id, role="teacher")
    following = browser.get(chosen.headers["Location"])
    address, query = landed(following)
    assert (address, query["state"], set(query)) == (PORTAL, "s", {"code", "state"})


def test_somebody_who_is_signed_in_is_not_asked_again(browser: Browser, teacher: Person) -> None:
    browser.sign_in(teacher, "teacher")
    assert landed(browser.authorize())[1].keys() == {"code", "state"}


def test_on_a_shared_computer_the_application_may_have_it_confirmed(browser: Browser, teacher: Person) -> None:
    browser.sign_in(teacher, "teacher")
    page = browser.authorize(confirmed="false")
    assert (page.status_code, "Is this you?" in page.text) == (200, True)
    same = browser.authorize(confirmed="false", person=teacher.id, role="teacher")
    assert landed(browser.get(same.headers["Location"]))[0] == PORTAL


def test_the_portal_and_instant_login_lead_to_the_primary_address_without_a_state(
    browser: Browser, served: Served, teacher: Person
) -> None:
    browser.sign_in(teacher, "teacher")
    instant = browser.get("/oauth/instant-login", client_id="sandbox-client", district_id=served.sandbox.district.id)
    for reply in (browser.get("/portal/open"), instant):
        address, query = landed(reply)
        assert (address, set(query)) == (PORTAL, {"code"})


@pytest.mark.parametrize(
    "wrong", [{"client_id": "x"}, {"redirect_uri": PORTAL + "/"}, {"redirect_uri": ""}, {"response_type": "token"}]
)
def test_a_wrong_request_is_refused_by_clever_itself(browser: Browser, wrong: dict[str, str]) -> None:
    assert browser.authorize(**wrong).status_code == 400


def test_instant_login_is_for_the_applications_district(browser: Browser) -> None:
    for wrong in ({"client_id": "x"}, {"district_id": "f" * 24}):
        asked = {"client_id": "sandbox-client", "district_id": "f" * 24} | wrong
        assert browser.get("/oauth/instant-login", **asked).status_code == 400


def test_a_code_is_good_for_one_token_and_no_second(browser: Browser, served: Served, teacher: Person) -> None:
    code = code_of(browser, teacher, "teacher")
    token = exchange(served, code).json()
    assert (token["token_type"], token["access_token"][:2], len(token)) == ("bearer", "il", 2)
    again = exchange(served, code)
    assert (again.status_code, again.json()["error"]) == (400, "invalid_grant")


def test_a_code_lives_a_minute(browser: Browser, served: Served, teacher: Person, clock: Clock) -> None:
    code = code_of(browser, teacher, "teacher")
    clock.now += 60
    assert exchange(served, code).json()["error"] == "invalid_grant"


def test_a_code_is_for_the_application_and_address_that_it_was_made_for(
    browser: Browser, served: Served, teacher: Person
) -> None:
    assert exchange(served, code_of(browser, teacher, "teacher"), keys=("sandbox-client", "x")).status_code == 401
    assert exchange(served, code_of(browser, teacher, "teacher"), uri=SECOND).status_code == 400
    assert exchange(served, code_of(browser, teacher, "teacher")).status_code == 200


def test_tokens_are_asked_for_by_a_form_too(browser: Browser, served: Served, teacher: Person) -> None:
    form = {"code": code_of(browser, teacher, "teacher"), "grant_type": "authorization_code", "redirect_uri": PORTAL}
    assert requests.post(served.url + "/oauth/tokens", data=form, auth=KEYS, timeout=20).status_code == 200
    form["grant_type"] = "password"
    refused = requests.post(served.url + "/oauth/tokens", data=form, auth=KEYS, timeout=20)
    assert (refused.status_code, refused.json()["error"]) == (400, "unsupported_grant_type")


def test_a_signature_can_be_checked_with_the_certificates(
    browser: Browser, served: Served, teacher: Person, district: District
) -> None:
    served.sandbox.login.oidc = True
    browser.sign_in(teacher, "teacher")
    code = landed(browser.authorize(nonce="n"))[1]["code"]
    token = exchange(served, code).json()["id_token"]
    document = requests.get(served.url + "/.well-known/openid-configuration", timeout=20).json()
    keys = KeySet.import_key_set(requests.get(document["jwks_uri"], timeout=20).json())
    said = jwt.decode(token, keys, algorithms=["RS256"]).claims
    assert teacher.teacher is not None
    assert said == {
        "iss": served.url, "sub": teacher.id, "aud": "sandbox-client", "iat": int(STARTED), "exp": int(STARTED) + 3600,
        "nonce": "n", "user_id": teacher.teacher.legacy_id, "multi_role_user_id": teacher.id, "user_type": "teacher",
        "district": district.id, "email": teacher.email, "email_verified": False, "given_name": teacher.first,
        "family_name": teacher.last,
    }  # fmt: skip
    assert "d" not in requests.get(document["jwks_uri"], timeout=20).json()["keys"][0]


def test_what_userinfo_says(browser: Browser, served: Served, teacher: Person, district: District) -> None:
    token = exchange(served, code_of(browser, teacher, "teacher")).json()["access_token"]
    said = requests.get(served.url + "/userinfo", headers={"Authorization": f"Bearer {token}"}, timeout=20).json()
    assert teacher.teacher is not None
    assert (said["sub"], said["user_id"], said["district_id"], said["email_verified"]) == (
        teacher.id, teacher.teacher.legacy_id, district.id, False,
    )  # fmt: skip


def test_somebody_who_is_not_shared_stays_at_clever_or_comes_back_with_an_error(
    browser: Browser, district: District
) -> None:
    student = next(person for person in district.people if person.student)
    assert student.student is not None
    edits.unshare_school(district, student.student.school)
    browser.sign_in(student, "student")
    assert browser.authorize().status_code == 403
    assert landed(browser.authorize(return_unshared="true")) == (PORTAL, {"error": "unauthorized-user", "state": "s"})


def test_people_of_elsewhere_have_the_same_addresses_and_other_ids(
    browser: Browser, served: Served, district: District
) -> None:
    student, teacher, library = (visitor.person for visitor in elsewhere(district))
    addresses = {person.email for person in district.people}
    assert {student.email, teacher.email, library.email} <= addresses
    assert not {student.id, teacher.id, library.id} & set(district.people.ids)
    token = exchange(served, code_of(browser, teacher, "teacher")).json()["access_token"]
    said = requests.get(served.url + "/v3.1/me", headers={"Authorization": f"Bearer {token}"}, timeout=20).json()[
        "data"
    ]
    assert (said["id"], said["district"] != district.id) == (teacher.id, True)
    token = exchange(served, code_of(browser, library, "teacher")).json()["access_token"]
    said = requests.get(served.url + "/v3.1/me", headers={"Authorization": f"Bearer {token}"}, timeout=20).json()[
        "data"
    ]
    assert said == {"id": library.id, "type": "teacher", "authorized_by": "teacher"}


def test_a_preset_district_shows_its_people_only(browser: Browser, served: Served, district: District) -> None:
    assert "another district" in browser.authorize(q=elsewhere(district)[0].person.last).text
    assert "another district" not in browser.authorize(district_id=district.id).text


def test_signing_out_of_the_portal_asks_again(browser: Browser, teacher: Person) -> None:
    browser.sign_in(teacher, "teacher")
    assert browser.get("/portal/sign-out").headers["Location"] == "/portal"
    assert browser.authorize().status_code == 200


def test_the_registration_is_changed_over_the_control_api(served: Served) -> None:
    done = {"do": "register", "redirect_uris": [SECOND], "oidc": True}
    assert requests.post(served.url + "/sandbox/do", json=done, timeout=20).status_code == 200
    assert (served.sandbox.login.redirect_uris, served.sandbox.login.oidc) == ([SECOND], True)
    assert "Redirect URIs" in requests.get(served.url + "/", timeout=20).text
