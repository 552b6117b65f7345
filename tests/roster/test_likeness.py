"""Who may be listed under a new id: by cases."""

from typing import Any

import msgspec
import pytest

from sisportal.roster.likeness import Trace, Traces, Wanted, agreement, telling
from sisportal.roster.likeness_sections import ClassTrace, ClassTraces
from sisportal.roster.matching import Decision
from sisportal.roster.matching_people import Candidate
from sisportal.roster.matching_sections import ClassCandidate
from sisportal.roster.options import Options
from sisportal.roster.records import Person, Role, Section

ANN = Candidate(
    7, "teacher", "Ann", "Lee", email="ann@x.org", teacher_id="T7", sis_id="S7", state_id="9", username="alee",
    organization=1, linked_to="old",
)  # fmt: skip
NEW = Person("new", Role.TEACHER, "Lee", "Ann", email="lee@x.org")


def found(person: Person, held: Candidate = ANN, *, listed: bool = False, decision: Decision = Decision()) -> list[str]:  # noqa: B008  # frozen
    wanted = Wanted()
    wanted.note(person, 1)
    alike = Traces([Trace(held, listed=listed)], Options(), wanted).missing(person, 1, decision)
    return [",".join(each.agree) for each in alike]


@pytest.mark.parametrize(
    ("person", "agree"),
    [
        ({}, ["name"]),
        ({"first_name": "LEE ", "last_name": "ann"}, ["name"]),
        ({"last_name": "Ng"}, []),
        ({"last_name": "Ng", "number": "t7"}, ["number"]),
        ({"first_name": "Zoe", "last_name": "Ng", "sis_id": "S7"}, ["sis_id"]),
        ({"first_name": "Zoe", "last_name": "Ng", "username": "alee"}, []),
        ({"last_name": "Ng", "username": "alee"}, ["username"]),
        ({"first_name": "Zoe", "last_name": "Ng", "email": "ann@x.org"}, []),
        ({"role": Role.STUDENT}, []),
        ({"first_name": "", "last_name": ""}, []),
    ],
)
def test_whoever_leaves_is_compared_by_name_and_numbers(person: dict[str, Any], agree: list[str]) -> None:
    assert found(msgspec.structs.replace(NEW, **person)) == agree


@pytest.mark.parametrize(
    ("person", "agree"),
    [({}, []), ({"number": "T7"}, ["number"]), ({"number": "T7", "first_name": "Zoe"}, []), ({"username": "alee"}, [])],
)
def test_whoever_is_listed_still_only_by_a_number_and_the_first_name(person: dict[str, Any], agree: list[str]) -> None:
    assert found(msgspec.structs.replace(NEW, **person), listed=True) == agree


@pytest.mark.parametrize(
    ("joined", "left", "is_asked"),
    [
        ({"birth_date": "2021-03-04"}, {"birth_date": "2008-03-04"}, False),
        ({"birth_date": "2008-04-03"}, {"birth_date": "2008-03-04"}, True),
        ({"birth_date": "2009-03-04"}, {"birth_date": "2008-03-04"}, True),
        ({"grade": "Kindergarten"}, {"grade": "12"}, False),
        ({"grade": "KG"}, {"grade": "02"}, True),
        ({"grade": "10", "birth_date": "2010-03-04"}, {"grade": "12"}, True),
        ({"grade": "Kindergarten"}, {"grade": "PostGraduate"}, True),
        ({"grade": "Kindergarten", "number": "S-1"}, {"grade": "12", "student_id": "S-1"}, True),
    ],
)
def test_a_namesake_of_another_age_who_begins_as_one_leaves_is_somebody_else(
    joined: dict[str, Any], left: dict[str, Any], is_asked: bool
) -> None:
    person = Person("new", Role.STUDENT, "Lee", "Ann", **joined)
    held = Candidate(7, "student", "Ann", "Lee", organization=1, linked_to="old", **left)
    assert bool(found(person, held)) == is_asked


def test_nobody_is_asked_about_twice() -> None:
    assert found(NEW, decision=Decision(not_same=frozenset({7}))) == []
    assert found(NEW, decision=Decision(create=True)) == []
    assert found(NEW, msgspec.structs.replace(ANN, organization=2)) == []


@pytest.mark.parametrize(
    ("other", "agree"),
    [
        ({}, ("name", "number", "sis_id", "state_id")),
        ({"teacher_id": "T8"}, ("sis_id", "state_id")),
        ({"teacher_id": "T8", "sis_id": "S8", "state_id": "8"}, ()),
        ({"teacher_id": "", "sis_id": "", "state_id": ""}, ("name",)),
        ({"teacher_id": "", "sis_id": "", "state_id": "", "organization": 2}, ()),
        ({"first_name": "Zoe"}, ()),
    ],
)
def test_two_who_were_listed_side_by_side(other: dict[str, Any], agree: tuple[str, ...]) -> None:
    listed = msgspec.structs.replace(ANN, id=8, **other)
    assert agreement(ANN, listed) == agree
    assert not agree or not set(telling(ANN)).isdisjoint(telling(listed))


def test_one_last_name_alone_brings_nobody_together_to_be_compared() -> None:
    zoe = Candidate(8, "teacher", "Zoe", "Lee", teacher_id="T8", sis_id="S8", organization=1)
    assert set(telling(ANN)).isdisjoint(telling(zoe))


ALGEBRA = Section(
    "old", "Algebra", school="n", period="2", course_number="M1", start="2026-08-17", finish="2027-06-11",
    teachers=("t1",), students=("a", "b", "c"),
)  # fmt: skip


@pytest.mark.parametrize(
    ("section", "is_alike"),
    [
        ({}, True),
        ({"name": "Algebra - 02"}, True),
        ({"name": "Algebra - 02", "students": ("a", "x", "y")}, False),
        ({"name": "Algebra - 02", "students": ()}, True),
        ({"teachers": ("t2",), "students": ("a", "b", "x")}, True),
        ({"teachers": ("t2",), "students": ("x", "y"), "course_number": "M2"}, False),
        ({"period": "3"}, False),
        ({"start": "2027-08-17", "finish": "2028-06-11"}, False),
        ({"start": "", "finish": "", "students": ("x", "y")}, False),
        ({"start": "", "finish": ""}, True),
        ({"school": "s"}, False),
    ],
)
def test_a_section_is_told_by_enough_of_what_it_is(section: dict[str, Any], is_alike: bool) -> None:
    traces = ClassTraces([ClassTrace(ClassCandidate(3, "Algebra", linked_to="old"), ALGEBRA)])

    alike = traces.missing(msgspec.structs.replace(ALGEBRA, source_id="new", **section))

    assert [each.held.id for each in alike] == ([3] if is_alike else [])


@pytest.mark.parametrize(
    ("section", "is_alike"),
    [
        ({}, True),
        ({"period": ""}, False),
        ({"name": "Geometry"}, False),
        ({"course_number": "M1"}, False),
        ({"start": "", "finish": ""}, False),
    ],
)
def test_where_neither_says_a_course_the_name_stands_for_it(section: dict[str, Any], is_alike: bool) -> None:
    gone = msgspec.structs.replace(ALGEBRA, course_number="", course_name="", period="2")
    traces = ClassTraces([ClassTrace(ClassCandidate(3, "Algebra", linked_to="old"), gone)])
    others = msgspec.structs.replace(gone, source_id="new", teachers=("t9",), students=("x", "y"))

    alike = traces.missing(msgspec.structs.replace(others, **section))

    assert [each.held.id for each in alike] == ([3] if is_alike else [])
