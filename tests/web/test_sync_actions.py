"""The list of actions: ticks that save at once, filters, what opens, and the CSV file."""

import csv
import io
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import Engine, insert

from sisportal.extensions import db
from sisportal.models import SisEnrollment, SisPerson, SyncState
from sisportal.models.database import writing
from tests.syncing.plans import NOW, action, audited, ids_of, make_connection, make_sync, unticked, warn
from tests.web.watching import queries, words

HTMX = {"HX-Request": "true"}


@pytest.fixture
def engine(app: Flask) -> Engine:
    with app.app_context():
        return db.engine


@pytest.fixture
def plan(engine: Engine) -> Callable[..., int]:
    """Makes a sync with the actions given."""
    connection_id = make_connection(engine)
    return lambda *actions, **values: make_sync(engine, connection_id, actions, **values)


def person(engine: Engine, source_id: str, last_name: str, role: str = "student", sections: int = 0) -> None:
    """Somebody whom the SIS lists, in that many sections."""
    payload = {"source_id": source_id, "role": role, "last_name": last_name, "first_name": "Mia"}
    values = {"connection_id": 1, "source_id": source_id, "role": role, "fingerprint": 1, "payload": payload}
    with writing(engine).begin() as connection:
        made = connection.execute(insert(SisPerson).values(values | {"search": last_name})).inserted_primary_key
        assert made
        for section in range(sections):
            connection.execute(insert(SisEnrollment).values(person_id=made[0], section_id=section + 1))


def test_a_tick_saves_at_once_and_answers_with_the_row_and_the_tally(
    ada: FlaskClient, engine: Engine, plan: Callable[..., int]
) -> None:
    sync_id = plan(action("Abara, Mia"), action("Chen, Bo"))
    (mia,) = ids_of(engine, sync_id, "Abara, Mia")
    person(engine, "abara, mia", "Abara", sections=6)

    answer = ada.post(f"/syncs/{sync_id}/actions/{mia}/tick", headers=HTMX)

    assert (answer.status_code, unticked(engine, sync_id)) == (200, {"Abara, Mia"})
    assert f'id="action-{mia}"' in answer.text
    assert "1 of 2 actions of the plan ticked" in words(answer)
    assert "Left out of 6 class rosters, too." in words(answer)
    assert next(iter(audited(engine)))[:2] == ("ada@example.org", "action-unticked")


def test_without_script_a_tick_leads_back_to_the_list(
    ada: FlaskClient, engine: Engine, plan: Callable[..., int]
) -> None:
    sync_id = plan(action("Abara, Mia", ticked=False))
    page = f"http://localhost/syncs/{sync_id}/actions?type=student&page=1"

    answer = ada.post(
        f"/syncs/{sync_id}/actions/{ids_of(engine, sync_id)[0]}/tick", data={"ticked": "yes"}, headers={"Referer": page}
    )

    assert (answer.status_code, answer.location) == (303, f"/syncs/{sync_id}/actions?type=student&page=1")
    assert unticked(engine, sync_id) == set()


def test_whoever_ticks_after_the_commit_began_is_told(
    ada: FlaskClient, engine: Engine, plan: Callable[..., int]
) -> None:
    sync_id = plan(action("Abara, Mia"), state=SyncState.COMMITTING)
    path = f"/syncs/{sync_id}/actions/{ids_of(engine, sync_id)[0]}/tick"

    by_script, without = ada.post(path, headers=HTMX), ada.post(path, follow_redirects=True)

    assert (by_script.status_code, unticked(engine, sync_id)) == (422, set())
    for answer in (by_script, without):
        assert f"Sync {sync_id} is committing now, so its actions cannot be ticked or unticked any more" in words(
            answer
        )
    assert "checked" in by_script.text


