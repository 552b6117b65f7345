"""A portal's own processes beside a test: started by the name of their module, on the test's database and queue."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from sisportal.config import PROJECT

Start = Callable[..., subprocess.Popen[bytes]]


@pytest.fixture
def environ(tmp_path: Path, sqlite_store_url: str, redis_url: str) -> dict[str, str]:
    """What a process of this portal is started with."""
    return {
        "DATA_DIR": str(tmp_path),
        "DATABASE_URL": sqlite_store_url,
        "REDIS_URL": redis_url,
        "SECRET_KEY": "made-up",
    }


@pytest.fixture
def start(environ: dict[str, str]) -> Iterator[Start]:
    """Starts a module of the portal as a process, with words and settings; whatever still runs in the end is ended."""
    with ExitStack() as processes:

        def start(module: str, *words: str, **settings: str) -> subprocess.Popen[bytes]:
            command = [sys.executable, "-m", module, *words]
            process = subprocess.Popen(command, cwd=PROJECT, env=os.environ | environ | settings)
            processes.enter_context(process)
            processes.callback(process.kill)
            return process

        yield start


def children(pid: int) -> list[int]:
    """The processes that a process has started itself."""
    return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
