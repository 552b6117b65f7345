"""Everything that the portal holds, downloaded by an administrator."""

import io
import json
import zipfile

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from sisportal.extensions import db
from sisportal.models import AuditEvent
from tests.web.conftest import NOW
from tests.web.mirrored import Mirrored, student
from tests.web.watching import words


@pytest.fixture(autouse=True)
def mirrored(app: Flask) -> Mirrored:
    """One active student and one archived."""
    made = Mirrored.of(app)
    made.linked(student("m", "Abel"), username="mia")
    made.linked(student("g", "Gone"), username="gone", archived_at=NOW)
    return made


def told(app: Flask) -> tuple[str, str, dict[str, str]]:
    with app.app_context():
        event = db.session.scalars(select(AuditEvent).order_by(AuditEvent.id.desc())).first()
        assert event is not None
        return event.event, event.actor, event.details


@pytest.mark.parametrize("archived", [False, True])
def test_a_package_is_for_any_system_or_with_the_archived_for_another_portal(
    app: Flask, ada: FlaskClient, archived: bool
) -> None:
    page = ada.get("/export")
    assert "Other systems would take archived classes and organizations for active" in words(page)

    answer = ada.post("/export", data={"format": "oneroster"} | ({"archived": "yes"} if archived else {}))

    with zipfile.ZipFile(io.BytesIO(answer.data)) as archive:
        users = archive.read("users.csv").decode()
    assert ("mia" in users, "gone" in users) == (True, archived)
    assert answer.headers["Content-Disposition"] == 'attachment; filename="roster.zip"'
    assert answer.headers["Cache-Control"] == "no-store"
    assert told(app) == ("directory-exported", "ada@example.org", {"archived": "yes" if archived else "no"})


def test_json_holds_everything(app: Flask, ada: FlaskClient) -> None:
    answer = ada.post("/export", data={"format": "json"})
    assert {"mia", "gone", "ada@example.org"} <= {row["username"] for row in json.loads(answer.data)["accounts"]}
    assert told(app)[2] == {"archived": "yes"}


def test_what_to_export_has_to_be_said(ada: FlaskClient) -> None:
    answer = ada.post("/export", data={"format": "paper"})
    assert (answer.status_code, "Choose what to export." in words(answer)) == (422, True)


def test_lists_lead_to_it_for_those_who_may(ada: FlaskClient) -> None:
    assert all('href="/export"' in ada.get(page).text for page in ("/accounts", "/classes"))
