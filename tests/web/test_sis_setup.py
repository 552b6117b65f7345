"""Connecting Clever: the Setup screen, Test connection, stored secrets, and the choice of the school."""

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from sisportal.extensions import db
from sisportal.models import AuditEvent, SisConnection, SisSchool
from sisportal.sandbox.serving import Served
from tests.web.watching import words

CONNECT = "/admin/sis/clever/connect"


def kept(app: Flask) -> tuple[dict[str, str], dict[str, str]]:
    """Settings and secrets of the connection."""
    with app.app_context():
        row = db.session.scalars(select(SisConnection)).one()
        return row.settings, app.extensions["cipher"].decrypt(row.secrets)


def entered(sandbox: Served, **more: str) -> dict[str, str]:
    return {"base_url": sandbox.url, "login_url": sandbox.url, "token": sandbox.sandbox.token, **more}


def test_the_setup_screen_offers_what_can_be_connected(ada: FlaskClient, ben: FlaskClient) -> None:
    assert CONNECT in ada.get("/admin/sis").text
    assert CONNECT not in ben.get("/admin/sis").text
    assert ada.get("/admin/sis/nonsense/connect").status_code == 404


def test_testing_shows_the_district_and_stores_nothing(app: Flask, ada: FlaskClient, sandbox: Served) -> None:
    answer = ada.post(CONNECT, data=entered(sandbox, test="yes"), headers={"HX-Request": "true"})

    text = words(answer)
    assert ("Everything works" in text, sandbox.sandbox.district.name in text, "60 students." in text) == (True,) * 3
    assert "<form" not in answer.text
    with app.app_context():
        assert db.session.scalars(select(SisConnection)).all() == []
    assert "Everything works" in words(ada.post(CONNECT, data=entered(sandbox, test="yes")))


def test_a_wrong_token_is_told_and_what_to_check(ada: FlaskClient, sandbox: Served) -> None:
    answer = ada.post(CONNECT, data=entered(sandbox, token="wrong", test="yes"))

    assert "Something does not work" in words(answer)
    assert "token" in words(answer)


def test_connecting_keeps_the_token_encrypted_and_leads_to_the_schools(
    app: Flask, ada: FlaskClient, sandbox: Served
) -> None:
    answer = ada.post(CONNECT, data=entered(sandbox), follow_redirects=True)

    assert answer.request.path == "/admin/sis/clever/configure/school"
    assert [school.name in answer.text for school in sandbox.sandbox.district.schools] == [True] * 3
    assert kept(app) == (
        {"base_url": sandbox.url, "login_url": sandbox.url, "client_id": ""},
        {"token": sandbox.sandbox.token},
    )
    assert sandbox.sandbox.token not in ada.get(CONNECT).text
    with app.app_context():
        assert sandbox.sandbox.token not in (db.session.scalars(select(SisConnection.secrets)).one() or "")
        assert sandbox.sandbox.token not in str(db.session.scalars(select(AuditEvent.details)).all())


def test_a_blank_token_keeps_the_stored_one_but_not_for_another_address(
    app: Flask, ada: FlaskClient, sandbox: Served
) -> None:
    ada.post(CONNECT, data=entered(sandbox))

    same = ada.post(CONNECT, data=entered(sandbox, token=""))
    other = ada.post(CONNECT, data=entered(sandbox, token="", base_url="https://elsewhere.example.org"))

    assert (same.status_code, other.status_code) == (303, 422)
    assert "Enter the district's token" in words(other)
    assert kept(app)[1] == {"token": sandbox.sandbox.token}


def test_saving_what_is_stored_already_leaves_plans_as_they_are(app: Flask, ada: FlaskClient, sandbox: Served) -> None:
    def version() -> int:
        with app.app_context():
            return db.session.scalars(select(SisConnection.options_version)).one()

    ada.post(CONNECT, data=entered(sandbox))
    before = version()

    same = ada.post(CONNECT, data=entered(sandbox, token=""), follow_redirects=True)
    after = version()
    ada.post(CONNECT, data=entered(sandbox))

    assert "Nothing was changed." in words(same)
    assert (after == before, version() > before) == (True, True)


def test_a_client_secret_takes_the_place_of_the_token(app: Flask, ada: FlaskClient, sandbox: Served) -> None:
    ada.post(CONNECT, data=entered(sandbox))
    ada.post(CONNECT, data=entered(sandbox, token="", client_id="app", client_secret="secret"))

    assert kept(app)[1] == {"client_secret": "secret"}
    assert kept(app)[0]["client_id"] == "app"


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        ({"token": ""}, "Enter the district's token, or a client ID and its secret below."),
        ({"token": "", "client_id": "app"}, "Enter the client secret that belongs to this client ID."),
        ({"base_url": "javascript:alert(1)"}, "The address entered is not one that can be read."),
        ({"token": "x" * 3000}, "This is longer than 2,000 letters."),
    ],
)
def test_what_cannot_be_used_is_refused_with_the_fields_message(
    app: Flask, ada: FlaskClient, sandbox: Served, changed: dict[str, str], sentence: str
) -> None:
    answer = ada.post(CONNECT, data=entered(sandbox) | changed)

    assert (answer.status_code, sentence in words(answer)) == (422, True)
    with app.app_context():
        assert db.session.scalars(select(SisConnection)).all() == []


def test_one_school_is_chosen_and_the_others_are_left_out(app: Flask, ada: FlaskClient, sandbox: Served) -> None:
    ada.post(CONNECT, data=entered(sandbox))
    with app.app_context():
        ids = list(db.session.scalars(select(SisSchool.source_id).order_by(SisSchool.source_id)))
    url = "/admin/sis/clever/configure/school"

    answer = ada.post(url, data={"school": ids[1]}, follow_redirects=True)

    assert answer.request.path == "/admin/sis/clever/status"
    with app.app_context():
        found = db.session.execute(select(SisSchool.source_id, SisSchool.mapping, SisSchool.organization_id))
        assert sorted(tuple(row) for row in found) == [
            (ids[0], "ignored", None),
            (ids[1], "mapped", None),
            (ids[2], "ignored", None),
        ]
    assert ada.post(url, data={"school": "nonsense"}).status_code == 422
    assert "Choose one of the schools." in words(ada.post(url, data={}))


def test_the_list_of_schools_is_read_again_or_says_why_not(app: Flask, ada: FlaskClient, sandbox: Served) -> None:
    ada.post(CONNECT, data=entered(sandbox))
    url = "/admin/sis/clever/configure/schools"

    assert "The list of schools was read again." in words(ada.post(url, follow_redirects=True))
    sandbox.sandbox.access.district_token = "changed"
    assert "read again" not in words(ada.post(url, follow_redirects=True)).split("Choose")[0]
