"""Whatever habits a OneRoster server has, the portal ends with the same accounts and classes, and archives nobody who is there."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from shutil import copyfile
from typing import Any

import pytest

from sisportal.models.database import make_engine
from sisportal.sandbox.generator import generate
from sisportal.sandbox.oneroster_profiles import PROFILES
from sisportal.sandbox.service import create_sandbox
from sisportal.sandbox.serving import serve
from tests.syncing.oneroster import OneRosterPortal

NOT_PROVEN = {"never-sorted", "never-sorted-untold"}
"""Whose lists are never whole: what is missing is said, and nothing is archived."""
NOT_SHARED = {
    "no-courses": {"name", "code", "subject", "birth_date", "gender"},
    "like-infinite-campus": {"birth_date", "gender", "preferred_name"},
    "like-skyward": {"preferred_name", "gender"},
}
"""Fields that a server does not tell, or that its version of OneRoster adds."""
ALWAYS = {"organization", "organizations", "roles"}
Sides = tuple[list[dict[str, Any]], list[dict[str, Any]]]


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


def synced_twice(portal: OneRosterPortal) -> tuple[Sides, Sides]:
    """What the portal holds after a first sync, and after those of the next day: as changes, then in full."""
    portal.sync_all()
    first = portal.accounts(), portal.classes()
    portal.pass_day(seed=2)
    portal.commit_everything(portal.quick())
    portal.sync_all()
    return _sides(*first), _sides(portal.accounts(), portal.classes())


def _sides(accounts: dict[str, Any], classes: dict[str, Any]) -> Sides:
    """Without ids: profiles spell them in their own ways."""
    for values in classes.values():
        values["teachers"], values["students"] = len(values.get("teachers", ())), len(values.get("students", ()))
    return list(accounts.values()), list(classes.values())


def told(sides: Sides, left_out: set[str]) -> list[list[str]]:
    return [
        sorted(
            str(sorted((name, str(v)) for name, v in each.items() if name not in left_out | ALWAYS)) for each in side
        )
        for side in sides
    ]


@pytest.fixture(scope="module")
def truth(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Sides, Sides]:
    with portal_of("spec-true", sqlite_template, tmp_path_factory.mktemp("truth")) as portal:
        return synced_twice(portal)


@pytest.mark.parametrize("profile", [name for name in PROFILES if name not in NOT_PROVEN])
def test_every_habit_leads_to_the_same_accounts_and_classes(
    profile: str, truth: tuple[Sides, Sides], sqlite_template: Path, tmp_path: Path
) -> None:
    with portal_of(profile, sqlite_template, tmp_path) as portal:
        found = synced_twice(portal)

    left_out = NOT_SHARED.get(profile, set())
    assert told(found[0], left_out) == told(truth[0], left_out)
    assert told(found[1], left_out) == told(truth[1], left_out)


@pytest.mark.parametrize("profile", sorted(NOT_PROVEN))
def test_where_lists_are_never_whole_nobody_is_archived_and_the_report_says_why(
    profile: str, sqlite_template: Path, tmp_path: Path
) -> None:
    with portal_of(profile, sqlite_template, tmp_path) as portal:
        portal.sync_all()
        sync_id = portal.sync_all()

        assert portal.sync(sync_id).withheld
        assert not any(values["archived"] for values in portal.accounts().values())
