"""Who may read the sandbox's OneRoster: tokens with scopes and an end, signatures that are worked out, the fixed bearer."""

import base64
import hashlib
import hmac
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

import pytest
from authlib.oauth1 import ClientAuth
from werkzeug.test import Client, TestResponse

from sisportal.sandbox.clever_wire import Call
from sisportal.sandbox.generator import generate
from sisportal.sandbox.oneroster_access import base_string
from sisportal.sandbox.oneroster_profiles import Profile
from sisportal.sandbox.service import CLIENT_ID, CLIENT_SECRET, Sandbox, create_sandbox
from tests.sandbox.asking_oneroster import AskingOneRoster, content

SCOPE = "https://purl.imsglobal.org/spec/or/v1p1/scope/"
CORE, ROSTER = f"{SCOPE}roster-core.readonly", f"{SCOPE}roster.readonly"
NOW = 1_790_000_000


class Clock:
    def __init__(self) -> None:
        self.now = float(NOW)

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def ask(clock: Clock) -> AskingOneRoster:
    return AskingOneRoster(create_sandbox(generate(30), clock=clock))


def basic(secret: str = CLIENT_SECRET) -> str:
    return "Basic " + base64.b64encode(f"{quote(CLIENT_ID)}:{quote(secret)}".encode()).decode()


def token_reply(sandbox: Sandbox, authorization: str = "", path: str = "/token", **fields: str) -> TestResponse:
    form = {"grant_type": "client_credentials"} | fields
    return Client(sandbox).post(path, data=form, headers={"Authorization": authorization or basic()})


def token(sandbox: Sandbox, scope: str = "") -> str:
    reply = token_reply(sandbox, scope=scope)
    assert reply.status_code == 200, reply.text
    return f"Bearer {content(reply)['access_token']}"


def test_a_token_says_what_it_is_good_for_and_how_long(ask: AskingOneRoster) -> None:
    said = content(token_reply(ask.sandbox, scope=f"{CORE} {ROSTER}"))
    assert {name: said[name] for name in said.keys() - {"access_token"}} == {
        "token_type": "bearer", "expires_in": 3600, "scope": f"{CORE} {ROSTER}",
    }  # fmt: skip
    assert ask.get("/users", f"Bearer {said['access_token']}").status_code == 200


@pytest.mark.parametrize(
    ("authorization", "fields", "status", "error"),
    [
        (basic("another"), {}, 401, "invalid_client"),
        ("Basic !", {}, 401, "invalid_client"),
        ("Bearer x", {"client_id": CLIENT_ID, "client_secret": CLIENT_SECRET}, 401, "invalid_client"),
        (basic(), {"grant_type": "password"}, 400, "unsupported_grant_type"),
        (basic(), {"scope": "everything"}, 400, "invalid_scope"),
    ],
)
def test_a_token_is_refused_to_strangers_and_for_what_cannot_be(
    ask: AskingOneRoster, authorization: str, fields: dict[str, str], status: int, error: str
) -> None:
    reply = token_reply(ask.sandbox, authorization, **fields)
    assert (reply.status_code, content(reply)["error"]) == (status, error)


def test_a_token_ends_and_another_does_not_end_it_sooner(ask: AskingOneRoster, clock: Clock) -> None:
    first = token(ask.sandbox)
    clock.now += 1800
    second = token(ask.sandbox)
    assert [ask.get("/orgs", one).status_code for one in (first, second)] == [200, 200]
    clock.now += 1800
    assert [ask.get("/orgs", one).status_code for one in (first, second)] == [401, 200]


@pytest.mark.parametrize(
    ("scope", "statuses"),
    [
        (CORE, (200, 403, 403)),
        (ROSTER, (200, 200, 403)),
        (f"{SCOPE}roster-demographics.readonly", (403, 403, 200)),
        ("", (200, 200, 200)),
        (CORE.replace("v1p1", "v1p2"), (403, 403, 403)),
    ],
)
def test_a_scope_opens_its_own_addresses(ask: AskingOneRoster, scope: str, statuses: tuple[int, ...]) -> None:
    school = ask.ids("/schools")[0]
    given = token(ask.sandbox, scope)
    paths = ("/users", f"/schools/{school}/students", "/demographics")
    assert tuple(ask.get(path, given).status_code for path in paths) == statuses


