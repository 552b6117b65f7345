"""Sync classes: the list, the file, and a section's page with its roster and the portal's class beside it."""

import pytest
from flask import Flask
from flask.testing import FlaskClient

from sisportal.roster.records import Section
from tests.web.conftest import NOW
from tests.web.mirrored import NORTH, SOUTH, Mirrored, rows_of, student, teacher
from tests.web.watching import queries, words

SECTIONS = "/admin/sis/clever/sections"
ALGEBRA = Section("alg", "Algebra 1", period="3", school=NORTH, teachers=("t",), students=("a", "b"), term_name="Fall")


@pytest.fixture
def mirrored(app: Flask) -> Mirrored:
    """A class of one teacher and two students, of whom one has left the portal's class, and three other sections."""
    made = Mirrored.of(app)
    tom, mia = made.linked(teacher("t")), made.linked(student("a"))
    made.person(student("b", "Berg", number="77"))
    made.section(ALGEBRA, (1, 2, 3))
    made.class_(ALGEBRA, ((tom, 0), (mia, 1000)), period="4")
    made.section(Section("bio", "Biology", school=SOUTH))
    made.section(Section("che", "Chemistry", school=NORTH), gone_in_sync=1)
    dance = Section("dan", "Dance", school=NORTH)
    made.section(dance)
    made.class_(dance, archived_at=NOW)
    return made


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", ["Algebra 1", "Biology", "Dance"]),
        ("state=linked", ["Algebra 1", "Dance"]),
        ("state=unmatched", ["Biology"]),
        ("state=archived", ["Dance"]),
        ("state=gone", ["Chemistry"]),
        (f"school={SOUTH}", ["Biology"]),
        ("q=1+alg", ["Algebra 1"]),
        ("sort=-name", ["Dance", "Biology", "Algebra 1"]),
    ],
)
def test_a_list_finds_what_the_address_asks_for(
    ada: FlaskClient, mirrored: Mirrored, query: str, found: list[str]
) -> None:
    assert rows_of(ada.get(f"{SECTIONS}?{query}")) == found


def test_a_row_names_the_teacher_and_counts_the_students(ada: FlaskClient, mirrored: Mirrored) -> None:
    assert "Algebra 1 Eze, Tom 3 Fall 2 North High Linked" in words(ada.get(SECTIONS))


def test_a_sections_page_puts_the_class_beside_it(ada: FlaskClient, mirrored: Mirrored) -> None:
    page = ada.get(f"{SECTIONS}/alg")
    assert "Period 3 4" in words(page)
    assert page.text.count('class="changed"') == 1
    assert (
        "Eze, Tom Primary teacher — Linked Yes Abara, Mia Student — Linked Yes Berg, Mia Student 77 Unmatched No"
        in words(page)
    )


def test_somebody_whom_the_sis_names_and_does_not_list_stands_in_the_roster(
    ada: FlaskClient, mirrored: Mirrored
) -> None:
    mirrored.section(Section("ghost", "Ghosts", school=NORTH, students=("nobody",)))
    assert "nobody Student — Not listed No" in words(ada.get(f"{SECTIONS}/ghost"))


def test_one_section_and_fifty_take_the_same_queries(app: Flask, ada: FlaskClient, mirrored: Mirrored) -> None:
    counts = []
    for names in (range(0), range(50)):
        for number in names:
            mirrored.section(Section(f"s{number}", "Art", school=NORTH, teachers=("t",)))
        mirrored.sync("committed")
        ada.get(SECTIONS)
        with queries(app) as statements:
            ada.get(SECTIONS)
        counts.append(len(statements))

    assert counts[0] == counts[1] <= 12


def test_the_file_holds_what_the_list_shows(ada: FlaskClient, mirrored: Mirrored) -> None:
    lines = ada.get(f"{SECTIONS}.csv?state=linked").text.splitlines()
    assert [line.split(",")[0] for line in lines[1:]] == ["Algebra 1", "Dance"]


def test_what_is_not_there_is_not_found(ada: FlaskClient, ben: FlaskClient, mirrored: Mirrored) -> None:
    answers = [client.get(f"{SECTIONS}/{id_}").status_code for client in (ada, ben) for id_ in ("alg", "zz")]
    assert answers == [200, 404, 200, 404]
