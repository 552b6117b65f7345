"""Accidents of the machine: killed, full, locked, without its queue, its clock put forth and back."""

import threading
import time
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from datetime import time as time_of_day
from zipfile import ZipFile
from zoneinfo import ZoneInfo

from sqlalchemy import event, update
from sqlalchemy.exc import OperationalError

from drill.accidents_of_people import a_plan
from drill.scene import Scene, accident
from sisportal.models import Sync, SyncState
from sisportal.models.database import make_engine, writing
from sisportal.roster.daily import due
from sisportal.sandbox import edits
from sisportal.syncing import apps
from sisportal.syncing.administrators import make_administrator
from sisportal.syncing.backup import write_backup
from sisportal.syncing.backup_file import opened, verify
from sisportal.syncing.commit import commit
from sisportal.syncing.prepare import prepare
from sisportal.syncing.recovery import recover
from sisportal.syncing.releasing import release_guards
from sisportal.syncing.states import claim, is_alive
from tests.fakes import FakeQueue
from tests.jobs.launched import free_ports
from tests.services.visiting import Administrator, kill_all, web_process
from tests.syncing.killed import Task
from tests.syncing.portal import WHO
from tests.syncing.test_killed import assert_as_if_never_killed, killed

KILLS = 3
A_WHILE = timedelta(minutes=1)


def kill_at_any_statement(scene: Scene, stage: str, sync_id: int) -> None:
    """Kill the stage at several of its statements, each time in a copy, and let it go on."""
    copies = [scene.copy() for _ in range(KILLS + 1)]
    task = Task(stage, sync_id, copies, scene.now, scene.served.url, scene.served.sandbox.token)
    try:
        assert_as_if_never_killed(killed(task))
    finally:
        for copy in copies:
            scene.stores.drop(copy)


@accident(
    "A commit that is killed anywhere and goes on ends as if it had never been killed: nothing twice, nothing lost."
)
def a_kill_during_the_commit(scene: Scene) -> None:
    scene.pass_day(seed=3, pace=8)
    kill_at_any_statement(scene, "commit", scene.prepare())


@accident("A prepare that is killed anywhere leaves the portal alone, and the next one plans the same.")
def a_kill_during_the_prepare(scene: Scene) -> None:
    scene.pass_day(seed=3, pace=8)
    kill_at_any_statement(scene, "prepare", scene.request())


@accident(
    "A web process that is killed while a commit runs takes nothing along: what was unticked stays so, the rest is applied."
)
def the_web_process_is_killed(scene: Scene) -> None:
    sync_id, port = a_plan(scene), free_ports()
    key, action = next(each for each in scene.actions(sync_id).items() if each[0] not in scene.usual)
    make_administrator(scene.engine, "web@drill.example", "a drill, no more", datetime.now(UTC), actor="drill")
    with writing(scene.engine).begin() as connection:
        for app in apps.APPS:  # whose pages are to be there
            apps.install(connection, app, scene.now)
    environ = {"DATA_DIR": str(scene.folder), "DATABASE_URL": scene.url, "SECRET_KEY": "drill"}
    with web_process(environ, port) as web:
        somebody = Administrator(port, scene.folder)
        somebody.sign_in("web@drill.example", "a drill, no more")
        somebody.send(f"/syncs/{sync_id}/actions/{action.id}/tick", f"/syncs/{sync_id}/actions")
        begun = list[bool]()

        def between(_connection: object) -> None:
            begun.append(True)
            if len(begun) == 5:
                kill_all(web.pid)

        event.listen(scene.engine, "engine_connect", between)
        scene.held_back(sync_id)
        event.remove(scene.engine, "engine_connect", between)
    assert len(begun) >= 5, "the commit ended before anything was killed"
    assert scene.states(sync_id)[key[2]] == "unticked", "a tick was lost"
    assert "applied" in scene.states(sync_id).values(), "nothing was applied"
    scene.now += A_WHILE
    assert scene.planned(scene.prepare()) <= scene.usual | {key}, "the next sync finds something to change"
    scene.fits()


@accident("A disk that is full during a commit stops it; with room again it goes on and ends as it should.")
def a_full_disk_during_the_commit(scene: Scene) -> None:
    for number in range(30):
        edits.rename_section(
            scene.district, scene.district.sections.ids[number % len(scene.district.sections)], "é" * 1_500
        )
        _join(scene, number)
    sync_id = scene.prepare()
    release_guards(scene.engine, sync_id, WHO, scene.now)  # so many classes are more than a small portal takes unasked
    with scene.stores.full(scene.engine):
        said = _failure(lambda: commit(scene.engine, sync_id, scene.clock))
    assert "full" in said, said or "the disk was not full"
    assert scene.sync(sync_id).state in {SyncState.PREPARED, SyncState.COMMITTING}
    scene.now += A_WHILE
    scene.held_back(sync_id)
    scene.mends()


def _failure(stage: Callable[[], object]) -> str:
    """What the database says when the stage stops; blank where it does not."""
    try:
        stage()
    except OperationalError as error:
        return str(error.orig)
    return ""


def _join(scene: Scene, number: int) -> None:
    like = scene.district.sections[scene.district.sections.ids[number % len(scene.district.sections)]]
    edits.add_section(scene.district, like, like.students)


