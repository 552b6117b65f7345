"""Syncs that commit themselves: only where nothing waits for a person, and whatever is killed on the way."""

from datetime import timedelta

from sisportal.models import Account, AccountLink, AuditEvent, SyncState
from sisportal.sandbox import edits
from sisportal.syncing.auto_commit import why_not
from sisportal.syncing.prepare import request_sync
from sisportal.syncing.recovery import recover
from tests.fakes import FakeQueue
from tests.syncing.portal import Portal


def prepared(portal: Portal) -> int:
    """A sync that was prepared and is to be committed by itself; its id."""
    sync_id = request_sync(portal.engine, portal.connection_id, portal.now, started_by=1, auto_commit=True)
    return portal.try_prepare(sync_id)


def test_a_sync_in_which_nothing_is_held_is_committed_though_its_worker_died_before_it_could_say_so(
    quick_portal: Portal,
) -> None:
    admin, queue = quick_portal.add_administrator(), FakeQueue()
    sync_id = prepared(quick_portal)

    assert recover(quick_portal.engine, queue, quick_portal.now) == []
    quick_portal.now += timedelta(seconds=20)
    assert recover(quick_portal.engine, queue, quick_portal.now) == [("commit", sync_id)]
    assert quick_portal.commit(sync_id) == SyncState.COMMITTED

    row = quick_portal.sync(sync_id)
    assert (row.started_by, row.committed_by) == (admin, admin)
    assert [(kind, text.split(": ")[0]) for _, kind, text in quick_portal.notifications()] == [
        ("prepared", "The sync is prepared"),
        ("committed", "The sync is committed"),
    ]
    assert "It is committed by itself." in quick_portal.notifications()[0][2]
    asked = quick_portal.rows(AuditEvent, AuditEvent.event == "commit-asked")
    assert [(each.actor, each.details) for each in asked] == [("admin@example.org", {"how": "by itself"})]
    assert len(quick_portal.rows(AccountLink)) == len(quick_portal.rows(Account)) - 1


def test_a_sync_in_which_something_is_held_waits_and_says_so(quick_portal: Portal) -> None:
    quick_portal.add_administrator()
    quick_portal.sync_all()
    edits.mass_delete(quick_portal.served.sandbox.district, 0.5)
    quick_portal.now += timedelta(days=1)

    sync_id = prepared(quick_portal)
    quick_portal.now += timedelta(minutes=1)

    row = quick_portal.sync(sync_id)
    assert (row.state, row.stage, row.committed_by) == (SyncState.PREPARED, "", None)
    assert "It was not committed by itself:" in row.note
    assert "held until a person has decided." in row.note
    assert recover(quick_portal.engine, FakeQueue(), quick_portal.now) == []
    _, kind, text = quick_portal.notifications()[-1]
    assert (kind, row.note in text) == ("held", True)


def test_a_district_that_is_not_sure_of_itself_is_not_committed_without_a_person() -> None:
    assert why_not([], "running") == ""
    assert "says of the district that it is paused" in why_not([], "paused")
    assert "1 change is held" in why_not([{"count": 1}], "paused")
