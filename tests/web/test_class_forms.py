"""Classes by hand: made, changed and archived; who is in them; parents and sessions; by whom it may be."""

from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import insert, select, update

from sisportal.extensions import db
from sisportal.models import AuditEvent, ClassLink, Membership, SchoolClass
from sisportal.models.database import writing
from sisportal.roster.records import Section
from tests.web.conftest import browser
from tests.web.mirrored import NORTH, SOUTH, Mirrored, rows_of, student, teacher
from tests.web.reading import messages, sent_by
from tests.web.test_partition import Divided
from tests.web.watching import queries, words

NEW = {"name": "Pottery", "code": "ART-2", "style": "blended", "start": "2026-09-01", "finish": "2027-06-11"}


@pytest.fixture
def mirrored(app: Flask) -> Mirrored:
    return Mirrored.of(app)


@pytest.fixture
def art(mirrored: Mirrored) -> int:
    """A class of the north with a teacher and a student, whom a sync put in."""
    tia, mia = mirrored.linked(teacher("t", "Ueda", "Tia")), mirrored.linked(student("m", "Abel"))
    mirrored.linked(student("n", "Noor", "Ann"))
    mirrored.linked(teacher("u", "Vance", "Uma"))
    art = mirrored.class_(
        Section("art", "Art", school=NORTH, teachers=("t",), students=("m",)), ((tia, 0), (mia, 1000))
    )
    with mirrored.engine.begin() as connection:
        connection.execute(update(ClassLink).values(written={"name": "Art", "teachers": ["t"], "students": ["m"]}))
    return art


def stored(app: Flask, class_id: int) -> SchoolClass:
    with app.app_context():
        return db.session.scalars(select(SchoolClass).where(SchoolClass.id == class_id)).one()


def put(app: Flask, class_id: int, **values: Any) -> None:
    with app.app_context(), writing(db.engine).begin() as connection:
        connection.execute(update(SchoolClass).where(SchoolClass.id == class_id).values(values))


def places(app: Flask, class_id: int) -> list[tuple[int, int, int | None]]:
    """(account, position, ended by) of everybody who is or was in the class."""
    with app.app_context():
        rows = db.session.scalars(
            select(Membership)
            .where(Membership.class_id == class_id)
            .order_by(Membership.position, Membership.account_id)
        )
        return [(row.account_id, row.position, row.ended_by_sync) for row in rows]


def audited(app: Flask) -> list[tuple[str, str, Any]]:
    with app.app_context():
        rows = db.session.scalars(select(AuditEvent).order_by(AuditEvent.id))
        return [(row.event, row.subject, row.details) for row in rows]


def form(client: FlaskClient, class_id: int) -> dict[str, str]:
    return sent_by(client.get(f"/classes/{class_id}/edit"))


def act(client: FlaskClient, class_id: int, what: str, account_id: int, part: str = "student") -> Any:
    sent = {"account": account_id, "part": part}
    return client.post(f"/classes/{class_id}/people/{what}", data=sent, follow_redirects=True)


def test_a_class_is_made_and_found(app: Flask, ada: FlaskClient, mirrored: Mirrored) -> None:
    made = ada.post("/classes/new", data=NEW | {"organization": "1"})

    assert (made.status_code, made.location) == (303, "/classes/1/people")
    row = stored(app, 1)
    assert (row.source, row.style, row.organization_id, row.session_key) == ("hand", "blended", 1, "")
    assert rows_of(ada.get("/classes?q=pottery art-2")) == ["Pottery"]
    assert audited(app) == [("class-made", "Pottery", {})]


@pytest.mark.parametrize(
    ("entered", "field", "sentence"),
    [
        ({"name": " "}, "name", "Give the class a name."),
        ({"name": "x" * 201}, "name", "This is longer than 200 letters."),
        ({"name": "<b>Art</b>"}, "name", "This looks like a piece of a web page."),
        ({"start": "next week"}, "start", "This is no day of the calendar"),
        ({"finish": "2026-08-31"}, "finish", "The class would finish before it starts."),
        ({"style": "outdoors"}, "style", "Choose how the class is held."),
        ({"organization": "99"}, "organization", "There is no such organization, or it is archived."),
    ],
)
def test_what_cannot_be_kept_is_said_at_its_field(
    ada: FlaskClient, mirrored: Mirrored, entered: dict[str, str], field: str, sentence: str
) -> None:
    answer = ada.post("/classes/new", data=NEW | {"organization": "1"} | entered)
    assert (answer.status_code, list(messages(answer))) == (422, [field])
    assert sentence in words(answer)
    assert rows_of(ada.get("/classes")) == []


