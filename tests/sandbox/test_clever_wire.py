"""Clever's wire: envelopes, paging, filters, shapes and errors as the real one has them."""

import re
from typing import Any

import pytest

from sisportal.sandbox.entities import Person
from sisportal.sandbox.serving import Served
from tests.sandbox.asking import Asking, link

OBJECT_ID = re.compile(r"[0-9a-f]{24}")


@pytest.fixture
def ask(sandbox: Served) -> Asking:
    return Asking(sandbox)


def people(sandbox: Served, role: str) -> list[Person]:
    return [p for p in sandbox.sandbox.district.people if getattr(p, role) is not None]


@pytest.mark.parametrize("version", ["/v3.0", "/v3.1"])
@pytest.mark.parametrize("collection", ["users", "schools", "sections", "courses", "terms"])
def test_every_list_is_walked_once_in_ascending_order(
    sandbox: Served, ask: Asking, version: str, collection: str
) -> None:
    held = sandbox.sandbox.district.shelf({"users": "people"}.get(collection, collection)).ids
    assert ask.ids(f"{version}/{collection}?limit=7") == held
    assert ask.ids(f"{version}/{collection}") == held


def test_every_row_has_its_record_and_its_address_and_nothing_else(ask: Asking) -> None:
    page = ask.json("/v3.0/users?limit=3")
    assert page.keys() == {"data", "links"}
    for row in page["data"]:
        assert row.keys() == {"data", "uri"}
        assert row["uri"] == f"/v3.0/users/{row['data']['id']}"


def test_links_repeat_the_parameters_and_put_the_cursor_last(ask: Asking) -> None:
    first = ask.json("/v3.0/users?role=student&limit=2")
    last = first["data"][-1]["data"]["id"]
    assert first["links"] == [
        {"rel": "self", "uri": "/v3.0/users?role=student&limit=2"},
        {"rel": "next", "uri": f"/v3.0/users?role=student&limit=2&starting_after={last}"},
    ]
    second = ask.json(first["links"][1]["uri"])
    ids = [row["data"]["id"] for row in second["data"]]
    assert second["links"] == [
        {"rel": "self", "uri": f"/v3.0/users?role=student&limit=2&starting_after={last}"},
        {"rel": "prev", "uri": f"/v3.0/users?role=student&limit=2&ending_before={ids[0]}"},
        {"rel": "next", "uri": f"/v3.0/users?role=student&limit=2&starting_after={ids[-1]}"},
    ]


def test_a_page_that_is_exactly_full_is_followed_by_an_empty_one(sandbox: Served, ask: Asking) -> None:
    schools = sandbox.sandbox.district.schools.ids
    pages = list(ask.pages(f"/v3.1/schools?limit={len(schools)}"))
    assert [len(page["data"]) for page in pages] == [len(schools), 0]
    assert link(pages[1], "prev") == f"/v3.1/schools?limit={len(schools)}&ending_before={schools[-1]}"


def test_a_page_has_a_hundred_records_unless_asked_otherwise(ask: Asking, sandbox: Served) -> None:
    assert len(sandbox.sandbox.district.people) < 100
    assert link(ask.json("/v3.1/users"), "next") is None
    assert len(ask.json("/v3.1/users?limit=10000")["data"]) == len(sandbox.sandbox.district.people)


def test_more_than_ten_thousand_a_page_is_refused(ask: Asking) -> None:
    assert ask.get("/v3.1/users?limit=10001").status_code == 413


def test_a_cursor_need_not_exist(sandbox: Served, ask: Asking) -> None:
    ids = sandbox.sandbox.district.people.ids
    absent = f"{int(ids[4], 16) + 1:024x}"
    assert absent not in ids
    assert ask.ids(f"/v3.1/users?starting_after={absent}") == [id_ for id_ in ids if id_ > absent]


def test_ending_before_brings_the_nearest_in_ascending_order(sandbox: Served, ask: Asking) -> None:
    ids = sandbox.sandbox.district.people.ids
    page = ask.json(f"/v3.1/users?limit=3&ending_before={ids[10]}")
    assert [row["data"]["id"] for row in page["data"]] == ids[7:10]
    assert link(page, "prev") == f"/v3.1/users?limit=3&ending_before={ids[7]}"
    assert link(page, "next") == f"/v3.1/users?limit=3&starting_after={ids[9]}"


def test_ending_before_last_brings_the_last_ones(sandbox: Served, ask: Asking) -> None:
    page = ask.json("/v3.1/users?limit=2&ending_before=last")
    assert [row["data"]["id"] for row in page["data"]] == sandbox.sandbox.district.people.ids[-2:]


