"""One stage of a connection at a time: claims, heartbeats, workers that come back from the dead, cancelling."""

import threading
from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from sqlalchemy import Connection, event, update

from sisportal.models import Account, Action, Sync, SyncState
from sisportal.models.database import make_engine, writing
from sisportal.syncing.commit import commit
from sisportal.syncing.prepare import prepare
from sisportal.syncing.progress import Cancelled, ClaimLost, Pulse
from sisportal.syncing.states import STALE_AFTER, Busy, NotAllowed, claim, dead_commits, interrupt_dead, is_alive
from tests.syncing.portal import Portal, during

LATER = STALE_AFTER + timedelta(seconds=1)
MOMENT = timedelta(seconds=5)


def ask_to_cancel(portal: Portal, sync_id: int) -> None:
    with writing(portal.engine).begin() as connection:
        connection.execute(update(Sync).where(Sync.id == sync_id).values(cancel_asked=True))


# --- one at a time


def test_of_two_prepares_at_once_one_is_told(portal: Portal) -> None:
    first, second = portal.request(), portal.request()
    told: list[str] = []

    def another() -> None:
        with pytest.raises(Busy) as refusal:
            prepare(portal.engine, second, portal.open_provider, portal.clock)
        told.append(str(refusal.value))

    assert prepare(portal.engine, first, during(portal.open_provider, 3, another), portal.clock) == SyncState.PREPARED

    assert told == [f"Sync {first} is being prepared since 09:30 UTC. Wait for it, or cancel it."]
    assert portal.sync(second).state == SyncState.QUEUED


def test_a_sync_that_runs_is_not_begun_again(quick_portal: Portal) -> None:
    sync_id = quick_portal.request()
    told: list[str] = []

    def again() -> None:
        with pytest.raises(NotAllowed) as refusal:
            prepare(quick_portal.engine, sync_id, quick_portal.open_provider, quick_portal.clock)
        told.append(str(refusal.value))

    prepare(quick_portal.engine, sync_id, during(quick_portal.open_provider, 3, again), quick_portal.clock)

    assert told == [f"Sync {sync_id} is already preparing."]


def test_of_two_syncs_claimed_in_one_moment_one_is_told(portal: Portal) -> None:
    for _ in range(8):
        syncs = [portal.request(), portal.request()]
        outcomes = at_once(*(lambda sync_id=sync_id: take(portal, sync_id) for sync_id in syncs))

        assert sorted(outcomes) == ["claimed", "told"]
        with writing(portal.engine).begin() as connection:
            connection.execute(update(Sync).values(state=SyncState.FAILED))


def take(portal: Portal, sync_id: int) -> str:
    try:
        claim(portal.engine, sync_id, SyncState.PREPARING, portal.now)
    except Busy:
        return "told"
    return "claimed"


def at_once(*calls: Callable[[], str]) -> list[str]:
    together, outcomes = threading.Barrier(len(calls)), []

    def run(call: Callable[[], str]) -> None:
        together.wait()
        outcomes.append(call())

    threads = [threading.Thread(target=run, args=(call,)) for call in calls]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return outcomes


def test_nothing_is_prepared_while_a_commit_runs(quick_portal: Portal) -> None:
    sync_id = quick_portal.prepare()
    claim(quick_portal.engine, sync_id, SyncState.COMMITTING, quick_portal.now)

    with pytest.raises(
        Busy, match=rf"Sync {sync_id} is being committed since 09:31 UTC\. Wait for it, or continue it\."
    ):
        prepare(quick_portal.engine, quick_portal.request(), quick_portal.open_provider, quick_portal.clock)


def test_a_sync_that_does_not_exist_cannot_be_claimed(quick_portal: Portal) -> None:
    with pytest.raises(NotAllowed, match="There is no sync 99"):
        claim(quick_portal.engine, 99, SyncState.PREPARING, quick_portal.now)


# --- heartbeats


