"""Changes of a district, one at a time: what a day is made of, and what a test asks for."""

import copy
import random
from bisect import insort
from collections.abc import Iterable

from sisportal.sandbox.district import Departure, District, Unshared
from sisportal.sandbox.entities import (
    Course,
    Milliseconds,
    Person,
    Record,
    Section,
    Term,
    at,
    is_student_of,
    schools_of,
)


def this_morning(district: District) -> Milliseconds:
    """The moment at which today's records are made."""
    return at(district.today, 8, 30)


def leave(district: District, *ids: str) -> None:
    """People leave: they and their places in sections are gone from everything that the district shows."""
    gone = {id_: Departure(district.people[id_], {}) for id_ in ids}
    for section in district.sections:
        _leave_section(district, section, gone)
    for id_, departure in gone.items():
        district.drop(departure.person)
        district.departed[id_] = departure


def _leave_section(district: District, section: Section, gone: dict[str, Departure]) -> None:
    leaving = [id_ for id_ in (*section.teachers, *section.students) if id_ in gone]
    if not leaving:
        return
    district.note(section)
    for place, id_ in enumerate(section.teachers):
        if id_ in gone:
            gone[id_].sections[section.id] = place
    for id_ in leaving:
        gone[id_].sections.setdefault(section.id, -1)
    section.teachers = [id_ for id_ in section.teachers if id_ not in gone]
    section.students = [id_ for id_ in section.students if id_ not in gone]


def come_back(district: District, *ids: str) -> None:
    """People who left are there again as they were, with the same ids, in those of their sections that still exist."""
    for id_ in ids:
        departure = district.departed.pop(id_)
        district.put(departure.person)
        for section_id, place in departure.sections.items():
            section = district.sections.get(section_id)
            if section is None:
                continue
            if place < 0:
                enrol(district, section_id, id_)
            else:
                district.note(section)
                section.teachers.insert(place, id_)


def mass_delete(district: District, share: float, seed: int = 0) -> list[str]:
    """That share of the students leaves at once; returns who. Undone by `come_back`."""
    students = [p.id for p in district.people if p.student is not None]
    chosen = random.Random(seed).sample(students, k=int(len(students) * share))
    leave(district, *chosen)
    return chosen


def enrol(district: District, section_id: str, student: str) -> None:
    """The student attends the section from now on."""
    section = district.sections[section_id]
    if not is_student_of(section, student):
        district.note(section)
        insort(section.students, student)


def withdraw(district: District, section_id: str, student: str) -> None:
    """The student no longer attends the section."""
    section = district.sections[section_id]
    district.note(section)
    section.students.remove(student)


def set_teachers(district: District, section_id: str, teachers: list[str]) -> None:
    """Who teaches the section, the primary teacher first."""
    section = district.sections[section_id]
    district.note(section)
    section.teachers = list(teachers)


def rename_section(district: District, section_id: str, name: str) -> None:
    """The section has another name."""
    section = district.sections[section_id]
    district.note(section)
    section.name = name


def rename_person(district: District, person_id: str, *, first: str | None = None, last: str | None = None) -> None:
    """The person has another first name, last name, or both."""
    person = district.people[person_id]
    district.note(person)
    person.first = person.first if first is None else first
    person.last = person.last if last is None else last


def change_email(district: District, person_id: str, email: str | None) -> None:
    """The person has another e-mail address; None leaves it out, blank shows it blank."""
    person = district.people[person_id]
    district.note(person)
    person.email = email


def move_student(district: District, student_id: str, school_id: str) -> None:
    """The student changes school: leaves every section of the old one and joins some of the same grade in the new one."""
    person = district.people[student_id]
    role = person.as_student
    district.note(person)
    old = role.school
    role.school = school_id
    role.schools = sorted({school_id, *role.schools} - {old})
    taken: set[str | None] = set()
    for section in list(district.sections):
        if section.school == old and is_student_of(section, student_id):
            withdraw(district, section.id, student_id)
        elif section.school == school_id and section.period not in taken and _suits(district, section, role.grade):
            enrol(district, section.id, student_id)
            taken.add(section.period)


def _suits(district: District, section: Section, grade: str | None) -> bool:
    """Whether somebody of that grade attends the section."""
    members = filter(None, map(district.people.get, section.students))
    return any(person.student is not None and person.student.grade == grade for person in members)


def add_section(district: District, like: Section, students: Iterable[str]) -> Section:
    """A new section with the course, school, term and teachers of another one, and the given students."""
    moment, number = this_morning(district), district.number()
    section = Section(
        district.mint(moment), moment, moment, f"{like.name} ({number % 1000})", like.school, str(number),
        like.course, like.term, str(number % 1000), like.period, like.grade, like.subject,
        list(like.teachers), sorted(students),
    )  # fmt: skip
    district.put(section)
    return section


