"""Organizations: made, changed, moved, archived; their profile, what the last commit changed, and their front pages."""

import math
import re
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select, update

from sisportal.config import PROJECT
from sisportal.extensions import db
from sisportal.models import Account, AuditEvent, Organization, Sync
from sisportal.roster.records import School, Section
from sisportal.syncing import settings
from sisportal.syncing.organizations import COLOURS
from tests.web.conftest import NOW
from tests.web.mirrored import NORTH, SOUTH, Mirrored, rows_of, student, teacher
from tests.web.watching import words


@pytest.fixture
def mirrored(app: Flask) -> Mirrored:
    """A commit that changed a student and a class of the north, archived another student, and touched the south not."""
    made = Mirrored.of(app)
    made.linked(student("m", "Abel"), changed_by_sync=1)
    made.linked(student("n", "Noor"), changed_by_sync=1, archived_at=NOW, archived_by_sync=1)
    made.linked(student("o", "Old"), changed_by_sync=None)
    made.linked(teacher("t", "Ueda"))
    made.linked(student("s", "Suarez", school=SOUTH))
    made.class_(Section("art", "Art", school=NORTH), changed_by_sync=1)
    made.class_(Section("bio", "Biology", school=NORTH))
    return made


def held(app: Flask, organization_id: int) -> dict[str, Any]:
    with app.app_context():
        row = db.session.execute(select(Organization.__table__).where(Organization.id == organization_id)).one()
        return dict(row._mapping)


def form(**values: Any) -> dict[str, str]:
    return {"name": "North High", "slug": "north", "parent": "", "sis_id": "", "welcome": "", "colour": ""} | values


def test_badges_count_what_the_last_commit_changed_and_lead_there(ada: FlaskClient, mirrored: Mirrored) -> None:
    page = ada.get("/organizations")
    assert "North High — 2 2 1 1 2 Active South High — 1 0 0 Active" in words(page)
    link = "/organizations/1/users?changed=last&amp;state=all&amp;role=student"
    assert f'href="{link}"' in page.text
    assert "2 learners changed by the last commit" in page.text
    assert rows_of(ada.get(link.replace("&amp;", "&"))) == ["Abel, Mia Changed", "Noor, Mia Changed"]
    assert rows_of(ada.get("/organizations/1/classes?changed=last")) == ["Art Changed"]
    assert ada.get("/organizations.csv").text.splitlines()[1] == "North High,,,2,1,2,active,2,0,1"


def test_a_later_commit_takes_the_badges_over(app: Flask, ada: FlaskClient, mirrored: Mirrored) -> None:
    mirrored.sync("prepared")
    assert "changed by the last commit" in ada.get("/organizations").text
    mirrored.sync("partly-committed")
    assert "changed by the last commit" not in ada.get("/organizations").text.replace("the last commit changed", "")
    with app.app_context():
        assert db.session.scalar(select(Sync.id).order_by(Sync.id.desc())) == 3


def test_the_tabs_list_users_and_classes_and_mark_what_was_changed(ada: FlaskClient, mirrored: Mirrored) -> None:
    assert rows_of(ada.get("/organizations/1/users")) == ["Abel, Mia Changed", "Old, Mia", "Ueda, Tom"]
    assert rows_of(ada.get("/organizations/1/users?role=teacher")) == ["Ueda, Tom"]
    assert rows_of(ada.get("/organizations/1/users?q=abel&state=all")) == ["Abel, Mia Changed"]
    assert rows_of(ada.get("/organizations/1/classes")) == ["Art Changed", "Biology"]
    assert rows_of(ada.get("/organizations/2/classes")) == []


def test_the_tree_shows_what_is_below_what(ada: FlaskClient, mirrored: Mirrored) -> None:
    ada.post("/organizations/new", data=form(name="Annex", slug="", parent="2"))
    page = words(ada.get("/organizations?view=tree"))
    assert "South High 1 learner, 0 teachers, 0 classes Annex 0 learners" in page


def test_an_organization_is_made_with_an_address_of_its_own(app: Flask, ada: FlaskClient, mirrored: Mirrored) -> None:
    answer = ada.post("/organizations/new", data=form(name="  St. Mary's  ", slug="", parent="1", colour="teal"))
    assert answer.location == "/organizations/3"
    found = held(app, 3)
    assert (found["name"], found["slug"], found["parent_id"], found["colour"], found["source"]) == (
        "St. Mary's", "st-marys", 1, "teal", "hand",
    )  # fmt: skip
    with app.app_context():
        assert db.session.scalars(select(AuditEvent.event)).all() == ["organization-made"]
    assert "North High \u203a Organization" in words(ada.get("/organizations/3"))


