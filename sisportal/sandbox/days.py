"""A day passes in the district: people come, go, move and change their names; sections and terms change."""

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta

import msgspec

from sisportal.sandbox import edits, names
from sisportal.sandbox.district import Difference, District
from sisportal.sandbox.entities import Person, Section, is_student_of
from sisportal.sandbox.generator import grades_of
from sisportal.sandbox.people import People, plain


class Happening(msgspec.Struct, frozen=True):
    """One thing that happened: what, to which record, and a few words more."""

    what: str
    """``joined``, ``left``, ``returned``, ``moved``, ``renamed``, ``new-email``, ``roster``, ``section-renamed``,
    ``section-added``, ``section-gone``, ``teacher-joined``, ``teacher-left``, ``term-recreated``, ``course-recreated`` or
    ``user-split``."""
    id: str
    detail: str = ""


@dataclass(frozen=True)
class Day:
    """What a day brought: the things that happened in turn, and what they come to per record."""

    number: int
    date: str
    happenings: list[Happening]
    differences: list[Difference]

    def ids(self, kind: str, what: str) -> list[str]:
        """Ids of the ``people``, ``sections``, ``terms``, ... that were ``created``, ``updated`` or ``deleted``, ascending."""
        return sorted(d.id for d in self.differences if d.kind == kind and d.what == what)

    def summary(self) -> dict[str, object]:
        """The day as it goes over the control API."""
        return {
            "day": self.number, "date": self.date, "happenings": self.happenings, "differences": told(self.differences),
        }  # fmt: skip


def told(differences: list[Difference]) -> dict[str, dict[str, object]]:
    """Differences by kind: ids ``created`` and ``deleted``, and for the ``updated`` ones the fields that differ."""
    summary: dict[str, dict[str, object]] = {}
    for kind in ("schools", "terms", "courses", "people", "sections"):
        of_kind = [d for d in differences if d.kind == kind]
        summary[kind] = {
            "created": sorted(d.id for d in of_kind if d.what == "created"),
            "updated": {d.id: d.fields for d in sorted(of_kind, key=lambda d: d.id) if d.what == "updated"},
            "deleted": sorted(d.id for d in of_kind if d.what == "deleted"),
        }
    return summary


def pass_day(district: District, *, seed: int | None = None, pace: float = 1.0) -> Day:
    """Let a day pass and say what it changed; without a seed it is the one that the district's own seed makes.

    At ``pace`` 1 about one student in 300 comes, another goes, and one section in 100 changes; 0 changes nothing but the date.
    """
    district.settle()
    district.day += 1
    district.today += timedelta(days=1)
    rng = random.Random(f"{district.seed if seed is None else seed}/{district.day}")
    passing = _Passing(district, rng, pace)
    passing.run()
    return Day(district.day, district.today.isoformat(), passing.happenings, district.settle())


