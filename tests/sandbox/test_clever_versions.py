"""Clever's versions before 3.0: a collection for each role, older ids, and in 1.1 everything inline."""

import json
import re
from typing import Any

import pytest
import requests

from sisportal.sandbox.entities import Person
from sisportal.sandbox.serving import Served
from tests.sandbox.asking import Asking, link

V2 = ["/v2.0", "/v2.1"]
OLDER = ["/v1.1", *V2]
ROLES = {"students": "student", "teachers": "teacher", "school_admins": "staff", "district_admins": "administrator"}


@pytest.fixture
def ask(sandbox: Served) -> Asking:
    return Asking(sandbox)


def people(sandbox: Served, role: str) -> list[Person]:
    return [p for p in sandbox.sandbox.district.people if getattr(p, role) is not None]


def rows(ask: Asking, address: str) -> list[dict[str, Any]]:
    return [row["data"] for row in ask.json(address)["data"]]


@pytest.mark.parametrize("version", V2)
@pytest.mark.parametrize("collection", ["schools", "sections", "courses", "terms"])
def test_what_has_one_id_in_every_version_is_walked_once_in_order(
    sandbox: Served, ask: Asking, version: str, collection: str
) -> None:
    assert ask.ids(f"{version}/{collection}?limit=7") == sandbox.sandbox.district.shelf(collection).ids


@pytest.mark.parametrize("version", V2)
@pytest.mark.parametrize("collection", ROLES)
def test_a_role_is_a_collection_under_the_older_ids(
    sandbox: Served, ask: Asking, version: str, collection: str
) -> None:
    role = ROLES[collection]
    held = sorted(getattr(p, role).legacy_id for p in people(sandbox, role))
    assert held
    assert ask.ids(f"{version}/{collection}?limit=9") == held


@pytest.mark.parametrize("version", OLDER)
def test_sections_name_their_teachers_by_the_older_ids(sandbox: Served, ask: Asking, version: str) -> None:
    district = sandbox.sandbox.district
    for shape in rows(ask, f"{version}/sections"):
        section = district.sections[shape["id"]]
        assert shape["teachers"] == [district.people[t].as_teacher.legacy_id for t in section.teachers]
        assert shape.get("teacher") == (shape["teachers"][0] if shape["teachers"] else None)
        assert shape["students"] == section.students


def test_a_section_has_up_to_ten_teachers(ask: Asking) -> None:
    assert 4 <= max(len(shape["teachers"]) for shape in rows(ask, "/v2.1/sections")) <= 10


def test_only_2_1_has_what_came_with_it(sandbox: Served, ask: Asking) -> None:
    student = people(sandbox, "student")[0].as_student.legacy_id
    older, newer = (ask.json(f"{v}/students/{student}")["data"].keys() for v in V2)
    assert newer - older == {"ext", "enrollments"}
    older, newer = (rows(ask, f"{v}/districts")[0].keys() for v in V2)
    assert newer - older == {"login_methods", "portal_url", "district_contact"}
    older, newer = (rows(ask, f"{v}/school_admins")[0].keys() for v in V2)
    assert newer - older == {"ext", "department"}


def test_grades_and_genders_that_came_with_2_1_are_spelled_otherwise_before(sandbox: Served, ask: Asking) -> None:
    newer = {shape["id"]: shape for shape in rows(ask, "/v2.1/students")}
    older = {shape["id"]: shape for shape in rows(ask, "/v2.0/students")}
    spelled = {newer[id_].get("grade"): older[id_].get("grade") for id_ in newer}
    assert {g: spelled[g] for g in ("TransitionalKindergarten", "13", "Ungraded", "", "9")} == {
        "TransitionalKindergarten": "Kindergarten", "13": "PostGraduate", "Ungraded": "Other", "": None, "9": "9",
    }  # fmt: skip
    assert {newer[id_]["gender"] for id_ in newer if "gender" in newer[id_]} >= {"X"}
    assert {older[id_]["gender"] for id_ in older if "gender" in older[id_]} <= {"M", "F", ""}


