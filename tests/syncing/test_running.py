"""Syncs as people start, cancel, commit and discard them; and how one that runs is getting on."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, Row, select, update

from sisportal.models import SisConnection, Sync, SyncState
from sisportal.models.database import make_engine, writing
from sisportal.syncing import running
from sisportal.syncing.commit import Stale
from sisportal.syncing.review import Who
from sisportal.syncing.running import Standing
from sisportal.syncing.states import ASKED, Busy, NotAllowed
from tests.syncing.plans import NOW, action, audited, make_connection, make_sync

ADA = Who("ada@example.org")
LONG_AGO = NOW - timedelta(minutes=1)


@pytest.fixture
def engine(sqlite_store_url: str) -> Iterator[Engine]:
    engine = make_engine(sqlite_store_url)
    yield engine
    engine.dispose()


@pytest.fixture
def connection_id(engine: Engine) -> int:
    return make_connection(engine)


def sync_row(engine: Engine, sync_id: int) -> Row[Any]:
    with engine.connect() as connection:
        return connection.execute(select(Sync.__table__).where(Sync.id == sync_id)).one()


def standing(engine: Engine, sync_id: int, **later: float) -> Standing:
    return running.standing(sync_row(engine, sync_id), NOW + timedelta(**later))


def test_a_sync_that_was_asked_for_waits_for_the_worker(engine: Engine, connection_id: int) -> None:
    sync_id = running.start(engine, connection_id, ADA, NOW)

    at = standing(engine, sync_id, seconds=40)

    assert (at.state, at.busy, at.waiting, at.elapsed) == (SyncState.QUEUED, True, True, 40)
    assert list(audited(engine)) == [("ada@example.org", "sync-started", {})]


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"state": SyncState.QUEUED}, "waits since 13:05 UTC"),
        ({"state": SyncState.PREPARING, "heartbeat_at": NOW}, "runs since 13:05 UTC"),
        ({"state": SyncState.COMMITTING, "heartbeat_at": NOW}, "runs since 13:05 UTC"),
        ({"state": SyncState.COMMITTING, "heartbeat_at": LONG_AGO}, "stopped half-way. Continue it first"),
        ({"stage": ASKED, "heartbeat_at": NOW}, "runs since 13:05 UTC"),
    ],
)
def test_one_sync_of_a_connection_runs_at_a_time(
    engine: Engine, connection_id: int, values: dict[str, Any], sentence: str
) -> None:
    make_sync(engine, connection_id, **values)

    with pytest.raises(Busy, match=sentence):
        running.start(engine, connection_id, ADA, NOW)


def test_a_prepare_that_died_and_a_plan_that_waits_do_not_keep_a_sync_from_starting(
    engine: Engine, connection_id: int
) -> None:
    dead = make_sync(engine, connection_id, state=SyncState.PREPARING, heartbeat_at=LONG_AGO)
    make_sync(engine, connection_id)

    assert standing(engine, dead) == Standing(SyncState.INTERRUPTED, busy=False)
    assert running.start(engine, connection_id, ADA, NOW) > dead
    assert sync_row(engine, dead).state == SyncState.INTERRUPTED


def test_a_disabled_connection_starts_nothing(engine: Engine, connection_id: int) -> None:
    running.set_enabled(engine, connection_id, False, ADA, NOW)
    running.set_enabled(engine, connection_id, False, ADA, NOW)

    with pytest.raises(NotAllowed, match="The connection is disabled"):
        running.start(engine, connection_id, ADA, NOW)
    assert [event for _, event, _ in audited(engine)] == ["connection-disabled"]


def test_a_waiting_sync_is_cancelled_at_once_and_a_running_one_is_asked_to_stop(
    engine: Engine, connection_id: int
) -> None:
    waiting = make_sync(engine, connection_id, state=SyncState.QUEUED)
    runs = make_sync(engine, connection_id, state=SyncState.PREPARING, heartbeat_at=NOW)
    committing = make_sync(engine, connection_id, state=SyncState.COMMITTING, heartbeat_at=NOW)

    running.cancel(engine, waiting, ADA, NOW)
    running.cancel(engine, runs, ADA, NOW)

    assert sync_row(engine, waiting).state == SyncState.CANCELLED
    assert (sync_row(engine, runs).state, standing(engine, runs).cancelling) == (SyncState.PREPARING, True)
    with pytest.raises(NotAllowed, match="Only a sync that is being prepared can be cancelled"):
        running.cancel(engine, committing, ADA, NOW)
    assert not sync_row(engine, committing).cancel_asked


def test_what_remains_of_a_step_follows_from_its_pace(engine: Engine, connection_id: int) -> None:
    sync_id = make_sync(
        engine,
        connection_id,
        state=SyncState.PREPARING,
        heartbeat_at=NOW,
        stage="Reading sections",
        done=250,
        total=1000,
    )
    with writing(engine).begin() as connection:
        connection.execute(update(Sync).values(stage_started_at=NOW, started_at=NOW - timedelta(seconds=20)))

    at = standing(engine, sync_id, seconds=10)

    assert (at.words, at.done, at.total, at.elapsed, at.remaining) == ("Reading sections", 250, 1000, 30, 30)


def test_a_commit_that_was_asked_for_shows_until_it_begins(engine: Engine, connection_id: int) -> None:
    sync_id = make_sync(engine, connection_id, [action()])

    running.ask_commit(engine, sync_id, ADA, NOW)

    assert (standing(engine, sync_id).state, standing(engine, sync_id).waiting) == (SyncState.COMMITTING, True)
    assert running.commit_asked(sync_row(engine, sync_id))
    assert standing(engine, sync_id, minutes=3) == Standing(SyncState.PREPARED, busy=False)


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"state": SyncState.COMMITTED}, "is committed and cannot be committed"),
        ({"state": SyncState.DISCARDED}, "is discarded and cannot be committed"),
        ({"state": SyncState.COMMITTING, "heartbeat_at": NOW}, "is committing already"),
    ],
)
def test_a_commit_that_cannot_be_is_refused(
    engine: Engine, connection_id: int, values: dict[str, Any], sentence: str
) -> None:
    sync_id = make_sync(engine, connection_id, **values)

    with pytest.raises(NotAllowed, match=sentence):
        running.ask_commit(engine, sync_id, ADA, NOW)


def test_of_two_who_ask_for_a_commit_one_is_told_that_it_was_asked_for(engine: Engine, connection_id: int) -> None:
    sync_id = make_sync(engine, connection_id, [action()])
    running.ask_commit(engine, sync_id, ADA, NOW)

    with pytest.raises(NotAllowed, match="was asked for already"):
        running.ask_commit(engine, sync_id, ADA, NOW + timedelta(seconds=5))

    running.ask_commit(engine, sync_id, ADA, NOW + timedelta(minutes=3))  # the worker never came: ask again
    assert [event for _, event, _ in audited(engine)] == ["commit-asked", "commit-asked"]


def test_a_commit_that_died_can_be_asked_for_again(engine: Engine, connection_id: int) -> None:
    sync_id = make_sync(engine, connection_id, state=SyncState.COMMITTING, heartbeat_at=LONG_AGO)

    assert standing(engine, sync_id).silent
    running.ask_commit(engine, sync_id, ADA, NOW)

    assert list(audited(engine)) == [("ada@example.org", "commit-asked", {})]


def test_a_plan_made_with_other_options_is_stale(engine: Engine, connection_id: int) -> None:
    sync_id = make_sync(engine, connection_id)
    with writing(engine).begin() as connection:
        connection.execute(update(SisConnection).values(options_version=2))

    with pytest.raises(Stale, match="Prepare again"):
        running.ask_commit(engine, sync_id, ADA, NOW)
    assert sync_row(engine, sync_id).state == SyncState.EXPIRED


def test_a_discarded_plan_cannot_be_discarded_again(engine: Engine, connection_id: int) -> None:
    sync_id = make_sync(engine, connection_id)

    running.discard(engine, sync_id, ADA, NOW)

    assert (sync_row(engine, sync_id).state, sync_row(engine, sync_id).note) == (
        SyncState.DISCARDED,
        "Discarded by ada@example.org.",
    )
    with pytest.raises(NotAllowed):
        running.discard(engine, sync_id, ADA, NOW)
