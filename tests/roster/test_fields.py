"""What the fields of accounts and classes are, and how two sets of values differ."""

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sisportal.roster.fields import (
    ACCOUNT_FIELDS,
    CLASS_FIELDS,
    Difference,
    Standing,
    account_values,
    class_style,
    class_values,
    difference,
    home,
    is_blank,
    standing,
    without_blanks,
)
from sisportal.roster.options import Blanks, Options, StudentIdTarget, TeacherIdTarget
from sisportal.roster.records import Person, Role, Section

STUDENT = Person(
    "s1", Role.STUDENT, "Abara", "Mia", "T", "Mimi", "mia@example.org", "mia.abara", "1024", "S-1", "99", "7", "2031",
    "F", "2014-03-05", "north", ("north",), (Role.STUDENT,),
)  # fmt: skip
TEACHER = Person(
    "t1", Role.TEACHER, "Ruiz", "Ana", number="77", sis_id="T-1", school="north", schools=("north", "south")
)
SECTION = Section(
    "c1", "Algebra I - 3", "3", "SEC-1", "math", "9", "3", "north", course_name="Algebra I", course_number="ALG1",
    term_name="Fall", start="2026-08-17", finish="2026-12-18",
)  # fmt: skip
PLACES = {"north": 1, "south": 2}
ONE = {"north": None}


def test_a_students_record_as_the_fields_of_an_account() -> None:
    assert account_values(STUDENT, Options(), PLACES) == {
        "role": "student", "roles": ["student"], "first_name": "Mia", "middle_name": "T", "last_name": "Abara",
        "preferred_name": "Mimi", "email": "mia@example.org", "student_id": "1024", "sis_id": "S-1", "state_id": "99",
        "grade": "7", "graduation_year": "2031", "gender": "F", "birth_date": "2014-03-05", "organization": 1,
        "organizations": [1],
    }  # fmt: skip


def test_a_teacher_has_a_teacher_id_and_neither_grade_nor_graduation_year() -> None:
    values = account_values(TEACHER, Options(), PLACES)

    assert (values["teacher_id"], values["sis_id"], values["roles"]) == ("77", "T-1", ["teacher"])
    assert values.keys() & {"student_id", "grade", "graduation_year"} == set()
    assert (values["organization"], values["organizations"]) == (1, [1, 2])


@pytest.mark.parametrize(
    ("person", "options", "number_field"),
    [
        (STUDENT, Options(map_student_id=StudentIdTarget.SIS_ID), "student_id"),
        (TEACHER, Options(map_teacher_id=TeacherIdTarget.SIS_ID), "teacher_id"),
    ],
)
def test_a_number_that_goes_to_the_sis_id_goes_there_alone(person: Person, options: Options, number_field: str) -> None:
    values = account_values(person, options, PLACES)

    assert values["sis_id"] == person.number
    assert number_field not in values


def test_one_role_takes_nothing_of_the_options_of_the_other() -> None:
    values = account_values(STUDENT, Options(map_teacher_id=TeacherIdTarget.SIS_ID), PLACES)

    assert (values["sis_id"], values["student_id"]) == ("S-1", "1024")


@pytest.mark.parametrize(
    ("schools", "primary", "places", "expected"),
    [
        (("north", "south"), "south", PLACES, "south"),
        (("north", "south"), "south", ONE, "north"),
        (("north", "south"), "elsewhere", PLACES, "north"),
        (("elsewhere",), "elsewhere", PLACES, None),
        ((), "", PLACES, None),
        ((), "north", ONE, "north"),
    ],
)
def test_somebody_counts_for_the_primary_school_else_for_the_first_that_is_mapped(
    schools: tuple[str, ...], primary: str, places: dict[str, int | None], expected: str | None
) -> None:
    assert home(schools, primary, places) == expected


def test_only_mapped_schools_are_organizations() -> None:
    person = msgspec.structs.replace(STUDENT, schools=("north", "elsewhere", "south"))

    assert account_values(person, Options(), PLACES)["organizations"] == [1, 2]
    assert account_values(person, Options(), ONE)["organizations"] == []
    assert account_values(person, Options(), {})["organization"] is None


def test_a_section_as_the_fields_of_a_class() -> None:
    assert class_values(SECTION, PLACES) == {
        "name": "Algebra I - 3", "code": "ALG1", "subject": "math", "grade": "9", "period": "3", "term": "Fall",
        "start": "2026-08-17", "finish": "2026-12-18", "sis_id": "SEC-1", "organization": 1,
    }  # fmt: skip


def test_a_section_without_a_name_or_a_course_number_takes_what_there_is() -> None:
    values = class_values(msgspec.structs.replace(SECTION, name="", course_number=""), PLACES)

    assert (values["name"], values["code"]) == ("Algebra I", "3")


def test_the_fields_are_those_that_are_stored() -> None:
    for person in (STUDENT, TEACHER):
        assert account_values(person, Options(), PLACES).keys() <= set(ACCOUNT_FIELDS)
    assert class_values(SECTION, PLACES).keys() == set(CLASS_FIELDS)


