"""From nothing to a committed sync of the sample district, in a browser against the whole portal as `make run` starts it."""

import os
import re
import signal
from pathlib import Path

from playwright.sync_api import expect

from sisportal import sample
from tests.browser import steps
from tests.browser.conftest import Open
from tests.browser.test_first_sync import LONG, printed_code
from tests.jobs.launched import running
from tests.jobs.test_whole_stack import until_it_answers
from tests.services.processes import children


def test_a_sample_district_is_tried_from_an_empty_portal_and_removed(tmp_path: Path, open_browser: Open) -> None:
    with running(tmp_path) as (port, printed, launcher):
        page = open_browser(f"http://127.0.0.1:{port}")
        page.goto("/no/such/page")
        steps.set_up(page, printed_code(printed), begin="Try a sample district")
        expect(page.get_by_role("heading", level=1)).to_have_text("Sample district")
        expect(page.get_by_text("Everything works")).to_be_visible()
        page.get_by_role("link", name="Choose the school").click()
        page.get_by_role("radio").first.check()
        page.get_by_role("button", name="Choose this school").click()
        expect(page.get_by_text("Everybody in it is made up.")).to_be_visible()

        started = children(launcher.pid)
        ((keeper, district),) = [(each, pid) for each in started for pid in children(each) if is_sandbox(pid)]
        os.kill(keeper, signal.SIGSTOP)  # so that it does not start the district again before the sync has looked
        os.kill(district, signal.SIGKILL)
        steps.sync_now(page)
        expect(page.get_by_text("The sample district did not answer")).to_be_visible(timeout=LONG)
        os.kill(keeper, signal.SIGCONT)
        until_it_answers(sample.address(tmp_path))
        page.get_by_role("button", name="Start again").click()
        expect(page.get_by_text("Waiting for review")).to_be_visible(timeout=LONG)
        page.get_by_role("link", name="Review and commit").click()
        steps.commit(page)
        expect(page.get_by_text("Committed", exact=True)).to_be_visible(timeout=LONG)

        page.get_by_role("link", name="Status").first.click()
        page.get_by_role("button", name="A day passes").click()
        expect(page.get_by_text("A day has passed in the sample district")).to_be_visible()
        page.get_by_role("link", name="Remove the sample district").click()
        expect(page.get_by_text(re.compile(r"\d+ accounts of made-up people"))).to_be_visible()
        page.get_by_role("button", name="Remove the sample district").click()
        expect(page.get_by_text("The sample district is removed")).to_be_visible()
        expect(page.get_by_role("link", name="Connect Clever")).to_be_visible()

        launcher.send_signal(signal.SIGINT)
        launcher.communicate()

    assert f"SIS Portal is ready: http://127.0.0.1:{port}" in printed
    assert len(started) == 6
    assert [pid for pid in (*started, district) if Path(f"/proc/{pid}").exists()] == []
    assert launcher.returncode == 0
    assert not sample.wanted(tmp_path)


def is_sandbox(pid: int) -> bool:
    return b"sisportal.sandbox" in Path(f"/proc/{pid}/cmdline").read_bytes()
