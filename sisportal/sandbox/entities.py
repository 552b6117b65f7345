"""The records of the sandbox's district in one neutral, mutable model that every provider and version renders its own way.

``None`` is a field that the provider leaves out of its JSON, ``""`` one that it sends blank: real providers do both.
"""

from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterator
from datetime import UTC, date, datetime, time
from typing import Generic, TypeVar

import msgspec

Milliseconds = int
"""A moment as whole milliseconds since 1970-01-01 UTC."""


class Student(msgspec.Struct):
    """What makes a person a student."""

    legacy_id: str
    school: str
    schools: list[str]
    sis_id: str
    number: str | None
    grade: str | None
    state_id: str | None = None
    graduation_year: str | None = ""
    gender: str | None = ""
    birth_date: str | None = None
    """ISO ``YYYY-MM-DD``."""
    username: str | None = None
    race: str | None = ""
    hispanic: str | None = ""
    zip: str | None = ""
    preferred_first: str | None = None
    free_lunch: str | None = None
    english_learner: str | None = None
    special_education: str | None = None
    home_language: tuple[str, str] | None = None
    """Name and three-letter code of the language."""
    extra: dict[str, str] = msgspec.field(default_factory=dict)


class Teacher(msgspec.Struct):
    """What makes a person a teacher."""

    legacy_id: str
    school: str
    schools: list[str]
    sis_id: str
    number: str | None
    state_id: str | None = None
    title: str | None = ""
    username: str | None = None
    extra: dict[str, str] = msgspec.field(default_factory=dict)


class Staff(msgspec.Struct):
    """What makes a person a member of a school's staff; older versions call it a school administrator."""

    legacy_id: str
    schools: list[str]
    staff_id: str
    title: str | None = ""
    department: str | None = ""
    roles: list[str] = msgspec.field(default_factory=list)
    username: str | None = None


class Administrator(msgspec.Struct):
    """What makes a person an administrator of the whole district."""

    legacy_id: str
    title: str | None = ""


class Relationship(msgspec.Struct):
    """Whom a contact belongs to, and how."""

    student: str
    relationship: str
    type: str


class Contact(msgspec.Struct):
    """What makes a person a contact of students."""

    legacy_id: str
    relationships: list[Relationship]
    phone: str | None = ""
    phone_type: str | None = ""
    sis_id: str | None = ""


class Person(msgspec.Struct):
    """Somebody of the district, with at least one role. A contact's whole name stands in ``last``."""

    id: str
    created: Milliseconds
    modified: Milliseconds
    last: str
    first: str | None = None
    middle: str | None = None
    email: str | None = None
    student: Student | None = None
    teacher: Teacher | None = None
    staff: Staff | None = None
    administrator: Administrator | None = None
    contact: Contact | None = None

    @property
    def as_student(self) -> Student:
        """The student's part of somebody who is one; TypeError for anybody else."""
        if self.student is None:
            raise TypeError(f"{self.id} is no student")
        return self.student

    @property
    def as_teacher(self) -> Teacher:
        """The teacher's part of somebody who is one; TypeError for anybody else."""
        if self.teacher is None:
            raise TypeError(f"{self.id} is no teacher")
        return self.teacher

    @property
    def works(self) -> bool:
        """Whether they are employed: an e-mail address belongs to one employee only."""
        return self.student is None and self.contact is None


class School(msgspec.Struct):
    """A school of the district."""

    id: str
    created: Milliseconds
    modified: Milliseconds
    name: str
    sis_id: str
    number: str
    low_grade: str
    high_grade: str
    address: str
    city: str
    state: str
    zip: str
    phone: str | None = None
    state_id: str | None = None
    principal: tuple[str, str] | None = None
    """Name and e-mail address."""
    extra: dict[str, str] = msgspec.field(default_factory=dict)


class Term(msgspec.Struct):
    """A term; it has at least one of name, start and finish."""

    id: str
    name: str | None = None
    start: str | None = None
    finish: str | None = None


class Course(msgspec.Struct):
    """A course of the district."""

    id: str
    name: str | None = None
    number: str | None = None


class Section(msgspec.Struct):
    """A class in the SIS: its first teacher is the primary one, its students are kept in ascending order."""

    id: str
    created: Milliseconds
    modified: Milliseconds
    name: str
    school: str
    sis_id: str
    course: str | None = None
    term: str | None = None
    number: str | None = ""
    period: str | None = ""
    grade: str | None = ""
    subject: str | None = ""
    teachers: list[str] = msgspec.field(default_factory=list)
    students: list[str] = msgspec.field(default_factory=list)
    extra: dict[str, str] = msgspec.field(default_factory=dict)


Record = Person | School | Term | Course | Section
R = TypeVar("R", Person, School, Term, Course, Section)


class Shelf(Generic[R]):
    """The records of one kind by id, walked in ascending order of id."""

    def __init__(self) -> None:
        self._records: dict[str, R] = {}
        self._ids: list[str] | None = None

    def __len__(self) -> int:
        return len(self._records)

    def __contains__(self, id_: object) -> bool:
        return id_ in self._records

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Shelf) and self._records == other._records

    __hash__ = None  # type: ignore[assignment]  # it changes

    def __getitem__(self, id_: str) -> R:
        return self._records[id_]

    def __iter__(self) -> Iterator[R]:
        return map(self._records.__getitem__, self.ids)

    def get(self, id_: str) -> R | None:
        """The record, or None."""
        return self._records.get(id_)

    @property
    def ids(self) -> list[str]:
        """Every id, ascending. Not to be changed by the caller."""
        if self._ids is None:
            self._ids = sorted(self._records)
        return self._ids

    def put(self, record: R) -> None:
        """Add the record or replace the one with its id."""
        if record.id not in self._records and self._ids is not None:
            insort(self._ids, record.id)
        self._records[record.id] = record

    def drop(self, id_: str) -> None:
        """Remove the record; KeyError if there is none."""
        del self._records[id_]
        if self._ids is not None:
            del self._ids[bisect_left(self._ids, id_)]


KINDS: dict[type, str] = {
    School: "schools",
    Term: "terms",
    Course: "courses",
    Person: "people",
    Section: "sections",
}


def is_student_of(section: Section, person: str) -> bool:
    """Whether the person attends the section; its students are in ascending order."""
    place = bisect_right(section.students, person)
    return place > 0 and section.students[place - 1] == person


def at(day: date, hour: int = 0, minute: int = 0, second: int = 0) -> Milliseconds:
    """A moment of a day (UTC)."""
    return int(datetime.combine(day, time(hour, minute, second), UTC).timestamp()) * 1000


def schools_of(person: Person) -> list[str]:
    """The schools of a person over all their roles, ascending, each once."""
    roles = (person.student, person.teacher, person.staff)
    return sorted({school for role in roles if role is not None for school in role.schools})
