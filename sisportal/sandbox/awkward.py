"""The people and sections that real districts have and programs forget."""

import random
from datetime import date

from sisportal.sandbox import names
from sisportal.sandbox.district import District
from sisportal.sandbox.entities import Person, Section, at
from sisportal.sandbox.people import People

MOST_TEACHERS = 10
"""Clever: up to ten co-teachers."""


def add_awkward_people(district: District, rng: random.Random, people: People) -> None:
    """Make some of the district's people and sections awkward: in a large one about one in a hundred.

    The rules behind them are Clever's: what its documentation calls data model quirks and edge cases.
    """
    students = [p for p in district.people if p.student is not None]
    teachers = [p for p in district.people if p.teacher is not None]
    sections = list(district.sections)
    share = max(1, len(students) // 2500)
    for _ in range(share):
        _awkward_students(district, rng, students)
        _awkward_employees(district, rng, people, teachers)
        _awkward_sections(rng, sections, students, teachers)
    _contacts_and_families(district, rng, people, students=students, teachers=teachers, share=share)


def _awkward_students(district: District, rng: random.Random, students: list[Person]) -> None:
    picked = [rng.choice(students) for _ in range(12)]
    for person, (first, last) in zip(picked, names.UNUSUAL, strict=False):
        person.first, person.last = first, last
    picked[8].email = f"{picked[8].id[-6:]}.example.org"
    picked[9].email = f"  {picked[9].id[-6:].upper()}@Students.{district.domain} "
    picked[10].first, picked[10].last = picked[11].first, picked[11].last
    for person, grade in zip(
        picked, ("TransitionalKindergarten", "13", "Other", "Ungraded", "PostGraduate", ""), strict=False
    ):
        person.as_student.grade = grade
    for person in picked[6:9]:
        _enrol_elsewhere_too(district, rng, person)
    for person in picked[3:5]:
        role = person.as_student
        role.number, role.state_id, role.username = rng.choice((None, "")), None, None
    picked[5].as_student.gender = "X"
    picked[5].middle = None


def _enrol_elsewhere_too(district: District, rng: random.Random, person: Person) -> None:
    """A second school beside the primary one; the list is in order of id, so the primary one need not be first."""
    role = person.student or person.as_teacher
    role.schools = sorted({*role.schools, rng.choice(district.schools.ids)})


def _awkward_employees(district: District, rng: random.Random, people: People, teachers: list[Person]) -> None:
    moment = at(date(2023, 8, 8))
    picked = [rng.choice(teachers) for _ in range(6)]
    picked[0].email = picked[0].email and picked[0].email.replace("@", ".")
    picked[1].email = None
    _enrol_elsewhere_too(district, rng, picked[2])
    picked[3].staff = people.staff_role([rng.choice(district.schools.ids)], "Assistant Principal", moment)
    if picked[4].administrator is None:
        picked[4].administrator = people.administrator("Director of Curriculum", moment).administrator
    picked[5].as_teacher.number, picked[5].as_teacher.title = None, None
    district.put(people.staff(rng.sample(district.schools.ids, k=min(2, len(district.schools))), "Counselor", moment))
    district.put(people.teacher(rng.choice(district.schools.ids), "Long-term Substitute", moment))


def _awkward_sections(
    rng: random.Random, sections: list[Section], students: list[Person], teachers: list[Person]
) -> None:
    picked = [rng.choice(sections) for _ in range(8)]
    picked[0].term = None
    picked[1].course = None
    picked[2].number, picked[2].period = None, ""
    picked[3].subject, picked[3].grade = "", ""
    picked[4].teachers = []
    visiting = rng.choice(students).id
    if visiting not in picked[5].students:
        picked[5].students = sorted([*picked[5].students, visiting])
    lending = rng.choice(teachers).id
    if lending not in picked[6].teachers:
        picked[6].teachers.append(lending)
    colleagues = [p.id for p in teachers if p.as_teacher.school == picked[7].school and p.id not in picked[7].teachers]
    picked[7].teachers += colleagues[: max(0, MOST_TEACHERS - len(picked[7].teachers))]
    picked[7].name = f"{picked[7].name} — “Größe” <b>&amp;</b> 🎨"


def _contacts_and_families(
    district: District,
    rng: random.Random,
    people: People,
    *,
    students: list[Person],
    teachers: list[Person],
    share: int,
) -> None:
    """Contacts who are also teachers (two people with one address), and siblings who share their parent's address."""
    moment = at(date(2023, 9, 1))
    for i in range(share * 2):
        older, younger = rng.sample(students, k=2)
        younger.last = older.last
        shared = f"family{i}.{district.number()}@home.example.net"
        older.email = younger.email = shared
        district.put(people.contact([older, younger], moment, shared))
        teacher = rng.choice(teachers)
        district.put(people.contact([rng.choice(students)], moment, teacher.email))
