"""Passwords: which are taken, how they are kept, and changing one's own."""

from pathlib import Path

import pytest
from argon2 import PasswordHasher
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from sisportal.extensions import db
from sisportal.models import Account, AuditEvent
from sisportal.syncing import administrators
from sisportal.syncing.administrators import hashed, make_administrator
from sisportal.syncing.breached import breached_by, sha1
from sisportal.syncing.setup_code import setup_code
from tests.web.conftest import NOW, browser
from tests.web.mailing import link_in
from tests.web.test_setup import ANSWERS
from tests.web.watching import words

OLD, NEW = "correct horse battery", "staple on a blue door"
EVE = 4


@pytest.fixture
def eve(app: Flask) -> FlaskClient:
    """A browser of Eve, an administrator who has a password."""
    with app.app_context():
        make_administrator(db.engine, "eve@example.org", OLD, NOW, actor="test", last_name="Eze")
    return browser(app, EVE)


def change(client: FlaskClient, current: str = OLD, password: str = NEW, again: str | None = None) -> tuple[int, str]:
    data = {"current": current, "password": password, "again": password if again is None else again}
    answer = client.post("/my-account/password", data=data)
    return answer.status_code, words(answer)


def signs_in(app: Flask, password: str) -> bool:
    client = app.test_client()
    client.post("/sign-in", data={"username": "eve@example.org", "password": password})
    return client.get("/").status_code == 200


def test_changing_the_password_signs_every_other_browser_out_and_not_this_one(app: Flask, eve: FlaskClient) -> None:
    other = browser(app, EVE)
    with eve.session_transaction() as session:
        before = session["_user_id"]
    assert change(eve)[0] == 303
    with eve.session_transaction() as session:
        assert session["_user_id"] != before
    assert (eve.get("/").status_code, other.get("/").location) == (200, "/sign-in")
    assert (signs_in(app, OLD), signs_in(app, NEW)) == (False, True)
    with app.app_context():
        assert db.session.scalars(select(AuditEvent.event).where(AuditEvent.event == "password-changed")).all()


@pytest.mark.parametrize(
    ("current", "password", "again", "sentence"),
    [
        ("wrong", NEW, NEW, "That is not your password."),
        ("", NEW, NEW, "Type it."),
        (OLD, NEW, "another", "The two are not the same."),
        (OLD, "short", "short", "A password has at least 8 characters."),
        (OLD, "password1", "password1", "This one is guessed easily."),
        (OLD, "Eve2026!", "Eve2026!", "This one is guessed easily."),
    ],
)
def test_a_change_that_cannot_be_leaves_the_password_and_says_why(
    app: Flask, eve: FlaskClient, current: str, password: str, again: str, sentence: str
) -> None:
    status, page = change(eve, current, password, again)
    assert status == 422
    assert sentence in page
    assert signs_in(app, OLD)


def stolen(app: Flask, folder: Path, password: str) -> None:
    """Let the portal ask a list that holds this password."""
    path = folder / "pwned.txt"
    path.write_text(f"{sha1(password)}:3\n")
    app.extensions["is_breached"] = breached_by(str(path))


def test_wherever_a_password_is_chosen_one_that_was_stolen_is_refused(
    app: Flask, ada: FlaskClient, eve: FlaskClient, nobody: FlaskClient, tmp_path: Path
) -> None:
    stolen(app, tmp_path, NEW)
    status, page = change(eve)
    assert (status, "stolen somewhere" in page) == (422, True)
    link = link_in(ada.post(f"/accounts/{EVE}/password-link").text)
    answer = nobody.post(link, data={"password": NEW, "again": NEW})
    assert (answer.status_code, "stolen somewhere" in words(answer)) == (422, True)
    assert nobody.post(link, data={"password": "not in the list", "again": "not in the list"}).status_code == 303


def test_the_first_administrator_chooses_no_stolen_password_either(bare_app: Flask, tmp_path: Path) -> None:
    stolen(bare_app, tmp_path, ANSWERS["password"])
    code = setup_code(bare_app.extensions["settings"].data_dir)
    answer = bare_app.test_client().post("/setup", data={**ANSWERS, "code": code})
    assert (answer.status_code, "stolen somewhere" in words(answer)) == (422, True)


def test_nobody_chooses_their_own_name_by_a_link(app: Flask, ada: FlaskClient, nobody: FlaskClient) -> None:
    link = link_in(ada.post("/accounts/3/password-link").text)
    for password in ("Tom Eze 26!", "tomeze26", "eze2026!", "ezetom!!", "tom@example.org"):
        assert nobody.post(link, data={"password": password, "again": password}).status_code == 422, password


def test_whoever_sits_at_an_open_browser_cannot_guess_the_password_for_ever(eve: FlaskClient) -> None:
    assert [change(eve, "wrong")[0] for _ in range(11)] == [422] * 10 + [429]


def test_an_administrator_signs_somebody_out_everywhere(app: Flask, eve: FlaskClient, ada: FlaskClient) -> None:
    assert 'action="/accounts/4/sign-out"' in ada.get("/accounts/4").text
    assert ada.post("/accounts/4/sign-out").location == "/accounts/4"
    assert (eve.get("/").location, ada.get("/").status_code) == ("/sign-in", 200)
    assert signs_in(app, OLD)


def test_signing_out_tells_a_shared_browser_to_forget_the_pages(eve: FlaskClient) -> None:
    assert eve.post("/sign-out").headers["Clear-Site-Data"] == '"cache"'


def test_who_signs_in_with_clever_has_no_password_to_change(tom: FlaskClient) -> None:
    assert "Change the password" not in tom.get("/my-account").text
    assert change(tom)[0] == 404


def test_a_hash_of_weaker_parameters_is_made_anew_when_its_password_fits(
    app: Flask, eve: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def kept() -> str:
        with app.app_context():
            return str(db.session.scalar(select(Account.password_hash).where(Account.id == EVE)))

    before = kept()
    assert not signs_in(app, "wrong")
    assert kept() == before
    stronger = PasswordHasher(time_cost=2, memory_cost=16, parallelism=1)
    monkeypatch.setattr(administrators, "_HASHER", stronger)
    assert signs_in(app, OLD)
    assert kept() != before
    assert not stronger.check_needs_rehash(kept())
    again = kept()
    assert signs_in(app, OLD)
    assert kept() == again


def test_a_password_is_kept_as_argon2id_with_a_salt_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(administrators, "_HASHER", PARAMETERS)
    one, other = hashed(OLD), hashed(OLD)
    assert one.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert one != other
    assert OLD not in one


PARAMETERS = administrators._HASHER
