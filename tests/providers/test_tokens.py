"""Tokens read with the application's client id and secret."""

from collections.abc import Iterator

import pytest

from sisportal.providers.base import ProviderError
from sisportal.providers.opening import open_clever
from sisportal.sandbox.generator import generate
from sisportal.sandbox.service import CLIENT_ID, CLIENT_SECRET, create_sandbox
from sisportal.sandbox.serving import Served, serve
from tests.providers.canned import Canned, gathered, json_answer

TOKENS = "/oauth/tokens"
DISTRICTS = {"/v3.1/districts": [{"id": "d1", "name": "One"}]}


@pytest.fixture
def fresh() -> Iterator[Served]:
    """A district of its own, for its token is rotated."""
    with serve(create_sandbox(generate(20))) as served:
        yield served


def grants(*pairs: tuple[str, str]) -> dict[str, object]:
    return {
        "data": [{"id": "g", "owner": {"type": "district", "id": owner}, "access_token": t} for owner, t in pairs],
        "links": [],
    }


def by_secret(session: Canned, district_id: str = "") -> Canned:
    open_clever(
        base_url="https://sis.test",
        client_id="id",
        client_secret="secret",
        login_url="https://login.test/",
        district_id=district_id,
        session=session,
    ).district()
    return session


def test_the_token_is_read_by_client_id_and_secret_and_again_after_rotation(fresh: Served) -> None:
    provider = open_clever(base_url=fresh.url, client_id=CLIENT_ID, client_secret=CLIENT_SECRET, login_url=fresh.url)
    before = gathered(provider)
    fresh.sandbox.access.rotate()
    assert gathered(provider).records == before.records
    assert [call.split("?")[0] for call in fresh.sandbox.calls].count("GET /oauth/tokens") == 2


def test_a_wrong_secret_is_refused_with_a_sentence(fresh: Served) -> None:
    provider = open_clever(base_url=fresh.url, client_id=CLIENT_ID, client_secret="wrong", login_url=fresh.url)
    with pytest.raises(ProviderError) as failed:
        provider.district()
    assert (failed.value.code, failed.value.path) == ("unauthorized", TOKENS)


def test_the_token_is_read_once_and_only_its_district_asked_for() -> None:
    session = Canned(DISTRICTS)
    session.scripted[TOKENS] = [json_answer(grants(("d1", "abc")))]
    by_secret(session, "d1")
    assert session.asked == ["/oauth/tokens?owner_type=district&district=d1", "/v3.1/districts"]
    assert [headers["Authorization"] for headers in session.headers] == ["Basic aWQ6c2VjcmV0", "Bearer abc"]


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (grants(), "no-district"),
        (grants(("d2", "abc")), "no-district"),
        (grants(("d1", "")), "no-district"),
        ({}, "no-envelope"),
    ],
)
def test_a_district_without_a_token_is_said_to_have_none(body: object, code: str) -> None:
    session = Canned(DISTRICTS)
    session.scripted[TOKENS] = [json_answer(body)]
    with pytest.raises(ProviderError) as failed:
        by_secret(session, "d1")
    assert failed.value.code == code


def test_several_districts_need_a_choice() -> None:
    session = Canned(DISTRICTS)
    session.scripted[TOKENS] = [json_answer(grants(("d1", "a"), ("d2", "b")))]
    with pytest.raises(ProviderError, match="belongs to 2 districts"):
        by_secret(session)


def test_a_token_that_stays_refused_is_tried_once_more_and_no_longer() -> None:
    session = Canned(DISTRICTS)
    session.scripted[TOKENS] = [json_answer(grants(("d1", "a"))), json_answer(grants(("d1", "b")))]
    session.scripted["/v3.1/districts"] = [json_answer({"error": "Unrecognized token string"}, 401)] * 9
    with pytest.raises(ProviderError, match="did not accept the token"):
        by_secret(session)
    assert [headers["Authorization"] for headers in session.headers[1::2]] == ["Bearer a", "Bearer b"]
