"""The worker, as its own process, with a real queue and a real SIS behind HTTP."""

import importlib
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from flask import Flask
from redis import Redis
from rq.registry import FailedJobRegistry
from sqlalchemy import func, select, update

from jobs.queue_server import answers, command, find_server
from jobs.schedule import tick
from jobs.sync import commit
from sisportal.config import PROJECT
from sisportal.extensions import db
from sisportal.foundation import utc_now
from sisportal.models import Account, AccountLink, Action, Sync, SyncState
from sisportal.sandbox.faults import Fault
from sisportal.sandbox.serving import Served
from sisportal.syncing.prepare import prepare, request_sync
from sisportal.syncing.queue import FUNCTIONS, QueueGone, StageQueue, connect, mails, stages
from sisportal.syncing.states import ASKED
from tests.services.processes import Start, children

LONG = 30.0


def state(sync_id: int) -> str:
    with db.engine.connect() as connection:
        return str(connection.scalar(select(Sync.state).where(Sync.id == sync_id)))


def becomes(sync_id: int, wanted: SyncState) -> bool:
    """Whether the sync comes into that state before long."""
    limit = time.monotonic() + LONG
    while state(sync_id) != wanted:
        if time.monotonic() > limit:
            return False
        time.sleep(0.05)
    return True


def age(sync_id: int) -> None:
    """As if a minute had passed since the sync was asked for and last gave a sign of life."""
    past = utc_now() - timedelta(minutes=1)
    with db.engine.begin() as connection:
        connection.execute(update(Sync).where(Sync.id == sync_id).values(heartbeat_at=past, created_at=past))


@pytest.mark.parametrize("path", FUNCTIONS.values())
def test_every_job_that_is_named_exists(path: str) -> None:
    module, _, name = path.rpartition(".")
    assert callable(getattr(importlib.import_module(module), name))


def test_worker_and_clock_load_no_pages_no_commands_and_no_migrations() -> None:
    asked = "import sys, jobs.worker, jobs.schedule; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, check=True, cwd=PROJECT)
    unused = {"sisportal.factory", "sisportal.cli", "sisportal.web.rendering", "alembic", "flask_migrate", "joserfc"}
    assert unused & set(loaded.stdout.split()) == set()
    assert {"jobs.mail", "jobs.sync", "sisportal.syncing.commit"} <= set(loaded.stdout.split())  # ready for a job


def test_what_travels_in_the_queue_is_json_with_an_id(redis_url: str) -> None:
    with connect(redis_url) as redis:
        StageQueue(redis).send_prepare(7)
        job = stages(redis).jobs[0]
        assert (job.func_name, job.args, job.kwargs) == ("jobs.sync.prepare", [7], {})
        assert job.serializer.dumps([7]) == b"[7]"
        assert StageQueue(redis).waiting() == {("prepare", 7)}


def test_a_mail_has_a_queue_of_its_own(redis_url: str) -> None:
    with connect(redis_url) as redis:
        queue = StageQueue(redis)
        queue.send_mail(7)
        assert (stages(redis).jobs, [job.args for job in mails(redis).jobs]) == ([], [[7]])
        assert queue.waiting() == {("mail", 7)}


def test_a_queue_that_does_not_answer_is_said_so(tmp_path: Path) -> None:
    with connect(f"unix://{tmp_path}/nothing.sock") as redis:
        with pytest.raises(QueueGone):
            StageQueue(redis).send_prepare(7)
        with pytest.raises(QueueGone):
            StageQueue(redis).waiting()


def test_a_sync_is_prepared_and_committed_from_the_queue(portal: Flask, start: Start, redis_url: str) -> None:
    queue: StageQueue = portal.extensions["queue"]
    worker = start("jobs.worker")
    sync_id = request_sync(db.engine, 1, utc_now())
    queue.send_prepare(sync_id)
    assert becomes(sync_id, SyncState.PREPARED)
    queue.send_commit(sync_id)
    assert becomes(sync_id, SyncState.COMMITTED)
    queue.send_commit(sync_id)
    worker.send_signal(signal.SIGTERM)
    assert worker.wait(LONG) == 0
    with Redis.from_url(redis_url) as redis:
        assert FailedJobRegistry(queue=stages(redis)).get_job_ids() == []


def test_a_sync_that_commits_itself_needs_nothing_more(portal: Flask, start: Start) -> None:
    start("jobs.worker")
    sync_id = request_sync(db.engine, 1, utc_now(), auto_commit=True)
    portal.extensions["queue"].send_prepare(sync_id)
    assert becomes(sync_id, SyncState.COMMITTED)


def test_a_stage_ends_with_its_worker_and_the_next_worker_says_so(portal: Flask, start: Start, sandbox: Served) -> None:
    sandbox.sandbox.faults.add(Fault(name="slow", path="/v3.1/users"))
    sync_id = request_sync(db.engine, 1, utc_now())
    portal.extensions["queue"].send_prepare(sync_id)
    worker = start("jobs.worker")
    assert becomes(sync_id, SyncState.PREPARING)
    stage = children(worker.pid)
    worker.kill()
    worker.wait()
    limit = time.monotonic() + LONG
    while any(Path(f"/proc/{pid}").exists() for pid in stage):
        assert time.monotonic() < limit
        time.sleep(0.05)
    age(sync_id)
    start("jobs.worker")
    assert becomes(sync_id, SyncState.INTERRUPTED)


