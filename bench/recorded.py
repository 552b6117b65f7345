"""Pages of a district kept on disk, so that a measured process reads bytes and not a server's speed."""

import hashlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from urllib.parse import urlsplit

import msgspec

BASE = "http://recorded.invalid"
A_HUNDREDTH = 100
"""Every so many-th student changes after the district was kept."""
TOKEN = "recorded"  # noqa: S105  # it opens nothing


class Response(msgspec.Struct):
    """As much of a response as the provider reads, and the path and query that it answers."""

    status_code: int
    headers: dict[str, str]
    content: bytes
    target: str


class RecordedSession:
    """Gives the answers that were kept."""

    def __init__(self, folder: Path) -> None:
        self._paths = {path.stem.partition("-")[2]: path for path in folder.iterdir()}
        self._decode = msgspec.msgpack.Decoder(Response).decode

    def get(
        self, url: str, *, headers: Mapping[str, str], timeout: tuple[float, float], allow_redirects: bool
    ) -> Response:
        """The kept answer. Raises ``KeyError`` where the district was not asked this when it was recorded."""
        del headers, timeout, allow_redirects
        return self._decode(self._paths[key_of(target_of(url))].read_bytes())


def changes_of(folder: Path) -> Path:
    """Where the pages are that tell what changed after those of the folder."""
    return folder.with_name(f"{folder.name}-changed")


def recorded(folder: Path) -> Iterator[Response]:
    """Every answer, in the order in which it was asked for."""
    decode = msgspec.msgpack.Decoder(Response).decode
    for path in sorted(folder.iterdir()):
        yield decode(path.read_bytes())


def target_of(url: str) -> str:
    """The path and query of an address."""
    parts = urlsplit(url)
    return f"{parts.path}?{parts.query}" if parts.query else parts.path


def key_of(target: str) -> str:
    """What a file is named for, after its number."""
    return hashlib.sha256(target.encode()).hexdigest()[:24]