def test_a_finish_is_held_against_the_start_that_is_there(app: Flask, ada: FlaskClient, art: int) -> None:
    put(app, art, start="2026-09-01")
    answer = ada.post(f"/classes/{art}/edit", data=form(ada, art) | {"finish": "2026-08-01"})
    assert list(messages(answer)) == ["finish"]


def test_a_change_is_kept_and_what_changed_meanwhile_is_told(app: Flask, ada: FlaskClient, art: int) -> None:
    untouched = ada.post(f"/classes/{art}/edit", data=form(ada, art), follow_redirects=True)
    assert "It was like this already." in words(untouched)
    assert stored(app, art).edited_at is None
    sent = form(ada, art)
    ada.post(f"/classes/{art}/edit", data=sent | {"name": "Fine art", "style": "self-paced"})
    assert (stored(app, art).name, stored(app, art).search) == ("Fine art", "fine art")
    assert audited(app) == [("class-changed", "Art", {"fields": "name, style"})]

    answer = ada.post(f"/classes/{art}/edit", data=sent | {"period": "2"})

    assert answer.status_code == 409
    assert "Name Fine art Art" in words(answer)
    assert stored(app, art).period == ""


def test_a_class_is_archived_and_reactivated(app: Flask, ada: FlaskClient, art: int) -> None:
    ada.post(f"/classes/{art}/archive")
    assert (stored(app, art).archived_at is not None, stored(app, art).archived_by_sync) == (True, None)
    assert "by a person" in words(ada.get(f"/classes/{art}"))
    ada.post(f"/classes/{art}/reactivate")
    assert stored(app, art).archived_at is None
    assert [event for event, _, _ in audited(app)] == ["class-archived", "class-reactivated"]


def test_people_are_found_and_put_in(app: Flask, ada: FlaskClient, art: int) -> None:
    assert rows_of(ada.get(f"/classes/{art}/people?q=ann"))[:1] == ["Noor, Ann"]
    assert "Nobody found" in words(ada.get(f"/classes/{art}/people?q=abel"))
    assert "Vance, Uma" in rows_of(ada.get(f"/classes/{art}/people?part=teacher&q=uma"))

    act(ada, art, "put-in", 6)
    act(ada, art, "put-in", 7, "teacher")

    assert places(app, art) == [(4, 0, None), (7, 1, None), (5, 1000, None), (6, 1000, None)]
    page = words(ada.get(f"/classes/{art}/people"))
    assert "Vance, Uma Put in by hand Co-teacher" in page
    assert "Noor, Ann Put in by hand Student" in page
    assert "Abel, Mia Student" in page
    assert audited(app)[0] == ("class-joined", "Art", {"account": 6, "part": "student"})
    assert "It was like this already." in words(act(ada, art, "put-in", 6))


def test_people_are_taken_out_and_put_back(app: Flask, ada: FlaskClient, art: int) -> None:
    act(ada, art, "take-out", 5)
    assert places(app, art) == [(4, 0, None), (5, 1000, 0)]
    page = words(ada.get(f"/classes/{art}/people"))
    assert "Abel, Mia Student Taken out by hand; the SIS had them in it at the last commit" in page
    act(ada, art, "put-in", 5)
    assert places(app, art) == [(4, 0, None), (5, 1000, None)]
    assert [event for event, _, _ in audited(app)] == ["class-left", "class-joined"]


