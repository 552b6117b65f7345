"""Automatic sync as it runs: the clock and the worker as processes of their own, killed on the way."""

import time
from datetime import timedelta

import msgspec
import pytest
from flask import Flask
from sqlalchemy import func, select, update

from sisportal.extensions import db
from sisportal.foundation import utc_now
from sisportal.models import AccountLink, Sync, SyncState
from sisportal.models.database import writing
from sisportal.sandbox.faults import Fault
from sisportal.sandbox.serving import Served
from sisportal.syncing import timetable
from sisportal.syncing.connections import change_options
from sisportal.syncing.connections import load as load_connection
from tests.services.processes import Start

LONG = 40.0


@pytest.fixture
def due(portal: Flask) -> Flask:
    """The portal, whose automatic sync, which commits itself, came due a minute ago."""
    now = utc_now()
    with db.engine.connect() as connection:
        options = load_connection(connection, 1).options
    at = (now - timedelta(minutes=1)).time().replace(second=0, microsecond=0, tzinfo=None)
    change_options(db.engine, 1, msgspec.structs.replace(options, auto_sync=at, auto_commit=True), now)
    with writing(db.engine).begin() as connection:
        yesterday = now - timedelta(hours=1)
        timetable.change(connection, 1, handled_until=yesterday, set_at=yesterday)
    return portal


def syncs() -> list[tuple[int, str, bool]]:
    with db.engine.connect() as connection:
        rows = connection.execute(select(Sync.id, Sync.state, Sync.automatic).order_by(Sync.id))
        return [(row[0], row[1], row[2]) for row in rows]


def await_state(state: SyncState) -> None:
    """Return when the newest sync has come into that state."""
    limit = time.monotonic() + LONG
    while not (found := syncs()) or found[-1][1] != state:
        assert time.monotonic() < limit, found
        time.sleep(0.05)


def linked() -> int:
    with db.engine.connect() as connection:
        return connection.scalar(select(func.count()).select_from(AccountLink)) or 0


@pytest.mark.usefixtures("due")
def test_what_is_due_is_prepared_and_committed_by_itself_though_two_clocks_look(start: Start) -> None:
    start("jobs.worker")
    for _ in range(2):
        start("jobs.schedule")

    await_state(SyncState.COMMITTED)

    assert syncs() == [(1, SyncState.COMMITTED, True)]
    assert linked() > 0


@pytest.mark.usefixtures("due")
def test_worker_and_clock_are_killed_while_it_prepares_and_it_still_comes_through(
    start: Start, sandbox: Served
) -> None:
    slow = sandbox.sandbox.faults.add(Fault(name="slow", path="/v3.1/users"))
    processes = [start("jobs.worker"), start("jobs.schedule")]
    await_state(SyncState.PREPARING)
    for process in processes:
        process.kill()
        process.wait()
    sandbox.sandbox.faults.clear(slow.name)
    with writing(db.engine).begin() as connection:
        connection.execute(update(Sync).values(heartbeat_at=utc_now() - timedelta(minutes=1)))

    for module in ("jobs.schedule", "jobs.worker"):
        start(module)
    await_state(SyncState.COMMITTED)

    assert syncs() == [(1, SyncState.INTERRUPTED, True), (2, SyncState.COMMITTED, True)]
    assert linked() > 0
