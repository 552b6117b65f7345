"""Releasing what the guards hold from the report: by typing how many that is."""

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import Engine, select, update

from sisportal.extensions import db
from sisportal.models import Action, AuditEvent, Sync, SyncState
from sisportal.models.database import writing
from tests.syncing.plans import action, make_connection, make_sync
from tests.web.watching import words

HELD = [
    {"type": "student", "scope": "s1", "reason": "guard-deletes", "sentence": "2 of 6 would go.", "count": 2},
    {"type": "student", "scope": "s2", "reason": "guard-deletes", "sentence": "1 of 3 would go.", "count": 1},
    {"type": "student", "scope": "", "reason": "several-candidates", "sentence": "", "count": 1},
]


@pytest.fixture
def engine(app: Flask) -> Engine:
    with app.app_context():
        make_connection(db.engine)
        return db.engine


@pytest.fixture
def sync_id(engine: Engine) -> int:
    held = [action(name, verb="delete", held="guard-deletes", school="s1") for name in ("A", "B")]
    other = action("E", verb="delete", held="guard-deletes", school="s2")
    return make_sync(engine, 1, [*held, other, action("C", held="several-candidates"), action("D")], held=HELD)


def held_of(engine: Engine) -> dict[str, str]:
    """Why each action that is held is held."""
    with engine.connect() as connection:
        rows = connection.execute(select(Action.source_id, Action.held).order_by(Action.source_id))
        return {row.source_id: row.held for row in rows if row.held}


def releases(engine: Engine) -> list[dict[str, object]]:
    """What the audit log says of each release."""
    with engine.connect() as connection:
        return list(connection.scalars(select(AuditEvent.details).where(AuditEvent.event == "guards-released")))


def test_a_hold_is_released_by_its_own_number_and_the_others_stay(
    ada: FlaskClient, engine: Engine, sync_id: int
) -> None:
    page = words(ada.get(f"/syncs/{sync_id}"))
    assert "2 students : 2 of 6 would go." in page
    assert "1 student : 1 of 3 would go." in page

    data = {"hold": "guard-deletes:student:s1", "number": "2"}
    answer = ada.post(f"/syncs/{sync_id}/release", data=data, follow_redirects=True)

    assert "2 actions are released" in words(answer)
    assert "2 of 6 would go." not in words(answer)
    assert "Released from the guards 2 students, by ada@example.org, " in words(answer)
    assert held_of(engine) == {"c": "several-candidates", "e": "guard-deletes"}
    assert releases(engine) == [{"actions": 2, "reason": "guard-deletes", "type": "student", "school": "s1"}]


def test_all_guards_are_released_by_the_sum_and_doubtful_matches_stay_held(
    ada: FlaskClient, engine: Engine, sync_id: int
) -> None:
    assert "Everything that the guards hold: 3 ticked actions." in words(ada.get(f"/syncs/{sync_id}"))

    answer = ada.post(f"/syncs/{sync_id}/release", data={"number": "3"}, follow_redirects=True)

    assert "3 actions are released" in words(answer)
    assert held_of(engine) == {"c": "several-candidates"}
    assert releases(engine) == [{"actions": 3}]


def test_the_number_is_that_of_the_ticked_ones_and_who_is_unticked_stays_held(
    ada: FlaskClient, engine: Engine, sync_id: int
) -> None:
    with engine.connect() as connection:
        of_a = connection.scalars(select(Action.id).where(Action.source_id == "a")).one()
    ada.post(f"/syncs/{sync_id}/actions/{of_a}/tick", data={})
    assert "1 of them unticked, 1 ticked." in words(ada.get(f"/syncs/{sync_id}"))
    data = {"hold": "guard-deletes:student:s1"}

    assert ada.post(f"/syncs/{sync_id}/release", data=data | {"number": "2"}).status_code == 422
    answer = ada.post(f"/syncs/{sync_id}/release", data=data | {"number": "1"}, follow_redirects=True)

    assert "1 action is released" in words(answer)
    assert "All are unticked." in words(answer)
    assert held_of(engine) == {"a": "guard-deletes", "c": "several-candidates", "e": "guard-deletes"}


@pytest.mark.parametrize("typed", ["", "3", "yes", "2 000", "0"])
def test_another_number_releases_nothing(ada: FlaskClient, engine: Engine, sync_id: int, typed: str) -> None:
    before = held_of(engine)

    answer = ada.post(f"/syncs/{sync_id}/release", data={"hold": "guard-deletes:student:s1", "number": typed})

    assert answer.status_code == 422
    assert "Type 2: that is how many ticked actions are held." in words(answer)
    assert held_of(engine) == before


def test_what_is_released_already_is_not_released_by_its_number_again(
    ada: FlaskClient, engine: Engine, sync_id: int
) -> None:
    data = {"hold": "guard-deletes:student:s1", "number": "2"}
    ada.post(f"/syncs/{sync_id}/release", data=data)

    answer = ada.post(f"/syncs/{sync_id}/release", data=data, follow_redirects=True)

    assert "That is held no longer" in words(answer)
    assert len(releases(engine)) == 1


def test_nothing_is_asked_of_a_plan_that_a_newer_one_replaced(ada: FlaskClient, engine: Engine, sync_id: int) -> None:
    assert "Decide them one after another" in words(ada.get(f"/syncs/{sync_id}"))
    with writing(engine).begin() as connection:
        connection.execute(update(Sync).values(state=SyncState.SUPERSEDED))

    page = words(ada.get(f"/syncs/{sync_id}"))

    assert "2 of 6 would go." in page
    assert "Decide them one after another" not in page
    assert "How many, to release" not in ada.get(f"/syncs/{sync_id}").text


def test_a_viewer_sees_what_is_held_and_cannot_release_it(ben: FlaskClient, engine: Engine, sync_id: int) -> None:
    page = words(ben.get(f"/syncs/{sync_id}"))
    assert "2 of 6 would go." in page
    assert "Release" not in page
    before = held_of(engine)
    assert ben.post(f"/syncs/{sync_id}/release", data={"number": "3"}).status_code == 403
    assert held_of(engine) == before


def test_a_class_that_waits_with_those_who_are_held_is_not_offered_for_another_commit(
    ada: FlaskClient, engine: Engine
) -> None:
    held = [action(name, verb="delete", held="guard-deletes", school="s1") for name in ("A", "B")]
    waits = action("Algebra", type="section", verb="edit", after={}, roster={"join": [], "leave": ["A"]})
    sync_id = make_sync(engine, 1, [*held, waits], held=HELD, state="partly-committed")
    asks = f'action="/syncs/{sync_id}/commit"'

    assert asks not in ada.get(f"/syncs/{sync_id}").text
    ada.post(f"/syncs/{sync_id}/release", data={"number": "2"})
    page = ada.get(f"/syncs/{sync_id}")

    assert asks in page.text
    assert "What was held is released: commit it" in words(page)
    assert "Students: 2 archived. Sections: 1 edited." in words(page)