def test_all_on_the_page_and_all_that_match_are_ticked(
    ada: FlaskClient, engine: Engine, plan: Callable[..., int]
) -> None:
    sync_id = plan(*(action(f"Student {number:03}") for number in range(60)), action("Algebra", type="section"))
    first = ids_of(engine, sync_id)[:50]
    url = f"/syncs/{sync_id}/actions/tick?type=student"

    page = ada.post(url, data={"which": "page", "ids": ",".join(map(str, first)), "ticked": "no"}, headers=HTMX)
    assert "50 actions unticked." in words(page)
    assert len(unticked(engine, sync_id)) == 50
    every = ada.post(url, data={"which": "matching", "ticked": "no"})
    assert (every.status_code, every.location) == (303, f"/syncs/{sync_id}/actions?type=student")
    assert len(unticked(engine, sync_id)) == 60
    ada.post(f"{url}&q=003", data={"which": "matching", "ticked": "yes"})
    assert len(unticked(engine, sync_id)) == 59


def test_the_list_is_searched_filtered_and_paged(ada: FlaskClient, engine: Engine, plan: Callable[..., int]) -> None:
    sync_id = plan(
        *(action(f"Student {number:03}") for number in range(60)),
        action("Held, Hanna", verb="delete", held="guard-deletes"),
        action("Warned, Will", verb="edit", source_id="w1", before={"grade": "8"}, after={"grade": "9"}),
    )
    warn(engine, sync_id, None, external_id="w1")
    url = f"/syncs/{sync_id}/actions"

    assert "1\u201350 of 62 actions" in words(ada.get(url))
    assert "51\u201362 of 62 actions" in words(ada.get(f"{url}?page=2"))
    assert "51\u201362 of 62 actions" in words(ada.get(f"{url}?page=99"))
    assert "Student 007" in words(ada.get(f"{url}?q=007"))
    assert "Student 008" not in words(ada.get(f"{url}?q=007"))
    held, warned = words(ada.get(f"{url}?held=yes")), words(ada.get(f"{url}?warnings=yes"))
    assert ("Held, Hanna" in held, "1 action Held" in held, "Warned" in held) == (True, False, False)
    assert "Is archived; nothing of it is removed" in held
    assert ("Warned, Will" in warned, "1 warning" in warned, "Grade" in warned) == (True, True, True)
    assert "No action matches" in words(ada.get(f"{url}?q=zzz"))
    assert ada.get(f"{url}?page=x&type=nonsense&verb=nothing").status_code == 200


def test_an_action_opens_to_before_and_after_warnings_and_evidence(
    ada: FlaskClient, engine: Engine, plan: Callable[..., int]
) -> None:
    evidence = {"rule": "key", "key": "student_id", "value": "100", "candidates": [{"id": 7, "name": "Mia Abara"}]}
    sync_id = plan(
        action(
            "Abara, Mia",
            verb="edit",
            before={"grade": "8"},
            after={"grade": "9"},
            evidence=evidence,
            held="names-disagree",
        )
    )
    (id_,) = ids_of(engine, sync_id)
    warn(engine, sync_id, id_, value="mia@")

    part, page = ada.get(f"/syncs/{sync_id}/actions/{id_}", headers=HTMX), ada.get(f"/syncs/{sync_id}/actions/{id_}")

    assert "<h1" not in part.text
    for text in (words(part), words(page)):
        assert "Grade 8 9" in text
        assert "The student abara, mia has an e-mail address that is not one (mia@)." in text
        assert "The student ID 100 is that of Mia Abara, number 7." in text
        assert "The key agrees and the names do not." in text
    assert f'href="/syncs/{sync_id}"' in page.text


def test_a_delete_that_waits_for_a_doubt_leads_to_the_new_record(
    ada: FlaskClient, engine: Engine, plan: Callable[..., int]
) -> None:
    evidence = {"rule": "doubted", "records": [{"source_id": "new", "label": "Abara, Mia"}]}
    old = {"verb": "delete", "held": "doubted-delete", "evidence": evidence}
    sync_id = plan(action("Abara, M.", **old), action("Abara, Mia", source_id="new", held="linked-elsewhere"))
    delete, doubt = ids_of(engine, sync_id)

    page = ada.get(f"/syncs/{sync_id}/actions/{delete}")

    assert "The SIS lists Abara, Mia (new), which may be this one under a new id." in words(page)
    assert "Decide that record first" in words(page)
    assert f'href="/syncs/{sync_id}/decide?action={doubt}"' in page.text