@pytest.mark.parametrize(
    ("start", "finish", "options", "style"),
    [
        ("2026-08-17", "2026-12-18", Options(), "instructor"),
        ("2026-08-17", "2026-12-18", Options(blended=True), "blended"),
        ("2026-08-17", "", Options(blended=True), "instructor"),
        ("", "2026-12-18", Options(), "instructor"),
        ("", "", Options(), "self-paced"),
        ("", "", Options(blended=True), "self-paced"),
        ("", "", Options(self_paced=False), "instructor"),
    ],
)
def test_the_style_follows_the_dates_and_the_options(start: str, finish: str, options: Options, style: str) -> None:
    assert class_style(msgspec.structs.replace(SECTION, start=start, finish=finish), options) == style


@pytest.mark.parametrize(
    ("value", "blank"),
    [(None, True), ("", True), ("  \t", True), ([], True), (0, False), (["x"], False), ("x", False)],
)
def test_what_is_blank(value: Any, blank: bool) -> None:
    assert is_blank(value) is blank


def test_an_add_names_only_what_says_something() -> None:
    assert without_blanks({"a": "", "b": None, "c": [], "d": "x", "e": 3}) == {"d": "x", "e": 3}


# --- differences: what was last written, what is held, what comes in

FIELD = "last_name"
CASES = [
    # written, held, incoming -> change, kept, both
    ("nothing new", "a", "a", "a", None, False, False),
    ("changed in the SIS", "a", "a", "b", ("a", "b"), False, False),
    ("changed here", "a", "b", "a", None, True, False),
    ("changed on both sides", "a", "b", "c", None, False, True),
    ("changed alike on both sides", "a", "b", "b", None, False, False),
    ("blank until now", None, "", "b", ("", "b"), False, False),
    ("blank, then filled in here", None, "a", "b", None, False, True),
    ("emptied here", "a", "", "a", None, True, False),
    ("emptied here, changed there", "a", "", "b", None, False, True),
    ("blank in the SIS", "a", "a", "", None, False, False),
]


def differ(written: str | None, held: str, incoming: str, blanks: Blanks = Blanks.IGNORE) -> Difference:
    last = {"role": "student"} | ({} if written is None else {FIELD: written})
    return difference({FIELD: incoming}, {FIELD: held}, last, blanks)


@pytest.mark.parametrize(
    ("written", "held", "incoming", "change", "kept", "both"),
    [case[1:] for case in CASES],
    ids=[case[0] for case in CASES],
)
def test_three_values_are_compared(
    written: str | None, held: str, incoming: str, change: tuple[str, str] | None, kept: bool, both: bool
) -> None:
    found = differ(written, held, incoming)

    before, after = ({FIELD: change[0]}, {FIELD: change[1]}) if change else ({}, {})
    assert (found.before, found.after) == (before, after)
    assert found.kept == ({FIELD: incoming} if kept else {})
    assert found.both == ({FIELD: (written, held, incoming)} if both else {})


@pytest.mark.parametrize(
    ("written", "held", "outcome"),
    [("a", "a", "after"), ("a", "b", "both"), (None, "a", "kept"), (None, "", "nothing")],
)
def test_a_blank_that_overwrites_is_a_value_like_any_other(written: str | None, held: str, outcome: str) -> None:
    found = differ(written, held, "", Blanks.REPLACE)

    named = {name for name in ("after", "both", "kept") if getattr(found, name)} or {"nothing"}
    assert named == {outcome}


def test_of_a_record_that_no_sync_has_written_the_values_of_the_sis_win() -> None:
    found = difference({FIELD: "b"}, {FIELD: "a"}, {}, Blanks.IGNORE)

    assert (found.before, found.after, found.both) == ({FIELD: "a"}, {FIELD: "b"}, {})


names = st.sampled_from(["first_name", "email", "grade"])
texts = st.sampled_from(["", " ", "a", "b", "c"])
values = st.dictionaries(names, texts)


@given(incoming=values, held=values, written=values, blanks=st.sampled_from(Blanks))
def test_each_field_has_one_outcome_and_only_fields_that_differ_have_any(
    incoming: dict[str, str], held: dict[str, str], written: dict[str, str], blanks: Blanks
) -> None:
    found = difference(incoming, held, written, blanks)

    outcomes = [*found.after, *found.kept, *found.both]
    assert len(outcomes) == len(set(outcomes))
    assert found.before.keys() == found.after.keys()
    assert all(incoming[name] != held.get(name) for name in outcomes)
    assert all(found.before[name] == held.get(name) for name in found.before)


@given(incoming=values, held=values, written=values, blanks=st.sampled_from(Blanks))
def test_what_was_applied_differs_no_more(
    incoming: dict[str, str], held: dict[str, str], written: dict[str, str], blanks: Blanks
) -> None:
    found = difference(incoming, held, written, blanks)

    again = difference(incoming, held | found.after, (written or held) | found.after, blanks)

    assert (again.after, again.kept, again.both) == ({}, found.kept, found.both)


@pytest.mark.parametrize(
    ("held", "expected"),
    [
        ({"email": "old", "grade": "7"}, Standing.AS_PLANNED),
        ({"email": "old", "grade": "9"}, Standing.AS_PLANNED),
        ({"email": "new", "grade": "7"}, Standing.ALREADY_SO),
        ({"email": "by hand", "grade": "7"}, Standing.CONFLICT),
        ({}, Standing.AS_PLANNED),
    ],
)
def test_only_the_fields_that_a_plan_names_tell_whether_it_still_fits(held: dict[str, str], expected: Standing) -> None:
    assert standing(held, {"email": "old"}, {"email": "new"}) is expected
