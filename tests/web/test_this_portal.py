"""The page of the portal's name and time zone, which the set-up asked for first."""

from datetime import UTC, datetime, time

import pytest
from flask import Flask
from flask.testing import FlaskClient

from sisportal.extensions import db
from sisportal.models.database import writing
from sisportal.roster.options import with_option
from sisportal.syncing import timetable
from sisportal.syncing.connections import change_options, load
from tests.fakes import FakeClock
from tests.syncing.plans import make_connection
from tests.web.watching import words

PAGE = "/admin/portal"
CHANGED = {"name": "Lincoln Unified", "timezone": "America/Chicago"}


def test_an_administrator_gives_the_portal_another_name_and_time_zone(ada: FlaskClient) -> None:
    before = ada.get(PAGE)
    assert 'value="SIS Portal"' in before.text
    assert '<option value="UTC" selected>' in before.text

    page = ada.post(PAGE, data=CHANGED, follow_redirects=True)

    assert "It is stored." in words(page)
    assert "Portal · Lincoln Unified" in page.text
    assert '<option value="America/Chicago" selected>' in page.text
    assert "name: Lincoln Unified, timezone: America/Chicago" in words(ada.get("/audit"))
    assert "Nothing was changed." in words(ada.post(PAGE, data=CHANGED, follow_redirects=True))


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("name", "   ", "Name the portal."),
        ("name", "x" * 256, "At most"),
        ("timezone", "Mars/Olympus", "Choose one of the list."),
        ("timezone", "", "Choose one of the list."),
    ],
)
def test_what_cannot_be_a_name_or_a_zone_is_refused_beside_its_field(
    ada: FlaskClient, field: str, value: str, message: str
) -> None:
    answer = ada.post(PAGE, data=CHANGED | {field: value})

    assert (answer.status_code, message in words(answer)) == (422, True)
    assert 'value="SIS Portal"' in ada.get(PAGE).text


def test_a_viewer_reads_them_and_changes_nothing(ben: FlaskClient) -> None:
    page = ben.get(PAGE)

    assert "Time zone UTC" in words(page)
    assert "<select" not in page.text
    assert ben.post(PAGE, data=CHANGED).status_code == 403


def test_the_daily_sync_comes_at_its_time_of_the_new_zone_and_makes_nothing_up_for_the_change(
    app: Flask, ada: FlaskClient, clock: FakeClock
) -> None:
    with app.app_context():
        connection_id = make_connection(db.engine)
        with db.engine.connect() as connection:
            options = load(connection, connection_id).options
        change_options(db.engine, connection_id, with_option(options, "auto_sync", "04:30"), clock.now)
    assert "The daily sync comes at the same time of day of the new zone" in words(ada.get(PAGE))

    ada.post(PAGE, data=CHANGED)

    with app.app_context(), writing(db.engine).begin() as connection:
        row = timetable.current(connection, connection_id, time(4, 30), clock.now)
        zone = timetable.portal_zone(connection)
    assert (row.setting, row.handled_until) == ("04:30 America/Chicago", clock.now)
    assert "04:30 (America/Chicago)" in words(ada.get("/admin/sis/clever/status"))
    assert datetime.combine(clock.now.date(), time(4, 30), zone).astimezone(UTC).hour in {9, 10}
