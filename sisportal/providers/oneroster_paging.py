"""OneRoster's lists: pages by offset, until it is certain that no row was missed, or that it cannot be certain.

Sources differ in all that paging rests on. Some clamp ``limit``, some tell no total or a wrong one, some keep no order
between two requests, some list a row twice, some do not page at all. So the next offset is always what was received (never
what was asked for), a list ends where a page is empty, rows are told apart by their ids, and a walk that was not clean is
made again.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Generic, TypeVar
from urllib.parse import parse_qsl

import msgspec
from requests.utils import parse_header_links

from sisportal.providers.base import ProviderError
from sisportal.providers.oneroster_wire import WireObject
from sisportal.providers.paging import Haul, Rows, Tally

W = TypeVar("W", bound=WireObject)
Query = dict[str, str]
Answer = tuple[Rows[W], Mapping[str, str]]

MOST_PASSES = 4
"""How often a list is walked that does not stay the same: then what is missing stays missing, and is said to be."""
MOST_PAGES = 20_000
MOST_IDLE = 3
"""Pages in a row without a new row, after which a list is not followed any further."""


class _Pass(msgspec.Struct):
    """One walk from the first page to the last."""

    own: set[int]
    """Marks of the ids of this pass."""
    pages: int = 0
    rows: int = 0
    offset: int = 0
    """How many rows of the list lie behind."""
    unread: int = 0
    repeated: int = 0
    order: int = 0
    """Tells whether two passes gave the same rows in the same order."""
    total: int | None = None
    moved: bool = False
    """Whether the total was another one from page to page."""
    largest: int = 0
    is_full: bool = False
    """Whether the last page was as large as any."""
    first_page: int = 0
    last_page: int = 0
    idle: int = 0
    """How many pages in a row brought nothing new."""
    doubt: str = ""


class OffsetWalk(Generic[W]):
    """One list. Iterate it once: every record comes once; ``tally`` and ``claimed`` are whole afterwards.

    Ids are remembered as 64-bit marks: a list may have millions of rows.
    """

    def __init__(
        self,
        get: Callable[[Query], Answer[W]],
        path: str,
        *,
        page_size: int,
        filtered: bool = False,
        most_pages: int = MOST_PAGES,
    ) -> None:
        """``get`` turns ``limit``, ``offset`` and the like into a page and its headers.

        With a filter the total proves nothing: some count before they filter.
        """
        self._get = get
        self._path = path
        self._page_size = page_size
        self._filtered = filtered
        self._most_pages = most_pages
        self._seen: set[int] = set()
        self.tally = Tally()
        self.claimed: int | None = None
        self.total: int | None = None
        """What the last answer said about how many rows there are."""

    @property
    def seen(self) -> set[int]:
        """Marks (hashes) of every id that was listed."""
        return self._seen

    def __iter__(self) -> Iterator[Haul[W]]:
        before: _Pass | None = None
        for _ in range(MOST_PASSES):
            this = _Pass(set() if before else self._seen)
            yield from self._pass(this)
            self._seen |= this.own
            proven = self._is_proven(this, before)
            self._sum_up(this, proven=proven)
            if proven or this.doubt or (before and this.order == before.order):
                return
            before = this

    def _pass(self, this: _Pass) -> Iterator[Haul[W]]:
        query: Query | None = {"limit": str(self._page_size), "offset": "0"}
        while query is not None:
            if this.pages >= self._most_pages:
                raise self._endless()
            rows, headers = self._answer(this, query)
            self._note_total(this, headers)
            known = len(this.own)
            haul = self._once_each(rows, this)
            count = len(rows.records) + rows.unread
            if count:
                yield haul
            stuck = self._is_stuck(rows, this, fresh=len(this.own) > known)
            query = None if stuck else self._next(this, count, query, headers)

    def _answer(self, this: _Pass, query: Query) -> Answer[W]:
        """A page. An empty one after a full one, where no total tells that it is the end, is asked for once more."""
        answer = self._get(query)
        this.pages += 1
        if not (answer[0].records or answer[0].unread) and this.is_full and (this.total is None or self._filtered):
            answer = self._get(query)
            this.pages += 1
        return answer

    def _note_total(self, this: _Pass, headers: Mapping[str, str]) -> None:
        told = headers.get("X-Total-Count", "").strip()
        total = int(told) if told.isdecimal() else None
        if total is None:
            return
        this.moved = this.moved or this.total not in (None, total)
        this.total = self.total = total

    def _once_each(self, rows: Rows[W], this: _Pass) -> Haul[W]:
        """The page's records that no page had before. Only the first pass tells what is odd about rows."""
        records = rows.records
        first_time = this.own is self._seen
        ids = [record.id for record in records]
        marks = [hash(id_) for id_ in ids]
        this.order = hash((this.order, *marks))
        this.rows += len(ids) + rows.unread
        fresh = set(marks)
        this.offset += self._passed(len(ids) + rows.unread, repeats=len(fresh) < len(ids))
        if len(fresh) == len(marks) and self._seen.isdisjoint(fresh) and "" not in ids:
            this.own |= fresh
            this.unread += rows.unread
            return Haul(records, [], 0, rows.unread, rows.flaws)
        kept, repeated, nameless = self._sifted(records, this)
        this.unread += nameless + rows.unread
        this.repeated += len(repeated)
        if not first_time:
            return Haul(kept, [], 0, 0, [])
        return Haul(kept, repeated, nameless, rows.unread, rows.flaws)

    def _passed(self, count: int, *, repeats: bool) -> int:
        """How far a page leads: past what came, but not past what was asked for where rows of it came twice."""
        return min(count, self._page_size) if repeats else count

    def _sifted(self, records: list[W], this: _Pass) -> tuple[list[W], list[str], int]:
        """The records whose id is new, the ids that came before in this pass, and how many have none."""
        kept: list[W] = []
        repeated: list[str] = []
        nameless = 0
        for record in records:
            mark = hash(record.id)
            if not record.id:
                nameless += 1
            elif mark in this.own:
                repeated.append(record.id)
            else:
                if mark not in self._seen:
                    kept.append(record)
                this.own.add(mark)
        return kept, repeated, nameless

    def _next(self, this: _Pass, count: int, query: Query, headers: Mapping[str, str]) -> Query | None:
        """What to ask for next; None at the end."""
        if count == 0:
            return None
        short = count < this.largest
        this.largest = max(this.largest, count)
        this.is_full = not short
        if (cursor := self._cursor(headers, query)) is not None:
            return cursor
        if short and not self._filtered and not this.repeated and this.total == this.rows:
            return None
        if not this.moved and this.own is not self._seen and this.total == len(self._seen | this.own):
            return None
        return {"limit": str(self._page_size), "offset": str(this.offset)}

    def _cursor(self, headers: Mapping[str, str], query: Query) -> Query | None:
        """The query of a ``next`` link that leads on by something other than an offset.

        A link with an offset is not followed: where ``limit`` was clamped it may leap over rows. Only the query of a link is
        used, and only where it is this list's: the credentials go nowhere else.
        """
        for link in parse_header_links(headers.get("Link", "").rstrip(", ")):
            path, _, asked_for = link.get("url", "").partition("?")
            asked = dict(parse_qsl(asked_for))
            if link.get("rel") == "next" and asked and "offset" not in asked and path.endswith(self._path):
                return None if asked == query else asked
        return None

    def _is_stuck(self, rows: Rows[W], this: _Pass, *, fresh: bool) -> bool:
        """Whether the pages lead nowhere: the source may not page at all, or may repeat itself for ever."""
        page = hash(tuple(record.id for record in rows.records))
        first_page, last_page = this.first_page, this.last_page
        this.first_page, this.last_page = first_page if this.pages > 1 else page, page
        this.idle = 0 if fresh or not rows.records else this.idle + 1
        if not this.idle or (page not in (first_page, last_page) and this.idle < MOST_IDLE):
            return False
        if this.total is not None and not self._filtered and len(this.own) >= this.total:
            this.repeated, this.rows = 0, len(this.own)
        elif self._does_not_page(this):
            this.repeated, this.unread, this.rows = 0, 0, len(this.own)
        else:
            this.doubt = "The SIS repeats its pages instead of going on."
        return True

    def _does_not_page(self, this: _Pass) -> bool:
        """Whether the whole list came with the first page: asked for one row, the source sends all of them again.

        A list that is cut at a round number of rows is not believed to be whole.
        """
        if this.pages != 2 or this.largest % 50 == 0 or self._filtered:
            return False
        rows, _ = self._get({"limit": "1", "offset": "0"})
        this.pages += 1
        return {hash(record.id) for record in rows.records if record.id} == this.own

    def _is_proven(self, this: _Pass, before: _Pass | None) -> bool:
        total = None if self._filtered else this.total
        if this.doubt or (this.moved and not self._filtered):
            return False
        if not this.repeated and total in (None, this.rows):
            return True
        if total is not None and total == len(self._seen):
            return True
        same_again = before is not None and before.order == this.order
        return same_again and total in (None, this.rows, len(this.own))

    def _sum_up(self, this: _Pass, *, proven: bool) -> None:
        tally = self.tally
        tally.pages += this.pages
        tally.rows = this.rows
        tally.unread = this.unread
        tally.distinct = len(self._seen)
        tally.repeated = 0 if proven or this.doubt else this.repeated
        tally.doubts = [] if proven else [this.doubt or "The list changed while it was read."]
        self.claimed = None if self._filtered else this.total
        if proven and self.claimed is not None:
            self.claimed = tally.distinct  # what the source counts twice is listed twice
        elif self.claimed == tally.distinct:
            self.claimed = None  # the numbers agree by chance, and prove nothing

    def _endless(self) -> ProviderError:
        return ProviderError(
            f"The list {self._path} does not end: its pages go on without limit. Nothing was taken as missing. "
            "Prepare again later; if it stays, ask the SIS vendor's support.",
            code="endless-paging",
            permanent=False,
            path=self._path,
        )
