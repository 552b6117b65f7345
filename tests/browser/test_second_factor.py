"""A second factor on a telephone, without any script: required, set up, asked for, and stood in for by a recovery code."""

import pyotp
from flask import Flask
from playwright.sync_api import expect

from sisportal.extensions import db
from sisportal.foundation import utc_now
from sisportal.models.database import writing
from sisportal.syncing import second_factor
from sisportal.syncing.administrators import make_administrator
from tests.browser import steps
from tests.browser.conftest import Open

TELEPHONE = {"width": 390, "height": 844}


def test_a_second_factor_is_set_up_asked_for_and_stood_in_for_on_a_telephone_without_script(
    portal: Flask, address: str, open_browser: Open
) -> None:
    with portal.app_context():
        make_administrator(db.engine, steps.EMAIL, steps.PASSWORD, utc_now(), actor="test", last_name="Lovelace")
        with writing(db.engine).begin() as connection:
            second_factor.choose(connection, "administrators")
    page = open_browser(address, viewport=TELEPHONE, java_script_enabled=False)
    page.goto("/my-account")
    page.get_by_label("Username").fill(steps.EMAIL)
    page.get_by_label("Password").fill(steps.PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Set up a second factor")
    picture = page.get_by_role("img", name="The key as a picture")
    assert picture.evaluate("image => image.complete && image.naturalWidth > 100")
    key = page.locator("code.key").inner_text().replace(" ", "")
    page.get_by_label("Code").fill(pyotp.TOTP(key).now())
    page.get_by_role("button", name="Set it up").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Your recovery codes")
    code = page.locator(".recovery-codes code").first.inner_text()
    page.get_by_role("link", name="I have kept them").click()
    expect(page.get_by_text("With a password and a code")).to_be_visible()

    page.context.clear_cookies()
    page.goto("/my-account")
    page.get_by_label("Username").fill(steps.EMAIL)
    page.get_by_label("Password").fill(steps.PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Enter the code")
    page.get_by_text("I do not have my telephone").click()
    page.get_by_label("Recovery code").fill(code.lower())
    page.get_by_role("button", name="Sign in with it").click()
    expect(page.get_by_text("With a password and a code").first).to_be_visible()
    page.goto("/my-account/second-factor")
    expect(page.get_by_text("Recovery codes left")).to_be_visible()
    width, window = page.evaluate("[document.documentElement.scrollWidth, window.innerWidth]")
    assert width == window
