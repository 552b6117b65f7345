"""Processes that start and end together."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from jobs import children as module
from jobs.children import ChildEnded, Children, Stopped
from sisportal.config import PROJECT

STAYS = ["sleep", "60"]
STUBBORN = [sys.executable, "-c", "import signal,sys,time; signal.signal(15, 1); print(flush=True); time.sleep(60)"]
PARENT = """
from jobs.children import Children
with Children({"PATH": "/usr/bin:/bin"}, ".") as children:
    children.start("one", ["sleep", "60"])
    children.start("two", ["sh", "-c", "echo $$; exec sleep 60"])
    children.wait_until(lambda: False)
"""


@pytest.fixture(autouse=True)
def signals() -> Iterator[None]:
    """Gives the signals back, which a Children takes over for its process."""
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = [signal.getsignal(number) for number in numbers]
    yield
    for number, handler in zip(numbers, before, strict=True):
        signal.signal(number, handler)


def lives(pid: int) -> bool:
    """Whether the process runs; one that ended and was not waited for does not."""
    try:
        return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except FileNotFoundError:
        return False


def children() -> Children:
    return Children(os.environ, str(PROJECT))


def test_leaving_ends_every_process() -> None:
    with children() as started:
        started.start("one", STAYS)
        started.start("two", STAYS)
        pids = started.pids()

    assert [lives(pid) for pid in pids.values()] == [False, False]


def test_when_one_ends_before_all_are_ready_the_others_are_ended_and_it_is_named() -> None:
    with pytest.raises(ChildEnded) as ended, children() as started:
        started.start("stays", STAYS)
        started.start("breaks", ["sh", "-c", "exit 3"])
        pids = started.pids()
        started.wait_until(lambda: False)

    assert str(ended.value) == "breaks ended by itself (exit code 3); what it said stands above."
    assert not lives(pids["stays"])


def test_one_that_is_killed_later_is_started_again(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    killed_once = f"mkdir {tmp_path / 'killed'} 2>/dev/null && kill -KILL $$; kill -TERM $PPID; exec sleep 60"
    with pytest.raises(Stopped), children() as started:
        started.start("worker", ["sh", "-c", killed_once])
        started.stay()

    assert capsys.readouterr().out == "worker ended by itself (exit code -9); it is started again.\n"


def test_one_that_ends_again_and_again_ends_the_rest() -> None:
    with pytest.raises(ChildEnded) as ended, children() as started:
        started.start("stays", STAYS)
        started.start("breaks", ["sh", "-c", "exit 3"])
        pids = started.pids()
        started.stay()

    assert str(ended.value) == "breaks ended by itself (exit code 3); what it said stands above."
    assert not lives(pids["stays"])


def test_a_command_that_fails_ends_the_rest() -> None:
    with pytest.raises(ChildEnded) as ended, children() as started:
        started.start("stays", STAYS)
        started.run("flask db upgrade", ["false"])

    assert str(ended.value) == "flask db upgrade failed (exit code 1); what it said stands above."


def test_a_command_that_succeeds_leaves_the_rest_running() -> None:
    with children() as started:
        started.start("stays", STAYS)
        started.run("quick", ["true"])

        assert list(started.pids()) == ["stays"]


def test_waiting_too_long_says_for_what() -> None:
    with pytest.raises(ChildEnded) as ended, children() as started:
        started.wait_until(lambda: False, seconds=0, otherwise="The queue does not answer.")

    assert str(ended.value) == "The queue does not answer."


def test_a_process_that_does_not_listen_is_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PATIENCE", 0.2)
    with children() as started:
        started.start("stubborn", STUBBORN)
        pid = started.pids()["stubborn"]

    assert not lives(pid)


def test_ctrl_c_is_a_wish_to_stop() -> None:
    with pytest.raises(Stopped), children() as started:
        started.start("stays", STAYS)
        os.kill(os.getpid(), signal.SIGINT)
        started.wait_until(lambda: False)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_no_process_outlives_the_one_that_started_it(number: signal.Signals) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", PARENT], cwd=PROJECT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as parent:
        assert parent.stdout
        pid = int(parent.stdout.readline())
        assert lives(pid)
        parent.send_signal(number)
        parent.wait()

    limit = time.monotonic() + 10
    while lives(pid) and time.monotonic() < limit:
        time.sleep(0.01)
    assert not lives(pid)