def test_the_order_of_teachers_is_a_persons_to_say(app: Flask, ada: FlaskClient, art: int) -> None:
    act(ada, art, "put-in", 7, "teacher")
    act(ada, art, "put-in", 3, "teacher")
    act(ada, art, "lead", 3)
    assert places(app, art)[:3] == [(3, 0, None), (4, 1, None), (7, 2, None)]
    act(ada, art, "move-up", 7)
    assert places(app, art)[:3] == [(3, 0, None), (7, 1, None), (4, 2, None)]
    assert [event for event, _, _ in audited(app)][2:] == ["teachers-ordered", "teachers-ordered"]
    act(ada, art, "take-out", 3)
    assert [place for place in places(app, art) if place[2] is None][:2] == [(7, 0, None), (4, 1, None)]


def test_students_do_not_teach_and_teachers_do_not_attend(app: Flask, ada: FlaskClient, art: int) -> None:
    for account, part in ((6, "teacher"), (7, "student")):
        assert "Students attend classes, and everybody else teaches them." in words(
            act(ada, art, "put-in", account, part)
        )
    put(app, art, archived_at=stored(app, art).created_at)
    assert "The class is archived. Reactivate it first." in words(act(ada, art, "put-in", 6))
    assert len(places(app, art)) == 2


class TestSessions:
    """A class under a parent: by hand, and not moved from there by any sync."""

    @pytest.fixture
    def music(self, mirrored: Mirrored) -> int:
        return mirrored.class_(Section("mus", "Music", school=NORTH), session_key="1|4|music")

    def test_a_class_gets_a_parent_of_its_own_and_another_joins(
        self, app: Flask, ada: FlaskClient, art: int, music: int
    ) -> None:
        ada.post(f"/classes/{music}/make-parent")
        parent = stored(app, music).parent_id
        assert parent is not None
        made = stored(app, parent)
        assert (made.name, made.is_parent, made.source, made.organization_id) == ("Music", True, "hand", 1)
        assert stored(app, music).session_key == ""

        assert rows_of(ada.get(f"/classes/{art}/family")) == ["Music"]
        ada.post(f"/classes/{art}/attach", data={"other": parent})
        assert rows_of(ada.get(f"/classes/{parent}"))[:2] == ["Art", "Music"]

    def test_a_parent_goes_with_its_last_session_and_comes_back_with_one(
        self, app: Flask, ada: FlaskClient, mirrored: Mirrored, music: int
    ) -> None:
        ada.post(f"/classes/{music}/make-parent")
        parent = stored(app, music).parent_id or 0
        assert "It has sessions." in words(ada.post(f"/classes/{parent}/archive", follow_redirects=True))
        ada.post(f"/classes/{music}/archive")
        assert (stored(app, parent).archived_at is not None, stored(app, parent).archived_by_sync) == (True, 0)
        ada.post(f"/classes/{music}/reactivate")
        assert (stored(app, parent).archived_at, stored(app, parent).archived_by_sync) == (None, None)
        ada.post(f"/classes/{music}/detach")
        assert (stored(app, music).parent_id, stored(app, parent).archived_at is not None) == (None, True)
        told = ["parent-made", "session-attached", "class-archived", "class-reactivated", "session-detached"]
        assert [event for event, _, _ in audited(app)] == told

    def test_a_parent_is_of_the_same_organization_and_no_session(
        self, app: Flask, ada: FlaskClient, mirrored: Mirrored, music: int
    ) -> None:
        south = mirrored.class_(Section("par", "South", school=SOUTH), is_parent=True)
        north = mirrored.class_(Section("pan", "North", school=NORTH), is_parent=True)
        assert rows_of(ada.get(f"/classes/{music}/family")) == ["North"]
        answer = ada.post(f"/classes/{music}/attach", data={"other": south}, follow_redirects=True)
        assert "A parent and its sessions are of one organization." in words(answer)
        answer = ada.post(f"/classes/{north}/attach", data={"other": south}, follow_redirects=True)
        assert "a parent cannot be a session itself" in words(answer)
        ada.post(f"/classes/{music}/attach", data={"other": north})
        moved = ada.post(f"/classes/{music}/edit", data=form(ada, music) | {"organization": "2"})
        assert list(messages(moved)) == ["organization"]

    def test_a_new_session_takes_after_its_parent(self, app: Flask, ada: FlaskClient, mirrored: Mirrored) -> None:
        parent = mirrored.class_(Section("par", "Chemistry", school=NORTH, grade="10"), is_parent=True)
        sent = sent_by(ada.get(f"/classes/new?parent={parent}"))
        assert (sent["name"], sent["grade"], sent["organization"]) == ("Chemistry", "10", "1")
        made = ada.post("/classes/new", data=sent | {"period": "3"})
        assert made.status_code == 303
        assert rows_of(ada.get(f"/classes/{parent}")) == ["Chemistry"]


