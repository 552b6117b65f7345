"""Checks: clean records pass untouched, odd values are kept and said, what cannot be stored is mended or left out."""

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sisportal.roster.checks import LONGEST, Checker
from sisportal.roster.records import Course, Person, Problem, Record, Role, School, Section, Term

ANA = Person(
    "5f1",
    Role.STUDENT,
    "Lopez",
    "Ana",
    email="ana@school.org",
    username="alopez",
    grade="9",
    birth_date="2011-05-01",
    school="h1",
    schools=("h1", "h2"),
)
ALGEBRA = Section("c1", "Algebra", school="h1", teachers=("t1",), students=("5f1",))


def checked(*records: Any) -> tuple[list[Any], list[Problem]]:
    return Checker().check(records)


def codes(record: Record) -> list[tuple[str, str, str]]:
    _, problems = checked(record)
    return [(problem.code, problem.field, problem.value) for problem in problems]


@pytest.mark.parametrize(
    "record",
    [
        ANA,
        ALGEBRA,
        School("h1", "High School"),
        Term("m1", "Fall", "2025-08-25", "2025-12-19"),
        Course("k1", "Algebra 1", "101"),
        msgspec.structs.replace(ANA, first_name="😀 أنا", last_name="Nguyễn 王", preferred_name="👩‍👧"),
        Section("c1", teachers=("t1",), start="2025-08-25", finish="2025-08-25"),
    ],
)
def test_a_clean_record_passes_as_the_same_object(record: Record) -> None:
    kept, problems = checked(record)
    assert kept[0] is record
    assert problems == []


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"grade": "Sophomore"}, [("unknown-grade", "grade", "Sophomore")]),
        ({"grade": "TransitionalKindergarten"}, []),
        ({"grade": "09"}, []),
        ({"email": "seth_schoen.example.org"}, [("malformed-email", "email", "seth_schoen.example.org")]),
        ({"email": "a b@school.org"}, [("malformed-email", "email", "a b@school.org")]),
        ({"email": "a@b@school.org"}, [("malformed-email", "email", "a@b@school.org")]),
        ({"birth_date": "0201-05-01"}, [("absurd-date", "birth_date", "0201-05-01")]),
        ({"birth_date": "9999-12-31"}, [("absurd-date", "birth_date", "9999-12-31")]),
    ],
)
def test_an_odd_value_is_kept_and_said(changes: dict[str, str], expected: list[tuple[str, str, str]]) -> None:
    odd = msgspec.structs.replace(ANA, **changes)
    kept, _ = checked(odd)
    assert kept == [odd]
    assert codes(odd) == expected


@pytest.mark.parametrize(
    ("field", "value", "kept", "problem"),
    [
        ("first_name", "  Ana ", "Ana", None),
        ("first_name", " \u00a0", "", None),
        ("first_name", "An\x00a\x07", "Ana", ("control-characters", "Ana")),
        ("first_name", "An\r\nna", "An na", ("control-characters", "An na")),
        ("first_name", "\u202eanA", "anA", ("control-characters", "anA")),
        ("first_name", "x" * 300, "x" * LONGEST, ("too-long", "x" * 200)),
        ("first_name", "x" * 10_000_000, "x" * LONGEST, ("too-long", "x" * 200)),
        ("birth_date", "5/1/2011", "2011-05-01", None),
        ("birth_date", " ", "", None),
        ("birth_date", "2011-02-30", "", ("bad-date", "2011-02-30")),
        ("birth_date", "soon", "", ("bad-date", "soon")),
        ("school", "h" * 300, "", ("bad-id", "h" * 200)),
        ("school", " ", "", None),
        ("legacy_id", "old id ", "old id ", None),
    ],
)
def test_what_cannot_be_stored_is_mended(field: str, value: str, kept: str, problem: tuple[str, str] | None) -> None:
    people, problems = checked(msgspec.structs.replace(ANA, **{field: value}))
    assert people == [msgspec.structs.replace(ANA, **{field: kept})]
    assert [(each.field, each.code, each.value) for each in problems] == ([(field, *problem)] if problem else [])