@accident("A disk that is full during a prepare fails or interrupts it; the next one does it all.")
def a_full_disk_during_the_prepare(scene: Scene) -> None:
    for number in range(30):
        _join(scene, number)
    sync_id = scene.request()
    with scene.stores.full(scene.engine):
        said = _failure(lambda: prepare(scene.engine, sync_id, scene.open_provider, scene.clock))
    assert "full" in said, said or "the disk was not full"
    scene.stands()
    scene.now += A_WHILE
    recover(scene.engine, FakeQueue(), scene.now)
    assert scene.sync(sync_id).state in {SyncState.FAILED, SyncState.INTERRUPTED}
    scene.accept_all()
    scene.mends()


@accident("A database that somebody else has locked for a while is waited for.")
def a_database_that_is_locked(scene: Scene) -> None:
    sync_id = a_plan(scene)
    locked = threading.Event()

    def lock() -> None:
        with scene.stores.locked(scene.url):
            locked.set()
            time.sleep(0.7)

    somebody = threading.Thread(target=lock)
    somebody.start()
    locked.wait()
    scene.held_back(sync_id)
    somebody.join()
    assert "applied" in scene.states(sync_id).values()
    scene.mends()


@accident("A queue that is gone loses nothing: what was asked for begins when it is back.")
def the_queue_is_gone(scene: Scene) -> None:
    sync_id, queue = scene.request(), FakeQueue()
    queue.away = True
    scene.now += A_WHILE
    assert recover(scene.engine, queue, scene.now) == []
    assert scene.sync(sync_id).state == SyncState.QUEUED
    queue.away = False
    assert recover(scene.engine, queue, scene.now) == [("prepare", sync_id)]
    scene.stands()


def _jump(scene: Scene, by: timedelta) -> None:
    """A stage that lives beats on, one that died is found, whatever the clock says now."""
    sync_id, queue = scene.request(), FakeQueue()
    claim(scene.engine, sync_id, SyncState.PREPARING, scene.now)
    scene.now += by

    def beat(_seconds: float) -> None:
        with writing(scene.engine).begin() as connection:
            connection.execute(update(Sync).where(Sync.id == sync_id).values(heartbeat_at=scene.now))

    recover(scene.engine, queue, scene.now, beat)
    row = scene.sync(sync_id)
    assert is_alive(row.state, row.heartbeat_at, scene.now), "a living stage was taken for dead"
    scene.now += by
    recover(scene.engine, queue, scene.now)
    assert scene.sync(sync_id).state == SyncState.INTERRUPTED, "a dead stage was taken for living"
    scene.mends()


@accident("When the clock jumps forth, a stage that lives is left alone and a dead one is found.")
def the_clock_jumps_forth(scene: Scene) -> None:
    _jump(scene, timedelta(days=2))


@accident("When the clock jumps back, a stage that lives is left alone and a dead one is found.")
def the_clock_jumps_back(scene: Scene) -> None:
    _jump(scene, -timedelta(hours=5))


def _runs(zone: ZoneInfo, at: time_of_day, first: date) -> list[datetime]:
    """When the daily run starts in the three days from ``first``, asked every quarter of an hour."""
    now = datetime(first.year, first.month, first.day, tzinfo=UTC) - timedelta(hours=12)
    handled, started = now, list[datetime]()
    for _ in range(4 * 24 * 4):
        answer = due(at, zone, handled, now)
        handled = answer.handled_until
        if answer.start is not None:
            started.append(answer.start.astimezone(zone))
        now += timedelta(minutes=15)
    return started


def _once_a_day(first: date, changed: date) -> None:
    started = _runs(ZoneInfo("Europe/Stockholm"), time_of_day(2, 30), first)
    days = [moment.date() for moment in started]
    assert len(days) == len(set(days)), "a run came twice"
    assert changed in days, "a run was left out"


@accident("In the night in which the clocks go forth, the daily sync whose hour is skipped runs once.")
def the_night_of_spring(_scene: Scene) -> None:
    _once_a_day(date(2026, 3, 28), date(2026, 3, 29))


@accident("In the night in which the clocks go back, the daily sync whose hour comes twice runs once.")
def the_night_of_autumn(_scene: Scene) -> None:
    _once_a_day(date(2026, 10, 24), date(2026, 10, 25))


@accident("A backup taken while a commit runs is whole, and holds the commit as one that goes on.")
def a_backup_during_a_commit(scene: Scene) -> None:
    sync_id = a_plan(scene)
    file, begun = scene.folder / "backup.zip", list[bool]()

    def between(_connection: object) -> None:
        begun.append(True)
        if len(begun) == 9:
            with file.open("wb") as fresh:
                write_backup(other, fresh, scene.now, "drill", None)

    other = make_engine(scene.url)
    event.listen(scene.engine, "engine_connect", between)
    scene.held_back(sync_id)
    event.remove(scene.engine, "engine_connect", between)
    other.dispose()
    with opened(file) as (archive, manifest):
        verify(archive, manifest)
        assert _states(archive).count('"committing"') == 1
    scene.mends()


def _states(archive: ZipFile) -> str:
    return archive.read("tables/sync.jsonl").decode()
