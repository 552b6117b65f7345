"""The main job where no script runs, and on a telephone."""

from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect

from sisportal.sandbox.serving import Served
from sisportal.syncing.setup_code import setup_code
from tests.browser import steps
from tests.browser.conftest import Open
from tests.services.processes import Start

TELEPHONE = {"width": 390, "height": 844}


@pytest.mark.parametrize(
    "browser_options",
    [{"java_script_enabled": False}, {"viewport": TELEPHONE, "has_touch": True, "color_scheme": "dark"}],
    ids=["without-script", "telephone"],
)
def test_a_first_sync_can_be_reviewed_and_committed(
    browser_options: dict[str, Any], tmp_path: Path, address: str, sandbox: Served, start: Start, open_browser: Open
) -> None:
    worker = start("jobs.worker")
    page = open_browser(address, **browser_options)
    steps.set_up(page, setup_code(tmp_path))
    steps.connect(page, sandbox.url, sandbox.sandbox.token)
    steps.choose_school(page, next(iter(sandbox.sandbox.district.schools)).name)

    steps.sync_now(page)
    steps.reload_until(page, "Waiting for review")
    page.get_by_role("link", name="Review and commit").click()
    page.locator(".counts").get_by_role("link").first.click()
    first = page.locator("tbody.action").first
    first.get_by_role("checkbox").uncheck()
    if not browser_options.get("java_script_enabled", True):
        first.get_by_role("button", name="Save").click()
    page.get_by_role("link", name="Unticked").click()
    expect(page.locator("tbody.action")).to_have_count(1)
    page.locator("summary").click()
    page.get_by_role("link", name="Report").click()
    steps.commit(page)
    steps.reload_until(page, "Committed")

    expect(page.locator(".counts")).to_contain_text("1 unticked")
    assert worker.poll() is None
