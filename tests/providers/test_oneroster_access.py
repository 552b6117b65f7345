"""From what an administrator enters to requests that a OneRoster source accepts, and what *Test connection* says."""

import base64
import threading
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest
from werkzeug.serving import WSGIRequestHandler, make_server
from werkzeug.wrappers import Request, Response

from sisportal.providers.base import Check, ProviderError
from sisportal.providers.oneroster_api import Place, places
from sisportal.providers.opening import open_oneroster
from tests.providers.canned import BOTH, gathered, json_answer
from tests.providers.oneroster_district import NOW, YEAR
from tests.providers.oneroster_server import Server, reading

KEYS: dict[str, Any] = {"client_id": "id", "client_secret": "se&cret"}
BASIC = "Basic " + base64.b64encode(b"id:se%26cret").decode()
PURL = "https://purl.imsglobal.org/spec/or/v1p1/scope/"
V11, V12, V12_OLD = "/ims/oneroster/v1p1", "/ims/oneroster/rostering/v1p2", "/ims/oneroster/v1p2"


def at(version: str, *paths: str, host: str = "https://x") -> list[Place]:
    return [Place(host + path, version) for path in paths]


@pytest.mark.parametrize(
    ("entered", "version", "expected"),
    [
        ("https://x", "1.1", [*at("1.1", V11, "")]),
        ("https://x", "", [*at("1.1", V11), *at("1.2", V12, V12_OLD), *at("1.1", "")]),
        ("https://x/ims/oneroster", "", [*at("1.1", V11), *at("1.2", V12, V12_OLD)]),
        (f"https://x/a{V11}", "", at("1.1", V11, host="https://x/a")),
        (f"https://x/a{V11}", "1.1", at("1.1", V11, host="https://x/a")),
        (f"https://x{V12}", "", at("1.2", V12, V12_OLD)),
        (f"https://x{V12_OLD}", "1.2", at("1.2", V12_OLD, V12)),
        (f"https://x{V11}", "1.2", [*at("1.2", V12, V12_OLD), *at("1.1", V11)]),
        (f"https://x{V12}", "1.1", [*at("1.1", V11), *at("1.2", V12)]),
        ("https://x/api/oneroster/v1p2/app", "1.2", [*at("1.2", V12, V12_OLD, "", host="https://x/api/oneroster/v1p2/app")]),
    ],
)  # fmt: skip
def test_the_api_is_looked_for_where_it_may_be(entered: str, version: str, expected: list[Place]) -> None:
    assert places(entered, version) == expected


@pytest.mark.parametrize("version", ["1.1", "1.2"])
@pytest.mark.parametrize("entered", ["https://sis.test", "sis.test/ims/oneroster/", "https://sis.test/"])
def test_the_version_is_found_out(entered: str, version: str) -> None:
    provider = reading(Server(version=version), base_url=entered)
    assert provider.version == version
    assert len(gathered(provider).seals) == 5


def test_a_source_with_another_root_is_read_there() -> None:
    assert reading(Server(root="/learningdata"), base_url="https://sis.test/learningdata").schools()


def test_an_address_that_leads_nowhere_is_told() -> None:
    with pytest.raises(ProviderError) as failed:
        reading(Server(root="/elsewhere")).schools()
    assert failed.value.code == "not-found"


def test_what_cannot_be_opened_is_refused() -> None:
    with pytest.raises(ProviderError, match=r"OneRoster version 2\.0 is not spoken here; 1\.1, 1\.2 are\."):
        open_oneroster(base_url="x.test", bearer="b", version="2.0")
    with pytest.raises(ProviderError, match="Enter the client ID and the client secret, or a bearer token"):
        open_oneroster(base_url="x.test", client_id="id")
    with pytest.raises(ProviderError) as failed:
        open_oneroster(base_url="ftp://x", bearer="b")
    assert failed.value.code == "wrong-url"


# --- OAuth 1.0a


