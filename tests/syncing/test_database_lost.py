"""A database server that ends its connections in the middle of a stage: the stage stops, and the next one makes up for it."""

import gc
import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, event, make_url
from sqlalchemy.exc import OperationalError

from sisportal.models import Base, SyncState
from sisportal.models.database import make_engine
from sisportal.sandbox.serving import Served
from sisportal.syncing.commit import commit
from sisportal.syncing.prepare import prepare
from sisportal.syncing.recovery import recover
from tests.fakes import FakeQueue
from tests.services.postgres import Cluster, new_cluster
from tests.syncing.conftest import opened
from tests.syncing.portal import Portal
from tests.syncing.test_killed import a_later_sync

# The driver complains of each connection and cursor of a server that went away: what else could be done with them?
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")


@pytest.fixture(autouse=True)
def _complaints() -> Iterator[None]:
    """They come here, and not in a later test."""
    yield
    gc.collect()


@pytest.fixture
def later(postgres_store_url: str, sandbox: Served) -> Iterator[Portal]:
    """A portal on PostgreSQL that holds a district in which days have passed since."""
    with opened(postgres_store_url, sandbox) as portal:
        portal.connect()
        a_later_sync(portal)
        yield portal


def before_statement(engine: Engine, at: int, happen: Callable[[], None]) -> Callable[[], None]:
    """Let something happen before the stage's statement of this number; what takes that back."""
    seen = [0]

    def note(*_: Any) -> None:
        if threading.current_thread() is not threading.main_thread():
            return
        seen[0] += 1
        if seen[0] == at:
            happen()

    event.listen(engine, "before_cursor_execute", note)
    return lambda: event.remove(engine, "before_cursor_execute", note)


def lose_connections(engine: Engine, cluster: Cluster, at: int) -> Callable[[], None]:
    """End every connection to the database before the stage's statement of this number, as a server does that is restarted."""
    name = make_url(str(engine.url)).database
    end = f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'"
    return before_statement(engine, at, lambda: cluster.execute(end))


@pytest.mark.parametrize("stage", ["commit", "undo", "prepare"])
def test_a_stage_that_loses_its_database_goes_on_and_ends_as_if_it_never_had(
    later: Portal, postgres_cluster: Cluster, stage: str
) -> None:
    if stage == "undo":
        sync_id = later.prepare_undo(later.sync_all())
    else:
        sync_id = later.prepare() if stage == "commit" else later.request()
    url = make_url(str(later.engine.url))
    later.engine.dispose()
    copies = [postgres_cluster.create(template=str(url.database)) for _ in range(4)]
    kept: list[tuple[SyncState, str]] = []
    for number, copy in enumerate(copies):
        engine = make_engine(postgres_cluster.url(copy))
        portal = Portal(engine, later.served)
        portal.now = later.now
        if number:
            state = lose_and_go_on(portal, postgres_cluster, sync_id, stage, at=9 * number * number)
        else:
            if stage == "prepare":
                prepare(engine, sync_id, portal.open_provider, portal.clock)
            state = commit(engine, sync_id, portal.clock)
        kept.append((state, portal.dump()))
        engine.dispose()
    for copy in copies:
        postgres_cluster.drop(copy)
    assert kept == [kept[0]] * 4


def test_a_commit_whose_database_server_crashes_ends_as_if_it_never_had(sandbox: Served) -> None:
    with new_cluster("fsync=off") as cluster, opened(a_store(cluster), sandbox) as portal:
        portal.connect()
        a_later_sync(portal)
        sync_id = portal.prepare()
        name = str(make_url(str(portal.engine.url)).database)
        portal.engine.dispose()
        copy = make_engine(cluster.url(cluster.create(template=name)))
        undisturbed = commit(copy, sync_id, portal.clock), Portal(copy, sandbox).dump()
        copy.dispose()

        there_again = before_statement(portal.engine, 40, cluster.crash)
        with pytest.raises(OperationalError):
            commit(portal.engine, sync_id, portal.clock)
        there_again()
        portal.engine.dispose()
        cluster.start()
        portal.now += timedelta(minutes=1)
        assert recover(portal.engine, FakeQueue(), portal.now) == [("commit", sync_id)]
        assert (commit(portal.engine, sync_id, portal.clock), portal.dump()) == undisturbed


def a_store(cluster: Cluster) -> str:
    """A database with the portal's tables."""
    url = cluster.url(cluster.create())
    engine = make_engine(url)
    Base.metadata.create_all(engine)
    engine.dispose()
    return url


def lose_and_go_on(portal: Portal, cluster: Cluster, sync_id: int, stage: str, at: int) -> SyncState:
    """The stage fails; a minute later whoever looks after it goes on, or a person starts again. How it ended."""
    there_again = lose_connections(portal.engine, cluster, at)
    with pytest.raises(OperationalError):
        if stage == "prepare":
            prepare(portal.engine, sync_id, portal.open_provider, portal.clock)
        else:
            commit(portal.engine, sync_id, portal.clock)
    there_again()
    portal.now += timedelta(minutes=1)
    sent = recover(portal.engine, FakeQueue(), portal.now)
    if stage == "prepare":
        assert portal.sync(sync_id).state in {SyncState.FAILED, SyncState.INTERRUPTED}
        sync_id = portal.prepare()
    else:
        begun = portal.sync(sync_id).state == SyncState.COMMITTING
        assert sent == ([("commit", sync_id)] if begun else [])
    return commit(portal.engine, sync_id, portal.clock)
