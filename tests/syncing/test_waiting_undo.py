"""An undo that waits for review is not replaced by what starts by itself: that waits, says so once, and is made up (SPEC 6.7, 8.3)."""

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from sisportal.models import SyncState
from sisportal.sandbox.serving import Served
from sisportal.syncing import running
from sisportal.syncing.review import tick, tick_roster
from sisportal.syncing.staleness import why_stale
from tests.syncing.portal import WHO, Portal
from tests.syncing.test_automatic import HALF_PAST_FOUR, Night, days
from tests.syncing.test_watched import Dropping

EVENING = HALF_PAST_FOUR - timedelta(hours=10)


@pytest.fixture
def night(quick_portal: Portal) -> Night:
    """A portal that holds the district, and whose administrator planned to undo that in the evening."""
    night = Night(quick_portal)
    quick_portal.option("auto_sync", "04:30")
    quick_portal.now = EVENING - timedelta(hours=1)
    quick_portal.sync_all()
    quick_portal.now = EVENING
    quick_portal.prepare_undo(1)
    return night


UNDO = 2


def told(night: Night) -> list[str]:
    return [text for _, kind, text in night.portal.notifications() if kind == "held" and "put off" in text]


def looks(night: Night, start: datetime, end: datetime) -> list[int]:
    """What the clock starts between two moments, asked every hour."""
    started = []
    while start < end:
        started += night.look(start)
        start += timedelta(hours=1)
    return started


def test_it_stays_as_it_was_and_what_waits_for_it_says_so_once(night: Night) -> None:
    action_id = next(iter(night.portal.actions(UNDO).values())).id
    tick(night.portal.engine, UNDO, [action_id], False, WHO, EVENING)

    assert looks(night, HALF_PAST_FOUR, HALF_PAST_FOUR + days(3)) == []

    undo = night.portal.sync(UNDO)
    assert undo.state == SyncState.PREPARED
    assert [each.ticked for each in night.portal.actions(UNDO).values()].count(False) == 1
    with night.portal.engine.connect() as connection:
        assert why_stale(connection, UNDO, night.portal.now) == ""
    (text,) = told(night)
    assert text == (
        "The automatic sync of Clever is put off: the undo of sync 1 waits for review, and a newer plan would replace it. "
        "Commit or discard it, then the portal goes on by itself; it does so too once the undo is too old, after 12 Oct 2026."
    )


@pytest.mark.parametrize("how", ["commit", "discard"])
def test_once_it_is_settled_what_was_missed_is_made_up_once(night: Night, how: str) -> None:
    looks(night, HALF_PAST_FOUR, HALF_PAST_FOUR + days(2))
    settled = HALF_PAST_FOUR + days(2) + timedelta(hours=3)
    night.portal.now = settled
    if how == "commit":
        night.portal.commit(UNDO)
    else:
        running.discard(night.portal.engine, UNDO, WHO, settled)

    row = night.run(settled)

    assert (row.automatic, row.state) == (True, SyncState.PREPARED)
    assert looks(night, settled + timedelta(minutes=5), HALF_PAST_FOUR + days(3)) == []
    assert night.look(HALF_PAST_FOUR + days(3)) != []


def test_one_that_is_too_old_to_be_committed_holds_nothing_up(night: Night) -> None:
    looks(night, HALF_PAST_FOUR, EVENING + days(7))

    row = night.run(EVENING + days(7) + timedelta(minutes=1))

    assert row.state == SyncState.PREPARED
    assert night.portal.sync(UNDO).state == SyncState.SUPERSEDED


def test_what_was_set_otherwise_makes_it_too_old_as_well(night: Night) -> None:
    night.portal.option("blanks", "replace")

    assert len(night.look(HALF_PAST_FOUR)) == 1


def test_the_silence_meanwhile_is_an_alarm_that_says_why(night: Night) -> None:
    looks(night, HALF_PAST_FOUR, HALF_PAST_FOUR + timedelta(hours=9))

    (text,) = [text for _, kind, text in night.portal.notifications() if kind == "silent"]
    assert text == (
        "No sync of Clever has succeeded since one was due on 6 Oct 2026, 04:30. The last one that did was on 5 Oct 2026, 17:30. "
        "The undo, sync 2, waits for review, and no sync starts by itself meanwhile: commit or discard it."
    )


def test_a_file_of_the_watched_folder_stays_there_meanwhile(
    sqlite_store_url: str, sandbox: Served, tmp_path: Path
) -> None:
    portal = Dropping(sqlite_store_url, sandbox, tmp_path)
    portal.add_administrator()
    portal.drop()
    (first,) = portal.look()
    portal.try_prepare(first)
    portal.commit(first)
    undo_id = portal.prepare_undo(first)
    portal.drop("later.zip")

    assert portal.look() + portal.look() == []

    assert (portal.lies(), portal.sync(undo_id).state) == (["later.zip"], SyncState.PREPARED)
    put_off = [text for _, _, text in portal.notifications() if "later.zip of the watched folder is put off" in text]
    assert len(put_off) == 1
    running.discard(portal.engine, undo_id, WHO, portal.now)
    assert len(portal.look()) == 1


def test_an_hour_of_ticks_is_not_lost_to_the_clock(quick_portal: Portal) -> None:
    """A plan that waits is replaced by the one of the night, with every decision that still means the same."""
    night = Night(quick_portal)
    quick_portal.option("auto_sync", "04:30")
    quick_portal.option("auto_commit", "yes")
    waiting = quick_portal.prepare()
    planned: dict[Any, Any] = quick_portal.actions(waiting)
    section = next(row for key, row in planned.items() if key[0] == "section" and row.roster.get("join"))
    left_out = [row for key, row in planned.items() if key[0] == "teacher"][:2]
    tick(quick_portal.engine, waiting, [row.id for row in left_out], False, WHO, quick_portal.now)
    someone = section.roster["join"][0]
    tick_roster(quick_portal.engine, waiting, section.id, [someone], False, WHO, quick_portal.now)

    row = night.run(HALF_PAST_FOUR)

    assert (row.state, quick_portal.sync(waiting).state) == (SyncState.COMMITTED, SyncState.SUPERSEDED)
    states = quick_portal.states(row.id)
    assert {states[each.source_id] for each in left_out} == {"unticked"}
    assert someone not in quick_portal.roster(section.source_id)
    (carried,) = row.request["carried"]
    assert (carried["older"], carried["unticked"], carried["lost"]) == (waiting, 2, 0)
