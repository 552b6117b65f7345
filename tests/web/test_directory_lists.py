"""Accounts, classes, organizations and the audit log: what the portal holds, searched, filtered and paged."""

import csv
import io

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import insert

from sisportal.models import AuditEvent, Organization
from sisportal.roster.records import Section
from tests.web.conftest import NOW
from tests.web.mirrored import NORTH, SOUTH, Mirrored, rows_of, student, teacher
from tests.web.watching import queries, words

PORTAL = ["Abara, Ada", "Chen, Ben", "Eze, Tom"]
"""Those who are there without any sync."""


@pytest.fixture
def mirrored(app: Flask) -> Mirrored:
    """Two students of the north, one archived; a teacher; a student of the south; a class, and a parent with a session."""
    made = Mirrored.of(app)
    mia = made.linked(student("m", "Abel", email="mia@example.org", grade="9"))
    ann = made.linked(student("n", "Noor", "Ann"), archived_at=NOW, archived_by_sync=1)
    tia = made.linked(teacher("t", "Ueda", "Tia"))
    made.linked(student("s", "Suarez", school=SOUTH))
    art = Section("art", "Art", school=NORTH)
    made.section(art)
    made.class_(art, ((tia, 0), (mia, 1000), (ann, 1000)), code="A1")
    parent = made.class_(Section("par", "Parents", school=NORTH), is_parent=True)
    made.class_(Section("ses", "Sessions", school=SOUTH), parent_id=parent)
    made.class_(Section("old", "Old", school=NORTH), archived_at=NOW)
    return made


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", ["Abara, Ada", "Abel, Mia", "Chen, Ben", "Eze, Tom", "Suarez, Mia", "Ueda, Tia"]),
        ("state=archived", ["Noor, Ann"]),
        ("state=all&role=student", ["Abel, Mia", "Noor, Ann", "Suarez, Mia"]),
        ("source=hand", PORTAL),
        ("organization=2", ["Suarez, Mia"]),
        (
            "organization=x&role=nobody&source=y",
            ["Abara, Ada", "Abel, Mia", "Chen, Ben", "Eze, Tom", "Suarez, Mia", "Ueda, Tia"],
        ),
        ("q=mia@example", ["Abel, Mia"]),
        ("sort=-newest&source=sync", ["Suarez, Mia", "Ueda, Tia", "Abel, Mia"]),
    ],
)
def test_accounts_are_searched_filtered_and_sorted(
    ada: FlaskClient, ben: FlaskClient, mirrored: Mirrored, query: str, found: list[str]
) -> None:
    assert rows_of(ada.get(f"/accounts?{query}")) == rows_of(ben.get(f"/accounts?{query}")) == found
    lines = list(csv.reader(io.StringIO(ada.get(f"/accounts.csv?{query}").text)))
    assert [f"{line[1]}, {line[2]}" for line in lines[1:]] == found


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", ["Art", "Parents Parent", "Sessions Session"]),
        ("kind=parent", ["Parents Parent"]),
        ("kind=session", ["Sessions Session"]),
        ("kind=alone&state=all", ["Art", "Old"]),
        ("organization=2", ["Sessions Session"]),
        ("q=par", ["Parents Parent"]),
        ("state=archived", ["Old"]),
    ],
)
def test_classes_are_searched_and_filtered(ada: FlaskClient, mirrored: Mirrored, query: str, found: list[str]) -> None:
    assert rows_of(ada.get(f"/classes?{query}")) == found
    lines = ada.get(f"/classes.csv?{query}").text.splitlines()
    assert [line.split(",")[0] for line in lines[1:]] == [name.split()[0] for name in found]


def test_an_accounts_page_leads_to_the_sis_and_the_classes(ada: FlaskClient, mirrored: Mirrored) -> None:
    page = ada.get("/accounts/4")
    assert "Clever ID m" in words(page)
    assert 'href="/admin/sis/clever/students/m"' in page.text
    assert "Art Student A1" in words(page)
    assert "Grade 9" in words(page)


def test_an_archived_account_says_since_when_and_by_what(ada: FlaskClient, mirrored: Mirrored) -> None:
    assert "Archived on 3 Nov 2026 by sync 1." in words(ada.get("/accounts/5"))


def test_the_page_of_an_administrator_has_no_identifiers(ada: FlaskClient, mirrored: Mirrored) -> None:
    page = words(ada.get("/accounts/1"))
    assert "Administrator · Active" in page
    assert "No SIS has this person linked." in page


