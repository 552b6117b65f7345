"""What each option does, and its opposite, by the command line: the same district and the same day, one option apart."""

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import insert

from sisportal.extensions import db
from sisportal.models import Account, SchoolClass
from sisportal.models.database import writing
from sisportal.sandbox import edits
from sisportal.sandbox.district import District
from sisportal.sandbox.entities import Person, Section
from sisportal.sandbox.generator import generate
from sisportal.sandbox.service import create_sandbox
from sisportal.sandbox.serving import Served, serve
from tests.cli.conftest import CommandLine

NOW = datetime(2026, 11, 3, 13, 5, tzinfo=UTC)


@pytest.fixture
def district() -> District:
    return generate(14, schools=1, awkward=False)


@pytest.fixture
def sandbox(district: District) -> Iterator[Served]:
    with serve(create_sandbox(district)) as served:
        yield served


class Town:
    """A portal of one small school, and what is done to both of them."""

    def __init__(self, cli: CommandLine, sandbox: Served) -> None:
        self.cli, self.district = cli, sandbox.sandbox.district
        cli.connect(sandbox)
        cli.answer("sis", "map", "clever", self.district.schools.ids[0], "--organization", "The school")

    @property
    def student(self) -> Person:
        return next(p for p in self.district.people if p.student and p.student.number and p.middle)

    @property
    def teacher(self) -> Person:
        return next(p for p in self.district.people if p.teacher and p.teacher.number and p.email)

    @property
    def section(self) -> Section:
        return next(s for s in self.district.sections if s.students and s.teachers and s.term and s.course)

    def sync(self) -> dict[str, Any]:
        """Prepare and commit; the sync as it was planned."""
        result = self.cli.run("sis", "prepare", "clever", "--json")
        planned: dict[str, Any] = json.loads(result.stdout)
        if result.exit_code != 1:
            self.cli.run("sis", "commit", planned["id"])
        return planned

    def export(self) -> dict[str, list[dict[str, Any]]]:
        found: dict[str, list[dict[str, Any]]] = json.loads(self.cli.run("directory", "export", "-").stdout)
        return found

    def account(self, person: Person) -> dict[str, Any]:
        return next(each for each in self.export()["accounts"] if each["identifiers"].get("clever") == person.id)

    def class_(self, section: Section) -> dict[str, Any]:
        return next(each for each in self.export()["classes"] if each["identifiers"].get("clever") == section.id)

    def add(self, model: type[Account] | type[SchoolClass], **values: Any) -> int:
        """A record made by hand, in the school's organization; its id."""
        with self.cli.app.app_context(), writing(db.engine).begin() as connection:
            given = {"organization_id": 1, "created_at": NOW, **values}
            key = connection.execute(insert(model).values(given)).inserted_primary_key
            assert key
            return int(key[0])

    def add_person(self, person: Person, role: str, **values: Any) -> int:
        names = {"first_name": person.first, "last_name": person.last}
        return self.add(Account, role=role, roles=[role], username="by.hand", **names, **values)


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
def test_an_option_does_what_it_says(
    cli: CommandLine, sandbox: Served, option: str, case: Case, value: str, outcome: Any
) -> None:
    town = Town(cli, sandbox)
    cli.answer("sis", "option", "clever", option, value)

    assert case(town) == outcome


def test_sections_alone_need_an_earlier_sync_of_users(cli: CommandLine, sandbox: Served) -> None:
    town = Town(cli, sandbox)
    cli.answer("sis", "option", "clever", "items", "sections")
    assert "Sections need their students and teachers first" in town.sync()["note"]

    cli.answer("sis", "option", "clever", "items", "users")
    town.sync()
    cli.answer("sis", "option", "clever", "items", "sections")

    assert items(town) == ["section"]


def test_an_option_that_changes_makes_the_plan_stale(cli: CommandLine, sandbox: Served) -> None:
    Town(cli, sandbox)
    sync = cli.answer("sis", "prepare", "clever")
    cli.answer("sis", "option", "clever", "blanks", "replace")

    assert "options" in cli.failure("sis", "commit", sync["id"], code=3)
