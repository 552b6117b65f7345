"""Configure: options with their help, refused values, and plans that become stale."""

from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import Engine, select

from sisportal.extensions import db
from sisportal.models import SisConnection
from sisportal.roster.options import as_texts, catalogue, defaults
from sisportal.web.sis_configure import GROUPS
from tests.syncing.plans import audited, make_connection, make_sync
from tests.web.watching import words

CONFIGURE = "/admin/sis/clever/configure"


@pytest.fixture
def engine(app: Flask) -> Engine:
    with app.app_context():
        make_connection(db.engine)
        return db.engine


def stored(engine: Engine) -> tuple[dict[str, str], int]:
    with engine.connect() as connection:
        row = connection.execute(select(SisConnection.options, SisConnection.options_version)).one()
        return row.options, row.options_version


def form(**changed: Any) -> dict[str, Any]:
    """What a browser sends of the page as it stands, with some fields changed; None leaves a box unticked."""
    texts: dict[str, Any] = {name: text.split(",") for name, text in as_texts(defaults()).items()} | changed
    boxes = {name: [] if value in (None, ["no"]) else value for name, value in texts.items()}
    return {**boxes, "named": list(catalogue())}


def test_every_option_has_its_place_on_the_page() -> None:
    assert sorted(name for _, names in GROUPS for name in names) == sorted(catalogue())


def test_every_option_is_shown_with_its_help(ada: FlaskClient, engine: Engine) -> None:
    text = words(ada.get(CONFIGURE))

    assert [entry.name for entry in catalogue().values() if entry.label not in text or entry.help not in text] == []


def test_saving_the_page_as_it_stands_changes_nothing(ada: FlaskClient, engine: Engine) -> None:
    before = stored(engine)

    assert "The options were like this already." in words(ada.post(CONFIGURE, data=form(), follow_redirects=True))
    assert stored(engine) == before


def test_options_are_stored_and_the_plan_that_waits_is_named(ada: FlaskClient, engine: Engine) -> None:
    sync_id = make_sync(engine, 1)
    assert f"Sync {sync_id} was prepared with these options." in words(ada.get(CONFIGURE))

    answer = ada.post(
        CONFIGURE,
        data=form(changes=["adds", "edits"], parent_child=None, guard_adds_percent="40"),
        follow_redirects=True,
    )

    options, version = stored(engine)
    assert (options["changes"], options["parent_child"], options["guard_adds_percent"], version) == (
        "adds,edits",
        "no",
        "40",
        2,
    )
    assert "The options are stored." in words(answer)
    assert f"Sync {sync_id} was prepared" not in words(answer)
    assert "Default: Adds, Edits, Deletes." in words(answer)
    assert list(audited(engine)) == [
        (
            "ada@example.org",
            "options-changed",
            {"changes": "adds,edits", "parent_child": "no", "guard_adds_percent": "40"},
        )
    ]
    assert "can no longer be committed" in words(ada.get(f"/syncs/{sync_id}"))


def test_the_time_of_automatic_syncs_is_a_field_for_a_time_which_empty_means_off(
    ada: FlaskClient, engine: Engine
) -> None:
    assert 'type="time" id="auto_sync" name="auto_sync" value=""' in ada.get(CONFIGURE).text
    ada.post(CONFIGURE, data=form(auto_sync="04:30", auto_commit="yes"))
    assert 'type="time" id="auto_sync" name="auto_sync" value="04:30"' in ada.get(CONFIGURE).text

    ada.post(CONFIGURE, data=form(auto_sync=""))

    assert stored(engine)[0]["auto_sync"] == "off"


def test_when_it_runs_by_itself_leaves_the_plan_that_waits_as_it_is(ada: FlaskClient, engine: Engine) -> None:
    sync_id = make_sync(engine, 1)

    ada.post(CONFIGURE, data=form(auto_sync="04:30", alarm_days="3"))

    assert "can no longer be committed" not in words(ada.get(f"/syncs/{sync_id}"))


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        ({"guard_adds_percent": "many"}, "Hold adds above (percent) is a whole number from 0 to 10000, not 'many'."),
        ({"items": None}, "Items to sync cannot be empty. Choose one or more of users, sections"),
        ({"match_students": "<script>"}, "Match students by cannot be '<script>'."),
        ({"alarm_hours": "0"}, "Tell when no sync has succeeded (hours) is a whole number from 1 to 72, not '0'."),
        ({"auto_sync": "25:00"}, "Automatic daily sync is off or a time of day such as 04:30, not '25:00'."),
    ],
)
def test_a_wrong_value_is_refused_with_what_is_possible_and_nothing_is_stored(
    ada: FlaskClient, engine: Engine, changed: dict[str, Any], sentence: str
) -> None:
    before = stored(engine)

    answer = ada.post(CONFIGURE, data=form(blended="yes", **changed))

    assert (answer.status_code, sentence in words(answer)) == (422, True)
    assert stored(engine) == before


def test_a_viewer_reads_the_options(ben: FlaskClient, engine: Engine) -> None:
    page = ben.get(CONFIGURE)

    assert ("Match students by Student ID" in words(page), "Save the options" in page.text) == (True, False)
    assert ben.post(CONFIGURE, data=form()).status_code == 403


def test_that_no_mail_can_be_sent_is_said_where_new_accounts_are_to_be_written_to(
    ada: FlaskClient, engine: Engine
) -> None:
    assert "No mail server is set" not in words(ada.get(CONFIGURE))

    ada.post(CONFIGURE, data=form(email_on_create=["yes"]))

    assert "what a commit writes waits" in words(ada.get(CONFIGURE))
