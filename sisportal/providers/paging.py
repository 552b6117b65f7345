"""Clever's lists: pages followed to their end, each row read once, anything odd on the way kept as a doubt.

Clever's paging: ascending ids, a cursor in the ``next`` link, and after a full page perhaps an empty last one.
"""

import math
from collections.abc import Callable, Iterator
from typing import Generic, Protocol, TypeVar
from urllib.parse import urlencode, urlsplit

import msgspec

from sisportal.providers import faults
from sisportal.providers.base import ProviderError
from sisportal.providers.mending import Flaw, mend

MOST_PAGES = 5_000
"""A list with more pages than this does not end: five million rows at 1,000 a page."""


class HasId(Protocol):
    """A record as it is on the wire; a missing id is blank."""

    @property
    def id(self) -> str: ...


R = TypeVar("R", bound=HasId)


class Item(msgspec.Struct, Generic[R], gc=False):
    """One element of a list: ``{"data": {...record...}, "uri": "..."}``."""

    data: R


class Link(msgspec.Struct, gc=False):
    """Where a page leads to."""

    rel: str = ""
    uri: str = ""


class Page(msgspec.Struct, Generic[R]):
    """The envelope of a list."""

    data: list[Item[R]]
    links: list[Link] = []


class _LoosePage(msgspec.Struct):
    data: list[msgspec.Raw]
    links: msgspec.Raw = msgspec.Raw(b"[]")


class Rows(msgspec.Struct, Generic[R]):
    """What one page held: its records as they came, and what of it could not be read."""

    records: list[R]
    links: list[Link]
    flaws: list[tuple[R, list[Flaw]]] = []
    unread: int = 0
    """Rows that are no records."""


class PageReader(Generic[R]):
    """Reads one kind of page from its bytes: at once where it is as it should be, else row by row."""

    def __init__(self, page: type[Page[R]], item: type[Item[R]], path: str) -> None:
        self._decode = msgspec.json.Decoder(page).decode
        self._item = item
        self._path = path

    def __call__(self, content: bytes) -> Rows[R]:
        """Raises ``msgspec.DecodeError`` for what is not JSON, ``ProviderError`` for JSON that is no list."""
        try:
            page = self._decode(content)
        except msgspec.ValidationError:
            return self._row_by_row(content)
        return Rows([item.data for item in page.data], page.links)

    def _row_by_row(self, content: bytes) -> Rows[R]:
        try:
            page = msgspec.json.decode(content, type=_LoosePage)
        except msgspec.ValidationError:
            raise faults.no_envelope(self._path) from None
        rows: Rows[R] = Rows([], _links(page.links), [], 0)
        for raw in page.data:
            item, flaws = mend(raw, self._item)
            if item is None:
                rows.unread += 1
                continue
            rows.records.append(item.data)
            if flaws:
                rows.flaws.append((item.data, flaws))
        return rows


def _links(raw: msgspec.Raw) -> list[Link]:
    try:
        return msgspec.json.decode(raw, type=list[Link])
    except msgspec.ValidationError:
        return []  # the walk then asks with a cursor of its own


class Haul(msgspec.Struct, Generic[R]):
    """One page's records, each id once in the whole walk, and what was odd about the page."""

    records: list[R]
    repeated: list[str]
    nameless: int
    """Records without an id."""
    unread: int
    """Rows that are no records at all."""
    flaws: list[tuple[R, list[Flaw]]]


class Tally(msgspec.Struct):
    """What a walk has seen so far. ``doubts`` are sentences about why it may not have been everything."""

    pages: int = 0
    rows: int = 0
    distinct: int = 0
    unread: int = 0
    """Rows that are no records, have no id, or lack what they cannot be used without."""
    repeated: int = 0
    doubts: list[str] = msgspec.field(default_factory=list)


