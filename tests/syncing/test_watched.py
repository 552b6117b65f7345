"""The watched folder: what is whole is taken once and moved; what is half there, or no package, never becomes a sync."""

import os
import shutil
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from sisportal.models import AuditEvent, Notification, SisConnection, Sync, SyncState
from sisportal.models.database import make_engine
from sisportal.roster.options import with_option
from sisportal.sandbox.oneroster_csv import write_package
from sisportal.sandbox.serving import Served
from sisportal.syncing import connections
from sisportal.syncing.watched import DROPPED, WHO, Watch
from tests.fakes import FakeQueue
from tests.syncing.oneroster import CsvPortal
from tests.syncing.plans import make_sync


class Dropping(CsvPortal):
    """A CSV portal with a folder that is watched."""

    def __init__(self, url: str, served: Served, folder: Path) -> None:
        super().__init__(make_engine(url), served, folder)
        self.queue, self.incoming = FakeQueue(), folder / "incoming"
        self.incoming.mkdir()
        self.connection_id = connections.connect(self.engine, "csv", {connections.MAP_ALL_FIRST: True}, None, self.now)
        self.watch = self.new_watch()

    def new_watch(self) -> Watch:
        """As after a restart of the clock: nothing is remembered."""
        return Watch(self.incoming, self.folder, self.open_provider, self.queue)

    def drop(self, name: str = "roster.zip") -> Path:
        """A whole package, written now."""
        path = self.incoming / name
        with path.open("wb") as out:
            write_package(self.served.sandbox.district, out)
        return self.touch(path)

    def touch(self, path: Path) -> Path:
        moment = self.now.timestamp()
        os.utime(path, (moment, moment))
        return path

    def look(self, seconds: float = 30) -> list[int]:
        """Two looks of the clock, so far apart."""
        found = self.watch.look(self.engine, self.clock)
        self.now += timedelta(seconds=seconds)
        return found + self.watch.look(self.engine, self.clock)

    def lies(self, where: str = ".") -> list[str]:
        """Names of the files there, without the moment that was put before them."""
        folder = self.incoming / where
        return sorted(path.name.partition("-")[2] or path.name for path in folder.glob("*") if path.is_file())


@pytest.fixture
def portal(sqlite_store_url: str, sandbox: Served, tmp_path: Path) -> Iterator[Dropping]:
    portal = Dropping(sqlite_store_url, sandbox, tmp_path)
    portal.add_administrator()
    yield portal
    portal.engine.dispose()


def test_a_whole_file_is_taken_by_a_sync_and_moved(portal: Dropping) -> None:
    portal.drop()

    (sync_id,) = portal.look()

    assert (portal.lies(), portal.lies("done"), portal.queue.sent) == ([], ["roster.zip"], [("prepare", sync_id)])
    assert portal.sync(sync_id).automatic
    assert portal.sync(portal.try_prepare(sync_id)).state == SyncState.PREPARED
    assert portal.look() == []


def test_a_file_that_is_young_grows_or_is_half_there_is_left_alone(portal: Dropping) -> None:
    path = portal.drop()
    assert portal.look(seconds=5) == []
    portal.now += timedelta(seconds=60)

    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    portal.touch(path)
    assert portal.look(seconds=120) == []
    path.write_bytes(whole)
    portal.touch(path)
    assert portal.watch.look(portal.engine, portal.clock) == []
    assert len(portal.look()) == 1


def test_half_a_file_that_nobody_goes_on_with_is_refused_with_the_reason_beside_it(portal: Dropping) -> None:
    path = portal.drop()
    path.write_bytes(path.read_bytes()[:2000])
    portal.touch(path)

    assert portal.look(seconds=700) == []

    assert (portal.lies(), portal.lies("failed")) == ([], ["roster.zip", "roster.zip.reason.txt"])
    reason = next((portal.incoming / "failed").glob("*.txt")).read_text()
    assert "not a zip" in reason
    (told,) = portal.rows(Notification)
    assert ("roster.zip of the watched folder was refused" in told.text, reason.strip() in told.text) == (True, True)
    assert [(event.event, event.actor) for event in portal.rows(AuditEvent)][-1:] == [("file-refused", WHO.name)]
    assert portal.rows(Sync) == []
    assert list((portal.folder / "uploads").glob("*")) == []


def test_the_same_file_is_not_taken_twice_though_the_clock_was_killed_before_it_moved_it(portal: Dropping) -> None:
    path = portal.drop()
    (first,) = portal.look()
    moved = next((portal.incoming / "done").glob("*.zip"))
    shutil.copy2(moved, path)  # name, size and time are its own
    portal.watch = portal.new_watch()

    assert portal.look() == []

    assert (portal.lies(), len(portal.rows(Sync))) == ([], 1)
    portal.try_prepare(first)
    portal.drop()
    (second,) = portal.look()
    assert portal.sync(second).request[DROPPED] != portal.sync(first).request[DROPPED]


def test_while_another_sync_runs_a_file_waits_its_turn_and_the_oldest_comes_first(portal: Dropping) -> None:
    portal.drop("b.zip")
    portal.now += timedelta(seconds=1)
    portal.drop("a.zip")
    running = make_sync(
        portal.engine, portal.connection_id, state=SyncState.PREPARING, heartbeat_at=portal.now + timedelta(seconds=30)
    )
    assert portal.look() == []
    portal._change(Sync, Sync.id == running, state=SyncState.FAILED)

    (first,) = portal.look()

    assert (portal.sync(first).request[DROPPED].split("|")[0], portal.lies()) == ("b.zip", ["a.zip"])


def test_what_is_no_zip_a_link_or_hidden_is_never_touched(portal: Dropping) -> None:
    elsewhere = portal.drop("elsewhere.zip").rename(portal.folder / "elsewhere.zip")
    for name in ("notes.txt", ".roster.zip", "roster.zip.part"):
        shutil.copy2(elsewhere, portal.incoming / name)
    (portal.incoming / "link.zip").symlink_to(elsewhere)

    assert portal.look(seconds=1200) == []
    assert len(list(portal.incoming.iterdir())) == 4


def test_a_file_is_committed_by_itself_where_the_connection_says_so(portal: Dropping) -> None:
    changed = with_option(portal.facts().options, "auto_commit", "yes", "csv")
    connections.change_options(portal.engine, portal.connection_id, changed, portal.now)
    portal.drop()

    (sync_id,) = portal.look()

    assert portal.sync(sync_id).request["auto_commit"] is True


def test_a_disabled_connection_leaves_files_where_they_are(portal: Dropping) -> None:
    portal._change(SisConnection, SisConnection.id == portal.connection_id, enabled=False)
    portal.drop()

    assert (portal.look(), portal.lies()) == ([], ["roster.zip"])


def test_before_anybody_said_what_the_businesses_become_the_file_is_kept_and_administrators_are_told(
    portal: Dropping,
) -> None:
    connections.change_settings(portal.engine, portal.connection_id, portal.now, **{connections.MAP_ALL_FIRST: False})
    portal.drop()

    assert (portal.look(), portal.lies("done")) == ([], ["roster.zip"])

    (told,) = portal.rows(Notification)
    assert "Say what its businesses become" in told.text
    assert [(event.event, event.subject) for event in portal.rows(AuditEvent)][-1:] == [("file-taken", told.text)]
    assert Path(portal.facts().settings["waiting_file"]).is_file()
