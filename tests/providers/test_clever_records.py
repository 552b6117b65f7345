"""Clever's records as they are on the wire, and what they become."""

from typing import Any

import pytest

from sisportal.roster.records import Collection, Course, Person, Problem, Role, School, Section, Term
from tests.providers.canned import Answer, Canned, Gathered, gathered, opened

STUDENT = {
    "created": "2023-04-12T23:05:01.632Z",
    "district": "d1",
    "email": "james.s@example.com",
    "name": {"first": "James", "last": "Spencer", "middle": "H"},
    "id": "s1",
    "roles": {
        "student": {
            "credentials": {"district_username": "jamess09"},
            "dob": "1/16/1998",
            "enrollments": [],
            "ext": {"gifted_status": "Y"},
            "gender": "M",
            "grade": "9",
            "graduation_year": "",
            "location": {"zip": "10280"},
            "school": "b",
            "schools": ["a", "b"],
            "sis_id": "233",
            "state_id": "197",
            "student_number": "N233",
            "email": "james.s@example.com",
            "preferred_name": {"first": "Jim", "middle": "", "last": ""},
        }
    },
}
TEACHER = {
    "email": "bg@example.net",
    "name": {"first": "Braeden", "last": "Glover", "middle": "L"},
    "id": "t1",
    "roles": {
        "teacher": {
            "credentials": {"district_username": "braeden.glover"},
            "school": "a",
            "schools": ["a"],
            "sis_id": "47",
            "state_id": "751",
            "teacher_number": "230186",
            "title": "English",
            "legacy_id": "58da",
        }
    },
}
SECTION = {
    "course": "c1",
    "grade": "6",
    "name": "Advisory - Madison - 4",
    "period": "4",
    "school": "a",
    "section_number": "",
    "sis_id": "587",
    "students": ["s2", "s1", "s2"],
    "subject": "homeroom/advisory",
    "teacher": "t2",
    "teachers": ["t1", "t2"],
    "term_id": "q1",
    "id": "k1",
}


def fetched(**lists: list[dict[str, Any]]) -> Gathered:
    """A fetch of a district with these lists: ``schools``, ``terms``, ``courses``, ``sections`` or a role."""
    roles = ("student", "teacher", "staff", "district_admin", "contact")
    paths = {(f"/v3.1/users?role={name}" if name in roles else f"/v3.1/{name}"): rows for name, rows in lists.items()}
    return gathered(opened(Canned(paths)))


def student(**changes: Any) -> dict[str, Any]:
    return STUDENT | {"roles": {"student": STUDENT["roles"]["student"] | changes}}  # type: ignore[index]  # a plain tree


def test_a_student_becomes_a_person_with_the_primary_school_first() -> None:
    assert fetched(student=[STUDENT]).records[Collection.PEOPLE] == [
        Person(
            source_id="s1",
            role=Role.STUDENT,
            last_name="Spencer",
            first_name="James",
            middle_name="H",
            preferred_name="Jim",
            email="james.s@example.com",
            username="jamess09",
            number="N233",
            sis_id="233",
            state_id="197",
            grade="9",
            gender="M",
            birth_date="1998-01-16",
            school="b",
            schools=("b", "a"),
            roles=(Role.STUDENT,),
        )
    ]


def test_a_teacher_becomes_a_person_with_the_id_of_the_older_versions() -> None:
    assert fetched(teacher=[TEACHER]).records[Collection.PEOPLE] == [
        Person(
            source_id="t1",
            role=Role.TEACHER,
            last_name="Glover",
            first_name="Braeden",
            middle_name="L",
            email="bg@example.net",
            username="braeden.glover",
            number="230186",
            sis_id="47",
            state_id="751",
            school="a",
            schools=("a",),
            roles=(Role.TEACHER,),
            legacy_id="58da",
        )
    ]