@dataclass
class _Passing:
    """One day as it passes."""

    district: District
    rng: random.Random
    pace: float
    happenings: list[Happening] = field(default_factory=list)
    _attended: dict[str, list[Section]] = field(default_factory=dict)
    """Sections of each student as the day began."""

    def run(self) -> None:
        """Everything that happens, in an order that never depends on what happened before."""
        self.people = People(self.district, self.rng)
        self.students = [p for p in self.district.people if p.student is not None]
        self.teachers = [p for p in self.district.people if p.teacher is not None]
        for section in self.district.sections:
            for student in section.students:
                self._attended.setdefault(student, []).append(section)
        size, sections = len(self.students), len(self.district.sections)
        self._some(size / 300, self._return)
        self._leave(size / 300)
        self._some(size / 300, self._join)
        self._some(size / 1000, self._move)
        self._some(size / 1500, self._rename)
        self._some(size / 1500, self._new_email)
        self._some(sections / 100, self._roster)
        self._some(sections / 400, self._rename_section)
        self._some(sections / 800, self._add_section)
        self._some(sections / 1200, self._drop_section)
        for odds, rare in (
            (0.3, self._teacher_joins), (0.15, self._teacher_leaves), (0.12, self._recreate_term),
            (0.12, self._recreate_course), (0.08, self._split_user),
        ):  # fmt: skip
            if self.pace and self.rng.random() < odds:
                rare()

    def _some(self, expected: float, happen: Callable[[], None]) -> None:
        """Let it happen about as often as expected, and at least every other day."""
        if self.pace:
            times = round(expected * self.pace * self.rng.uniform(0.5, 1.5)) or self.rng.randrange(2)
            for _ in range(times):
                happen()

    def _tell(self, what: str, id_: str, detail: str = "") -> None:
        self.happenings.append(Happening(what, id_, detail))

    def _student(self) -> Person:
        return self.rng.choice([p for p in self._drawn(self.students) if p.id in self.district.people])

    def _drawn(self, people: list[Person]) -> list[Person]:
        """A few to choose from, so that one who left today is not chosen."""
        return self.rng.sample(people, k=min(len(people), 40))

    def _section(self) -> Section:
        ids = self.district.sections.ids
        return self.district.sections[self.rng.choice(ids)]

    def _return(self) -> None:
        away = sorted(id_ for id_, d in self.district.departed.items() if d.person.student is not None)
        if away and self.rng.random() < 0.6:
            back = self.rng.choice(away)
            edits.come_back(self.district, back)
            self._tell("returned", back)

    def _leave(self, expected: float) -> None:
        count = min(len(self.students) // 4, max(1, round(expected * self.pace * self.rng.uniform(0.5, 1.5))))
        if self.pace:
            leaving = sorted(p.id for p in self.rng.sample(self.students, k=count))
            edits.leave(self.district, *leaving)
            for id_ in leaving:
                self._tell("left", id_)

    def _join(self) -> None:
        like = self._student()
        role = like.as_student
        new = self.people.student(role.school, role.grade or "", edits.this_morning(self.district))
        self.district.put(new)
        for section in self._attended.get(like.id, []):
            if section.id in self.district.sections:
                edits.enrol(self.district, section.id, new.id)
        self._tell("joined", new.id, role.school)

    def _move(self) -> None:
        person = self._student()
        grade = person.as_student.grade
        others = [s.id for s in self.district.schools if grade in grades_of(s) and s.id != person.as_student.school]
        if others:
            school = self.rng.choice(others)
            edits.move_student(self.district, person.id, school)
            self._tell("moved", person.id, school)

    def _rename(self) -> None:
        person = self._student()
        last = (
            f"{person.last}-{self.rng.choice(names.LAST)}" if self.rng.random() < 0.3 else self.rng.choice(names.LAST)
        )
        edits.rename_person(self.district, person.id, last=last)
        self._tell("renamed", person.id, last)

    def _new_email(self) -> None:
        person = self._student()
        email = f"{plain(person.first or '')}.{self.district.number()}@students.{self.district.domain}"
        edits.change_email(self.district, person.id, self.rng.choice((email, email, email, "")))
        self._tell("new-email", person.id, person.email or "")

    def _roster(self) -> None:
        section = self._section()
        classmates = [p for p in self._drawn(self.students) if p.id in self.district.people]
        joining = next((p.id for p in classmates if not is_student_of(section, p.id)), None)
        if joining and self.rng.random() < 0.7:
            edits.enrol(self.district, section.id, joining)
        if len(section.students) > 2:
            edits.withdraw(self.district, section.id, self.rng.choice([s for s in section.students if s != joining]))
        self._tell("roster", section.id)

    def _rename_section(self) -> None:
        section = self._section()
        name = f"{section.name} {self.rng.choice(('A', 'B', '(Honors)', 'Raum 7', 'v2'))}"
        edits.rename_section(self.district, section.id, name)
        self._tell("section-renamed", section.id, name)

    def _add_section(self) -> None:
        like = self._section()
        new = edits.add_section(self.district, like, like.students[::2])
        self._tell("section-added", new.id, new.name)

    def _drop_section(self) -> None:
        section = self._section()
        edits.drop_section(self.district, section.id)
        self._tell("section-gone", section.id, section.name)

    def _teacher_joins(self) -> None:
        school = self.rng.choice(self.district.schools.ids)
        teacher = self.people.teacher(school, "New Teacher", edits.this_morning(self.district))
        self.district.put(teacher)
        here = [s for s in self.district.sections if s.school == school]
        if here:
            section = self.rng.choice(here)
            edits.set_teachers(self.district, section.id, [*section.teachers, teacher.id])
        self._tell("teacher-joined", teacher.id, school)

    def _teacher_leaves(self) -> None:
        leaving = self.rng.choice(self.teachers)
        edits.leave(self.district, leaving.id)
        self._tell("teacher-left", leaving.id)

    def _recreate_term(self) -> None:
        old = self.rng.choice(self.district.terms.ids)
        self._tell("term-recreated", old, edits.recreate_term(self.district, old).id)

    def _recreate_course(self) -> None:
        old = self.rng.choice(self.district.courses.ids)
        self._tell("course-recreated", old, edits.recreate_course(self.district, old).id)

    def _split_user(self) -> None:
        here = [p for p in self.teachers if p.id in self.district.people]
        old = self.rng.choice(here)
        email = f"{plain(old.first or '')}.{plain(old.last)}{self.district.number()}@{self.district.domain}"
        self._tell("user-split", old.id, edits.split_user(self.district, old.id, email).id)