def test_a_stage_counts_as_dead_only_when_its_heartbeat_is_old(quick_portal: Portal) -> None:
    engine, now = quick_portal.engine, quick_portal.now
    first, second = quick_portal.request(), quick_portal.request()
    claim(engine, first, SyncState.PREPARING, now)

    with pytest.raises(Busy):
        claim(engine, second, SyncState.PREPARING, now + STALE_AFTER)
    claim(engine, second, SyncState.PREPARING, now + LATER)

    row = quick_portal.sync(first)
    assert (row.state, row.claim) == (SyncState.INTERRUPTED, None)
    assert row.note == "Stopped half-way: the program that prepared it ended. Nothing was lost; start it again."


def test_dead_prepares_are_interrupted_and_dead_commits_are_found_to_be_continued(quick_portal: Portal) -> None:
    engine, now = quick_portal.engine, quick_portal.now
    claim(engine, quick_portal.request(), SyncState.PREPARING, now)
    with engine.connect() as connection:
        assert (interrupt_dead(connection, now + MOMENT), dead_commits(connection, now + LATER)) == ([], [])
    with writing(engine).begin() as connection:
        assert interrupt_dead(connection, now + LATER) == [1]

    sync_id = quick_portal.prepare()
    claim(engine, sync_id, SyncState.COMMITTING, quick_portal.now)
    with engine.connect() as connection:
        assert dead_commits(connection, quick_portal.now + MOMENT) == []
        assert dead_commits(connection, quick_portal.now + LATER) == [sync_id]
        assert interrupt_dead(connection, quick_portal.now + LATER) == []


def test_a_commit_is_not_taken_over_while_its_heart_beats(quick_portal: Portal) -> None:
    engine, sync_id = quick_portal.engine, quick_portal.prepare()
    token = claim(engine, sync_id, SyncState.COMMITTING, quick_portal.now)

    with pytest.raises(NotAllowed, match="already committing"):
        claim(engine, sync_id, SyncState.COMMITTING, quick_portal.now + MOMENT)
    assert claim(engine, sync_id, SyncState.COMMITTING, quick_portal.now + LATER) != token


def test_the_pulse_beats_while_the_stage_waits(quick_portal: Portal) -> None:
    sync_id = quick_portal.request()
    token = claim(quick_portal.engine, sync_id, SyncState.PREPARING, quick_portal.now)
    beaten, ticks = threading.Event(), iter(range(1, 1_000_000))

    def clock() -> datetime:
        moment = quick_portal.now + timedelta(seconds=next(ticks))
        if moment >= quick_portal.now + timedelta(seconds=10):
            beaten.set()
        return moment

    with Pulse(quick_portal.engine, sync_id, token, clock, every=0.001) as pulse:
        pulse.stage("Reading schools", 7)
        assert beaten.wait(10)

    row = quick_portal.sync(sync_id)
    assert row.heartbeat_at >= quick_portal.now + timedelta(seconds=8)
    assert is_alive(row.state, row.heartbeat_at, row.heartbeat_at + STALE_AFTER)
    assert (row.stage, row.total) == ("Reading schools", 7)


# --- workers thought dead


def test_a_prepare_that_was_thought_dead_writes_nothing_more(portal: Portal) -> None:
    first = portal.request()
    after: list[str] = []

    def another_worker() -> None:
        other = Portal(portal.engine, portal.served, portal.connection_id)
        other.now = portal.now + LATER
        other.prepare()
        after.append(portal.everything())

    ended = prepare(portal.engine, first, during(portal.open_provider, 4, another_worker), portal.clock)

    assert ended == SyncState.INTERRUPTED
    assert portal.everything() == after[0]
    assert portal.sync(first).state == SyncState.INTERRUPTED


def test_a_commit_that_was_thought_dead_writes_nothing_more(portal: Portal) -> None:
    sync_id = portal.prepare()
    url = portal.engine.url.render_as_string(hide_password=False)
    other = make_engine(url)
    after: list[str] = []
    begun = 0

    def before_each_transaction(_connection: Connection) -> None:
        nonlocal begun
        begun += threading.current_thread() is threading.main_thread()
        if begun == 6 and not after:
            after.append("under way")
            assert commit(other, sync_id, lambda: portal.now + LATER) is SyncState.COMMITTED
            after[0] = Portal(other, portal.served).everything()

    event.listen(portal.engine, "engine_connect", before_each_transaction)
    ended = commit(portal.engine, sync_id, portal.clock)
    event.remove(portal.engine, "engine_connect", before_each_transaction)

    assert ended is SyncState.COMMITTING
    assert portal.everything() == after[0]
    assert set(portal.states(sync_id).values()) == {"applied"}
    other.dispose()


