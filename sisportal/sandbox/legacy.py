"""People as Clever's versions before 3.0 have them: a list for each role, under the older ids."""

from collections.abc import Callable, Iterator
from typing import Generic, NamedTuple, TypeVar

from sisportal.sandbox.clever_routes import Change
from sisportal.sandbox.district import District
from sisportal.sandbox.entities import Administrator, Contact, Person, Relationship, Staff, Student, Teacher
from sisportal.sandbox.feed import Batch

R = TypeVar("R")
Role = Student | Teacher | Staff | Administrator | Contact
ROLES = ("student", "teacher", "staff", "administrator", "contact")


class Relation(NamedTuple):
    """A contact of one student, as v1.x has them: one record for each student."""

    id: str
    person: Person
    contact: Contact
    relationship: Relationship


class Held(Generic[R]):
    """Records by id, walked in ascending order of id."""

    def __init__(self, records: dict[str, R]) -> None:
        self.ids = sorted(records)
        self.get = records.get


def role_of(person: Person, role: str) -> Role | None:
    """The part of a person that a role makes: one of ``ROLES``."""
    part: Role | None = getattr(person, role)
    return part


def holders(role: str) -> Callable[[District], Held[Person]]:
    """Everybody of a role, by the older id."""

    def build(district: District) -> Held[Person]:
        return Held({part.legacy_id: p for p in district.people if (part := role_of(p, role)) is not None})

    return lambda district: district.index(role, build)


def holder_changes(role: str) -> Callable[[Batch], Iterator[Change[Person]]]:
    """How the people of a role changed: a user who was split is one person still, for the older id stayed."""

    def changes(batch: Batch) -> Iterator[Change[Person]]:
        before, after = _people(batch, "before"), _people(batch, "after")
        was = {part.legacy_id: p for p in before if (part := role_of(p, role)) is not None}
        now = {part.legacy_id: p for p in after if (part := role_of(p, role)) is not None}
        return (Change(id_, was.get(id_), now.get(id_)) for id_ in sorted(was | now))

    return changes


def relations(district: District) -> Held[Relation]:
    """The contacts of each student."""
    return district.index("relations", lambda d: Held(_relations(list(d.people))))


def relation_changes(batch: Batch) -> Iterator[Change[Relation]]:
    """How they changed."""
    was, now = _relations(_people(batch, "before")), _relations(_people(batch, "after"))
    return (Change(id_, was.get(id_), now.get(id_)) for id_ in sorted(was | now))


def _people(batch: Batch, when: str) -> list[Person]:
    found = (getattr(difference, when) for difference in batch.of("people"))
    return [person for person in found if person is not None]


def _relations(people: list[Person]) -> dict[str, Relation]:
    found = (
        Relation(_relation_id(contact.legacy_id, place), person, contact, relationship)
        for person in people
        if (contact := person.contact) is not None
        for place, relationship in enumerate(contact.relationships)
    )
    return {relation.id: relation for relation in found}


def _relation_id(legacy_id: str, place: int) -> str:
    """The contact's older id for the first student, one of its own for every further one."""
    return legacy_id if place == 0 else f"{int(legacy_id, 16) + (place << 44):024x}"
