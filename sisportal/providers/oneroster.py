"""A OneRoster source (1.1 or 1.2, by REST) as a provider."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from urllib.parse import urlsplit

from sisportal.providers.base import Check, DistrictFacts, Held, ProviderError
from sisportal.providers.oneroster_api import OneRosterApi
from sisportal.providers.oneroster_calendar import SchoolYear
from sisportal.providers.oneroster_fetch import Reading
from sisportal.providers.oneroster_rest import ChangesSource, RestSource, changes_are_told
from sisportal.providers.oneroster_wire import (
    CLASSES,
    COURSES,
    DEMOGRAPHICS,
    ENROLLMENTS,
    ORGS,
    SESSIONS,
    USERS,
    Listing,
)
from sisportal.roster.records import Batch, School, Seal, Term


class OneRosterProvider:
    """One SIS that speaks OneRoster."""

    def __init__(self, api: OneRosterApi, year: SchoolYear, *, clock: Callable[[], float]) -> None:
        self._api = api
        self._year = year
        self._clock = clock

    @property
    def version(self) -> str:
        """``1.1`` or ``1.2``, as found; asks the SIS where that is not known yet."""
        return self._api.place().version

    def district(self) -> DistrictFacts:
        """The organization at the top, where there is one; else the address that the SIS is read from."""
        return district_of(self.schools(), urlsplit(self._api.place().url).netloc)

    def schools(self) -> list[School]:
        """Every organization, in the order of the source."""
        self._api.begin()
        return schools_of(self._reading(RestSource(self._api)).schools())

    def fetch(self, *, items: frozenset[str]) -> Iterator[Batch | Seal]:
        """See ``Provider.fetch``."""
        self._api.begin()
        yield from self._reading(RestSource(self._api)).steps(items)

    def changes_since(self, since: datetime, *, items: frozenset[str], held: Held) -> Iterator[Batch | Seal]:
        """What changed since a moment (aware), read with an overlap of a day; seals are not complete and give no reason.

        Organizations and sessions are read in full. Raises ``ProviderError`` ``not-filtered`` where only reading everything
        tells what changed: the SIS does not filter, or a session changed, which moves classes that did not change themselves.
        Records that vanished from the SIS are never told as changes, so everything must be read from time to time.
        """
        self._api.begin()
        source = ChangesSource(self._api, since)
        known = held.terms()
        for step in Reading(source, self._year, today=self._today(), held=held).steps(items):
            if isinstance(step, Batch) and any(
                isinstance(one, Term) and known.get(one.source_id) != one for one in step.records
            ):
                raise ProviderError(
                    "Academic sessions changed, so everything has to be read.", code="not-filtered", path=SESSIONS.path
                )
            yield step

    def newest_change(self) -> str:
        """See ``DatedProvider.newest_change``."""
        return self._api.newest_change

    def test(self) -> list[Check]:
        """The address and version, then every endpoint; where there is no answer at all, that alone."""
        self._api.begin()
        try:
            place = self._api.place()
            self._api.peek(ORGS)
        except ProviderError as fault:
            return [Check("connection", ok=False, sentence=fault.message)]
        found = Check("connection", ok=True, sentence=f"OneRoster {place.version} at {place.url}.")
        needed = [self._check(listing) for listing in (ORGS, USERS, CLASSES, ENROLLMENTS)]
        more = [self._check(listing) for listing in (SESSIONS, COURSES, DEMOGRAPHICS)]
        return [found, *needed, *more, self._check_changes()]

    def _check(self, listing: Listing) -> Check:
        subject = listing.path.removeprefix("/")
        try:
            rows, headers = self._api.peek(listing)
        except ProviderError as fault:
            if listing.optional:
                return Check(
                    subject, ok=listing is DEMOGRAPHICS, sentence=f"Not shared; it can be done without. {fault.message}"
                )
            return Check(subject, ok=False, sentence=fault.message)
        if not rows.records:
            return Check(subject, ok=listing.optional, sentence=f"The SIS answers, but lists no {listing.noun}.")
        total = headers.get("X-Total-Count", "")
        return Check(
            subject,
            ok=True,
            sentence=f"{int(total):,} {listing.noun}." if total.isdecimal() else f"The {listing.noun} can be read.",
        )

    def _check_changes(self) -> Check:
        try:
            told = changes_are_told(self._api, USERS)
        except ProviderError:
            told = False
        sentence = (
            "Quick sync reads only what changed."
            if told
            else "The SIS does not list changes alone: Quick sync reads everything."
        )
        return Check("changes", ok=True, sentence=sentence)

    def _reading(self, source: RestSource) -> Reading:
        return Reading(source, self._year, today=self._today())

    def _today(self) -> str:
        return datetime.fromtimestamp(self._clock(), UTC).date().isoformat()


def schools_of(steps: Iterator[Batch | Seal]) -> list[School]:
    """The organizations of a reading."""
    return [one for step in steps if isinstance(step, Batch) for one in step.records if isinstance(one, School)]


def district_of(schools: list[School], otherwise: str) -> DistrictFacts:
    """The one organization at the top that is no school; with none, or several, ``otherwise`` is its id and name."""
    ids = {school.source_id for school in schools}
    tops = [school for school in schools if school.kind != "school" and school.parent not in ids]
    if len(tops) == 1:
        return DistrictFacts(tops[0].source_id, tops[0].name)
    return DistrictFacts(otherwise, otherwise)
