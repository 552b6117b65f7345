"""Deciding at once of everybody whose number and full name agree: the page, and the number that is typed."""

import json
import re
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import Engine, insert, select

from sisportal.extensions import db
from sisportal.models import Account, AccountLink, Action, AuditEvent, SisPerson
from sisportal.models.database import writing
from sisportal.roster.records import Person, Role, encoded
from tests.syncing.plans import NOW, action, make_connection, make_sync
from tests.web.watching import queries, words


@pytest.fixture
def engine(app: Flask) -> Engine:
    with app.app_context():
        make_connection(db.engine)
        return db.engine


def remade(engine: Engine, people: int, *, but: int = 0) -> int:
    """A sync that holds so many students under new ids, each beside one account; ``but`` the first have another name."""
    persons: list[dict[str, Any]] = []
    accounts: list[dict[str, Any]] = []
    actions: list[dict[str, Any]] = []
    for number in range(people):
        names: dict[str, Any] = {"first_name": "Mia", "last_name": f"Abara{number:04}"}
        known = {"connection_id": 1, "role": "student", "school": "north", "fingerprint": number, "search": ""}
        for id_, gone in ((f"was{number}", 1), (f"now{number}", None)):
            person = Person(id_, Role.STUDENT, number=str(number), school="north", schools=("north",), **names)
            persons.append(known | {"source_id": id_, "payload": json.loads(encoded(person)), "gone_in_sync": gone})
        held = {"student_id": str(number), **names} | ({"first_name": "Tom"} if number < but else {})
        given = {"id": 100 + number, "role": "student", "roles": ["student"], "created_at": NOW}
        given |= {"username": f"u{number}"}
        accounts.append(given | held)
        shown = {
            "id": 100 + number, "name": "Mia", "names_agree": True, "linked_to": f"was{number}", "archived": False,
        }  # fmt: skip
        evidence = {"rule": "key", "key": "student_id", "value": str(number), "candidates": [shown]}
        label = f"{names['last_name']}, Mia"
        doubt: dict[str, Any] = {"rule": "doubted", "records": [{"source_id": f"now{number}", "label": label}]}
        actions += [
            action(label, source_id=f"now{number}", held="linked-elsewhere", evidence=evidence, school="north"),
            action(
                label, verb="delete", source_id=f"was{number}", target_id=100 + number, held="doubted-delete",
                evidence=doubt, school="north",
            ),
        ]  # fmt: skip
    with writing(engine).begin() as connection:
        connection.execute(insert(SisPerson), persons)
        connection.execute(insert(Account), accounts)
        link: dict[str, Any] = {"connection_id": 1, "written": {}}
        links = [link | {"source_id": f"was{number}", "account_id": 100 + number} for number in range(people)]
        connection.execute(insert(AccountLink), links)
    waits = [{"type": "student", "scope": "", "reason": "linked-elsewhere", "sentence": "", "count": people}]
    return make_sync(engine, 1, actions, held=waits, options={}, options_version=1)


def planned(engine: Engine, sync_id: int) -> set[tuple[str, str]]:
    with engine.connect() as connection:
        rows = connection.execute(select(Action.verb, Action.held).where(Action.sync_id == sync_id))
        return {(row.verb, row.held) for row in rows}


def test_the_case_leads_to_all_of_them_and_their_number_decides_them(ada: FlaskClient, engine: Engine) -> None:
    sync_id = remade(engine, 60, but=2)
    for address in (f"/syncs/{sync_id}", f"/syncs/{sync_id}/decide"):
        assert f'href="/syncs/{sync_id}/decide/agreeing"' in ada.get(address).text

    page = ada.get(f"/syncs/{sync_id}/decide/agreeing")

    text = words(page)
    assert "The same person for all 58" in text
    assert "2 other records wait to be decided one after another." in text
    assert "Abara0002, Mia Student 2 now2 Mia Abara0002, number 102 was2" in text
    assert "50 of 58 people" in text
    after = ada.post(f"/syncs/{sync_id}/decide/agreeing", data={"number": "58"}, follow_redirects=True)
    assert "58 people are the same as before: their accounts go on under the new ids." in words(after)
    assert planned(engine, sync_id) == {
        ("edit", "guard-ids"), ("add", "linked-elsewhere"), ("delete", "doubted-delete"),
    }  # fmt: skip
    with engine.connect() as connection:
        [details] = connection.scalars(select(AuditEvent.details).where(AuditEvent.event == "matches-decided"))
    assert (details["same"], details["students"]) == (58, 58)
    assert "58 actions are released" in words(
        ada.post(f"/syncs/{sync_id}/release", data={"number": "58"}, follow_redirects=True)
    )


@pytest.mark.parametrize("typed", ["", "57", "all"])
def test_another_number_decides_nothing(ada: FlaskClient, engine: Engine, typed: str) -> None:
    sync_id = remade(engine, 3)

    answer = ada.post(f"/syncs/{sync_id}/decide/agreeing", data={"number": typed})

    assert answer.status_code == 422
    assert "Type 3: that is how many they are." in words(answer)
    assert planned(engine, sync_id) == {("add", "linked-elsewhere"), ("delete", "doubted-delete")}


def test_they_are_searched(ada: FlaskClient, engine: Engine) -> None:
    sync_id = remade(engine, 3)

    text = words(ada.get(f"/syncs/{sync_id}/decide/agreeing?q=was1"))

    assert "Abara0001, Mia" in text
    assert "Abara0002, Mia" not in text
    assert "Nobody matches" in words(ada.get(f"/syncs/{sync_id}/decide/agreeing?q=nobody"))
    assert "The same person for all 3" in text, "all of them are decided, whatever is searched for"


def test_where_nobody_agrees_the_page_says_what_to_do(ada: FlaskClient, engine: Engine) -> None:
    sync_id = remade(engine, 2, but=2)

    assert "Nobody can be decided at once" in words(ada.get(f"/syncs/{sync_id}/decide/agreeing"))
    assert ada.post(f"/syncs/{sync_id}/decide/agreeing", data={"number": "2"}).status_code == 422


def test_where_nothing_is_doubtful_the_page_sends_nobody_to_decide(ada: FlaskClient, engine: Engine) -> None:
    text = words(ada.get(f"/syncs/{make_sync(engine, 1, [action('Abara, Mia')])}/decide/agreeing"))

    assert "Nobody waits for a decision" in text
    assert "Decide one after another" not in text


def test_a_viewer_sees_them_and_decides_nothing(ben: FlaskClient, engine: Engine) -> None:
    sync_id = remade(engine, 2)

    text = words(ben.get(f"/syncs/{sync_id}/decide/agreeing"))

    assert "Abara0001, Mia" in text
    assert "type how many they are" not in text
    assert ben.post(f"/syncs/{sync_id}/decide/agreeing", data={"number": "2"}).status_code == 403


def test_two_thousand_take_as_few_queries_as_two(app: Flask, ada: FlaskClient, engine: Engine) -> None:
    sync_id = remade(engine, 2_000)
    for address in (f"/syncs/{sync_id}/decide", f"/syncs/{sync_id}/decide/agreeing"):
        with queries(app) as statements:
            page = ada.get(address)
        assert len(statements) - statements.count("BEGIN") <= 12, "\n".join(each[:150] for each in statements)
        assert len(re.findall("<tr>", page.text)) <= 60

    with queries(app) as statements:
        answer = ada.post(f"/syncs/{sync_id}/decide/agreeing", data={"number": "2,000"})

    assert answer.status_code == 303
    assert len(statements) <= 50, "\n".join(each[:150] for each in statements)
    assert planned(engine, sync_id) == {("edit", "guard-ids")}
