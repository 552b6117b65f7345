"""Automatic sync: started once a day by whoever looks, held back and committed as it was set, and switched off by five strikes."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import update

from sisportal.models import AuditEvent, InstalledApp, Notification, Schedule, SisConnection, Sync, SyncMode, SyncState
from sisportal.models.database import writing
from sisportal.sandbox import edits
from sisportal.sandbox.days import pass_day
from sisportal.sandbox.faults import Fault
from sisportal.syncing import apps, running
from sisportal.syncing.automatic import run_due, strikes
from sisportal.syncing.recovery import forget_asked_commit, recover
from sisportal.syncing.review import tick
from sisportal.syncing.settings import TIMEZONE, write_setting
from sisportal.syncing.states import NotAllowed
from tests.fakes import FakeQueue
from tests.syncing.portal import WHO, Portal

HALF_PAST_FOUR = datetime(2026, 10, 6, 2, 30, tzinfo=UTC)
"""The first 04:30 in Stockholm after the portal's clock begins."""


class Night:
    """A portal whose clock and worker a test moves by hand."""

    def __init__(self, portal: Portal) -> None:
        self.portal, self.queue = portal, FakeQueue()
        portal.add_administrator()
        self.zone("Europe/Stockholm")

    def zone(self, name: str) -> None:
        with writing(self.portal.engine).begin() as connection:
            write_setting(connection, TIMEZONE, name)

    def look(self, at: datetime | None = None) -> list[int]:
        """What the clock does, at a moment."""
        self.portal.now = at or self.portal.now
        return run_due(self.portal.engine, self.queue, self.portal.now)

    def work(self) -> list[int]:
        """What the worker does with all that is in the queue; the ids of the syncs that were prepared."""
        prepared = []
        while self.queue.sent:
            job, sync_id = self.queue.sent.pop(0)
            if job == "commit":
                self.portal.commit(sync_id)
                continue
            self.portal.try_prepare(sync_id)
            prepared.append(sync_id)
            self.portal.now += timedelta(seconds=30)
            if running.is_commit_asked(self.portal.engine, sync_id):
                self.queue.send_commit(sync_id)
        return prepared

    def run(self, at: datetime) -> Any:
        """The clock strikes and the worker does it all; the row of the one sync that came of it."""
        (sync_id,) = self.look(at)
        assert self.work() == [sync_id]
        return self.portal.sync(sync_id)

    def told(self) -> list[str]:
        return [kind for _, kind, _ in self.portal.notifications()]

    def schedule(self) -> Any:
        return self.portal.rows(Schedule)[0]


@pytest.fixture
def night(quick_portal: Portal) -> Night:
    night = Night(quick_portal)
    quick_portal.option("auto_sync", "04:30")
    return night


@pytest.fixture
def night_on_both(portal: Portal) -> Night:
    night = Night(portal)
    portal.option("auto_sync", "04:30")
    return night


def days(number: int) -> timedelta:
    return timedelta(days=number)


def drop_students(portal: Portal, share: float) -> None:
    edits.mass_delete(portal.served.sandbox.district, share)


def test_a_sync_starts_at_its_time_and_waits_for_review(night_on_both: Night) -> None:
    night = night_on_both
    assert night.look(HALF_PAST_FOUR - timedelta(seconds=1)) == []

    row = night.run(HALF_PAST_FOUR)

    assert (row.automatic, row.mode, row.state, row.started_by) == (True, SyncMode.FULL, SyncState.PREPARED, None)
    assert night.told() == ["prepared"]
    assert [(each.event, each.actor) for each in night.portal.rows(AuditEvent)] == [("sync-started", "schedule")]
    assert night.look() == []


def test_after_the_first_commit_it_reads_what_changed(night: Night) -> None:
    district = night.portal.served.sandbox.district
    district.today = datetime.now(UTC).date() - days(2)  # Clever keeps events for thirty days
    pass_day(district, pace=1)
    night.portal.sync_all()
    student = next(each.id for each in district.people if each.student)
    edits.rename_person(district, student, first="Philippa")
    district.settle()

    row = night.run(HALF_PAST_FOUR)

    assert (row.note, row.mode, row.state) == ("", SyncMode.QUICK, SyncState.PREPARED)
    assert [key[2] for key in night.portal.actions(row.id)] == [student]