def test_a_worker_begins_with_what_the_queue_lost(portal: Flask, start: Start) -> None:
    sync_id = request_sync(db.engine, 1, utc_now())
    age(sync_id)
    start("jobs.worker")
    assert becomes(sync_id, SyncState.PREPARED)


def test_a_worker_goes_on_with_a_commit_that_died(portal: Flask, start: Start) -> None:
    sync_id = request_sync(db.engine, 1, utc_now())
    prepare(db.engine, sync_id, portal.extensions["open_provider"], utc_now)
    with db.engine.begin() as connection:
        connection.execute(update(Sync).where(Sync.id == sync_id).values(state=SyncState.COMMITTING, claim="dead"))
    age(sync_id)
    start("jobs.worker")
    assert becomes(sync_id, SyncState.COMMITTED)


def test_a_commit_that_is_refused_is_not_tried_for_ever(portal: Flask, redis_url: str) -> None:
    sync_id = request_sync(db.engine, 1, utc_now())
    prepare(db.engine, sync_id, portal.extensions["open_provider"], utc_now)
    past = utc_now() - timedelta(days=8)
    with db.engine.begin() as connection:
        values = {"state": SyncState.PARTLY_COMMITTED, "stage": ASKED, "prepared_at": past, "heartbeat_at": past}
        connection.execute(update(Sync).where(Sync.id == sync_id).values(values))
    tick(portal)
    assert portal.extensions["queue"].waiting() == {("commit", sync_id)}
    commit(sync_id)
    with connect(redis_url) as redis:
        redis.flushdb()
    tick(portal)
    assert portal.extensions["queue"].waiting() == set()


def test_the_clock_puts_right_what_died_while_the_worker_is_busy(portal: Flask) -> None:
    sync_id = request_sync(db.engine, 1, utc_now())
    age(sync_id)
    tick(portal)
    assert portal.extensions["queue"].waiting() == {("prepare", sync_id)}


def test_the_clock_lives_through_a_database_that_is_away(portal: Flask, caplog: pytest.LogCaptureFixture) -> None:
    with db.engine.begin() as connection:
        connection.exec_driver_sql("DROP TABLE warning")
        connection.exec_driver_sql("DROP TABLE action")
        connection.exec_driver_sql("DROP TABLE notification")
        connection.exec_driver_sql("DROP TABLE sync")
    tick(portal)
    assert [record.message for record in caplog.records] == [
        "recovery failed; it is tried again in 10 seconds",
        "the schedule could not be looked at; it is tried again in 10 seconds",
        "old records could not be removed; it is tried again later",
    ]


@pytest.fixture
def own_redis(environ: dict[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    """A Redis of this test's own, which the portal uses: it may be killed."""
    with tempfile.TemporaryDirectory(prefix="portal-redis-") as name:
        url = f"unix://{name}/redis.sock"
        environ["REDIS_URL"] = url
        with subprocess.Popen(command(find_server(), url, Path(name))) as server:
            limit = time.monotonic() + LONG
            while not answers(url):
                assert time.monotonic() < limit
                time.sleep(0.02)
            yield server
            server.kill()


def test_a_stage_ends_well_although_redis_is_killed_meanwhile_and_the_worker_waits_for_it(
    own_redis: subprocess.Popen[bytes], portal: Flask, start: Start, sandbox: Served, environ: dict[str, str]
) -> None:
    sandbox.sandbox.faults.add(Fault(name="slow", path="/v3.1/sections", seconds=2, times=1))
    worker = start("jobs.worker")
    sync_id = request_sync(db.engine, 1, utc_now())
    portal.extensions["queue"].send_prepare(sync_id)
    assert becomes(sync_id, SyncState.PREPARING)

    own_redis.kill()
    own_redis.wait()

    assert becomes(sync_id, SyncState.PREPARED)
    url = environ["REDIS_URL"]
    folder = Path(url.removeprefix("unix://")).parent
    with subprocess.Popen(command(find_server(), url, folder)) as again:
        try:
            limit = time.monotonic() + LONG
            while not answers(url):
                assert time.monotonic() < limit
                time.sleep(0.02)
            portal.extensions["queue"].send_commit(sync_id)
            assert becomes(sync_id, SyncState.COMMITTED)
            assert worker.poll() is None, "the worker has waited"
        finally:
            again.kill()


def test_of_two_workers_that_get_the_same_commit_one_applies_it(portal: Flask, start: Start) -> None:
    sync_id = request_sync(db.engine, 1, utc_now())
    prepare(db.engine, sync_id, portal.extensions["open_provider"], utc_now)
    start("jobs.worker")
    start("jobs.worker")
    for _ in range(4):
        portal.extensions["queue"].send_commit(sync_id)

    assert becomes(sync_id, SyncState.COMMITTED)
    with db.engine.connect() as connection:
        states = set(connection.scalars(select(Action.state)))
        accounts = connection.scalar(select(func.count()).select_from(Account))
        links = connection.scalar(select(func.count()).select_from(AccountLink))
    assert states == {"applied"}
    assert accounts == links