class Walk(Generic[R]):
    """One list from its first page to its last. Iterate it once; ``tally`` and ``seen`` are whole afterwards."""

    def __init__(
        self,
        get: Callable[[str], Rows[R]],
        path: str,
        query: dict[str, str],
        *,
        page_size: int,
        most_pages: int = MOST_PAGES,
        claimed: int | None = None,
    ) -> None:
        """``claimed`` is how many rows the server says there are. ``get`` turns a query string into a page; ``path`` is the list's, with version: ``/v3.1/users``."""
        self._get = get
        self._path = path
        self._query = query | {"limit": str(page_size)}
        self._page_size = page_size
        self._most_pages = most_pages
        self._most_rows = math.inf if claimed is None else 2 * claimed + 10 * page_size
        self.tally = Tally()
        self.seen: set[str] = set()

    def __iter__(self) -> Iterator[Haul[R]]:
        query: str | None = urlencode(self._query)
        asked: set[str] = set()
        while query is not None:
            if query in asked or len(asked) >= self._most_pages or self.tally.rows > self._most_rows:
                raise self._endless()
            asked.add(query)
            rows = self._get(query)
            self.tally.pages += 1
            yield self._once_each(rows)
            query = self._next(rows)

    def _once_each(self, rows: Rows[R]) -> Haul[R]:
        records = rows.records
        ids = [record.id for record in records]
        fresh = set(ids)
        repeated: list[str] = []
        nameless = 0
        if len(fresh) != len(ids) or "" in fresh or not self.seen.isdisjoint(fresh):
            if ids and fresh <= self.seen:
                raise self._repeated_page()
            records, repeated, nameless = self._sifted(records)
            fresh.discard("")
        self.seen |= fresh
        tally = self.tally
        tally.rows += len(ids) + rows.unread
        tally.unread += nameless + rows.unread
        tally.repeated += len(repeated)
        tally.distinct = len(self.seen)
        return Haul(records, repeated, nameless, rows.unread, rows.flaws)

    def _sifted(self, records: list[R]) -> tuple[list[R], list[str], int]:
        """The records whose id is new, the ids that are not, and how many have none."""
        kept: dict[str, R] = {}
        repeated: list[str] = []
        nameless = 0
        for record in records:
            if not record.id:
                nameless += 1
            elif record.id in kept or record.id in self.seen:
                repeated.append(record.id)
            else:
                kept[record.id] = record
        return list(kept.values()), repeated, nameless

    def _next(self, rows: Rows[R]) -> str | None:
        """The query of the next page, None at the end.

        After a full page without a link we ask with a cursor of our own: a list that breaks off must not look like one
        that ends.
        """
        link = next((link for link in rows.links if link.rel == "next"), None)
        count = len(rows.records) + rows.unread
        if count == 0:
            if link is not None:
                self.tally.doubts.append("A page in the middle of the list was empty.")
            return None
        if link is not None:
            return self._query_of(link)
        if count < self._page_size:
            return None
        last = next((record.id for record in reversed(rows.records) if record.id), "")
        return urlencode(self._query | {"starting_after": last}) if last else None

    def _query_of(self, link: Link) -> str:
        """Only the query of a link is used, and only where it is the same list's: the token goes nowhere else."""
        target = urlsplit(link.uri)
        if not target.path.endswith(self._path) or not target.query:
            raise ProviderError(
                f"A page of {self._path} says that the list goes on at another address, which was not followed. "
                f"{faults.CHECK_URL}",
                code="foreign-link",
                path=self._path,
            )
        return target.query

    def _repeated_page(self) -> ProviderError:
        return ProviderError(
            f"The SIS sent the same page of {self._path} twice, so the list could not be read to its end. Nothing was taken as "
            "missing. Prepare again later; if it stays, ask the SIS vendor's support.",
            code="repeated-page",
            permanent=False,
            path=self._path,
        )

    def _endless(self) -> ProviderError:
        return ProviderError(
            f"The list {self._path} does not end: its pages lead back to one another, or go on without limit. Nothing was taken "
            "as missing. Prepare again later; if it stays, ask the SIS vendor's support.",
            code="endless-paging",
            permanent=False,
            path=self._path,
        )
