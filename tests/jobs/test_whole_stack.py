"""`make demo` and `make run`, as they are: every process, from the first start to the end."""

import http.client
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from sisportal.config import PROJECT


def free_ports() -> int:
    """A port that is free together with the next one."""
    while True:
        with socket.create_server(("127.0.0.1", 0)) as first:
            port: int = first.getsockname()[1]
            try:
                socket.create_server(("127.0.0.1", port + 1)).close()
            except OSError:
                continue
            return port


@contextmanager
def running(folder: Path, *options: str) -> Iterator[tuple[int, list[str], subprocess.Popen[str]]]:
    """A started portal: its port, what it printed until it was ready, and the launcher."""
    port = free_ports()
    environ = os.environ | {"DATA_DIR": str(folder), "PORT": str(port)}
    command = [sys.executable, "-m", "jobs.stack", *options]
    with subprocess.Popen(
        command, cwd=PROJECT, env=environ, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as launcher:
        assert launcher.stdout
        printed = []
        for line in launcher.stdout:
            printed.append(line.strip())
            if printed[-1] == "Ctrl-C ends it.":
                break
        else:
            pytest.fail("It did not become ready:\n" + "\n".join(printed))
        try:
            yield port, printed, launcher
        finally:
            if launcher.poll() is None:
                launcher.terminate()
                launcher.communicate()


def children(pid: int) -> list[int]:
    return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def location(port: int, path: str) -> tuple[int, str]:
    connection = http.client.HTTPConnection("127.0.0.1", port)
    connection.request("GET", path)
    answer = connection.getresponse()
    connection.close()
    return answer.status, answer.headers.get("Location", "")


def test_an_empty_portal_leads_to_its_setup_and_leaves_no_process_behind(tmp_path: Path) -> None:
    with running(tmp_path) as (port, printed, launcher):
        status, where = location(port, "/")
        started = children(launcher.pid)
        launcher.send_signal(signal.SIGINT)
        launcher.communicate()

    assert f"SIS Portal is ready: http://127.0.0.1:{port}" in printed
    assert (status // 100, where) == (3, "/setup")
    assert len(started) == 4
    assert [pid for pid in started if Path(f"/proc/{pid}").exists()] == []
    assert launcher.returncode == 0


def test_the_demonstration_waits_for_review_and_starts_again_where_it_was(tmp_path: Path) -> None:
    with running(tmp_path, "--demo") as (_, first, _launcher):
        pass
    with running(tmp_path, "--demo") as (port, second, launcher):
        status, where = location(port, "/")
        started = children(launcher.pid)

    def sign_in(printed: list[str]) -> list[str]:
        return [line for line in printed if line.startswith("Sign in as admin@example.org")]

    assert len(sign_in(first)) == 1
    assert sign_in(first) == sign_in(second)
    assert (status // 100, where.split("?")[0]) == (3, "/sign-in")
    assert len(started) == 5