def test_committing_by_itself_needs_nobody(night_on_both: Night) -> None:
    night = night_on_both
    night.portal.option("auto_commit", "yes")

    row = night.run(HALF_PAST_FOUR)

    assert (row.state, row.committed_by) == (SyncState.COMMITTED, None)
    assert night.told() == ["prepared", "committed"]
    assert len(night.portal.accounts()) > 60


@pytest.mark.parametrize("how_many", [2, 4])
def test_of_several_clocks_that_look_at_once_one_starts_it(night_on_both: Night, how_many: int) -> None:
    engine = night_on_both.portal.engine
    with ThreadPoolExecutor(how_many) as clocks:
        looks = [clocks.submit(run_due, engine, FakeQueue(), HALF_PAST_FOUR) for _ in range(how_many)]
        started = [sync_id for look in looks for sync_id in look.result()]

    assert len(started) == 1
    assert [row.id for row in night_on_both.portal.rows(Sync)] == started


def test_each_day_once_across_both_clock_changes(night: Night) -> None:
    """02:30 does not exist on 28 March 2027 and comes twice on 31 October 2027; the clock looks every ten minutes."""
    night.portal.option("auto_sync", "02:30")
    starts: list[datetime] = []
    for begin in (datetime(2027, 3, 26, tzinfo=UTC), datetime(2027, 10, 29, tzinfo=UTC)):
        night.portal.now = begin
        night.portal.option("auto_sync", "off")
        night.portal.option("auto_sync", "02:30")
        for minutes in range(0, 4 * 24 * 60, 10):
            for sync_id in night.look(begin + timedelta(minutes=minutes)):
                starts.append(night.portal.now)
                finish(night, sync_id)

    assert [f"{start:%m-%d %H:%M}" for start in starts] == [
        "03-26 01:30", "03-27 01:30", "03-28 01:00", "03-29 00:30",
        "10-29 00:30", "10-30 00:30", "10-31 00:30", "11-01 01:30",
    ]  # fmt: skip


def finish(night: Night, sync_id: int, state: SyncState = SyncState.FAILED, **values: Any) -> None:
    """As if the worker had ended with it."""
    night.queue.sent.clear()
    with writing(night.portal.engine).begin() as connection:
        statement = update(Sync).where(Sync.id == sync_id)
        connection.execute(statement.values(state=state, finished_at=night.portal.now, **values))


def test_what_was_missed_while_the_machine_was_off_is_made_up_once(night: Night) -> None:
    (sync_id,) = night.look(HALF_PAST_FOUR + days(5) + timedelta(hours=5))
    finish(night, sync_id)

    assert night.look(HALF_PAST_FOUR + days(5) + timedelta(hours=6)) == []
    assert len(night.look(HALF_PAST_FOUR + days(6))) == 1


def test_one_that_fails_is_not_tried_again_before_the_next_day(night: Night) -> None:
    night.portal.served.sandbox.faults.add(Fault(name="status", path="/v3.1/users", status=403))
    row = night.run(HALF_PAST_FOUR)
    assert (row.state, night.told()) == (SyncState.FAILED, ["failed"])

    assert [night.look(HALF_PAST_FOUR + timedelta(minutes=minutes)) for minutes in range(5, 1400, 60)] == [[]] * 24

    night.portal.served.sandbox.faults.clear()
    assert night.run(HALF_PAST_FOUR + days(1)).state == SyncState.PREPARED


