"""What killed workers and lost queues leave behind is put right."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, insert, select, update

from sisportal.models import SisConnection, Sync
from sisportal.models.database import make_engine
from sisportal.syncing.recovery import recover
from sisportal.syncing.states import ASKED
from tests.fakes import FakeQueue

NOW = datetime(2026, 11, 3, 13, 5, tzinfo=UTC)
LONG_AGO = NOW - timedelta(minutes=1)
JUST_NOW = NOW - timedelta(seconds=1)


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    engine = make_engine(database_url)
    with engine.begin() as connection:
        connection.execute(insert(SisConnection).values(id=1, kind="clever", created_at=NOW, updated_at=NOW))
    yield engine
    engine.dispose()


@pytest.fixture
def queue() -> FakeQueue:
    return FakeQueue()


def add(engine: Engine, **values: Any) -> None:
    with engine.begin() as connection:
        connection.execute(
            insert(Sync).values({"id": 7, "connection_id": 1, "mode": "full", "created_at": LONG_AGO} | values)
        )


def state(engine: Engine) -> str:
    with engine.connect() as connection:
        return str(connection.scalar(select(Sync.state)))


def test_a_prepare_whose_worker_died_is_interrupted_and_not_sent_again(engine: Engine, queue: FakeQueue) -> None:
    add(engine, state="preparing", heartbeat_at=LONG_AGO)
    assert recover(engine, queue, NOW) == []
    assert state(engine) == "interrupted"


def test_a_prepare_that_is_alive_is_left_alone(engine: Engine, queue: FakeQueue) -> None:
    add(engine, state="preparing", heartbeat_at=JUST_NOW)
    assert recover(engine, queue, NOW) == []
    assert state(engine) == "preparing"


@pytest.mark.parametrize(
    ("values", "sent"),
    [
        ({"state": "committing", "heartbeat_at": LONG_AGO}, [("commit", 7)]),
        ({"state": "committing", "heartbeat_at": JUST_NOW}, []),
        ({"state": "queued"}, [("prepare", 7)]),
        ({"state": "queued", "created_at": JUST_NOW}, []),
        ({"state": "prepared", "stage": ASKED, "heartbeat_at": LONG_AGO}, [("commit", 7)]),
        ({"state": "prepared", "stage": ASKED, "heartbeat_at": JUST_NOW}, []),
        ({"state": "prepared", "stage": ASKED, "heartbeat_at": NOW - timedelta(hours=1)}, [("commit", 7)]),
        ({"state": "prepared", "heartbeat_at": LONG_AGO}, []),
        ({"state": "partly-committed", "stage": ASKED, "heartbeat_at": LONG_AGO}, [("commit", 7)]),
        ({"state": "committed", "heartbeat_at": LONG_AGO}, []),
        ({"state": "discarded", "stage": ASKED, "heartbeat_at": LONG_AGO}, []),
    ],
)
def test_what_waits_for_a_worker_and_is_not_in_the_queue_is_sent(
    engine: Engine, queue: FakeQueue, values: dict[str, Any], sent: list[tuple[str, int]]
) -> None:
    add(engine, **values)
    assert recover(engine, queue, NOW) == sent
    assert queue.sent == sent


def test_what_is_in_the_queue_is_not_sent_twice(engine: Engine, queue: FakeQueue) -> None:
    add(engine, state="queued")
    recover(engine, queue, NOW)
    assert recover(engine, queue, NOW) == []
    assert queue.sent == [("prepare", 7)]


def test_a_queue_that_is_away_is_tried_again_the_next_time(engine: Engine, queue: FakeQueue) -> None:
    add(engine, state="queued")
    queue.away = True
    assert recover(engine, queue, NOW) == []
    queue.away = False
    assert recover(engine, queue, NOW) == [("prepare", 7)]


YEARS = timedelta(days=730)


@pytest.mark.parametrize("jump", [YEARS, -YEARS], ids=["forth", "back"])
def test_a_stage_that_lives_outlasts_a_clock_that_jumps(engine: Engine, queue: FakeQueue, jump: timedelta) -> None:
    """It looks dead until its next beat, which is waited for."""
    add(engine, state="preparing", heartbeat_at=NOW)

    def beat(_seconds: float) -> None:
        with engine.begin() as connection:
            connection.execute(update(Sync).values(heartbeat_at=NOW + jump + timedelta(seconds=2)))

    assert recover(engine, queue, NOW + jump, beat) == []
    assert state(engine) == "preparing"


@pytest.mark.parametrize("jump", [YEARS, -YEARS], ids=["forth", "back"])
def test_a_stage_that_died_is_found_although_the_clock_jumped(
    engine: Engine, queue: FakeQueue, jump: timedelta
) -> None:
    add(engine, state="committing", heartbeat_at=NOW)
    assert recover(engine, queue, NOW + jump) == [("commit", 7)]


@pytest.mark.parametrize("values", [{"state": "queued"}, {"state": "prepared", "stage": ASKED, "heartbeat_at": NOW}])
def test_what_waits_is_sent_although_the_clock_was_put_back(
    engine: Engine, queue: FakeQueue, values: dict[str, Any]
) -> None:
    add(engine, **values)
    assert len(recover(engine, queue, NOW - YEARS)) == 1
