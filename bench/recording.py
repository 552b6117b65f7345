"""Makes up a district and keeps every page that a full fetch of it reads (run in a process of its own)."""

import sys
from collections.abc import Mapping
from itertools import count
from pathlib import Path

import msgspec
from werkzeug.test import Client

from bench.recorded import BASE, Response, key_of, target_of
from sisportal.providers.base import FeedProvider
from sisportal.providers.opening import open_clever
from sisportal.sandbox.generator import generate
from sisportal.sandbox.service import Sandbox, create_sandbox

EVERYTHING = frozenset({"users", "sections"})


class RecordingSession:
    """Asks the sandbox in this process, and keeps every answer in the folder, numbered as they come."""

    def __init__(self, sandbox: Sandbox, folder: Path) -> None:
        self._client, self._token, self._folder = Client(sandbox), sandbox.token, folder
        self._numbers = count(1)
        self._kept: set[str] = set()
        folder.mkdir(parents=True, exist_ok=True)

    def get(
        self, url: str, *, headers: Mapping[str, str], timeout: tuple[float, float], allow_redirects: bool
    ) -> Response:
        """The sandbox's answer."""
        del headers, timeout, allow_redirects
        target = target_of(url)
        answer = self._client.get(target, headers={"Authorization": f"Bearer {self._token}"})
        response = Response(answer.status_code, dict(answer.headers), answer.get_data(), target)
        if target not in self._kept:
            self._kept.add(target)
            path = self._folder / f"{next(self._numbers):05}-{key_of(target)}.page"
            path.write_bytes(msgspec.msgpack.encode(response))
        return response


def record(students: int, folder: Path) -> None:
    """Keep a district of so many students in the folder."""
    sandbox = create_sandbox(generate(students))
    provider = open_clever(base_url=BASE, token=sandbox.token, session=RecordingSession(sandbox, folder))
    provider.district()
    if isinstance(provider, FeedProvider):
        provider.cursor()
    for _ in provider.fetch(items=EVERYTHING):
        pass


if __name__ == "__main__":
    record(int(sys.argv[1]), Path(sys.argv[2]))
