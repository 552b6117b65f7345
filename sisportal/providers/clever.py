"""A Clever district as a provider (Data API 3.0 and 3.1)."""

from collections.abc import Iterator

from sisportal.providers.base import Check, DistrictFacts, ProviderError
from sisportal.providers.clever_api import CleverApi
from sisportal.providers.clever_lists import COURSES, SCHOOLS, SECTIONS, TERMS, fetch_list
from sisportal.providers.clever_people import PeopleFetch
from sisportal.providers.clever_wire import WireDistrict, WireSchool, district_facts
from sisportal.providers.paging import Item, Page
from sisportal.roster.records import Batch, School, Seal

USERS = "users"
SECTION_ITEMS = "sections"

_LISTS: tuple[tuple[str, str, dict[str, str]], ...] = (
    ("schools", "/schools", {}),
    ("students", "/users", {"role": "student"}),
    ("teachers", "/users", {"role": "teacher"}),
    ("sections", "/sections", {}),
    ("terms", "/terms", {}),
    ("courses", "/courses", {}),
)
"""What *Test connection* tries besides the district."""
_MAY_BE_EMPTY = frozenset({"terms", "courses"})
"""Sections can be read without them."""

_STATES = {
    "paused": "Clever has paused this district's data until the new school year",
    "pending": "Clever reports an error in this district's data that the district can fix",
    "error": "Clever reports an error with this district that Clever has to fix",
}


class CleverProvider:
    """One district. ``district_id`` may be blank where the token's district is not known yet."""

    def __init__(self, api: CleverApi, *, district_id: str = "") -> None:
        self._api = api
        self._district_id = district_id.strip()

    def district(self) -> DistrictFacts:
        """The district whose token this is; a token of another district is refused."""
        reader = self._api.reader(Page[WireDistrict], Item[WireDistrict], "/districts")
        districts = self._api.first_page(reader, "/districts").records
        mine = [one for one in districts if one.id and self._district_id in ("", one.id)]
        if len(mine) == 1:
            return district_facts(mine[0])
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
            yield from fetch_list(self._api, TERMS)
            yield from fetch_list(self._api, COURSES)
        if USERS in items:
            yield from PeopleFetch(self._api)
        if SECTION_ITEMS in items:
            yield from fetch_list(self._api, SECTIONS)

    def test(self) -> list[Check]:
        """The district and each list; where the district cannot be read, that alone."""
        try:
            district = self.district()
        except ProviderError as fault:
            return [Check("district", ok=False, sentence=fault.message)]
        return [_district_check(district)] + [self._check(*each) for each in _LISTS]

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
    when = f"last SIS sync {district.last_sync}" if district.last_sync else "no SIS sync yet"
    if wrong := _STATES.get(district.state):
        error = f" It says: {district.error[:200]}" if district.error else ""
        return Check("district", ok=False, sentence=f"{name}: {wrong} ({when}).{error}")
    return Check("district", ok=True, sentence=f"{name}, state {district.state or 'not given'}, {when}.")
