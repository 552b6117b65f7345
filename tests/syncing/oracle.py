"""What a portal must hold after its syncs, worked out from the district itself and not from what the portal does."""

from collections.abc import Iterable
from typing import Any

import msgspec

from sisportal.sandbox.district import District
from sisportal.sandbox.entities import Person, Section

Values = dict[str, Any]
BLANK_PERSON: Values = dict.fromkeys(
    (
        "first_name", "middle_name", "last_name", "preferred_name", "email", "student_id", "teacher_id", "sis_id",
        "state_id", "grade", "graduation_year", "gender", "birth_date",
    ),
    "",
)  # fmt: skip


class Change(msgspec.Struct):
    """What one action must say."""

    after: Values
    join: set[str] = set()
    leave: set[str] = set()


Changes = dict[tuple[str, str, str], Change]
"""(type, verb, source_id) -> what it must say."""


class Expected:
    """The accounts and classes that follow from everything that was committed so far."""

    def __init__(self, *schools: str, organizations: dict[str, int] | None = None) -> None:
        self._schools, self._organizations = set(schools), organizations or {}
        self.accounts: dict[str, Values] = {}
        self.classes: dict[str, Values] = {}
        self._rosters: dict[str, tuple[list[str], set[str]]] = {}

    def commit(self, district: District) -> Changes:
        """Everything that the district shows now is synced; the changes that this makes."""
        changes = self._commit_people(district)
        changes |= self._commit_sections(district)
        return changes

    def active_classes(self) -> dict[str, Values]:
        return {source_id: values for source_id, values in self.classes.items() if not values["archived"]}

    def _commit_people(self, district: District) -> Changes:
        changes: Changes = {}
        listed: set[str] = set()
        for person in district.people:
            schools = [school for school in _schools(person) if self._counts(school)]
            if not schools:
                continue
            listed.add(person.id)
            incoming = self._person(person, schools)
            _note(changes, incoming["role"], person.id, self.accounts, incoming, BLANK_PERSON | {"organization": None})
        for source_id in self.accounts.keys() - listed:
            _gone(changes, self.accounts[source_id]["role"], source_id, self.accounts)
        return changes

    def _commit_sections(self, district: District) -> Changes:
        changes: Changes = {}
        members = {source_id for source_id, values in self.accounts.items() if not values["archived"]}
        listed: set[str] = set()
        for section in district.sections:
            if not self._counts(section.school):
                continue
            listed.add(section.id)
            self._commit_section(changes, district, section, members)
        for source_id in self.classes.keys() - listed:
            _gone(changes, "section", source_id, self.classes)
        for source_id, values in self.classes.items():
            teachers, students = self._rosters[source_id]
            values.pop("teachers", None), values.pop("students", None)
            if not values["archived"]:
                values["teachers"] = [teacher for teacher in teachers if teacher in members]
                values["students"] = sorted(students & members)
        return changes

    def _commit_section(self, changes: Changes, district: District, section: Section, members: set[str]) -> None:
        style = {} if section.id in self.classes else {"style": _style(district, section)}
        incoming = self._section(district, section)
        for part in ("teachers", "students"):
            self.classes.get(section.id, {}).pop(part, None)
        _note(changes, "section", section.id, self.classes, incoming | style, dict.fromkeys(incoming, ""))
        teachers, students = self._rosters.get(section.id, ([], set()))
        everybody = set(section.teachers) | set(section.students)
        before = set(teachers) | students
        join, leave = (everybody & members) - before, before - everybody
        now = [teacher for teacher in section.teachers if teacher in members | set(teachers)]
        if join or leave or now != teachers:
            key = next((key for key in changes if key[2] == section.id), ("section", "edit", section.id))
            change = changes.setdefault(key, Change({}))
            change.join, change.leave = join, leave
            if now != teachers:
                change.after |= {"teachers": now}
        for key, change in changes.items():
            if key[1:] == ("add", section.id):
                change.after.setdefault("teachers", now)
        self._rosters[section.id] = (now, ((students - leave) | join) - set(now))

    def _counts(self, school: str) -> bool:
        return not self._schools or school in self._schools

    def _person(self, person: Person, schools: list[str]) -> Values:
        part = person.teacher or person.as_student
        primary = part.school if part.school in schools else schools[0]
        roles: dict[str, object] = {"teacher": person.teacher, "student": person.student, "staff": person.staff}
        roles |= {"district-admin": person.administrator, "contact": person.contact}
        values: Values = {
            "role": "teacher" if person.teacher else "student",
            "roles": [role for role, held in roles.items() if held],
            "first_name": _text(person.first), "middle_name": _text(person.middle), "last_name": _text(person.last),
            "email": _text(person.email), "state_id": _text(part.state_id), "sis_id": _text(part.sis_id),
            "teacher_id" if person.teacher else "student_id": _text(part.number),
            "organization": self._organizations.get(primary),
            "organizations": sorted({self._organizations[s] for s in schools if s in self._organizations}),
        }  # fmt: skip
        if not person.teacher:
            pupil = person.as_student
            values |= {
                "preferred_name": _text(pupil.preferred_first), "grade": _text(pupil.grade),
                "graduation_year": _text(pupil.graduation_year), "gender": _text(pupil.gender),
                "birth_date": _text(pupil.birth_date),
            }  # fmt: skip
        return values

    def _section(self, district: District, section: Section) -> Values:
        course = district.courses.get(section.course or "")
        term = district.terms.get(section.term or "")
        return {
            "name": _text(section.name), "code": _text(course.number if course else "") or _text(section.number),
            "subject": _text(section.subject), "grade": _text(section.grade), "period": _text(section.period),
            "term": _text(term.name if term else ""), "start": _text(term.start if term else ""),
            "finish": _text(term.finish if term else ""), "sis_id": _text(section.sis_id),
            "organization": self._organizations.get(section.school),
        }  # fmt: skip


def seen(actions: Iterable[Any]) -> Changes:
    """Planned actions as changes. Of an add only what says something is there; ``archived`` says what the verb says."""
    return {
        (row.type, row.verb, row.source_id): Change(
            {name: value for name, value in row.after.items() if name not in {"archived", "username"}},
            set(row.roster.get("join", ())),
            set(row.roster.get("leave", ())),
        )
        for row in actions
    }


def _schools(person: Person) -> list[str]:
    """Of a teacher the schools where they teach, of a student those they attend; nobody else is synced."""
    part = person.teacher or person.student
    return [part.school, *part.schools] if part else []


def _note(
    changes: Changes, type_: str, source_id: str, held: dict[str, Values], incoming: Values, blank: Values
) -> None:
    was = held.get(source_id)
    told = {name: value for name, value in incoming.items() if value not in ("", None, [])}
    if was is None:
        held[source_id] = blank | incoming | {"archived": False}
        changes[type_, "add", source_id] = Change(told)
        return
    after = {name: value for name, value in told.items() if value != was[name]}
    if was["archived"] or after:
        changes[type_, "reactivate" if was["archived"] else "edit", source_id] = Change(after)
    was |= after | {"archived": False}


def _gone(changes: Changes, type_: str, source_id: str, held: dict[str, Values]) -> None:
    if not held[source_id]["archived"]:
        held[source_id]["archived"] = True
        changes[type_, "delete", source_id] = Change({})


def _style(district: District, section: Section) -> str:
    term = district.terms.get(section.term or "")
    return "instructor" if term and (term.start or term.finish) else "self-paced"


def _text(value: str | None) -> str:
    return (value or "").strip()
