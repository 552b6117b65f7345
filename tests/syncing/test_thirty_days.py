"""Thirty days one by one: after each committed sync the portal equals the district, by events and by full fetch alike."""

import json
import random
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, time
from pathlib import Path
from typing import Any

import pytest

from sisportal.models import Account, Sync, SyncMode, SyncState
from sisportal.models.database import make_engine
from sisportal.providers.base import Provider
from sisportal.providers.opening import CLEVER_VERSIONS, open_clever
from sisportal.sandbox.district import District
from sisportal.sandbox.generator import generate
from sisportal.sandbox.service import create_sandbox
from sisportal.sandbox.serving import Served, serve
from sisportal.syncing.connections import ConnectionFacts, OpenProvider
from sisportal.syncing.directory_export import export_json
from sisportal.syncing.prepare import request_sync
from sisportal.syncing.releasing import release_guards
from tests.syncing.oracle import Expected
from tests.syncing.portal import WHO, Portal

STUDENTS = 40
DAYS = 30


class DailyPortal(Portal):
    """A portal whose clock is that of the district, and which reads as it is told."""

    mode = SyncMode.FULL

    @property
    def open_provider(self) -> OpenProvider:
        def open_provider(facts: ConnectionFacts) -> Provider:
            evening = datetime.combine(self.served.sandbox.district.today, time(22), UTC).timestamp()
            return open_clever(
                base_url=self.served.url,
                token=self.served.sandbox.token,
                version=facts.options.api_version,
                clock=lambda: evening,
                sleep=lambda _seconds: None,
            )

        return open_provider

    def request(self) -> int:
        return request_sync(self.engine, self.connection_id, self.now, mode=self.mode)

    def commit_all(self, sync_id: int) -> None:
        self.say_new(sync_id)
        release_guards(self.engine, sync_id, WHO, self.now)
        assert self.commit(sync_id) == SyncState.COMMITTED, self.sync(sync_id).note

    def modes(self) -> list[str]:
        return [row.mode for row in self.rows(Sync)]


@pytest.fixture
def district() -> District:
    """Four schools, two of them with the same grades, so that students can move."""
    return generate(STUDENTS, schools=4, awkward=False)


@pytest.fixture
def sayable(district: District) -> None:
    """Without what not every version can say: preferred names, graduation years, a third gender (Clever: Data API)."""
    for person in district.people:
        if person.student:
            person.student.gender = person.student.gender.replace("X", "F") if person.student.gender else None
            person.student.preferred_first, person.student.graduation_year = None, None


@pytest.fixture
def sandbox(district: District) -> Iterator[Served]:
    with serve(create_sandbox(district)) as served:
        yield served


@pytest.fixture
def two(
    sandbox: Served, database_url: str, sqlite_template: Path, tmp_path: Path
) -> Iterator[tuple[DailyPortal, DailyPortal]]:
    """Two portals of one district: one reads events, one reads everything. The first is on either database."""
    with ExitStack() as stack:
        portals = []
        shutil.copyfile(sqlite_template, tmp_path / "other.sqlite3")
        for url in (database_url, f"sqlite:///{tmp_path}/other.sqlite3"):
            engine = make_engine(url)
            stack.callback(engine.dispose)
            portals.append(DailyPortal(engine, sandbox))
        for portal in portals:
            portal.connect()
        portals[0].mode = SyncMode.QUICK
        yield portals[0], portals[1]


def lms_side(portal: Portal) -> tuple[dict[str, Any], dict[str, Any]]:
    return portal.accounts(), portal.classes()


def test_thirty_days_by_events_and_by_full_fetch(two: tuple[DailyPortal, DailyPortal], district: District) -> None:
    """Missed days and syncs that nobody commits lie between."""
    chance = random.Random("thirty days")
    by_events, in_full = two
    expected = Expected()
    what: set[str] = set()
    for day in range(DAYS):
        for portal in two:
            portal.now = datetime.combine(district.today, time(20), UTC)
        if day and chance.random() < 0.15:
            what.add("missed")
        else:
            planned = [portal.prepare() for portal in two]
            assert actions(by_events, planned[0]) == actions(in_full, planned[1])
            if day and chance.random() < 0.25:
                what.add("never committed")
            else:
                for portal, sync_id in zip(two, planned, strict=True):
                    portal.commit_all(sync_id)
                expected.commit(district)
                assert (
                    lms_side(by_events)
                    == lms_side(in_full)
                    == (expected.accounts, expected_classes(by_events, expected))
                )
        what.update(each.what for each in by_events.pass_day(seed=7, pace=2).happenings)

    assert what >= HAPPENINGS
    assert lms_bytes(by_events) == lms_bytes(in_full)
    # Before the first day nothing had happened, so there was no event to go on from; since then only changes were read.
    full = [row.note for row in by_events.rows(Sync)[1:] if row.mode != "quick"]
    assert [note.partition(": ")[2] for note in full] == [NO_EVENTS_YET]