@pytest.mark.parametrize("accepted", ["HMAC-SHA1", "HMAC-SHA256"])
@pytest.mark.parametrize("tried_first", ["sha256", "sha1"])
@pytest.mark.parametrize("refusal", [401, 400, 403])
@pytest.mark.parametrize("base_url", ["https://sis.test", "https://sis.test/ims/oneroster/v1p1"])
def test_requests_are_signed_by_the_method_that_the_source_accepts(
    accepted: str, tried_first: str, refusal: int, base_url: str
) -> None:
    server = Server(signature=accepted, refusal=refusal)
    provider = reading(server, **KEYS, signature=tried_first, base_url=base_url)
    assert all(seal.complete for seal in gathered(provider).seals.values())


def test_filters_with_spaces_and_quotes_are_signed_as_they_are_sent() -> None:
    server = Server(signature="HMAC-SHA256")
    assert reading(server, **KEYS).test()[-1].sentence == "Quick sync reads only what changed."
    assert any("filter=dateLastModified>'" in call for call in server.asked)


def test_a_wrong_secret_is_refused_after_both_methods() -> None:
    with pytest.raises(ProviderError) as failed:
        reading(Server(signature="HMAC-SHA1"), client_id="id", client_secret="wrong").schools()
    assert failed.value.code == "unauthorized"


# --- OAuth 2


def by_token(server: Server, **given: Any) -> Any:
    return reading(server, **KEYS, token_url="https://sis.test/token", **given)


Ask = tuple[Mapping[str, str], Mapping[str, str], str]
"""Headers, fields of the form, query."""

EVERY_SCOPE = [PURL + "roster-core.readonly", PURL + "roster.readonly", PURL + "roster-demographics.readonly"]

WANTS: dict[str, Callable[[Ask], bool]] = {
    "every scope": lambda ask: ask[0].get("Authorization") == BASIC and ask[1].get("scope", "").split() == EVERY_SCOPE,
    "no demographics": lambda ask: "scope" in ask[1] and "demographics" not in ask[1]["scope"],
    "no scope": lambda ask: ask[0].get("Authorization") == BASIC and "scope" not in ask[1],
    "credentials in the body": lambda ask: (
        "Authorization" not in ask[0] and (ask[1]["client_id"], ask[1]["client_secret"]) == ("id", "se&cret")
    ),
    "credentials in the body, no scope": lambda ask: "client_id" in ask[1] and "scope" not in ask[1],
    "parameters in the query": lambda ask: (
        ask[0].get("Authorization") == BASIC and ask[2] == "grant_type=client_credentials"
    ),
}


@pytest.mark.parametrize("wanted", WANTS)
def test_a_token_is_asked_for_in_the_form_that_the_source_wants(wanted: str) -> None:
    server = Server(forms=lambda headers, fields, query: WANTS[wanted]((headers, fields, query)))
    provider = by_token(server, version="1.1")
    gathered(provider)
    server.bearer = "revoked"
    gathered(provider)
    assert server.tokens == 2
    assert server.asked.count("POST /token") <= 8  # the form that worked is kept


def test_the_scopes_are_those_of_the_version() -> None:
    scopes: list[str] = []

    def note(_: Mapping[str, str], fields: Mapping[str, str], __: str) -> bool:
        scopes.append(fields["scope"])
        return True

    assert by_token(Server(version="1.2", forms=note)).version == "1.2"
    assert "/v1p2/" in scopes[-1]


def test_a_token_url_with_a_slash_too_many_or_too_few_is_found() -> None:
    server = Server()
    assert reading(server, **KEYS, token_url="https://sis.test/token/").schools()
    assert server.tokens == 1


def test_a_token_is_used_until_it_nears_its_end() -> None:
    now = [NOW]
    server = Server(expires_in=600)
    provider = by_token(server, clock=lambda: now[0])
    provider.schools()
    now[0] += 500
    provider.schools()
    assert server.tokens == 1
    now[0] += 91
    provider.schools()
    assert server.tokens == 2