def test_a_classs_page_lists_who_is_in_it_and_counts_who_left(ada: FlaskClient, mirrored: Mirrored) -> None:
    page = ada.get("/classes/1")
    assert "1 teacher, 1 student, 1 person left" in words(page)
    assert rows_of(page) == ["Ueda, Tia", "Abel, Mia"]
    assert 'href="/admin/sis/clever/sections/art"' in page.text


def test_a_parent_lists_its_sessions_and_they_name_it(ada: FlaskClient, mirrored: Mirrored) -> None:
    assert rows_of(ada.get("/classes/2")) == ["Sessions"]
    assert "Session of Parents · Active" in words(ada.get("/classes/3"))


def test_one_record_and_fifty_take_the_same_queries(app: Flask, ada: FlaskClient, mirrored: Mirrored) -> None:
    paths = ("/accounts", "/classes", "/organizations")
    counts = []
    for names in (range(0), range(50)):
        for number in names:
            someone = mirrored.linked(student(f"s{number}"))
            mirrored.class_(Section(f"c{number}", "Class", school=NORTH), ((someone, 1000),))
        for path in paths:
            ada.get(path)
            with queries(app) as statements:
                ada.get(path)
            counts.append(len(statements))

    assert counts[:3] == counts[3:]
    assert max(counts) <= 12


def test_organizations_stand_in_their_tree_with_their_numbers(ada: FlaskClient, mirrored: Mirrored) -> None:
    with mirrored.engine.begin() as connection:
        connection.execute(
            insert(Organization), [{"name": "Annex", "slug": "annex", "parent_id": 2, "created_at": NOW}]
        )
    page = ada.get("/organizations")
    assert rows_of(page) == ["North High", "South High", "Annex"]
    assert "North High — 1 1 2 Active South High — 1 0 1 Active Annex — 0 0 0 Active" in words(page)
    assert '<span class="tree-step tree-1"><a href="/organizations/3"><bdi>Annex' in page.text
    assert "Annex,South High," in ada.get("/organizations.csv?q=annex").text


def test_organizations_that_go_round_are_left_for_the_check(ada: FlaskClient, mirrored: Mirrored) -> None:
    with mirrored.engine.begin() as connection:
        connection.execute(
            insert(Organization), [{"id": 9, "name": "Round", "slug": "round", "parent_id": 9, "created_at": NOW}]
        )
    assert ada.get("/organizations").status_code == 200


def test_pages_without_anything_say_what_comes_next(ada: FlaskClient) -> None:
    assert "No organizations" in words(ada.get("/organizations"))
    assert "No classes yet" in words(ada.get("/classes"))
    assert "No account matches" in words(ada.get("/accounts?q=zzz"))


@pytest.mark.parametrize("path", ["/accounts/999", "/classes/999", "/accounts/x"])
def test_what_is_not_there_is_not_found(ada: FlaskClient, path: str) -> None:
    assert ada.get(path).status_code == 404


@pytest.fixture
def audited(mirrored: Mirrored) -> None:
    rows = [
        {"at": NOW, "actor": "ada@example.org", "event": "options-changed", "subject": "clever", "details": {"blanks": "replace"}, "address": "10.0.0.7"},
        {"at": NOW, "actor": "command line", "event": "sync-discarded", "subject": "=sync 3", "details": {}, "address": ""},
    ]  # fmt: skip
    with mirrored.engine.begin() as connection:
        connection.execute(insert(AuditEvent), rows)


def test_the_audit_log_says_who_did_what_newest_first(ada: FlaskClient, audited: None) -> None:
    page = words(ada.get("/audit")).partition("Newest first")[2]
    assert "3 Nov 2026, 13:05 command line Sync discarded =sync 3" in page
    assert "ada@example.org Options changed clever Blank values from the SIS: replace 10.0.0.7" in page
    assert page.index("Sync discarded") < page.index("Options changed")


@pytest.mark.parametrize(("query", "number"), [("ADA", 1), ("10.0 options", 1), ("replace", 1), ("100%", 0)])
def test_the_audit_log_is_searched(ada: FlaskClient, audited: None, query: str, number: int) -> None:
    assert len(rows_of(ada.get("/audit", query_string={"q": query}))) == number
    assert len(ada.get("/audit.csv", query_string={"q": query}).text.splitlines()) == number + 1


def test_the_audit_log_is_for_administrators_and_viewers(
    ada: FlaskClient, ben: FlaskClient, tom: FlaskClient, nobody: FlaskClient, audited: None
) -> None:
    for path in ("/audit", "/audit.csv"):
        assert [client.get(path).status_code for client in (ada, ben, tom, nobody)] == [200, 200, 404, 303]
    assert "'=sync 3" in ada.get("/audit.csv").text