def test_one_whose_worker_died_is_started_again_by_itself_but_not_for_ever(night: Night) -> None:
    night.look(HALF_PAST_FOUR)
    attempts = 0
    for minute in range(1, 60):
        waiting = [row for row in night.portal.rows(Sync) if row.state == SyncState.QUEUED]
        for row in waiting:
            attempts += 1
            finish(night, row.id, SyncState.PREPARING, heartbeat_at=night.portal.now)
        night.look(HALF_PAST_FOUR + timedelta(minutes=minute))

    assert attempts == 4
    assert {row.state for row in night.portal.rows(Sync)} == {SyncState.INTERRUPTED}
    assert night.told() == ["failed"]
    assert "is not started again" in night.portal.notifications()[0][2]
    assert night.portal.sync(1).note.endswith("sync 2 took its place.")
    assert len(night.look(HALF_PAST_FOUR + days(1))) == 1


def test_a_commit_by_itself_that_is_refused_is_told(night: Night) -> None:
    night.portal.option("auto_commit", "yes")
    (sync_id,) = night.look(HALF_PAST_FOUR)
    night.portal.try_prepare(sync_id)
    night.portal.option("blanks", "replace")
    with pytest.raises(NotAllowed) as refused:
        night.portal.commit(sync_id)
    for _ in range(2):
        forget_asked_commit(night.portal.engine, sync_id, str(refused.value), night.portal.now)

    assert night.told() == ["prepared", "failed"]
    assert "The options or the mapping of schools changed" in night.portal.notifications()[1][2]


def test_a_commit_whose_worker_died_goes_on_by_itself(night: Night) -> None:
    night.portal.option("auto_commit", "yes")
    (sync_id,) = night.look(HALF_PAST_FOUR)
    night.portal.try_prepare(sync_id)
    night.queue.sent.clear()  # killed before it could send the commit on
    night.portal.now += timedelta(seconds=20)

    assert recover(night.portal.engine, night.queue, night.portal.now) == [("commit", sync_id)]
    night.work()
    assert night.portal.sync(sync_id).state == SyncState.COMMITTED


def test_it_waits_for_a_sync_that_runs_and_comes_after_it(night: Night) -> None:
    by_hand = night.portal.request()
    assert night.look(HALF_PAST_FOUR) == []
    finish(night, by_hand)

    assert len(night.look(HALF_PAST_FOUR + timedelta(minutes=20))) == 1


def disable(portal: Portal) -> None:
    running.set_enabled(portal.engine, portal.connection_id, False, WHO, portal.now)


def enable(portal: Portal) -> None:
    running.set_enabled(portal.engine, portal.connection_id, True, WHO, portal.now)


def disable_app(portal: Portal) -> None:
    with writing(portal.engine).begin() as connection:
        apps.install(connection, "clever", portal.now)
        apps.disable(connection, "sis-integration")


def enable_app(portal: Portal) -> None:
    with writing(portal.engine).begin() as connection:
        apps.install(connection, "clever", portal.now)
    assert portal.rows(InstalledApp)


@pytest.mark.parametrize(("off", "on"), [(disable, enable), (disable_app, enable_app)])
def test_while_it_is_disabled_runs_pass_and_are_not_made_up(
    night: Night, off: Callable[[Portal], None], on: Callable[[Portal], None]
) -> None:
    off(night.portal)
    assert night.look(HALF_PAST_FOUR) == []
    on(night.portal)
    assert night.look(HALF_PAST_FOUR + timedelta(hours=8)) == []
    assert night.told() == []

    assert len(night.look(HALF_PAST_FOUR + days(1))) == 1


def test_another_time_counts_from_when_it_is_set(night: Night) -> None:
    (sync_id,) = night.look(HALF_PAST_FOUR)
    finish(night, sync_id)
    night.portal.now = HALF_PAST_FOUR + timedelta(hours=5)
    night.portal.option("auto_sync", "09:00")  # half an hour ago
    assert night.look() == []
    night.portal.option("auto_sync", "10:00")

    assert night.look(HALF_PAST_FOUR + timedelta(hours=5, minutes=29)) == []
    assert len(night.look(HALF_PAST_FOUR + timedelta(hours=5, minutes=30))) == 1