def drop_section(district: District, section_id: str) -> None:
    """The section is gone."""
    district.drop(district.sections[section_id])


def recreate_term(district: District, term_id: str) -> Term:
    """The term is deleted and made again with a new id, as SIS synchronizations do: its sections name the new one."""
    old = district.terms[term_id]
    new = Term(district.mint(this_morning(district)), old.name, old.start, old.finish)
    district.drop(old)
    district.put(new)
    for section in district.sections:
        if section.term == term_id:
            district.note(section)
            section.term = new.id
    return new


def recreate_course(district: District, course_id: str) -> Course:
    """The course is deleted and made again with a new id: its sections name the new one."""
    old = district.courses[course_id]
    new = Course(district.mint(this_morning(district)), old.name, old.number)
    district.drop(old)
    district.put(new)
    for section in district.sections:
        if section.course == course_id:
            district.note(section)
            section.course = new.id
    return new


def split_user(district: District, person_id: str, email: str) -> Person:
    """An employee's e-mail changes and Clever makes a new user of them: another id, the same ``legacy_id`` in each role."""
    old = district.people[person_id]
    moment = this_morning(district)
    new = Person(
        district.mint(moment), moment, moment, old.last, old.first, old.middle, email,
        teacher=old.teacher, staff=old.staff, administrator=old.administrator,
    )  # fmt: skip
    district.drop(old)
    district.put(new)
    for section in district.sections:
        if person_id in section.teachers:
            set_teachers(district, section.id, [new.id if id_ == person_id else id_ for id_ in section.teachers])
    return new


def remake_ids(district: District) -> dict[str, str]:
    """The SIS changes its vendor, or the district is shared anew: every student and teacher has another id, and nothing else.

    Returns the ids of now by those of before.
    """
    moment = this_morning(district)
    old = [p for p in district.people if p.student is not None or p.teacher is not None]
    now = {p.id: district.mint(moment) for p in old}
    for person in old:
        new = copy.deepcopy(person)
        new.id, new.created, new.modified = now[person.id], moment, moment
        roles = (new.student, new.teacher, new.staff, new.administrator)
        for role in (each for each in roles if each is not None):
            role.legacy_id = district.mint(moment)
        district.drop(person)
        district.put(new)
    for contact in [p for p in district.people if p.contact is not None]:
        district.note(contact)
        for each in contact.contact.relationships if contact.contact else ():
            each.student = now.get(each.student, each.student)
    for section in district.sections:
        district.note(section)
        section.teachers = [now.get(id_, id_) for id_ in section.teachers]
        section.students = sorted(now.get(id_, id_) for id_ in section.students)
    return now


def stop_teaching(district: District, person_id: str) -> None:
    """A teacher who has another role too keeps that one only: gone from every section, still a user.

    Raises TypeError for somebody who is nothing else.
    """
    person = district.people[person_id]
    if person.staff is None and person.administrator is None:
        raise TypeError(f"{person_id} is a teacher only")
    district.note(person)
    person.teacher = None
    for section in district.sections:
        if person_id in section.teachers:
            set_teachers(district, section.id, [id_ for id_ in section.teachers if id_ != person_id])


def change_course(district: District, course_id: str, *, name: str | None = None, number: str | None = None) -> None:
    """The course has another name, another number, or both: no section changes but what it says of its course."""
    course = district.courses[course_id]
    district.note(course)
    course.name = course.name if name is None else name
    course.number = course.number if number is None else number


def change_term(district: District, term_id: str, *, start: str | None = None, finish: str | None = None) -> None:
    """The term begins or ends on another day (ISO)."""
    term = district.terms[term_id]
    district.note(term)
    term.start = term.start if start is None else start
    term.finish = term.finish if finish is None else finish


def unshare_school(district: District, school_id: str) -> None:
    """The district no longer shares the school, its sections, and the people who have no other school."""
    school = district.schools[school_id]
    sections = [s for s in district.sections if s.school == school_id]
    people = [p for p in district.people if schools_of(p) == [school_id]]
    records: list[Record] = [school, *sections, *people]
    for record in records:
        district.drop(record)
    district.unshared[school_id] = Unshared(school, people, sections)


def share_school(district: District, school_id: str) -> None:
    """The district shares the school again: everything is back as it was."""
    unshared = district.unshared.pop(school_id)
    records: list[Record] = [unshared.school, *unshared.people, *unshared.sections]
    for record in records:
        district.put(record)


def set_state(district: District, state: str, error: str = "") -> None:
    """What the district says of itself: ``running``, ``pending``, ``error``, ``paused``, ``success`` or blank."""
    district.state, district.error = state, error
