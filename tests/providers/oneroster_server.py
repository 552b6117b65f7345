"""A tiny OneRoster server in memory, as true or as odd as a test wants it."""

import base64
import hashlib
import hmac
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, parse_qsl, quote, unquote, urlsplit

import msgspec

from sisportal.providers.oneroster import OneRosterProvider
from sisportal.providers.opening import open_oneroster
from tests.providers.canned import Answer, json_answer
from tests.providers.oneroster_district import NOW, YEAR, District, district, wire

ROOTS = {"1.1": "/ims/oneroster/v1p1", "1.2": "/ims/oneroster/rostering/v1p2"}
ENDPOINTS = {
    "orgs": "orgs", "schools": "orgs", "academicSessions": "academicSessions", "courses": "courses", "classes": "classes",
    "users": "users", "students": "users", "teachers": "users", "enrollments": "enrollments", "demographics": "demographics",
}  # fmt: skip


@dataclass
class Server:
    """Answers as a session does. Everything about it can be changed by a test."""

    content: District = field(default_factory=district)
    version: str = "1.1"
    root: str | None = None
    most: int = 10_000
    """The largest page."""
    totals: bool = True
    sorts: bool = True
    filters: bool = True
    endpoint_keys: bool = False
    bare: bool = False
    pages: bool = True
    """Whether ``limit`` and ``offset`` are heeded."""
    shuffles: int = 0
    """How many requests are answered in an order of their own."""
    missing: set[str] = field(default_factory=set)
    """Endpoints that are not there."""
    bent: Callable[[str, dict[str, Any]], dict[str, Any]] = field(default=lambda _, row: row)
    """Changes each object before it is sent."""
    bearer: str = "token-1"
    refusal: int = 401
    signature: str = ""
    """The only signature method that is accepted; blank where a bearer token is."""
    forms: Callable[[Mapping[str, str], Mapping[str, str], str], bool] = field(default=lambda _h, _f, _q: True)
    """Whether a token request (headers, fields, query) is as this server wants it."""
    expires_in: int | None = 3600
    revisions: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    scripted: dict[str, list[Answer]] = field(default_factory=dict)
    """By endpoint: what to answer first, before anything else."""
    tokens: int = 0

    def get(
        self, url: str, *, headers: Mapping[str, str], timeout: tuple[float, float], allow_redirects: bool
    ) -> Answer:
        parts = urlsplit(url)
        root = ROOTS[self.version] if self.root is None else self.root
        if not parts.path.startswith(f"{root}/"):
            return Answer(b"<html>nothing here</html>", 404)
        if not self._is_authorized(url, headers.get("Authorization", "")):
            return json_answer({"error": "invalid_signature" if self.signature else "invalid_token"}, self.refusal)
        path = unquote(parts.path.removeprefix(root))
        self.asked.append(f"{path}?{unquote(parts.query)}")
        name = path.rpartition("/")[2]
        if script := self.scripted.get(name):
            return script.pop(0)
        if path in self.missing or name not in ENDPOINTS or path.startswith("/ims/"):
            return json_answer({"imsx_codeMajor": "failure", "imsx_description": "No such thing."}, 404)
        return self._list(path, name, dict(parse_qsl(parts.query)))

    def post(
        self, url: str, *, headers: Mapping[str, str], data: str, timeout: tuple[float, float], allow_redirects: bool
    ) -> Answer:
        parts = urlsplit(url)
        self.asked.append(f"POST {parts.path}")
        if parts.path != "/token":
            return Answer(b"", 404)
        if not self.forms(headers, {name: values[0] for name, values in parse_qs(data).items()}, parts.query):
            return json_answer({"error": "invalid_request"}, 400)
        self.tokens += 1
        self.bearer = f"token-{self.tokens}"
        return json_answer({"access_token": self.bearer, "token_type": "bearer", "expires_in": self.expires_in})

    def _is_authorized(self, url: str, header: str) -> bool:
        if not self.signature:
            return header == f"Bearer {self.bearer}"
        given = {name: value.strip('"') for name, value in (one.split("=", 1) for one in header[6:].split(", "))}
        return given["oauth_signature_method"] == self.signature and unquote(given["oauth_signature"]) == signed(
            url, given
        )

    def _list(self, path: str, name: str, query: dict[str, str]) -> Answer:
        kind = ENDPOINTS[name]
        if not self.sorts and "sort" in query:
            return json_answer({"statusInfoSet": [{"imsx_description": "sort is unknown"}]}, 400)
        rows = self._rows(path, name, kind, query.get("filter", ""))
        if self.shuffles:
            self.shuffles -= 1
            random.Random(self.shuffles).shuffle(rows)
        elif "sort" in query:
            rows.sort(key=lambda row: str(row["sourcedId"]))
        headers = {"X-Total-Count": str(len(rows))} if self.totals else {}
        if self.revisions:
            headers["X-Perm-Rev"] = self.revisions.pop(0) if len(self.revisions) > 1 else self.revisions[0]
        if self.pages:
            offset = int(query.get("offset", "0"))
            rows = rows[offset : offset + min(int(query.get("limit", "100")), self.most)]
        body: Any = rows if self.bare else {name if self.endpoint_keys else kind: rows}
        return Answer(msgspec.json.encode(body), 200, headers)

    def _rows(self, path: str, name: str, kind: str, filter: str) -> list[dict[str, Any]]:
        rows = [row for row in self.content[kind] if self._is_meant(path, name, row)]
        if filter and self.filters:
            after = filter.removeprefix("dateLastModified>'").rstrip("'")
            rows = [row for row in rows if row.get("when", "2026-08-01T00:00:00.000Z") > after]
        return [self.bent(kind, wire(kind, row, self.version)) for row in rows]

    @staticmethod
    def _is_meant(path: str, name: str, row: dict[str, Any]) -> bool:
        steps = path.strip("/").split("/")
        if name in ("students", "teachers"):
            return bool(row["role"] == name.removesuffix("s"))
        if name == "schools":
            return bool(row["type"] == "school")
        if len(steps) == 5:
            return bool(row["class"] == steps[3])
        return len(steps) == 1 or bool(row["school"] == steps[1])


def signed(url: str, given: Mapping[str, str]) -> str:
    """The signature that RFC 5849 asks for, worked out without the library that the portal uses."""

    def code(text: str) -> str:
        return quote(text, safe="~")

    parts = urlsplit(url)
    pairs = [(code(name), code(value)) for name, value in parse_qsl(parts.query, keep_blank_values=True)]
    pairs += [(name, code(unquote(value))) for name, value in given.items() if name != "oauth_signature"]
    joined = "&".join(f"{name}={value}" for name, value in sorted(pairs))
    base = f"GET&{code(f'{parts.scheme}://{parts.netloc}{parts.path}')}&{code(joined)}"
    digest = hashlib.sha256 if given["oauth_signature_method"] == "HMAC-SHA256" else hashlib.sha1
    return base64.b64encode(hmac.new(b"se%26cret&", base.encode(), digest).digest()).decode()


def reading(server: Server, **given: Any) -> OneRosterProvider:
    """A provider over the server, by bearer token unless ``given`` says otherwise."""
    access = {} if {"client_id", "bearer"} & given.keys() else {"bearer": "token-1"}
    settings: dict[str, Any] = {
        "base_url": "https://sis.test",
        "session": server,
        "clock": lambda: NOW,
        "sleep": lambda _: None,
    }
    return open_oneroster(**(settings | YEAR | access | given))
