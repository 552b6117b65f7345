"""Fixtures of every test: the servers and the browser in `tests/services`, and a portal's settings."""

from pathlib import Path

import pytest

from sisportal.config import Settings, load

pytest_plugins = [
    "tests.services.chromium",
    "tests.services.postgres",
    "tests.services.redis",
    "tests.services.databases",  # after postgres, which it imports
    "tests.services.processes",
    "tests.services.smtp",
    "tests.fixtures_sandbox",
]


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """A new portal's settings: everything default, everything below the test's own folder."""
    return load({"DATA_DIR": str(tmp_path / "var")}, env_file=None)
