"""Clever's Data API v1.1: no courses and no terms but what sections say of theirs (Clever: API v1 reference)."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from typing import Any

import msgspec

from sisportal.sandbox import clever_v1_shapes as shapes
from sisportal.sandbox import clever_v2_shapes
from sisportal.sandbox.clever_events import tell
from sisportal.sandbox.clever_routes import Change, CleverVersion, Index, Keep, Lister, Listing, Named, Source, shelf
from sisportal.sandbox.clever_v2 import LISTS, SINGLES, of_role, own, person_of
from sisportal.sandbox.clever_wire import Call, RefusedQueryError, Rendered, Reply, Window, json_reply, not_found
from sisportal.sandbox.district import District
from sisportal.sandbox.entities import Section
from sisportal.sandbox.feed import Batch
from sisportal.sandbox.legacy import relation_changes, relations

DISTRICT_LISTS = {
    "schools": "schools", "sections": "sections", "students": "students", "teachers": "teachers",
    "admins": "district_admins",
}  # fmt: skip
"""What lies below a district, and the collection that it is all of."""
WITH_EVENTS = ("schools", "sections", "students", "teachers", "school_admins")
LINKS = {
    "schools": ("district", "teachers", "students", "sections", "events"),
    "sections": ("district", "teacher", "students", "school", "events"),
    "students": ("district", "sections", "school", "teachers", "contacts", "events"),
    "teachers": ("district", "school", "students", "sections", "grade_levels", "events"),
    "school_admins": ("schools",), "district_admins": (), "contacts": ("district", "student"),
}  # fmt: skip


class CleverV1(CleverVersion):
    """v1.1, with what no later version has."""

    def keep(self, district: District, call: Call, collection: str) -> Keep | None:  # noqa: ARG002  # as the base has it
        """``where={"_id":{"$in":[...]}}``."""
        return _where(call)

    def envelope(self, items: list[Rendered], page: Window, listing: Listing, call: Call) -> Rendered:
        """The first page tells how many there are."""
        cursor = call.value("starting_after") or call.value("ending_before")
        paged = listing.collection not in self.sources or self.sources[listing.collection].paged
        if cursor or not paged:
            return {"data": items, "links": page.links}
        count = sum(map(listing.keep, listing.ids)) if listing.keep else len(listing.ids)
        limit = max(1, int(call.value("limit") or 100))
        paging = {"current": min(1, count), "total": -(-count // limit), "count": count}
        return {"data": items, "paging": paging, "links": page.links}

    def district_links(self, address: str) -> list[dict[str, str]]:
        """To everything that is the district's."""
        names = ("schools", "teachers", "students", "sections", "events")
        return [{"rel": name, "uri": f"{address}/{name}"} for name in names]

    def below(self, district: District, call: Call, collection: str, id_: str, below: str) -> Reply:
        """A district's lists and status, a record's events, contacts without wrapping, a teacher's grades."""
        if collection == "districts" and id_ == district.id:
            return self._below_district(district, call, below)
        if below == "events" and collection in WITH_EVENTS:
            return self._events_about(district, call, collection, id_)
        if (collection, below) == ("teachers", "grade_levels"):
            there = self.sources[collection].index(district).get(id_) is not None
            return _grade_levels(district, call, id_) if there else not_found()
        reply = super().below(district, call, collection, id_, below)
        return _unwrapped(reply) if (collection, below) == ("students", "contacts") and reply.status == 200 else reply

    def _below_district(self, district: District, call: Call, below: str) -> Reply:
        if below == "status":
            row = {"data": shapes.status(district), "uri": f"{self.prefix}/districts/{district.id}/status"}
            return json_reply({"data": [row], "links": [{"rel": "self", "uri": call.target}]})
        if below == "events":
            return self.event_list(call, self.log(district))
        if below in DISTRICT_LISTS:
            collection = DISTRICT_LISTS[below]
            ids = self.sources[collection].index(district).ids
            return self.listed(district, call, Listing(collection, ids, _where(call)))
        return super().below(district, call, "districts", district.id, below)

    def _events_about(self, district: District, call: Call, collection: str, id_: str) -> Reply:
        """The events of one record; a school's are also those of everything in it."""
        log = self.log(district)

        def about(event: str) -> bool:
            told = log.events[event]
            return told.subject == id_ or (collection == "schools" and id_ in told.schools)

        return self.event_list(call, log, about)


