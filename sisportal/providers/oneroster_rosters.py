"""Enrollments gathered into rosters, and the sections that they belong to."""

from collections.abc import Iterable, Mapping

import msgspec

from sisportal.providers.oneroster_records import PLANNED, role_named
from sisportal.providers.oneroster_values import is_gone, is_true, plain, ref
from sisportal.providers.oneroster_wire import WireEnrollment
from sisportal.providers.wire_values import day
from sisportal.roster.records import Problem, Role, Section

Seat = tuple[bool, int, str, str]
"""A teacher of a class: not primary, and the enrollment's id by length and letters (``e9`` before ``e10``); then who."""


class Roster(msgspec.Struct):
    """Who is in one class. The ids of people are shared between rosters: a district has far more places than people."""

    students: list[str] = []
    teachers: list[Seat] = []
    gone: list[str] = []
    """People one of whose enrollments is to be deleted; they may have another one."""

    def teachers_in_order(self) -> tuple[str, ...]:
        """The primary one first, then as listed.

        As listed is by the enrollments' ids: that is the order asked for, and a source that keeps none must not look like one
        that changes its mind every day.
        """
        if len(self.teachers) == 1:
            return (self.teachers[0][3],)
        return tuple(dict.fromkeys(seat[3] for seat in sorted(self.teachers)))

    def students_in_order(self) -> tuple[str, ...]:
        """Ascending, each once: an enrollment may be repeated for a further term or after a return."""
        return tuple(sorted(set(self.students)))


class Rosters:
    """The rosters of classes by their ids. Takes enrollments as they come, in any order."""

    def __init__(self, *, today: str, finishes: Mapping[str, str] | None = None, skipped: Iterable[str] = ()) -> None:
        """``finishes`` are the last days of the classes that count, by their ids; None takes every class.

        ``skipped`` are classes that are known and do not count: nothing is said about their enrollments.
        """
        self._today = today
        self._finishes = finishes
        self._skipped = set(skipped)
        self._rosters: dict[str, Roster] = {}
        self._names: dict[str, str] = {}
        self._odd_roles: set[str] = set()
        """Classes of which it was told that an enrollment's role is unknown."""
        self.broken = 0
        """Enrollments that name no class or no user."""

    def __contains__(self, class_id: str) -> bool:
        return class_id in self._rosters

    @property
    def classes(self) -> list[str]:
        """The classes that have enrollments."""
        return list(self._rosters)

    def somebody_left(self, class_id: str) -> bool:
        """Whether one of the class's enrollments is to be deleted."""
        return class_id in self._rosters and bool(self._rosters[class_id].gone)

    def pop(self, class_id: str) -> Roster:
        """The roster of a class, which is then forgotten."""
        return self._rosters.pop(class_id, None) or Roster()

    def take(self, enrollments: Iterable[WireEnrollment], problems: list[Problem]) -> None:
        """Note who is in which class. An unknown class is a problem once, and so is a class with an unknown role."""
        finishes = self._finishes
        for one in enrollments:
            class_id, user = ref(one.class_), ref(one.user)
            if not class_id or not user:
                if not is_gone(one.status):
                    self.broken += 1
                    problems.append(
                        Problem("broken-enrollment", "section", class_id, "class" if user else "user", one.id[:200])
                    )
                continue
            if finishes is not None and class_id not in finishes:
                if class_id not in self._skipped:
                    self._skipped.add(class_id)
                    problems.append(Problem("unknown-section", "section", class_id, "class", one.id[:200]))
                continue
            role = role_named(plain(one.role))
            if role is None and not is_gone(one.status) and class_id not in self._odd_roles:
                self._odd_roles.add(class_id)
                problems.append(Problem("broken-enrollment", "section", class_id, "known role", one.id[:200]))
            if role in PLANNED:
                self._seat(one, class_id, self._names.setdefault(user, user), role)

    def _seat(self, one: WireEnrollment, class_id: str, user: str, role: Role | None) -> None:
        roster = self._rosters.get(class_id)
        if roster is None:
            roster = self._rosters[class_id] = Roster()
        if is_gone(one.status) or self._is_over(one, class_id):
            if self._finishes is None:
                roster.gone.append(user)
        elif role is Role.STUDENT:
            roster.students.append(user)
        else:
            id_ = one.id
            roster.teachers.append((not is_true(one.primary), len(id_), id_, user))

    def _is_over(self, one: WireEnrollment, class_id: str) -> bool:
        """Whether the place has ended while the class goes on. Places that end with their class stay."""
        if not one.end_date:
            return False
        end = day(plain(one.end_date), "section", class_id, "end_date", [])
        finish = (self._finishes or {}).get(class_id, "")
        return bool(end) and end < self._today <= finish


def filled(section: Section, roster: Roster) -> Section:
    """The section with the people of its roster."""
    return msgspec.structs.replace(section, teachers=roster.teachers_in_order(), students=roster.students_in_order())


def merged(section: Section, held: Section | None, changes: Roster) -> Section:
    """The section with the people it had, those who join and without those who leave.

    Whoever has one enrollment that ends and another one that does not, stays.
    """
    primary = [seat[3] for seat in sorted(changes.teachers) if not seat[0]]
    joining = changes.teachers_in_order()
    leaving = set(changes.gone) - set(changes.students) - set(joining)
    before = held or Section(section.source_id)
    teachers = dict.fromkeys((*primary, *before.teachers, *joining))
    students = {*before.students, *changes.students}
    return msgspec.structs.replace(
        section,
        teachers=tuple(one for one in teachers if one not in leaving),
        students=tuple(sorted(students - leaving)),
    )
