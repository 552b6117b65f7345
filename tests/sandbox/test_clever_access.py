"""Tokens and limits of the Clever double."""

import pytest
import requests

from sisportal.sandbox.district import District
from sisportal.sandbox.service import create_sandbox
from sisportal.sandbox.serving import Served, serve
from tests.sandbox.asking import Asking

KEYS = ("sandbox-client", "sandbox-secret")


@pytest.fixture
def ask(sandbox: Served) -> Asking:
    return Asking(sandbox)


def test_a_token_that_is_not_known_is_refused_in_json(sandbox: Served) -> None:
    for headers in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": f"Basic {sandbox.sandbox.token}"}):
        reply = requests.get(sandbox.url + "/v3.1/users", headers=headers, timeout=20)
        assert (reply.status_code, reply.json()["error"]) == (401, "Unrecognized token string")


def test_the_districts_token_is_told_for_the_applications_id_and_secret(sandbox: Served) -> None:
    district = sandbox.sandbox.district
    reply = requests.get(sandbox.url + "/oauth/tokens?owner_type=district", auth=KEYS, timeout=20).json()
    (item,) = reply["data"]
    assert item["owner"] == {"type": "district", "id": district.id}
    assert item["access_token"] == sandbox.sandbox.token
    assert reply["links"] == [{"rel": "self", "uri": "/oauth/tokens?owner_type=district"}]
    assert (
        requests.get(sandbox.url + "/oauth/tokens?owner_type=district", auth=("a", "b"), timeout=20).status_code == 401
    )


def test_one_districts_token_can_be_asked_for(sandbox: Served) -> None:
    stem = sandbox.url + "/oauth/tokens?owner_type=district&district="
    own = requests.get(stem + sandbox.sandbox.district.id, auth=KEYS, timeout=20).json()
    assert len(own["data"]) == 1
    assert requests.get(stem + "f" * 24, auth=KEYS, timeout=20).json()["data"] == []


def test_a_rotated_token_replaces_the_old_one(sandbox: Served, ask: Asking) -> None:
    old = ask.headers
    sandbox.sandbox.access.rotate()
    assert requests.get(sandbox.url + "/v3.1/schools", headers=old, timeout=20).status_code == 401
    assert ask.get("/v3.1/schools").status_code == 200


def test_a_token_tells_what_it_is_for(ask: Asking) -> None:
    assert ask.json("/oauth/tokeninfo").keys() == {"client_id", "scopes"}
    assert ask.json("/me")["type"] == "district"


def test_a_person_who_signed_in_reads_themselves_and_their_district_only(sandbox: Served) -> None:
    district = sandbox.sandbox.district
    person = next(p for p in district.people if p.teacher)
    headers = {"Authorization": f"Bearer {sandbox.sandbox.access.sign_in(person)}"}

    def get(address: str) -> requests.Response:
        return requests.get(sandbox.url + address, headers=headers, timeout=20)

    assert get("/v3.1/me").json() == {
        "type": "user",
        "data": {"id": person.id, "district": district.id, "type": "teacher", "authorized_by": "district"},
        "links": [
            {"rel": "self", "uri": "/me"},
            {"rel": "canonical", "uri": f"/v3.1/users/{person.id}"},
            {"rel": "district", "uri": f"/v3.1/districts/{district.id}"},
        ],
    }
    own = get(f"/v3.1/users/{person.id}").json()
    assert own["data"]["id"] == person.id
    assert "links" not in own
    assert get(f"/v3.1/districts/{district.id}").status_code == 200
    for refused in ("/v3.1/users", f"/v3.1/users/{district.people.ids[0]}", "/v3.1/resources"):
        assert get(refused).headers["Content-Type"] == "text/html; charset=utf-8"


def test_calls_are_counted_in_a_fixed_minute_and_refused_above_the_limit(district: District) -> None:
    now = [1_000_000_020.0]
    with serve(create_sandbox(district, rate_limit=3, clock=lambda: now[0])) as served:
        ask = Asking(served)
        replies = [ask.get("/v3.1/schools") for _ in range(4)]
        assert [r.status_code for r in replies] == [200, 200, 200, 429]
        assert [r.headers["X-Ratelimit-Remaining"] for r in replies] == ["2", "1", "0", "0"]
        assert replies[3].content == b""
        assert replies[0].headers["X-Ratelimit-Bucket"] == "bearer"
        assert replies[0].headers["X-Ratelimit-Reset"] == "1000000080"
        now[0] = 1_000_000_080.0
        assert ask.get("/v3.1/schools").status_code == 200


def test_two_buckets_can_stand_in_one_header(sandbox: Served, ask: Asking) -> None:
    sandbox.sandbox.access.rate.joined = True
    headers = ask.get("/v3.1/schools").headers
    assert headers["X-Ratelimit-Bucket"] == "all, none"
    assert len(headers["X-Ratelimit-Reset"].split(", ")) == 2


def test_sign_in_addresses_tell_no_limits(sandbox: Served, ask: Asking) -> None:
    assert "X-Ratelimit-Limit" not in ask.get("/oauth/tokeninfo").headers


def test_only_reading_is_possible(sandbox: Served, ask: Asking) -> None:
    assert requests.post(sandbox.url + "/v3.1/users", headers=ask.headers, timeout=20).status_code == 404
