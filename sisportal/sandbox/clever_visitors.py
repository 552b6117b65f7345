"""Whom Clever can sign in: the district's people, those it does not share, and a few of elsewhere (Clever: SSO)."""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from msgspec.structs import replace

from sisportal.sandbox.district import District
from sisportal.sandbox.entities import Person, Student, Teacher


class Visitor(NamedTuple):
    """Somebody who can sign in."""

    person: Person
    district: str
    """Their district's id; blank for a teacher who uses the application without any district (Clever Library)."""
    shared: bool = True
    """Whether the district shares them with the application."""


def find(district: District, id_: str) -> Visitor | None:
    """The visitor of this id, today."""
    person = district.people.get(id_)
    if person is not None:
        return Visitor(person, district.id)
    return next((visitor for visitor in others(district) if visitor.person.id == id_), None)


def others(district: District) -> Iterator[Visitor]:
    """People whom the district does not share, and of elsewhere."""
    for unshared in district.unshared.values():
        yield from (Visitor(person, district.id, shared=False) for person in unshared.people)
    yield from elsewhere(district)


def elsewhere(district: District) -> list[Visitor]:
    """A student and a teacher of another district with e-mail addresses of this one, and a teacher without a district."""
    return district.index("elsewhere", lambda found: list(_elsewhere(found)))


def _elsewhere(district: District) -> Iterator[Visitor]:
    neighbour = _moved(district.id, 1)
    student = _with_email(person for person in district.people if person.student is not None)
    teacher = _with_email(person for person in district.people if person.teacher is not None)
    if student is not None:
        yield Visitor(_double(student, 1), neighbour)
    if teacher is not None:
        yield Visitor(_double(teacher, 2), neighbour)
        yield Visitor(_double(teacher, 3), "")


def _with_email(people: Iterable[Person]) -> Person | None:
    return next((person for person in people if person.email), None)


def _double(person: Person, place: int) -> Person:
    """Somebody of the same name and address under ids of their own."""
    student: Student | None = None
    teacher: Teacher | None = None
    id_ = _moved(person.id, place)
    if person.student is not None:
        student = replace(person.student, legacy_id=id_)
    if person.teacher is not None:
        teacher = replace(person.teacher, legacy_id=_moved(person.teacher.legacy_id, place))
    return replace(person, id=id_, student=student, teacher=teacher, staff=None, administrator=None)


def _moved(id_: str, place: int) -> str:
    """An id that nobody in the district has."""
    return f"{int(id_, 16) ^ (place << 88):024x}"
