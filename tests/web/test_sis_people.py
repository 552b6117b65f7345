"""Teachers and Students: the lists, the file, and a person's page with the portal beside the SIS."""

import csv
import io

import pytest
from flask import Flask
from flask.testing import FlaskClient

from sisportal.roster.records import Section
from tests.web.conftest import NOW
from tests.web.mirrored import NORTH, SOUTH, Mirrored, rows_of, student, teacher
from tests.web.watching import queries, words

STUDENTS = "/admin/sis/clever/students"
TEACHERS = "/admin/sis/clever/teachers"


@pytest.fixture
def mirrored(app: Flask) -> Mirrored:
    return Mirrored.of(app)


@pytest.fixture
def five(mirrored: Mirrored) -> Mirrored:
    """Five students: linked, changed since, without an account, archived, no longer listed."""
    mirrored.linked(student("a", "Abara"))
    mirrored.linked(student("b", "Berg", "Åsa", email="asa@example.org", grade="9"), changed=True)
    mirrored.person(student("c", "Chen", "Bo", school=SOUTH))
    mirrored.linked(student("d", "Diaz"), archived_at=NOW)
    mirrored.person(student("e", "Eze"), gone_in_sync=1)
    mirrored.person(teacher("t", "Zhang"))
    return mirrored


def test_a_list_shows_who_is_listed_now_and_how_each_stands(ada: FlaskClient, five: Mirrored) -> None:
    answer = ada.get(STUDENTS)
    assert rows_of(answer) == ["Abara, Mia", "Berg, Åsa", "Chen, Bo", "Diaz, Mia"]
    assert "4 students" in words(answer)
    assert rows_of(ada.get(TEACHERS)) == ["Zhang, Tom"]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("state=linked", ["Abara, Mia", "Berg, Åsa", "Diaz, Mia"]),
        ("state=unmatched", ["Chen, Bo"]),
        ("state=changed", ["Berg, Åsa"]),
        ("state=archived", ["Diaz, Mia"]),
        ("state=gone", ["Eze, Mia"]),
        ("state=nonsense", ["Abara, Mia", "Berg, Åsa", "Chen, Bo", "Diaz, Mia"]),
        (f"school={SOUTH}", ["Chen, Bo"]),
        (f"school={NORTH}&state=linked&q=mia", ["Abara, Mia", "Diaz, Mia"]),
        ("q=ÅSA+berg", ["Berg, Åsa"]),
        ("q=asa@example", ["Berg, Åsa"]),
        ("q=100%25", []),
        ("sort=-name", ["Diaz, Mia", "Chen, Bo", "Berg, Åsa", "Abara, Mia"]),
    ],
)
def test_a_list_finds_what_the_address_asks_for(ada: FlaskClient, five: Mirrored, query: str, found: list[str]) -> None:
    assert rows_of(ada.get(f"{STUDENTS}?{query}")) == found


def test_each_state_says_how_many_it_holds(ada: FlaskClient, five: Mirrored) -> None:
    assert "All 4 Linked 3 Unmatched 1 Changed 1 Archived 1 No longer listed 1" in words(ada.get(STUDENTS))


def test_numbers_follow_once_a_sync_has_ended(ada: FlaskClient, five: Mirrored) -> None:
    assert "Unmatched 1" in words(ada.get(STUDENTS))
    five.account(student("c", "Chen", "Bo", school=SOUTH))
    five.sync("committed")
    assert "Unmatched 0" in words(ada.get(STUDENTS))


def test_states_hold_for_many_as_for_few(ada: FlaskClient, five: Mirrored, monkeypatch: pytest.MonkeyPatch) -> None:
    few = {
        state: rows_of(ada.get(f"{STUDENTS}?state={state}")) for state in ("linked", "unmatched", "changed", "archived")
    }
    monkeypatch.setattr("sisportal.web.mirror_lists.FEW", 0)
    assert {state: rows_of(ada.get(f"{STUDENTS}?state={state}")) for state in few} == few


def test_a_long_list_has_pages_of_fifty_and_states_its_total(ada: FlaskClient, mirrored: Mirrored) -> None:
    for number in range(120):
        mirrored.person(student(f"s{number:03}", f"Name {number:03}"))

    last = ada.get(f"{STUDENTS}?page=3")

    assert (rows_of(last)[0], len(rows_of(last))) == ("Name 100, Mia", 20)
    assert "101–120 of 120 students" in words(last)  # noqa: RUF001 - as the page writes it
    assert rows_of(ada.get(f"{STUDENTS}?page=99")) == rows_of(last)
    assert rows_of(ada.get(f"{STUDENTS}?q=mia&page=3")) == rows_of(last)


def test_one_person_and_fifty_take_the_same_queries(app: Flask, ada: FlaskClient, mirrored: Mirrored) -> None:
    counts = []
    for names in (range(1), range(1, 50)):
        for number in names:
            mirrored.linked(student(f"s{number}"))
        mirrored.sync("committed")
        ada.get(STUDENTS)
        with queries(app) as statements:
            ada.get(STUDENTS)
        counts.append(len(statements))

    assert counts[0] == counts[1] <= 12


