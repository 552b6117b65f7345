"""Faults that a provider may have, switched on by address and by name: each alters the replies that it is aimed at."""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from typing import Annotated, Any

import msgspec

from sisportal.sandbox import oneroster_faults as oneroster
from sisportal.sandbox.clever_wire import HTML, Call, Reply

Page = dict[str, Any]


class Fault(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """One fault: which, where, from which matching request on, and for how many of them."""

    name: str
    path: str = "/v*"
    """Pattern of the request's path, with ``*`` and ``?``; ``/oauth/*`` for tokens, ``*/ims/oneroster/*`` for OneRoster."""
    where: str = ""
    """Text that the request's query must contain, as ``starting_after=`` or ``role=student``."""
    nth: Annotated[int, msgspec.Meta(ge=1)] = 1
    """The first matching request that it hits, counted from 1."""
    times: Annotated[int, msgspec.Meta(ge=1)] | None = None
    """How many requests it hits; None for all until it is cleared."""
    rows: Annotated[int, msgspec.Meta(ge=1)] = 1
    """How many rows of a page it spoils, where it spoils rows."""
    seconds: float = 30.0
    """How long it makes a reply wait, or how far off the rate limit's reset is."""
    status: int = 0
    """The status that ``status`` answers."""
    seen: int = 0
    """Matching requests so far."""
    hits: int = 0
    """Requests that it altered so far."""

    def strikes(self, call: Call) -> bool:
        """Count the request if it matches, and say whether the fault hits it."""
        if not fnmatchcase(call.path, self.path) or self.where not in call.query_string:
            return False
        self.seen += 1
        if self.seen < self.nth or (self.times is not None and self.hits >= self.times):
            return False
        self.hits += 1
        return True


@dataclass
class Circumstances:
    """What a fault may look at: the request, the true reply, the time, and the replies to any other request."""

    call: Call
    reply: Reply
    now: float
    answer: Callable[[Call], Reply]

    def page(self) -> Page | None:
        """The reply as a list page, or None if it is not one."""
        if self.reply.status != 200:
            return None
        if self.is_oneroster:
            found = oneroster.as_page(self.reply)
            return None if found is None else found[0]
        page = msgspec.json.decode(self.reply.body)
        return page if isinstance(page, dict) and isinstance(page.get("data"), list) else None

    @property
    def is_oneroster(self) -> bool:
        """Whether the lists are OneRoster's."""
        return "/ims/oneroster" in self.call.path


Effect = Callable[[Fault, Circumstances], Reply]
HTML_ERROR = b"<!DOCTYPE html><html><head><title>%s</title></head><body><h1>%s</h1></body></html>"


def _status(status: int, body: bytes = b"", content_type: str = "application/json; charset=utf-8") -> Effect:
    def effect(fault: Fault, at: Circumstances) -> Reply:
        return Reply(fault.status or status, body, content_type, dict(at.reply.headers))

    return effect


def _html_status(status: int, title: bytes) -> Effect:
    return _status(status, HTML_ERROR % (title, title), HTML)


def _any_status(fault: Fault, at: Circumstances) -> Reply:
    return _status(fault.status or 500, b'{"message":"fault"}')(fault, at)


def _too_many(fault: Fault, at: Circumstances) -> Reply:
    headers = at.reply.headers | {"X-Ratelimit-Remaining": "0", "X-Ratelimit-Reset": str(int(at.now + fault.seconds))}
    return Reply(429, b"", "text/plain", headers)


def _too_many_without_reset(_fault: Fault, _at: Circumstances) -> Reply:
    return Reply(429, b"", "text/plain")


def _body(body: bytes, content_type: str = "") -> Effect:
    def effect(_fault: Fault, at: Circumstances) -> Reply:
        return Reply(200, body, content_type or at.reply.content_type, at.reply.headers)

    return effect


def _empty_list(_fault: Fault, at: Circumstances) -> Reply:
    return _encoded(at, {"data": [], "links": [{"rel": "self", "uri": at.call.target}]})


def _truncated(_fault: Fault, at: Circumstances) -> Reply:
    return Reply(at.reply.status, at.reply.body[: len(at.reply.body) * 2 // 3], at.reply.content_type, at.reply.headers)


def _broken_utf8(_fault: Fault, at: Circumstances) -> Reply:
    body = at.reply.body
    for field_name in (b'"name":', b'"familyName":', b'"title":'):
        body = body.replace(field_name, b'"\xc3\x28":0,' + field_name, 1)
    return Reply(at.reply.status, body, at.reply.content_type, at.reply.headers)


def _content_type(_fault: Fault, at: Circumstances) -> Reply:
    return Reply(at.reply.status, at.reply.body, "text/html", at.reply.headers)


def _dropped(_fault: Fault, at: Circumstances) -> Reply:
    reply = at.reply
    return Reply(reply.status, reply.body, reply.content_type, reply.headers, cut=len(reply.body) // 2)


def _slow(fault: Fault, at: Circumstances) -> Reply:
    reply = at.reply
    return Reply(reply.status, reply.body, reply.content_type, reply.headers, delay=fault.seconds)


def _joined_buckets(_fault: Fault, at: Circumstances) -> Reply:
    headers = {
        "X-Ratelimit-Bucket": "all, none", "X-Ratelimit-Limit": "200, 1200", "X-Ratelimit-Remaining": "150, 900",
        "X-Ratelimit-Reset": f"{int(at.now) + 20}, {int(at.now) + 40}",
    }  # fmt: skip
    return Reply(at.reply.status, at.reply.body, at.reply.content_type, at.reply.headers | headers)


def _wrong_count(fault: Fault, at: Circumstances) -> Reply:
    """The total says more than there is: Clever's answer to ``count=true``, OneRoster's ``X-Total-Count``."""
    headers = dict(at.reply.headers)
    if "X-Total-Count" in headers:
        headers["X-Total-Count"] = str(int(headers["X-Total-Count"]) + fault.rows)
        return Reply(at.reply.status, at.reply.body, at.reply.content_type, headers)
    said = msgspec.json.decode(at.reply.body) if at.reply.status == 200 else None
    if not isinstance(said, dict) or "count" not in said:
        return at.reply
    return _encoded(at, said | {"count": said["count"] + fault.rows})


def _encoded(at: Circumstances, page: Page) -> Reply:
    if at.is_oneroster and (true := oneroster.as_page(at.reply)) is not None:
        return oneroster.as_reply(page, true[1], at.reply)
    return Reply(200, msgspec.json.encode(page), at.reply.content_type, at.reply.headers)


def _paging(alter: Callable[[Fault, Circumstances, Page], None]) -> Effect:
    """An effect on list pages only: anything else goes out as it is."""

    def effect(fault: Fault, at: Circumstances) -> Reply:
        page = at.page()
        if page is None:
            return at.reply
        alter(fault, at, page)
        return _encoded(at, page)

    return effect


def _link(page: Page, rel: str, uri: str) -> None:
    page["links"] = [link for link in page["links"] if link["rel"] != rel] + [{"rel": rel, "uri": uri}]


def _without_cursor(call: Call) -> list[tuple[str, str]]:
    return [(key, value) for key, value in call.query if key not in ("starting_after", "ending_before", "offset")]


def _first_rows(at: Circumstances) -> list[dict[str, Any]]:
    """The rows of the collection's first page."""
    asked = replace(at.call, query=_without_cursor(at.call), query_string="")
    page = Circumstances(asked, at.answer(asked), at.now, at.answer).page()
    return [] if page is None else list(page["data"])


def _endless(_fault: Fault, at: Circumstances, page: Page) -> None:
    """Every page has a next link with a cursor never seen before, and the first page's rows."""
    page["data"] = _first_rows(at)
    if at.is_oneroster:
        return  # whose pages are found by offset
    cursor = at.call.value("starting_after")
    cursor = cursor if cursor.startswith("f" * 8) else "f" * 8 + "0" * 16
    kept = "".join(f"{key}={value}&" for key, value in _without_cursor(at.call))
    _link(page, "next", f"{at.call.path}?{kept}starting_after={int(cursor, 16) + 1:024x}")


def _endless_rows(fault: Fault, at: Circumstances, page: Page) -> None:
    """As endless paging, but every page's rows have ids never seen before."""
    _endless(fault, at, page)
    for i, row in enumerate(page["data"]):
        record = _record(row)
        record[_id_of(record)] = f"{0xF << 92 | (fault.hits * 100_003 + i) * 0x1000000:024x}"


def _repeated(_fault: Fault, at: Circumstances, page: Page) -> None:
    """The rows of the first page once more, links as they should be."""
    page["data"] = _first_rows(at)


def _circular(_fault: Fault, at: Circumstances, page: Page) -> None:
    _link(page, "next", at.call.target)


def _no_next(_fault: Fault, _at: Circumstances, page: Page) -> None:
    page["links"] = [link for link in page["links"] if link["rel"] != "next"]


def _duplicated(fault: Fault, _at: Circumstances, page: Page) -> None:
    page["data"] = page["data"] + page["data"][: fault.rows]


def _skipped(fault: Fault, _at: Circumstances, page: Page) -> None:
    middle = len(page["data"]) // 2
    page["data"] = page["data"][:middle] + page["data"][middle + fault.rows :]


def _rows(spoil: Callable[[dict[str, Any]], None]) -> Effect:
    """An effect on the first rows of a page."""

    def alter(fault: Fault, _at: Circumstances, page: Page) -> None:
        for row in page["data"][: fault.rows]:
            spoil(_record(row))

    return _paging(alter)


def _events(spoil: Callable[[dict[str, Any]], None]) -> Effect:
    """An effect on the first events of a page, rather than on what they are about."""

    def alter(fault: Fault, at: Circumstances, page: Page) -> None:
        for row in [] if at.is_oneroster else page["data"][: fault.rows]:
            spoil(row["data"])

    return _paging(alter)


def _record(row: dict[str, Any]) -> dict[str, Any]:
    """The record of a row, be it wrapped, bare, or what an event is about."""
    record: dict[str, Any] = row.get("data", row)
    about = record.get("data")
    told: dict[str, Any] = about["object"] if isinstance(about, dict) and "object" in about else record
    return told


def _id_of(record: dict[str, Any]) -> str:
    """What the record calls its id."""
    return "sourcedId" if "sourcedId" in record else "id"


def _other_event(record: dict[str, Any]) -> None:
    record["type"] = "users.promoted"


def _without_id(record: dict[str, Any]) -> None:
    record.pop(_id_of(record), None)


def _wrong_types(record: dict[str, Any]) -> None:
    for key in record.keys() - {_id_of(record)}:
        value = record[key]
        record[key] = "not a list" if isinstance(value, list) else 42 if isinstance(value, dict) else {"wrong": True}


def _nulls(record: dict[str, Any]) -> None:
    for key in record.keys() - {_id_of(record)}:
        record[key] = None


def _unknown_values(record: dict[str, Any]) -> None:
    record["a_field_of_tomorrow"] = {"nested": [1, 2, 3]}
    roles = record.get("roles", {})
    for role in roles.values() if isinstance(roles, dict) else ():
        role |= {"grade": "Fourteenth", "gender": "Q", "race": "Martian", "dob": "13/45/2011"}
    for key in ("grade", "subject", "low_grade", "sex", "classType"):
        if key in record:
            record[key] = "never heard of"
    for key in ("start_date", "end_date", "startDate", "endDate", "birthDate"):
        if key in record:
            record[key] = "0000-99-99"


def _unknown_role(record: dict[str, Any]) -> None:
    if isinstance(record.get("roles"), list):
        record["roles"] = [role | {"role": "busDriver"} for role in record["roles"]]
    elif "roles" in record:
        record["roles"] = {"bus_driver": {"legacy_id": record["id"]}}
    elif "role" in record:
        record["role"] = "busDriver"


def _unknown_members(record: dict[str, Any]) -> None:
    for key in ("students", "teachers"):
        if key in record:
            record[key] = [*record[key], "ffffffff" + record["id"][8:]]
    if isinstance(record.get("class"), dict) and "user" in record:
        record["user"] = record["user"] | {"sourcedId": "nobody"}


def _text(value: str) -> Callable[[dict[str, Any]], None]:
    """Writes a text where the record has its name."""

    def spoil(record: dict[str, Any]) -> None:
        if isinstance(record.get("name"), dict):
            record["name"]["last"] = value
        else:
            record[next((key for key in ("familyName", "title") if key in record), "name")] = value

    return spoil


EFFECTS: dict[str, tuple[str, Effect]] = {
    "400": ("Bad request", _status(400, b'{"error":"Bad request"}')),
    "401": ("The token is not accepted", _status(401, b'{"code":101,"error":"Unrecognized token string","data":{}}')),
    "403": ("Access denied", _status(403, b'{"message":"Forbidden"}')),
    "404": ("Not found", _status(404, b'{"error":"Resource not found"}')),
    "429": ("Too many requests, with the time of the reset", _too_many),
    "429-without-reset": ("Too many requests, without a word about when", _too_many_without_reset),
    "500": ("Server error, in JSON", _status(500, b'{"message":"Internal server error"}')),
    "501": ("Not implemented", _status(501, b'{"message":"Not implemented"}')),
    "502": ("Bad gateway, in HTML", _html_status(502, b"502 Bad Gateway")),
    "503": ("Service unavailable, in HTML", _html_status(503, b"503 Service Unavailable")),
    "status": ("Any other status", _any_status),
    "html": ("A web page instead of JSON, with status 200", _body(HTML_ERROR % (b"Sign in", b"Sign in"), HTML)),
    "truncated-json": ("JSON that ends in the middle", _truncated),
    "broken-utf-8": ("Bytes that are no UTF-8", _broken_utf8),
    "empty-body": ("Status 200 and no body at all", _body(b"")),
    "list-envelope": ("[] instead of the envelope", _body(b"[]")),
    "empty-envelope": ("{} instead of the envelope", _body(b"{}")),
    "null-envelope": ("null where the rows should be", _body(b'{"data":null,"links":[]}')),
    "no-links": ("An empty list without links", _body(b'{"data":[]}')),
    "empty-list": ("A well-formed page without a row", _empty_list),
    "wrong-content-type": ("The right body called text/html", _content_type),
    "dropped-connection": ("The connection ends in the middle of the body", _dropped),
    "slow": ("The reply comes late", _slow),
    "joined-buckets": ("Two rate limits in one header", _joined_buckets),
    "endless-paging": ("Always a next page, with the same rows", _paging(_endless)),
    "endless-rows": ("Always a next page, with new rows", _paging(_endless_rows)),
    "repeated-page": ("The first page's rows on every page", _paging(_repeated)),
    "circular-next": ("A next link that leads to the page itself", _paging(_circular)),
    "missing-next": ("No next link although more follows", _paging(_no_next)),
    "duplicated-rows": ("Rows that come twice", _paging(_duplicated)),
    "skipped-rows": ("Rows left out", _paging(_skipped)),
    "wrong-count": ("A total of more rows than there are", _wrong_count),
    "without-id": ("Records without id", _rows(_without_id)),
    "wrong-types": ("Values of the wrong type", _rows(_wrong_types)),
    "null-values": ("Null for every value", _rows(_nulls)),
    "unknown-values": ("Values and fields never heard of", _rows(_unknown_values)),
    "unknown-role": ("A role never heard of", _rows(_unknown_role)),
    "unknown-event": ("Events of a type never heard of", _events(_other_event)),
    "unknown-members": ("Sections with unknown people", _rows(_unknown_members)),
    "huge-string": ("A name of ten million letters", _rows(_text("A" * 10_000_000))),
    "control-characters": ("Control characters in names", _rows(_text("Bo\x00b\x1b[31m\x07\r\n\u202e\u2028 Tab\tles"))),
    "markup": ("Markup in names", _rows(_text("<script>alert('x')</script>{{7*7}}"))),
}


@dataclass
class Faults:
    """The faults that are switched on."""

    active: list[Fault] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, fault: Fault) -> Fault:
        """Switch a fault on; KeyError for a name that is none."""
        EFFECTS[fault.name]
        with self._lock:
            self.active.append(fault)
        return fault

    def clear(self, name: str = "") -> None:
        """Switch off all faults, or those of one name."""
        with self._lock:
            self.active = [fault for fault in self.active if name and fault.name != name]

    def alter(self, call: Call, reply: Reply, now: float, answer: Callable[[Call], Reply]) -> Reply:
        """The reply as the faults leave it; ``answer`` gives the true reply to another request."""
        with self._lock:
            striking = [fault for fault in self.active if fault.strikes(call)]
        for fault in striking:
            reply = EFFECTS[fault.name][1](fault, Circumstances(call, reply, now, answer))
        return reply
