"""Status of OneRoster: which businesses are synced, in full or quick, and committed by itself or not."""

from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import Engine, insert, select, update

from sisportal.extensions import db
from sisportal.models import SisConnection, SisSchool, Sync, SyncState
from sisportal.models.database import writing
from sisportal.roster.options import defaults
from sisportal.syncing.connections import options_to_store
from tests.fakes import FakeQueue
from tests.syncing.plans import NOW, make_connection, make_sync
from tests.web.watching import words

STATUS, SYNC = "/admin/sis/oneroster/status", "/admin/sis/oneroster/sync"


@pytest.fixture
def engine(app: Flask) -> Engine:
    """A OneRoster connection with two mapped businesses and one that is left out."""
    with app.app_context():
        make_connection(db.engine, kind="oneroster", options=options_to_store(defaults("oneroster")))
        with writing(db.engine).begin() as connection:
            for source_id, mapping in (("south", "mapped"), ("west", "ignored")):
                row = {"connection_id": 1, "source_id": source_id, "payload": {}, "name": source_id, "sis_id": ""}
                connection.execute(insert(SisSchool).values(**row, mapping=mapping))
        return db.engine


def committed(engine: Engine) -> None:
    sync_id = make_sync(engine, 1, state=SyncState.COMMITTED, finished_at=NOW)
    with writing(engine).begin() as connection:
        connection.execute(update(SisConnection).values(committed_sync_id=sync_id))


def newest(engine: Engine) -> tuple[str, dict[str, Any]]:
    with engine.connect() as connection:
        row = connection.execute(select(Sync.mode, Sync.request).order_by(Sync.id.desc()).limit(1)).one()
    return row.mode, row.request


def test_status_lists_the_businesses_and_says_what_each_way_means(ada: FlaskClient, engine: Engine) -> None:
    committed(engine)
    page = ada.get(STATUS)

    text = words(page)
    assert [each in text for each in ("Sync schools", "Full Sync", "Quick Sync", "Auto commit", "Start")] == [True] * 5
    assert ["What changed since the last committed sync" in text, "Every item of the ticked businesses" in text] == [
        True
    ] * 2
    assert ['value="north" checked' in page.text, 'value="south" checked' in page.text, "west" in page.text] == [
        True,
        True,
        False,
    ]
    assert 'value="north" checked' not in ada.get(f"{STATUS}?tick=none").text


@pytest.mark.parametrize(
    ("form", "mode", "request_"),
    [
        ({"school": ["north", "south"], "mode": "full"}, "full", {"since": "beginning"}),
        ({"school": ["north", "south"], "mode": "quick"}, "quick", {"since": "last"}),
        ({"school": ["south"], "mode": "full"}, "full", {"since": "beginning", "schools": ["south"]}),
        ({"school": ["south"], "mode": "quick", "auto-commit-quick": "yes"}, "quick", {"since": "last", "schools": ["south"], "auto_commit": True}),
        ({"school": ["north", "south"], "mode": "full", "auto-commit-quick": "yes"}, "full", {"since": "beginning"}),
    ],
)  # fmt: skip
def test_what_is_ticked_is_what_is_asked_for(
    ada: FlaskClient, engine: Engine, queue: FakeQueue, form: dict[str, Any], mode: str, request_: dict[str, Any]
) -> None:
    committed(engine)

    ada.post(SYNC, data={"named": "school", **form})

    assert (newest(engine), queue.sent) == ((mode, request_), [("prepare", 2)])


def test_with_nothing_ticked_nothing_starts(ada: FlaskClient, engine: Engine, queue: FakeQueue) -> None:
    answer = ada.post(SYNC, data={"named": "school", "mode": "full"})

    assert (answer.status_code, "Tick at least one." in words(answer), queue.sent) == (422, True, [])


def test_what_failed_is_started_again_as_it_was_asked_for(ada: FlaskClient, engine: Engine) -> None:
    committed(engine)
    asked = {"since": "last", "schools": ["south"], "auto_commit": True}
    failed = make_sync(engine, 1, state=SyncState.FAILED, note="The SIS did not answer.", mode="quick", request=asked)
    assert f'name="again" value="{failed}"' in ada.get(STATUS).text

    ada.post(SYNC, data={"again": str(failed)})

    assert newest(engine) == ("quick", asked)


def test_the_pages_of_oneroster_say_business_instructor_and_learner(ada: FlaskClient, engine: Engine) -> None:
    titles = {"schools": "Businesses", "teachers": "Instructors", "students": "Learners", "sections": "Sections"}
    pages = {tab: ada.get(f"/admin/sis/oneroster/{tab}").text for tab in titles}
    assert {tab: f"<h1>{title}</h1>" in pages[tab] for tab, title in titles.items()} == dict.fromkeys(titles, True)
    tabs = [f">{label}</a>" in pages["schools"] for label in ("Status", "Configure", "History", *titles.values())]
    assert (tabs, ">Overview</a>" in pages["schools"]) == ([True] * 7, False)
    assert ada.get("/admin/sis/oneroster/overview").status_code == 200
