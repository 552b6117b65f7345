"""The sandbox's district: its records, what it says about itself, and the changes since it was last settled."""

import copy
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date
from typing import Any, TypeVar

import msgspec

from sisportal.sandbox.entities import (
    KINDS,
    Course,
    Milliseconds,
    Person,
    Record,
    School,
    Section,
    Shelf,
    Term,
    at,
    is_student_of,
)
from sisportal.sandbox.feed import Feed

T = TypeVar("T")
AnyShelf = Shelf[Person] | Shelf[School] | Shelf[Term] | Shelf[Course] | Shelf[Section]


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
    feed: Feed = field(default_factory=Feed)
    teacher_ids: dict[str, str] = field(default_factory=dict)
    """What versions before 3.0 call each teacher whom the district ever showed, by their id: see `teacher_id`."""
    watchers: list[Callable[[], None]] = field(default_factory=list, compare=False)
    """Called after every settling."""
    _revision: int = 0
    _indexes: dict[str, tuple[int, Any]] = field(default_factory=dict, compare=False)
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
    def revision(self) -> int:
        """Another number whenever something may have changed."""
        return self._revision

    @property
    def school_year(self) -> int:
        """The calendar year in which the current school year began; it turns in July."""
        return self.today.year if self.today.month >= 7 else self.today.year - 1

    @property
    def last_sync(self) -> Milliseconds:
        """When the district's SIS was last read: every morning a few minutes past nine (UTC)."""
        return at(self.today, 9, 6, 5) + 652

    def shelf(self, kind: str) -> AnyShelf:
        """The records of one kind: ``schools``, ``terms``, ``courses``, ``people`` or ``sections``."""
        shelves: dict[str, AnyShelf] = {
            "schools": self.schools, "terms": self.terms, "courses": self.courses,
            "people": self.people, "sections": self.sections,
        }  # fmt: skip
        return shelves[kind]

    def note(self, record: Record) -> None:
        """Remember the record as it is now: to be called before the first change of it, so that `settle` can compare."""
        self._revision += 1
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
        """Close the changes made since the last call: returns the net differences.

        What changed is stamped as modified, and events are made of it.
        """
        differences: list[Difference] = []
        for (kind, id_), before in self._pending.items():
            after = self.shelf(kind).get(id_)
            if before == after:
                continue
            if isinstance(after, Person | School | Section):
                after.modified = self.last_sync - 37_000 + len(differences) % 5_000
            differences.append(Difference(kind, id_, before, copy.deepcopy(after)))
        self._revision += bool(self._pending)  # notes are taken before the change
        self._pending.clear()
        self.feed.take(self, differences)
        for watcher in self.watchers:
            watcher()
        return differences

    def forget_changes(self) -> None:
        """Take the district as it is for the start from which changes are told."""
        self._pending.clear()
        self._revision += 1
        self.feed.start(self)

    def index(self, name: str, build: Callable[["District"], T]) -> T:
        """What ``build`` makes of the district, kept until a record changes."""
        revision, made = self._indexes.get(name, (-1, None))
        if revision != self._revision:
            made = build(self)
            self._indexes[name] = self._revision, made
        found: T = made
        return found

    def course(self, id_: str | None) -> Course | None:
        """The course, where there is one of that id."""
        return self.courses.get(id_ or "")

    def term(self, id_: str | None) -> Term | None:
        """The term, where there is one of that id."""
        return self.terms.get(id_ or "")

    def teacher_id(self, person: str) -> str:
        """What versions before 3.0 call a teacher: somebody who left is still called the same."""
        self.learn_teacher_ids()
        return self.teacher_ids.get(person, person)

    def learn_teacher_ids(self) -> None:
        """Note what the teachers who are here now are called by the older versions."""
        self.index("teacher ids", _learn_teacher_ids)

    def taught_or_attended(self, person: str) -> list[Section]:
        """The sections that the person teaches or attends, ascending."""
        return [s for s in self.sections if person in s.teachers or is_student_of(s, person)]


def _learn_teacher_ids(district: District) -> bool:
    district.teacher_ids |= {p.id: p.teacher.legacy_id for p in district.people if p.teacher is not None}
    return True
