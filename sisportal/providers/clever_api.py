"""Clever's Data API as requests: one district's token, one version, lists and counts."""

from collections.abc import Callable
from typing import TypeVar
from urllib.parse import urlencode

import msgspec

from sisportal.providers.base import ProviderError
from sisportal.providers.http import ATTEMPTS, Authorization, Wire
from sisportal.providers.paging import MOST_PAGES, HasId, Item, Page, PageReader, Rows, Walk

R = TypeVar("R", bound=HasId)
T = TypeVar("T")

ATTEMPTS_WHERE_ONE_WAITS = 2
"""For a person in front of *Test connection*, and for numbers that can be done without."""


class _Count(msgspec.Struct):
    """``?count=true`` answers with a number and no data; where it is not understood, with an ordinary page."""

    count: int | None = None


class CleverApi:
    """Requests to ``base_url`` (an origin, perhaps with a path, without version)."""

    def __init__(
        self,
        wire: Wire,
        authorization: Authorization,
        *,
        base_url: str,
        version: str,
        page_size: int,
        most_pages: int = MOST_PAGES,
    ) -> None:
        self._wire = wire
        self._authorization = authorization
        self._base_url = base_url
        self._version = version
        self._page_size = page_size
        self._most_pages = most_pages

    def reader(self, page: type[Page[R]], item: type[Item[R]], path: str) -> PageReader[R]:
        """A reader for the list at ``path`` (``/users``)."""
        return PageReader(page, item, self._full(path))

    def walk(
        self, reader: Callable[[bytes], Rows[R]], path: str, query: dict[str, str], claimed: int | None = None
    ) -> Walk[R]:
        """The whole list, page by page; ``claimed`` is its length by the server's count, where known."""
        return Walk(
            lambda asked: self._get(path, asked, reader),
            self._full(path),
            query,
            page_size=self._page_size,
            most_pages=self._most_pages,
            claimed=claimed,
        )

    def peek(self, reader: Callable[[bytes], Rows[R]], path: str, query: dict[str, str]) -> Rows[R]:
        """The list's first rows, without patience."""
        return self._get(path, urlencode(query | {"limit": "1"}), reader, attempts=ATTEMPTS_WHERE_ONE_WAITS)

    def first_page(self, reader: PageReader[R], path: str) -> Rows[R]:
        """A list that fits one page, without paging parameters."""
        return self._get(path, "", reader, attempts=ATTEMPTS_WHERE_ONE_WAITS)

    def count(self, path: str, query: dict[str, str]) -> int | None:
        """How many rows the list has by the server's own count; None where it does not tell.

        A failure is no answer either: the count only proves, and whatever is wrong the walk meets itself.
        """
        asked = urlencode(query | {"count": "true", "limit": "1"})
        try:
            return self._get(path, asked, _read_count, attempts=ATTEMPTS_WHERE_ONE_WAITS)
        except ProviderError:
            return None

    def _full(self, path: str) -> str:
        return f"/{self._version}{path}"

    def _get(self, path: str, query: str, read: Callable[[bytes], T], *, attempts: int = ATTEMPTS) -> T:
        url = f"{self._base_url}{self._full(path)}" + (f"?{query}" if query else "")
        return self._wire.get(url, self._full(path), self._authorization, read, attempts=attempts)


def _read_count(content: bytes) -> int | None:
    try:
        return msgspec.json.decode(content, type=_Count).count
    except msgspec.ValidationError:
        return None
