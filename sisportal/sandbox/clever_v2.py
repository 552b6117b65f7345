"""Clever's Data API v2.0 and v2.1: a collection for each role, teachers under their older ids (Clever: API v2 reference)."""

from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

from sisportal.sandbox import clever_v2_shapes as shapes
from sisportal.sandbox import clever_v3_shapes
from sisportal.sandbox.clever_events import tell
from sisportal.sandbox.clever_routes import (
    CleverVersion,
    Lister,
    Listing,
    Named,
    Source,
    differences,
    sections_where,
    shelf,
)
from sisportal.sandbox.clever_wire import Call, Rendered
from sisportal.sandbox.district import District
from sisportal.sandbox.entities import Person, Section, is_student_of
from sisportal.sandbox.legacy import holder_changes, holders, role_of

ROLES = {
    "teachers": "teacher", "students": "student", "school_admins": "staff", "district_admins": "administrator",
    "contacts": "contact",
}  # fmt: skip
"""What a role's collection is called, and the role."""
LINKS = {
    "schools": ("district", "sections", "students", "teachers"), "terms": ("district", "sections"),
    "courses": ("district", "sections"), "teachers": ("district", "school", "schools", "sections", "students"),
    "students": ("district", "school", "schools", "sections", "teachers", "contacts"),
    "school_admins": ("district", "schools"), "district_admins": ("district",), "contacts": ("district", "students"),
    "sections": ("district", "school", "teacher", "teachers", "students", "course", "term"),
}  # fmt: skip


def person_of(district: District, collection: str, id_: str) -> Person:
    """Somebody by the id that the collection knows them by; KeyError where there is nobody."""
    person = holders(ROLES[collection])(district).get(id_)
    if person is None:
        raise KeyError(id_)
    return person


def _with_school(collection: str, *, primary: bool = False) -> Lister:
    """The people of a school."""

    def lister(district: District, _call: Call, id_: str) -> Listing:
        held = holders(ROLES[collection])(district)

        def belongs(person_id: str) -> bool:
            role: Any = role_of(person_of(district, collection, person_id), ROLES[collection])
            return id_ == role.school or (not primary and id_ in role.schools)

        return Listing(collection, held.ids, belongs)

    return lister


def _members(collection: str, of: Callable[[District, str], Iterable[str]]) -> Lister:
    """The people of a role among those with the district's own ids ``of`` gives."""

    def lister(district: District, _call: Call, id_: str) -> Listing:
        people = filter(None, map(district.people.get, set(of(district, id_))))
        roles = (role_of(person, ROLES[collection]) for person in people)
        return Listing(collection, sorted(role.legacy_id for role in roles if role is not None))

    return lister


def _sections_of(collection: str, test: Callable[[Section, str], bool]) -> Lister:
    """The sections that somebody takes part in."""

    def lister(district: District, call: Call, id_: str) -> Listing:
        return sections_where(test)(district, call, person_of(district, collection, id_).id)

    return lister


def _classmates(
    collection: str, mine: Callable[[Section, str], bool], theirs: Callable[[Section], list[str]]
) -> Callable[[District, str], Iterable[str]]:
    def found(district: District, id_: str) -> Iterable[str]:
        me = person_of(district, collection, id_).id
        return {other for section in district.sections if mine(section, me) for other in theirs(section)}

    return found


def _schools_of(collection: str) -> Lister:
    def lister(district: District, _call: Call, id_: str) -> Listing:
        role: Any = role_of(person_of(district, collection, id_), ROLES[collection])
        return Listing("schools", sorted(school for school in role.schools if school in district.schools))

    return lister


def _contacts_of(district: District, _call: Call, id_: str) -> Listing:
    student = person_of(district, "students", id_).id
    people = holders("contact")(district)

    def belongs(contact_id: str) -> bool:
        contact = person_of(district, "contacts", contact_id).contact
        return contact is not None and any(r.student == student for r in contact.relationships)

    return Listing("contacts", people.ids, belongs)


def _students_of_contact(district: District, id_: str) -> Iterable[str]:
    contact = person_of(district, "contacts", id_).contact
    return [] if contact is None else [r.student for r in contact.relationships]