@pytest.mark.parametrize(
    ("source_id", "code"), [("", "missing-id"), ("  ", "missing-id"), ("a\x00", "bad-id"), ("x" * 256, "bad-id")]
)
def test_a_record_without_an_id_that_can_be_stored_is_left_out(source_id: str, code: str) -> None:
    kept, problems = checked(msgspec.structs.replace(ANA, source_id=source_id), msgspec.structs.replace(ALGEBRA))
    assert kept == [ALGEBRA]
    assert [(problem.code, problem.type, problem.external_id) for problem in problems] == [(code, "student", "")]


def test_ids_in_lists_that_cannot_be_stored_are_left_out() -> None:
    kept, problems = checked(msgspec.structs.replace(ALGEBRA, students=("5f1", "a\x00"), teachers=("t1", "t\t2")))
    assert kept == [msgspec.structs.replace(ALGEBRA, teachers=("t1", "t\t2"))]
    assert problems == [Problem("bad-id", "section", "c1", "students", "1", "h1")]


def test_dates_that_are_reversed_or_absurd_are_kept_and_said() -> None:
    term = Term("m1", "Fall", "2025-12-19", "2025-08-25")
    assert checked(term) == (
        [term],
        [Problem("reversed-dates", "term", "m1", "finish", "2025-12-19 to 2025-08-25")],
    )
    assert codes(Term("m1", start="1025-08-25", finish="2025-12-19")) == [("absurd-date", "start", "1025-08-25")]
    assert codes(Section("c1", teachers=("t1",), start="2025-12-19", finish="2025-08-25")) == [
        ("reversed-dates", "finish", "2025-12-19 to 2025-08-25")
    ]
    assert codes(Term("m1", start="someday")) == [("bad-date", "start", "someday")]


def test_a_section_says_when_it_has_no_teacher_or_an_unknown_grade() -> None:
    assert codes(Section("c1", grade="Sophomore")) == [
        ("no-teacher", "teachers", ""),
        ("unknown-grade", "grade", "Sophomore"),
    ]


def test_what_two_people_share_is_said_of_the_second() -> None:
    checker = Checker()
    checker.check([ANA])
    _, problems = checker.check([msgspec.structs.replace(ANA, source_id="5f2", email="ANA@school.org")])
    assert problems == [
        Problem("duplicate-email", "student", "5f2", "email", "ANA@school.org", "h1"),
        Problem("duplicate-username", "student", "5f2", "username", "alopez", "h1"),
        Problem("duplicate-name", "student", "5f2", "name", "Ana Lopez", "h1"),
    ]
    _, problems = checker.check([msgspec.structs.replace(ANA, source_id="5f3", email="", username="", grade="8")])
    assert problems == []


def test_a_school_that_is_not_listed_is_said_where_schools_were_listed_at_all() -> None:
    checker = Checker()
    checker.check([School("h9", "High School")])
    _, problems = checker.check([ANA])
    assert problems == [Problem("unknown-school", "student", "5f1", "school", "h1", "h1")]
    _, problems = checker.check([ALGEBRA])
    assert problems == [Problem("unknown-school", "section", "c1", "school", "h1", "h1")]
    assert checked(ANA)[1] == []


TEXT = st.text(max_size=30)


@given(
    st.builds(
        Person, source_id=TEXT, role=st.just(Role.TEACHER), first_name=TEXT, email=TEXT, birth_date=TEXT, school=TEXT
    )
)
def test_what_was_mended_once_needs_no_mending_again(person: Person) -> None:
    kept, _ = checked(person)
    again, _ = checked(*kept)
    assert again == kept
    assert all(msgspec.json.decode(msgspec.json.encode(each), type=Person) == each for each in kept)
