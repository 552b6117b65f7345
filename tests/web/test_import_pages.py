"""Importing in the browser: chosen, shown row by row, and written only when a person says so."""

import io
import re
from datetime import timedelta
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select
from werkzeug.test import TestResponse

from sisportal.extensions import db
from sisportal.models import Account, AuditEvent
from tests.fakes import FakeClock
from tests.web.conftest import browser
from tests.web.mirrored import Mirrored, rows_of, student
from tests.web.reading import messages, seen
from tests.web.test_partition import Divided
from tests.web.watching import queries, words

GOOD = "role,username,last_name,grade\nstudent,mia,Abel,9\nstudent,new,<b>Noor</b>x,\n".replace("<b>Noor</b>x", "Noor")
BAD = f"{GOOD}student,bad,,\npupil,worse,Bo,\n"


@pytest.fixture
def mirrored(app: Flask) -> Mirrored:
    made = Mirrored.of(app)
    made.linked(student("m", "Abel"), username="mia")
    return made


def choose(client: FlaskClient, text: str) -> TestResponse:
    return client.post("/import", data={"file": (io.BytesIO(text.encode()), "people.csv")})


def usernames(app: Flask) -> list[str]:
    with app.app_context():
        return list(db.session.scalars(select(Account.username).order_by(Account.id)))


def files(app: Flask) -> list[Path]:
    return sorted((app.extensions["settings"].data_dir / "imports").glob("*"))


def test_a_file_is_shown_then_imported(app: Flask, ada: FlaskClient, mirrored: Mirrored) -> None:
    chosen = choose(ada, GOOD.replace("grade", "grade,Shoe size"))
    assert chosen.status_code == 303
    page = ada.get(chosen.location)
    assert "New 1 Changed 1 As they are already 0 Bad rows 0" in words(page)
    assert "These columns are not read: Shoe size." in words(page)
    assert "Noor line 3 Field From the file" in words(page)
    changed = words(ada.get(f"{chosen.location}?show=edit"))
    assert "Abel, Mia line 2: Grade Field Now From the file Grade — 9" in changed
    assert usernames(app)[3:] == ["mia"]
    assert [oct(path.stat().st_mode)[-3:] for path in files(app)] == ["600"]

    done = ada.post(chosen.location, data=seen(page), follow_redirects=True)

    assert "1 accounts are made and 1 changed." in words(done)
    assert rows_of(done) == ["Noor"]
    assert usernames(app)[3:] == ["mia", "new"]
    assert files(app) == []
    with app.app_context():
        event = db.session.scalars(select(AuditEvent).order_by(AuditEvent.id.desc())).first()
    assert event is not None
    assert (event.event, event.actor, event.details) == (
        "accounts-imported", "ada@example.org", {"added": 1, "changed": 1, "left_out": 0},
    )  # fmt: skip


def test_bad_rows_are_listed_and_left_out_only_by_choice(app: Flask, ada: FlaskClient, mirrored: Mirrored) -> None:
    upload = choose(ada, BAD).location
    page = ada.get(upload)
    text = words(page)
    assert "Line 4 last_name Type a first or a last name." in text
    assert "Line 5 role A role is one of" in text
    assert "Import 2 good rows, leave 2 out" in text

    refused = ada.post(upload, data=seen(page), follow_redirects=True)
    assert "Some rows cannot be imported, so nothing was written." in words(refused)
    assert usernames(app)[3:] == ["mia"]
    done = ada.post(upload, data=seen(page) | {"skip_bad": "yes"}, follow_redirects=True)
    assert "2 bad rows were left out." in words(done)
    assert usernames(app)[3:] == ["mia", "new"]


def test_what_would_be_another_import_now_is_shown_again(app: Flask, ada: FlaskClient, mirrored: Mirrored) -> None:
    upload = choose(ada, GOOD).location
    page = ada.get(upload)
    ada.post("/accounts/new", data={"role": "student", "username": "new", "last_name": "Other"})

    answer = ada.post(upload, data=seen(page), follow_redirects=True)

    assert "The portal has changed since you were shown this, so nothing is written yet." in words(answer)
    assert "New 0 Changed 2" in words(answer)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [("", "The file is empty."), ("a,b\n", "The first line names no column"), ("username\n\x00", "no text has")],
)
def test_a_file_that_cannot_be_read_is_said_at_its_field(ada: FlaskClient, text: str, sentence: str) -> None:
    answer = choose(ada, text)
    assert answer.status_code == 422
    assert sentence in messages(answer)["file"]
    assert messages(ada.post("/import"))["file"] == "Choose a file."


def test_nothing_of_a_file_that_is_not_wanted_stays(app: Flask, ada: FlaskClient, mirrored: Mirrored) -> None:
    upload = choose(ada, GOOD).location
    ada.post(f"{upload}/drop")
    assert files(app) == []
    assert "The file is not kept any more" in words(ada.get(upload, follow_redirects=True))
    assert usernames(app)[3:] == ["mia"]


def test_a_file_is_kept_for_an_hour_and_for_whoever_chose_it(
    app: Flask, ada: FlaskClient, mirrored: Mirrored, clock: FakeClock
) -> None:
    upload = choose(ada, GOOD).location
    with app.app_context():
        db.session.add(
            Account(role="administrator", roles=[], username="eve", last_name="E", search="e", created_at=clock.now)
        )
        db.session.commit()
    other = browser(app, 5)
    assert other.get(upload).location == "/import"
    clock.now += timedelta(minutes=61)
    assert browser(app, 1).get(upload).location == "/import"
    choose(browser(app, 1), GOOD)
    assert len(files(app)) == 1


def test_a_viewer_and_a_teacher_import_nothing(ben: FlaskClient, tom: FlaskClient, nobody: FlaskClient) -> None:
    assert [client.get("/import").status_code for client in (ben, tom, nobody)] == [403, 404, 303]
    assert 'href="/import"' not in ben.get("/accounts").text


def test_an_organization_administrator_imports_into_that_part_only(app: Flask) -> None:
    with app.app_context():
        divided = Divided(db.engine)
    nora = browser(app, divided.somebody("organization-administrator", 1))
    lines = (
        "role,username,last_name,organization",
        "student,ok,Fine,North High",
        "student,elsewhere,X,South High",
        "viewer,viewer,X,North High",
        "student,nowhere,X,",
        "student,s,Taken,",
    )
    page = nora.get(choose(nora, "\n".join(lines)).location)
    found = re.findall(r'<tr><th scope="row">Line (\d)</th><td data-label="Column">(\w+)<', page.text)
    assert found == [("3", "organization"), ("4", "role"), ("5", "organization"), ("6", "username")]
    assert "Import 1 good row, leave 4 out" in words(page)


def test_one_row_and_fifty_take_the_same_queries(app: Flask, ada: FlaskClient, mirrored: Mirrored) -> None:
    counts = []
    for number in (1, 50):
        text = "role,username,last_name\n" + "".join(f"student,x{each},X\n" for each in range(number))
        upload = choose(ada, text).location
        ada.get(upload)
        with queries(app) as statements:
            ada.get(upload)
        counts.append(len(statements))
    assert counts[0] == counts[1]
    assert counts[0] <= 12