def _home(collection: str) -> Named:
    def named(district: District, id_: str) -> tuple[str, str | None]:
        role: Any = role_of(person_of(district, collection, id_), ROLES[collection])
        return "schools", role.school

    return named


def _primary_teacher(district: District, id_: str) -> tuple[str, str | None]:
    teachers = district.sections[id_].teachers
    return "teachers", district.teacher_id(teachers[0]) if teachers else None


def _teaches(section: Section, person: str) -> bool:
    return person in section.teachers


LISTS: dict[tuple[str, str], Lister] = {
    ("schools", "sections"): sections_where(lambda s, id_: s.school == id_),
    ("schools", "students"): _with_school("students"),
    ("schools", "teachers"): _with_school("teachers"),
    ("courses", "sections"): sections_where(lambda s, id_: s.course == id_),
    ("terms", "sections"): sections_where(lambda s, id_: s.term == id_),
    ("sections", "students"): _members("students", lambda district, id_: district.sections[id_].students),
    ("sections", "teachers"): _members("teachers", lambda district, id_: district.sections[id_].teachers),
    ("students", "sections"): _sections_of("students", is_student_of),
    ("students", "schools"): _schools_of("students"),
    ("students", "teachers"): _members("teachers", _classmates("students", is_student_of, lambda s: s.teachers)),
    ("students", "contacts"): _contacts_of,
    ("teachers", "sections"): _sections_of("teachers", _teaches),
    ("teachers", "schools"): _schools_of("teachers"),
    ("teachers", "students"): _members("students", _classmates("teachers", _teaches, lambda s: s.students)),
    ("school_admins", "schools"): _schools_of("school_admins"),
    ("contacts", "students"): _members("students", _students_of_contact),
}
SINGLES: dict[tuple[str, str], Named] = {
    ("sections", "course"): lambda district, id_: ("courses", district.sections[id_].course),
    ("sections", "school"): lambda district, id_: ("schools", district.sections[id_].school),
    ("sections", "term"): lambda district, id_: ("terms", district.sections[id_].term),
    ("sections", "teacher"): _primary_teacher,
    ("students", "school"): _home("students"),
    ("teachers", "school"): _home("teachers"),
}


def own(kind: str, shape: Callable[..., Rendered], links: tuple[str, ...]) -> Source[Any]:
    """A collection whose records have one id in every version."""
    return Source(shelf(kind), shape, lambda _record: links, differences(kind))


def of_role(collection: str, shape: Callable[..., Rendered], links: tuple[str, ...]) -> Source[Any]:
    """A collection of the people of a role."""
    role = ROLES[collection]
    event = collection.replace("_", "")
    return Source(holders(role), shape, lambda _record: links, holder_changes(role), event)


def _version(name: str, *, newest: bool) -> CleverVersion:
    """``newest`` is 2.1."""
    sources: dict[str, Source[Any]] = {
        "schools": own("schools", partial(shapes.school, newest=newest), LINKS["schools"]),
        "terms": own("terms", partial(shapes.term, newest=newest), LINKS["terms"]),
        "courses": own("courses", clever_v3_shapes.course, LINKS["courses"]),
        "students": of_role("students", partial(shapes.student, newest=newest), LINKS["students"]),
        "teachers": of_role("teachers", partial(shapes.teacher, newest=newest), LINKS["teachers"]),
        "school_admins": of_role("school_admins", partial(shapes.school_admin, newest=newest), LINKS["school_admins"]),
        "district_admins": of_role("district_admins", shapes.district_admin, LINKS["district_admins"]),
        "contacts": of_role("contacts", partial(shapes.contact, newest=newest), LINKS["contacts"]),
        "sections": own("sections", partial(shapes.section, newest=newest), LINKS["sections"]),
    }
    district = partial(shapes.district, newest=newest)
    return CleverVersion(
        name=name, sources=sources, lists=LISTS, singles=SINGLES, district=district, tell=tell, counts=newest
    )


V2_0 = _version("v2.0", newest=False)
V2_1 = _version("v2.1", newest=True)
