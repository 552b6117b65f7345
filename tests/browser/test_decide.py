"""Held matches decided by keyboard alone, with and without script."""

import pytest
from flask import Flask
from playwright.sync_api import expect
from sqlalchemy import insert

from sisportal.extensions import db
from sisportal.foundation import utc_now
from sisportal.models import Account
from sisportal.models.database import writing
from sisportal.sandbox.serving import Served
from sisportal.syncing.prepare import prepare, request_sync
from tests.browser import steps
from tests.browser.conftest import Open


@pytest.fixture
def held(connected: Flask, sandbox: Served) -> int:
    """A prepared sync in which three students may each be one of two accounts; its id."""
    district = sandbox.sandbox.district
    school = next(iter(district.schools)).id
    people = [p for p in district.people if p.student and p.student.school == school and p.student.number][:3]
    with connected.app_context():
        with writing(db.engine).begin() as connection:
            for at, person in enumerate((*people, *people)):
                given = {"role": "student", "roles": ["student"], "username": f"by.hand{at}", "created_at": utc_now()}
                names = {"first_name": person.first, "last_name": person.last, "student_id": person.as_student.number}
                connection.execute(insert(Account).values(given | names))
        sync_id = request_sync(db.engine, 1, utc_now())
        prepare(db.engine, sync_id, connected.extensions["open_provider"], utc_now)
    return sync_id


@pytest.mark.parametrize("script", [True, False], ids=["script", "without-script"])
def test_a_person_finishes_them_all_by_keyboard(held: int, address: str, open_browser: Open, script: bool) -> None:
    page = open_browser(address, java_script_enabled=script)
    steps.sign_in(page)
    page.goto(f"/syncs/{held}")
    page.get_by_role("link", name="Decide them one after another").focus()
    page.keyboard.press("Enter")

    for left in (3, 2, 1):
        expect(page.get_by_text(f"{left} record{'s' if left > 1 else ''} of sync {held}")).to_be_visible()
        expect(page.get_by_role("button", name="Same person as").first).to_be_focused()
        page.keyboard.press("Enter")

    expect(page.get_by_text("Everything is decided")).to_be_visible()
