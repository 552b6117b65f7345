"""One request to a SIS: authorized, paced, retried, and its answer either read or turned into a ``ProviderError``."""

import json
import time
from collections.abc import Callable, Mapping
from typing import Protocol, TypeVar
from urllib.parse import urlsplit

import msgspec
import requests
import stamina

from sisportal.providers import faults
from sisportal.providers.addresses import refuse_inner
from sisportal.providers.base import ProviderError, WireResponse, WireSession
from sisportal.providers.rates import exhausted_for

T = TypeVar("T")

CONNECT_SECONDS = 10.0
READ_SECONDS = 80.0
"""Clever's own client waits as long."""
ATTEMPTS = 6
LARGEST_BODY = 128 * 1024 * 1024
"""Bytes. A page of 1,000 sections is about 2 MB; a record may hold a value of 10 MB and is still read."""


class Authorization(Protocol):
    """What goes into the ``Authorization`` header, kept in memory only."""

    def header(self) -> str:
        """The header to send; may read it from the SIS at first use."""

    def renewed(self) -> str:
        """The header after the one in use was refused: the same, where there is no other."""


class Wire:
    """Sends requests and reads answers, with patience.

    ``clock`` gives unix seconds. ``sleep`` waits out an exhausted rate limit before a request; the waits between attempts
    are stamina's.
    """

    def __init__(
        self,
        session: WireSession | None = None,
        *,
        clock: Callable[[], float] = time.time,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._session = session or BoundedSession()
        self._clock = clock
        self._sleep = sleep
        self._quiet_until = 0.0

    def get(
        self, url: str, path: str, authorization: Authorization, read: Callable[[bytes], T], *, attempts: int = ATTEMPTS
    ) -> T:
        """What ``read`` makes of the body. ``path`` names the request in errors: it holds no ids and no values.

        ``read`` may raise ``msgspec.DecodeError``: the body is then mended once, or the request made again.
        """
        return self.get_with_headers(url, path, authorization, read, attempts=attempts)[0]

    def get_with_headers(
        self, url: str, path: str, authorization: Authorization, read: Callable[[bytes], T], *, attempts: int = ATTEMPTS
    ) -> tuple[T, Mapping[str, str]]:
        """As ``get``, with the headers of the answer: OneRoster pages tell their total there."""
        return self.patiently(lambda: self._answer(url, path, authorization), path, read, attempts=attempts)

    def patiently(
        self, send: Callable[[], WireResponse], path: str, read: Callable[[bytes], T], *, attempts: int = ATTEMPTS
    ) -> tuple[T, Mapping[str, str]]:
        """What ``read`` makes of the answer to ``send``, which is sent again while that may help; and its headers."""
        for attempt in stamina.retry_context(
            on=_backoff, attempts=attempts, timeout=None, wait_initial=0.5, wait_max=30.0, wait_jitter=1.0
        ):
            with attempt:
                response = send()
                if response.status_code != 200:
                    raise faults.refused(response, path, self._clock())
                return _read(response.content, path, read), response.headers
        raise AssertionError("stamina either returns or raises")

    def _answer(self, url: str, path: str, authorization: Authorization) -> WireResponse:
        """The server's answer; after a 401 once more, where another token can be had (it may have been rotated)."""
        header = authorization.header()
        response = self._send(url, path, header)
        if response.status_code == 401 and (renewed := authorization.renewed()) != header:
            response = self._send(url, path, renewed)
        return response

    def _send(self, url: str, path: str, header: str) -> WireResponse:
        if (pause := self._quiet_until - self._clock()) > 0:
            self._sleep(pause)
        try:
            response = self._session.get(
                url,
                headers={"Authorization": header, "Accept": "application/json"},
                timeout=(CONNECT_SECONDS, READ_SECONDS),
                allow_redirects=False,
            )
        except requests.RequestException as fault:
            raise faults.unreachable(fault, path) from None  # the chained one would show the URL with its cursor
        if (wait := exhausted_for(response.headers, self._clock())) is not None:
            self._quiet_until = self._clock() + wait
        return response


def _backoff(fault: Exception) -> bool | float:
    """Whether to try again, and after how many seconds where the server said so."""
    if not isinstance(fault, ProviderError) or fault.permanent:
        return False
    return True if fault.wait is None else fault.wait


def _read(content: bytes, path: str, read: Callable[[bytes], T]) -> T:
    try:
        return read(content)
    except (msgspec.DecodeError, RecursionError):
        mended = _mended(content)
    if mended is None:
        raise faults.unreadable(content, path)
    try:
        return read(mended)
    except (msgspec.DecodeError, RecursionError):
        raise faults.unreadable(content, path) from None


def _mended(content: bytes) -> bytes | None:
    """The same JSON without what a strict decoder refuses; None where it is not JSON at all.

    Raw control characters, lone surrogates, bytes that are not UTF-8: one odd name must not cost the page.
    """
    try:
        text = json.dumps(json.loads(content.decode("utf-8", "replace"), strict=False), ensure_ascii=False)
    except (ValueError, RecursionError):
        return None
    return text.encode("utf-8", "replace")


class _Whole(msgspec.Struct, frozen=True):
    status_code: int
    headers: Mapping[str, str]
    content: bytes


class BoundedSession:
    """A ``requests`` session that reads no body beyond ``LARGEST_BODY`` and takes no password from a netrc file.

    It asks no address of the machine's or the cloud's inside, whatever name leads there. Raises ``ProviderError``.
    """

    def __init__(self) -> None:
        self._session = requests.Session()
        self._session.auth = _as_it_is
        self._hosts: set[str] = set()

    def _look(self, url: str) -> None:
        """Looked up once for each host: a sync sends thousands of requests."""
        host = urlsplit(url).hostname or ""
        if host not in self._hosts:
            refuse_inner(host)
            self._hosts.add(host)

    def get(
        self, url: str, *, headers: Mapping[str, str], timeout: tuple[float, float], allow_redirects: bool
    ) -> _Whole:
        self._look(url)
        with self._session.get(
            url, headers=headers, timeout=timeout, allow_redirects=allow_redirects, stream=True
        ) as response:
            return _whole(response, url)

    def post(
        self, url: str, *, headers: Mapping[str, str], data: str, timeout: tuple[float, float], allow_redirects: bool
    ) -> _Whole:
        self._look(url)
        with self._session.post(
            url, headers=headers, data=data, timeout=timeout, allow_redirects=allow_redirects, stream=True
        ) as response:
            return _whole(response, url)


def _whole(response: requests.Response, url: str) -> _Whole:
    content = bytearray()
    for chunk in response.iter_content(chunk_size=1 << 20):
        content += chunk
        if len(content) > LARGEST_BODY:
            raise faults.too_large(urlsplit(url).path)
    return _Whole(response.status_code, response.headers, bytes(content))


def _as_it_is(request: requests.PreparedRequest) -> requests.PreparedRequest:
    return request