def test_days_of_terms_are_spelled_in_three_ways_before_2_1(ask: Asking) -> None:
    spellings = r"(\d{4}-\d\d-\d\d)(|T00:00:00\.000Z| 00:00:00\.000000)"
    starts = {shape["term"]["start_date"] for shape in rows(ask, "/v1.1/sections") if "term" in shape}
    found = [re.fullmatch(spellings, start) for start in starts]
    assert {match[2] for match in found if match} == {"", "T00:00:00.000Z", " 00:00:00.000000"}
    assert all(re.fullmatch(spellings, shape["start_date"]) for shape in rows(ask, "/v2.0/terms"))
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\d", shape["start_date"]) for shape in rows(ask, "/v2.1/terms"))


def test_somebody_of_two_schools_is_told_with_their_enrollments(ask: Asking) -> None:
    several = [shape for shape in rows(ask, "/v2.1/students") if len(shape["schools"]) > 1]
    assert several
    assert all([e["school"] for e in shape["enrollments"]] == shape["schools"] for shape in several)


@pytest.mark.parametrize("version", V2)
def test_every_link_of_every_kind_of_record_leads_somewhere(ask: Asking, version: str) -> None:
    for collection in ("schools", "sections", "courses", "terms", "contacts", *ROLES):
        shape = rows(ask, f"{version}/{collection}?limit=1")[0]
        links = ask.json(f"{version}/{collection}/{shape['id']}")["links"]
        assert links[0] == {"rel": "self", "uri": f"{version}/{collection}/{shape['id']}"}
        assert all(ask.get(entry["uri"]).status_code == 200 for entry in links)


def test_what_lies_below_a_record_agrees_with_the_district(sandbox: Served, ask: Asking) -> None:
    district = sandbox.sandbox.district
    section = next(s for s in district.sections if len(s.teachers) > 1)
    teacher = district.people[section.teachers[0]].as_teacher.legacy_id
    assert ask.ids(f"/v2.1/sections/{section.id}/students") == section.students
    assert ask.json(f"/v2.1/sections/{section.id}/teacher")["data"]["id"] == teacher
    assert section.id in ask.ids(f"/v2.1/teachers/{teacher}/sections")
    assert set(section.students) <= set(ask.ids(f"/v2.1/teachers/{teacher}/students"))
    assert teacher in ask.ids(f"/v2.1/students/{section.students[0]}/teachers")
    assert section.students[0] in ask.ids(f"/v2.1/schools/{section.school}/students")


def test_contacts_belong_to_several_students_from_2_0_on_and_to_one_in_1_1(sandbox: Served, ask: Asking) -> None:
    (contact,) = [c for c in rows(ask, "/v2.1/contacts") if len(c["students"]) > 1][:1]
    assert ask.ids(f"/v2.1/contacts/{contact['id']}/students") == sorted(contact["students"])
    apart = [
        c for c in rows(ask, "/v1.1/contacts") if c["student"] in contact["students"] and c["name"] == contact["name"]
    ]
    assert sorted(c["student"] for c in apart) == sorted(contact["students"])
    assert len({c["id"] for c in apart}) == len(apart)


def test_a_count_is_understood_except_by_2_0(sandbox: Served, ask: Asking) -> None:
    held = len(people(sandbox, "student"))
    for version in ("/v1.1", "/v2.1"):
        address = f"{version}/students?count=true"
        assert ask.json(address) == {"count": held, "links": [{"rel": "self", "uri": address}]}
    assert len(ask.json("/v2.0/students?count=true")["data"]) == held


