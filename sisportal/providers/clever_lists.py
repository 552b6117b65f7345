"""Clever's lists as collections: each page a batch, odd rows as problems, and a seal at the end."""

from collections.abc import Callable, Iterator
from typing import Generic, NamedTuple, TypeVar

from sisportal.providers.base import ProviderError
from sisportal.providers.clever_api import CleverApi
from sisportal.providers.clever_wire import (
    WireCourse,
    WireSchool,
    WireSection,
    WireTerm,
    course_record,
    school_record,
    section_record,
    term_record,
)
from sisportal.providers.completeness import Part, seal
from sisportal.providers.oddities import oddities
from sisportal.providers.paging import HasId, Haul, Item, Page, Tally
from sisportal.roster.records import Batch, Collection, Course, Person, Problem, School, Seal, Section, Term

R = TypeVar("R", bound=HasId)
V = TypeVar("V", School, Term, Course, Person, Section)


class Listing(NamedTuple, Generic[R, V]):
    """One of Clever's lists that becomes a collection row by row."""

    collection: Collection
    path: str
    kind: str
    """The ``Problem.type`` of its records."""
    page: type[Page[R]]
    item: type[Item[R]]
    convert: Callable[[R, list[Problem]], V]
    optional: bool = False
    """Whether a district may have none of it, or not share it: terms and courses only come where the SIS has them."""
    vital: frozenset[str] = frozenset()
    """Fields without which a record is kept out: read as blank they would look like a move or an empty class."""


VITAL_TO_SECTIONS = frozenset({"school", "teacher", "teachers", "students"})
SCHOOLS = Listing(Collection.SCHOOLS, "/schools", "school", Page[WireSchool], Item[WireSchool], school_record)
TERMS = Listing(Collection.TERMS, "/terms", "term", Page[WireTerm], Item[WireTerm], term_record, optional=True)
COURSES = Listing(
    Collection.COURSES, "/courses", "course", Page[WireCourse], Item[WireCourse], course_record, optional=True
)
SECTIONS = Listing(
    Collection.SECTIONS,
    "/sections",
    "section",
    Page[WireSection],
    Item[WireSection],
    section_record,
    vital=VITAL_TO_SECTIONS,
)


def fetch_list(api: CleverApi, listing: Listing[R, V]) -> Iterator[Batch | Seal]:
    """The whole list and its seal. One that is optional and not shared (403, 404) is sealed as not complete."""
    try:
        yield from _fetch(api, listing)
    except ProviderError as refusal:
        if not listing.optional or refusal.status not in (403, 404):
            raise
        noun = listing.collection.value
        reason = f"The district does not share its {noun} with this application ({refusal.status})."
        yield Seal(listing.collection, complete=False, reason=reason)


def _fetch(api: CleverApi, listing: Listing[R, V]) -> Iterator[Batch | Seal]:
    claimed = api.count(listing.path, {})
    walk = api.walk(api.reader(listing.page, listing.item, listing.path), listing.path, {}, claimed)
    for haul in walk:
        problems = oddities(haul, listing.kind)
        records = converted(haul, listing, problems)
        walk.tally.unread += len(haul.records) - len(records)
        yield Batch(listing.collection, records, problems, total=claimed)
    claimed = settled(api, listing.path, {}, walk.tally, claimed)
    part = Part(walk.tally, claimed, listing.collection.value)
    yield seal(listing.collection, [part], may_be_empty=listing.optional)


def converted(haul: Haul[R], listing: Listing[R, V], problems: list[Problem]) -> list[V]:
    """The page's records, without those that lack a vital field."""
    convert = listing.convert
    records = [convert(record, problems) for record in haul.records]
    if not problems or not listing.vital:
        return records
    broken = without_vital(problems, listing.vital)
    return [record for record in records if record.source_id not in broken]


def without_vital(problems: list[Problem], vital: frozenset[str]) -> set[str]:
    """The ids of records that have a problem with a vital field."""
    return {problem.external_id for problem in problems if problem.field in vital}


def settled(api: CleverApi, path: str, query: dict[str, str], tally: Tally, claimed: int | None) -> int | None:
    """The server's total, asked again where it does not agree: the list is live and may have grown during the walk."""
    if claimed is None or claimed == tally.distinct:
        return claimed
    again = api.count(path, query)
    return claimed if again is None else again
