"""What a district comes to in OneRoster's terms: its records as organizations, sessions, classes, users and enrollments."""

from collections.abc import Iterator
from typing import NamedTuple

from sisportal.sandbox.district import District
from sisportal.sandbox.entities import Milliseconds, Person, Section, Staff, Student, Teacher, Term, at
from sisportal.sandbox.oneroster_objects import (
    CLASSES,
    COURSES,
    DEMOGRAPHICS,
    ORGS,
    SESSIONS,
    USERS,
    Class,
    Course,
    Demographics,
    Item,
    Office,
    Org,
    Session,
    User,
)

Dated = tuple[Item, Milliseconds]
"""An object, and when the record behind it last changed as far as the district knows."""
GRADES = {
    "Kindergarten": "KG", "TransitionalKindergarten": "TK", "PreKindergarten": "PK", "PostGraduate": "PS",
    "Ungraded": "UG", "Other": "Other",
} | {str(grade): f"{grade:02d}" for grade in range(1, 14)}  # fmt: skip
"""CEDS codes of the grades."""
SEXES = {"F": "female", "M": "male", "X": "other"}
RACES = {
    "Caucasian": "white", "Asian": "asian", "Black or African American": "blackOrAfricanAmerican",
    "American Indian": "americanIndianOrAlaskaNative",
    "Hawaiian or Other Pacific Islander": "nativeHawaiianOrOtherPacificIslander",
    "Two or More Races": "demographicRaceTwoOrMoreRaces",
}  # fmt: skip
TITLES = {"Principal": "principal", "Counselor": "counselor"}
"""Roles of staff by their titles; all others are site administrators."""
RELATIONS = {"Parent": "parent", "Grandparent": "relative"}
SESSION_TYPES = {"Y": "schoolYear", "S": "semester", "Q": "gradingPeriod"}
"""By the first letter of their names; all others are terms."""


class Names:
    """What the SIS calls people: a user whom Clever splits, and a teacher who stops teaching, keep their id in the SIS."""

    def __init__(self) -> None:
        self._names: dict[str, str] = {}

    def of(self, person: Person) -> str:
        """The person's ``sourcedId``."""
        known = self._names.get(person.id)
        return known if known is not None else self._learn(person)

    def get(self, person_id: str) -> str:
        """The same by the person's id, once the person was seen; blank for somebody never seen."""
        return self._names.get(person_id, "")

    def _learn(self, person: Person) -> str:
        parts = (person.student, person.teacher, person.staff, person.administrator, person.contact)
        ids = [part.legacy_id for part in parts if part is not None]
        known = next((self._names[id_] for id_ in ids if id_ in self._names), None)
        name = known or _own_name(person)
        self._names |= dict.fromkeys((person.id, *ids), name)
        return name


def _own_name(person: Person) -> str:
    if person.student is not None:
        return person.student.sis_id
    if person.teacher is not None:
        return person.teacher.sis_id
    return person.staff.staff_id if person.staff is not None else person.id


class Roster(NamedTuple):
    """Who is in a class, by ``sourcedId``; the first teacher is the primary one."""

    class_id: str
    school: str
    teachers: tuple[str, ...]
    students: tuple[str, ...]
    modified: Milliseconds


