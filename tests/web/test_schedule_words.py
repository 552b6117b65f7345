"""What Status and the home page say of what runs by itself: when it comes, how the last one went, why it is off, what is silent."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import Engine, insert, select, update

from sisportal.extensions import db
from sisportal.models import Alarm, Schedule, SisConnection, SyncState
from sisportal.models.database import writing
from sisportal.roster.options import defaults, with_option
from sisportal.syncing.connections import change_options
from sisportal.syncing.settings import TIMEZONE, write_setting
from tests.fakes import FakeClock
from tests.syncing.plans import NOW, action, make_connection, make_sync
from tests.web.conftest import browser
from tests.web.watching import queries, words

STATUS = "/admin/sis/clever/status"


@pytest.fixture
def engine(app: Flask) -> Engine:
    """A connected portal in Stockholm, where it is five past two in the afternoon."""
    with app.app_context():
        engine = db.engine
    make_connection(engine)
    with writing(engine).begin() as connection:
        write_setting(connection, TIMEZONE, "Europe/Stockholm")
    return engine


def set_to(engine: Engine, time: str, commit: str = "no") -> None:
    changed = with_option(with_option(defaults(), "auto_sync", time), "auto_commit", commit)
    change_options(engine, 1, changed, NOW)


@pytest.mark.parametrize(
    ("time", "commit", "rule", "following"),
    [
        ("04:30", "no", "Every day at 04:30 (Europe/Stockholm) a sync is prepared and waits for a person to commit it.", "Tomorrow at 04:30"),
        ("14:10", "yes", "Every day at 14:10 (Europe/Stockholm) a sync is prepared and committed as far as nothing is held.", "Today at 14:10"),
        ("off", "no", "Nothing is read by itself: somebody starts each sync.", "Set a time Nothing is read by itself"),
    ],
)  # fmt: skip
def test_status_says_in_words_what_runs_when(
    ada: FlaskClient, ben: FlaskClient, engine: Engine, time: str, commit: str, rule: str, following: str
) -> None:
    set_to(engine, time, commit)

    text = words(ada.get(STATUS))

    assert (rule in text, following in text) == (True, True)
    assert rule in words(ben.get(STATUS))


def test_over_a_clock_change_it_says_the_time_that_the_clock_will_show(
    app: Flask, engine: Engine, clock: FakeClock
) -> None:
    set_to(engine, "02:30")
    clock.now = datetime(2027, 3, 28, 0, 10, tzinfo=UTC)

    assert "Today at 03:00" in words(browser(app, 1).get(STATUS))


def test_status_shows_how_the_last_automatic_sync_went(ada: FlaskClient, engine: Engine) -> None:
    set_to(engine, "04:30")
    assert "Last automatic sync None yet" in words(ada.get(STATUS))
    note = "5 held, waiting for a decision."
    sync_id = make_sync(engine, 1, [action()], automatic=True, state=SyncState.PARTLY_COMMITTED, note=note)
    make_sync(engine, 1, [action()], started_by=1)

    page = ada.get(STATUS)

    assert "Partly committed 0 changes applied. 5 held, waiting for a decision." in words(page)
    assert f'href="/syncs/{sync_id}"' in page.text


def test_history_tells_automatic_syncs_from_those_that_somebody_started(ada: FlaskClient, engine: Engine) -> None:
    make_sync(engine, 1, automatic=True)
    make_sync(engine, 1, started_by=1)

    def shown(query: str) -> list[bool]:
        text = words(ada.get(f"/admin/sis/clever/history{query}"))
        return ["Manual Ada Abara" in text, "Automatic the schedule" in text, "1 sync" in text.replace("1 syncs", "")]

    assert shown("") == [True, True, False]
    assert shown("?type=automatic") == [False, True, True]
    assert shown("?type=manual") == [True, False, True]


def test_status_and_home_say_why_the_portal_switched_it_off(ada: FlaskClient, engine: Engine) -> None:
    values = {"connection_id": 1, "set_at": NOW, "handled_until": NOW, "off_because": "Five were held."}
    with writing(engine).begin() as connection:
        connection.execute(insert(Schedule).values(values))
    assert "The portal switched it off Five were held." in words(ada.get(STATUS))
    assert "Automatic sync is off. Five were held." in words(ada.get("/"))

    set_to(engine, "04:30")
    set_to(engine, "off")

    assert "It was switched off today at 14:05." in words(ada.get(STATUS))
    assert "Five were held." not in words(ada.get(STATUS)) + words(ada.get("/"))


def test_what_is_silent_is_shown_while_it_lasts(ada: FlaskClient, engine: Engine) -> None:
    values = {"connection_id": 1, "occasion": "x", "raised_at": NOW}
    rows: list[dict[str, Any]] = [
        values | {"kind": "late", "text": "No sync has succeeded.", "ended_at": None},
        values | {"kind": "old", "text": "Nothing new has come.", "ended_at": NOW},
    ]
    with writing(engine).begin() as connection:
        connection.execute(insert(Alarm), rows)

    for address in (STATUS, "/"):
        text = words(ada.get(address))
        assert ("No sync has succeeded." in text, "Nothing new has come." in text) == (True, False)

    with writing(engine).begin() as connection:
        connection.execute(update(SisConnection).values(enabled=False))
    assert "No sync has succeeded." not in words(ada.get(STATUS)) + words(ada.get("/"))


def test_a_run_that_nobody_begins_means_that_the_clock_does_not_run(
    ada: FlaskClient, engine: Engine, clock: FakeClock
) -> None:
    set_to(engine, "14:10")
    clock.pass_(minutes=9)
    assert "has not begun" not in words(ada.get(STATUS))
    clock.pass_(minutes=2)

    assert "It was due today at 14:10. Whoever runs the server: see that the process named clock runs." in words(
        ada.get(STATUS)
    )
    make_sync(engine, 1, state=SyncState.PREPARING, heartbeat_at=clock.now)
    assert "has not begun" not in words(ada.get(STATUS))


def test_a_disabled_connection_has_no_next_run(ada: FlaskClient, engine: Engine, clock: FakeClock) -> None:
    set_to(engine, "14:10")
    with writing(engine).begin() as connection:
        connection.execute(update(SisConnection).values(enabled=False))
    clock.pass_(minutes=50)

    text = words(ada.get(STATUS))

    assert ("Next None" in text, "has not begun" in text) == (True, False)


def test_what_runs_by_itself_takes_few_queries(app: Flask, ada: FlaskClient, engine: Engine) -> None:
    set_to(engine, "04:30")
    make_sync(engine, 1, automatic=True, created_at=NOW - timedelta(days=1))
    for address in (STATUS, "/"):
        with queries(app) as statements:
            ada.get(address)
        assert len(statements) <= 14, address


def test_an_undo_that_waits_is_why_what_was_due_has_not_begun(
    ada: FlaskClient, engine: Engine, clock: FakeClock
) -> None:
    set_to(engine, "14:10")
    with writing(engine).begin() as connection:
        version = connection.scalars(select(SisConnection.options_version)).one()
    make_sync(engine, 1, [action()], state=SyncState.COMMITTED, prepared_at=NOW - timedelta(days=1))
    make_sync(engine, 1, [action(verb="delete")], mode="undo", undoes_id=1, options_version=version)
    clock.pass_(minutes=50)

    text = words(ada.get(STATUS))

    assert "No sync starts by itself just now" in text
    assert "The undo, sync 2, waits for review, and a newer plan would replace it." in text
    assert "Next When the undo is committed or discarded" in text
    assert "has not begun" not in text
