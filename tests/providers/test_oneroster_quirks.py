"""Sources that do not do as the specification says: the same records, or a sentence; never fewer people without a word."""

from collections.abc import Callable
from typing import Any

import pytest

from sisportal.providers.base import ProviderError
from sisportal.roster.records import Collection
from tests.providers.canned import BOTH, Answer, Gathered, gathered, json_answer
from tests.providers.oneroster_district import district, enrollment
from tests.providers.oneroster_server import Server, reading


@pytest.fixture(scope="module")
def usual() -> Gathered:
    return gathered(reading(Server()))


def by_id(got: Gathered) -> dict[Collection, list[Any]]:
    return {kind: sorted(records, key=lambda one: one.source_id) for kind, records in got.records.items()}


def bend(change: Callable[[str, dict[str, Any]], None]) -> Callable[[str, dict[str, Any]], dict[str, Any]]:
    def bent(kind: str, row: dict[str, Any]) -> dict[str, Any]:
        change(kind, row)
        return row

    return bent


def only_ids(_: str, row: dict[str, Any]) -> None:
    for name, value in row.items():
        if isinstance(value, dict):
            row[name] = {"sourcedId": value["sourcedId"]}
        elif isinstance(value, list) and value and isinstance(value[0], dict) and "href" in value[0]:
            row[name] = [{"sourcedId": one["sourcedId"]} for one in value]


def bare_ids(_: str, row: dict[str, Any]) -> None:
    for name, value in row.items():
        if isinstance(value, dict):
            row[name] = value["sourcedId"]
        elif isinstance(value, list) and value and isinstance(value[0], dict) and "href" in value[0]:
            row[name] = [one["sourcedId"] for one in value]


def booleans(_: str, row: dict[str, Any]) -> None:
    if "primary" in row:
        row["primary"] = row["primary"] == "true"
    if "enabledUser" in row:
        row["enabledUser"] = True


def numbers(_: str, row: dict[str, Any]) -> None:
    if "primary" in row:
        row["primary"] = int(row["primary"] == "true")


def capitals(_: str, row: dict[str, Any]) -> None:
    row["status"] = row["status"].title()
    for name in ("role", "primary", "type"):
        if name in row:
            row[name] = row[name].upper()


def nothing_as_a_list(_: str, row: dict[str, Any]) -> None:
    row.setdefault("parent", [])
    row["metadata"] = []


def nulls(_: str, row: dict[str, Any]) -> None:
    for name, value in row.items():
        if value in ("", []):
            row[name] = None


def left_out(_: str, row: dict[str, Any]) -> None:
    for name in [name for name, value in row.items() if value in ("", [])]:
        del row[name]


def whitespace(_: str, row: dict[str, Any]) -> None:
    row["sourcedId"] = f" {row['sourcedId']}\t"
    for value in row.values():
        if isinstance(value, dict):
            value["sourcedId"] = f"{value['sourcedId']} "


def texts_for_lists(_: str, row: dict[str, Any]) -> None:
    for name in ("grades", "subjects", "periods"):
        if name in row:
            row[name] = ",".join(row[name])


def without_dates(_: str, row: dict[str, Any]) -> None:
    del row["dateLastModified"], row["status"]


BENT = [
    only_ids, bare_ids, booleans, numbers, capitals, nothing_as_a_list, nulls, left_out, whitespace, texts_for_lists,
    without_dates,
]  # fmt: skip


@pytest.mark.parametrize("version", ["1.1", "1.2"])
@pytest.mark.parametrize("change", BENT)
def test_values_may_be_spelt_in_many_ways(
    usual: Gathered, change: Callable[[str, dict[str, Any]], None], version: str
) -> None:
    got = gathered(reading(Server(bent=bend(change), version=version)))
    assert by_id(got) == by_id(usual)
    assert got.problems == []
    assert all(seal.complete for seal in got.seals.values())


HABITS: dict[str, dict[str, Any]] = {
    "no headers": {"totals": False},
    "envelopes named after the endpoint": {"endpoint_keys": True, "missing": {"/users", "/orgs"}},
    "no envelopes": {"bare": True},
    "pages clamped to three": {"most": 3},
    "pages clamped to three, no headers": {"most": 3, "totals": False},
    "sort is an error": {"sorts": False},
    "no pages": {"pages": False},
    "no pages, no headers": {"pages": False, "totals": False},
    "no list of all users": {"missing": {"/users"}},
    "no list of all enrollments and classes": {"missing": {"/enrollments", "/classes"}},
}


