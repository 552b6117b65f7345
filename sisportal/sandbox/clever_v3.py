"""Clever's Data API v3.0 and v3.1: everybody is a user with roles (Clever: API v3 reference)."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import msgspec

from sisportal.sandbox import clever_v3_shapes as shapes
from sisportal.sandbox.clever_wire import (
    Call,
    RefusedQueryError,
    Rendered,
    Reply,
    json_reply,
    no_such_route,
    not_found,
    window,
)
from sisportal.sandbox.district import District
from sisportal.sandbox.entities import Person, Section, is_student_of

KINDS = {"users": "people", "schools": "schools", "sections": "sections", "courses": "courses", "terms": "terms"}
ROLES = ("contact", "district_admin", "staff", "student", "teacher")
LINKS = {
    "schools": ("district", "sections", "users", "terms", "courses"),
    "sections": ("district", "school", "term", "course", "users"),
    "courses": ("district", "sections", "schools"),
    "terms": ("district", "sections", "schools"),
}

Keep = Callable[[str], bool]


@dataclass(frozen=True)
class Listing:
    """Which records a list address names: a collection's name, its ids in ascending order, and a filter of them."""

    collection: str
    ids: Sequence[str]
    keep: Keep | None = None


@dataclass(frozen=True)
class CleverV3:
    """One of the versions; ``extras`` are the fields that came with 3.1."""

    prefix: str
    extras: bool

    def reply(self, district: District, call: Call) -> Reply:
        """The answer to a GET below the prefix."""
        parts = call.path.removeprefix(self.prefix).strip("/").split("/")
        try:
            match parts:
                case [collection]:
                    return self._root(district, call, collection)
                case [collection, id_]:
                    return self._single(district, call, collection, id_)
                case [collection, id_, below]:
                    return self._below(district, call, collection, id_, below.lower())
        except RefusedQueryError as refused:
            return refused.reply
        return no_such_route(call)

    def _root(self, district: District, call: Call, collection: str) -> Reply:
        if collection == "resources":
            return json_reply({"resources": []})
        if collection == "districts":
            return self._districts(district, call)
        if collection not in KINDS:
            return no_such_route(call)
        keep = _with_role(district, call, ROLES) if collection == "users" else None
        listing = Listing(collection, district.shelf(KINDS[collection]).ids, keep)
        if call.value("count") == "true":
            count = sum(map(keep, listing.ids)) if keep else len(listing.ids)
            return json_reply({"count": count, "links": [{"rel": "self", "uri": call.target}]})
        return self._list(district, call, listing)

    def _districts(self, district: District, call: Call) -> Reply:
        links = [{"rel": "self", "uri": call.target}]
        if call.value("count") == "true":
            return json_reply({"count": 1, "links": links})
        item = {"data": shapes.district(district, extras=self.extras), "uri": f"{self.prefix}/districts/{district.id}"}
        return json_reply({"data": [item], "links": links})

    def _list(self, district: District, call: Call, listing: Listing) -> Reply:
        page = window(call, listing.ids, listing.keep)
        stem = f"{self.prefix}/{listing.collection}/"
        items = [{"data": self._render(district, listing.collection, id_), "uri": stem + id_} for id_ in page.ids]
        return json_reply({"data": items, "links": page.links})

    def _single(self, district: District, call: Call, collection: str, id_: str) -> Reply:
        if collection == "districts" and id_ == district.id:
            return self._one(district, collection, id_)
        if collection not in (*KINDS, "districts", "resources"):
            return no_such_route(call)
        if not _looks_like_an_id(id_):
            return no_such_route(call)
        if collection not in KINDS or id_ not in district.shelf(KINDS[collection]):
            return not_found()
        return self._one(district, collection, id_, links=True)

    def _one(self, district: District, collection: str, id_: str, *, links: bool = False) -> Reply:
        address = f"{self.prefix}/{collection}/{id_}"
        related = [{"rel": "self", "uri": address}]
        if links:
            names = LINKS.get(collection) or _user_links(district.people[id_])
            related += [{"rel": name, "uri": f"{address}/{name}"} for name in names]
        return json_reply({"data": self._render(district, collection, id_), "links": related})

    def _below(self, district: District, call: Call, collection: str, id_: str, below: str) -> Reply:
        address = (collection, below)
        known = collection in KINDS and (below in ("district", "resources") or address in _LISTS or address in _SINGLES)
        if not known:
            return no_such_route(call)
        if id_ not in district.shelf(KINDS[collection]):
            return not_found()
        if below == "resources":
            return json_reply({"resources": []})
        if address in _LISTS:
            return self._list(district, call, _LISTS[address](district, call, id_))
        return self._named_by(district, address, id_)

    def _named_by(self, district: District, address: tuple[str, str], id_: str) -> Reply:
        """The one record that another names: at its own address, with no link but that."""
        if address[1] == "district":
            return self._one(district, "districts", district.id)
        target, other = _SINGLES[address](district.sections[id_])
        if not other or other not in district.shelf(target):
            return not_found()
        return self._one(district, target, other)

    def _render(self, district: District, collection: str, id_: str) -> Rendered:
        if collection == "districts":
            return shapes.district(district, extras=self.extras)
        if collection == "users":
            return shapes.user(district, district.people[id_], extras=self.extras)
        if collection == "schools":
            return shapes.school(district, district.schools[id_])
        if collection == "sections":
            return shapes.section(district, district.sections[id_])
        if collection == "courses":
            return shapes.course(district, district.courses[id_])
        return shapes.term(district, district.terms[id_])


