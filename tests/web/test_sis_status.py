"""Status: what it says in each state, Sync now, Enable and Disable."""

from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import Engine, select, update

from sisportal.extensions import db
from sisportal.models import Mapping, SisConnection, SisSchool, Sync, SyncState
from sisportal.models.database import writing
from tests.fakes import FakeClock, FakeQueue
from tests.syncing.plans import NOW, action, make_connection, make_sync
from tests.web.watching import queries, words

STATUS = "/admin/sis/clever/status"


@pytest.fixture
def engine(app: Flask) -> Engine:
    with app.app_context():
        return db.engine


@pytest.fixture
def connection_id(engine: Engine) -> int:
    return make_connection(engine)


def test_sync_now_puts_a_sync_into_the_queue_and_shows_that_it_waits(
    ada: FlaskClient, engine: Engine, connection_id: int, queue: FakeQueue
) -> None:
    assert "Nothing was committed yet, so this sync reads everything from the beginning." in words(ada.get(STATUS))

    answer = ada.post("/admin/sis/clever/sync", follow_redirects=True)

    assert queue.sent == [("prepare", 1)]
    assert "Waiting for the worker to begin" in words(answer)
    assert 'hx-trigger="every 2s"' in answer.text
    assert "Start the sync" not in answer.text
    with engine.connect() as connection:
        assert connection.execute(select(Sync.state, Sync.started_by)).one() == ("queued", 1)


def test_a_second_administrator_is_told_who_is_at_it(
    ada: FlaskClient, connection_id: int, engine: Engine, queue: FakeQueue
) -> None:
    make_sync(engine, connection_id, state=SyncState.PREPARING, heartbeat_at=NOW, started_by=1)

    answer = ada.post("/admin/sis/clever/sync", follow_redirects=True)

    assert "Sync 1 runs since 13:05 UTC, started by Ada Abara. One runs at a time: wait for it." in words(answer)
    assert queue.sent == []


def test_a_queue_that_is_away_is_stated_and_the_sync_stays(
    ada: FlaskClient, connection_id: int, queue: FakeQueue, clock: FakeClock
) -> None:
    queue.away = True

    assert "The queue does not answer just now." in words(ada.post("/admin/sis/clever/sync", follow_redirects=True))
    clock.pass_(seconds=40)
    assert "The worker has not begun yet." in words(ada.get(STATUS))


@pytest.mark.parametrize(
    ("values", "says", "offers"),
    [
        ({"state": "prepared"}, "Waiting for review", "Review and commit"),
        ({"state": "failed", "note": "Clever refused the token (401)."}, "Clever refused the token (401).", "Start again"),
        ({"state": "preparing", "heartbeat_at": NOW - timedelta(minutes=1)}, "Stopped half-way", "Start again"),
        ({"state": "committing", "heartbeat_at": NOW - timedelta(minutes=1)}, "The commit stopped half-way", "Continue the commit"),
        ({"state": "preparing", "heartbeat_at": NOW, "stage": "Reading sections", "done": 5, "total": 9}, "Reading sections", "Cancel"),
        ({"state": "cancelled", "note": "Cancelled by ada."}, "Cancelled by ada.", "Sync now"),
        ({"state": "prepared", "options_version": 7}, "can no longer be committed", "Sync now"),
    ],
)  # fmt: skip
def test_each_state_says_what_is_and_offers_what_can_be_done(
    ada: FlaskClient,
    ben: FlaskClient,
    engine: Engine,
    connection_id: int,
    values: dict[str, Any],
    says: str,
    offers: str,
) -> None:
    make_sync(engine, connection_id, [action()], **values)

    text = words(ada.get(STATUS))

    assert (says in text, offers in text) == (True, True)
    assert offers not in words(ben.get(STATUS))


def test_without_a_school_no_sync_starts(ada: FlaskClient, engine: Engine, connection_id: int) -> None:
    with writing(engine).begin() as connection:
        connection.execute(update(SisSchool).values(mapping=Mapping.UNMAPPED))

    text = words(ada.get(STATUS))

    assert ("No school is chosen" in text, "Sync now" in text) == (True, False)


def test_disabling_asks_keeps_everything_and_can_be_undone(
    ada: FlaskClient, engine: Engine, connection_id: int, queue: FakeQueue
) -> None:
    assert "Disable Clever?" in words(ada.get(STATUS))
    assert "Clever is disabled" in words(ada.post("/admin/sis/clever/disable", follow_redirects=True))
    assert "The connection is disabled." in words(ada.post("/admin/sis/clever/sync", follow_redirects=True))
    assert queue.sent == []
    assert "Clever is enabled." in words(ada.post("/admin/sis/clever/enable", follow_redirects=True))
    with engine.connect() as connection:
        assert connection.scalars(select(SisConnection.enabled)).all() == [True]


def test_a_kind_that_is_not_connected_is_not_found(ada: FlaskClient) -> None:
    assert [ada.get(STATUS).status_code, ada.post("/admin/sis/clever/sync").status_code] == [404, 404]


def test_status_takes_few_queries(app: Flask, ada: FlaskClient, engine: Engine, connection_id: int) -> None:
    make_sync(engine, connection_id, [action(f"S{number}") for number in range(50)], started_by=1)

    with queries(app) as statements:
        ada.get(STATUS)

    assert len(statements) <= 12


@pytest.fixture
def committed(engine: Engine, connection_id: int) -> int:
    """A sync that was committed; its id."""
    sync_id = make_sync(engine, connection_id, state=SyncState.COMMITTED, finished_at=NOW)
    with writing(engine).begin() as connection:
        connection.execute(update(SisConnection).values(committed_sync_id=sync_id))
    return sync_id


@pytest.mark.parametrize(
    ("form", "mode", "since"),
    [
        ({"since": "last", "day": ""}, "quick", "last"),
        ({"since": "day", "day": "2026-11-01"}, "quick", "2026-11-01"),
        ({"since": "beginning", "day": "2026-11-01"}, "full", "beginning"),
        ({}, "full", "beginning"),
    ],
)
def test_sync_now_asks_since_when(
    ada: FlaskClient, engine: Engine, committed: int, form: dict[str, str], mode: str, since: str
) -> None:
    assert "What changed since the last committed sync" in words(ada.get(STATUS))

    ada.post("/admin/sis/clever/sync", data=form)

    with engine.connect() as connection:
        row = connection.execute(select(Sync.mode, Sync.request).order_by(Sync.id.desc()).limit(1)).one()
    assert (row.mode, row.request["since"]) == (mode, since)


def test_before_the_first_commit_it_is_from_the_beginning_whatever_is_asked(
    ada: FlaskClient, engine: Engine, connection_id: int
) -> None:
    ada.post("/admin/sis/clever/sync", data={"since": "last"})

    with engine.connect() as connection:
        assert connection.execute(select(Sync.mode, Sync.request)).one() == ("full", {"since": "beginning"})


@pytest.mark.parametrize("day", ["", "soon", "2027-01-01"])
def test_a_day_that_is_none_starts_nothing(ada: FlaskClient, engine: Engine, committed: int, day: str) -> None:
    text = words(ada.post("/admin/sis/clever/sync", data={"since": "day", "day": day}, follow_redirects=True))

    assert "Write it like 2026-09-01." in text or "in the future" in text
    with engine.connect() as connection:
        assert connection.scalars(select(Sync.id)).all() == [committed]
