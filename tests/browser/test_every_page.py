"""Every page that a link leads to, in a browser: it can be used by everybody, fits its window, and nothing is stopped."""

import re
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest
from flask import Flask
from playwright.sync_api import Page

from sisportal.extensions import db
from sisportal.foundation import utc_now
from sisportal.models import SyncMode
from sisportal.sandbox.days import pass_day
from sisportal.sandbox.serving import Served
from sisportal.syncing.commit import commit
from sisportal.syncing.prepare import prepare, request_sync
from tests.browser import steps
from tests.browser.conftest import Open
from tests.browser.watching import unusable

NOT_PAGES = re.compile(r"^/(static/|notifications/\d)|\.csv$|/csv$")


def sync(portal: Flask, *, undoes: int | None = None) -> int:
    """A prepared sync, or the undo of one; its id."""
    with portal.app_context():
        mode = SyncMode.FULL if undoes is None else SyncMode.UNDO
        sync_id = request_sync(db.engine, 1, utc_now(), mode=mode, undoes=undoes)
        prepare(db.engine, sync_id, portal.extensions["open_provider"], utc_now)
    return sync_id


def committed(portal: Flask, sync_id: int) -> None:
    with portal.app_context():
        commit(db.engine, sync_id, utc_now)


@pytest.fixture
def furnished(connected: Flask, sandbox: Served) -> Flask:
    """A portal with a committed sync, the next day's, which was undone, and the plan of the days after."""
    committed(connected, sync(connected))
    pass_day(sandbox.sandbox.district, seed=0, pace=3)
    second = sync(connected)
    committed(connected, second)
    committed(connected, sync(connected, undoes=second))
    for seed in (1, 2):
        pass_day(sandbox.sandbox.district, seed=seed, pace=3)
    sync(connected)
    return connected


def kind(path: str) -> str:
    """The same for pages that differ only in what they are about."""
    return re.sub(r"/([0-9a-f]{24}|\d+)(?=/|$)", "/…", path)


def pages(page: Page) -> Iterator[str]:
    """Opens one page of each kind that can be reached by links, beginning with the home page."""
    waiting, seen = ["/"], {"/"}
    while waiting:
        address = waiting.pop(0)
        page.goto(address)
        yield address
        for link in page.eval_on_selector_all("a[href]", "links => links.map(link => link.href)"):
            path = urlsplit(link).path
            if kind(path) not in seen and not NOT_PAGES.search(path):
                seen.add(kind(path))
                waiting.append(link)


def with_dialogs(page: Page) -> Iterator[str]:
    """The page as it is, then with each of its dialogs open."""
    yield "page"
    for opener in page.locator("[command=show-modal]").all():
        opener.click()
        yield opener.inner_text()
        page.keyboard.press("Escape")


@pytest.mark.parametrize(
    ("width", "colours", "rules"),
    [(1280, "light", []), (390, "dark", ["color-contrast"])],  # what a page says is the same in both
    ids=["wide-and-light", "narrow-and-dark"],
)
def test_every_page_is_accessible_and_fits(
    furnished: Flask, address: str, open_browser: Open, width: int, colours: str, rules: list[str]
) -> None:
    page = open_browser(address, viewport={"width": width, "height": 900}, color_scheme=colours)
    wrong = {}
    page.goto("/sign-in")
    wrong["/sign-in"] = unusable(page, *rules)
    steps.sign_in(page)
    for path in pages(page):
        for view in with_dialogs(page):
            wrong[f"{path} {view}"] = unusable(page, *rules)

    assert {where: found for where, found in wrong.items() if found} == {}
    assert len(wrong) > 25
