"""Whatever habits a OneRoster server has, the portal ends with the same accounts and classes, and archives nobody who is there."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from shutil import copyfile
from typing import Any

import pytest

from sisportal.models import SyncState
from sisportal.models.database import make_engine
from sisportal.sandbox.generator import generate
from sisportal.sandbox.oneroster_profiles import PROFILES
from sisportal.sandbox.service import create_sandbox
from sisportal.sandbox.serving import serve
from tests.syncing.oneroster import OneRosterPortal

NOT_PROVEN = {"never-sorted", "never-sorted-untold"}
"""Whose lists are never whole: what is missing is said, and nothing is archived."""
NOT_SHARED = {
    "no-courses": {"name", "code", "subject", "parent", "birth_date", "gender"},
    "like-infinite-campus": {"birth_date", "gender", "preferred_name", "roles"},
    "like-skyward": {"preferred_name", "gender", "roles"},
}
"""Fields that a server does not tell, or that its version of OneRoster adds."""
NO_DISTRICT = "schools-only"
"""Lists no organization above the schools."""
Side = dict[str, list[dict[str, Any]]]


@contextmanager
def portal_of(profile: str, template: Path, folder: Path) -> Iterator[OneRosterPortal]:
    copyfile(template, folder / f"{profile}.sqlite3")
    engine = make_engine(f"sqlite:///{folder / profile}.sqlite3")
    with serve(create_sandbox(generate(30))) as served:
        served.sandbox.oneroster.use(profile)
        portal = OneRosterPortal(engine, served)
        portal.connect()
        yield portal
    engine.dispose()


def synced_twice(portal: OneRosterPortal) -> tuple[Side, Side]:
    """What the portal holds after a first sync, and after those of the next day: as changes, then in full."""
    portal.sync_all()
    first = side(portal)
    portal.pass_day(seed=2)
    portal.commit_everything(portal.quick())
    portal.sync_all()
    return first, side(portal)


def side(portal: OneRosterPortal) -> Side:
    """The export with names instead of ids, which profiles spell in their own ways."""
    lists = portal.exported()
    groups = {id_: row["name"] for id_, row in lists["organizations"].items()}
    people = {id_: row["username"] for id_, row in lists["accounts"].items()}
    rooms = {id_: row["name"] for id_, row in lists["classes"].items()}
    for row in lists["organizations"].values():
        row["parent"] = groups.get(row["parent"])
    for row in lists["accounts"].values():
        row["organizations"] = sorted(groups[id_] for id_ in row["organizations"])
    for row in lists["classes"].values():
        row["parent"] = rooms.get(row["parent"])
        row["teachers"] = [people[id_] for id_ in row["teachers"]]
        row["students"] = sorted(people[id_] for id_ in row["students"])
    for row in (*lists["accounts"].values(), *lists["classes"].values()):
        row["organization"] = groups.get(row["organization"])
    return {kind: list(rows.values()) for kind, rows in lists.items()}


def told(side: Side, left_out: set[str]) -> dict[str, list[str]]:
    """Texts of the rows. Where sessions are not put under parents, for they have no course, parents are left out too."""
    if "parent" in left_out:
        side = side | {"classes": [row for row in side["classes"] if row["teachers"] or row["archived"]]}
    return {
        kind: sorted(
            str({name: value for name, value in row.items() if name not in left_out | {"id", "identifiers"}})
            for row in rows
        )
        for kind, rows in side.items()
    }


@pytest.fixture(scope="module")
def truth(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Side, Side]:
    with portal_of("spec-true", sqlite_template, tmp_path_factory.mktemp("truth")) as portal:
        return synced_twice(portal)


@pytest.mark.parametrize("profile", [name for name in PROFILES if name not in NOT_PROVEN])
def test_every_habit_leads_to_the_same_accounts_classes_and_rosters(
    profile: str, truth: tuple[Side, Side], sqlite_template: Path, tmp_path: Path
) -> None:
    with portal_of(profile, sqlite_template, tmp_path) as portal:
        found = synced_twice(portal)

    for expected, got in zip(truth, found, strict=True):
        left_out = NOT_SHARED.get(profile, set())
        wanted = schools_of(expected) if profile == NO_DISTRICT else expected
        assert told(got, left_out) == told(wanted, left_out)


def schools_of(side: Side) -> Side:
    schools = [row | {"parent": None} for row in side["organizations"] if row["parent"]]
    return side | {"organizations": schools}


@pytest.mark.parametrize("profile", sorted(NOT_PROVEN))
def test_where_lists_are_never_whole_nobody_is_archived_and_the_report_says_why(
    profile: str, sqlite_template: Path, tmp_path: Path
) -> None:
    with portal_of(profile, sqlite_template, tmp_path) as portal:
        portal.sync_all()
        sync_id = portal.sync_all()

        assert portal.sync(sync_id).withheld
        assert not any(values["archived"] for values in portal.accounts().values())


@pytest.mark.parametrize("profile", ["changing-revision", "like-classlink-loading"])
def test_data_that_change_in_the_middle_stop_a_sync_and_the_next_one_reads_them(
    profile: str, sqlite_template: Path, tmp_path: Path
) -> None:
    with portal_of("spec-true", sqlite_template, tmp_path) as portal:
        portal.sync_all()
        before = portal.dump()
        portal.served.sandbox.oneroster.use(profile)

        stopped = portal.try_prepare(portal.request())

        assert portal.sync(stopped).state == SyncState.FAILED
        assert portal.sync(stopped).error_code == "revision-changed"
        assert portal.sync(stopped).note.endswith(".")
        assert portal.actions(portal.prepare()) == {}
        assert portal.dump() == before
