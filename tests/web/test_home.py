"""The home page: how each connection stands, and what waits for a person."""

import re
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import event

from sisportal.extensions import db
from sisportal.models import Notification, SisConnection, SisSchool, Sync
from sisportal.syncing import apps
from tests.web.conftest import NOW
from tests.web.watching import words


def add(app: Flask, *syncs: dict[str, Any], kind: str = "clever", number: int = 1) -> None:
    with app.app_context():
        db.session.add(
            SisConnection(id=number, kind=kind, created_at=NOW, updated_at=NOW, district={"name": "Pineapple"})
        )
        db.session.flush()
        for values in syncs:
            db.session.add(Sync(**{"connection_id": number, "mode": "full", "created_at": NOW} | values))
        db.session.commit()


def test_a_portal_without_a_connection_offers_one_to_who_may_make_it(ada: FlaskClient, ben: FlaskClient) -> None:
    assert ("Connect Clever" in ada.get("/").text, "Connect Clever" in ben.get("/").text) == (True, False)


@pytest.mark.parametrize(
    ("sync", "sentence"),
    [
        ({"state": "prepared", "counts": {"student": {"add": {"planned": 3}}}}, "The sync is prepared: 3 students."),
        ({"state": "partly-committed", "note": "2 held, waiting for a decision."}, "2 held, waiting for a decision."),
        ({"state": "failed", "note": "Clever refused the token."}, "Clever refused the token."),
        ({"state": "preparing", "heartbeat_at": NOW, "stage": "Reading schools"}, "Reading schools"),
        ({"state": "preparing", "heartbeat_at": NOW - timedelta(minutes=1)}, "The last sync stopped half-way."),
        ({"state": "committing", "heartbeat_at": NOW - timedelta(minutes=1)}, "The commit stopped half-way."),
        ({"state": "queued"}, "Waiting for the worker to begin"),
    ],
)
def test_it_says_of_the_newest_sync_what_a_person_should_know(
    app: Flask, ada: FlaskClient, sync: dict[str, Any], sentence: str
) -> None:
    add(app, {"state": "committed", "note": "Old."}, sync)
    page = ada.get("/").text
    assert sentence in page
    assert 'href="/syncs/2"' in page
    assert "Old." not in page


UPLOAD, MAPPING = "/admin/sis/csv/upload", "/admin/sis/oneroster/configure/mapping"


@pytest.mark.parametrize(
    ("kind", "more", "sentence", "leads_to"),
    [
        ("clever", {}, "Choose the school that this portal is for", "/admin/sis/clever/configure/school"),
        ("clever", {"mapped": True}, "Start the first sync", "/admin/sis/clever/status"),
        ("oneroster", {}, "Say what the businesses of OneRoster become", MAPPING),
        ("oneroster", {"mapped": True}, "Start the first sync", "/admin/sis/oneroster/status"),
        ("csv", {}, "Upload the first file", UPLOAD),
        ("csv", {"mapped": True}, "Upload the first file", UPLOAD),
        ("csv", {"settings": {"waiting_file": "x"}}, "A file waits. Say what the businesses", "/admin/sis/csv/configure/mapping"),
        ("csv", {"settings": {"waiting_file": "x"}, "mapped": True}, "Start the first sync", "/admin/sis/csv/status"),
        ("oneroster", {"enabled": False}, "It is disabled", "/admin/sis/oneroster/status"),
    ],
)  # fmt: skip
def test_a_connection_that_was_never_read_says_the_next_step_of_whoever_asks(
    app: Flask, ada: FlaskClient, ben: FlaskClient, kind: str, more: dict[str, Any], sentence: str, leads_to: str
) -> None:
    is_mapped = more.pop("mapped", False)
    with app.app_context():
        for name in ("sis-integration", "organizations", "organization-portals", "oneroster", "csv"):
            apps.install(db.session.connection(), name, NOW)
        values = {"kind": kind, "created_at": NOW, "updated_at": NOW} | more
        db.session.add(SisConnection(id=1, **values))
        db.session.flush()
        if is_mapped:
            db.session.add(SisSchool(connection_id=1, source_id="s", payload={}, name="S", mapping="mapped"))
        db.session.commit()

    page, seen_by_viewer = ada.get("/"), ben.get("/")

    assert f"Nothing has been read from it yet. {sentence}" in words(page)
    assert f'href="{leads_to}"' in page.text
    told = "An administrator begins with it" if more.get("enabled", True) else "It is disabled"
    assert told in words(seen_by_viewer)
    assert 'href="/admin/sis/csv/upload"' not in seen_by_viewer.text


def test_unread_notifications_are_at_hand(app: Flask, ada: FlaskClient, ben: FlaskClient) -> None:
    with app.app_context():
        db.session.add(Notification(account_id=1, kind="prepared", text="For Ada.", created_at=NOW))
        db.session.commit()
    assert ("For Ada." in ada.get("/").text, "For Ada." in ben.get("/").text) == (True, False)


def test_it_asks_the_database_as_often_for_three_connections_as_for_one(app: Flask, ada: FlaskClient) -> None:
    counts = []
    asked: list[str] = []
    with app.app_context():
        event.listen(db.engine, "before_cursor_execute", lambda *args: asked.append(args[2]))
    add(app, {"state": "prepared"})
    for number, kind in enumerate(("oneroster", "csv"), 2):
        asked.clear()
        ada.get("/")
        counts.append(len(asked))
        add(app, {"state": "prepared"}, {"state": "committed"}, kind=kind, number=number)
    asked.clear()
    ada.get("/")
    assert len(asked) == counts[0]
    assert len(asked) <= 12


def test_a_database_that_is_away_is_said_so(app: Flask, ada: FlaskClient) -> None:
    with app.app_context(), db.engine.begin() as connection:
        connection.exec_driver_sql("DROP TABLE notification")
    answer = ada.get("/")
    assert answer.status_code == 503
    assert "not ready just now" in answer.text


def test_what_waits_for_a_decision_is_counted_with_a_way_there(app: Flask, ada: FlaskClient) -> None:
    held = [{"type": "student", "scope": "", "reason": "deletes", "count": 12}]
    add(app, {"state": "prepared", "held": held}, {"state": "partly-committed", "held": held})
    page = ada.get("/")
    assert "12 changes wait for a decision" in words(page)
    assert 'href="/syncs/2/actions?held=yes"' in page.text
    add(app, {"state": "committed", "held": held}, kind="oneroster", number=2)
    assert words(ada.get("/")).count("wait for a decision") == 1


def test_the_last_syncs_of_all_connections_are_listed_newest_first(app: Flask, ada: FlaskClient) -> None:
    assert "Last syncs" not in words(ada.get("/"))
    add(app, *({"state": "committed"} for _ in range(6)))
    add(app, {"state": "failed", "automatic": True}, kind="oneroster", number=2)
    page = ada.get("/").text.partition("Last syncs")[2]
    assert re.findall(r'<th scope="row"><a href="/syncs/(\d)"', page) == ["7", "6", "5", "4", "3"]
    assert re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page)).count("Automatic") == 1