NO_EVENTS_YET = "The last committed sync found no events to go on from: the feed was empty or switched off."
HAPPENINGS = {
    "missed", "never committed", "joined", "left", "returned", "moved", "renamed", "new-email", "roster", "section-renamed",
    "section-added", "section-gone", "teacher-joined", "teacher-left", "term-recreated", "course-recreated", "user-split",
}  # fmt: skip


def actions(portal: Portal, sync_id: int) -> dict[tuple[str, str, str], Any]:
    return {key: (row.before, row.after, row.roster, row.held) for key, row in portal.actions(sync_id).items()}


def expected_classes(portal: Portal, expected: Expected) -> dict[str, Any]:
    """What is expected of the active ones; of those archived, only that they are."""
    held = portal.classes()
    return {id_: values if not values["archived"] else held[id_] for id_, values in expected.classes.items()}


@pytest.fixture
def fresh(sandbox: Served, sqlite_template: Path, tmp_path: Path) -> Iterator[Callable[[str], DailyPortal]]:
    """Makes portals of the district that read one version of the API."""
    with ExitStack() as stack:

        def make(version: str) -> DailyPortal:
            path = tmp_path / f"version-{version}.sqlite3"
            shutil.copyfile(sqlite_template, path)
            engine = make_engine(f"sqlite:///{path}")
            stack.callback(engine.dispose)
            portal = DailyPortal(engine, sandbox)
            portal.connect(organizations=True)
            portal.option("api_version", version)
            return portal

        yield make


def lms_bytes(portal: Portal) -> bytes:
    """The LMS side as it is exported, identifiers apart: the portal's own numbers and the ids of the SIS."""
    with portal.engine.connect() as connection:
        exported = json.loads(b"".join(export_json(connection)))
    names = {each["id"]: each["username"] for each in exported["accounts"]}
    # Of classes, SIS IDs are the SIS's own and the same in every version; parents have none.
    classes = {each["id"]: each["sis_id"] or f"parent {each['name']} {each['code']}" for each in exported["classes"]}
    for each in exported["classes"]:
        each |= {"teachers": [names[id_] for id_ in each["teachers"]], "parent": classes.get(each["parent"])}
        each["students"] = sorted(names[id_] for id_ in each["students"])
    for part in exported.values():
        for each in part:
            each.pop("id"), each.pop("identifiers")
        part.sort(key=lambda each: json.dumps(each, sort_keys=True))
    return json.dumps(exported, sort_keys=True).encode()


def test_every_version_makes_the_same_portal_of_a_district(sayable: None, fresh: Callable[[str], DailyPortal]) -> None:
    made: dict[str, bytes] = {}
    for version in CLEVER_VERSIONS:
        portal = fresh(version)
        portal.sync_all()
        made[version] = lms_bytes(portal)

    assert len(made["3.1"]) > 10_000
    assert {version for version, text in made.items() if text != made["3.1"]} == set()


@pytest.mark.parametrize(("was", "now"), [("2.1", "3.1"), ("1.1", "3.0"), ("3.1", "2.0")])
def test_another_version_changes_links_and_nothing_else(
    sayable: None, fresh: Callable[[str], DailyPortal], district: District, was: str, now: str
) -> None:
    portal = fresh(was)
    portal.sync_all()
    before, accounts = lms_bytes(portal), {row.id for row in portal.rows(Account)}
    portal.option("api_version", now)
    portal.mode = SyncMode.QUICK

    sync_id = portal.prepare()

    teachers = {key for key in portal.actions(sync_id) if key[0] == "teacher"}
    assert len(teachers) == sum(1 for person in district.people if person.teacher)
    for (type_, verb, _), row in portal.actions(sync_id).items():
        assert (type_, verb, row.held) in {("teacher", "edit", ""), ("section", "edit", "")}
        if type_ == "teacher":
            assert row.after.keys() == {"identifiers"}
    assert portal.sync(sync_id).mode == "full"
    portal.commit_all(sync_id)
    assert (lms_bytes(portal), {row.id for row in portal.rows(Account)}) == (before, accounts)
    portal.mode = SyncMode.FULL
    assert portal.actions(portal.prepare()) == {}