def test_a_token_that_ends_in_the_middle_is_read_again_once() -> None:
    server = Server(most=3)
    provider = by_token(server)
    for place, _ in enumerate(provider.fetch(items=BOTH)):
        if place % 4 == 3:
            server.bearer = "expired"
    assert server.tokens > 1


def test_a_refused_secret_is_told_in_the_token_urls_words() -> None:
    server = Server(forms=lambda _h, _f, _q: False)
    with pytest.raises(ProviderError) as failed:
        by_token(server).schools()
    assert failed.value.code == "unauthorized"
    assert failed.value.message == (
        "The token URL refused the client ID and secret. Check both, and that the SIS has enabled them. (400) It said: invalid_request"
    )


def test_a_wrong_token_url_is_told() -> None:
    with pytest.raises(ProviderError, match="There is no token to be had at the token URL"):
        reading(Server(), **KEYS, token_url="https://sis.test/wrong").schools()


def test_errors_hold_no_secrets() -> None:
    with pytest.raises(ProviderError) as failed:
        by_token(Server(forms=lambda _h, _f, _q: False)).schools()
    assert "se&cret" not in repr(failed.value)


# --- test connection


def test_a_connection_that_works_says_so_endpoint_by_endpoint() -> None:
    checks = reading(Server()).test()
    assert [check.subject for check in checks if check.ok] == [
        "connection", "orgs", "users", "classes", "enrollments", "academicSessions", "courses", "demographics", "changes",
    ]  # fmt: skip
    assert checks[:2] == [
        Check("connection", ok=True, sentence="OneRoster 1.1 at https://sis.test/ims/oneroster/v1p1."),
        Check("orgs", ok=True, sentence="3 organizations."),
    ]


def test_a_connection_that_partly_works_says_what_does_not() -> None:
    server = Server(filters=False, totals=False)
    server.scripted["classes"] = [json_answer({"error": "insufficient_scope"}, 403)] * 9
    checks = {check.subject: check for check in reading(server).test()}
    assert [subject for subject, check in checks.items() if not check.ok] == ["classes"]
    assert "insufficient_scope" in checks["classes"].sentence
    assert checks["users"].sentence == "The users can be read."
    assert checks["changes"].sentence == "The SIS does not list changes alone: Quick sync reads everything."


def test_where_nothing_answers_that_alone_is_said() -> None:
    checks = reading(Server(), bearer="wrong").test()
    assert [(check.subject, check.ok) for check in checks] == [("connection", False)]


# --- over HTTP


class _Quiet(WSGIRequestHandler):
    def log(self, type: str, message: str, *args: object) -> None:
        """Nothing."""


@pytest.fixture
def address() -> Iterator[tuple[Server, str]]:
    """A real server that signs and pages as the one in memory does."""
    double = Server(signature="HMAC-SHA1", most=5)

    @Request.application
    def answer(request: Request) -> Response:
        if request.method == "POST":
            given = double.post(
                request.url,
                headers=dict(request.headers),
                data=request.get_data(as_text=True),
                timeout=(1, 1),
                allow_redirects=False,
            )
        else:
            url = f"{request.host_url[:-1]}{request.environ['RAW_URI']}"
            given = double.get(url, headers=dict(request.headers), timeout=(1, 1), allow_redirects=False)
        return Response(given.content, given.status_code, dict(given.headers))

    server = make_server("127.0.0.1", 0, answer, threaded=True, request_handler=_Quiet)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    yield double, f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


def test_signed_requests_and_tokens_work_over_http(address: tuple[Server, str]) -> None:
    double, url = address
    signed = gathered(open_oneroster(base_url=url, **KEYS, clock=lambda: NOW, **YEAR))
    double.signature = ""
    by_oauth2 = gathered(open_oneroster(base_url=url, **KEYS, token_url=f"{url}/token", clock=lambda: NOW, **YEAR))
    assert signed.records == by_oauth2.records == gathered(reading(Server())).records
