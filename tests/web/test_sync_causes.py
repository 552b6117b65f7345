"""Warnings on the report by their cause: many of one cause are one line that opens."""

from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import insert

from sisportal.extensions import db
from sisportal.models import SyncWarning
from sisportal.models.database import writing
from tests.syncing.plans import make_connection, make_sync
from tests.web.watching import words


def test_one_missing_school_that_explains_two_hundred_warnings_is_one_line(app: Flask, ada: FlaskClient) -> None:
    with app.app_context():
        make_connection(db.engine)
        sync_id = make_sync(db.engine, 1)
        given = {"sync_id": sync_id, "stage": "prepare", "type": "student", "field": "school", "code": "unknown-school"}
        rows = [given | {"external_id": f"s{number}", "value": "lost"} for number in range(200)]
        rows += [given | {"external_id": "t1", "value": "other"}]
        rows += [
            given | {"external_id": f"m{number}", "code": "malformed-email", "value": f"a{number}"} for number in (1, 2)
        ]
        with writing(db.engine).begin() as connection:
            connection.execute(insert(SyncWarning), rows)

    page = ada.get(f"/syncs/{sync_id}")

    text = words(page)
    assert text.count("School that is not listed: lost 200 warnings") == 1
    assert text.count("School that is not listed: other 1 warning") == 1
    assert text.count("Not an e-mail address 2 warnings") == 1
    assert text.index("200 warnings") < text.index("2 warnings")
    assert "The student s0 belongs to a school that the SIS does not list (lost)." in text
    assert "The student s5 belongs" not in text
    assert "code=unknown-school&amp;q=lost" in page.text