@pytest.mark.parametrize("authorization", ["", "Bearer nobody", "Basic eDp5"])
def test_strangers_read_nothing(ask: AskingOneRoster, authorization: str) -> None:
    reply = ask.get("/users", authorization)
    assert reply.status_code == 401
    assert content(reply)["imsx_codeMajor"] == "failure"


def test_rosters_can_only_be_read(ask: AskingOneRoster) -> None:
    headers = {"Authorization": f"Bearer {ask.sandbox.oneroster.access.bearer}"}
    assert Client(ask.sandbox).post("/ims/oneroster/v1p1/users", headers=headers).status_code == 405


TOKEN_HABITS: list[tuple[dict[str, Any], str, str, dict[str, str], int]] = [
    ({"credentials": ("body",)}, "none", "/token", {"client_id": CLIENT_ID, "client_secret": CLIENT_SECRET}, 200),
    ({"credentials": ("body",)}, "", "/token", {}, 401),
    ({"credentials": ("query",)}, "none", f"/token?client_id={CLIENT_ID}&client_secret={CLIENT_SECRET}", {}, 200),
    ({"scopes": "required"}, "", "/token", {}, 400),
    ({"scopes": "required"}, "", "/token", {"scope": CORE}, 200),
    ({"scopes": "unknown"}, "", "/token", {"scope": "anything"}, 200),
    ({"scope_prefix": "mine:"}, "", "/token", {"scope": CORE}, 400),
    ({"scope_prefix": "mine:"}, "", "/token", {"scope": f"mine:{CORE}"}, 200),
    ({"grants_at": "/deep/token/"}, "", "/deep/token/", {}, 200),
    ({"grants_at": "/deep/token/"}, "", "/deep/token", {}, 400),
    ({"grants_query": "app=1"}, "", "/token?app=1", {}, 200),
    ({"grants_query": "app=1"}, "", "/token", {}, 400),
    ({"only_bearer": True}, "", "/token", {}, 404),
]  # fmt: skip


@pytest.mark.parametrize(("habit", "authorization", "path", "fields", "status"), TOKEN_HABITS)
def test_token_endpoints_have_their_habits(
    ask: AskingOneRoster, habit: dict[str, Any], authorization: str, path: str, fields: dict[str, str], status: int
) -> None:
    ask.sandbox.oneroster.use(Profile(says="a habit", **habit))
    assert token_reply(ask.sandbox, authorization, path, **fields).status_code == status


# --- signatures


def test_the_base_string_is_that_of_the_standards_example() -> None:
    """RFC 5849, 3.4.1.1."""
    query = "b5=%3D%253D&a3=a&c%40=&a2=r%20b"
    call = Call(
        "POST", "/request", parse_qsl(query, keep_blank_values=True), query, host="EXAMPLE.COM:80", raw_path="/request"
    )
    protocol = [
        ("oauth_consumer_key", "9djdj82h48djs9d2"), ("oauth_token", "kkk9d7dh3k39sjv7"), ("c2", ""), ("a3", "2 q"),
        ("oauth_signature_method", "HMAC-SHA1"), ("oauth_timestamp", "137131201"), ("oauth_nonce", "7d8f3e4a"),
    ]  # fmt: skip
    assert base_string(call, [*call.query, *protocol]) == (
        "POST&http%3A%2F%2Fexample.com%2Frequest&a2%3Dr%2520b%26a3%3D2%2520q%26a3%3Da%26b5%3D%253D%25253D%26c%2540%3D%26c2%3D"
        "%26oauth_consumer_key%3D9djdj82h48djs9d2%26oauth_nonce%3D7d8f3e4a%26oauth_signature_method%3DHMAC-SHA1"
        "%26oauth_timestamp%3D137131201%26oauth_token%3Dkkk9d7dh3k39sjv7"
    )


