"""OneRoster CSV on pages: the dates, the file, what is refused before anything is written, and what follows from it."""

import io
import zipfile
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select
from werkzeug.test import TestResponse

from sisportal.config import Settings
from sisportal.extensions import db
from sisportal.models import Account, Action, Organization, SchoolClass, SisConnection, SisSchool, Sync
from sisportal.sandbox.generator import generate
from sisportal.sandbox.oneroster_csv import write_package
from sisportal.syncing.oneroster_export import export_oneroster
from sisportal.syncing.prepare import prepare
from sisportal.web import sis_upload
from tests.fakes import FakeQueue
from tests.web.test_sis_oneroster import shown
from tests.web.watching import words

CONNECT, UPLOAD = "/admin/sis/csv/connect", "/admin/sis/csv/upload"
DAYS = {"year_start": "2026-08-01", "year_end": "2027-07-31", "semester_start": "", "semester_end": ""}


@pytest.fixture
def package() -> bytes:
    out = io.BytesIO()
    write_package(generate(60), out)
    return out.getvalue()


@pytest.fixture
def connected(app: Flask, ada: FlaskClient) -> FlaskClient:
    """Ada's browser, with the dates entered."""
    answer = ada.post(CONNECT, data=DAYS, follow_redirects=True)
    assert answer.request.path == UPLOAD
    return ada


def test_before_the_dates_are_entered_the_upload_leads_to_them(ada: FlaskClient) -> None:
    assert (ada.get(UPLOAD).location, ada.post(UPLOAD, data={}).status_code) == (CONNECT, 404)


def send(ada: FlaskClient, content: bytes, name: str = "roster.zip", **more: str) -> TestResponse:
    return ada.post(UPLOAD, data={"file": (io.BytesIO(content), name), **more}, follow_redirects=True)


def files(settings: Settings) -> list[Path]:
    return list((settings.data_dir / "uploads").glob("*"))


def count(app: Flask, table: type) -> int:
    with app.app_context():
        return db.session.scalar(select(func.count()).select_from(table)) or 0


def test_the_first_file_asks_what_its_businesses_become_and_then_waits_to_be_read(
    app: Flask, connected: FlaskClient, package: bytes, queue: FakeQueue
) -> None:
    answer = send(connected, package)
    assert (answer.request.path, queue.sent) == ("/admin/sis/csv/configure/mapping", [])
    assert "Auto create" in words(answer)

    connected.post(answer.request.path, data=shown(connected, answer.request.path))
    assert count(app, Organization) == 4
    text = words(connected.get("/admin/sis/csv/status"))
    assert ("A file waits" in text, "Last file None was read yet" in text, "District ID" in text) == (True, True, False)
    text = words(connected.post("/admin/sis/csv/sync", data={}, follow_redirects=True))

    assert (queue.sent, "Waiting for the worker to begin" in text) == ([("prepare", 1)], True)
    with app.app_context():
        assert prepare(db.engine, 1, app.extensions["open_provider"], app.extensions["clock"]) == "prepared"
    text = words(connected.get("/admin/sis/csv/status"))
    assert "A file waits" not in text
    assert "Last file roster.zip Read 3 Nov 2026" in text
    assert "It is OneRoster 1.1, everything Rows 4 organizations, 94 users," in text
    assert "District ID" not in text


def test_the_package_of_a_portal_finds_its_organizations_the_archived_and_the_portal_itself(
    app: Flask, connected: FlaskClient, queue: FakeQueue
) -> None:
    with app.app_context():
        when = app.extensions["clock"]()
        db.session.add(Organization(id=1, name="North", slug="north", created_at=when))
        db.session.add(Organization(id=2, name="Old", slug="old", created_at=when, archived_at=when))
        db.session.add(SchoolClass(name="Of nowhere", created_at=when))
        db.session.add(
            SchoolClass(name="Old one", organization_id=2, style="blended", archived_at=when, created_at=when)
        )
        db.session.commit()
        with db.engine.connect() as connection:
            package = b"".join(export_oneroster(connection, "Lincoln", archived=True))

    mapping = send(connected, package).request.path
    page = words(connected.get(mapping))
    assert "Lincoln Whole portal" in page
    assert "The portal itself, and none of its organizations" in page
    answer = connected.post(mapping, data=shown(connected, mapping), follow_redirects=True)
    assert "Beside an organization" not in words(answer)

    with app.app_context():
        chosen = {row.name: row.organization_id for row in db.session.scalars(select(SisSchool))}
        assert (chosen, count(app, Organization)) == ({"North": 1, "Old": 2, "Lincoln": None}, 2)
    connected.post("/admin/sis/csv/sync", data={})
    with app.app_context():
        assert prepare(db.engine, 1, app.extensions["open_provider"], app.extensions["clock"]) == "prepared"
        assert {one.label: one.after for one in db.session.scalars(select(Action).where(Action.type == "section"))} == {
            "Of nowhere": {"identifiers": {"csv": "class-1"}}, "Old one": {"identifiers": {"csv": "class-2"}},
        }  # fmt: skip


