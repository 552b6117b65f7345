"""Undo on pages: it asks with numbers, says what was undone, and lists what is not proposed again."""

from datetime import timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import Engine, insert, select

from sisportal.extensions import db
from sisportal.models import AuditEvent, KeptBack, Sync, SyncMode, SyncState
from tests.fakes import FakeQueue
from tests.syncing.plans import NOW, action, ids_of, make_connection, make_sync, warn
from tests.web.mirrored import rows_of
from tests.web.watching import words

KEPT = "/admin/sis/clever/kept-back"
APPLIED = {"student": {"add": {"planned": 2, "applied": 2}}}


@pytest.fixture
def engine(app: Flask) -> Engine:
    with app.app_context():
        make_connection(db.engine)
        return db.engine


@pytest.fixture
def committed(engine: Engine) -> int:
    added = [action(name, state="applied", target_id=id_) for id_, name in enumerate(("Abara, Mia", "Berg, Bo"), 1)]
    return make_sync(engine, 1, added, state=SyncState.COMMITTED, counts=APPLIED, finished_at=NOW)


def make_undo(engine: Engine, undone: int, **values: object) -> int:
    gone = [
        action("Abara, Mia", verb="delete", state="applied", target_id=1, evidence={"rule": "undo", "sync": undone})
    ]
    counts = {"student": {"delete": {"planned": 1, "applied": 1}}}
    given = {"mode": SyncMode.UNDO, "undoes_id": undone, "state": SyncState.COMMITTED, "counts": counts}
    given |= {"note": f"Undo of sync {undone}.", "finished_at": NOW}
    return make_sync(engine, 1, gone, **given | values)


def keep_back(engine: Engine, sync_id: int, *source_ids: str, **values: object) -> None:
    given = {
        "connection_id": 1, "collection": "people", "target_id": 1, "type": "student", "is_new": True, "is_gone": False,
        "fields": {}, "joins": [], "leaves": [], "undone_sync_id": sync_id, "undone_by_id": sync_id, "at": NOW,
    }  # fmt: skip
    rows = [given | {"source_id": id_, "label": id_.title(), "search": id_} | values for id_ in source_ids]
    with engine.begin() as connection:
        connection.execute(insert(KeptBack), rows)


def test_undo_asks_with_numbers_and_leads_to_the_report_of_its_plan(
    ada: FlaskClient, engine: Engine, committed: int, queue: FakeQueue
) -> None:
    assert "Sync 1 changed: Students: 2 added." in words(ada.get(f"/syncs/{committed}"))
    asked = words(ada.get(f"/syncs/{committed}/undo"))
    assert "Sync 1 changed: Students: 2 added." in asked
    assert "No guard holds an undo, however many records it changes" in asked

    answer = ada.post(f"/syncs/{committed}/undo")

    assert answer.headers["Location"] == "/syncs/2"
    with engine.connect() as connection:
        row = connection.execute(select(Sync.__table__).where(Sync.id == 2)).one()
        events = list(connection.scalars(select(AuditEvent.event)))
    assert (row.mode, row.state, row.undoes_id, row.started_by) == ("undo", "queued", committed, 1)
    assert ("prepare", 2) in queue.sent
    assert events == ["undo-asked"]
    assert "Sync 2 waits since" in words(ada.post(f"/syncs/{committed}/undo", follow_redirects=True))


def test_a_viewer_reads_of_undos_and_starts_none(ben: FlaskClient, engine: Engine, committed: int) -> None:
    assert "Plan the undo" not in words(ben.get(f"/syncs/{committed}"))
    assert ben.post(f"/syncs/{committed}/undo").status_code == 403
    keep_back(engine, committed, "mia")
    assert "Propose again" not in words(ben.get(KEPT))
    assert ben.post(f"{KEPT}/propose").status_code == 403


def test_what_cannot_be_undone_says_why(ada: FlaskClient, engine: Engine) -> None:
    prepared = make_sync(engine, 1, [action()])

    assert "only what was committed can be undone" in words(ada.get(f"/syncs/{prepared}/undo"))
    assert "Plan the undo" not in words(ada.get(f"/syncs/{prepared}"))