@pytest.mark.parametrize(
    ("entered", "sentence"),
    [
        ({"name": " "}, "Give it a name."),
        ({"name": "x" * 201}, "This is longer than 200 letters."),
        ({"name": "South HIGH"}, "Another organization in the same place has this name."),
        ({"slug": "south"}, "South High has this address already."),
        ({"slug": "No Good/"}, "Only small letters, digits and single dashes, such as north-high."),
        ({"parent": "1"}, "An organization cannot stand below itself."),
        ({"parent": "3"}, "An organization cannot stand below itself."),
        ({"parent": "99"}, "There is no such organization."),
        ({"colour": "url(x)"}, "Choose one of blue"),
        ({"welcome": "x" * 5_001}, "This is longer than 5,000 letters."),
    ],
)
def test_what_cannot_be_kept_is_said_at_its_field(
    app: Flask, ada: FlaskClient, mirrored: Mirrored, entered: dict[str, str], sentence: str
) -> None:
    ada.post("/organizations/new", data=form(name="Annex", slug="annex", parent="1"))
    before = held(app, 1)
    answer = ada.post("/organizations/1/edit", data=form(**entered))
    assert (answer.status_code, sentence in words(answer)) == (422, True)
    assert held(app, 1) == before


def test_an_organization_is_renamed_and_moved(app: Flask, ada: FlaskClient, mirrored: Mirrored) -> None:
    ada.post("/organizations/1/edit", data=form(name="Northern", parent="2", welcome="Hello\nyou"))
    found = held(app, 1)
    assert (found["name"], found["slug"], found["parent_id"], found["edited_at"]) == ("Northern", "north", 2, NOW)
    assert rows_of(ada.get("/organizations")) == ["South High", "Northern"]
    assert "like this already" in words(
        ada.post(
            "/organizations/1/edit", data=form(name="Northern", parent="2", welcome="Hello\nyou"), follow_redirects=True
        )
    )


def test_archiving_keeps_people_and_is_taken_back(app: Flask, ada: FlaskClient, mirrored: Mirrored) -> None:
    ada.post("/organizations/new", data=form(name="Annex", slug="annex"))
    ada.post("/organizations/3/archive")
    assert held(app, 3)["archived_at"] == NOW
    assert "Annex" in rows_of(ada.get("/organizations?state=archived"))
    assert ada.get("/o/annex").status_code == 404
    ada.post("/organizations/3/reactivate")
    assert held(app, 3)["archived_at"] is None


def test_what_others_stand_on_is_not_archived(app: Flask, ada: FlaskClient, mirrored: Mirrored) -> None:
    ada.post("/organizations/new", data=form(name="Top", slug="top"))
    ada.post("/organizations/new", data=form(name="Annex", slug="annex", parent="3"))
    assert "Other organizations are below it." in words(ada.post("/organizations/3/archive", follow_redirects=True))
    assert "A school of the SIS is mapped to it." in words(ada.post("/organizations/1/archive", follow_redirects=True))
    ada.post("/organizations/4/archive")
    ada.post("/organizations/3/archive")
    assert "is archived. Reactivate" in words(ada.post("/organizations/4/reactivate", follow_redirects=True))
    with mirrored.engine.begin() as connection:
        connection.execute(update(Organization).where(Organization.id == 4).values(parent_id=None))
    answer = ada.post("/organizations/4/edit", data=form(name="Annex", slug="annex", parent="3"))
    assert "That organization is archived." in words(answer)


def test_the_options_partition(app: Flask, ada: FlaskClient, ben: FlaskClient) -> None:
    assert "checked" not in ada.get("/organizations/options").text
    ada.post("/organizations/options", data={"partition": "yes"})
    assert "checked" in ada.get("/organizations/options").text
    ada.post("/organizations/options")
    with app.app_context():
        assert settings.read_setting(db.session.connection(), settings.PARTITION) is False
        events = ["organizations-partitioned", "organizations-not-partitioned"]
        assert db.session.scalars(select(AuditEvent.event).order_by(AuditEvent.id)).all() == events
    assert ben.post("/organizations/options").status_code == 403


def test_an_administrator_of_one_organization_is_added(app: Flask, ada: FlaskClient, mirrored: Mirrored) -> None:
    address = "/organizations/1/administrators/new"
    entered = {"first_name": "Nora", "last_name": "Nakamura", "email": "nora@example.org"}
    answer = ada.post(address, data=entered, follow_redirects=True)
    assert "Organization administrator · Active" in words(answer)
    with app.app_context():
        made = db.session.scalars(select(Account).where(Account.username == "nora@example.org")).one()
        assert (made.role, made.organization_id, made.password_hash) == ("organization-administrator", 1, None)
    assert "Nakamura, Nora" in words(ada.get("/organizations/1"))
    assert "has this address as its username already" in words(
        ada.post(address, data=entered | {"email": "NORA@example.org"})
    )
    wrong = ada.post(address, data={"first_name": "", "last_name": "x", "email": "nobody"})
    assert (wrong.status_code, "Type it." in words(wrong), "not an e-mail address" in words(wrong)) == (422, True, True)