def test_another_zone_moves_it_and_starts_nothing_for_that(night: Night) -> None:
    night.look(HALF_PAST_FOUR - timedelta(hours=1))
    night.zone("America/New_York")
    assert night.look(HALF_PAST_FOUR) == []

    assert len(night.look(HALF_PAST_FOUR + timedelta(hours=6))) == 1


def test_a_clock_that_goes_back_starts_nothing_twice_and_does_not_stop_it(night: Night) -> None:
    (sync_id,) = night.look(HALF_PAST_FOUR)
    finish(night, sync_id)
    assert night.look(HALF_PAST_FOUR - timedelta(hours=3)) == []
    assert night.look(HALF_PAST_FOUR + timedelta(seconds=1)) == []

    (sync_id,) = night.look(HALF_PAST_FOUR + days(400))
    finish(night, sync_id)
    assert night.look(HALF_PAST_FOUR + days(1)) == []
    assert len(night.look(HALF_PAST_FOUR + days(2))) == 1


def test_switched_off_it_starts_nothing_and_says_that_it_is_off(night: Night) -> None:
    night.portal.option("auto_sync", "off")

    assert night.look(HALF_PAST_FOUR) == []
    assert night.told() == ["switched-off"]
    assert "Automatic sync of Clever is off." in night.portal.notifications()[0][2]


def test_when_it_runs_by_itself_does_not_make_a_plan_stale(night: Night) -> None:
    sync_id = night.portal.prepare()
    night.portal.option("auto_sync", "05:00")
    night.portal.option("auto_commit", "yes")

    assert night.portal.commit(sync_id) == SyncState.COMMITTED


@pytest.mark.parametrize("state", ["paused", "error", "pending"])
def test_a_district_that_is_not_sure_of_itself_is_never_committed_automatically(night: Night, state: str) -> None:
    night.portal.option("auto_commit", "yes")
    edits.set_state(night.portal.served.sandbox.district, state)

    row = night.run(HALF_PAST_FOUR)

    assert (row.state, row.stage) == (SyncState.PREPARED, "")
    assert f"it is {state}" in row.note
    assert night.told() == ["held"]


def test_what_no_guard_holds_is_committed_and_the_rest_is_told(night_on_both: Night) -> None:
    night, portal = night_on_both, night_on_both.portal
    portal.sync_all()
    portal.option("auto_commit", "yes")
    drop_students(portal, 0.5)
    section = next(iter(portal.served.sandbox.district.sections))
    edits.rename_section(portal.served.sandbox.district, section.id, "Another name")

    row = night.run(HALF_PAST_FOUR)

    assert row.state == SyncState.PARTLY_COMMITTED
    assert "held, waiting for a decision" in row.note
    assert portal.classes()[section.id]["name"] == "Another name"
    assert not any(account["archived"] for account in portal.accounts().values())
    assert night.told()[-2:] == ["held", "partly-committed"]


def test_what_a_person_unticked_is_not_applied_in_the_night(night: Night) -> None:
    portal = night.portal
    portal.option("auto_commit", "yes")
    sync_id = portal.prepare()
    left_out = next(key for key in portal.actions(sync_id) if key[0] == "student")
    with_id = portal.actions(sync_id)[left_out].id
    tick(portal.engine, sync_id, [with_id], False, WHO, portal.now)
    portal.commit(sync_id)

    first = night.run(HALF_PAST_FOUR)
    second = night.run(HALF_PAST_FOUR + days(1))

    assert [portal.states(row.id).get(left_out[2]) for row in (first, second)] == ["unticked", "unticked"]
    assert left_out[2] not in portal.accounts()


def test_ticks_of_a_plan_that_waits_go_over_to_the_one_that_replaces_it(night: Night) -> None:
    portal = night.portal
    waiting = portal.prepare()
    action_id = next(iter(portal.actions(waiting).values())).id
    tick(portal.engine, waiting, [action_id], False, WHO, portal.now)

    row = night.run(HALF_PAST_FOUR)

    assert portal.sync(waiting).state == SyncState.SUPERSEDED
    assert [each.ticked for each in portal.actions(row.id).values()].count(False) == 1