def test_an_empty_list_says_what_to_do_next(ada: FlaskClient, mirrored: Mirrored) -> None:
    assert "No students yet" in words(ada.get(STUDENTS))
    assert "No student matches" in words(ada.get(f"{STUDENTS}?q=zzz"))


def test_the_file_holds_every_page_and_no_formula(ada: FlaskClient, five: Mirrored) -> None:
    five.person(student("f", "=1+2", "@SUM"))
    answer = ada.get(f"{STUDENTS}.csv?state=unmatched")
    lines = list(csv.reader(io.StringIO(answer.text.removeprefix("\ufeff"))))
    assert answer.headers["Content-Disposition"] == 'attachment; filename="clever-students.csv"'
    assert [line[:2] for line in lines[1:]] == [["'=1+2", "'@SUM"], ["Chen", "Bo"]]


def test_names_are_shown_and_never_run(ada: FlaskClient, mirrored: Mirrored) -> None:
    mirrored.linked(student("x", "<script>alert(1)</script>", "\u202eمريم"))
    for path in (STUDENTS, f"{STUDENTS}/x", "/accounts", "/accounts/4"):
        text = ada.get(path).text
        assert ("<script>alert" in text, "&lt;script&gt;alert" in text) == (False, True), path
        assert "<bdi>" in text or path.endswith(("x", "4")), path


def test_a_persons_page_puts_the_portal_beside_the_sis(ada: FlaskClient, mirrored: Mirrored) -> None:
    mirrored.person(student("a", "Abara", grade="9", email="mia@example.org"))
    mirrored.account(student("a", "Abara", grade="8", email="mia@example.org"))

    page = ada.get(f"{STUDENTS}/a")

    assert "Clever says The portal holds" in words(page)
    assert "Grade 9 8" in words(page)
    assert "Organization North High North High" in words(page)
    assert page.text.count('class="changed"') == 1


def test_a_persons_page_lists_their_sections_and_everything_ever_planned(ada: FlaskClient, mirrored: Mirrored) -> None:
    tom = mirrored.person(teacher("t"))
    section = Section("alg", "Algebra 1", period="3", school=NORTH, teachers=("t",), students=("a", "b"))
    mirrored.section(section, (tom,))
    mirrored.action("t", "add", "applied", type_="teacher")
    discarded = mirrored.sync("discarded")
    edit = mirrored.action(
        "t", "edit", "planned", type_="teacher", sync_id=discarded, after={"email": "x", "grade": "1"}
    )

    page = ada.get(f"{TEACHERS}/t")

    assert "Algebra 1 Primary teacher 3 — 2 Unmatched" in words(page)
    assert "Edit: e-mail, grade The plan was discarded: not applied." in words(page)
    assert words(page).index("Edit: e-mail") < words(page).index("Added")
    assert f'href="/syncs/{discarded}/actions/{edit}"' in page.text


def test_a_long_history_has_pages(ada: FlaskClient, mirrored: Mirrored) -> None:
    mirrored.person(student("a"))
    for _ in range(60):
        mirrored.action("a", "edit", "applied")
    assert "51–60 of 60 actions" in words(ada.get(f"{STUDENTS}/a?page=2"))  # noqa: RUF001 - as the page writes it


def test_somebody_who_is_gone_or_has_no_account_is_said_to_be_so(ada: FlaskClient, five: Mirrored) -> None:
    assert "Clever no longer lists this person." in words(ada.get(f"{STUDENTS}/e"))
    assert "The portal has no account for this person yet" in words(ada.get(f"{STUDENTS}/c"))


def test_a_viewer_reads_the_same(ada: FlaskClient, ben: FlaskClient, five: Mirrored) -> None:
    for path in (STUDENTS, f"{STUDENTS}/a", f"{STUDENTS}.csv"):
        assert (ben.get(path).status_code, rows_of(ben.get(path))) == (200, rows_of(ada.get(path)))


def test_nobody_else_learns_who_is_there(nobody: FlaskClient, tom: FlaskClient, five: Mirrored) -> None:
    for path in (STUDENTS, f"{STUDENTS}/a", f"{STUDENTS}.csv"):
        assert (nobody.get(path).status_code, tom.get(path).status_code) == (303, 404)


@pytest.mark.parametrize(
    "path", [f"{STUDENTS}/zz", f"{STUDENTS}/t", "/admin/sis/oneroster/students", "/admin/sis/x/students"]
)
def test_what_is_not_there_is_not_found(ada: FlaskClient, five: Mirrored, path: str) -> None:
    assert ada.get(path).status_code == 404


def test_an_id_with_a_slash_in_it_has_a_page(ada: FlaskClient, mirrored: Mirrored) -> None:
    mirrored.person(student("district/7 ä"))
    assert 'href="/admin/sis/clever/students/district/7%20%C3%A4"' in ada.get(STUDENTS).text
    assert ada.get(f"{STUDENTS}/district/7 ä").status_code == 200
