"""A telephone that makes codes, and people who have one."""

import re
from datetime import datetime

import pyotp
from flask import Flask
from flask.testing import FlaskClient

from sisportal.extensions import db
from sisportal.syncing import second_factor
from sisportal.syncing.administrators import make_administrator, reset_password
from sisportal.syncing.review import Who
from tests.web.conftest import NOW

PASSWORD = "correct horse battery"
SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
EVE, EVES = 4, "eve@example.org"
PAGE, STEP = "/my-account/second-factor", "/sign-in/code"


def code_at(moment: datetime, secret: str = SECRET, *, steps: int = 0) -> str:
    """What the telephone shows, so many steps of half a minute away."""
    return str(pyotp.TOTP(secret).at(moment, counter_offset=steps))


def make_eve(app: Flask) -> None:
    """Eve, an administrator who has a password."""
    with app.app_context():
        make_administrator(db.engine, EVES, PASSWORD, NOW, actor="test", last_name="Eze")


def give_factor(app: Flask, account_id: int = EVE, name: str = EVES) -> list[str]:
    """A second factor that was set up a minute ago; its recovery codes."""
    with app.app_context():
        cipher, before = app.extensions["cipher"], datetime.fromtimestamp(NOW.timestamp() - 60, NOW.tzinfo)
        return second_factor.set_up(db.engine, cipher, Who(name, account_id), SECRET, code_at(before), before)


def give_password(app: Flask, name: str) -> None:
    with app.app_context():
        reset_password(db.engine, name, PASSWORD, NOW, actor="test")


def first_step(client: FlaskClient, name: str = EVES, **more: str) -> str:
    """Where the right password leads."""
    answer = client.post("/sign-in", data={"username": name, "password": PASSWORD, **more})
    assert answer.status_code == 303, answer.text
    return str(answer.location)


def second_step(client: FlaskClient, code: str = "", recovery: str = "", **more: str) -> tuple[int, str]:
    answer = client.post(STEP, data={"code": code, "recovery": recovery, **more})
    return answer.status_code, answer.location or ""


def shown_key(client: FlaskClient) -> str:
    """The key that the page of the set-up shows, as somebody types it into a telephone."""
    found = re.search(r'<code class="key">([A-Z2-7 ]+)</code>', client.get(PAGE).text)
    assert found
    return found[1].replace(" ", "")


def shown_codes(text: str) -> list[str]:
    """The recovery codes that a page shows."""
    return re.findall(r"<code>([A-Z2-9]{5}-[A-Z2-9]{5})</code>", text)
