"""Answers from memory, and a fetch gathered up for comparing."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import msgspec

from sisportal.providers.base import Provider
from sisportal.providers.clever import CleverProvider
from sisportal.providers.opening import open_clever
from sisportal.roster.records import Batch, Collection, Problem, Seal

BOTH = frozenset({"users", "sections"})


class Answer(msgspec.Struct, frozen=True):
    """A response as ``requests`` would give it."""

    content: bytes
    status_code: int = 200
    headers: Mapping[str, str] = {}


class Canned:
    """A session that answers each list from memory, a page at a time, as Clever does, and notes what was asked."""

    def __init__(self, lists: Mapping[str, list[Any]] | None = None, *, counts: bool = True) -> None:
        self.lists = dict(lists or {})
        self.counts = counts
        self.asked: list[str] = []
        self.headers: list[Mapping[str, str]] = []
        self.scripted: dict[str, list[Answer | Exception]] = {}
        """By path and query: what to answer first, before anything else."""

    def get(
        self, url: str, *, headers: Mapping[str, str], timeout: tuple[float, float], allow_redirects: bool
    ) -> Answer:
        parts = urlsplit(url)
        target = f"{parts.path}?{parts.query}" if parts.query else parts.path
        self.asked.append(target)
        self.headers.append(headers)
        for key in (target, parts.path):
            if script := self.scripted.get(key):
                scripted = script.pop(0)
                if isinstance(scripted, Exception):
                    raise scripted
                return scripted
        return self._page(parts.path, dict(parse_qsl(parts.query)))

    def _page(self, path: str, query: dict[str, str]) -> Answer:
        rows = self.lists.get(path + (f"?role={query['role']}" if "role" in query else ""), [])
        if query.get("count") == "true" and self.counts:
            return json_answer({"count": len(rows), "links": []})
        after = query.get("starting_after", "")
        limit = int(query.get("limit", "100"))
        left = [row for row in rows if not after or row["id"] > after][:limit]
        links = [{"rel": "self", "uri": path}]
        if len(left) == limit:
            kept = "".join(f"{key}={value}&" for key, value in query.items() if key != "starting_after")
            links.append({"rel": "next", "uri": f"{path}?{kept}starting_after={left[-1]['id']}"})
        return json_answer(page(left, links))


def page(rows: Iterable[Any], links: list[dict[str, str]] | None = None) -> dict[str, Any]:
    """Rows in Clever's envelope."""
    return {"data": [{"data": row, "uri": "/x"} for row in rows], "links": links or []}


def json_answer(body: object, status: int = 200, **headers: str) -> Answer:
    """A body in JSON; ``Retry_After`` names the header ``Retry-After``."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Answer(msgspec.json.encode(body), status, named)


def opened(
    session: Canned, *, sleep: Callable[[float], None] = lambda _: None, page_size: int = 1000, version: str = "3.1"
) -> CleverProvider:
    """A provider over the session."""
    return open_clever(
        base_url="https://sis.test",
        token="t",
        session=session,
        version=version,
        clock=lambda: 1000.0,
        sleep=sleep,
        page_size=page_size,
    )


class Gathered:
    """Everything that one fetch gave."""

    def __init__(self, parts: Iterable[Batch | Seal]) -> None:
        self.records: dict[Collection, list[Any]] = {}
        self.problems: list[Problem] = []
        self.seals: dict[Collection, Seal] = {}
        self.others: dict[str, int] = {}
        self.totals: set[int | None] = set()
        for part in parts:
            if isinstance(part, Seal):
                assert part.collection not in self.seals
                self.seals[part.collection] = part
                continue
            assert part.collection not in self.seals
            self.records.setdefault(part.collection, []).extend(part.records)
            self.problems += part.problems
            self.totals.add(part.total)
            for role, number in part.others.items():
                self.others[role] = self.others.get(role, 0) + number


def gathered(provider: Provider, items: frozenset[str] = BOTH) -> Gathered:
    """A whole fetch."""
    return Gathered(provider.fetch(items=items))
