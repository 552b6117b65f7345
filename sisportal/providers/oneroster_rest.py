"""OneRoster's collections by REST: in full, or what changed since a moment."""

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

from sisportal.providers.base import ProviderError
from sisportal.providers.completeness import Part
from sisportal.providers.oddities import oddities
from sisportal.providers.oneroster_api import REFUSED_PARAMETERS, OneRosterApi
from sisportal.providers.oneroster_paging import OffsetWalk
from sisportal.providers.oneroster_source import Mode, Slice
from sisportal.providers.oneroster_values import plain
from sisportal.providers.oneroster_wire import CLASSES, ENROLLMENTS, ORGS, SESSIONS, USERS, Listing, WireObject
from sisportal.providers.paging import Tally

ELSEWHERE = frozenset({403, 404, 405, 501})
"""What a source answers that has no such endpoint, or not for us."""
OVERLAP = timedelta(hours=24)
"""How much earlier than asked changes are read: clocks differ, and some sources compare days only."""
MOST_REREAD = 200
"""Classes whose rosters are read one by one; with more of them all enrollments are read."""

_ONLY_SCHOOLS = "The SIS lists its schools only, so that nothing is known of its other organizations."

Walks = Callable[[], Iterator["OffsetWalk[Any]"]]


class RestPull:
    """One collection, read by one walk or by several."""

    def __init__(
        self, listing: Listing, walks: Walks, *, otherwise: Walks | None = None, may_restart: bool = False
    ) -> None:
        """``otherwise`` is read where the first request of ``walks`` (or any, with ``may_restart``) finds no such endpoint."""
        self._listing = listing
        self._walks = walks
        self._otherwise = otherwise
        self._may_restart = may_restart
        self._tally = Tally()
        self._claims: list[int | None] = []
        self._total: int | None = None
        self._has_begun = False
        self._narrower = ""
        """Why what was read otherwise is not everything."""

    @property
    def total(self) -> int | None:
        return self._total

    @property
    def part(self) -> Part:
        claimed = sum(claim or 0 for claim in self._claims) if None not in self._claims else None
        if self._narrower:
            self._tally.doubts, claimed = [self._narrower], None
        return Part(self._tally, claimed, self._listing.noun)

    def __iter__(self) -> Iterator[Slice]:
        try:
            yield from self._read(self._walks)
        except ProviderError as refusal:
            if self._otherwise is None or refusal.status not in ELSEWHERE:
                raise
            if self._may_restart:
                self._tally, self._claims = Tally(), []
            elif self._has_begun:
                raise
            self._narrower = _ONLY_SCHOOLS if self._listing is ORGS else ""
            yield from self._read(self._otherwise)

    def _read(self, walks: Walks) -> Iterator[Slice]:
        met: set[int] = set()
        for walk in walks():
            for haul in walk:
                self._total, self._has_begun = walk.total, True
                fresh = haul.records if not met else [one for one in haul.records if hash(one.id) not in met]
                yield Slice(fresh, oddities(haul, self._listing.kind))
            self._has_begun = True
            again = len(walk.seen & met) if met else 0
            self._add(walk, again)
            met = met | walk.seen if met else walk.seen

    def _add(self, walk: "OffsetWalk[Any]", again: int) -> None:
        """Add what a walk saw; ``again`` of its rows came with an earlier one."""
        tally, seen = self._tally, walk.tally
        tally.pages += seen.pages
        tally.rows += seen.rows
        tally.unread += seen.unread
        tally.repeated += seen.repeated
        tally.distinct += seen.distinct - again
        tally.doubts += seen.doubts
        self._claims.append(None if walk.claimed is None else walk.claimed - again)


