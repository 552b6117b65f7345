"""Releasing what the guards hold from the report: by typing how many that is."""

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import Engine, select

from sisportal.extensions import db
from sisportal.models import Action, AuditEvent
from tests.syncing.plans import action, make_connection, make_sync
from tests.web.watching import words

HELD = [{"type": "student", "scope": "", "reason": "guard-deletes", "sentence": "2 of 6 would go.", "count": 2}]


@pytest.fixture
def engine(app: Flask) -> Engine:
    with app.app_context():
        make_connection(db.engine)
        return db.engine


@pytest.fixture
def sync_id(engine: Engine) -> int:
    held = [action(name, verb="delete", held="guard-deletes") for name in ("A", "B")]
    return make_sync(engine, 1, [*held, action("C", held="several-candidates"), action("D")], held=HELD)


def held_of(engine: Engine) -> list[str]:
    with engine.connect() as connection:
        return sorted(connection.scalars(select(Action.held)))


def test_guards_are_released_by_the_number_and_doubtful_matches_stay_held(
    ada: FlaskClient, engine: Engine, sync_id: int
) -> None:
    assert "2 of 6 would go." in words(ada.get(f"/syncs/{sync_id}"))

    answer = ada.post(f"/syncs/{sync_id}/release", data={"number": "2"}, follow_redirects=True)

    assert "2 actions are released" in words(answer)
    assert held_of(engine) == ["", "", "", "several-candidates"]
    with engine.connect() as connection:
        assert connection.scalars(select(AuditEvent.event).where(AuditEvent.event == "guards-released")).all() == [
            "guards-released"
        ]


@pytest.mark.parametrize("typed", ["", "3", "yes", "2 000"])
def test_another_number_releases_nothing(ada: FlaskClient, engine: Engine, sync_id: int, typed: str) -> None:
    answer = ada.post(f"/syncs/{sync_id}/release", data={"number": typed})

    assert answer.status_code == 422
    assert "Type 2: that is how many actions the guards hold." in words(answer)
    assert held_of(engine) == ["", "guard-deletes", "guard-deletes", "several-candidates"]


def test_a_viewer_sees_what_is_held_and_cannot_release_it(ben: FlaskClient, engine: Engine, sync_id: int) -> None:
    assert "To release them" not in words(ben.get(f"/syncs/{sync_id}"))
    assert ben.post(f"/syncs/{sync_id}/release", data={"number": "2"}).status_code == 403
    assert held_of(engine) == ["", "guard-deletes", "guard-deletes", "several-candidates"]
