"""The browser: Debian's Chromium, or the one that Playwright installs."""

import shutil
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
from playwright.sync_api import Browser, sync_playwright

NAMES = ("chromium", "chromium-browser", "google-chrome")


@cache
def find_chromium() -> str | None:
    """The browser's program, or None."""
    for name in NAMES:
        if (path := shutil.which(name)) and not Path(path).resolve().is_relative_to("/snap"):
            return path
    with sync_playwright() as playwright:
        own = playwright.chromium.executable_path
    return own if Path(own).exists() else None


@pytest.fixture(scope="session")
def chromium() -> str:
    """The path of the browser's program."""
    path = find_chromium()
    assert path, "Chromium is not installed: `make test` brings it, or says what to install."
    return path


@pytest.fixture(scope="session")
def browser(chromium: str) -> Iterator[Browser]:
    """A running browser; a test opens its own context in it: ``browser.new_context(base_url=...)``."""
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(
            executable_path=chromium,
            # a root user has no sandbox, a container little shared memory, and tests no use for other hosts
            args=["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu", "--disable-background-networking"],
        )
        yield started
        started.close()
