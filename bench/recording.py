"""Makes up a district and keeps every page that a fetch of it, in full or of changes, reads (run in a process of its own)."""

import sys
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from itertools import count
from pathlib import Path

import msgspec
from werkzeug.test import Client

from bench.recorded import A_HUNDREDTH, BASE, Response, changes_of, key_of, target_of
from sisportal.providers.base import FeedProvider
from sisportal.providers.opening import open_clever
from sisportal.sandbox import edits
from sisportal.sandbox.district import District
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
    """Keep a district of so many students in the folder, and beside it what a hundredth of them changed to after that."""
    district = generate(students, today=datetime.now(UTC).date())
    sandbox = create_sandbox(district)
    everybody = [person.id for person in district.people if person.student]
    _change(district, everybody[-1:], "before")  # the feed has a place to read on from
    provider = _provider(sandbox, folder)
    provider.district()
    cursor = provider.cursor()
    _read(provider.fetch(items=EVERYTHING))
    _read(provider.changes(cursor, items=EVERYTHING))
    _change(district, everybody[::A_HUNDREDTH], "since")
    changed = _provider(sandbox, changes_of(folder))
    changed.district()
    _read(changed.changes(cursor, items=EVERYTHING))


def _provider(sandbox: Sandbox, folder: Path) -> FeedProvider:
    provider = open_clever(base_url=BASE, token=sandbox.token, session=RecordingSession(sandbox, folder))
    if not isinstance(provider, FeedProvider):
        raise TypeError("the newest version of Clever's API has a feed")
    return provider


def _read(batches: Iterable[object]) -> None:
    for _ in batches:
        pass


def _change(district: District, students: list[str], name: str) -> None:
    for number, student in enumerate(students):
        edits.change_email(district, student, f"{name}{number}@{district.domain}")
    district.settle()


if __name__ == "__main__":
    record(int(sys.argv[1]), Path(sys.argv[2]))
