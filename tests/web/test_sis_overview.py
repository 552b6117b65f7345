"""Overview and Schools: numbers that lead to their lists, and what each school is mapped to."""

import html
import re

import pytest
from flask import Flask
from flask.testing import FlaskClient

from sisportal.roster.records import School, Section
from tests.web.conftest import NOW
from tests.web.mirrored import NORTH, SOUTH, Mirrored, rows_of, student, teacher
from tests.web.watching import queries, words

BASE = "/admin/sis/clever"


@pytest.fixture
def mirrored(app: Flask) -> Mirrored:
    made = Mirrored.of(app)
    made.linked(student("a"))
    made.linked(student("b", "Berg"), archived_at=NOW)
    made.person(student("c", "Chen", school=SOUTH))
    made.person(student("d", "Diaz"), gone_in_sync=1)
    made.person(student("e", "Eze", school="east"), in_scope=False)
    made.person(student("f", "Fox", school="east"), in_scope=False, gone_in_sync=1)
    made.linked(teacher("t"))
    made.section(Section("alg", "Algebra", school=NORTH))
    made.school(School("east", "East High"))
    return made


def stats(page: str) -> list[tuple[str, str, str]]:
    """(label, number, address) of every number of a page."""
    found = re.findall(
        r'stat-label">(.*?)</div>\s*<div class="stat-value"><a class="stat-link" href="(.*?)">(.*?)<', page, re.DOTALL
    )
    return [(label, number, html.unescape(address)) for label, address, number in found]


def test_every_number_leads_to_as_many_rows(ada: FlaskClient, mirrored: Mirrored) -> None:
    numbers = stats(ada.get(f"{BASE}/overview").text)
    assert [(label, number) for label, number, _ in numbers[:6]] == [
        ("In the SIS", "3"),
        ("Linked", "2"),
        ("Unmatched", "1"),
        ("Changed", "0"),
        ("Archived", "1"),
        ("No longer listed", "1"),
    ]
    assert [len(rows_of(ada.get(address))) for _, _, address in numbers] == [int(number) for _, number, _ in numbers]


def test_people_of_other_roles_are_counted(ada: FlaskClient, mirrored: Mirrored) -> None:
    assert "People of other roles Counted, and never synced Staff 12" in words(ada.get(f"{BASE}/overview"))


def test_overview_looks_at_no_record_twice(app: Flask, ada: FlaskClient, mirrored: Mirrored) -> None:
    ada.get(f"{BASE}/overview")
    with queries(app) as statements:
        ada.get(f"{BASE}/overview")
    assert len(statements) <= 12
    assert [statement for statement in statements if "sis_person" in statement or "sis_section" in statement] == []


def test_schools_show_their_numbers_and_organizations(ada: FlaskClient, mirrored: Mirrored) -> None:
    page = words(ada.get(f"{BASE}/schools"))
    assert "East High — Not mapped 1 0 — North High S-north Synced 3 1 North High South High S-south Synced 1 0" in page


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("state=unmapped", ["East High"]),
        ("q=s-nor", ["North High"]),
        ("sort=-users", ["North High", "South High", "East High"]),
        ("q=nowhere", []),
    ],
)
def test_schools_are_searched_filtered_and_sorted(
    ada: FlaskClient, mirrored: Mirrored, query: str, found: list[str]
) -> None:
    assert rows_of(ada.get(f"{BASE}/schools?{query}")) == found
    lines = ada.get(f"{BASE}/schools.csv?{query}").text.splitlines()
    assert [line.split(",")[0] for line in lines[1:]] == found


def test_a_schools_page_leads_to_its_people(ada: FlaskClient, ben: FlaskClient, mirrored: Mirrored) -> None:
    page = ben.get(f"{BASE}/schools/{NORTH}")
    assert stats(page.text) == [
        ("Students", "2", f"{BASE}/students?school={NORTH}"),
        ("Teachers", "1", f"{BASE}/teachers?school={NORTH}"),
        ("Sections", "1", f"{BASE}/sections?school={NORTH}"),
    ]
    assert (stats(ben.get(f"{BASE}/schools/east").text), ada.get(f"{BASE}/schools/nowhere").status_code) == ([], 404)