@pytest.mark.parametrize("role", ["student", "teacher", "staff", "district_admin", "contact"])
def test_users_can_be_asked_for_by_role(sandbox: Served, ask: Asking, role: str) -> None:
    held = [p.id for p in people(sandbox, {"district_admin": "administrator"}.get(role, role))]
    assert held
    assert ask.ids(f"/v3.1/users?role={role}&limit=10") == held


def test_a_count_comes_without_records(sandbox: Served, ask: Asking) -> None:
    held = len(people(sandbox, "student"))
    address = "/v3.1/users?role=student&count=true"
    assert ask.json(address) == {"count": held, "links": [{"rel": "self", "uri": address}]}


def test_the_district_is_a_list_of_one(sandbox: Served, ask: Asking) -> None:
    district = sandbox.sandbox.district
    (row,) = ask.json("/v3.1/districts")["data"]
    assert (row["data"]["id"], row["data"]["state"]) == (district.id, "running")
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", row["data"]["last_sync"])
    assert ask.json(f"/v3.1/districts/{district.id}")["links"] == [
        {"rel": "self", "uri": f"/v3.1/districts/{district.id}"}
    ]


def no_nulls(value: Any) -> bool:
    if isinstance(value, dict):
        return all(map(no_nulls, value.values()))
    return all(map(no_nulls, value)) if isinstance(value, list) else value is not None


def test_nothing_is_ever_null_and_unset_fields_are_left_out_or_blank(ask: Asking) -> None:
    users = [row["data"] for row in ask.json("/v3.1/users")["data"]]
    assert no_nulls(users)
    assert {"email" in user for user in users} == {True, False}
    assert "" in {user.get("email") for user in users}


def test_keys_come_in_no_fixed_order(ask: Asking) -> None:
    assert len({tuple(row["data"]) for row in ask.json("/v3.1/sections")["data"]}) > 3


def test_a_student_repeats_the_address_inside_the_role_and_has_no_legacy_id(sandbox: Served, ask: Asking) -> None:
    person = next(p for p in people(sandbox, "student") if p.email)
    shape = ask.json(f"/v3.0/users/{person.id}")["data"]
    student = shape["roles"]["student"]
    assert student["email"] == shape["email"] == person.email
    assert "legacy_id" not in student
    assert student["enrollments"] == []
    assert student["school"] in student["schools"]


def test_only_3_1_tells_preferred_names_and_support(sandbox: Served, ask: Asking) -> None:
    person = people(sandbox, "student")[0].id
    extras = {"home_language", "home_language_code", "section_504_status"}
    older, newer = (ask.json(f"/{v}/users/{person}")["data"]["roles"]["student"].keys() for v in ("v3.0", "v3.1"))
    assert extras <= newer - older


def test_a_teacher_has_a_legacy_id_that_is_not_the_id(ask: Asking) -> None:
    for row in ask.json("/v3.1/users?role=teacher")["data"]:
        assert OBJECT_ID.fullmatch(row["data"]["roles"]["teacher"]["legacy_id"])
        assert row["data"]["roles"]["teacher"]["legacy_id"] != row["data"]["id"]


def test_somebody_with_several_roles_is_one_user_in_each_roles_list(sandbox: Served, ask: Asking) -> None:
    both = {p.id for p in people(sandbox, "teacher") if p.staff is not None}
    assert both
    assert both <= set(ask.ids("/v3.1/users?role=staff")) & set(ask.ids("/v3.1/users?role=teacher"))
    assert len(ask.ids("/v3.1/users")) == len(set(ask.ids("/v3.1/users")))


def test_a_contacts_whole_name_is_the_last_name(ask: Asking) -> None:
    for row in ask.json("/v3.1/users?role=contact")["data"]:
        assert row["data"]["name"].keys() == {"last"}
        assert row["data"]["roles"]["contact"]["student_relationships"]


def test_birth_dates_are_american(ask: Asking) -> None:
    dates = [row["data"]["roles"]["student"].get("dob") for row in ask.json("/v3.1/users?role=student")["data"]]
    assert all(re.fullmatch(r"\d{1,2}/\d{1,2}/\d{4}", date) for date in dates if date)


def test_the_primary_teacher_stands_first_among_the_teachers(ask: Asking) -> None:
    sections = [row["data"] for row in ask.json("/v3.1/sections")["data"]]
    assert all(s["teacher"] == s["teachers"][0] for s in sections if s["teachers"])
    assert all("teacher" not in s for s in sections if not s["teachers"])
    assert all(s["students"] == sorted(s["students"]) for s in sections)