class Draft:
    """The district as it is at this moment."""

    def __init__(self, district: District, names: Names) -> None:
        self._district = district
        self._names = names
        self._schools = {school.id: school.sis_id for school in district.schools}
        for person in district.people:
            names.of(person)
        self._year = next((t.id for t in district.terms if _type(t) == "schoolYear"), "")
        self._contacts: dict[str, list[str]] = {}
        for person in district.people:
            if person.contact is not None:
                for relationship in person.contact.relationships:
                    self._contacts.setdefault(relationship.student, []).append(names.of(person))

    def collections(self) -> Iterator[tuple[str, Iterator[Dated]]]:
        """Every collection but the enrollments."""
        yield ORGS, self._orgs()
        yield SESSIONS, self._sessions()
        yield COURSES, self._courses()
        yield CLASSES, self._classes()
        yield USERS, self._users()
        yield DEMOGRAPHICS, self._demographics()

    def rosters(self) -> Iterator[Roster]:
        """Who is in which class."""
        people, name = self._district.people, self._names.get
        for section in self._district.sections:
            teachers = tuple(name(id_) for id_ in section.teachers if id_ in people)
            students = tuple(name(id_) for id_ in section.students if id_ in people)
            yield Roster(section.sis_id, self._schools.get(section.school, ""), teachers, students, section.modified)

    def _orgs(self) -> Iterator[Dated]:
        district = self._district
        schools = [(school.sis_id, school) for school in district.schools]
        below = tuple(sorted(id_ for id_, _ in schools))
        yield Org(district.id, district.name, "district", district.id[-6:], "", below), _minted(district.id)
        for id_, school in schools:
            yield Org(id_, school.name, "school", school.number, district.id), school.modified

    def _sessions(self) -> Iterator[Dated]:
        terms = list(self._district.terms)
        above = {term.id: _above(term, terms) for term in terms}
        for term in terms:
            children = tuple(id_ for id_, parent in above.items() if parent == term.id)
            made = Session(
                term.id, term.name or "", _type(term), term.start or "", term.finish or "", above[term.id], children,
                _school_year(term) or str(self._district.school_year + 1),
            )  # fmt: skip
            yield made, _minted(term.id)

    def _courses(self) -> Iterator[Dated]:
        district = self._district
        for course in district.courses:
            made = Course(course.id, course.name or "", course.number or "", self._year, district.id)
            yield made, _minted(course.id)
        yield Course(self._no_course, "Without a course", "", self._year, district.id), _minted(district.id)

    @property
    def _no_course(self) -> str:
        """Every class must have a course: this is the one of sections without any."""
        return f"{self._district.id}-none"

    def _classes(self) -> Iterator[Dated]:
        for section in self._district.sections:
            yield self._class(section), section.modified

    def _class(self, section: Section) -> Class:
        """A class must have a course and a term: where the section has none, the district's own stand in."""
        grade, subject = section.grade or "", section.subject or ""
        course = section.course if section.course in self._district.courses else None
        term = section.term if section.term in self._district.terms else self._year
        return Class(
            section.sis_id, section.name, section.number or "",
            "homeroom" if subject == "homeroom/advisory" else "scheduled", section.extra.get("classroom", ""),
            (GRADES.get(grade, grade),) if grade else (), (subject,) if subject else (), course or self._no_course,
            self._schools.get(section.school, ""), (term,) if term else (), (section.period,) if section.period else (),
        )  # fmt: skip

    def _users(self) -> Iterator[Dated]:
        for person in self._district.people:
            yield self._user(person), person.modified

    def _user(self, person: Person) -> User:
        id_ = self._names.of(person)
        given, family = person.first or "", person.last
        if person.contact is not None and not given:
            given, _, family = family.partition(" ")
        role = person.teacher or person.student
        grade = (person.student.grade or "") if person.student is not None else ""
        return User(
            id_, (role.username or id_) if role is not None else id_, given, family or given, person.middle or "",
            (person.student.preferred_first or "") if person.student is not None else "",
            (role.number or "") if role is not None else person.staff.staff_id if person.staff is not None else "",
            person.email or "", (person.contact.phone or "") if person.contact is not None else "",
            role.sis_id if role is not None else "", (role.state_id or "") if role is not None else "",
            (GRADES.get(grade, grade),) if grade else (), tuple(self._offices(person)), self._agents(person),
        )  # fmt: skip

    def _offices(self, person: Person) -> list[Office]:
        offices: list[Office] = []
        if person.teacher is not None:
            offices += [Office("teacher", org) for org in self._orgs_of(person.teacher)]
        if person.student is not None:
            offices += [Office("student", org) for org in self._orgs_of(person.student)]
        if person.staff is not None:
            role = TITLES.get(person.staff.title or "", "siteAdministrator")
            offices += [Office(role, org) for org in self._orgs_of(person.staff)]
        if person.administrator is not None:
            offices.append(Office("districtAdministrator", self._district.id))
        if person.contact is not None:
            first = next(iter(person.contact.relationships), None)
            role = RELATIONS.get(first.relationship, "guardian") if first is not None else "guardian"
            offices += [Office(role, org) for org in self._orgs_of_family(person)]
        return offices

    def _orgs_of(self, role: Student | Teacher | Staff) -> list[str]:
        """The schools of a role that are shared, its home first; the district where none is."""
        home = role.schools[0] if isinstance(role, Staff) and role.schools else getattr(role, "school", "")
        ids = dict.fromkeys((home, *role.schools))
        return [self._schools[id_] for id_ in ids if id_ in self._schools] or [self._district.id]

    def _orgs_of_family(self, person: Person) -> list[str]:
        relationships = person.contact.relationships if person.contact is not None else []
        students = [self._district.people.get(one.student) for one in relationships]
        homes = [one.student.school for one in students if one is not None and one.student is not None]
        found = dict.fromkeys(self._schools[home] for home in homes if home in self._schools)
        return list(found) or [self._district.id]

    def _agents(self, person: Person) -> tuple[str, ...]:
        """A student's contacts, and the students of a contact."""
        agents = list(self._contacts.get(person.id, ()))
        if person.contact is not None:
            students = (one.student for one in person.contact.relationships)
            agents += [self._names.get(student) for student in students if student in self._district.people]
        return tuple(agents)

    def _demographics(self) -> Iterator[Dated]:
        for person in self._district.people:
            student = person.student
            if student is not None:
                made = Demographics(
                    self._names.of(person), student.birth_date or "", SEXES.get(student.gender or "", ""),
                    RACES.get(student.race or "", ""), {"Y": "true", "N": "false"}.get(student.hispanic or "", ""),
                )  # fmt: skip
                yield made, person.modified


def _type(term: Term) -> str:
    return SESSION_TYPES.get((term.name or "")[:1], "term")


def _above(term: Term, terms: list[Term]) -> str:
    """The shortest session that this one lies within; blank at the top."""
    around = [
        (other.finish, other.id)
        for other in terms
        if other is not term and other.start and other.finish and term.start and term.finish
        and other.start <= term.start and other.finish >= term.finish
        and (other.start, other.finish) != (term.start, term.finish)
    ]  # fmt: skip
    return min(around)[1] if around else ""


def _school_year(term: Term) -> str:
    """The year in which the session's school year ends; it turns in July."""
    if not term.start:
        return ""
    year, month = int(term.start[:4]), int(term.start[5:7])
    return str(year + 1 if month >= 7 else year)


def _minted(id_: str) -> Milliseconds:
    """When the id was made, which its first digits tell."""
    return int(id_[:8], 16) * 1000


def oldest_told(district: District, days: int) -> Milliseconds:
    """How long ago something may have been deleted and still be listed as such."""
    return at(district.today) - days * 86_400_000