def test_a_section_lists_its_primary_teacher_first_and_each_student_once_in_order() -> None:
    assert fetched(sections=[SECTION]).records[Collection.SECTIONS] == [
        Section(
            source_id="k1",
            name="Advisory - Madison - 4",
            sis_id="587",
            subject="homeroom/advisory",
            grade="6",
            period="4",
            school="a",
            course="c1",
            term="q1",
            teachers=("t2", "t1"),
            students=("s1", "s2"),
        )
    ]


def test_schools_and_courses_keep_what_the_portal_uses() -> None:
    school = {
        "id": "a",
        "name": "Pineapple Elementary",
        "sis_id": "13K",
        "school_number": "123",
        "state_id": "308",
        "low_grade": "Kindergarten",
        "high_grade": "5",
        "location": {"city": "Brooklyn", "state": "NY", "zip": "11201"},
    }
    got = fetched(schools=[school], courses=[{"id": "c1", "name": "Homeroom", "number": "1"}])
    assert got.records[Collection.SCHOOLS] == [
        School("a", "Pineapple Elementary", "13K", "123", "308", "school", "", "Kindergarten", "5", "Brooklyn", "NY")
    ]
    assert got.records[Collection.COURSES] == [Course("c1", "Homeroom", "1")]


@pytest.mark.parametrize("spelled", ["2015-08-25", "2015-08-25T00:00:00.000Z", "2015-08-25 00:00:00.000000"])
def test_the_three_spellings_of_a_term_date_are_one_day(spelled: str) -> None:
    term = {"id": "q1", "name": "S1", "start_date": spelled, "end_date": ""}
    assert fetched(terms=[term]).records[Collection.TERMS] == [Term("q1", "S1", "2015-08-25", "")]


@pytest.mark.parametrize("blank", [None, "", "  \t"])
def test_absent_null_empty_and_whitespace_are_alike_blank(blank: str | None) -> None:
    sparse = {"id": "s1", "roles": {"student": {"school": "a"}}}
    spelled = {
        "id": "s1",
        "email": blank,
        "name": {"first": blank, "last": blank},
        "roles": {"student": {"school": "a", "schools": ["a"], "grade": blank, "dob": blank, "credentials": None}},
    }
    expected = [Person("s1", Role.STUDENT, school="a", schools=("a",), roles=(Role.STUDENT,))]
    for user in (sparse, spelled):
        got = fetched(student=[user])
        assert got.records[Collection.PEOPLE] == expected
        assert got.problems == []


def test_a_whole_name_may_be_in_the_last_name() -> None:
    person = fetched(student=[STUDENT | {"name": {"last": "Sanjiv Becker"}}]).records[Collection.PEOPLE][0]
    assert (person.first_name, person.last_name) == ("", "Sanjiv Becker")


def test_someone_with_several_roles_comes_once_as_the_strongest_with_all_of_them_listed() -> None:
    both = TEACHER | {"roles": {"staff": {"title": "Dean"}, "district_admin": {}} | TEACHER["roles"]}  # type: ignore[operator]  # a plain tree
    got = fetched(teacher=[both], staff=[both, {"id": "x1"}], district_admin=[both, {"id": "x1"}, {"id": "x2"}])
    people = got.records[Collection.PEOPLE]
    assert [(person.role, person.roles) for person in people] == [
        (Role.TEACHER, (Role.TEACHER, Role.STAFF, Role.DISTRICT_ADMIN))
    ]
    assert got.others == {"staff": 1, "district-admin": 1, "contact": 0}


def test_contacts_are_counted_and_never_read() -> None:
    session = Canned({"/v3.1/users?role=contact": [{"id": "g1"}, {"id": "g2"}]})
    assert gathered(opened(session)).others["contact"] == 2
    assert [asked for asked in session.asked if "contact" in asked] == ["/v3.1/users?role=contact&count=true&limit=1"]


