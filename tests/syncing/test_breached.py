"""Passwords known from breaches: looked up in a file of their hashes, or by a service that is told five digits of one."""

import logging
import random
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from sisportal.syncing import breached
from sisportal.syncing.breached import breached_by, sha1

STOLEN = ["stolen long ago", "läuft nachts gern", *(f"stolen {number}" for number in range(500))]
SAFE = ["correct horse battery", *(f"kept {number}" for number in range(500))]


@pytest.fixture
def published(tmp_path: Path) -> Path:
    """A list as it is published: ordered by hash, lines of unequal length that end as on another system."""
    chance, path = random.Random(6), tmp_path / "pwned.txt"
    lines = sorted(f"{sha1(password)}:{chance.randrange(1, 10 ** chance.randrange(1, 8))}" for password in STOLEN)
    path.write_bytes("".join(f"{line}\r\n" for line in lines).encode())
    return path


def test_every_password_of_a_list_is_found_and_no_other(published: Path) -> None:
    is_breached = breached_by(str(published))
    assert [password for password in STOLEN if not is_breached(password)] == []
    assert [password for password in SAFE if is_breached(password)] == []


def test_a_list_of_one_line_or_of_none_is_looked_through_as_well(tmp_path: Path) -> None:
    path = tmp_path / "short.txt"
    path.write_text("")
    assert not breached_by(str(path))("stolen long ago")
    path.write_text(f"{sha1('stolen long ago')}:1")
    assert breached_by(str(path))("stolen long ago")
    assert not breached_by(str(path))("another")


class Service(ThreadingHTTPServer):
    """Pwned Passwords' range service, on this machine."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Asked)
        self.asked: list[tuple[str, str | None]] = []
        self.does = ""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/range"


class Asked(BaseHTTPRequestHandler):
    server: Service

    def do_GET(self) -> None:
        self.server.asked.append((self.path, self.headers["Add-Padding"]))
        if self.server.does == "slow":
            time.sleep(1)
        prefix = self.path.rpartition("/")[2]
        hashes = (sha1(password) for password in STOLEN)
        lines = [f"{each[5:]}:7" for each in hashes if each.startswith(prefix)]
        lines += [f"{sha1(password)[5:]}:0" for password in SAFE if sha1(password).startswith(prefix)]  # the padding
        body = {"long": b"A" * 2_000_000, "odd": b"<html>"}.get(self.server.does, "\r\n".join(lines).encode())
        self.send_response({"broken": 500, "elsewhere": 302}.get(self.server.does, 200))
        self.send_header("Location", "http://127.0.0.1:9/range")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Nothing on the console."""


@pytest.fixture
def service() -> Iterator[Service]:
    with Service() as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield server
        server.shutdown()


def test_the_service_is_told_five_digits_and_answers_for_all_that_begin_alike(service: Service) -> None:
    is_breached = breached_by(service.url)
    assert is_breached("stolen long ago")
    assert not is_breached("correct horse battery"), "a hash that pads the answer is none that was seen"
    digests = [sha1("stolen long ago"), sha1("correct horse battery")]
    assert service.asked == [(f"/range/{digest[:5]}", "true") for digest in digests]


@pytest.mark.parametrize("does", ["broken", "elsewhere", "odd", "long", "slow"])
def test_a_service_that_does_not_answer_as_it_should_lets_the_password_pass_and_is_logged(
    service: Service, does: str, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(breached, "SECONDS", 0.2)
    service.does = does
    with caplog.at_level(logging.WARNING):
        assert not breached_by(service.url)("stolen long ago")
    assert ["could not be asked" in message for message in caplog.messages] == [True]
    assert "stolen" not in caplog.text
    assert sha1("stolen long ago")[:5] not in caplog.text


@pytest.mark.parametrize("setting", ["http://127.0.0.1:9/range", "nowhere/pwned.txt"])
def test_a_list_that_is_not_there_lets_the_password_pass_and_is_logged(
    setting: str, caplog: pytest.LogCaptureFixture
) -> None:
    assert not breached_by(setting)("stolen long ago")
    assert len(caplog.messages) == 1


def test_without_the_setting_nobody_is_asked(caplog: pytest.LogCaptureFixture) -> None:
    assert not breached_by("")("stolen long ago")
    assert caplog.messages == []