@pytest.mark.parametrize("habit", HABITS)
def test_sources_may_have_other_habits(usual: Gathered, habit: str) -> None:
    got = gathered(reading(Server(**HABITS[habit])))
    kept = by_id(got)
    if "/orgs" in HABITS[habit].get("missing", ()):  # only schools are listed then, and the others are not gone
        kept[Collection.SCHOOLS] = by_id(usual)[Collection.SCHOOLS]
        assert "schools only" in got.seals.pop(Collection.SCHOOLS).reason
    assert {seal.reason for seal in got.seals.values()} == {""}
    assert kept == by_id(usual)


def test_a_list_in_no_order_is_walked_again_until_every_row_was_seen(usual: Gathered) -> None:
    got = gathered(reading(Server(shuffles=8, most=4)))
    assert by_id(got) == by_id(usual)
    assert all(seal.complete for seal in got.seals.values())


def test_a_list_that_never_keeps_an_order_and_tells_no_total_is_no_proof(usual: Gathered) -> None:
    got = gathered(reading(Server(shuffles=10_000, most=4, totals=False)))
    seal = got.seals[Collection.PEOPLE]
    assert not seal.complete
    assert "more than once" in seal.reason
    assert {one.source_id for one in got.records[Collection.PEOPLE]} <= {
        one.source_id for one in usual.records[Collection.PEOPLE]
    }


@pytest.mark.parametrize("claimed", ["21", "0"])
def test_rosters_that_may_lack_people_are_not_given_at_all(claimed: str) -> None:
    content = district()
    server = Server(content, most=5)
    server.scripted["enrollments"] = [json_answer({"enrollments": []}, X_Total_Count=claimed)] * 10
    got = gathered(reading(server))
    assert got.records[Collection.SECTIONS] == []
    assert got.seals[Collection.SECTIONS].reason == (
        "The SIS listed no enrollments at all. Sections were left as they are, for their rosters would have lacked people."
    )


@pytest.mark.parametrize("totals", [True, False])
def test_rows_that_are_always_listed_twice_are_read_once_and_told(usual: Gathered, totals: bool) -> None:
    content = district()
    content["users"].insert(4, content["users"][3])
    got = gathered(reading(Server(content, totals=totals, most=4)))
    assert by_id(got) == by_id(usual)
    assert [(one.code, one.external_id) for one in got.problems] == [("duplicate-id", "st-1")]
    assert got.seals[Collection.PEOPLE].complete


def test_a_total_that_is_not_reached_is_no_proof() -> None:
    server = Server()
    users = [{"sourcedId": "st-1", "role": "student", "orgs": [{"sourcedId": "s-1"}]}]
    server.scripted["users"] = [
        json_answer({"users": users}, X_Total_Count="3"), json_answer({"users": []}, X_Total_Count="3"),
    ] * 2  # fmt: skip
    seal = gathered(reading(server)).seals[Collection.PEOPLE]
    assert (seal.complete, seal.reason) == (False, "The SIS says that it has 3 users, and 1 could be read.")


def test_a_page_that_is_repeated_for_ever_ends_the_walk_and_is_no_proof() -> None:
    server = Server()
    page = {"users": [{"sourcedId": f"st-{one}", "role": "student", "orgs": ["s-1"]} for one in range(50)]}
    server.scripted["users"] = [json_answer(page)] * 50
    got = gathered(reading(server))
    assert got.seals[Collection.PEOPLE].reason == "The SIS repeats its pages instead of going on."


def test_a_cursor_in_the_next_link_is_followed_on_our_own_address_only() -> None:
    server = Server()
    first = [{"sourcedId": "st-1", "role": "student", "orgs": ["s-1"]}]
    second = [{"sourcedId": "st-2", "role": "student", "orgs": ["s-1"]}]
    link = '<https://elsewhere.test/v9/users?continuationToken=abc>; rel="next",'
    server.scripted["users"] = [json_answer({"users": first}, Link=link), json_answer({"users": second})]
    got = gathered(reading(server), frozenset({"users"}))
    assert [one.source_id for one in got.records[Collection.PEOPLE]][:2] == ["st-1", "st-2"]
    assert "/users?continuationToken=abc" in server.asked


