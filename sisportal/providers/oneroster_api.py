"""OneRoster's REST API as requests: where it is, which version it speaks, what it lets us ask for."""

import re
from collections.abc import Mapping
from typing import Any, NamedTuple, TypeVar
from urllib.parse import quote, urlencode

from sisportal.providers.base import ProviderError
from sisportal.providers.http import ATTEMPTS, Wire
from sisportal.providers.oneroster_access import Credentials
from sisportal.providers.oneroster_paging import MOST_PAGES, OffsetWalk, Query
from sisportal.providers.oneroster_reading import ListReader
from sisportal.providers.oneroster_wire import ORGS, Listing, WireObject
from sisportal.providers.paging import Rows

W = TypeVar("W", bound=WireObject)

ONEROSTER_VERSIONS = ("1.1", "1.2")
ATTEMPTS_WHERE_ONE_WAITS = 2
SMALL_PAGE = 100
"""What the specification takes for granted where no limit is given."""
REFUSED_PARAMETERS = frozenset({400, 413, 414, 422, 501})

_SERVICE = re.compile(r"(?i)/ims/oneroster(/rostering)?(/v1p[012])?$")
_VERSIONED = re.compile(r"(?i)/v1p([12])$")
_ROOTS = {"1.1": ("/ims/oneroster/v1p1",), "1.2": ("/ims/oneroster/rostering/v1p2", "/ims/oneroster/v1p2")}


class Place(NamedTuple):
    """Where a version of the API may be."""

    url: str
    version: str


def places(entered: str, version: str) -> list[Place]:
    """Where to look, best first. ``entered`` may end with ``/ims/oneroster/…`` or not; ``version`` may be blank.

    What was entered with a version is tried as it is, unless another version was chosen: then first where that would be.
    """
    root = _SERVICE.sub("", entered)
    wanted = (version,) if version else ONEROSTER_VERSIONS
    guessed = [Place(root + path, one) for one in wanted for path in _ROOTS[one]]
    found = _VERSIONED.search(entered)
    if found is None:
        own = [Place(entered, version or "1.1")] if root == entered else []
        return guessed + own
    given = Place(entered, f"1.{found[1]}")
    if given.version == "1.1" and given.version in wanted:
        return [given]
    others = [place for place in guessed if place.version != "1.1" or version == "1.1"]
    if version not in ("", given.version):
        return [*others, given]
    return [given, *(place for place in others if place.url != entered)]


