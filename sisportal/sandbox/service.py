"""The sandbox as a WSGI application: takes a request, lets the right provider answer, applies the faults."""

import hashlib
import threading
import time
import zlib
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from itertools import count
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, quote

from sisportal.sandbox import operations
from sisportal.sandbox.clever_access import Access, RateLimit
from sisportal.sandbox.clever_login import Login
from sisportal.sandbox.clever_routes import CleverVersion
from sisportal.sandbox.clever_v1 import V1_1
from sisportal.sandbox.clever_v2 import V2_0, V2_1
from sisportal.sandbox.clever_v3 import V3_0, V3_1
from sisportal.sandbox.clever_wire import Call, Reply, no_such_route, unrecognized_token
from sisportal.sandbox.control import Control
from sisportal.sandbox.district import District
from sisportal.sandbox.faults import Faults
from sisportal.sandbox.oneroster import OneRoster

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

CLIENT_ID = "sandbox-client"
CLIENT_SECRET = "sandbox-secret"  # noqa: S105  # a double has nothing to hide
VERSIONS: tuple[CleverVersion, ...] = (V1_1, V2_0, V2_1, V3_0, V3_1)
REASONS = {
    200: "OK", 302: "Found", 303: "See Other", 400: "Bad Request", 401: "Unauthorized", 403: "Forbidden", 404: "Not Found",
    405: "Method Not Allowed", 413: "Payload Too Large", 422: "Unprocessable Entity", 429: "Too Many Requests",
    500: "Internal Server Error", 501: "Not Implemented", 502: "Bad Gateway", 503: "Service Unavailable",
}  # fmt: skip


class DroppedConnectionError(ConnectionError):
    """Raised in the middle of a body to make the server hang up."""


class Sandbox:
    """A district behind Clever's and OneRoster's APIs. Everything about it may be changed while it serves."""

    def __init__(
        self, district: District, token: str, rate_limit: int, clock: Callable[[], float], sleep: Callable[[float], object]
    ) -> None:  # fmt: skip
        self.district = district
        self.access = Access(CLIENT_ID, CLIENT_SECRET, token, RateLimit(rate_limit))
        self.login = Login(self.access, clock)
        self.oneroster = OneRoster(self.access, clock)
        self.faults = Faults()
        self.lock = threading.RLock()
        """Held while a reply is made; hold it to change the district in one step while requests come in."""
        self.calls: deque[str] = deque(maxlen=10_000)
        """The last requests to the provider, as ``GET /v3.1/users?limit=100``."""
        self.keep: Callable[[operations.AnyOperation], None] = lambda _operation: None
        """Told of every operation that was done over the control API."""
        self._control = Control(self)
        self._clock = clock
        self._sleep = sleep
        self._requests = count(1)

    @property
    def token(self) -> str:
        """The district's token as it is now."""
        return self.access.district_token

    def __call__(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        """WSGI."""
        call = _call(environ)
        reply = self._control.reply(call) or self._answered(call)
        if reply.delay:
            self._sleep(reply.delay)
        reason = REASONS.get(reply.status, "Unknown")
        start_response(f"{reply.status} {reason}", [*_headers(reply).items()])
        return [reply.body] if reply.cut is None else _cut(reply.body, reply.cut)

    def _answered(self, call: Call) -> Reply:
        with self.lock:
            self.calls.append(f"{call.method} {call.target}")
            reply = self.answer(call)
            return self.faults.alter(call, reply, self._clock(), self.answer)

    def answer(self, call: Call) -> Reply:
        """What the provider says when nothing is wrong with it."""
        oneroster = self.oneroster.reply(self.district, call)
        if oneroster is not None:
            return oneroster
        signing_in = self.login.reply(self.district, call)
        if signing_in is not None:
            return signing_in
        if call.path.startswith("/oauth/"):
            return self.access.oauth(self.district, call) or no_such_route(call)
        version = next((v for v in VERSIONS if call.path.startswith(v.prefix + "/")), None)
        if version is None and call.path not in ("/me", "/userinfo"):
            return no_such_route(call)
        token = self.access.bearer(call)
        allowed, limits = self.access.rate.take(token, self._clock())
        if not token:
            reply = unrecognized_token()
        elif not allowed:
            reply = Reply(429, b"", "text/plain")
        elif call.method != "GET":
            reply = no_such_route(call)
        elif call.path == "/userinfo":
            reply = self.access.user_info(self.district, token)
        elif version is None or call.path == f"{version.prefix}/me":
            reply = self.access.me(self.district, call, token)
        else:
            reply = self.access.refusal(self.district, call, token) or self._read(version, call, token)
        reply.headers |= limits | self._marks(reply)
        return reply

    def _read(self, version: CleverVersion, call: Call, token: str) -> Reply:
        reply = version.reply(self.district, call)
        return self.access.as_seen_by(token, reply)

    def _marks(self, reply: Reply) -> dict[str, str]:
        return {
            "access-control-allow-origin": "*",
            "cache-control": "no-store",
            "etag": f'W/"{len(reply.body):x}-{zlib.crc32(reply.body):08x}"',
            "x-request-id": f"{next(self._requests):08x}",
        }


def create_sandbox(
    district: District,
    *,
    token: str = "",
    rate_limit: int = 1_000_000,
    clock: Callable[[], float] = time.time,
    sleep: Callable[[float], object] = time.sleep,
) -> Sandbox:
    """A sandbox that serves the district; without a token it has the one that the district's seed makes.

    ``rate_limit`` is per token and minute (Clever's is 1,200), high so that tests are not held up.
    """
    usual = hashlib.sha1(f"{district.id}/{district.seed}".encode(), usedforsecurity=False).hexdigest()
    return Sandbox(district, token or usual, rate_limit, clock, sleep)


def _call(environ: "WSGIEnvironment") -> Call:
    path = environ["PATH_INFO"].encode("latin-1").decode("utf-8", "replace")
    query = environ.get("QUERY_STRING", "")
    length = int(environ.get("CONTENT_LENGTH") or 0)
    return Call(
        environ["REQUEST_METHOD"], path, parse_qsl(query, keep_blank_values=True), query,
        environ.get("HTTP_AUTHORIZATION", ""), environ.get("CONTENT_TYPE", ""),
        environ["wsgi.input"].read(length) if length else b"",
        environ.get("HTTP_COOKIE", ""), environ.get("HTTP_HOST", ""),
        environ.get("REQUEST_URI", quote(path)).partition("?")[0],
    )  # fmt: skip


def _headers(reply: Reply) -> dict[str, str]:
    return {"Content-Type": reply.content_type, "Content-Length": str(len(reply.body)), **reply.headers}


def _cut(body: bytes, after: int) -> Iterator[bytes]:
    yield body[:after]
    raise DroppedConnectionError
