"""Random histories of days, decisions, crashes and undos of whole districts: promises that hold whatever comes (SPEC 7, 10).

- Nothing is ever destroyed: no row of accounts, classes, organizations or places goes, and the store never contradicts itself.
- Nobody whom the SIS lists is archived by a sync that reads it; nobody, and no class, whom it lists under a later id either,
  unless a person has said of that record who it is.
- A full commit leaves nothing to propose; an undo leaves nothing to propose either, until it is released.
- ``undo(commit(x))`` is ``x``: every record of the JSON export is, byte for byte, what it was. Since nothing may be
  destroyed, what the commit had made is still there: those records are archived, carry no identifier, and no record that was
  there before names any of them. The undo of the undo gives the commit's own export, all bytes of it.
- Released and committed in the end, the portal holds the district as it is, whatever came before.
"""

import random
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, cast

import msgspec
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from sqlalchemy import Table, event

from sisportal.models import Account, KeptBack, Membership, Organization, SchoolClass, SyncState
from sisportal.models.database import make_engine
from sisportal.sandbox.generator import generate
from sisportal.sandbox.service import create_sandbox
from sisportal.sandbox.serving import serve
from sisportal.syncing.commit import commit, discard
from sisportal.syncing.credentials import Cipher
from sisportal.syncing.releasing import release_guards
from sisportal.syncing.selfcheck import check_store
from tests.services.postgres import Cluster
from tests.syncing.anew import Anew, answer, assert_said
from tests.syncing.oracle import Expected
from tests.syncing.portal import WHO, Portal
from tests.syncing.test_histories import active

CIPHER = Cipher("made-up")
ROWS = (Account, SchoolClass, Organization, Membership)
DONE = {SyncState.COMMITTED, SyncState.PARTLY_COMMITTED}
Export = dict[str, dict[int, dict[str, Any]]]


class Crash(Exception):
    """The worker ends here."""


class History:
    """A portal and its SIS, through whatever steps come."""

    def __init__(self, portal: Portal) -> None:
        self.portal, self.district = portal, portal.served.sandbox.district
        self.committed: list[int] = []
        self.anew = Anew(self.district)
        self._keys: dict[str, set[Any]] = {}

    def take(self, step: str, chance: random.Random) -> None:
        self.anew.finish()
        STEPS[step](self, chance)
        self.check()

    def check(self) -> None:
        """No row is gone, and nothing contradicts itself."""
        for model in ROWS:
            names = [column.name for column in cast(Table, model.__table__).primary_key.columns]
            keys = {tuple(getattr(row, name) for name in names) for row in self.portal.rows(model)}
            assert self._keys.get(model.__tablename__, set()) <= keys
            self._keys[model.__tablename__] = keys
        assert check_store(self.portal.engine, CIPHER, self.portal.now) == []

    def commit(self, sync_id: int, *, crash_at: int = 0) -> None:
        """Commit, perhaps with a crash at that statement and a second go, and see that nobody listed was archived."""
        if crash_at:
            try:
                with crashing(self.portal, crash_at):
                    commit(self.portal.engine, sync_id, self.portal.clock)
            except Crash:
                self.portal.now += timedelta(minutes=1)
        assert self.portal.commit(sync_id) in DONE
        self.committed.append(sync_id)
        if self.portal.sync(sync_id).mode != "undo":
            gone = {
                key[2]
                for key, row in self.portal.actions(sync_id).items()
                if key[1] == "delete" and row.state == "applied"
            }
            assert gone.isdisjoint({*self.district.people.ids, *self.district.sections.ids})
            assert_said(self.portal, self.anew, gone)

    def quiet(self) -> None:
        """There is nothing to propose."""
        assert self.portal.actions(self.portal.prepare()) == {}

    def undo(self, sync_id: int, *, crash_at: int = 0) -> int:
        undo_id = self.portal.prepare_undo(sync_id)
        self.commit(undo_id, crash_at=crash_at)
        return undo_id


@contextmanager
def crashing(portal: Portal, at: int) -> Iterator[None]:
    """End whoever makes the statement of that number, as a killed worker ends: in the midst of a transaction."""
    left = [at]

    def note(*_: Any) -> None:
        left[0] -= 1
        if left[0] == 0:
            raise Crash

    event.listen(portal.engine, "before_cursor_execute", note)
    try:
        yield
    finally:
        event.remove(portal.engine, "before_cursor_execute", note)


def as_bytes(export: Export) -> dict[tuple[str, int], bytes]:
    return {(name, id_): msgspec.json.encode(each) for name, some in export.items() for id_, each in some.items()}


def assert_undone(before: Export, after: Export) -> None:
    was, now = as_bytes(before), as_bytes(after)
    assert {key: now[key] for key in was} == was
    made = [each for name, some in after.items() for id_, each in some.items() if id_ not in before[name]]
    assert [each for each in made if not each["archived"] or each["identifiers"]] == []


def a_day_passes(history: History, chance: random.Random) -> None:
    history.portal.pass_day(seed=chance.randrange(100), pace=4)