def test_who_joins_and_leaves_is_named_and_can_be_unticked(
    ada: FlaskClient, engine: Engine, plan: Callable[..., int]
) -> None:
    roster = {"join": ["s1", "s2", "t1"], "leave": ["s3"]}
    sync_id = plan(
        action(
            "Algebra", type="section", verb="edit", roster=roster, before={"teachers": []}, after={"teachers": ["t1"]}
        ),
        action("Two, Mia", source_id="s2", ticked=False),
    )
    algebra = ids_of(engine, sync_id, "Algebra")[0]
    for source_id, name, role in (("s1", "One", "student"), ("s2", "Two", "student"), ("s3", "Three", "student")):
        person(engine, source_id, name, role)
    person(engine, "t1", "Teach", "teacher")
    url = f"/syncs/{sync_id}/actions/{algebra}"

    text = words(ada.get(url, headers=HTMX))
    assert "Joins the class 3" in text
    assert "Two, Mia unticked or held with the account" in text
    assert "Teachers, the primary one first Teach, Mia" in text.replace("— ", "")
    after = ada.post(f"{url}/roster", data={"member": "s3"}, headers=HTMX)
    assert after.status_code == 200
    assert "1 of them unticked" in words(ada.get(url))
    assert ada.post(f"{url}/roster", data={"member": "stranger"}, headers=HTMX).status_code == 422


def test_a_script_in_a_name_is_only_text(ada: FlaskClient, engine: Engine, plan: Callable[..., int]) -> None:
    name = "<script>alert(1)</script>"
    sync_id = plan(action(name, verb="edit", before={"first_name": name}, after={"first_name": "مريم \u202e"}))

    for url in (f"/syncs/{sync_id}/actions", f"/syncs/{sync_id}/actions/{ids_of(engine, sync_id)[0]}"):
        answer = ada.get(url)
        assert (answer.status_code, name in answer.text, "&lt;script&gt;" in answer.text) == (200, False, True)


def test_the_csv_file_has_every_action_found_and_no_formulas(
    ada: FlaskClient, engine: Engine, plan: Callable[..., int]
) -> None:
    sync_id = plan(action("=cmd()", source_id="s1", after={"grade": "9"}), action("Algebra", type="section"))

    answer = ada.get(f"/syncs/{sync_id}/actions.csv?type=student")
    rows = list(csv.DictReader(io.StringIO(answer.text.removeprefix("\ufeff"))))

    assert answer.headers["Content-Disposition"] == f'attachment; filename="sync-{sync_id}-actions.csv"'
    assert [(row["name"], row["external id"], row["changes"], row["ticked"]) for row in rows] == [
        ("'=cmd()", "s1", "Grade: - > 9", "yes")
    ]


def test_a_viewer_sees_the_ticks_and_cannot_change_them(
    ben: FlaskClient, engine: Engine, plan: Callable[..., int]
) -> None:
    sync_id = plan(action("Abara, Mia"))
    page = ben.get(f"/syncs/{sync_id}/actions")

    assert ("disabled" in page.text, "Untick" in words(page).split("Unticked")[-1]) == (True, False)
    assert ben.post(f"/syncs/{sync_id}/actions/{ids_of(engine, sync_id)[0]}/tick").status_code == 403


@pytest.mark.parametrize("query", ["", "?q=stud&held=yes", "?unticked=yes", "?warnings=yes&type=student"])
def test_one_row_and_fifty_take_the_same_queries(
    app: Flask, ada: FlaskClient, engine: Engine, plan: Callable[..., int], query: str
) -> None:
    def actions(number: int) -> list[dict[str, Any]]:
        given = {"ticked": False, "held": "guard-adds"}
        return [action(f"Student {each}", source_id=f"s{each}", **given) for each in range(number)]

    def taken(sync_id: int) -> int:
        for id_ in ids_of(engine, sync_id):
            warn(engine, sync_id, id_)
        with queries(app) as statements:
            assert "Student 0" in words(ada.get(f"/syncs/{sync_id}/actions{query}"))
        return len(statements)

    one, fifty = taken(plan(*actions(1), prepared_at=NOW)), taken(plan(*actions(50)))

    assert (one == fifty, fifty <= 12) == (True, True), (one, fifty)