def test_reports_and_history_say_what_was_undone_by_which(ada: FlaskClient, engine: Engine, committed: int) -> None:
    undo = make_undo(engine, committed)

    assert f"This sync was undone Sync {undo} took back what it had changed." in words(ada.get(f"/syncs/{committed}"))
    assert f"This is an undo It takes back what sync {committed} changed." in words(ada.get(f"/syncs/{undo}"))
    history = words(ada.get("/admin/sis/clever/history"))
    assert "Committed. Undo of sync 1." in history
    assert "Undone Manual the command line Committed. Undone by sync 2." in history

    waiting = make_undo(engine, committed, state=SyncState.PREPARED)
    assert "No guard holds an undo: look at its numbers before you commit it." in words(ada.get(f"/syncs/{waiting}"))
    again = make_undo(engine, undo)
    history = words(ada.get("/admin/sis/clever/history"))
    assert f"Committed Manual the command line Committed. Undone by sync 2, which sync {again} undid." in history


def test_an_undo_that_kept_something_says_so_and_leads_to_the_reasons(
    ada: FlaskClient, engine: Engine, committed: int
) -> None:
    undo = make_undo(engine, committed, request={"kept": 1}, note=f"Undo of sync {committed}. 1 record stays as it is.")
    warn(engine, undo, None, "undo-kept", external_id="berg, bo", value="Berg, Bo: changed since, by sync 9: Grade")

    answer = ada.get(f"/syncs/{undo}")
    assert "It takes back what sync 1 changed. 1 record stays as it is. See it, and why" in words(answer)
    assert f"log?sync={undo}&amp;code=undo-kept" in answer.text
    assert "Partly undone by sync 2." in words(ada.get("/admin/sis/clever/history"))
    assert "changed since, by sync 9: Grade" in words(ada.get(f"/admin/sis/clever/log?sync={undo}&code=undo-kept"))


def test_prepare_again_of_an_undo_is_an_undo(
    ada: FlaskClient, engine: Engine, committed: int, queue: FakeQueue
) -> None:
    undo = make_undo(engine, committed, state=SyncState.EXPIRED)

    ada.post(f"/syncs/{undo}/again")

    with engine.connect() as connection:
        row = connection.execute(select(Sync.__table__).where(Sync.id == undo + 1)).one()
    assert (row.mode, row.undoes_id, row.request) == ("undo", committed, {"keep_ticks_of": undo})
    assert ("prepare", undo + 1) in queue.sent


def test_a_report_tells_how_much_is_kept_back_and_where_it_is_listed(ada: FlaskClient, engine: Engine) -> None:
    sync_id = make_sync(engine, 1, kept_back={"student": {"add": 2, "edit": 1}})

    answer = ada.get(f"/syncs/{sync_id}")

    assert "The SIS still asks for 3 changes that somebody has undone." in words(answer)
    assert f'href="{KEPT}"' in answer.text


def test_kept_back_is_searched_filtered_and_proposed_again_one_or_all(
    ada: FlaskClient, engine: Engine, committed: int
) -> None:
    keep_back(engine, committed, "anna", "bert", "carl")
    keep_back(engine, committed, "math", collection="sections", type="section", is_new=False, joins=["a", "b"])
    assert [row.split()[0] for row in rows_of(ada.get(KEPT))] == ["Anna", "Bert", "Carl", "Math"]
    assert "2 people join" in words(ada.get(f"{KEPT}?type=section"))
    assert "Nothing matches" in words(ada.get(f"{KEPT}?q=nobody"))
    assert "4 records" in words(ada.get(KEPT))
    assert KEPT in ada.get("/admin/sis/clever/history").text

    one = ada.post(f"{KEPT}/propose", data={"collection": "people", "source_id": "bert"}, follow_redirects=True)
    assert "It is proposed again by the next sync." in words(one)
    some = ada.post(f"{KEPT}/propose?type=student", follow_redirects=True)
    assert "2 records are proposed again" in words(some)

    assert [row.split()[0] for row in rows_of(ada.get(KEPT))] == ["Math"]
    assert ada.post(f"{KEPT}/propose", data={"collection": "people", "source_id": "bert"}).status_code == 404
    with engine.connect() as connection:
        told = list(connection.scalars(select(AuditEvent.details).where(AuditEvent.event == "proposed-again")))
    assert [each["records"] for each in told] == [1, 2]


def test_an_action_says_where_it_comes_from_and_what_came_before(
    ada: FlaskClient, engine: Engine, committed: int
) -> None:
    make_undo(engine, committed)
    newer = make_sync(engine, 1, [action("Abara, Mia")], created_at=NOW + timedelta(days=1))

    text = words(ada.get(f"/syncs/{newer}/actions/{ids_of(engine, newer)[0]}"))

    assert "It comes from the student abara, mia of Clever at Northside." in text
    assert "none was found by the student ID: a new one is made." in text
    assert "Sync 2, the undo of sync 1, archived it." in text
    assert "Sync 1 added it." in text
