"""History and Log: every sync, and every warning with the action that it is about."""

from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import Engine

from sisportal.extensions import db
from tests.syncing.plans import NOW, action, ids_of, make_connection, make_sync, warn
from tests.web.watching import queries, words

HISTORY, LOG = "/admin/sis/clever/history", "/admin/sis/clever/log"


@pytest.fixture
def engine(app: Flask) -> Engine:
    with app.app_context():
        make_connection(db.engine)
        return db.engine


def committed(engine: Engine, adds: int, **values: Any) -> int:
    counts = {"student": {"add": {"planned": adds, "applied": adds}, "delete": {"planned": 1, "applied": 1}}}
    return make_sync(engine, 1, state="committed", counts=counts, **values)


def test_every_sync_is_listed_newest_first_with_what_became_of_it(ada: FlaskClient, engine: Engine) -> None:
    committed(engine, 4, started_by=1)
    make_sync(engine, 1, state="failed", note="Clever did not answer.", automatic=True)
    make_sync(engine, 1, [action()], created_at=NOW + timedelta(days=1))

    text = words(ada.get(HISTORY))

    lines = text[text.index("Note") :]
    assert lines.index("4 Nov 2026, 13:05 1 Waiting for review Manual the command line Not committed.") < lines.index(
        "0 Failed Automatic the schedule Failed. Clever did not answer."
    )
    assert "5 Committed Manual Ada Abara Committed." in lines


def test_the_chart_shows_what_the_last_commits_changed(ada: FlaskClient, engine: Engine) -> None:
    committed(engine, 4)
    assert "<figure" not in ada.get(HISTORY).text
    committed(engine, 9)

    assert "Changes of the last commits" in words(ada.get(HISTORY))


def test_without_a_sync_the_page_says_where_to_start(ada: FlaskClient, engine: Engine) -> None:
    assert "No sync yet" in words(ada.get(HISTORY))
    assert "No warnings" in words(ada.get(LOG))


def test_the_log_names_the_record_and_leads_to_its_action(ada: FlaskClient, engine: Engine) -> None:
    sync_id = make_sync(engine, 1, [action("Abara, Mia", source_id="s1")])
    warn(engine, sync_id, None, external_id="s1", value="mia@")
    warn(engine, sync_id, None, "empty-section", type="section", external_id="c1")

    answer = ada.get(LOG)

    assert "Warning Abara, Mia The student s1 has an e-mail address that is not one (mia@)." in words(answer)
    assert f'href="/syncs/{sync_id}/actions/{ids_of(engine, sync_id)[0]}"' in answer.text
    assert "2 warnings" in words(answer)


def test_the_log_is_filtered(ada: FlaskClient, engine: Engine) -> None:
    first, second = make_sync(engine, 1), make_sync(engine, 1)
    warn(engine, first, None, external_id="s1", value="100%")
    warn(engine, second, None, "conflict", external_id="s2", stage="commit")

    for query, number in (
        ("", 2), (f"sync={first}", 1), ("code=conflict", 1), ("stage=commit", 1), ("type=section", 0), ("q=s1", 1),
        ("q=0%25", 1), ("q=%25s", 0), ("severity=info", 0), ("code=nonsense", 2),
    ):  # fmt: skip
        expected = {0: "No warnings", 1: "1 warning", 2: "2 warnings"}[number]
        assert expected in words(ada.get(f"{LOG}?{query}")), query


@pytest.mark.parametrize("path", [HISTORY, LOG])
def test_one_row_and_fifty_take_the_same_queries(app: Flask, ada: FlaskClient, engine: Engine, path: str) -> None:
    def taken(rows: int) -> int:
        for _ in range(rows):
            sync_id = committed(engine, 3, started_by=1)
            warn(engine, sync_id, None, external_id="s1")
        with queries(app) as statements:
            assert ada.get(path).status_code == 200
        return len(statements)

    one, fifty = taken(1), taken(49)

    assert (one == fifty, fifty <= 12) == (True, True), (one, fifty)


def test_the_log_is_exported_with_where_each_row_of_a_file_stands(ada: FlaskClient, engine: Engine) -> None:
    sync_id = make_sync(engine, 1)
    warn(engine, sync_id, None, "missing-id", file="users.csv", line=17, column="sourcedId", type="")
    warn(engine, sync_id, None)

    lines = ada.get("/admin/sis/clever/log.csv").text.splitlines()
    only = ada.get("/admin/sis/clever/log.csv?rows=yes").text.splitlines()

    assert [len(lines), len(only)] == [3, 2]
    assert lines[0].startswith("\ufeffSync,Severity,File,Line,Column,Type,ID")
    assert "users.csv,17,sourcedId" in only[1]
    assert "(users.csv" not in only[1]