class RestSource:
    """Every collection in full. Where a source lacks an endpoint, the ones that say the same are read."""

    def __init__(self, api: OneRosterApi) -> None:
        self._api = api

    @property
    def doubtful(self) -> frozenset[str]:
        return frozenset()

    @property
    def may_lack_everybody(self) -> bool:
        return False

    def mode(self, listing: Listing) -> Mode:  # noqa: ARG002  # the same for every one
        return Mode.BULK

    def pull(self, listing: Listing) -> RestPull:
        return RestPull(listing, lambda: iter((self._walk(listing),)), otherwise=self._other_ways(listing))

    def rosters(self, schools: Mapping[str, str]) -> RestPull:
        """The enrollments of some classes: class by class, or, where they are many or that is not offered, all there are."""
        if len(schools) > MOST_REREAD:
            return RestSource.pull(self, ENROLLMENTS)

        def one_by_one() -> Iterator[OffsetWalk[Any]]:
            for class_id, school in schools.items():
                yield self._walk(
                    ENROLLMENTS, f"/schools/{quote(school, safe='')}/classes/{quote(class_id, safe='')}/enrollments"
                )

        return RestPull(ENROLLMENTS, one_by_one, otherwise=lambda: iter((self._walk(ENROLLMENTS),)), may_restart=True)

    def _walk(self, listing: Listing, path: str = "", key: str = "") -> OffsetWalk[Any]:
        return self._api.walk(listing, listing.shape, path=path, keys=(key,) if key else ())

    def _other_ways(self, listing: Listing) -> Walks | None:
        if listing is ORGS:
            return lambda: iter((self._walk(ORGS, "/schools", "schools"),))
        if listing is USERS:
            kinds = ("teachers", "students")
            return lambda: (self._walk(USERS, f"/{kind}", kind) for kind in kinds)
        if listing is ENROLLMENTS or listing is CLASSES:
            name = listing.envelope
            return lambda: (self._walk(listing, f"/schools/{quote(one, safe='')}/{name}") for one in self._school_ids())
        return None

    def _school_ids(self) -> list[str]:
        """The ids of the schools, for endpoints that want one."""
        pull = self.pull(ORGS)
        return [one.id for part in pull for one in part.objects if plain(one.type).lower() == "school"]


class ChangesSource(RestSource):
    """What changed since a moment; organizations and sessions, of which there are few, in full."""

    def __init__(self, api: OneRosterApi, since: datetime) -> None:
        super().__init__(api)
        self._since = since.astimezone(UTC) - OVERLAP

    def mode(self, listing: Listing) -> Mode:
        return Mode.BULK if listing in (ORGS, SESSIONS) else Mode.DELTA

    def pull(self, listing: Listing) -> "RestPull | ChangesPull":  # type: ignore[override]  # either is a Pull
        if self.mode(listing) is Mode.BULK:
            return super().pull(listing)
        return ChangesPull(self._api, listing, self._since)


class ChangesPull:
    """The changed objects of one collection. Raises ``ProviderError`` ``not-filtered`` where it is not certain to be them."""

    def __init__(self, api: OneRosterApi, listing: Listing, since: datetime) -> None:
        self._api = api
        self._listing = listing
        self._since = since
        self._walk = api.walk(listing, listing.shape, filter=_newer_than(since))

    @property
    def total(self) -> int | None:
        return None

    @property
    def part(self) -> Part:
        return Part(self._walk.tally, None, self._listing.noun)

    def __iter__(self) -> Iterator[Slice]:
        try:
            for haul in self._walk:
                self._require_filtered(haul.records)
                yield Slice(haul.records, oddities(haul, self._listing.kind))
        except ProviderError as refusal:
            if refusal.status in REFUSED_PARAMETERS:
                raise self._not_filtered("did not take the request for changes only") from None
            if refusal.status in ELSEWHERE and not self._listing.optional:
                raise self._not_filtered("has no list to ask for changes") from None
            raise
        tally = self._walk.tally
        if tally.repeated or tally.doubts:
            raise self._not_filtered("did not list the changes in one piece")
        if not tally.rows:
            self._require_that_silence_is_news()

    def _require_filtered(self, records: list[WireObject]) -> None:
        """Each must have changed since the moment asked for; a source that compares days only may begin a day earlier."""
        earliest = self._since - OVERLAP
        for one in records:
            changed = _moment(one.date_last_modified)
            if changed is None:
                raise self._not_filtered("does not say when its records changed")
            if changed < earliest:
                raise self._not_filtered("listed records that did not change")

    def _require_that_silence_is_news(self) -> None:
        """An empty answer may also come from a source that does not understand the filter."""
        ever, _ = self._api.peek(self._listing, _newer_than(datetime(1970, 1, 1, tzinfo=UTC)))
        if not ever.records and self._api.peek(self._listing)[0].records:
            raise self._not_filtered("lists nothing when asked for changes")

    def _not_filtered(self, what: str) -> ProviderError:
        return ProviderError(
            f"The SIS {what} ({self._listing.noun}), so everything has to be read.",
            code="not-filtered",
            path=self._listing.path,
        )


def _newer_than(moment: datetime) -> str:
    return f"dateLastModified>'{moment:%Y-%m-%dT%H:%M:%S}.000Z'"


def _moment(text: str | None) -> datetime | None:
    try:
        moment = datetime.fromisoformat(plain(text))
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def changes_are_told(api: OneRosterApi, listing: Listing) -> bool:
    """Whether the source filters by date: of what will change in a hundred years there is nothing yet."""
    rows, _ = api.peek(listing, _newer_than(datetime(2126, 1, 1, tzinfo=UTC)))
    return not rows.records
