"""Faults: each spoils what it says, where it is aimed, as often as it was told, and nothing afterwards."""

import pytest
import requests

from sisportal.sandbox.faults import EFFECTS, Fault
from sisportal.sandbox.serving import Served
from tests.sandbox.asking import Asking


@pytest.fixture
def ask(sandbox: Served) -> Asking:
    return Asking(sandbox)


def switch_on(sandbox: Served, fault: Fault) -> Fault:
    return sandbox.sandbox.faults.add(fault)


@pytest.mark.parametrize("name", ["400", "401", "403", "404", "429", "500", "501", "502", "503"])
def test_a_status_is_answered_as_often_as_it_was_told(sandbox: Served, ask: Asking, name: str) -> None:
    switch_on(sandbox, Fault(name=name, path="/v3.1/users", times=2))
    assert [ask.get("/v3.1/users").status_code for _ in range(3)] == [int(name), int(name), 200]
    assert ask.get("/v3.1/schools").status_code == 200


def test_a_fault_waits_for_the_request_that_it_is_aimed_at(sandbox: Served, ask: Asking) -> None:
    switch_on(sandbox, Fault(name="500", path="/v3.1/users", where="starting_after=", nth=2, times=1))
    answers = [ask.get(f"/v3.1/users?limit=5{cursor}").status_code for cursor in ("", "&starting_after=a") * 3]
    assert answers == [200, 200, 200, 500, 200, 200]


def test_too_many_requests_tell_when_to_come_back_or_say_nothing(sandbox: Served, ask: Asking) -> None:
    switch_on(sandbox, Fault(name="429", seconds=7, times=1))
    reply = ask.get("/v3.1/users")
    assert (reply.content, reply.headers["X-Ratelimit-Remaining"]) == (b"", "0")
    switch_on(sandbox, Fault(name="429-without-reset", times=1))
    assert "X-Ratelimit-Reset" not in ask.get("/v3.1/users").headers


@pytest.mark.parametrize(
    ("name", "body"),
    [
        ("list-envelope", b"[]"),
        ("empty-envelope", b"{}"),
        ("null-envelope", b'{"data":null,"links":[]}'),
        ("empty-body", b""),
    ],
)
def test_an_envelope_can_be_missing(sandbox: Served, ask: Asking, name: str, body: bytes) -> None:
    switch_on(sandbox, Fault(name=name))
    reply = ask.get("/v3.1/users")
    assert (reply.status_code, reply.content) == (200, body)


def test_an_empty_list_looks_as_a_real_one_does(sandbox: Served, ask: Asking) -> None:
    switch_on(sandbox, Fault(name="empty-list"))
    expected = {"data": [], "links": [{"rel": "self", "uri": "/v3.1/users?limit=10"}]}
    assert ask.get("/v3.1/users?limit=10").json() == expected


def test_a_web_page_comes_with_status_200(sandbox: Served, ask: Asking) -> None:
    switch_on(sandbox, Fault(name="html"))
    reply = ask.get("/v3.1/users")
    assert (reply.status_code, reply.headers["Content-Type"]) == (200, "text/html; charset=utf-8")


def test_truncated_json_ends_in_the_middle(sandbox: Served, ask: Asking) -> None:
    whole = ask.get("/v3.1/schools").content
    switch_on(sandbox, Fault(name="truncated-json"))
    cut = ask.get("/v3.1/schools").content
    assert whole.startswith(cut)
    assert 0 < len(cut) < len(whole)


def test_bytes_can_be_no_utf_8(sandbox: Served, ask: Asking) -> None:
    switch_on(sandbox, Fault(name="broken-utf-8"))
    with pytest.raises(UnicodeDecodeError):
        ask.get("/v3.1/users").content.decode()


def test_a_connection_can_drop_in_the_middle_of_the_body(sandbox: Served, ask: Asking) -> None:
    switch_on(sandbox, Fault(name="dropped-connection", times=1))
    with pytest.raises((requests.ConnectionError, requests.exceptions.ChunkedEncodingError)):
        ask.get("/v3.1/users")
    assert ask.get("/v3.1/users").status_code == 200


def test_a_slow_reply_comes_late(sandbox: Served, ask: Asking) -> None:
    switch_on(sandbox, Fault(name="slow", seconds=2.5, times=1))
    with pytest.raises(requests.Timeout):
        requests.get(sandbox.url + "/v3.1/users", headers=ask.headers, timeout=0.05)


