"""The worksheet from screen to paper: what the office that looks after the SIS gets in its hands."""

import io
import re

from flask import Flask
from playwright.sync_api import Page
from pypdf import PdfReader
from sqlalchemy import insert, update

from sisportal.extensions import db
from sisportal.foundation import utc_now
from sisportal.models import Sync, SyncWarning
from sisportal.models.database import writing
from sisportal.syncing.administrators import set_up
from sisportal.syncing.apps import APPS, install
from sisportal.syncing.breached import breached_by
from tests.browser import steps
from tests.browser.conftest import Open
from tests.browser.watching import unusable
from tests.web.mirrored import NORTH, SOUTH, Mirrored, student

MANY = 70
LONG = "an address without an at sign " * 8
INK = "() => [...document.querySelectorAll('#worksheet :is(th, td, td *)')].map((each) => getComputedStyle(each).color)"


def furnish(portal: Flask) -> None:
    """Ada, and a sync with seventy addresses to mend in one school, one that is long, and one in another school."""
    mirrored = Mirrored.of(portal)
    for number in range(MANY):
        mirrored.person(student(f"s{number:02}", f"Ødegård {number:02}", number=f"10{number:02}"))
    common = {"sync_id": 1, "stage": "prepare", "code": "malformed-email", "type": "student", "field": "email"}
    warnings = [
        {**common, "external_id": f"s{number:02}", "school": NORTH, "value": f"bad{number:02}", "is_new": number == 3}
        for number in range(MANY)
    ]
    warnings[5]["value"] = LONG
    warnings.append({**common, "external_id": "x", "school": SOUTH, "value": "worse", "is_new": False})
    compared = {"before": 1, "total": MANY + 1, "new": 1, "still": MANY, "mended": 0}
    with portal.app_context():
        set_up(
            db.engine, email=steps.EMAIL, password=steps.PASSWORD, first_name="Ada", last_name="Lovelace",
            name="Lincoln School", timezone="Europe/Stockholm", now=utc_now(), address="", is_breached=breached_by(""),
        )  # fmt: skip
        with writing(db.engine).begin() as connection:
            for name in APPS:
                install(connection, name, utc_now())
            connection.execute(
                insert(SyncWarning), [{"file": "", "line": 0, "column": "", **each} for each in warnings]
            )
            connection.execute(update(Sync).where(Sync.id == 1).values(compared=compared))


def printed(page: Page) -> list[str]:
    """The text of each sheet of A4."""
    return [each.extract_text() for each in PdfReader(io.BytesIO(page.pdf(format="A4"))).pages]


def test_the_worksheet_comes_out_of_the_printer_with_its_headings_on_every_sheet(
    open_browser: Open, portal: Flask, address: str
) -> None:
    furnish(portal)
    page = open_browser(address, color_scheme="dark")
    steps.sign_in(page)
    page.goto("/syncs/1/worksheet")
    page.get_by_role("link", name="Print view").click()
    page.get_by_role("button", name="Print").wait_for()
    assert unusable(page) == []

    sheets = printed(page)

    assert 3 <= len(sheets) <= 5
    for sheet in sheets:
        assert "Not an e-mail address" in sheet
        assert re.search(r"Record\s*Field\s*Now\s*Should be\s*Done", sheet)
    for number in range(MANY):
        assert sum(f"(10{number:02})" in sheet for sheet in sheets) == 1
    assert "Ødegård 00" in sheets[0]
    assert sheets[-1].count("South High, 1") == 1
    everything = "\n".join(sheets)
    assert everything.count("New") == 1
    for on_the_screen_only in ("Sign out", "Print", "All causes", "Back to the list", "Still there", "Skip"):
        assert on_the_screen_only not in everything
    page.emulate_media(media="print")
    assert set(page.evaluate(INK)) == {"rgb(0, 0, 0)"}
    assert page.evaluate("() => getComputedStyle(document.body).backgroundColor") == "rgba(0, 0, 0, 0)"


def test_paper_says_what_it_leaves_out(open_browser: Open, portal: Flask, address: str) -> None:
    furnish(portal)
    page = open_browser(address)
    steps.sign_in(page)
    page.goto(f"/syncs/1/worksheet?rows=print&school={SOUTH}&standing=still")

    (sheet,) = printed(page)

    assert "Only: South High, still there." in sheet
    assert re.search(r"x\s*Student\s*E-mail\s*address\s*worse", sheet)