class TestOrganizationAdministrator:
    """Nora manages the classes of the north, and sees its people only."""

    @pytest.fixture
    def divided(self, app: Flask) -> Divided:
        with app.app_context():
            return Divided(db.engine)

    @pytest.fixture
    def nora(self, app: Flask, divided: Divided) -> FlaskClient:
        return browser(app, divided.somebody("organization-administrator", 1))

    def test_manages_the_classes_of_that_part(self, nora: FlaskClient, divided: Divided) -> None:
        assert nora.post("/classes/new", data=NEW | {"organization": "3"}).status_code == 303
        assert nora.post("/classes/new", data=NEW | {"organization": "2"}).status_code == 422
        assert nora.post("/classes/new", data=NEW | {"organization": ""}).status_code == 422
        assert nora.post(f"/classes/{divided.art}/archive").status_code == 303
        for what in ("archive", "edit", "attach", "people/put-in"):
            assert nora.post(f"/classes/{divided.sculpture}/{what}", data=NEW).status_code == 404, what

    def test_puts_in_nobody_of_elsewhere(self, nora: FlaskClient, divided: Divided) -> None:
        sent = {"account": divided.suarez, "part": "student"}
        assert nora.post(f"/classes/{divided.art}/people/put-in", data=sent).status_code == 404
        assert "Suarez" not in nora.get(f"/classes/{divided.art}/people?q=suarez").text.replace('value="suarez"', "")

    def test_a_viewer_finds_no_button(self, ben: FlaskClient, divided: Divided) -> None:
        for address in ("/classes", f"/classes/{divided.art}"):
            page = words(ben.get(address))
            assert [word for word in ("New class", "Edit", "Change people") if word in page] == []


def test_one_person_and_fifty_take_the_same_queries(app: Flask, ada: FlaskClient, mirrored: Mirrored, art: int) -> None:
    paths = [f"/classes/{art}", f"/classes/{art}/people?q=mia", f"/classes/{art}/family", f"/classes/{art}/edit"]
    counts: list[int] = []
    for names in (range(1), range(50)):
        with mirrored.engine.begin() as connection:
            connection.execute(update(ClassLink).values(written={"students": [f"x{number}" for number in names]}))
        for number in names[bool(counts) :]:
            someone = mirrored.linked(student(f"x{number}", "Mia"))
            with mirrored.engine.begin() as connection:
                connection.execute(insert(Membership), [{"class_id": art, "account_id": someone, "position": 1000}])
        for path in paths:
            ada.get(path)
            with queries(app) as statements:
                ada.get(path)
            counts.append(len(statements))
    assert counts[:4] == counts[4:]
    assert max(counts) <= 12


def test_a_pinned_place_says_what_the_sis_says(app: Flask, ada: FlaskClient, art: int, mirrored: Mirrored) -> None:
    mirrored.section(Section("art", "Art", school=NORTH, teachers=("t",), students=("m",)))
    act(ada, art, "take-out", 5)
    page = words(ada.get(f"/classes/{art}"))
    assert "Student Abel, Mia Not in the class In the class 3 Nov 2026, 13:05 by ada@example.org Release" in page


def test_a_search_that_finds_many_shows_ten_and_says_so(ada: FlaskClient, mirrored: Mirrored, art: int) -> None:
    for number in range(11):
        mirrored.linked(student(f"x{number}", "Many"))
    page = ada.get(f"/classes/{art}/people?q=many")
    assert rows_of(page).count("Many, Mia") == 10
    assert "More have that, too. Type more of the name." in words(page)
