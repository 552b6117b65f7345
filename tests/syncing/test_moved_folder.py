"""The data folder is moved while the portal is stopped: a file that was uploaded is not found any more, and nothing else is lost."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from sisportal.models import SyncState
from sisportal.models.database import make_engine
from sisportal.sandbox.serving import Served
from sisportal.syncing import running
from sisportal.syncing.prepare import request_sync
from sisportal.syncing.states import NotAllowed
from tests.syncing.oneroster import CsvPortal
from tests.syncing.portal import WHO


@pytest.fixture
def moved(sqlite_store_url: str, sandbox: Served, tmp_path: Path) -> Iterator[CsvPortal]:
    """A portal whose first sync was prepared before the move, and another one asked for."""
    (tmp_path / "old").mkdir()
    portal = CsvPortal(make_engine(sqlite_store_url), sandbox, tmp_path / "old")
    portal.connect()
    portal.prepare()
    request_sync(portal.engine, portal.connection_id, portal.now, file=portal.package())
    portal.folder = (tmp_path / "old").rename(tmp_path / "new")
    yield portal
    portal.engine.dispose()


def test_what_still_needs_the_file_says_that_it_is_to_be_uploaded_again(moved: CsvPortal) -> None:
    failed = moved.sync(moved.try_prepare(2))

    assert (failed.state, failed.note) == (
        SyncState.FAILED,
        "The file does not exist, or not any more. Upload it again, or name another.",
    )
    with pytest.raises(NotAllowed, match=r"The file of this sync is no longer kept\. Upload it again\."):
        running.start(moved.engine, moved.connection_id, WHO, moved.now, keep_ticks_of=1)


def test_what_was_prepared_is_committed_and_the_next_file_is_taken(moved: CsvPortal) -> None:
    moved.try_prepare(2)

    assert moved.commit(1) == SyncState.COMMITTED
    assert len(moved.accounts()) > 60
    assert moved.actions(moved.prepare()) == {}