def test_a_front_page_welcomes_everybody_and_signing_in_leads_back(
    app: Flask, ada: FlaskClient, nobody: FlaskClient, mirrored: Mirrored
) -> None:
    ada.post("/organizations/1/edit", data=form(welcome="<b>Hello</b>", colour="green"))
    page = nobody.get("/o/north")
    assert "North High <b>Hello</b> Sign in" in words(page)
    assert ("front-green" in page.text, "style=" in page.text) == (True, False)
    assert 'href="/sign-in?next=/o/north"' in page.text
    assert 'name="next" value="/o/north"' in nobody.get("/sign-in?next=/o/north").text
    assert "You are signed in as Ada Abara." in words(ada.get("/o/north"))
    assert nobody.get("/o/NORTH").status_code == 200
    assert "Then back to North High." in words(nobody.get("/sign-in?next=/o/north"))
    assert "Then back to" not in words(nobody.get("/sign-in?next=/o/nowhere"))


def test_a_front_page_offers_what_whoever_is_signed_in_may_do(
    ada: FlaskClient, tom: FlaskClient, nobody: FlaskClient, mirrored: Mirrored
) -> None:
    edit, sign_out = 'href="/organizations/1/edit"', 'action="/sign-out"'
    pages = [client.get("/o/north").text for client in (ada, tom, nobody)]
    assert [edit in page for page in pages] == [True, False, False]
    assert [sign_out in page for page in pages] == [True, True, False]


def test_a_school_that_is_archived_or_never_was_is_told_alike(
    app: Flask, nobody: FlaskClient, mirrored: Mirrored
) -> None:
    with app.app_context():
        db.session.execute(update(Organization).where(Organization.id == 1).values(archived_at=NOW))
        db.session.commit()
    pages = [nobody.get(path) for path in ("/o/north", "/o/nowhere")]
    assert [page.status_code for page in pages] == [404, 404]
    assert words(pages[0]) == words(pages[1])
    assert "There is no school at this address" in words(pages[0])


def luminance(colour: str) -> float:
    """WCAG's relative luminance of ``#fff``, ``#1d1d1d`` or ``oklch(50% 0.15 254)``."""
    if colour.startswith("#"):
        digits = colour[1:] if len(colour) == 7 else "".join(2 * each for each in colour[1:])
        parts = [int(digits[at : at + 2], 16) / 255 for at in (0, 2, 4)]
        linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    else:
        lightness, chroma, hue = (float(part.rstrip("%")) for part in colour[6:-1].split())
        a, b = chroma * math.cos(math.radians(hue)), chroma * math.sin(math.radians(hue))
        long, medium, short = (
            (lightness / 100 + x * a + y * b) ** 3
            for x, y in ((0.3963377774, 0.2158037573), (-0.1055613458, -0.0638541728), (-0.0894841775, -1.2914855480))
        )
        linear = [
            min(max(x * long + y * medium + z * short, 0.0), 1.0)
            for x, y, z in (
                (4.0767416621, -3.3077115913, 0.2309699292),
                (-1.2684380046, 2.6097574011, -0.3413193965),
                (-0.0041960863, -0.7034186147, 1.7076147010),
            )
        ]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("colour", COLOURS)
def test_a_schools_name_can_be_read_on_every_colour(colour: str) -> None:
    style = (PROJECT / "static" / "app.css").read_text()
    found = re.search(rf"front-{colour}\) {{ --front: (.+?); --front-ink: (.+?); }}", style)
    assert found
    darker, lighter = sorted(map(luminance, found.groups()))
    assert (lighter + 0.05) / (darker + 0.05) >= 4.5


def test_an_organizations_page_says_which_school_it_is(ada: FlaskClient, mirrored: Mirrored) -> None:
    mirrored.school(School("w", ""), "mapped", 1)
    page = ada.get("/organizations/1")
    assert "w (Clever), North High (Clever)" in words(page)
    assert 'href="/admin/sis/clever/schools/north"' in page.text


@pytest.mark.parametrize("part", ["", "/users", "/classes", "/edit"])
def test_an_organization_that_there_is_not_is_not_found(ada: FlaskClient, part: str) -> None:
    assert ada.get(f"/organizations/999{part}").status_code == 404


def test_a_viewer_looks_and_changes_nothing(ben: FlaskClient, mirrored: Mirrored) -> None:
    page = ben.get("/organizations/1").text
    assert ("Edit</a>" in page, "Archive</" in page, "Add administrator" in page) == (False, False, False)
    assert ben.post("/organizations/1/edit", data=form()).status_code == 403
