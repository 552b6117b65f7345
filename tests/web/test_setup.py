"""The first start of a portal."""

import stat
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from sisportal.config import Settings
from sisportal.extensions import db
from sisportal.models import Account, AccountRole, AuditEvent, Setting, SisConnection
from sisportal.syncing import sample_district, second_factor
from sisportal.syncing.administrators import make_administrator
from sisportal.syncing.settings import read_settings
from sisportal.syncing.setup_code import setup_code
from sisportal.web.setup import announce
from tests.web.conftest import NOW

ANSWERS = {
    "name": "Lincoln Unified",
    "timezone": "America/Chicago",
    "first_name": "Ada",
    "last_name": "Abara",
    "email": "ada@example.org",
    "password": "correct horse battery",
}


@pytest.fixture
def stranger(bare_app: Flask) -> FlaskClient:
    return bare_app.test_client()


@pytest.fixture
def code(settings: Settings) -> str:
    return setup_code(settings.data_dir)


def test_the_code_is_printed_and_kept_where_only_the_portals_user_reads_it(
    bare_app: Flask, settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    announce(bare_app)
    path = settings.data_dir / "setup-code"
    assert path.read_text() in capsys.readouterr().out
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_every_process_has_the_same_code(tmp_path: Path) -> None:
    assert setup_code(tmp_path) == setup_code(tmp_path)


@pytest.mark.parametrize("address", ["/", "/sign-in", "/accounts/1", "/no/such/page", "/o/nobody"])
def test_every_page_leads_to_the_set_up_before_it(stranger: FlaskClient, address: str) -> None:
    assert stranger.get(address).location == "/setup"


def test_the_files_of_the_pages_are_there_before_the_set_up(stranger: FlaskClient) -> None:
    answers = [stranger.get(f"/static/{name}", buffered=True).status_code for name in ("app.css", "no-such.css")]
    assert answers == [200, 404]


def test_an_unknown_address_is_told_once_the_portal_is_set_up(app: Flask) -> None:
    assert app.test_client().get("/no/such/page").status_code == 404


def test_a_portal_that_is_set_up_prints_no_code(app: Flask, capsys: pytest.CaptureFixture[str]) -> None:
    announce(app)
    assert capsys.readouterr().out == ""


def test_setting_up_makes_the_administrator_and_signs_them_in(
    bare_app: Flask, stranger: FlaskClient, code: str
) -> None:
    answer = stranger.post("/setup", data=ANSWERS | {"code": code.lower().replace("-", " ")})
    assert (answer.status_code, answer.location) == (303, "/")
    assert "Lincoln Unified" in stranger.get("/").text
    with bare_app.app_context():
        account = db.session.scalars(select(Account)).one()
        assert (account.role, account.username, account.last_name) == (
            AccountRole.ADMINISTRATOR,
            "ada@example.org",
            "Abara",
        )
        assert dict(db.session.execute(select(Setting.name, Setting.value)).all()) == {
            "name": "Lincoln Unified",
            "timezone": "America/Chicago",
        }
        events = list(db.session.scalars(select(AuditEvent.event).order_by(AuditEvent.id)))
        assert events == ["administrator-made", "settings-changed"]


def test_who_asks_administrators_for_a_second_factor_sets_up_their_own_before_anything_else(
    bare_app: Flask, stranger: FlaskClient, code: str
) -> None:
    assert "checked" not in stranger.get("/setup").text
    stranger.post("/setup", data=ANSWERS | {"code": code, "second_factor": "y", "begin": "clever"})

    for path in ("/", "/accounts", "/admin/sis"):
        assert stranger.get(path).location.partition("?")[0] == "/my-account/second-factor"
    with bare_app.app_context():
        assert second_factor.policy(read_settings(db.session.connection())) == "administrators"
        told = db.session.scalars(select(AuditEvent.details).where(AuditEvent.event == "settings-changed")).one()
    assert told["second_factor"] == "administrators"


@pytest.mark.parametrize(
    ("begin", "leads_to"),
    [
        ("", "/"),
        ("clever", "/admin/sis/clever/connect"),
        ("oneroster", "/admin/sis/oneroster/connect"),
        ("csv", "/admin/sis/csv/connect"),
    ],
)
def test_each_beginning_leads_on(stranger: FlaskClient, code: str, begin: str, leads_to: str) -> None:
    answer = stranger.post("/setup", data=ANSWERS | {"code": code, "begin": begin})

    if not begin:
        assert answer.location == leads_to
        assert 'action="/admin/sis/sample/start"' in stranger.get("/").text
        return
    asked = stranger.get(answer.location)
    assert (asked.status_code, "Yes" in asked.text) == (200, True)
    installed = stranger.post(f"/admin/apps/{begin}/install", data={"next": leads_to})
    assert (installed.location, f'name="next" value="{leads_to}"' in asked.text) == (leads_to, True)
    assert stranger.get(leads_to).status_code == 200
    assert f"/admin/apps/{begin}/install" in stranger.get("/").text


def test_the_code_is_good_once(settings: Settings, bare_app: Flask, stranger: FlaskClient, code: str) -> None:
    stranger.post("/setup", data=ANSWERS | {"code": code})
    again = bare_app.test_client().post("/setup", data=ANSWERS | {"code": code, "email": "eve@example.org"})
    assert again.location == "/"
    assert not (settings.data_dir / "setup-code").exists()
    assert bare_app.test_client().get("/setup").location == "/"


def test_without_the_code_nothing_is_made(bare_app: Flask, stranger: FlaskClient, code: str) -> None:
    answers = [stranger.post("/setup", data=ANSWERS | {"code": wrong}) for wrong in ("", "AAAA-BBBB-CCCC")]
    assert [answer.status_code for answer in answers] == [422, 422]
    with bare_app.app_context():
        assert db.session.scalars(select(Account)).all() == []


def test_the_code_cannot_be_guessed_for_ever(stranger: FlaskClient, code: str) -> None:
    statuses = [stranger.post("/setup", data=ANSWERS | {"code": "AAAA-BBBB-CCCC"}).status_code for _ in range(11)]
    assert statuses == [422] * 10 + [429]
    assert stranger.post("/setup", data=ANSWERS | {"code": code}).status_code == 429


@pytest.mark.parametrize(
    ("field", "value", "sentence"),
    [
        ("password", "short", "A password has at least 8 characters."),
        ("password", "", "Choose a password."),
        ("email", "ada", "That is no e-mail address"),
        ("name", " ", "Name the portal."),
        ("name", "x" * 201, "At most 200 characters."),
        ("timezone", "Mars/Olympus", "Not a valid choice."),
        ("last_name", "", "Type your last name."),
    ],
)
def test_what_cannot_be_used_is_said_beside_its_field(
    stranger: FlaskClient, code: str, field: str, value: str, sentence: str
) -> None:
    answer = stranger.post("/setup", data=ANSWERS | {"code": code, field: value})
    assert answer.status_code == 422
    assert sentence in answer.text
    assert ANSWERS["password"] not in answer.text


def test_whoever_comes_second_is_sent_to_sign_in(
    bare_app: Flask, stranger: FlaskClient, code: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sisportal.web.setup.needs_setup", lambda: True)
    monkeypatch.setattr("sisportal.web.access.needs_setup", lambda: True)
    with bare_app.app_context():
        make_administrator(db.engine, "eve@example.org", "correct horse battery", NOW, actor="test")
    assert stranger.post("/setup", data=ANSWERS | {"code": code}).location == "/sign-in"


def test_a_sample_that_cannot_start_is_said_after_the_set_up_which_stands(
    bare_app: Flask, stranger: FlaskClient, code: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sample_district, "KEEPER_SECONDS", 0.0)

    page = stranger.post("/setup", data=ANSWERS | {"code": code, "begin": "sample"}, follow_redirects=True)

    assert page.request.path == "/admin/sis/sample"
    assert f"Type {sample_district.BY_HAND}" in page.text
    assert 'action="/admin/sis/sample/start"' in page.text
    with bare_app.app_context():
        assert db.session.scalars(select(Account.username)).all() == ["ada@example.org"]
        assert db.session.scalars(select(SisConnection)).all() == []
