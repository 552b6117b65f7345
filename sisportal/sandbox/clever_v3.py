"""Clever's Data API v3.0 and v3.1: everybody is a user with roles (Clever: API v3 reference)."""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

import msgspec

from sisportal.sandbox import clever_v3_shapes as shapes
from sisportal.sandbox.clever_events import tell
from sisportal.sandbox.clever_routes import (
    Change,
    CleverVersion,
    Keep,
    Lister,
    Listing,
    Named,
    Source,
    differences,
    looks_like_an_id,
    sections_where,
    shelf,
)
from sisportal.sandbox.clever_wire import Call, RefusedQueryError, Rendered, Reply, json_reply, not_found
from sisportal.sandbox.district import District
from sisportal.sandbox.entities import Person, Section, is_student_of
from sisportal.sandbox.feed import Batch

ROLES = ("contact", "district_admin", "staff", "student", "teacher")


class CleverV3(CleverVersion):
    """One of the two; what they say of resources is always that there are none."""

    def reply(self, district: District, call: Call) -> Reply:
        """As the base, but resources have an envelope of their own."""
        match call.path.removeprefix(self.prefix).strip("/").split("/"):
            case ["resources"]:
                return json_reply({"resources": []})
            case ["resources", id_] if looks_like_an_id(id_):
                return not_found()
            case [collection, id_, "resources"] if collection in self.sources:
                there = self.sources[collection].index(district).get(id_) is not None
                return json_reply(
                    {"resources": []} if there else {"error": "Resource not found"}, 200 if there else 404
                )
        return super().reply(district, call)

    def keep(self, district: District, call: Call, collection: str) -> Keep | None:
        """Users by role."""
        return _with_role(district, call, ROLES) if collection == "users" else None


def _user_links(person: Person) -> tuple[str, ...]:
    if person.student is not None:
        return ("district", "sections", "myContacts", "myTeachers", "schools")
    if person.teacher is not None:
        return ("district", "sections", "myStudents", "schools")
    return ("district", "schools")


def _role(person: Person, name: str) -> msgspec.Struct | None:
    roles: dict[str, msgspec.Struct | None] = {
        "student": person.student, "teacher": person.teacher, "staff": person.staff,
        "district_admin": person.administrator, "contact": person.contact,
    }  # fmt: skip
    return roles[name]


def _with_role(district: District, call: Call, allowed: tuple[str, ...]) -> Keep | None:
    name = call.value("role")
    if not name:
        return None
    if name not in allowed:
        raise RefusedQueryError(400, f"role must be one of {', '.join(allowed)}")
    people = district.people
    return lambda id_: _role(people[id_], name) is not None


def _in_school(person: Person, school: str, *, primary: bool, role: str) -> bool:
    for name in (role,) if role else ("student", "teacher", "staff"):
        held = _role(person, name)
        if held is None:
            continue
        home = getattr(held, "school", "")
        if school == home or (not (primary and home) and school in getattr(held, "schools", ())):
            return True
    return False


def _users_of_school(district: District, call: Call, id_: str) -> Listing:
    role, primary = call.value("role"), call.value("primary") == "true"
    if role and role not in ("staff", "student", "teacher"):
        raise RefusedQueryError(400, "role must be one of staff, student, teacher")
    people = district.people
    return Listing("users", people.ids, lambda user: _in_school(people[user], id_, primary=primary, role=role))


def _users_of_section(district: District, call: Call, id_: str) -> Listing:
    section = district.sections[id_]
    members = {"student": section.students, "teacher": section.teachers}
    role = call.value("role")
    if role and role not in members:
        raise RefusedQueryError(400, "role must be one of student, teacher")
    ids = members[role] if role else [*section.teachers, *section.students]
    return Listing("users", sorted(id_ for id_ in ids if id_ in district.people))


def _through_sections(
    collection: str, mine: Callable[[Section, str], bool], theirs: Callable[[Section], Sequence[str | None]]
) -> Lister:
    def lister(district: District, _call: Call, id_: str) -> Listing:
        found = {other for section in district.sections if mine(section, id_) for other in theirs(section)}
        held = district.shelf(KINDS.get(collection, collection))
        return Listing(collection, sorted(other for other in found if other and other in held))

    return lister


