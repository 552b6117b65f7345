"""The whole portal, started as `make run` and `make demo` start it."""

import os
import random
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from sisportal.config import PROJECT


def free_ports() -> int:
    """A port that is free together with the next one, below those that the system gives to whoever asks for any.

    A portal that is started again wants the same ones: nobody else is to get them in between.
    """
    while True:
        port = random.randrange(10_000, 20_000, 2)
        try:
            for each in (port, port + 1):
                socket.create_server(("127.0.0.1", each)).close()
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
