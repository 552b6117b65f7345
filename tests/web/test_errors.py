"""Error pages say what happened and what to do, whoever asks."""

import errno
import sqlite3

import psycopg
import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import event
from sqlalchemy.exc import IntegrityError, OperationalError

from sisportal.config import Settings
from sisportal.extensions import db
from sisportal.factory import create_app
from sisportal.syncing.settings import NAME, write_setting
from sisportal.web.errors import BUSY, DAMAGED, FULL, TEXTS, ErrorText
from tests.fakes import FakeQueue
from tests.web.style_site import make_style_site


@pytest.fixture(scope="module")
def site() -> Flask:
    return make_style_site()


@pytest.fixture
def client(site: Flask) -> FlaskClient:
    return site.test_client()


@pytest.mark.parametrize("code", sorted(TEXTS.keys() - {FULL}))  # which Werkzeug has no class for
def test_each_error_has_a_page_of_its_own(client: FlaskClient, code: int) -> None:
    answer = client.get(f"/error/{code}")

    assert answer.status_code == code
    assert f"<h1>{TEXTS[code].title}</h1>" in answer.text
    assert TEXTS[code].advice in answer.text


def test_an_error_without_a_text_of_its_own_has_the_general_one(client: FlaskClient) -> None:
    assert TEXTS[400].title in client.get("/error/418").text
    assert TEXTS[500].title in client.get("/error/502").text


def test_an_error_page_needs_neither_account_nor_navigation(site: Flask) -> None:
    def broken() -> None:
        raise RuntimeError

    site.jinja_env.globals["shell"], kept = broken, site.jinja_env.globals["shell"]
    try:
        answers = [site.test_client().get(path).status_code for path in ("/error/503", "/nowhere", "/status")]
    finally:
        site.jinja_env.globals["shell"] = kept

    assert answers == [503, 404, 500]


def test_htmx_gets_the_error_without_a_page_around_it(client: FlaskClient) -> None:
    answer = client.get("/error/500", headers={"HX-Request": "true"})

    assert answer.status_code == 500
    assert answer.text.startswith('<div id="error" role="alert">')


def test_an_error_keeps_the_headers_that_belong_to_it(client: FlaskClient) -> None:
    answer = client.delete("/status")

    assert answer.status_code == 405
    assert {"GET", "HEAD", "OPTIONS"} == set(answer.headers["Allow"].split(", "))


@pytest.mark.parametrize(
    ("error", "code", "text"),
    [
        (sqlite3.OperationalError("database or disk is full"), 507, TEXTS[FULL]),
        (psycopg.errors.DiskFull("could not extend file: No space left on device"), 507, TEXTS[FULL]),
        (OSError(errno.ENOSPC, "No space left on device"), 507, TEXTS[FULL]),
        (sqlite3.OperationalError("database is locked"), 503, BUSY),
        (psycopg.errors.LockNotAvailable("canceling statement due to lock timeout"), 503, BUSY),
        (psycopg.OperationalError("connection refused"), 503, TEXTS[503]),
        (sqlite3.OperationalError("disk I/O error"), 503, DAMAGED),
    ],
)
def test_a_database_that_cannot_be_used_is_said_to_be_full_busy_or_away(
    error: Exception, code: int, text: ErrorText
) -> None:
    site = make_style_site()

    @site.get("/breaks")
    def breaks() -> str:
        raise error if isinstance(error, OSError) else OperationalError("a statement", {}, error)

    answer = site.test_client().get("/breaks")

    assert (answer.status_code, f"<h1>{text.title}</h1>" in answer.text) == (code, True)
    assert text.advice in answer.text


def test_a_database_file_of_garbage_is_said_to_be_damaged(settings: Settings) -> None:
    (settings.data_dir / "portal.sqlite3").write_bytes(b"no database at all " * 500)
    app = create_app(settings, queue=FakeQueue())

    answer = app.test_client().get("/sign-in")

    assert (answer.status_code, DAMAGED.sentence in answer.text) == (503, True)
    with app.app_context():
        db.engine.dispose()


def test_what_a_database_says_of_a_statement_is_unexpected() -> None:
    site = make_style_site()

    @site.get("/breaks")
    def breaks() -> str:
        raise IntegrityError("a statement", {}, sqlite3.IntegrityError("NOT NULL constraint failed"))

    assert site.test_client().get("/breaks").status_code == 500


def test_another_error_of_the_machine_is_unexpected(site: Flask) -> None:
    site = make_style_site()

    @site.get("/breaks")
    def breaks() -> str:
        raise FileNotFoundError(errno.ENOENT, "gone")

    assert site.test_client().get("/breaks").status_code == 500


def test_a_form_sent_while_the_disk_is_full_is_answered_so_and_nothing_is_kept(app: Flask, ada: FlaskClient) -> None:
    """The database may not grow: real SQLite, no page more."""

    def limit(connection: sqlite3.Connection, _record: object) -> None:
        connection.execute(f"PRAGMA max_page_count = {connection.execute('PRAGMA page_count').fetchone()[0]}")

    with app.app_context():
        engine = db.engine
        engine.dispose()
    event.listen(engine, "connect", limit)
    answers: list[str] = []
    while "The disk is full" not in "".join(answers[-1:]) and len(answers) < 100:
        name = f"Gym {len(answers)} {'x' * 100}"
        answers.append(ada.post("/organizations/new", data={"name": name, "welcome": "x" * 900}).text)

    event.remove(engine, "connect", limit)
    engine.dispose()
    assert "The disk is full" in answers[-1]
    assert ada.get("/organizations").status_code == 200


def test_an_error_page_carries_the_portals_own_name(app: Flask, ada: FlaskClient) -> None:
    with app.app_context():
        write_setting(db.session.connection(), NAME, "Lincoln Unified")
        db.session.commit()

    pages = [
        ada.get("/nowhere"),
        app.test_client().get("/nowhere"),
        ada.get("/nowhere", headers={"HX-Request": "true"}),
    ]

    assert [page.status_code for page in pages] == [404] * 3
    assert [page.text.count("Lincoln Unified") for page in pages] == [2, 2, 0]


def test_while_the_database_is_away_the_name_is_the_one_that_was_read_last(
    app: Flask, ada: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    with app.app_context():
        write_setting(db.session.connection(), NAME, "Lincoln Unified")
        db.session.commit()

    def away(*_: object) -> None:
        raise OperationalError("a statement", {}, psycopg.OperationalError("connection refused"))

    def answer() -> str:
        with monkeypatch.context() as patch, app.app_context():
            patch.setattr(type(db.engine.dialect), "do_execute", away)
            page = app.test_client().get("/sign-in")
        assert page.status_code == 503
        return page.text

    first = answer()
    ada.get("/")
    assert ["Lincoln Unified" in first, "Lincoln Unified" in answer()] == [False, True]