def _looks_like_an_id(text: str) -> bool:
    return len(text) == 24 and all(c in "0123456789abcdef" for c in text)


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


def _sections_where(test: Callable[[Section, str], bool]) -> "Lister":
    def lister(district: District, _call: Call, id_: str) -> Listing:
        sections = district.sections
        return Listing("sections", sections.ids, lambda section: test(sections[section], id_))

    return lister


def _through_sections(
    collection: str, mine: Callable[[Section, str], bool], theirs: Callable[[Section], Sequence[str | None]]
) -> "Lister":
    def lister(district: District, _call: Call, id_: str) -> Listing:
        found = {other for section in district.sections if mine(section, id_) for other in theirs(section)}
        shelf = district.shelf(KINDS[collection])
        return Listing(collection, sorted(other for other in found if other and other in shelf))

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


Lister = Callable[[District, Call, str], Listing]
_LISTS: dict[tuple[str, str], Lister] = {
    ("schools", "users"): _users_of_school,
    ("schools", "sections"): _sections_where(lambda s, id_: s.school == id_),
    ("schools", "courses"): _through_sections("courses", lambda s, id_: s.school == id_, lambda s: [s.course]),
    ("schools", "terms"): _through_sections("terms", lambda s, id_: s.school == id_, lambda s: [s.term]),
    ("sections", "users"): _users_of_section,
    ("courses", "sections"): _sections_where(lambda s, id_: s.course == id_),
    ("courses", "schools"): _through_sections("schools", lambda s, id_: s.course == id_, lambda s: [s.school]),
    ("terms", "sections"): _sections_where(lambda s, id_: s.term == id_),
    ("terms", "schools"): _through_sections("schools", lambda s, id_: s.term == id_, lambda s: [s.school]),
    ("users", "sections"): _sections_where(_takes_part),
    ("users", "schools"): _schools_of_user,
    ("users", "mycontacts"): _contacts_of_user,
    ("users", "myteachers"): _through_sections("users", is_student_of, lambda s: s.teachers),
    ("users", "mystudents"): _through_sections("users", lambda s, id_: id_ in s.teachers, lambda s: s.students),
}
_SINGLES: dict[tuple[str, str], Callable[[Section], tuple[str, str | None]]] = {
    ("sections", "course"): lambda s: ("courses", s.course),
    ("sections", "school"): lambda s: ("schools", s.school),
    ("sections", "term"): lambda s: ("terms", s.term),
}