def test_five_held_in_a_row_switch_it_off_and_say_so(night: Night) -> None:
    portal = night.portal
    portal.sync_all()
    drop_students(portal, 0.5)
    for number in range(5):
        assert night.run(HALF_PAST_FOUR + days(number)).held != []

    assert night.look() == []

    assert portal.facts().options.auto_sync is None
    assert night.told().count("switched-off") == 1
    assert "The guards held 5 automatic syncs in a row" in night.schedule().off_because
    off = portal.rows(AuditEvent, AuditEvent.event == "automatic-sync-switched-off")
    assert [(each.actor, each.subject, each.details) for each in off] == [("schedule", "Clever", {"held_in_a_row": 5})]
    assert night.look(HALF_PAST_FOUR + days(5)) == []
    assert portal.commit(portal.rows(Sync)[-1].id) == SyncState.PARTLY_COMMITTED  # the plan is not stale for it


def test_a_whole_commit_one_that_is_not_held_and_a_new_time_begin_the_row_anew(night: Night) -> None:
    portal = night.portal
    portal.sync_all()
    held = [{"type": "student", "scope": "x", "reason": "guard-deletes", "sentence": "Many.", "count": 9}]

    def days_of(*outcomes: dict[str, Any]) -> int:
        for values in outcomes:
            with writing(portal.engine).begin() as connection:
                given = {"connection_id": 1, "mode": "full", "automatic": True, "created_at": portal.now}
                given |= {"state": SyncState.PREPARED, "held": held, "options_version": 1}
                connection.execute(Sync.__table__.insert().values(given | values))  # type: ignore[attr-defined]
        with portal.engine.connect() as connection:
            return strikes(connection, 1, night.schedule().set_at)

    failed, doubtful = {"state": SyncState.FAILED, "held": []}, {"held": [held[0] | {"reason": "names-disagree"}]}
    assert days_of({}, {}, failed, {}) == 3
    assert days_of(doubtful, {}, {}) == 2
    assert days_of({"state": SyncState.PARTLY_COMMITTED}) == 3
    assert days_of({"automatic": False}) == 3
    assert days_of({"automatic": False, "state": SyncState.COMMITTED, "held": []}) == 0
    assert days_of({}, {}) == 2
    portal.now += timedelta(hours=1)
    portal.option("auto_sync", "04:45")
    assert days_of({}) == 1


def test_where_the_queue_is_away_recovery_sends_it(night: Night) -> None:
    night.queue.away = True
    (sync_id,) = night.look(HALF_PAST_FOUR)
    night.queue.away = False
    night.portal.now += timedelta(seconds=20)

    assert recover(night.portal.engine, night.queue, night.portal.now) == [("prepare", sync_id)]


def test_what_is_not_connected_starts_nothing(quick_portal: Portal) -> None:
    with writing(quick_portal.engine).begin() as connection:
        connection.execute(update(SisConnection).values(options={}))
    assert run_due(quick_portal.engine, FakeQueue(), quick_portal.now) == []
    assert quick_portal.rows(Notification) == []


def test_what_was_left_out_stays_left_out_after_an_undo_too(night: Night) -> None:
    """An undo is told as such, and says nothing of what the syncs before it left out."""
    portal = night.portal
    portal.option("auto_commit", "yes")
    first = portal.prepare()
    left_out = next(key for key in portal.actions(first) if key[0] == "student")
    tick(portal.engine, first, [portal.actions(first)[left_out].id], False, WHO, portal.now)
    portal.commit(first)
    section = next(iter(portal.served.sandbox.district.sections))
    edits.rename_section(portal.served.sandbox.district, section.id, "Another name")
    second = night.run(HALF_PAST_FOUR)

    portal.undo(second.id)
    row = night.run(HALF_PAST_FOUR + days(1))

    assert "undone" in night.told()
    assert portal.states(row.id).get(left_out[2]) == "unticked"
    assert left_out[2] not in portal.accounts()
