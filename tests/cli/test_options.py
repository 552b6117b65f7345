"""What each option does, and its opposite, by the command line: the same district and the same day, one option apart."""

from collections.abc import Callable
from typing import Any

import pytest

from sisportal.models import SchoolClass
from sisportal.sandbox import edits
from tests.cli.conftest import CommandLine
from tests.cli.town import Town

Case = Callable[[Town], Any]


def items(town: Town) -> Any:
    return sorted(type_ for type_, verbs in town.sync()["counts"].items() if any(n["planned"] for n in verbs.values()))


def changes(town: Town) -> Any:
    sync = town.sync()
    return bool(sync["counts"]["student"]["add"]["planned"]), bool(sync["left_out"])


def blanks(town: Town) -> Any:
    town.sync()
    person = town.student
    person.middle = " "
    town.sync()
    return bool(town.account(person)["middle_name"])


def ignore_name_edits(town: Town) -> Any:
    town.sync()
    edits.rename_section(town.district, town.section.id, "Another name")
    town.sync()
    return town.class_(town.section)["name"] == "Another name"


def style_without_dates(town: Town) -> Any:
    section = town.section
    section.term = None
    town.sync()
    return town.class_(section)["style"]


def style(town: Town) -> Any:
    town.sync()
    return town.class_(town.section)["style"]


def student_id(town: Town) -> Any:
    town.sync()
    found, person = town.account(town.student), town.student.as_student
    return found["student_id"] == person.number, found["sis_id"] == (
        person.number if not found["student_id"] else person.sis_id
    )


def teacher_id(town: Town) -> Any:
    town.sync()
    found, person = town.account(town.teacher), town.teacher.as_teacher
    return found["teacher_id"] == person.number, found["sis_id"] == (
        person.number if not found["teacher_id"] else person.sis_id
    )


def sessions(town: Town) -> Any:
    edits.add_section(town.district, town.section, [])
    town.sync()
    return town.class_(town.section)["parent"] is not None


def sessions_of_two_courses(town: Town) -> Any:
    """Two courses of one name and two numbers."""
    section = town.section
    other = edits.add_section(town.district, section, [])
    new = edits.recreate_course(town.district, str(section.course))
    second = type(new)(town.district.mint(section.created), new.name, "another number")
    town.district.put(second)
    for each in town.district.sections:
        if each.id not in {section.id, other.id}:
            each.teachers = []
    other.course = second.id
    town.sync()
    return town.class_(section)["parent"] is not None


def student_by_email(town: Town) -> Any:
    by_hand = town.add_person(town.student, "student", email=town.student.email)
    town.sync()
    return town.account(town.student)["id"] == by_hand


def student_by_sis_id(town: Town) -> Any:
    by_hand = town.add_person(town.student, "student", sis_id=town.student.as_student.sis_id)
    town.sync()
    return town.account(town.student)["id"] == by_hand


def teacher_by_number(town: Town) -> Any:
    by_hand = town.add_person(town.teacher, "teacher", teacher_id=town.teacher.as_teacher.number)
    town.sync()
    return town.account(town.teacher)["id"] == by_hand


def class_by_name(town: Town) -> Any:
    names = [section.name for section in town.district.sections]
    section = next(s for s in town.district.sections if names.count(s.name) == 1)
    by_hand = town.add(SchoolClass, name=section.name)
    town.sync()
    return town.class_(section)["id"] == by_hand


def class_of_other_dates(town: Town) -> Any:
    names = [section.name for section in town.district.sections]
    section = next(s for s in town.district.sections if names.count(s.name) == 1 and s.term)
    by_hand = town.add(SchoolClass, name=section.name, start="2020-01-01", finish="2020-06-01")
    town.sync()
    return town.class_(section)["id"] == by_hand


def leavers(town: Town) -> Any:
    """Whether the deletes of most of the school are held."""
    town.sync()
    edits.mass_delete(town.district, 0.9)
    return "guard-deletes" in {each["reason"] for each in town.sync()["held"]}


def emptied(town: Town) -> Any:
    town.sync()
    section = next(s for s in town.district.sections if len(s.students) >= 5)
    for student in section.students[1:]:
        edits.withdraw(town.district, section.id, student)
    return "guard-class" in {each["reason"] for each in town.sync()["held"]}


TABLE: list[tuple[str, Case, dict[str, Any]]] = [
    ("items", items, {"users": ["student", "teacher"], "users,sections": ["section", "student", "teacher"]}),
    ("changes", changes, {"adds,edits,deletes": (True, False), "edits,deletes": (False, True)}),
    ("blanks", blanks, {"ignore": True, "replace": False}),
    ("ignore_name_edits", ignore_name_edits, {"no": True, "yes": False}),
    ("self_paced", style_without_dates, {"yes": "self-paced", "no": "instructor"}),
    ("blended", style, {"no": "instructor", "yes": "blended"}),
    ("map_student_id", student_id, {"student_id": (True, True), "sis_id": (False, True)}),
    ("map_teacher_id", teacher_id, {"teacher_id": (True, True), "sis_id": (False, True)}),
    ("parent_child", sessions, {"yes": True, "no": False}),
    ("match_sessions", sessions_of_two_courses, {"name": True, "code": False, "name_and_code": False}),
    ("match_students", student_by_email, {"email": True, "student_id": False}),
    ("match_students", student_by_sis_id, {"sis_id": True, "source_id": False}),
    ("match_teachers", teacher_by_number, {"teacher_id": True, "email": False}),
    ("match_sections", class_by_name, {"class_name": True, "sis_id": False, "source_id": False}),
    ("match_within_30_days", class_of_other_dates, {"yes": False, "no": True}),
    ("guard_deletes_percent", leavers, {"10": True, "100": False}),
    ("guard_class_percent", emptied, {"50": True, "100": False}),
]


@pytest.mark.parametrize(
    ("option", "case", "value", "outcome"),
    [(option, case, value, outcome) for option, case, outcomes in TABLE for value, outcome in outcomes.items()],
    ids=lambda each: each.__name__ if callable(each) else str(each),
)
def test_an_option_does_what_it_says(town: Town, option: str, case: Case, value: str, outcome: Any) -> None:
    town.option(option, value)

    assert case(town) == outcome


def test_sections_alone_need_an_earlier_sync_of_users(town: Town) -> None:
    town.option("items", "sections")
    assert "Sections need their students and teachers first" in town.sync()["note"]

    town.option("items", "users")
    town.sync()
    town.option("items", "sections")

    assert items(town) == ["section"]


def test_an_option_that_changes_makes_the_plan_stale(cli: CommandLine, town: Town) -> None:
    sync = cli.answer("sis", "prepare", "clever")
    town.option("blanks", "replace")

    assert "options" in cli.failure("sis", "commit", sync["id"], code=3)