def test_a_later_file_is_prepared_at_once_and_the_one_before_is_removed_when_nothing_needs_it(
    app: Flask, connected: FlaskClient, package: bytes, queue: FakeQueue, settings: Settings
) -> None:
    send(connected, package)
    connected.post("/admin/sis/csv/configure/mapping", data=shown(connected, "/admin/sis/csv/configure/mapping"))

    answer = send(connected, package, auto_commit="yes")

    assert (answer.request.path, queue.sent) == ("/admin/sis/csv/status", [("prepare", 1)])
    with app.app_context():
        assert db.session.get_one(Sync, 1).request["auto_commit"] is True
    assert "waits since" in words(send(connected, package)), "one runs at a time"
    assert len(files(settings)) == 2  # the one that waited, and the one of the sync


def test_what_is_no_package_is_refused_before_anything_is_written(
    app: Flask, connected: FlaskClient, package: bytes, queue: FakeQueue, settings: Settings
) -> None:
    def zipped(**members: str) -> bytes:
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w") as archive:
            for name, text in members.items():
                archive.writestr(name.replace("__", "/").replace("_csv", ".csv"), text)
        return out.getvalue()

    cases = {
        b"": "Choose the zip that the SIS made.",
        b"not a zip": "The file is not a zip, or it is damaged.",
        package[: len(package) // 2]: "The file is not a zip, or it is damaged.",
        zipped(readme="hello"): "manifest",
        zipped(manifest_csv="propertyName,value\n", x__users_csv="a\n"): "folder",
    }
    for content, sentence in cases.items():
        answer = send(connected, content, "roster.zip" if content else "")
        assert (answer.status_code, sentence in words(answer)) == (422, True), words(answer)[-600:]
    assert (queue.sent, files(settings), count(app, Sync), count(app, SisSchool)) == ([], [], 0, 0)


def test_under_htmx_only_the_form_comes_back_with_what_is_wrong(connected: FlaskClient) -> None:
    data = {"file": (io.BytesIO(b"not a zip"), "roster.zip")}
    answer = connected.post(UPLOAD, data=data, headers={"HX-Request": "true"})

    assert (answer.status_code, "<html" in answer.text, 'id="upload"' in answer.text) == (422, False, True)


def test_only_this_route_and_only_an_administrator_may_send_a_large_file(
    app: Flask, connected: FlaskClient, ben: FlaskClient, nobody: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(app.config, "MAX_CONTENT_LENGTH", 1000)

    def sent(client: FlaskClient, url: str) -> int:
        return client.post(url, data={"file": (io.BytesIO(b"x" * 5000), "roster.zip"), "q": "x" * 2000}).status_code

    assert sent(connected, UPLOAD) == 422
    assert [sent(connected, CONNECT), sent(connected, "/admin/sis/csv/sync")] == [413, 413]
    assert [sent(ben, UPLOAD), sent(nobody, UPLOAD)] == [403, 303]
    monkeypatch.setattr(sis_upload, "LARGEST_FILE", 2000)
    assert sent(connected, UPLOAD) == 413


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [({"year_start": ""}, "Enter its first day."), ({"year_end": "2026-01-01"}, "It ends before it starts.")],
)
def test_dates_that_cannot_be_are_refused(app: Flask, ada: FlaskClient, changed: dict[str, str], sentence: str) -> None:
    answer = ada.post(CONNECT, data=DAYS | changed)

    assert (answer.status_code, sentence in words(answer), count(app, SisConnection)) == (422, True, 0)


def test_other_dates_leave_the_rest_of_the_connection_as_it_is(
    app: Flask, connected: FlaskClient, package: bytes
) -> None:
    send(connected, package)
    connected.post(CONNECT, data=DAYS | {"year_end": "2027-06-30"})

    with app.app_context():
        settings = db.session.scalars(select(SisConnection.settings)).one()
    assert (settings["year_end"], Path(settings["waiting_file"]).is_file()) == ("2027-06-30", True)
    assert "2026-08-01 to 2027-06-30" in words(connected.get("/admin/sis/csv/configure"))
    assert count(app, Account) == 3
