"""The sample district's keeper: it serves a real sandbox while that is wanted, and brings it back when it dies."""

import json
import os
import signal
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from jobs import sample as module
from jobs.sample import Keeper, free_port
from sisportal import sample
from sisportal.config import Settings, load
from sisportal.syncing import sample_district
from tests.jobs.launched import free_ports
from tests.services.processes import Start, children

LONG = 20.0


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return load({"DATA_DIR": str(tmp_path), "PORT": str(free_ports())}, env_file=None)


@pytest.fixture
def keeper(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[Keeper]:
    monkeypatch.setattr(module, "STUDENTS", 20)
    keeper = Keeper(settings)
    yield keeper
    keeper.end()


def until(happens: Callable[[], bool], each: Callable[[], None] = lambda: None) -> None:
    limit = time.monotonic() + LONG
    while not happens():
        each()
        assert time.monotonic() < limit
        time.sleep(0.02)


def test_the_district_is_served_while_it_is_wanted_and_comes_back_as_it_was(
    keeper: Keeper, settings: Settings, capfd: pytest.CaptureFixture[str]
) -> None:
    folder = settings.data_dir

    def answers() -> bool:
        return sample_district.answers(sample.address(folder))

    before = set(children(os.getpid()))

    def processes() -> list[int]:
        return [pid for pid in children(os.getpid()) if pid not in before]

    keeper.look()
    assert processes() == []
    sample.want(folder)
    until(answers, keeper.look)
    address = sample.address(folder)
    assert address == f"http://127.0.0.1:{settings.port + 1}"
    assert json.loads(sample_district._ask(address, "/sandbox"))["day"] == 1  # so that there are events to go on from
    sample_district._ask(address, "/sandbox/do", '{"do": "pass-day"}')
    today = sample_district._today(address)

    os.kill(processes()[0], signal.SIGKILL)
    until(lambda: not answers())
    until(answers, keeper.look)

    assert (sample.address(folder), sample_district._today(address)) == (address, today)
    assert "the sample district ended by itself (exit code -9); it is started again." in capfd.readouterr().out
    sample.let_go(folder)
    keeper.look()
    assert processes() == []


def test_a_port_that_something_else_uses_is_passed_over() -> None:
    first = free_ports()
    with socket.create_server(("127.0.0.1", first)):
        assert free_port(first) == first + 1


def test_a_second_keeper_waits_until_the_first_has_gone(start: Start, tmp_path: Path) -> None:
    first = start("jobs.sample")
    until(lambda: sample.is_looked_after(tmp_path))
    second = start("jobs.sample")
    first.terminate()
    assert first.wait(LONG) == 0
    until(lambda: sample.is_looked_after(tmp_path))
    assert second.poll() is None
