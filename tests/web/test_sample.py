"""The pages of the sample district: offered, started, a day passes, removed."""

from collections.abc import Callable, Iterable, Iterator
from threading import Thread
from typing import TYPE_CHECKING

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select
from werkzeug.serving import make_server

from sisportal import sample
from sisportal.config import Settings
from sisportal.extensions import db
from sisportal.folder import held
from sisportal.models import AuditEvent, SisConnection
from sisportal.sandbox.district import District
from sisportal.sandbox.service import Sandbox, create_sandbox
from sisportal.sandbox.serving import Served, serve
from sisportal.syncing import apps, clever_sso, sample_district
from sisportal.web.clever_client import sso
from tests.web.conftest import NOW, browser
from tests.web.watching import words

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

START = "/admin/sis/sample/start"


@pytest.fixture
def looked_after(settings: Settings, district: District) -> Iterator[Served]:
    """A sample district that answers, and a process that would serve it."""
    folder = sample.folder(settings.data_dir)
    with serve(create_sandbox(district, token=sample.TOKEN)) as served, held(folder):
        sample.served_at(settings.data_dir, served.url)
        yield served
    sample.forget(settings.data_dir)


@pytest.fixture
def tried(ada: FlaskClient, looked_after: Served) -> Served:
    ada.post(START)
    return looked_after


def test_an_empty_portal_offers_the_sample_and_a_connected_one_does_not(ada: FlaskClient, tried: Served) -> None:
    assert [START in ada.get(path).text for path in ("/", "/admin/sis", "/admin/sis/sample")] == [False] * 3
    ada.post("/admin/sis/sample/remove")
    assert [START in ada.get(path).text for path in ("/", "/admin/sis", "/admin/sis/sample")] == [True] * 3


def test_one_click_connects_the_sample_and_shows_the_test(
    app: Flask, ada: FlaskClient, looked_after: Served, district: District
) -> None:
    with app.app_context():
        apps.disable(db.session.connection(), "sis-integration")
        db.session.commit()

    page = ada.post(START, follow_redirects=True)

    assert "Everything works" in words(page)
    assert f"{len(district.schools)} schools." in words(page)
    choices = words(ada.get("/admin/sis/clever/configure/school"))
    assert [school.name in choices for school in district.schools] == [True] * len(district.schools)
    with app.test_request_context():
        assert sso().application == clever_sso.Application(
            sample.CLIENT_ID, sample.CLIENT_SECRET, looked_after.url, looked_after.url
        )


def test_without_a_process_that_serves_it_the_page_says_what_to_type(
    ada: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sample_district, "KEEPER_SECONDS", 0.0)
    page = ada.post(START, follow_redirects=True)
    assert f"Type {sample_district.BY_HAND}" in page.text
    assert START in page.text


def test_its_connection_is_not_changed_into_another_district(app: Flask, ada: FlaskClient, tried: Served) -> None:
    for answer in (
        ada.get("/admin/sis/clever/connect"),
        ada.post("/admin/sis/clever/connect", data={"base_url": "https://api.clever.com", "token": "t"}),
    ):
        assert answer.location == "/admin/sis/sample"
    with app.app_context():
        settings = db.session.scalars(select(SisConnection.settings)).one()
    assert settings["base_url"] == tried.url


def test_a_day_passes_and_the_sample_is_removed_from_status(
    app: Flask, ada: FlaskClient, ben: FlaskClient, tried: Served, settings: Settings
) -> None:
    status = ada.get("/admin/sis/clever/status")
    assert "Everybody in it is made up." in words(status)
    assert 'action="/admin/sis/sample/day"' in status.text
    assert 'action="/admin/sis/sample/day"' not in ben.get("/admin/sis/clever/status").text
    assert "A day has passed" in words(ada.post("/admin/sis/sample/day", follow_redirects=True))
    assert tried.sandbox.district.day == 1
    asked = words(ada.get("/admin/sis/sample/remove"))
    assert "What goes, for good the connection to the sample district Everywhere else" in asked, "nothing else came yet"
    assert "is removed" in words(ada.post("/admin/sis/sample/remove", follow_redirects=True))
    assert not sample.wanted(settings.data_dir)
    with app.app_context():
        assert db.session.scalars(select(SisConnection)).all() == []
        lines = db.session.execute(select(AuditEvent.event, AuditEvent.actor, AuditEvent.details)).all()
    by = "ada@example.org"
    assert [tuple(row)[:2] for row in lines] == [
        ("sample-tried", by), ("sample-day-passed", by), ("sample-removed", by)
    ]  # fmt: skip
    assert lines[-1].details == {"accounts": 0, "classes": 0, "organizations": 0, "syncs": 0}
    assert ada.get("/admin/sis/sample/remove").location == "/admin/sis/sample"
    assert ada.post("/admin/sis/sample/remove").status_code == 404


def test_a_sample_that_is_disabled_is_served_no_longer(ada: FlaskClient, tried: Served, settings: Settings) -> None:
    wanted = [bool(sample.wanted(settings.data_dir))]
    for what in ("disable", "enable"):
        ada.post(f"/admin/sis/clever/{what}")
        wanted.append(bool(sample.wanted(settings.data_dir)))
    assert wanted == [True, False, True]


class ConnectsMeanwhile:
    """The sample district, which answers for the first time while somebody connects another one in a second tab."""

    def __init__(self, sandbox: Sandbox, connect_own: Callable[[], object]) -> None:
        self._sandbox, self._connect_own, self._connected = sandbox, connect_own, False

    def __call__(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        if not self._connected:
            self._connected = True
            self._connect_own()
        return self._sandbox(environ, start_response)


def test_a_district_that_is_connected_meanwhile_is_kept_and_the_sample_let_go_of(
    app: Flask, ada: FlaskClient, settings: Settings, district: District
) -> None:
    own = {"base_url": "https://api.example.org", "token": "own"}
    meanwhile = ConnectsMeanwhile(
        create_sandbox(district, token=sample.TOKEN),
        lambda: browser(app, 1).post("/admin/sis/clever/connect", data=own),
    )
    server = make_server("127.0.0.1", 0, meanwhile, threaded=True)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    with held(sample.folder(settings.data_dir)):
        sample.served_at(settings.data_dir, f"http://127.0.0.1:{server.server_port}")
        page = ada.post(START, follow_redirects=True)
    server.shutdown()
    thread.join()
    server.server_close()

    assert "A district is connected already." in words(page)
    with app.app_context():
        assert db.session.scalars(select(SisConnection.settings)).one()["base_url"] == own["base_url"]
        sample_district.settle(db.engine, settings.data_dir, NOW)
    assert not sample.wanted(settings.data_dir)
