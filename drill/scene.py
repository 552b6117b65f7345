"""Where an accident happens: a portal of its own, beside a SIS of its own, both as they were before; and the list of accidents."""

import copy
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import stamina
from sqlalchemy import Engine

from drill.stores import Stores
from sisportal.models import Account, AccountLink, SyncState
from sisportal.models.database import make_engine
from sisportal.sandbox.district import District
from sisportal.sandbox.entities import Person
from sisportal.sandbox.faults import Fault
from sisportal.sandbox.service import create_sandbox
from sisportal.sandbox.serving import serve
from sisportal.syncing.commit import commit
from sisportal.syncing.credentials import Cipher
from sisportal.syncing.releasing import release_guards
from sisportal.syncing.selfcheck import check_store
from tests.syncing.portal import PAGE, WHO, Portal

PAGES = f"limit={PAGE}"
"""Text in the query of a request for a page of a list, and not in one for its length."""
Keys = set[tuple[str, str, str]]
Play = Callable[["Scene"], object]


@dataclass(frozen=True)
class Accident:
    """What happens, and what is promised then."""

    name: str
    promise: str
    play: Play
    """Makes it happen. Raises ``AssertionError`` where the promise is broken."""


ACCIDENTS: dict[str, Accident] = {}


def accident(promise: str) -> Callable[[Play], Play]:
    """Put a function on the list; its name is the accident's."""

    def register(play: Play) -> Play:
        name = play.__name__.replace("_", " ")
        ACCIDENTS[name] = Accident(name, promise, play)
        return play

    return register


@dataclass(frozen=True)
class Base:
    """What every accident starts from: a portal that agrees with a district, and when that is."""

    stores: Stores
    url: str
    """Of its database, which is only copied."""
    district: District
    connection_id: int
    now: datetime
    usual: frozenset[tuple[str, str, str]]
    """What even an undisturbed sync plans: matches that wait for a person."""


class Scene(Portal):
    """A portal to which an accident happens."""

    def __init__(self, engine: Engine, served: Any, base: Base, folder: Path) -> None:
        super().__init__(engine, served, base.connection_id)
        self.now, self.usual, self.folder, self.stores = base.now, base.usual, folder, base.stores
        self.before = self.dump()

    @property
    def url(self) -> str:
        """The address of the database."""
        return self.engine.url.render_as_string(hide_password=False)

    def copy(self) -> str:
        """The address of another database that holds the same."""
        self.engine.dispose()
        return self.stores.copy(self.url)

    @property
    def district(self) -> District:
        """The district of the SIS."""
        found: District = self.served.sandbox.district
        return found

    def fault(self, name: str, path: str, where: str = PAGES, **how: Any) -> Fault:
        """Switch a fault of the SIS on."""
        return self.served.sandbox.faults.add(Fault(name=name, path=path, where=where, **({"seconds": 0.0} | how)))

    def fails(self, code: str = "") -> str:
        """Prepare, which has to fail with a sentence that says what to do, and to change nothing; the sentence."""
        row = self.sync(self.try_prepare())
        assert row.state == SyncState.FAILED, f"the sync is {row.state}"
        assert not code or row.error_code == code, f"it failed for another reason: {row.error_code}"
        assert len(row.note.split(". ")) > 1, "it does not say what to do"
        self.stands()
        return str(row.note)

    def stands(self) -> None:
        """Nothing of the portal's own records has changed."""
        assert self.dump() == self.before, "the portal's records have changed"

    def mends(self) -> None:
        """Once the accident is over, the next sync finds nothing to do, and the store fits together."""
        self.served.sandbox.faults.clear()
        self.now += timedelta(minutes=1)
        assert self.planned(self.prepare()) <= self.usual, "the next sync finds something to change"
        self.fits()

    def fits(self) -> None:
        """The store holds against itself."""
        findings = check_store(self.engine, Cipher("drill"), self.now)
        told = [each.what for each in findings if "SECRET_KEY" not in each.what]  # the copy has a key of its own
        assert not told, told[0]

    def planned(self, sync_id: int) -> Keys:
        """The actions of a sync: type, verb, id."""
        return set(self.actions(sync_id))

    def held_back(self, sync_id: int) -> str:
        """Commit what nothing holds; the state. Nobody releases anything."""
        state = commit(self.engine, sync_id, self.clock)
        self.now += timedelta(minutes=1)
        return str(state)

    def accept_all(self) -> int:
        """Prepare, release every guard and commit; the sync's id."""
        sync_id = self.prepare()
        release_guards(self.engine, sync_id, WHO, self.now)
        self.held_back(sync_id)
        return sync_id

    def active(self) -> set[int]:
        """Ids of the accounts that are not archived."""
        return {row.id for row in self.rows(Account) if row.archived_at is None}

    def student(self, number: int = 0) -> Person:
        """One of the students who have an account here and are in a class: not of a school that is not synced."""
        theirs, district = self.held(), self.district
        students = [p for p in district.people if p.student and p.id in theirs and district.taught_or_attended(p.id)]
        return students[number % len(students)]

    def held(self) -> set[str]:
        """The ids in the SIS of those who have an active account by this connection."""
        active = self.active()
        mine = self.rows(AccountLink, AccountLink.connection_id == self.connection_id)
        return {row.source_id for row in mine if row.account_id in active}


@contextmanager
def staged(base: Base, folder: Path) -> Iterator[Scene]:
    """A scene with copies of everything, gone in the end."""
    url = base.stores.copy(base.url)
    engine = make_engine(url)
    with (
        serve(create_sandbox(copy.deepcopy(base.district))) as served,
        stamina.set_testing(True, attempts=100, cap=True),
    ):
        try:
            yield Scene(engine, served, base, folder)
        finally:
            engine.dispose()
            base.stores.drop(url)
