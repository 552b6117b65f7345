"""Mapping schools to organizations on a page: suggested, created, changed later, and what it would archive said before."""

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import Engine, insert, select, update

from sisportal.extensions import db
from sisportal.models import Account, AccountLink, Organization, SisConnection, SisPerson, SisSchool, Sync
from sisportal.models.database import writing
from tests.syncing.plans import NOW, make_connection, make_sync
from tests.web.watching import words

PAGE = "/admin/sis/clever/configure/mapping"


@pytest.fixture
def engine(app: Flask) -> Engine:
    """Two schools that nobody has mapped, and an organization of the name of one of them."""
    with app.app_context():
        make_connection(db.engine)
        with writing(db.engine).begin() as connection:
            school = {"connection_id": 1, "source_id": "south", "payload": {}, "name": "Southside", "sis_id": "S"}
            connection.execute(insert(SisSchool).values(school))
            connection.execute(update(SisSchool).values(mapping="unmapped"))
            given = {"id": 7, "name": "southside", "slug": "southside", "created_at": NOW}
            connection.execute(insert(Organization).values(given))
        return db.engine


def mapped(engine: Engine) -> dict[str, tuple[str, str | None]]:
    """School -> its mapping and the name of its organization."""
    statement = select(SisSchool.source_id, SisSchool.mapping, Organization.name)
    with engine.connect() as connection:
        rows = connection.execute(statement.outerjoin(Organization, Organization.id == SisSchool.organization_id))
        return {row[0]: (row[1], row[2]) for row in rows}


def save(ada: FlaskClient, north: str, south: str, **more: str) -> str:
    return words(ada.post(PAGE, data={"school-north": north, "school-south": south} | more, follow_redirects=True))


def test_an_organization_of_equal_name_is_suggested_and_the_rest_can_be_created(
    ada: FlaskClient, engine: Engine
) -> None:
    page = ada.get(PAGE)
    assert "Suggested: the names are equal." in words(page)
    assert '<option value="7" selected>southside</option>' in page.text
    assert '<option value="new" selected>Create it: Northside</option>' in page.text

    stored = save(ada, "new", "7")
    assert "The mapping is stored. The first sync can start now." in stored
    assert "Sync now" in stored

    assert mapped(engine) == {"north": ("mapped", "Northside"), "south": ("mapped", "southside")}
    assert "The mapping was so already." in save(ada, "8", "7")


def test_what_leaving_a_school_out_would_archive_is_said_before_it_is_saved(ada: FlaskClient, engine: Engine) -> None:
    save(ada, "new", "7")
    with writing(engine).begin() as connection:
        for number in range(3):
            person = {
                "connection_id": 1,
                "source_id": f"s{number}",
                "role": "student",
                "school": "south",
                "fingerprint": 1,
            }
            connection.execute(insert(SisPerson).values(payload={}, search="", **person))
            account = {"id": 50 + number, "role": "student", "roles": [], "username": f"s{number}", "created_at": NOW}
            connection.execute(insert(Account).values(account))
            link = {"connection_id": 1, "source_id": f"s{number}", "account_id": 50 + number, "written": {}}
            connection.execute(insert(AccountLink).values(link))

    text = save(ada, "8", "")
    assert "Nothing is stored yet" in text
    assert "Southside: 3 accounts" in text
    assert mapped(engine)["south"] == ("mapped", "southside")

    save(ada, "8", "", sure="yes")
    assert mapped(engine)["south"] == ("ignored", None)


def test_two_schools_cannot_be_one_organization_and_one_that_is_gone_cannot_be_chosen(
    ada: FlaskClient, engine: Engine
) -> None:
    assert "Two schools cannot be one organization." in save(ada, "7", "7")
    assert "is not there any more" in save(ada, "new", "99")
    assert {state for state, _ in mapped(engine).values()} == {"unmapped"}


def test_the_one_school_of_a_portal_becomes_an_organization_when_others_join_it(
    ada: FlaskClient, engine: Engine
) -> None:
    with writing(engine).begin() as connection:
        connection.execute(update(SisSchool).where(SisSchool.source_id == "north").values(mapping="mapped"))

    assert "The whole portal, as now" in words(ada.get(PAGE))
    assert "no school can be the whole portal" in save(ada, "whole", "7")
    save(ada, "new", "7")

    assert mapped(engine) == {"north": ("mapped", "Northside"), "south": ("mapped", "southside")}


def test_a_viewer_sees_the_mapping_and_cannot_change_it(ben: FlaskClient, engine: Engine) -> None:
    assert "Save the mapping" not in words(ben.get(PAGE))
    assert ben.post(PAGE, data={}).status_code == 403


def test_what_another_mapping_does_is_said_only_of_what_is_there(ada: FlaskClient, engine: Engine) -> None:
    assert "With another mapping" not in words(ada.get(PAGE))
    save(ada, "new", "7")
    assert "With another mapping" not in words(ada.get(PAGE))

    sync_id = make_sync(engine, 1)
    assert f"Sync {sync_id} waits for review. With another mapping it can no longer be committed" in words(
        ada.get(PAGE)
    )

    with writing(engine).begin() as connection:
        connection.execute(update(Sync).values(state="committed"))
        connection.execute(update(SisConnection).values(committed_sync_id=sync_id))
    assert "The mapping is stored. The next sync compares every record again." in save(ada, "8", "")
    text = words(ada.get(PAGE))
    assert "waits for review" not in text
    assert "With another mapping, the next sync compares every record again" in text
