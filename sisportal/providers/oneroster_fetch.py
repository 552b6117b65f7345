"""One reading of a OneRoster source, collection by collection, as the stages want it."""

from collections.abc import Callable, Iterator
from typing import TypeVar

from sisportal.providers.base import Held, ProviderError
from sisportal.providers.completeness import seal
from sisportal.providers.oneroster_calendar import Calendar, SchoolYear
from sisportal.providers.oneroster_people import PeopleFetch
from sisportal.providers.oneroster_records import course_record, school_record, term_record
from sisportal.providers.oneroster_sections import SectionsFetch
from sisportal.providers.oneroster_source import Mode, Source
from sisportal.providers.oneroster_values import is_gone
from sisportal.providers.oneroster_wire import COURSES, ORGS, SESSIONS, Listing, WireObject
from sisportal.roster.records import Batch, Collection, Course, Problem, School, Seal, Term

V = TypeVar("V", School, Term, Course)

USERS_ITEM = "users"
SECTIONS_ITEM = "sections"
NOT_SHARED = frozenset({403, 404, 405, 501})


class Reading:
    """Reads a source once, in the order of ``Collection``.

    Every collection that the source lists in full ends with a seal that says whether it is proven; one of which only
    changes are listed ends with a seal that is not complete and gives no reason; one that is absent has no seal.
    """

    def __init__(self, source: Source, year: SchoolYear, *, today: str, held: Held | None = None) -> None:
        self._source = source
        self._today = today
        self._held = held
        terms = held.terms() if held is not None and source.mode(SESSIONS) is not Mode.BULK else None
        self._calendar = Calendar(year, terms)
        self._only_school = ""

    def steps(self, items: frozenset[str]) -> Iterator[Batch | Seal]:
        """Schools always; people with ``users``; terms, courses and sections with ``sections``."""
        yield from self.schools()
        if SECTIONS_ITEM in items:
            yield from self._terms()
            yield from self._listed(COURSES, Collection.COURSES, lambda wire, _: course_record(wire))
        only = self._only_school
        if USERS_ITEM in items:
            yield from PeopleFetch(self._source, today=self._today, only_school=only, held=self._held)
        if SECTIONS_ITEM in items:
            yield from SectionsFetch(self._source, self._calendar, today=self._today, only_school=only, held=self._held)

    def schools(self) -> Iterator[Batch | Seal]:
        """Every organization."""
        schools: list[str] = []
        for step in self._listed(ORGS, Collection.SCHOOLS, lambda wire, _: school_record(wire)):
            if isinstance(step, Batch):
                schools += [one.source_id for one in step.records if isinstance(one, School) and one.kind == "school"]
            yield step
        self._only_school = schools[0] if len(schools) == 1 else ""

    def _terms(self) -> Iterator[Batch | Seal]:
        for step in self._listed(SESSIONS, Collection.TERMS, term_record):
            if isinstance(step, Batch):
                self._calendar.take(one for one in step.records if isinstance(one, Term))
            yield step

    def _listed(self, listing: Listing, collection: Collection, convert: Callable[..., V]) -> Iterator[Batch | Seal]:
        """A collection that becomes records row by row. One that is optional and not shared is sealed as not complete."""
        mode = self._source.mode(listing)
        if mode is Mode.ABSENT:
            return
        pull = self._source.pull(listing)
        try:
            for part in pull:
                records, removed = _converted(part.objects, convert, part.problems)
                yield Batch(collection, records, part.problems, removed=removed, total=pull.total)
        except ProviderError as refusal:
            if not listing.optional or refusal.status not in NOT_SHARED:
                raise
            reason = f"The SIS does not share its {listing.noun} with this application ({refusal.status})."
            yield Seal(collection, complete=False, reason=reason)
            return
        if mode is Mode.DELTA:
            yield Seal(collection, complete=False, rows=pull.part.tally.rows, distinct=pull.part.tally.distinct)
        else:
            yield seal(collection, [pull.part], may_be_empty=listing.optional)


def _converted(
    objects: list[WireObject], convert: Callable[..., V], problems: list[Problem]
) -> tuple[list[V], list[str]]:
    records = [convert(one, problems) for one in objects if not is_gone(one.status)]
    return records, [one.id for one in objects if is_gone(one.status)]
