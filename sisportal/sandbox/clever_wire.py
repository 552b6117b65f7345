"""What all versions of Clever's API share: requests, replies, envelopes, cursors (Clever: Data API paging)."""

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import islice
from typing import Any
from urllib.parse import quote

import msgspec

DEFAULT_LIMIT = 100
LARGEST_LIMIT = 10_000
JSON = "application/json; charset=utf-8"
HTML = "text/html; charset=utf-8"


@dataclass(frozen=True)
class Call:
    """A request as far as the wire modules care."""

    method: str
    path: str
    query: list[tuple[str, str]]
    query_string: str = ""
    authorization: str = ""
    content_type: str = ""
    body: bytes = b""
    cookie: str = ""
    host: str = ""
    """Name and port that the caller reached the sandbox by."""
    raw_path: str = ""
    """The path as it came, percent-encoded."""

    @property
    def target(self) -> str:
        """Path and query as they came, which Clever repeats in the self link."""
        return f"{self.path}?{self.query_string}" if self.query_string else self.path

    def value(self, name: str) -> str:
        """The first value of a parameter, or blank."""
        return next((value for key, value in self.query if key == name), "")


@dataclass
class Reply:
    """What goes back over the wire."""

    status: int
    body: bytes
    content_type: str = JSON
    headers: dict[str, str] = field(default_factory=dict)
    delay: float = 0.0
    """Seconds to wait before answering."""
    cut: int | None = None
    """Drop the connection after so many bytes of the body."""


Rendered = dict[str, Any]


def json_reply(payload: object, status: int = 200) -> Reply:
    """A reply in JSON."""
    return Reply(status, msgspec.json.encode(payload))


def unrecognized_token() -> Reply:
    """401 as Clever words it."""
    return json_reply({"code": 101, "error": "Unrecognized token string", "data": {}}, 401)


def not_found() -> Reply:
    """404 of a record that is not there."""
    return json_reply({"error": "Resource not found"}, 404)


def no_such_route(call: Call) -> Reply:
    """404 of an address that is not there, or not for this token: HTML, as the wire has it."""
    path = call.path.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    page = (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n<title>Error</title>\n</head>\n'
        f"<body>\n<pre>Cannot {call.method} {path}</pre>\n</body>\n</html>\n"
    )
    return Reply(404, page.encode(), HTML)


def timestamp(moment: int) -> str:
    """Milliseconds since 1970 as ``YYYY-MM-DDTHH:MM:SS.SSSZ``."""
    return datetime.fromtimestamp(moment // 1000, UTC).strftime("%Y-%m-%dT%H:%M:%S") + f".{moment % 1000:03d}Z"


def shuffled(record: Rendered) -> Rendered:
    """The record without its absent fields and with its keys in an order that differs from record to record."""
    present = [(key, value) for key, value in record.items() if value is not None]
    turn = int(str(record["id"])[-2:], 16) % len(present)
    return dict(present[turn:] + present[:turn])


def present(record: Rendered) -> Rendered:
    """The record without its absent fields."""
    return {key: value for key, value in record.items() if value is not None}


@dataclass(frozen=True)
class Window:
    """One page: the ids on it and the links around it."""

    ids: list[str]
    links: list[dict[str, str]]


class RefusedQueryError(Exception):
    """A parameter that the API refuses; holds the reply."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.reply = json_reply({"error": message}, status)


def limit_of(call: Call) -> int:
    """The page size asked for; raises RefusedQueryError for none or more than 10,000."""
    text = call.value("limit")
    if not text:
        return DEFAULT_LIMIT
    if not text.isdecimal() or int(text) == 0:
        raise RefusedQueryError(400, "limit must be a positive integer")
    if int(text) > LARGEST_LIMIT:
        raise RefusedQueryError(
            413, "Request entity too large. Check the request: the limit parameter may be over 10000"
        )
    return int(text)


def window(call: Call, ids: Sequence[str], keep: Callable[[str], bool] | None = None) -> Window:
    """The page of ``ids`` (ascending) that the cursor and the limit ask for; ``keep`` filters them.

    A full page always has a next link and a page after a cursor always has a prev link, whether or not anything follows.
    """
    limit, after, before = limit_of(call), call.value("starting_after"), call.value("ending_before")
    if before:
        stop = len(ids) if before == "last" else bisect_left(ids, before)
        page = list(islice(filter(keep, (ids[i] for i in range(stop - 1, -1, -1))), limit))[::-1]
        more_before, more_after = len(page) == limit, True
    else:
        start = bisect_right(ids, after) if after else 0
        page = list(islice(filter(keep, (ids[i] for i in range(start, len(ids)))), limit))
        more_before, more_after = bool(after), len(page) == limit
    links = [{"rel": "self", "uri": call.target}]
    first, last = (page[0], page[-1]) if page else (after or before, after or before)
    if more_before:
        links.append({"rel": "prev", "uri": _moved(call, "ending_before", first)})
    if more_after and last != "last":
        links.append({"rel": "next", "uri": _moved(call, "starting_after", last)})
    return Window(page, links)


def _moved(call: Call, cursor: str, id_: str) -> str:
    """The address of a neighbouring page: the same parameters, the cursor last."""
    kept = [(key, value) for key, value in call.query if key not in ("starting_after", "ending_before")]
    query = "&".join(f"{quote(key)}={quote(value)}" for key, value in [*kept, (cursor, id_)])
    return f"{call.path}?{query}"
