"""The home pages of students and teachers, and the pages of their classes."""

import re
from collections.abc import Sequence
from datetime import date

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import event, insert, update

from sisportal.extensions import db
from sisportal.models import Account, Membership, Organization, SchoolClass
from sisportal.web.own_classes import When, when
from tests.web.conftest import NOW, browser

TOM, SUE, SAM, ZOE = 3, 4, 5, 6


@pytest.fixture
def app(app: Flask) -> Flask:
    """Tom's school: he teaches Art, and two sessions of Maths, one of them with Zoe; Sue attends Art, Sam Maths 1."""
    with app.app_context():
        db.session.add(Organization(id=1, name="Hillside", slug="hillside", welcome="Welcome back!", created_at=NOW))
        db.session.flush()
        for id_, first, role in ((SUE, "Sue", "student"), (SAM, "Sam", "student"), (ZOE, "Zoe", "teacher")):
            db.session.add(person(id_, first, role))
        db.session.add(school_class(10, "Maths", is_parent=True))
        db.session.flush()
        for id_, name, parent in ((11, "Art", None), (12, "Maths 1", 10), (13, "Maths 2", 10), (14, "Secret", None)):
            db.session.add(school_class(id_, name, parent_id=parent))
        db.session.flush()
        places = [
            (11, TOM, 0),
            (12, TOM, 0),
            (12, ZOE, 1),
            (13, TOM, 0),
            (14, ZOE, 0),
            (11, SUE, 1000),
            (12, SAM, 1000),
        ]
        for class_id, account_id, position in places:
            db.session.add(Membership(class_id=class_id, account_id=account_id, position=position))
        db.session.commit()
    return app


def person(id_: int, first: str, role: str) -> Account:
    name = first.lower()
    return Account(
        id=id_, role=role, roles=[role], username=name, first_name=first, last_name="Okafor", search=f"okafor {name}",
        organization_id=1, student_id=f"S-{id_}", grade="7", created_at=NOW,
    )  # fmt: skip


def school_class(id_: int, name: str, *, parent_id: int | None = None, is_parent: bool = False) -> SchoolClass:
    return SchoolClass(
        id=id_, name=name, period="3", term="Fall", parent_id=parent_id, is_parent=is_parent, organization_id=1,
        search=name.lower(), created_at=NOW,
    )  # fmt: skip


def change(app: Flask, class_id: int, **values: object) -> None:
    with app.app_context():
        db.session.execute(update(SchoolClass).where(SchoolClass.id == class_id).values(**values))
        db.session.commit()


def leave(app: Flask, class_id: int, account_id: int) -> None:
    with app.app_context():
        places = update(Membership).where(Membership.class_id == class_id, Membership.account_id == account_id)
        db.session.execute(places.values(ended_by_sync=1))
        db.session.commit()


def classes(page: str) -> list[tuple[str, list[str]]]:
    """Each card of a home page with the classes in it, in order."""
    cards = page.split('<h2 class="card-title">')[1:]
    return [(card.split("</h2>")[0], re.findall(r'href="/my-classes/\d+"><bdi>(.*?)</bdi>', card)) for card in cards]


def statuses(client: FlaskClient, ids: Sequence[int]) -> list[int]:
    return [client.get(f"/my-classes/{id_}").status_code for id_ in ids]


def test_a_student_sees_their_classes_with_teacher_period_term_and_school(app: Flask) -> None:
    page = browser(app, SUE).get("/").text
    assert classes(page) == [("Hillside", []), ("My classes today", ["Art"])]
    for said in ("Hello, <bdi>Sue Okafor</bdi>", "Tom Eze", "Fall", "Hillside", "Welcome back!"):
        assert said in page


def test_a_teacher_sees_sessions_under_their_parent_with_everybody_who_teaches_them(
    app: Flask, tom: FlaskClient
) -> None:
    page = tom.get("/").text
    assert classes(page) == [("My classes today", ["Art", "Maths 1", "Maths 2"])]
    group = page.split('class="table-group"')[1]
    assert ("<bdi>Maths</bdi>" in group, "2 sessions" in group, "Art" in group) == (True, True, False)
    assert "Tom Eze, Zoe Okafor" in page


def test_a_teachers_class_shows_its_roster_and_a_students_does_not(app: Flask, tom: FlaskClient) -> None:
    assert "Okafor, Sam" in tom.get("/my-classes/12").text
    page = browser(app, SAM).get("/my-classes/12").text
    assert ("Tom Eze, Zoe Okafor" in page, "S-5" in page, "Okafor, Sam" in page) == (True, False, False)


