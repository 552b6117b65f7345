"""Fix it in the SIS: what is to be mended, by cause and school, with what is expected; on pages, printed, as a file."""

import csv
import io
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import insert, update

from sisportal.models import Sync, SyncWarning
from sisportal.roster.records import Section
from tests.web.mirrored import NORTH, SOUTH, Mirrored, rows_of, student
from tests.web.watching import queries, words

SHEET = "/syncs/1/worksheet"


def warn(mirrored: Mirrored, *rows: dict[str, Any]) -> None:
    given: dict[str, Any] = {
        "sync_id": 1,
        "stage": "prepare",
        "code": "malformed-email",
        "type": "student",
        "field": "email",
    }
    given |= {
        "external_id": "",
        "school": NORTH,
        "value": "",
        "file": "",
        "line": 0,
        "column": "",
        "is_new": None,
        "mended_in": None,
    }
    with mirrored.engine.begin() as connection:
        connection.execute(insert(SyncWarning), [given | row for row in rows])


@pytest.fixture
def mirrored(app: Flask) -> Mirrored:
    return Mirrored.of(app)


@pytest.fixture
def sheet(mirrored: Mirrored) -> Mirrored:
    """Four things to mend, one mended, and two warnings that are nobody's in the SIS."""
    mirrored.person(student("a", "Abara", number="1024"))
    mirrored.section(Section("c", "Algebra", school=SOUTH))
    later = mirrored.sync("prepared")
    with mirrored.engine.begin() as connection:
        compared = {"before": 1, "total": 4, "new": 1, "still": 3, "mended": 1}
        connection.execute(update(Sync).where(Sync.id == 1).values(compared=compared))
        connection.execute(update(Sync).where(Sync.id == later).values(compared={}))
    warn(
        mirrored,
        {"external_id": "a", "value": "=nobody", "is_new": True},
        {"external_id": "b", "value": "b at home", "school": SOUTH, "is_new": False},
        {"external_id": "c", "type": "section", "field": "teachers", "code": "no-teacher", "school": SOUTH, "is_new": False},
        {"code": "refused-row", "type": "student", "field": "role", "value": "boss", "school": "", "file": "users.csv",
         "line": 7, "column": "role", "is_new": False},
        {"external_id": "d", "sync_id": 2, "value": "was bad", "mended_in": 1},
        {"external_id": "x", "code": "archived-here"},
        {"external_id": "y", "code": "conflict", "stage": "commit"},
    )  # fmt: skip
    return mirrored


def test_lines_stand_under_their_cause_and_school_the_severe_ones_first(ada: FlaskClient, sheet: Mirrored) -> None:
    answer = ada.get(SHEET)

    assert rows_of(answer) == [
        "users.csv, line 7, column role Student", "Abara, Mia (1024) Student a", "b Student", "Algebra Section c",
    ]  # fmt: skip
    text = words(answer)
    assert (
        "Not an e-mail address Warning North High, 1 Correct it in the SIS; until then no mail can reach this person."
        in text
    )
    assert "E-mail address =nobody An address such as name@school.example New" in text
    assert "All there now 4 New 1 Still there 3 Mended 1" in text
    assert "4 lines" in text


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("standing=new", ["a"]),
        ("standing=still", ["users.csv,", "b", "c"]),
        ("standing=mended", ["d"]),
        ("cause=no-teacher", ["c"]),
        (f"school={SOUTH}", ["b", "c"]),
        (f"school={SOUTH}&q=AT+home", ["b"]),
        ("q=%25", []),
        ("cause=archived-here", []),
        ("standing=nonsense&school=nonsense", ["users.csv,", "a", "b", "c"]),
    ],
)
def test_the_worksheet_finds_what_the_address_asks_for(
    ada: FlaskClient, sheet: Mirrored, query: str, found: list[str]
) -> None:
    rows = [
        row.removeprefix("Abara, Mia (1024) Student ").removeprefix("Algebra Section ")
        for row in rows_of(ada.get(f"{SHEET}?{query}"))
    ]
    assert [row.split()[0] for row in rows] == found


def test_the_file_holds_the_cause_what_to_do_and_no_formula(ada: FlaskClient, sheet: Mirrored) -> None:
    answer = ada.get(f"{SHEET}.csv?standing=new")

    lines = list(csv.reader(io.StringIO(answer.text.removeprefix("\ufeff"))))
    assert lines[0][-4:] == ["Now", "Should be", "File", "Since the last sync"]
    assert lines[1:] == [
        ["Not an e-mail address", "Correct it in the SIS; until then no mail can reach this person.", "North High", "student",
         "Abara, Mia", "1024", "a", "E-mail address", "'=nobody", "An address such as name@school.example", "", "New"]
    ]  # fmt: skip


def test_two_thousand_lines_come_in_pages_whose_queries_do_not_grow(
    app: Flask, ada: FlaskClient, mirrored: Mirrored
) -> None:
    warn(mirrored, {"external_id": "s0000"})
    counts = []
    for many in (False, True):
        if many:
            warn(mirrored, *({"external_id": f"s{number:04}"} for number in range(1, 2000)))
        ada.get(SHEET)
        with queries(app) as statements:
            ada.get(SHEET)
        counts.append(len(statements))

    assert counts[0] == counts[1] <= 12
    answer = ada.get(SHEET)
    assert len(rows_of(answer)) == 50
    assert "1–50 of 2,000 lines" in words(answer)  # noqa: RUF001 - as the page writes it
    printed = ada.get(f"{SHEET}?rows=print&page=5")
    assert (len(rows_of(printed)), rows_of(printed)[0]) == (400, "s1600 Student")
    assert len(ada.get(f"{SHEET}?rows=print").data) < 400_000
    assert len(ada.get(f"{SHEET}.csv").text.splitlines()) == 2001


def test_the_report_leads_to_the_worksheet_with_its_numbers(ada: FlaskClient, sheet: Mirrored) -> None:
    text = words(ada.get("/syncs/1"))
    assert "Fix it in the SIS: 4 things to mend. Since sync 1: 1 new, 3 still there, 1 mended." in text
    assert "Fix it in the SIS" not in words(ada.get("/syncs/2"))


def test_nothing_to_mend_says_so(ada: FlaskClient, mirrored: Mirrored) -> None:
    assert "Nothing to mend" in words(ada.get(SHEET))
    assert "Nothing was mended" in words(ada.get(f"{SHEET}?standing=mended"))
    assert "Nothing matches" in words(ada.get(f"{SHEET}?q=zzz"))
