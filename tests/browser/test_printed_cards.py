"""Login cards from screen to paper: a teacher prints a class sheet, a student uses a card of it."""

import io
import re

from flask import Flask
from playwright.sync_api import expect
from pypdf import PdfReader
from sqlalchemy import insert

from sisportal.extensions import db
from sisportal.foundation import utc_now
from sisportal.models import Account, Membership, SchoolClass
from sisportal.models.database import writing
from sisportal.syncing.administrators import set_up
from sisportal.syncing.breached import breached_by
from tests.browser import steps
from tests.browser.conftest import Open
from tests.browser.watching import unusable

STUDENTS = 26
TEN_ON_A_PAGE = [10, 10, 6]


def furnish(portal: Flask) -> None:
    """Ada, who teaches a class of 26 without e-mail addresses."""
    now = utc_now()
    with portal.app_context():
        set_up(
            db.engine, email=steps.EMAIL, password=steps.PASSWORD, first_name="Ada", last_name="Lovelace",
            name="Lincoln School", timezone="Europe/Stockholm", now=now, address="", is_breached=breached_by(""),
        )  # fmt: skip
        with writing(db.engine).begin() as connection:
            connection.execute(insert(SchoolClass).values(id=1, name="Mathematics 7B", created_at=now))
            people = [
                {
                    "id": 10 + number, "role": "student", "roles": ["student"], "organizations": [],
                    "username": f"student{number}", "first_name": f"Student {number}", "last_name": "Ødegård سو",
                    "search": f"{number:02}", "created_at": now,
                }
                for number in range(STUDENTS)
            ]  # fmt: skip
            connection.execute(insert(Account), people)
            places = [{"class_id": 1, "account_id": each["id"], "position": Membership.STUDENT} for each in people]
            connection.execute(insert(Membership), [{"class_id": 1, "account_id": 1, "position": 0}, *places])


def test_a_class_sheet_comes_out_of_the_printer_and_opens_the_door(
    open_browser: Open, portal: Flask, address: str
) -> None:
    furnish(portal)
    page = open_browser(address, color_scheme="dark")
    steps.sign_in(page)
    page.goto("/my-classes/1")
    page.locator("#panel").get_by_role("link", name="Login cards").click()
    page.get_by_role("button", name="Make the cards").click()
    expect(page.get_by_role("button", name="Print")).to_be_visible()
    assert unusable(page) == []

    paper = PdfReader(io.BytesIO(page.pdf(format="A4", prefer_css_page_size=True)))
    texts = [each.extract_text() for each in paper.pages]
    assert [len(re.findall(r"^Code", text, re.MULTILINE)) for text in texts] == TEN_ON_A_PAGE
    sheet = "\n".join(texts)
    assert "Sign out" not in sheet
    assert "shown only now" not in sheet
    codes = dict(re.findall(r"Username (student\d+)\nCode ([A-Z2-9]{4}-[A-Z2-9]{4})", sheet))
    assert len(codes) == STUDENTS

    student = open_browser(address, viewport={"width": 390, "height": 844})
    student.goto("/sign-in")
    student.get_by_role("link", name="I have a login card").click()
    student.get_by_label("Username").fill("student7")
    student.get_by_label("Code").fill(codes["student7"].lower())
    assert unusable(student) == []
    student.get_by_role("button", name="Go on").click()
    student.get_by_label("New password").fill(steps.PASSWORD)
    student.get_by_label("The same once more").fill(steps.PASSWORD)
    student.get_by_role("button", name="Keep it").click()
    student.get_by_label("Username").fill("student7")
    student.get_by_label("Password").fill(steps.PASSWORD)
    student.get_by_role("button", name="Sign in").click()
    expect(
        student.get_by_role("heading", name="Mathematics 7B").or_(student.get_by_text("Mathematics 7B"))
    ).to_be_visible()
