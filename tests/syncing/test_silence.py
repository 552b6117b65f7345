"""Silence: told once for each time that nothing comes, shown while it lasts, and over when something comes."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import update

from sisportal.models import Alarm, SisConnection, Sync, SyncState
from sisportal.models.database import writing
from sisportal.sandbox.faults import Fault
from sisportal.syncing import running
from sisportal.syncing.automatic import run_due
from tests.fakes import FakeQueue
from tests.syncing.portal import WHO, Portal
from tests.syncing.test_automatic import HALF_PAST_FOUR, Night, days, finish

HOUR = timedelta(hours=1)


@pytest.fixture
def night(quick_portal: Portal) -> Night:
    night = Night(quick_portal)
    quick_portal.option("auto_sync", "04:30")
    return night


def alarms(portal: Portal) -> list[tuple[str, bool]]:
    """(kind, whether it lasts) of everything that was told."""
    return [(row.kind, row.ended_at is None) for row in portal.rows(Alarm)]


def told(night: Night) -> list[str]:
    return [text for _, kind, text in night.portal.notifications() if kind == "silent"]


def district_says(portal: Portal, **values: Any) -> None:
    """What the last sync read of the district."""
    with writing(portal.engine).begin() as connection:
        connection.execute(update(SisConnection).values(district={"id": "d", "state": "running"} | values))


def test_where_no_sync_succeeds_within_the_hours_of_grace_it_is_told_once(night: Night) -> None:
    (sync_id,) = night.look(HALF_PAST_FOUR)
    finish(night, sync_id)
    for hour in range(7):
        night.look(HALF_PAST_FOUR + hour * HOUR)
    assert told(night) == []

    for minutes in range(1, 600, 30):
        night.look(HALF_PAST_FOUR + 6 * HOUR + timedelta(minutes=minutes))

    (text,) = told(night)
    assert text == (
        "No sync of Clever has succeeded since one was due on 6 Oct 2026, 04:30. None has so far. "
        "Look at the last report. If none was even begun, see whether the portal's worker runs."
    )
    assert alarms(night.portal) == [("late", True)]
    assert night.portal.notifications()[-1][0] is None


def test_it_is_over_with_the_next_success_and_told_again_at_the_next_silence(night: Night) -> None:
    for number in range(3):
        for sync_id in night.look(HALF_PAST_FOUR + days(number)):
            finish(night, sync_id)
        night.look(HALF_PAST_FOUR + days(number) + 7 * HOUR)
    assert len(told(night)) == 1

    night.run(HALF_PAST_FOUR + days(3))
    night.look()
    assert alarms(night.portal) == [("late", False)]

    for sync_id in night.look(HALF_PAST_FOUR + days(4)):
        finish(night, sync_id)
    night.look(HALF_PAST_FOUR + days(4) + 7 * HOUR)
    assert [text.split(". ")[1] for text in told(night)] == [
        "None has so far",
        "The last one that did was on 9 Oct 2026, 04:30",
    ]
    assert alarms(night.portal) == [("late", True)]


def test_one_that_waits_for_a_worker_that_does_not_run_is_late(night: Night) -> None:
    night.look(HALF_PAST_FOUR)

    night.look(HALF_PAST_FOUR + 7 * HOUR)

    assert len(told(night)) == 1


def test_a_prepared_one_whose_commit_never_begins_is_late_too(night: Night) -> None:
    night.portal.option("auto_commit", "yes")
    (sync_id,) = night.look(HALF_PAST_FOUR)
    night.portal.try_prepare(sync_id)
    night.queue.sent.clear()

    night.look(HALF_PAST_FOUR + 7 * HOUR)

    assert alarms(night.portal) == [("late", True)]


def test_one_that_is_made_up_late_has_its_hours_from_when_it_began(night: Night) -> None:
    (sync_id,) = night.look(HALF_PAST_FOUR + 10 * HOUR)
    assert told(night) == []
    finish(night, sync_id)

    night.look(HALF_PAST_FOUR + 16 * HOUR + timedelta(minutes=1))

    assert len(told(night)) == 1


@pytest.mark.parametrize(("hours", "number"), [("1", 1), ("8", 0)])
def test_the_hours_of_grace_are_an_option(night: Night, hours: str, number: int) -> None:
    night.portal.option("alarm_hours", hours)
    (sync_id,) = night.look(HALF_PAST_FOUR)
    finish(night, sync_id)

    night.look(HALF_PAST_FOUR + 7 * HOUR)

    assert len(told(night)) == number


def test_a_connection_that_is_disabled_or_not_automatic_is_not_late(night: Night) -> None:
    running.set_enabled(night.portal.engine, 1, False, WHO, night.portal.now)
    night.look(HALF_PAST_FOUR + 30 * HOUR)
    running.set_enabled(night.portal.engine, 1, True, WHO, night.portal.now)
    night.portal.option("auto_sync", "off")
    night.look(HALF_PAST_FOUR + 80 * HOUR)

    assert told(night) == []


@pytest.mark.parametrize(("option", "number"), [("7", 1), ("30", 0), ("0", 0)])
def test_data_of_the_sis_that_is_older_than_the_days_is_told_once(
    quick_portal: Portal, option: str, number: int
) -> None:
    """Whether or not anything runs by itself."""
    night = Night(quick_portal)
    quick_portal.option("alarm_days", option)
    district_says(quick_portal, last_sync="2026-10-01T09:15:02.101Z")
    for hour in range(40):
        night.look(datetime.fromisoformat("2026-10-08T09:00+00:00") + hour * HOUR)

    assert len(told(night)) == number
    if number:
        assert told(night)[0].startswith(
            "Nothing new has come from Clever for more than 7 days: its newest data is from 1 Oct 2026, 11:15. "
        )


def test_newer_data_ends_it_and_old_age_is_told_again(night: Night) -> None:
    district_says(night.portal, last_sync="2026-09-20T09:15:02Z")
    night.look()
    district_says(night.portal, last_sync="2026-10-05T09:15:02Z")
    night.look()
    assert alarms(night.portal) == [("old", False)]

    for sync_id in night.look(night.portal.now + days(8)):
        finish(night, sync_id)

    assert alarms(night.portal) == [("old", True)]
    assert len(told(night)) == 2


@pytest.mark.parametrize("said", [{"last_sync": ""}, {"last_sync": "soon"}, {}])
def test_where_the_sis_does_not_say_how_old_its_data_is_nothing_is_told(night: Night, said: dict[str, str]) -> None:
    district_says(night.portal, **said)
    night.look()
    assert told(night) == []


def test_data_that_is_frozen_on_purpose_is_not_told_of(night: Night) -> None:
    district_says(night.portal, last_sync="2026-06-01T00:00:00Z", state="paused")
    night.look()
    assert told(night) == []


def test_of_files_the_last_upload_counts_however_often_it_was_read(quick_portal: Portal) -> None:
    night = Night(quick_portal)
    with writing(quick_portal.engine).begin() as connection:
        connection.execute(update(SisConnection).values(kind="csv", options={"alarm_days": "7", "auto_sync": "04:30"}))
        for file, age in (("old.zip", 20), ("new.zip", 6), ("new.zip", 5)):
            values = {"connection_id": 1, "mode": "full", "state": SyncState.FAILED, "request": {"file": file}}
            values |= {"created_at": quick_portal.now - days(age), "options_version": 1}
            connection.execute(Sync.__table__.insert().values(values))  # type: ignore[attr-defined]

    night.look()
    assert told(night) == []
    night.look(quick_portal.now + days(1) + HOUR)

    assert told(night)[0].startswith("Nothing new has come from OneRoster CSV for more than 7 days")
    assert alarms(quick_portal) == [("old", True)]


def test_several_clocks_tell_it_once(portal: Portal) -> None:
    night = Night(portal)
    district_says(portal, last_sync="2026-09-20T09:15:02Z")
    for _ in range(3):
        run_due(portal.engine, FakeQueue(), portal.now)

    assert len(told(night)) == 1


def test_a_failed_sync_says_what_to_do_and_silence_comes_on_top_only_later(night: Night) -> None:
    night.portal.served.sandbox.faults.add(Fault(name="status", path="/v3.1/users", status=403))
    night.run(HALF_PAST_FOUR)
    night.look(HALF_PAST_FOUR + 5 * HOUR)
    assert night.told() == ["failed"]

    night.look(HALF_PAST_FOUR + 7 * HOUR)

    assert night.told() == ["failed", "silent"]
