"""Fixtures of every test: the servers and the browser in `tests/services`, and a portal's settings."""

import gc
import os
import shutil
from pathlib import Path

import pytest

from sisportal.config import Settings, load
from tests.services import compiled

pytest_plugins = [
    "tests.services.chromium",
    "tests.services.postgres",
    "tests.services.redis",
    "tests.services.databases",  # after postgres, which it imports
    "tests.services.processes",
    "tests.services.smtp",
    "tests.fixtures_sandbox",
]


MEMORY = Path("/dev/shm")
ENOUGH = 4_000_000_000


def _keep_folders_in_memory() -> None:
    """Tests' own folders, where there is room for them: thousands of databases are opened and closed, and wait for the disk."""
    if MEMORY.is_dir() and shutil.disk_usage(MEMORY).free > ENOUGH:
        os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(MEMORY))


compiled.share()
_keep_folders_in_memory()
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # hundreds of processes are started: each would compile the portal anew


def pytest_collection_finish() -> None:
    """Whatever is loaded by now stays: not to look through it for rubbish again and again spares a fifth of the time."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(100_000, 50, 50)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """A new portal's settings: everything default, everything below the test's own folder."""
    return load({"DATA_DIR": str(tmp_path / "var")}, env_file=None)