def test_a_write_under_a_lost_claim_is_refused(quick_portal: Portal) -> None:
    engine, sync_id = quick_portal.engine, quick_portal.prepare()
    old = Pulse(engine, sync_id, claim(engine, sync_id, SyncState.COMMITTING, quick_portal.now), quick_portal.clock)
    claim(engine, sync_id, SyncState.COMMITTING, quick_portal.now + LATER)

    with pytest.raises(ClaimLost), writing(engine).begin() as connection:
        old.fence(connection)


# --- cancelling


def test_a_prepare_is_cancelled_and_can_be_started_again(portal: Portal) -> None:
    before = portal.dump()
    sync_id = portal.request()
    source = during(portal.open_provider, 3, lambda: ask_to_cancel(portal, sync_id))

    assert prepare(portal.engine, sync_id, source, portal.clock) == SyncState.CANCELLED

    row = portal.sync(sync_id)
    assert (row.state, row.note, row.claim) == (
        SyncState.CANCELLED,
        "Cancelled. Nothing was changed in the portal.",
        None,
    )
    assert portal.dump() == before
    portal.sync_all()
    assert len(portal.accounts()) == 79


def test_a_cancelled_prepare_leaves_the_older_plan_to_be_committed(quick_portal: Portal) -> None:
    older, newer = quick_portal.prepare(), quick_portal.request()
    prepare(
        quick_portal.engine,
        newer,
        during(quick_portal.open_provider, 3, lambda: ask_to_cancel(quick_portal, newer)),
        quick_portal.clock,
    )

    assert quick_portal.sync(older).state == SyncState.PREPARED
    assert quick_portal.commit(older) is SyncState.COMMITTED
    assert quick_portal.actions(quick_portal.prepare()) == {}


def test_a_pulse_tells_its_stage_of_the_cancel(quick_portal: Portal) -> None:
    """What a long fetch stops by, long before its end."""
    sync_id = quick_portal.request()
    token = claim(quick_portal.engine, sync_id, SyncState.PREPARING, quick_portal.now)
    ask_to_cancel(quick_portal, sync_id)
    beats = threading.Event()

    def clock() -> datetime:
        if threading.current_thread() is not threading.main_thread():
            beats.set()
        return quick_portal.now

    with Pulse(quick_portal.engine, sync_id, token, clock, every=0.001) as pulse:
        assert beats.wait(10)
    with pytest.raises(Cancelled):
        pulse.advance(1)


# --- a plan that fails


def test_an_unexpected_failure_is_noted_raised_and_leaves_the_portal_alone(quick_portal: Portal) -> None:
    quick_portal.sync_all()
    before = quick_portal.dump()
    sync_id = quick_portal.request()

    def break_down() -> None:
        raise RuntimeError("a bug")

    with pytest.raises(RuntimeError):
        prepare(quick_portal.engine, sync_id, during(quick_portal.open_provider, 3, break_down), quick_portal.clock)

    row = quick_portal.sync(sync_id)
    assert (row.state, row.error_code) == (SyncState.FAILED, "unexpected")
    assert quick_portal.dump() == before
    assert quick_portal.actions(quick_portal.prepare()) == {}


def test_what_was_planned_before_a_crash_is_not_part_of_the_next_plan(quick_portal: Portal) -> None:
    first = quick_portal.request()
    claim(quick_portal.engine, first, SyncState.PREPARING, quick_portal.now)
    quick_portal.now += LATER

    second = quick_portal.sync_all()

    assert quick_portal.rows(Action, Action.sync_id == first) == []
    assert len(quick_portal.rows(Account)) == len(quick_portal.accounts())
    assert quick_portal.sync(second).state == SyncState.COMMITTED
