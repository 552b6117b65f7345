"""Deciding held matches on a page: one after another, by the buttons alone."""

import json
import re
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import Engine, insert, select

from sisportal.extensions import db
from sisportal.models import Account, Action, MatchDecision, SisPerson, Sync
from sisportal.models.database import writing
from sisportal.roster.records import Person, Role, encoded
from tests.syncing.plans import NOW, action, make_connection, make_sync, warn
from tests.web.watching import queries, words


@pytest.fixture
def engine(app: Flask) -> Engine:
    with app.app_context():
        make_connection(db.engine)
        return db.engine


def hold(engine: Engine, people: int = 2) -> int:
    """A sync that holds so many students, each of whom may be one of two accounts of their own; its id."""
    actions: list[dict[str, Any]] = []
    with writing(engine).begin() as connection:
        for number in range(people):
            ids = [100 + number * 2, 101 + number * 2]
            person = Person(
                f"s{number}",
                Role.STUDENT,
                first_name="Mia",
                last_name=f"Abara{number}",
                number=str(number),
                school="north",
                schools=("north",),
            )
            values = {
                "connection_id": 1,
                "source_id": person.source_id,
                "role": "student",
                "school": "north",
                "fingerprint": number,
            }
            connection.execute(insert(SisPerson).values(payload=json.loads(encoded(person)), search="", **values))
            for id_ in ids:
                names = {"first_name": "Mia", "last_name": f"Abara{number}", "student_id": str(number)}
                given = {"id": id_, "role": "student", "roles": ["student"], "username": f"mia{id_}", "created_at": NOW}
                connection.execute(insert(Account).values(given | names))
            shown = [
                {"id": id_, "name": f"Mia Abara{number}", "names_agree": True, "linked_to": "", "archived": False}
                for id_ in ids
            ]
            evidence = {"rule": "key", "key": "student_id", "value": str(number), "candidates": shown}
            actions.append(
                action(f"Abara{number}, Mia", source_id=f"s{number}", held="several-candidates", evidence=evidence)
            )
    held = [{"type": "student", "scope": "", "reason": "several-candidates", "sentence": "", "count": people}]
    return make_sync(engine, 1, actions, held=held, options={}, options_version=1)


def held_now(engine: Engine, sync_id: int) -> list[str]:
    with engine.connect() as connection:
        return [
            row.source_id
            for row in connection.execute(
                select(Action.source_id).where(Action.sync_id == sync_id, Action.held != "").order_by(Action.id)
            )
        ]


def test_the_report_leads_to_the_records_beside_those_they_may_be(ada: FlaskClient, engine: Engine) -> None:
    sync_id = hold(engine)
    assert f'href="/syncs/{sync_id}/decide"' in ada.get(f"/syncs/{sync_id}").text

    page = ada.get(f"/syncs/{sync_id}/decide")

    text = words(page)
    assert "2 records of sync 1 wait for a decision." in text
    assert "Field Clever Mia Abara0, number 100 Mia Abara0, number 101" in text
    assert "Student ID 0 0 0" in text
    assert "The student ID 0 is that of Mia Abara0, number 100." in text
    assert len(re.findall("autofocus", page.text)) == 1


def test_all_of_them_are_decided_by_buttons_alone(ada: FlaskClient, engine: Engine) -> None:
    sync_id = hold(engine, 3)
    page = ada.get(f"/syncs/{sync_id}/decide")
    for said in ("same:100", "create", "not-same:104"):
        where = re.search(r'action="(/syncs/\d+/decide/\d+)"', page.text)
        assert where
        assert f'value="{said}"' in page.text
        page = ada.post(where.group(1), data={"said": said}, follow_redirects=True)

    assert "Everything is decided" in words(page)
    assert held_now(engine, sync_id) == []
    with engine.connect() as connection:
        actions = connection.execute(select(Action.verb, Action.target_id).order_by(Action.id)).all()
        assert [tuple(row) for row in actions] == [("edit", 100), ("add", None), ("edit", 105)]
        rows = connection.execute(select(MatchDecision.decision, MatchDecision.target_id, MatchDecision.decided_by))
        assert [tuple(row) for row in rows] == [("same", 100, 1), ("create", 0, 1), ("not-same", 104, 1)]
        assert connection.scalars(select(Sync.held)).one() == []


def test_of_a_delete_a_person_says_that_it_may_be_archived(ada: FlaskClient, engine: Engine) -> None:
    hold(engine, 1)  # for its accounts
    shown = {"id": 101, "name": "Mia Abara0", "names_agree": True, "linked_to": "s9", "archived": False}
    evidence = {"rule": "alike", "candidates": [shown | {"agree": ["name", "number"], "listed": True}]}
    delete = action("Abara0, Mia", verb="delete", source_id="s0", target_id=100, held="listed-twice", evidence=evidence)
    held = [{"type": "student", "scope": "", "reason": "listed-twice", "sentence": "", "count": 1}]
    sync_id = make_sync(engine, 1, [delete], held=held, options={}, options_version=1)

    page = ada.get(f"/syncs/{sync_id}/decide")

    text = words(page)
    assert "It has the name and school and the number of Mia Abara0, number 101, which the SIS lists too (s9)." in text
    assert "Either answer lets the account be archived with the commit; untick the change to keep it." in text
    assert "Create a new account" not in text
    where = re.search(r'action="(/syncs/\d+/decide/\d+)"', page.text)
    assert where
    assert "Everything is decided" in words(ada.post(where.group(1), data={"said": "same:101"}, follow_redirects=True))
    assert held_now(engine, sync_id) == []
    with engine.connect() as connection:
        assert [(row.source_id, row.decision, row.target_id) for row in connection.execute(select(MatchDecision))] == [
            ("s0", "not-same", 101)
        ]


