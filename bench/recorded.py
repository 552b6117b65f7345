"""Pages of a sandbox district kept on disk, so that a measured process reads bytes and not a server's speed."""

import hashlib
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

import msgspec
from werkzeug.test import Client

from sisportal.sandbox.service import Sandbox

BASE = "http://recorded.invalid"
TOKEN = "recorded"  # noqa: S105  # it opens nothing


class Response(msgspec.Struct):
    """As much of a response as the provider reads."""

    status_code: int
    headers: dict[str, str]
    content: bytes


class RecordingSession:
    """Asks the sandbox in this process, and keeps every answer in the folder."""

    def __init__(self, sandbox: Sandbox, folder: Path) -> None:
        self._client, self._token, self._folder = Client(sandbox), sandbox.token, folder
        folder.mkdir(parents=True, exist_ok=True)

    def get(
        self, url: str, *, headers: Mapping[str, str], timeout: tuple[float, float], allow_redirects: bool
    ) -> Response:
        """The sandbox's answer."""
        del headers, timeout, allow_redirects
        answer = self._client.get(_target(url), headers={"Authorization": f"Bearer {self._token}"})
        response = Response(answer.status_code, dict(answer.headers), answer.get_data())
        _file(self._folder, url).write_bytes(msgspec.msgpack.encode(response))
        return response


class RecordedSession:
    """Gives the answers that were kept."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._decode = msgspec.msgpack.Decoder(Response).decode

    def get(
        self, url: str, *, headers: Mapping[str, str], timeout: tuple[float, float], allow_redirects: bool
    ) -> Response:
        """The kept answer."""
        del headers, timeout, allow_redirects
        return self._decode(_file(self._folder, url).read_bytes())


def _target(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.path}?{parts.query}" if parts.query else parts.path


def _file(folder: Path, url: str) -> Path:
    return folder / (hashlib.sha256(_target(url).encode()).hexdigest()[:24] + ".page")