def _where(call: Call) -> Keep | None:
    text = call.value("where")
    if not text:
        return None
    try:
        asked = frozenset(msgspec.json.decode(text, type=dict[str, dict[str, list[str]]])["_id"]["$in"])
    except (msgspec.DecodeError, KeyError):
        raise RefusedQueryError(400, 'where is understood as {"_id":{"$in":[...]}} only') from None
    return asked.__contains__


def _unwrapped(reply: Reply) -> Reply:
    page = msgspec.json.decode(reply.body)
    page["data"] = [row["data"] for row in page["data"]]
    return json_reply(page)


def _grade_levels(district: District, call: Call, id_: str) -> Reply:
    teacher = person_of(district, "teachers", id_).id
    grades = {s.grade for s in district.sections if teacher in s.teachers and s.grade}
    return json_reply({"data": sorted(grades), "links": [{"rel": "self", "uri": call.target}]})


def _section_changes(batch: Batch) -> Iterator[Change[Section]]:
    """Those that changed, and those whose course or term did."""
    changed = {d.id: Change[Any](d.id, d.before, d.after) for d in batch.of("sections")}
    touched = {section.id: Change(section.id, section, section) for section in batch.touched}
    return iter([change for _, change in sorted((touched | changed).items())])


def _contacts_of(district: District, _call: Call, id_: str) -> Listing:
    student = person_of(district, "students", id_).id
    held = relations(district)
    return Listing(
        "contacts", [c for c in held.ids if (found := held.get(c)) and found.relationship.student == student]
    )


def _student_of(district: District, id_: str) -> tuple[str, str | None]:
    relation = relations(district).get(id_)
    return "students", relation.relationship.student if relation else None


_BELOW = {address for address in (*LISTS, *SINGLES) if address[1] not in ("schools", "course", "term", "contacts")}
_LISTS: dict[tuple[str, str], Lister] = {address: lister for address, lister in LISTS.items() if address in _BELOW} | {
    ("students", "contacts"): _contacts_of, ("school_admins", "schools"): LISTS["school_admins", "schools"],
}  # fmt: skip
_SINGLES: dict[tuple[str, str], Named] = {address: named for address, named in SINGLES.items() if address in _BELOW} | {
    ("contacts", "student"): _student_of,
}  # fmt: skip


def _relations(district: District) -> Index[Any]:
    return relations(district)


def _sources() -> dict[str, Source[Any]]:
    admin: Callable[..., Rendered] = partial(clever_v2_shapes.school_admin, newest=False)
    school_admins = of_role("school_admins", admin, LINKS["school_admins"])
    district_admins = of_role("district_admins", clever_v2_shapes.district_admin, LINKS["district_admins"])
    return {
        "schools": own("schools", partial(clever_v2_shapes.school, newest=False), LINKS["schools"]),
        "students": of_role("students", shapes.student, LINKS["students"]),
        "teachers": of_role("teachers", shapes.teacher, LINKS["teachers"]),
        "school_admins": replace(school_admins, paged=False),
        "district_admins": replace(district_admins, wrapped=False),
        "contacts": Source(
            _relations, shapes.contact, lambda _: LINKS["contacts"], relation_changes, "studentcontacts"
        ),
        "sections": Source(shelf("sections"), shapes.section, lambda _: LINKS["sections"], _section_changes),
    }


V1_1 = CleverV1(
    name="v1.1", sources=_sources(), lists=_LISTS, singles=_SINGLES, district=shapes.district, tell=tell, counts=True
)