def test_a_refusal_is_told_and_the_record_stays(ada: FlaskClient, engine: Engine) -> None:
    sync_id = hold(engine)

    page = ada.post(f"/syncs/{sync_id}/decide/1", data={"said": "same:1"}, follow_redirects=True)

    assert "There is no account 1 that a student could be." in words(page)
    assert held_now(engine, sync_id) == ["s0", "s1"]


def test_one_can_be_left_for_later(ada: FlaskClient, engine: Engine) -> None:
    sync_id = hold(engine)

    assert "Abara1, Mia" in words(ada.get(f"/syncs/{sync_id}/decide?after=1"))
    assert "Abara0, Mia" in words(ada.get(f"/syncs/{sync_id}/decide?after=2"))


def test_a_viewer_sees_and_decides_nothing(ben: FlaskClient, engine: Engine) -> None:
    sync_id = hold(engine)

    assert "Same person as" not in words(ben.get(f"/syncs/{sync_id}/decide"))
    assert ben.post(f"/syncs/{sync_id}/decide/1", data={"said": "create"}).status_code == 403


def test_a_possible_duplicate_offers_to_link_instead(ada: FlaskClient, engine: Engine) -> None:
    sync_id = hold(engine, 1)
    ada.post(f"/syncs/{sync_id}/decide/1", data={"said": "create"})
    warn(engine, sync_id, 1, "possible-duplicate", external_id="s0", value="101")

    assert "Link instead" in words(ada.get(f"/syncs/{sync_id}/actions/1"))
    assert "Same person as Mia Abara0 (101)" in words(ada.get(f"/syncs/{sync_id}/decide?action=1"))
    ada.post(f"/syncs/{sync_id}/decide/1", data={"said": "same:101"})

    with engine.connect() as connection:
        assert connection.execute(select(Action.verb, Action.target_id)).one() == ("edit", 101)


def test_two_hundred_take_as_few_queries_as_one(app: Flask, ada: FlaskClient, engine: Engine) -> None:
    sync_id = hold(engine, 200)

    with queries(app) as statements:
        ada.get(f"/syncs/{sync_id}/decide")

    assert len(statements) <= 12, "\n".join(each[:150] for each in statements)


def changed_on_both(engine: Engine, **both: list[str]) -> tuple[int, int]:
    """A sync with one student some of whose fields were changed here and in the SIS; its id and the action's."""
    evidence = {"both": both}
    held = [{"type": "student", "scope": "", "reason": "changed-on-both", "sentence": "", "count": 1}]
    edit = action(
        "Abara, Mia", verb="edit", source_id="s0", held="changed-on-both", evidence=evidence, target_id=1, after={}
    )
    sync_id = make_sync(engine, 1, [edit], held=held, options={}, options_version=1)
    with engine.connect() as connection:
        return sync_id, connection.scalars(select(Action.id).where(Action.sync_id == sync_id)).one()


def test_three_values_stand_side_by_side_and_one_of_two_is_chosen(ada: FlaskClient, engine: Engine) -> None:
    sync_id, action_id = changed_on_both(engine, last_name=["Last", "Here", "There"])

    text = words(ada.get(f"/syncs/{sync_id}/decide"))

    assert "Field At the last sync In the portal Clever says Last name Last Here There" in text
    assert "Take what Clever says Keep what the portal holds" in text
    ada.post(f"/syncs/{sync_id}/decide/{action_id}", data={"said": "sis"})
    assert held_now(engine, sync_id) == []
    with engine.connect() as connection:
        chosen = connection.execute(select(Action.before, Action.after).where(Action.id == action_id)).one()
    assert tuple(chosen) == ({"last_name": "Here"}, {"last_name": "There"})


def test_of_several_fields_each_is_chosen_by_itself(ada: FlaskClient, engine: Engine) -> None:
    sync_id, action_id = changed_on_both(engine, last_name=["Last", "Here", "There"], email=["a@x", "b@x", "c@x"])
    assert "Save what is chosen above" in words(ada.get(f"/syncs/{sync_id}/decide"))

    chosen = {"said": "each", "of-last_name": "portal", "of-email": "sis"}
    ada.post(f"/syncs/{sync_id}/decide/{action_id}", data=chosen)

    with engine.connect() as connection:
        row = connection.execute(select(Action.before, Action.after).where(Action.id == action_id)).one()
    assert tuple(row) == ({"email": "b@x"}, {"email": "c@x", "kept": {"last_name": "There"}})