@pytest.mark.parametrize(
    ("collection", "related"),
    [
        ("schools", ["self", "district", "sections", "users", "terms", "courses"]),
        ("sections", ["self", "district", "school", "term", "course", "users"]),
        ("courses", ["self", "district", "sections", "schools"]),
        ("terms", ["self", "district", "sections", "schools"]),
    ],
)
def test_a_single_record_links_to_what_belongs_to_it(
    sandbox: Served, ask: Asking, collection: str, related: list[str]
) -> None:
    id_ = sandbox.sandbox.district.shelf(collection).ids[0]
    single = ask.json(f"/v3.1/{collection}/{id_}")
    assert single.keys() == {"data", "links"}
    assert [entry["rel"] for entry in single["links"]] == related


def test_every_link_of_a_user_leads_somewhere(sandbox: Served, ask: Asking) -> None:
    for role in ("student", "teacher"):
        single = ask.json(f"/v3.1/users/{people(sandbox, role)[0].id}")
        assert all(ask.get(entry["uri"]).status_code == 200 for entry in single["links"])


def test_a_schools_lists_hold_what_belongs_to_it(sandbox: Served, ask: Asking) -> None:
    district = sandbox.sandbox.district
    for school in district.schools.ids:
        sections = [s for s in district.sections if s.school == school]
        assert ask.ids(f"/v3.1/schools/{school}/sections?limit=5") == [s.id for s in sections]
        assert ask.ids(f"/v3.1/schools/{school}/terms") == sorted({s.term for s in sections if s.term})
        assert ask.ids(f"/v3.1/schools/{school}/courses") == sorted({s.course for s in sections if s.course})


def test_a_schools_users_include_those_with_another_primary_school_unless_asked_otherwise(
    sandbox: Served, ask: Asking
) -> None:
    person = next(p for p in people(sandbox, "student") if len(p.as_student.schools) > 1)
    role = person.as_student
    other = next(s for s in role.schools if s != role.school)
    assert person.id in ask.ids(f"/v3.1/schools/{other}/users?role=student")
    assert person.id not in ask.ids(f"/v3.1/schools/{other}/users?role=student&primary=true")
    assert person.id in ask.ids(f"/v3.1/schools/{role.school}/users?role=student&primary=true")
    assert ask.ids(f"/v3.1/users/{person.id}/schools") == role.schools
    assert ask.ids(f"/v3.1/users/{person.id}/schools?primary=true") == [role.school]


def test_a_sections_users_and_a_users_sections_agree(sandbox: Served, ask: Asking) -> None:
    section = next(s for s in sandbox.sandbox.district.sections if len(s.teachers) > 1)
    assert ask.ids(f"/v3.1/sections/{section.id}/users?role=student") == section.students
    assert ask.ids(f"/v3.1/sections/{section.id}/users?role=teacher") == sorted(section.teachers)
    student, teacher = section.students[0], section.teachers[0]
    assert section.id in ask.ids(f"/v3.1/users/{student}/sections")
    assert teacher in ask.ids(f"/v3.1/users/{student}/myteachers")
    assert student in ask.ids(f"/v3.1/users/{teacher}/myStudents")


def test_a_record_named_by_another_is_shown_at_its_own_address(sandbox: Served, ask: Asking) -> None:
    section = next(s for s in sandbox.sandbox.district.sections if s.course and s.term)
    for below, collection, id_ in (("course", "courses", section.course), ("term", "terms", section.term)):
        single = ask.json(f"/v3.1/sections/{section.id}/{below}")
        assert single["links"] == [{"rel": "self", "uri": f"/v3.1/{collection}/{id_}"}]


def test_resources_have_an_envelope_of_their_own(ask: Asking) -> None:
    assert ask.json("/v3.0/resources") == {"resources": []}


def test_what_is_not_there_is_said_in_json_and_what_never_was_in_html(ask: Asking) -> None:
    missing = ask.get("/v3.1/users/" + "a" * 24)
    assert (missing.status_code, missing.json()) == (404, {"error": "Resource not found"})
    for address in ("/v3.1/nothing", "/v3.1/users/not-an-id", "/v9/users", "/anything"):
        unknown = ask.get(address)
        assert (unknown.status_code, unknown.headers["Content-Type"]) == (404, "text/html; charset=utf-8")
        assert f"Cannot GET {address}" in unknown.text