def nobody_commits(history: History, chance: random.Random) -> None:
    history.portal.prepare()


def somebody_discards(history: History, chance: random.Random) -> None:
    discard(history.portal.engine, history.portal.prepare(), history.portal.now, "Ada")


def somebody_gets_a_new_id(history: History, chance: random.Random) -> None:
    history.anew.person(chance)


def a_section_is_made_anew(history: History, chance: random.Random) -> None:
    history.anew.section(chance)


def everybody_gets_a_new_id(history: History, chance: random.Random) -> None:
    history.anew.everybody(chance)


def prepared(history: History, chance: random.Random) -> int:
    """A sync of which everything is said and released."""
    sync_id = history.portal.prepare()
    answer(history.portal, sync_id, chance)
    release_guards(history.portal.engine, sync_id, WHO, history.portal.now)
    return sync_id


def everything_is_committed(history: History, chance: random.Random) -> None:
    sync_id = prepared(history, chance)
    history.commit(sync_id, crash_at=chance.choice((0, 20, 45)))
    history.quiet()


def some_is_unticked(history: History, chance: random.Random) -> None:
    sync_id = history.portal.prepare()
    planned = sorted({key[2] for key in history.portal.actions(sync_id)})
    if planned:
        history.portal.untick(sync_id, *chance.sample(planned, k=max(1, len(planned) // 3)))
    history.commit(sync_id)


def the_newest_is_undone_and_that_undone(history: History, chance: random.Random) -> None:
    everything_is_committed(history, chance)
    before = history.portal.exported()
    history.portal.pass_day(seed=chance.randrange(100), pace=6)
    sync_id = prepared(history, chance)
    if not history.portal.actions(sync_id):
        return
    history.commit(sync_id)
    after = history.portal.exported()
    undo = history.undo(sync_id, crash_at=chance.choice((0, 15, 40, 70)))
    assert_undone(before, history.portal.exported())
    history.quiet()
    if chance.random() < 0.6:
        history.undo(undo)
        assert as_bytes(history.portal.exported()) == as_bytes(after)
        history.quiet()


def an_older_one_is_undone(history: History, chance: random.Random) -> None:
    """Whichever it is, an undo among them, in whole or in part."""
    able = [each for each in history.committed if history.portal.actions(each)]
    if not able:
        return
    undo_id = history.portal.prepare_undo(chance.choice(able))
    planned = sorted({key[2] for key in history.portal.actions(undo_id)})
    if planned and chance.random() < 0.4:
        history.portal.untick(undo_id, *chance.sample(planned, k=max(1, len(planned) // 4)))
    history.commit(undo_id)


def some_is_released(history: History, chance: random.Random) -> None:
    history.portal.propose_again()


STEPS: dict[str, Callable[[History, random.Random], None]] = {
    step.__name__: step
    for step in (
        a_day_passes, somebody_gets_a_new_id, everybody_gets_a_new_id, a_section_is_made_anew, nobody_commits, somebody_discards, everything_is_committed, some_is_unticked,
        the_newest_is_undone_and_that_undone, an_older_one_is_undone, some_is_released,
    )
}  # fmt: skip
HISTORIES = st.tuples(st.integers(0, 999), st.lists(st.sampled_from(sorted(STEPS)), min_size=3, max_size=7))
BOUNDED = settings(
    deadline=None, derandomize=True, database=None, phases=(Phase.generate,),
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)  # fmt: skip


def lived(url: str, seed: int, steps: list[str]) -> None:
    """The history, and that in its end the portal holds what the SIS says."""
    chance = random.Random(f"undo {seed}")
    with serve(create_sandbox(generate(30, seed=1 + seed % 5))) as served:
        engine = make_engine(url)
        portal = Portal(engine, served)
        portal.connect()
        portal.option("blanks", "replace")
        history = History(portal)
        for step in steps:
            history.take(step, chance)
        portal.propose_again()
        portal.sync_all()
        expected = Expected()
        expected.commit(history.district)
        assert active(portal.accounts()) == active(expected.accounts)
        assert active(portal.classes(), "style") == active(expected.classes, "style")
        assert portal.rows(KeptBack) == []
        history.quiet()
        history.check()
        engine.dispose()


@settings(BOUNDED, max_examples=6)
@given(history=HISTORIES)
def test_whatever_happens_every_promise_of_undo_holds(sqlite_template: Path, history: tuple[int, list[str]]) -> None:
    with TemporaryDirectory() as folder:
        path = shutil.copyfile(sqlite_template, Path(folder) / "portal.sqlite3")
        lived(f"sqlite:///{path}", *history)


@settings(BOUNDED, max_examples=2)
@given(history=HISTORIES)
def test_it_holds_on_postgresql_too(
    postgres_cluster: Cluster, postgres_template: str, history: tuple[int, list[str]]
) -> None:
    name = postgres_cluster.create(template=postgres_template)
    lived(postgres_cluster.url(name), *history)
    postgres_cluster.drop(name)