def test_new_data_in_the_middle_stops_the_reading() -> None:
    with pytest.raises(ProviderError) as failed:
        gathered(reading(Server(revisions=["7", "7", "7", "8"])))
    assert (failed.value.code, failed.value.permanent) == ("revision-changed", False)


def test_the_next_reading_starts_with_the_revision_it_finds() -> None:
    provider = reading(Server(revisions=["7"] * 40 + ["8"]))
    assert gathered(provider).records == gathered(provider).records


def test_a_web_page_that_says_slow_down_is_waited_out(usual: Gathered) -> None:
    server = Server()
    slow = Answer(b"<html>Too many requests, please try again later.</html>", 429, {"Retry-After": "38"})
    server.scripted["users"] = [slow, slow]
    server.scripted["enrollments"] = [Answer(b"", 502)]
    assert by_id(gathered(reading(server))) == by_id(usual)


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (json_answer({}), "no-envelope"),
        (json_answer({"users": None}), "no-envelope"),
        (json_answer({"students": []}), "no-envelope"),
        (json_answer("users"), "no-envelope"),
        (Answer(b"<html>Sign in</html>"), "not-json"),
        (Answer(b'{"users": [{"sour'), "truncated"),
        (Answer(b""), "truncated"),
        (json_answer({"imsx_description": "foo"}, 403), "forbidden"),
        (json_answer({"statusInfoSet": [{"imsx_description": "foo"}]}, 500), "server-error"),
        (json_answer({}, 422), "rejected"),
        (Answer(b"", 302, {"Location": "https://elsewhere.test"}), "redirected"),
    ],
)
def test_a_list_that_cannot_be_read_is_never_an_empty_one(answer: Answer, code: str) -> None:
    server = Server(missing={"/students", "/teachers"})
    server.scripted["users"] = [answer] * 50
    with pytest.raises(ProviderError) as failed:
        gathered(reading(server))
    if code != "forbidden":
        assert (failed.value.code, failed.value.path) == (code, "/users")


def test_what_a_refusal_says_is_passed_on() -> None:
    server = Server()
    server.scripted["orgs"] = [json_answer({"statusInfoSet": [{"imsx_description": "Not licensed."}]}, 403)] * 9
    server.scripted["schools"] = [json_answer({"error_description": "Not this either."}, 403)] * 9
    with pytest.raises(ProviderError, match=r"It said: Not this either\."):
        gathered(reading(server, base_url="https://sis.test/ims/oneroster/v1p1"))


@pytest.mark.parametrize("status", [403, 404, 501])
def test_sessions_courses_and_demographics_may_stay_unshared(usual: Gathered, status: int) -> None:
    server = Server()
    for name in ("academicSessions", "courses", "demographics"):
        server.scripted[name] = [json_answer({}, status)] * 9
    got = gathered(reading(server))
    assert got.seals[Collection.TERMS].reason == (
        f"The SIS does not share its academic sessions with this application ({status})."
    )
    assert len(got.records[Collection.PEOPLE]) == len(usual.records[Collection.PEOPLE])
    assert {one.start for one in got.records[Collection.SECTIONS]} == {"2026-08-15"}
    assert got.problems == []


def test_odd_rows_are_told_and_the_list_is_not_proven() -> None:
    def odd(_: str, row: dict[str, Any]) -> None:
        if row["sourcedId"] == "st-1":
            row["sourcedId"] = None
        if row["sourcedId"] == "st-2":
            row["givenName"] = {"first": "Ada"}

    got = gathered(reading(Server(bent=bend(odd))), frozenset({"users"}))
    assert sorted((one.code, one.external_id, one.field) for one in got.problems if one.code != "bad-date") == [
        ("missing-id", "", ""),
        ("wrong-type", "st-2", "givenName"),
    ]
    assert not got.seals[Collection.PEOPLE].complete


def test_an_enrollment_without_id_counts_and_one_without_person_is_told() -> None:
    content = district()
    content["enrollments"] += [enrollment("", "c-4", "st-4"), enrollment("e-77", "c-4", "")]
    got = gathered(reading(Server(content)))
    known = {one.source_id: one for one in got.records[Collection.SECTIONS]}
    assert known["c-4"].students == ("st-4",)
    assert [(one.code, one.external_id, one.field, one.value) for one in got.problems] == [
        ("broken-enrollment", "c-4", "user", "e-77")
    ]


def test_passwords_are_not_even_kept_while_reading() -> None:
    assert "secret" not in repr(list(reading(Server()).fetch(items=BOTH)))