@pytest.mark.parametrize("name", ["endless-paging", "endless-rows"])
def test_endless_paging_always_has_a_next_page_with_a_new_cursor(sandbox: Served, ask: Asking, name: str) -> None:
    switch_on(sandbox, Fault(name=name))
    address, seen = "/v3.1/users?limit=20", []
    rows = []
    for _ in range(12):
        page = ask.get(address).json()
        rows += [row["data"]["id"] for row in page["data"]]
        address = next(link["uri"] for link in page["links"] if link["rel"] == "next")
        seen.append(address)
    assert len(set(seen)) == 12
    assert len(set(rows)) == {"endless-paging": 20, "endless-rows": 240}[name]


def test_a_repeated_page_brings_the_first_rows_again(sandbox: Served, ask: Asking) -> None:
    first = ask.get("/v3.1/users?limit=20").json()
    following = next(link["uri"] for link in first["links"] if link["rel"] == "next")
    switch_on(sandbox, Fault(name="repeated-page", where="starting_after="))
    again = ask.get(following).json()
    assert again["data"] == first["data"]
    assert again["links"] != first["links"]


def test_a_next_link_can_lead_to_the_page_itself_or_be_missing(sandbox: Served, ask: Asking) -> None:
    address = "/v3.1/users?limit=20"
    switch_on(sandbox, Fault(name="circular-next", times=1))
    assert {"rel": "next", "uri": address} in ask.get(address).json()["links"]
    switch_on(sandbox, Fault(name="missing-next", times=1))
    assert [link["rel"] for link in ask.get(address).json()["links"]] == ["self"]


def test_rows_can_come_twice_or_be_left_out(sandbox: Served, ask: Asking) -> None:
    true = [row["data"]["id"] for row in ask.get("/v3.1/users?limit=20").json()["data"]]
    switch_on(sandbox, Fault(name="duplicated-rows", rows=3, times=1))
    assert [row["data"]["id"] for row in ask.get("/v3.1/users?limit=20").json()["data"]] == true + true[:3]
    switch_on(sandbox, Fault(name="skipped-rows", rows=3, times=1))
    assert [row["data"]["id"] for row in ask.get("/v3.1/users?limit=20").json()["data"]] == true[:10] + true[13:]


@pytest.mark.parametrize("collection", ["users", "schools", "sections", "courses", "terms"])
@pytest.mark.parametrize(
    "name",
    ["without-id", "wrong-types", "null-values", "unknown-values", "control-characters", "markup", "huge-string"],
)
def test_a_record_can_be_spoiled_in_every_collection(sandbox: Served, ask: Asking, name: str, collection: str) -> None:
    true = ask.get(f"/v3.1/{collection}?limit=3").json()
    switch_on(sandbox, Fault(name=name, rows=1, times=1))
    spoiled = ask.get(f"/v3.1/{collection}?limit=3").json()
    assert spoiled["data"][0] != true["data"][0]
    assert spoiled["data"][1:] == true["data"][1:]


def test_several_faults_add_up(sandbox: Served, ask: Asking) -> None:
    switch_on(sandbox, Fault(name="without-id", rows=1))
    switch_on(sandbox, Fault(name="duplicated-rows", rows=1))
    rows = ask.get("/v3.1/schools").json()["data"]
    assert ["id" in row["data"] for row in rows] == [False, True, True, False]


def test_cleared_faults_are_gone(sandbox: Served, ask: Asking) -> None:
    switch_on(sandbox, Fault(name="500"))
    switch_on(sandbox, Fault(name="empty-list"))
    sandbox.sandbox.faults.clear("500")
    assert ask.get("/v3.1/users").json()["data"] == []
    sandbox.sandbox.faults.clear()
    assert ask.get("/v3.1/users").json()["data"] != []


def test_a_name_that_is_no_fault_is_refused(sandbox: Served) -> None:
    with pytest.raises(KeyError):
        switch_on(sandbox, Fault(name="no-such-fault"))


@pytest.mark.parametrize("name", sorted(EFFECTS.keys() - {"slow", "dropped-connection"}))
def test_every_fault_leaves_a_single_record_answerable(sandbox: Served, ask: Asking, name: str) -> None:
    switch_on(sandbox, Fault(name=name))
    assert ask.get(f"/v3.1/schools/{sandbox.sandbox.district.schools.ids[0]}").status_code > 0
