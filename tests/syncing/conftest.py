"""A portal beside a served sandbox, for tests of the stages from end to end."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import stamina

from sisportal.models.database import make_engine
from sisportal.sandbox.serving import Served
from tests.syncing.portal import Portal


@pytest.fixture(autouse=True)
def _no_waiting() -> Iterator[None]:
    """Stamina keeps its attempts and drops its pauses."""
    with stamina.set_testing(True, attempts=100, cap=True):
        yield


@contextmanager
def opened(url: str, sandbox: Served) -> Iterator[Portal]:
    """A portal whose tables are at ``url``, read from the sandbox."""
    engine = make_engine(url)
    yield Portal(engine, sandbox)
    engine.dispose()


@pytest.fixture
def portal(database_url: str, sandbox: Served) -> Iterator[Portal]:
    """A portal that is connected to the sandbox with every school mapped; nothing is synced yet. On both databases."""
    with opened(database_url, sandbox) as portal:
        portal.connect()
        yield portal


@pytest.fixture
def quick_portal(sqlite_store_url: str, sandbox: Served) -> Iterator[Portal]:
    """The same on SQLite alone: for what does not depend on the database."""
    with opened(sqlite_store_url, sandbox) as portal:
        portal.connect()
        yield portal