def test_a_date_that_does_not_exist_is_left_blank_and_named() -> None:
    got = fetched(student=[student(dob="2/31/2011")])
    assert got.records[Collection.PEOPLE][0].birth_date == ""
    assert got.problems == [Problem("bad-date", "student", "s1", "dob", "2/31/2011")]


def test_values_of_a_wrong_type_are_left_blank_and_named_and_the_page_goes_on() -> None:
    got = fetched(student=[student(grade={"wrong": True}), STUDENT | {"id": "s2"}])
    assert [(person.source_id, person.grade) for person in got.records[Collection.PEOPLE]] == [("s1", ""), ("s2", "9")]
    assert got.problems == [Problem("wrong-type", "student", "s1", "roles.student.grade", '{"wrong":true}')]


def test_numbers_where_texts_are_expected_are_kept_as_texts() -> None:
    got = fetched(student=[student(sis_id=233, student_number=7)])
    person = got.records[Collection.PEOPLE][0]
    assert (person.sis_id, person.number, got.problems) == ("233", "7", [])


def test_a_record_without_an_id_is_named_and_the_rest_is_read() -> None:
    nameless = {key: value for key, value in STUDENT.items() if key != "id"}
    got = fetched(student=[STUDENT, nameless])
    assert [person.source_id for person in got.records[Collection.PEOPLE]] == ["s1"]
    assert got.problems == [Problem("missing-id", "student")]
    assert not got.seals[Collection.PEOPLE].complete


def test_a_repeated_row_is_read_once_and_named() -> None:
    got = fetched(sections=[SECTION, SECTION, SECTION | {"id": "k2"}])
    assert [section.source_id for section in got.records[Collection.SECTIONS]] == ["k1", "k2"]
    assert got.problems == [Problem("duplicate-id", "section", "k1", "id", "k1")]


def test_a_section_whose_roster_cannot_be_read_is_kept_out_rather_than_emptied() -> None:
    got = fetched(sections=[SECTION | {"students": "not a list"}, SECTION | {"id": "k2"}])
    assert [section.source_id for section in got.records[Collection.SECTIONS]] == ["k2"]
    assert got.problems == [Problem("wrong-type", "section", "k1", "students", "not a list")]
    assert got.seals[Collection.SECTIONS].reason == "1 of the 2 sections listed could not be read or have no id."


@pytest.mark.parametrize(
    ("user", "code"),
    [
        ({"id": "s2", "roles": {"bus_driver": {}}}, "unknown-role"),
        ({"id": "s2"}, "unknown-role"),
        (student(school="", schools=[]) | {"id": "s2"}, "missing-school"),
    ],
)
def test_someone_who_would_look_like_a_leaver_is_kept_out_and_deletes_are_withheld(
    user: dict[str, Any], code: str
) -> None:
    got = fetched(student=[STUDENT, user])
    assert [person.source_id for person in got.records[Collection.PEOPLE]] == ["s1"]
    assert [problem.code for problem in got.problems] == [code]
    assert not got.seals[Collection.PEOPLE].complete


def test_odd_letters_and_control_characters_do_not_cost_the_page() -> None:
    session = Canned({"/v3.1/schools": [{"id": "a", "name": "x"}]})
    bare = b'{"data":[{"data":{"id":"a","name":"Bo\x01b \\ud800 \xff \xd9\x85\xd8\xaf"}}],"links":[]}'
    session.scripted["/v3.1/schools?limit=1000"] = [Answer(bare)]
    assert opened(session).schools() == [School("a", "Bo\x01b ? \ufffd مد")]


def test_items_decide_which_collections_are_read() -> None:
    session = Canned()
    users = gathered(opened(session), frozenset({"users"}))
    sections = gathered(opened(session), frozenset({"sections"}))
    assert list(users.seals) == [Collection.SCHOOLS, Collection.PEOPLE]
    assert list(sections.seals) == [Collection.SCHOOLS, Collection.TERMS, Collection.COURSES, Collection.SECTIONS]