class OneRosterApi:
    """Requests to one SIS. Nothing is requested before the first list."""

    def __init__(
        self,
        wire: Wire,
        credentials: Credentials,
        *,
        candidates: list[Place],
        page_size: int,
        most_pages: int = MOST_PAGES,
    ) -> None:
        self._wire = wire
        self._credentials = credentials
        self._candidates = candidates
        self._place: Place | None = None
        self._page_size = page_size
        self._most_pages = most_pages
        self._sorts = True
        self._revision = ""
        self.newest_change = ""
        """When the newest of all that was listed so far changed, as the source gives it; blank where nothing says."""

    def place(self) -> Place:
        """Where the API is: looked for once. Raises ``ProviderError`` where it is nowhere."""
        if self._place is None:
            self._place = self._found()
        return self._place

    def begin(self) -> None:
        """A fetch begins: what it reads must all be of one revision."""
        self._revision = ""

    def walk(
        self, listing: Listing, shape: type[W], *, path: str = "", keys: tuple[str, ...] = (), filter: str = ""
    ) -> OffsetWalk[W]:
        """The whole list, page by page. ``path`` and ``keys`` say where it is, if not at the listing's own endpoint."""
        where = path or listing.path
        reader = ListReader(shape, (listing.envelope, *keys), listing.path)
        extra = {"filter": filter} if filter else {}
        return OffsetWalk(
            lambda query: self._page(where, listing.path, query | extra, reader),
            where.rpartition("/")[2],
            page_size=self._page_size,
            filtered=bool(filter),
            most_pages=self._most_pages,
        )

    def peek(self, listing: Listing, filter: str = "") -> tuple[Rows[Any], Mapping[str, str]]:
        """The list's first row, without patience."""
        query = {"limit": "1", "offset": "0"} | ({"filter": filter} if filter else {})
        reader: ListReader[Any] = ListReader(listing.shape, (listing.envelope,), listing.path)
        return self._get(self.place(), listing.path, listing.path, query, reader, ATTEMPTS_WHERE_ONE_WAITS)

    def _page(self, path: str, name: str, query: Query, reader: ListReader[W]) -> tuple[Rows[W], Mapping[str, str]]:
        """A page. Where the first one is refused for its parameters, it is asked for with fewer, and so all after it."""
        place = self.place()
        is_first = query.get("offset") == "0"
        while True:
            asked = self._polite(query)
            try:
                rows, headers = self._get(place, path, name, asked, reader, ATTEMPTS)
            except ProviderError as refusal:
                if not is_first or refusal.status not in REFUSED_PARAMETERS or not self._ask_for_less():
                    raise
            else:
                changed = max((one.date_last_modified or "" for one in rows.records), default="")
                self.newest_change = max(self.newest_change, changed)
                return rows, headers

    def _polite(self, query: Query) -> Query:
        """The query with the order we want and no larger limit than was accepted before."""
        if "limit" not in query or "offset" not in query:
            return query  # a link of the source's own
        limit = str(min(int(query["limit"]), self._page_size))
        order = {"sort": "sourcedId", "orderBy": "asc"} if self._sorts else {}
        return query | {"limit": limit} | order

    def _ask_for_less(self) -> bool:
        if self._sorts:
            self._sorts = False
        elif self._page_size > SMALL_PAGE:
            self._page_size = SMALL_PAGE
        else:
            return False
        return True

    def _get(
        self, place: Place, path: str, name: str, query: Query, reader: ListReader[W], attempts: int
    ) -> tuple[Rows[W], Mapping[str, str]]:
        url = f"{place.url}{path}?{urlencode(query, quote_via=quote, safe='')}"
        authorization = self._credentials.authorize(url)
        try:
            rows, headers = self._wire.get_with_headers(url, name, authorization, reader, attempts=attempts)
        except ProviderError as refusal:
            if not self._credentials.has_another_way(refusal.status):
                raise
            rows, headers = self._wire.get_with_headers(url, name, authorization, reader, attempts=attempts)
        self._credentials.accepted()
        self._require_same_revision(headers)
        return rows, headers

    def _require_same_revision(self, headers: Mapping[str, str]) -> None:
        """ClassLink tells the revision of all its data: where it changes, what was read before does not fit any more."""
        revision = headers.get("X-Perm-Rev", "").strip()
        if revision and self._revision not in ("", revision):
            raise ProviderError(
                "The SIS loaded new data while it was being read, so that what was read does not fit together. "
                "Nothing was changed. Prepare again in a few minutes.",
                code="revision-changed",
                permanent=False,
            )
        self._revision = revision or self._revision

    def _found(self) -> Place:
        if len(self._candidates) == 1:
            self._credentials.prepare(self._candidates[0].version)
            return self._candidates[0]
        refusals: list[ProviderError] = []
        for path in (ORGS.path, "/schools"):  # a few list schools only
            for place in self._candidates:
                refusal = self._refusal_at(place, path)
                if refusal is None:
                    return place
                refusals.append(refusal)
            if any(refusal.code not in _NOTHING_THERE for refusal in refusals):
                break
        raise min(refusals, key=_telling)

    def _refusal_at(self, place: Place, path: str) -> ProviderError | None:
        """Why the API is not at ``place``; None where it is."""
        self._credentials.prepare(place.version)
        reader: ListReader[Any] = ListReader(ORGS.shape, (ORGS.envelope, "schools"), path)
        try:
            self._get(place, path, path, {"limit": "1"}, reader, ATTEMPTS_WHERE_ONE_WAITS)
        except ProviderError as refusal:
            if refusal.code == "unreachable":
                raise
            return refusal
        return None


_NOTHING_THERE = frozenset({"not-found", "redirected", "not-json", "no-envelope"})


def _telling(refusal: ProviderError) -> int:
    """What tells an administrator most: refused credentials, then other refusals, then *not found*."""
    return {"unauthorized": 0, "forbidden": 1, "not-found": 4, "redirected": 4, "not-json": 3}.get(refusal.code, 2)
