"""A Clever district as a provider (Data API 1.1 to 3.1), with what changed since a place in its feed of events."""

import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

from sisportal.providers.base import Check, Cursor, DistrictFacts, ProviderError
from sisportal.providers.clever_api import CleverApi
from sisportal.providers.clever_changes import Changes
from sisportal.providers.clever_families import Family
from sisportal.providers.clever_feed import FeedReading, check_age, id_at, newest_event
from sisportal.providers.clever_lists import SCHOOLS, fetch_list
from sisportal.providers.clever_wire import WireDistrict, WireSchool, district_facts
from sisportal.providers.paging import Item, Page
from sisportal.roster.records import Batch, Collection, School, Seal

USERS = "users"
SECTION_ITEMS = "sections"

_MAY_BE_EMPTY = frozenset({"terms", "courses"})
"""Sections can be read without them."""

_STATES = {
    "paused": "Clever has paused this district's data until the new school year",
    "pending": "Clever reports an error in this district's data that the district can fix",
    "error": "Clever reports an error with this district that Clever has to fix",
}


class CleverProvider:
    """One district. ``district_id`` may be blank where the token's district is not known yet."""

    def __init__(
        self, api: CleverApi, family: Family, *, district_id: str = "", clock: Callable[[], float] = time.time
    ) -> None:
        self._api = api
        self._family = family
        self._district_id = district_id.strip()
        self._clock = clock

    def district(self) -> DistrictFacts:
        """The district whose token this is; a token of another district is refused."""
        reader = self._api.reader(Page[WireDistrict], Item[WireDistrict], "/districts")
        districts = self._api.first_page(reader, "/districts").records
        mine = [one for one in districts if one.id and self._district_id in ("", one.id)]
        if len(mine) == 1:
            return self._family.describe(self._api, district_facts(mine[0]))
        raise ProviderError(
            "The token is not that of one district, or not of the district that is configured here. "
            "Check the token and the district ID.",
            code="which-district" if mine else "no-district",
            path="/districts",
        )

    def schools(self) -> list[School]:
        """Every school, in the order of their ids."""
        return [
            record
            for batch in fetch_list(self._api, SCHOOLS)
            if isinstance(batch, Batch)
            for record in batch.records
            if isinstance(record, School)
        ]

    def fetch(self, *, items: frozenset[str]) -> Iterator[Batch | Seal]:
        """See ``Provider.fetch``."""
        yield from fetch_list(self._api, SCHOOLS)
        if SECTION_ITEMS in items:
            yield from self._calendar()
        if USERS in items:
            yield from self._family.people(self._api)
        if SECTION_ITEMS in items:
            yield from fetch_list(self._api, self._family.sections)

    def _calendar(self) -> Iterator[Batch | Seal]:
        """Terms and courses; of a version in which sections hold theirs there are none, and that is all of them."""
        for listing in self._family.calendar:
            yield from fetch_list(self._api, listing)
        if not self._family.calendar:
            yield Seal(Collection.TERMS, complete=True)
            yield Seal(Collection.COURSES, complete=True)

    def cursor(self) -> str:
        """See ``FeedProvider.cursor``."""
        try:
            return newest_event(self._api)
        except ProviderError:
            return ""  # without a place to go on from the next sync reads everything, and says why

    def place_at(self, moment: float) -> str:
        """See ``FeedProvider.place_at``."""
        return id_at(moment)

    def changes(self, cursor: str, *, items: frozenset[str]) -> Iterator[Batch | Cursor]:
        """See ``FeedProvider.changes``."""
        check_age(cursor, self._clock())
        reading = FeedReading(self._api, self._family, cursor)
        reading.run(self.district)
        yield from Changes(self._api, self._family, reading, _collections(items))

    def test(self) -> list[Check]:
        """The district and each list; where the district cannot be read, that alone."""
        try:
            district = self.district()
        except ProviderError as fault:
            return [Check("district", ok=False, sentence=fault.message)]
        return [_district_check(district)] + [self._check(*each) for each in self._family.checked]

    def _check(self, subject: str, path: str, query: dict[str, str]) -> Check:
        reader = self._api.reader(
            Page[WireSchool], Item[WireSchool], path
        )  # any record will do: only its id is looked at
        try:
            rows = self._api.peek(reader, path, query)
        except ProviderError as fault:
            return Check(subject, ok=False, sentence=fault.message)
        if not rows.records:
            sentence = f"Clever answers, but lists no {subject}. Check what the district shares."
            return Check(subject, ok=subject in _MAY_BE_EMPTY, sentence=sentence)
        count = self._api.count(path, query)
        return Check(subject, ok=True, sentence=f"{count:,} {subject}." if count else f"The {subject} can be read.")


def _district_check(district: DistrictFacts) -> Check:
    name = district.name or district.id
    when = f"last SIS sync {_moment(district.last_sync)}" if district.last_sync else "no SIS sync yet"
    if wrong := _STATES.get(district.state):
        error = f" It says: {district.error[:200]}" if district.error else ""
        return Check("district", ok=False, sentence=f"{name}: {wrong} ({when}).{error}")
    return Check("district", ok=True, sentence=f"{name}, state {district.state or 'not given'}, {when}.")


def _moment(text: str) -> str:
    """``2026-11-28 09:06 UTC`` for Clever's ISO moments; anything else as it is."""
    try:
        return f"{datetime.fromisoformat(text).astimezone(UTC):%Y-%m-%d %H:%M} UTC"
    except ValueError:
        return text


def _collections(items: frozenset[str]) -> frozenset[Collection]:
    """What a fetch of the items would read."""
    people = {Collection.PEOPLE} if USERS in items else set()
    sections = {Collection.TERMS, Collection.COURSES, Collection.SECTIONS} if SECTION_ITEMS in items else set()
    return frozenset({Collection.SCHOOLS} | people | sections)
