"""The sandbox's district as one neutral, mutable model that every provider and version renders its own way.

``None`` is a field that the provider leaves out of its JSON, ``""`` one that it sends blank: real providers do both.
"""

import copy
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field
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
        if record.id not in self._records:
            self._ids = None
        self._records[record.id] = record

    def drop(self, id_: str) -> None:
        """Remove the record; KeyError if there is none."""
        del self._records[id_]
        self._ids = None


class Departure(msgspec.Struct):
    """Somebody who left, kept so that they can come back as they were."""

    person: Person
    sections: dict[str, int]
    """Sections they were in: the place among the teachers, or -1 for a student."""


class Unshared(msgspec.Struct):
    """A school that the district no longer shares, with the people and sections that went with it."""

    school: School
    people: list[Person]
    sections: list[Section]


class Difference(msgspec.Struct, frozen=True):
    """The net change of one record since the last settling: ``before`` is None for a new one, ``after`` for one gone."""

    kind: str
    """``schools``, ``terms``, ``courses``, ``people`` or ``sections``."""
    id: str
    before: Record | None
    after: Record | None

    @property
    def what(self) -> str:
        """``created``, ``updated`` or ``deleted``."""
        return "created" if self.before is None else "deleted" if self.after is None else "updated"

    @property
    def fields(self) -> list[str]:
        """Names of the fields that differ, those of a role as ``student.grade``; none unless updated."""
        if self.before is None or self.after is None:
            return []
        return list(_differing(self.before, self.after))


def _differing(before: msgspec.Struct, after: msgspec.Struct, prefix: str = "") -> Iterator[str]:
    for name in before.__struct_fields__:
        old, new = getattr(before, name), getattr(after, name)
        if old == new or name in ("modified", "created"):
            continue
        if isinstance(old, msgspec.Struct) and isinstance(new, msgspec.Struct):
            yield from _differing(old, new, f"{prefix}{name}.")
        else:
            yield prefix + name


@dataclass
class District:
    """A district: its records, what it says about itself, and what is needed to change it day by day."""

    id: str
    name: str
    seed: int
    today: date
    day: int = 0
    """How many days have passed since it was made."""
    state: str = "running"
    error: str = ""
    domain: str = "district.example.org"
    launched: str = "2021-08-01"
    contact: Person | None = None
    schools: Shelf[School] = field(default_factory=Shelf)
    terms: Shelf[Term] = field(default_factory=Shelf)
    courses: Shelf[Course] = field(default_factory=Shelf)
    people: Shelf[Person] = field(default_factory=Shelf)
    sections: Shelf[Section] = field(default_factory=Shelf)
    departed: dict[str, Departure] = field(default_factory=dict)
    unshared: dict[str, Unshared] = field(default_factory=dict)
    _pending: dict[tuple[str, str], Record | None] = field(default_factory=dict)
    _minted: int = 0
    _numbers: int = 0

    def mint(self, moment: Milliseconds) -> str:
        """A new identifier as Clever's: 24 hexadecimal digits of which the first 8 are the moment in seconds."""
        self._minted += 1
        return f"{moment // 1000:08x}{(self.seed * 0x9E3779B1) & 0xFFFFFFFFFF:010x}{self._minted & 0xFFFFFF:06x}"

    def number(self) -> int:
        """The next number that nobody has: for student numbers, SIS ids and user names."""
        self._numbers += 1
        return 100_000 + self._numbers

    @property
    def last_sync(self) -> Milliseconds:
        """When the district's SIS was last read: every morning a few minutes past nine (UTC)."""
        return at(self.today, 9, 6, 5) + 652

    def shelf(self, kind: str) -> Shelf[Person] | Shelf[School] | Shelf[Term] | Shelf[Course] | Shelf[Section]:
        """The records of one kind: ``schools``, ``terms``, ``courses``, ``people`` or ``sections``."""
        shelves = {
            "schools": self.schools, "terms": self.terms, "courses": self.courses,
            "people": self.people, "sections": self.sections,
        }  # fmt: skip
        return shelves[kind]

    def note(self, record: Record) -> None:
        """Remember the record as it is now: to be called before the first change of it, so that `settle` can compare."""
        key = (KINDS[type(record)], record.id)
        if key not in self._pending:
            held = self.shelf(key[0]).get(record.id)
            self._pending[key] = copy.deepcopy(held)

    def put(self, record: Record) -> None:
        """Add a record that is new or comes back."""
        self.note(record)
        self.shelf(KINDS[type(record)]).put(record)  # type: ignore[arg-type]  # the kind picks the shelf of its type

    def drop(self, record: Record) -> None:
        """Remove a record from what the district shows."""
        self.note(record)
        self.shelf(KINDS[type(record)]).drop(record.id)

    def settle(self) -> list[Difference]:
        """Close the changes made since the last call: stamps what changed as modified and returns the net differences."""
        differences = []
        for (kind, id_), before in self._pending.items():
            after = self.shelf(kind).get(id_)
            if before == after:
                continue
            if isinstance(after, Person | School | Section):
                after.modified = self.last_sync - 37_000 + len(differences) % 5_000
            differences.append(Difference(kind, id_, before, copy.deepcopy(after)))
        self._pending.clear()
        return differences

    def forget_changes(self) -> None:
        """Take the district as it is for the start from which changes are told."""
        self._pending.clear()

    def taught_or_attended(self, person: str) -> list[Section]:
        """The sections that the person teaches or attends, ascending."""
        return [s for s in self.sections if person in s.teachers or is_student_of(s, person)]


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