def _schools_of_user(district: District, call: Call, id_: str) -> Listing:
    person, primary = district.people[id_], call.value("primary") == "true"
    return Listing("schools", [s for s in district.schools.ids if _in_school(person, s, primary=primary, role="")])


def _contacts_of_user(district: District, _call: Call, id_: str) -> Listing:
    def belongs(user: str) -> bool:
        contact = district.people[user].contact
        return contact is not None and any(r.student == id_ for r in contact.relationships)

    return Listing("users", district.people.ids, belongs)


def _takes_part(section: Section, person: str) -> bool:
    return person in section.teachers or is_student_of(section, person)


KINDS = {"users": "people"}
_LISTS: dict[tuple[str, str], Lister] = {
    ("schools", "users"): _users_of_school,
    ("schools", "sections"): sections_where(lambda s, id_: s.school == id_),
    ("schools", "courses"): _through_sections("courses", lambda s, id_: s.school == id_, lambda s: [s.course]),
    ("schools", "terms"): _through_sections("terms", lambda s, id_: s.school == id_, lambda s: [s.term]),
    ("sections", "users"): _users_of_section,
    ("courses", "sections"): sections_where(lambda s, id_: s.course == id_),
    ("courses", "schools"): _through_sections("schools", lambda s, id_: s.course == id_, lambda s: [s.school]),
    ("terms", "sections"): sections_where(lambda s, id_: s.term == id_),
    ("terms", "schools"): _through_sections("schools", lambda s, id_: s.term == id_, lambda s: [s.school]),
    ("users", "sections"): sections_where(_takes_part),
    ("users", "schools"): _schools_of_user,
    ("users", "mycontacts"): _contacts_of_user,
    ("users", "myteachers"): _through_sections("users", is_student_of, lambda s: s.teachers),
    ("users", "mystudents"): _through_sections("users", lambda s, id_: id_ in s.teachers, lambda s: s.students),
}
_SINGLES: dict[tuple[str, str], Named] = {
    ("sections", "course"): lambda district, id_: ("courses", district.sections[id_].course),
    ("sections", "school"): lambda district, id_: ("schools", district.sections[id_].school),
    ("sections", "term"): lambda district, id_: ("terms", district.sections[id_].term),
}


def _user_changes(batch: Batch) -> Iterator[Change[Person]]:
    """Students first, then teachers, then everybody else."""
    return iter(sorted(differences("people")(batch), key=_rank))


def _rank(change: Change[Person]) -> int:
    person = change.before if change.after is None else change.after
    if person is None or person.student is not None:
        return 0
    return 1 if person.teacher is not None else 2


def _without_repeated_address(user: Rendered) -> Rendered:
    """In an event a student's part does not repeat the e-mail address."""
    user.get("roles", {}).get("student", {}).pop("email", None)
    return user


def _version(name: str, *, extras: bool) -> CleverV3:
    """``extras`` are the fields that came with 3.1."""
    user = partial(shapes.user, extras=extras)
    sources: dict[str, Source[Any]] = {
        "schools": _source("schools", shapes.school, ("district", "sections", "users", "terms", "courses")),
        "terms": _source("terms", shapes.term, ("district", "sections", "schools")),
        "courses": _source("courses", shapes.course, ("district", "sections", "schools")),
        "users": Source(shelf("people"), user, _user_links, _user_changes, about=_without_repeated_address),
        "sections": _source("sections", shapes.section, ("district", "school", "term", "course", "users")),
    }
    district = partial(shapes.district, extras=extras)
    return CleverV3(
        name=name, sources=sources, lists=_LISTS, singles=_SINGLES, district=district, tell=tell, marked=True
    )


def _source(kind: str, shape: Callable[..., Rendered], links: tuple[str, ...]) -> Source[Any]:
    return Source(shelf(kind), shape, lambda _record: links, differences(kind))


V3_0 = _version("v3.0", extras=False)
V3_1 = _version("v3.1", extras=True)