def test_only_the_first_page_of_1_1_tells_numbers(sandbox: Served, ask: Asking) -> None:
    held = len(people(sandbox, "student"))
    first, second, *_ = ask.pages("/v1.1/students?limit=20")
    assert first["paging"] == {"current": 1, "total": -(-held // 20), "count": held}
    assert "paging" not in second
    assert "paging" not in ask.json("/v1.1/school_admins")
    assert "paging" not in ask.json("/v2.1/students")
    nobody = next(s.id for s in sandbox.sandbox.district.sections if not s.teachers)
    assert ask.json(f"/v1.1/sections/{nobody}/teachers")["paging"] == {"current": 0, "total": 0, "count": 0}


def test_1_1_has_courses_and_terms_inside_sections_and_nowhere_else(sandbox: Served, ask: Asking) -> None:
    district = sandbox.sandbox.district
    for shape in rows(ask, "/v1.1/sections"):
        course, term = (district.course(district.sections[shape["id"]].course),
                        district.term(district.sections[shape["id"]].term))  # fmt: skip
        assert (shape.get("course_name"), shape.get("course_number")) == (
            (course.name, course.number) if course else (None, None)
        )
        assert shape.get("term", {}).get("name") == (term.name if term else None)
        assert not shape.keys() & {"course", "term_id", "ext"}
    assert ask.get("/v1.1/courses").status_code == ask.get("/v1.1/terms").status_code == 404


def test_people_of_1_1_have_one_school(ask: Asking) -> None:
    for collection in ("students", "teachers"):
        assert all("school" in shape and "schools" not in shape for shape in rows(ask, f"/v1.1/{collection}"))


def test_1_1_tells_the_districts_state_at_an_address_of_its_own(sandbox: Served, ask: Asking) -> None:
    district = sandbox.sandbox.district
    assert rows(ask, "/v1.1/districts") == [{"name": district.name, "id": district.id}]
    (status,) = rows(ask, f"/v1.1/districts/{district.id}/status")
    assert (status["id"], status["state"], status["sis_type"]) == (district.id, "running", "sftp")
    district.state = "paused"
    assert rows(ask, f"/v1.1/districts/{district.id}/status")[0]["state"] == "pending"


def test_a_districts_lists_and_a_records_events_exist_in_1_1_only(sandbox: Served, ask: Asking) -> None:
    district = sandbox.sandbox.district.id
    for below, collection in (("schools", "schools"), ("teachers", "teachers"), ("admins", "district_admins")):
        page = ask.json(f"/v1.1/districts/{district}/{below}")["data"]
        assert len(page) == len(ask.json(f"/v1.1/{collection}")["data"])
        assert ask.get(f"/v2.1/districts/{district}/{below}").status_code == 404


def test_some_rows_of_1_1_are_bare(sandbox: Served, ask: Asking) -> None:
    contact = people(sandbox, "contact")[0].contact
    assert contact is not None
    (bare,) = [c for c in ask.json(f"/v1.1/students/{contact.relationships[0].student}/contacts")["data"]
               if c["id"] == contact.legacy_id]  # fmt: skip
    assert bare["student"] == contact.relationships[0].student
    assert all("id" in row and "uri" not in row for row in ask.json("/v1.1/district_admins")["data"])
    assert all(row.keys() == {"data", "uri"} for row in ask.json("/v2.0/district_admins")["data"])


def test_1_1_filters_by_ids(ask: Asking) -> None:
    ids = ask.ids("/v1.1/students")[3:5]
    where = json.dumps({"_id": {"$in": ids}})
    assert [shape["id"] for shape in rows(ask, f"/v1.1/students?where={where}")] == ids
    assert ask.get("/v1.1/students?where=nonsense").status_code == 400


def test_1_1_has_no_legacy_id_and_no_graduation_year(ask: Asking) -> None:
    shape = rows(ask, "/v1.1/students")[0]
    assert not shape.keys() & {"legacy_id", "graduation_year", "roles"}
    assert link(ask.json(f"/v1.1/students/{shape['id']}"), "events") == f"/v1.1/students/{shape['id']}/events"


@pytest.mark.parametrize(("version", "collection"), [("/v1.1", "teachers"), ("/v2.1", "teachers"), ("/v3.1", "users")])
def test_who_signed_in_is_known_by_the_versions_own_id(sandbox: Served, version: str, collection: str) -> None:
    person = people(sandbox, "teacher")[0]
    id_ = person.id if collection == "users" else person.as_teacher.legacy_id
    headers = {"Authorization": f"Bearer {sandbox.sandbox.access.sign_in(person)}"}
    reply = requests.get(f"{sandbox.url}{version}/me", headers=headers, timeout=20).json()
    assert reply["type"] == ("user" if collection == "users" else "teacher")
    assert (reply["data"]["id"], reply["data"]["type"]) == (id_, "teacher")
    assert link(reply, "canonical") == f"{version}/{collection}/{id_}"
    own = requests.get(f"{sandbox.url}{version}/{collection}/{id_}", headers=headers, timeout=20)
    assert own.json()["data"]["id"] == id_
    assert requests.get(f"{sandbox.url}{version}/{collection}", headers=headers, timeout=20).status_code == 404
