"""The main job from end to end, in a browser against the whole portal as `make run` starts it."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

from playwright.sync_api import Page, expect

from sisportal.config import PROJECT
from sisportal.sandbox.district import District
from sisportal.sandbox.faults import Fault
from sisportal.sandbox.serving import Served
from tests.browser import steps
from tests.browser.conftest import Open
from tests.browser.watching import number
from tests.jobs.launched import running
from tests.syncing.oracle import Expected

LONG = 20_000
"""Milliseconds that a stage may take."""


def printed_code(lines: list[str]) -> str:
    return next(line.rpartition(" ")[2] for line in lines if "enter the code" in line)


def exported(folder: Path) -> dict[str, list[dict[str, Any]]]:
    """The LMS side, as the command line writes it."""
    command = [sys.executable, "-m", "flask", "directory", "export", str(folder / "all.json")]
    subprocess.run(command, cwd=PROJECT, env=os.environ | {"DATA_DIR": str(folder)}, check=True, capture_output=True)
    whole: dict[str, list[dict[str, Any]]] = json.loads((folder / "all.json").read_text())
    return whole


def untick(page: Page, kind: str) -> str:
    """Untick the first action of a kind from its number in the report, and come back; the record's id in the SIS."""
    row = page.get_by_role("row", name=re.compile(f"^{kind}"))
    row.get_by_role("link").first.click()
    first = page.locator("tbody.action").first
    source_id = first.locator(".action-id").inner_text()
    first.get_by_role("checkbox").uncheck()
    expect(first).to_have_class(re.compile("row-unticked"))
    page.get_by_role("link", name="Report").click()
    expect(row).to_contain_text("1 not")
    return source_id


def open_report_from_notification(page: Page, text: str) -> None:
    page.get_by_role("link", name=re.compile("^Notifications: [1-9]")).click()
    page.get_by_role("link", name=re.compile(text)).click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Sync 1")


def expected_without(district: District, school: str, *left_out: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Accounts and classes by the id in the SIS: the school's, but for the records that were unticked."""
    expected = Expected(school)
    expected.commit(district)
    for source_id in left_out:
        expected.accounts.pop(source_id, None)
        expected.classes.pop(source_id, None)
    for values in expected.classes.values():
        values["students"] = [student for student in values["students"] if student not in left_out]
    return expected.accounts, expected.classes


def held(whole: dict[str, list[dict[str, Any]]]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Accounts and classes of an export in the words of what is expected."""
    sis_id = {account["id"]: account["identifiers"].get("clever", "") for account in whole["accounts"]}
    accounts = {sis_id[account["id"]]: account for account in whole["accounts"] if sis_id[account["id"]]}
    classes = {}
    for held in whole["classes"]:
        people = {"teachers": [sis_id[id_] for id_ in held["teachers"]]}
        people["students"] = sorted(sis_id[id_] for id_ in held["students"])
        classes[held["identifiers"]["clever"]] = held | people
    return accounts, classes


def as_expected(held: dict[str, Any], expected: dict[str, Any]) -> dict[str, Any]:
    """Of each record the fields that something is expected of; an absent one is blank."""
    return {
        id_: {name: record.get(name) or type(value)() for name, value in expected.get(id_, record).items()}
        for id_, record in held.items()
    }


def test_a_school_is_set_up_connected_prepared_reviewed_and_committed(
    tmp_path: Path, sandbox: Served, open_browser: Open
) -> None:
    district, school = sandbox.sandbox.district, next(iter(sandbox.sandbox.district.schools))
    with running(tmp_path) as (port, printed, _launcher):
        page = open_browser(f"http://127.0.0.1:{port}")
        steps.set_up(page, printed_code(printed))
        steps.connect(page, sandbox.url, sandbox.sandbox.token)
        steps.choose_school(page, school.name)

        sandbox.sandbox.faults.add(Fault(name="slow", path="/v3.1/users", seconds=3, times=1))
        steps.sync_now(page)
        expect(page.get_by_role("progressbar")).to_be_visible()
        expect(page.get_by_text("Waiting for the next list")).to_be_visible()
        expect(page.get_by_text("Waiting for review")).to_be_visible(timeout=LONG)
        planned = number(page.locator(".stat", has_text="Students").locator(".stat-value").inner_text())

        open_report_from_notification(page, "prepared")
        expect(page.get_by_role("row", name=re.compile("^Students"))).to_contain_text(str(planned))
        student, section = untick(page, "Students"), untick(page, "Sections")
        steps.commit(page)
        expect(page.get_by_text("Committed", exact=True)).to_be_visible(timeout=LONG)

        open_report_from_notification(page, "committed")
        expect(page.get_by_role("row", name=re.compile("^Students"))).to_contain_text(str(planned - 1))
        expect(page.get_by_role("button", name="Commit", exact=True)).to_have_count(0)
        whole = exported(tmp_path)

    accounts, classes = expected_without(district, school.id, student, section)
    assert planned == 1 + sum(account["role"] == "student" for account in accounts.values())
    held_accounts, held_classes = held(whole)
    assert as_expected(held_accounts, accounts) == accounts
    assert as_expected(held_classes, classes) == classes