def test_the_page_of_a_session_leads_to_the_others_of_its_parent_that_are_ones_own(
    app: Flask, tom: FlaskClient
) -> None:
    page = tom.get("/my-classes/12").text
    assert ("Session of <bdi>Maths</bdi>" in page, "/my-classes/13" in page) == (True, True)
    assert "/my-classes/13" not in browser(app, ZOE).get("/my-classes/12").text


def test_nobody_sees_a_class_that_is_not_their_own(app: Flask, tom: FlaskClient, ada: FlaskClient) -> None:
    everything = [10, 11, 12, 13, 14, 999]
    assert statuses(tom, everything) == [404, 200, 200, 200, 404, 404]
    assert statuses(browser(app, ZOE), everything) == [404, 404, 200, 404, 200, 404]
    assert statuses(browser(app, SUE), everything) == [404, 200, 404, 404, 404, 404]
    assert statuses(ada, everything) == [404] * 6
    assert app.test_client().get("/my-classes/11").location == "/sign-in?next=/my-classes/11"


def test_students_and_teachers_see_no_page_of_the_administrators(app: Flask, tom: FlaskClient) -> None:
    for client in (tom, browser(app, SUE)):
        assert [client.get(path).status_code for path in ("/accounts", "/accounts/5", "/classes/11")] == [404] * 3
        assert "/accounts" not in client.get("/").text


def test_who_left_a_class_no_longer_sees_it_and_is_no_longer_on_its_roster(app: Flask, tom: FlaskClient) -> None:
    leave(app, 11, SUE)
    sue = browser(app, SUE)
    assert (statuses(sue, [11]), classes(sue.get("/").text)[1]) == ([404], ("My classes today", []))
    assert "No students yet" in tom.get("/my-classes/11").text


def test_an_archived_class_is_gone_and_an_archived_student_is_off_the_roster(app: Flask, tom: FlaskClient) -> None:
    change(app, 11, archived_at=NOW)
    with app.app_context():
        db.session.execute(update(Account).where(Account.id == SAM).values(archived_at=NOW))
        db.session.commit()
    assert statuses(tom, [11]) == [404]
    assert classes(tom.get("/").text) == [("My classes today", ["Maths 1", "Maths 2"])]
    assert "Okafor, Sam" not in tom.get("/my-classes/12").text


def test_classes_that_begin_later_or_are_over_stand_apart(app: Flask, tom: FlaskClient) -> None:
    change(app, 11, start="2027-01-11", finish="2027-06-11")
    change(app, 13, start="2025-09-01", finish="2026-06-11")
    assert classes(tom.get("/").text) == [
        ("My classes today", ["Maths 1"]),
        ("Later", ["Art"]),
        ("Earlier", ["Maths 2"]),
    ]


@pytest.mark.parametrize(
    ("start", "finish", "expected"),
    [
        ("", "", When.NOW),
        ("2026-11-03", "", When.NOW),
        ("", "2026-11-03", When.NOW),
        ("2026-11-03", "2026-11-03", When.NOW),
        ("2026-11-04", "", When.LATER),
        ("2026-08-01", "2026-11-02", When.EARLIER),
    ],
)
def test_the_first_and_the_last_day_belong_to_a_class(start: str, finish: str, expected: When) -> None:
    assert when(start, finish, date(2026, 11, 3)) is expected


def test_a_home_page_takes_as_many_queries_for_many_classes_as_for_one(app: Flask) -> None:
    few, many = counted(app, SUE), 0
    with app.app_context():
        for id_ in range(100, 150):
            db.session.add(school_class(id_, f"Class {id_}"))
        db.session.flush()
        for id_ in range(100, 150):
            db.session.add(Membership(class_id=id_, account_id=SUE, position=1000))
            db.session.add(Membership(class_id=id_, account_id=TOM, position=0))
        db.session.commit()
    many = counted(app, SUE)
    assert (few, many <= 12) == (many, True)


def counted(app: Flask, account_id: int) -> int:
    client, statements = browser(app, account_id), []
    with app.app_context():
        event.listen(db.engine, "before_cursor_execute", lambda *args: statements.append(args[2]))
    assert client.get("/").status_code == 200
    return len(statements)


def test_a_students_day_is_in_the_order_of_the_periods(app: Flask) -> None:
    with app.app_context():
        rows = [{"class_id": id_, "account_id": SUE, "position": 1000} for id_ in (12, 13)]
        db.session.execute(insert(Membership), rows)
        db.session.commit()
    for class_id, period in ((11, "10"), (12, ""), (13, "2")):
        change(app, class_id, period=period)
    page = browser(app, SUE).get("/").text
    assert classes(page)[1:] == [("My classes today", ["Maths 2", "Art", "Maths 1"])]
    assert "table-group" not in page