def signed(
    url: str, *, secret: str = CLIENT_SECRET, key: str = CLIENT_ID, method: str = "HMAC-SHA256", when: int = NOW, nonce: str = "n1"
) -> str:  # fmt: skip
    """An Authorization header made by hand, apart from what the sandbox and the portal do."""
    given = {
        "oauth_consumer_key": key, "oauth_nonce": nonce, "oauth_signature_method": method, "oauth_timestamp": str(when),
        "oauth_version": "1.0",
    }  # fmt: skip
    parts = urlsplit(url)
    pairs = [*parse_qsl(parts.query, keep_blank_values=True), *given.items()]
    joined = "&".join(sorted(f"{code(name)}={code(value)}" for name, value in pairs))
    base = f"GET&{code(f'{parts.scheme}://{parts.netloc}{parts.path}')}&{code(joined)}"
    digest = hashlib.sha1 if method == "HMAC-SHA1" else hashlib.sha256
    given["oauth_signature"] = base64.b64encode(
        hmac.new(f"{code(secret)}&".encode(), base.encode(), digest).digest()
    ).decode()
    return "OAuth " + ", ".join(f'{name}="{code(value)}"' for name, value in given.items())


def code(text: str) -> str:
    return quote(text, safe="~")


def asked(ask: AskingOneRoster, path: str = "/users", query: str = "limit=3", **how: Any) -> int:
    url = f"http://sis.test/ims/oneroster/v1p1{path}?{query}"
    headers = {"Authorization": signed(url, **how)}
    return Client(ask.sandbox).get(f"{urlsplit(url).path}?{query}", "http://sis.test", headers=headers).status_code


@pytest.mark.parametrize("method", ["HMAC-SHA1", "HMAC-SHA256"])
def test_a_signed_request_is_answered(ask: AskingOneRoster, method: str) -> None:
    query = urlencode({"filter": "givenName='Colin Robert (x)!*'", "limit": 3}, quote_via=quote, safe="")
    assert asked(ask, query=query, method=method) == 200
    assert asked(ask, "/users/no%20body%2Fx%40y", method=method, nonce="n2") == 404


@pytest.mark.parametrize(
    "how",
    [
        {"secret": "another"}, {"key": "another"}, {"method": "HMAC-MD5"}, {"when": NOW - 601}, {"when": NOW + 301},
        {"nonce": ""},
    ],
)  # fmt: skip
def test_a_signature_that_is_wrong_or_stale_is_refused(ask: AskingOneRoster, how: dict[str, Any]) -> None:
    assert asked(ask, **how) == 401


def test_a_signature_is_good_once_and_for_its_own_request(ask: AskingOneRoster) -> None:
    assert [asked(ask), asked(ask)] == [200, 401]
    header = signed("http://sis.test/ims/oneroster/v1p1/users?limit=3", nonce="n3")
    assert ask.get("/users", header, limit=4).status_code == 401
    assert ask.get("/users", header, limit=3).status_code == 200


def test_the_newer_version_takes_no_signatures(ask: AskingOneRoster) -> None:
    newer = AskingOneRoster(ask.sandbox, "1.2")
    url = "http://sis.test/ims/oneroster/rostering/v1p2/users?limit=3"
    assert newer.get("/users", signed(url), limit=3).status_code == 401


@pytest.mark.parametrize(("method", "statuses"), [("HMAC-SHA1", (200, 401)), ("HMAC-SHA256", (401, 200))])
def test_some_take_one_method_only(ask: AskingOneRoster, method: str, statuses: tuple[int, int]) -> None:
    ask.sandbox.oneroster.use(Profile(says="one method", signatures=(method,)))
    assert (asked(ask, method="HMAC-SHA1"), asked(ask, method="HMAC-SHA256", nonce="n2")) == statuses


def test_a_signature_of_a_library_is_taken(ask: AskingOneRoster, clock: Clock) -> None:
    """Authlib's own client, which signs by SHA-1; its timestamp is the machine's."""
    path = "/ims/oneroster/v1p1/users?filter=givenName%3D%27Colin%20Robert%27"
    _, headers, _ = ClientAuth(CLIENT_ID, CLIENT_SECRET).prepare("GET", f"http://localhost:5001{path}", {}, b"")
    authorization = headers["Authorization"]
    clock.now = float(authorization.partition('oauth_timestamp="')[2].partition('"')[0])
    given = {"Authorization": authorization}
    assert Client(ask.sandbox).get(path, "http://localhost:5001", headers=given).status_code == 200
