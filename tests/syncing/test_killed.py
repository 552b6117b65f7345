"""Stages killed with SIGKILL anywhere and run again end as if they had never been killed."""

import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
from sqlalchemy import make_url

from sisportal.config import PROJECT
from sisportal.models import Account, SchoolClass
from sisportal.sandbox import edits
from sisportal.sandbox.district import District
from sisportal.sandbox.serving import Served
from tests.services.postgres import Cluster
from tests.syncing.conftest import opened
from tests.syncing.killed import Outcome, Task
from tests.syncing.portal import Portal

SITUATIONS: dict[str, Callable[[Portal], object]] = {}


def situation(make: Callable[[Portal], object]) -> Callable[[Portal], object]:
    SITUATIONS[make.__name__.replace("_", " ")] = make
    return make


@situation
def a_first_sync(portal: Portal) -> None:
    """Everything is new, and everybody is written to; two sections at a time belong under one parent."""
    portal.option("email_on_create", "yes")
    sections = list(portal.served.sandbox.district.sections)
    for one, other in zip(sections[:6:2], sections[1:6:2], strict=True):
        other.school, other.course, other.teachers = one.school, one.course, list(one.teachers)


@situation
def a_later_sync(portal: Portal) -> None:
    """People and sections come, change, go and come back; a place in a roster is left out."""
    a_first_sync(portal)
    portal.sync_all()
    for seed in (1, 2):
        portal.pass_day(seed=seed, pace=12)
    portal.sync_all()
    for seed in (3, 5):
        portal.pass_day(seed=seed, pace=12)
    district = portal.served.sandbox.district
    sections = list(district.sections)
    edits.drop_section(district, sections[7].id)
    edits.add_section(district, sections[8], sections[9].students)


def killed(task: Task) -> Outcome:
    done = subprocess.run(
        [sys.executable, "-m", "tests.syncing.killed", msgspec.json.encode(task).decode()],
        stdout=subprocess.PIPE, cwd=PROJECT, check=True, timeout=120,
    )  # fmt: skip
    return msgspec.json.decode(done.stdout, type=Outcome)


def assert_as_if_never_killed(outcome: Outcome) -> None:
    undisturbed, *disturbed = outcome.runs
    assert {run.was_killed for run in disturbed} == {True}
    assert len({run.killed_at for run in disturbed}) == len(disturbed)
    assert {run.killed_at: run.kept == undisturbed.kept for run in disturbed} == {
        run.killed_at: True for run in disturbed
    }
    assert {run.outcome for run in disturbed} == {undisturbed.outcome}


def task_of(portal: Portal, stage: str) -> Task:
    """A sync to be killed: queued, or prepared with somebody unticked."""
    portal.add_administrator()
    undone = portal.sync_all() if stage.startswith("undo") else None
    if undone is not None:
        sync_id = portal.request_undo(undone) if stage == "undo-prepare" else portal.prepare_undo(undone)
        if stage == "undo-commit":
            portal.untick(sync_id, next(key[2] for key in sorted(portal.actions(sync_id)) if key[0] == "student"))
        stage = stage.removeprefix("undo-")
    elif stage == "prepare":
        sync_id = portal.request()
    else:
        sync_id = portal.prepare()
        portal.untick(sync_id, next(key[2] for key in sorted(portal.actions(sync_id)) if key[0] == "student"))
    return Task(stage, sync_id, [], portal.now, portal.served.url, portal.served.sandbox.token, undone)


@pytest.mark.parametrize("name", SITUATIONS)
@pytest.mark.parametrize(("stage", "times"), [("commit", 16), ("prepare", 8), ("undo-commit", 10), ("undo-prepare", 4)])
def test_a_stage_killed_at_any_statement_ends_as_if_it_never_had_been(
    sqlite_store_url: str, sandbox: Served, tmp_path: Path, name: str, stage: str, times: int
) -> None:
    with opened(sqlite_store_url, sandbox) as portal:
        portal.connect()
        SITUATIONS[name](portal)
        task = task_of(portal, stage)
    stored = sqlite_store_url.removeprefix("sqlite:///")
    for number in range(times + 1):
        copy = shutil.copyfile(stored, tmp_path / f"{number}.sqlite3")
        task.urls.append(f"sqlite:///{copy}")

    assert_as_if_never_killed(killed(task))


@pytest.mark.parametrize("stage", ["commit", "prepare", "undo-commit"])
def test_a_stage_killed_on_postgresql_ends_as_if_it_never_had_been(
    postgres_store_url: str, postgres_cluster: Cluster, sandbox: Served, stage: str
) -> None:
    with opened(postgres_store_url, sandbox) as portal:
        portal.connect()
        a_later_sync(portal)
        task = task_of(portal, stage)
    name = str(make_url(postgres_store_url).database)
    copies = [postgres_cluster.create(template=name) for _ in range(4)]
    task.urls = [postgres_cluster.url(copy) for copy in copies]

    outcome = killed(task)

    for copy in copies:
        postgres_cluster.drop(copy)
    assert_as_if_never_killed(outcome)


def test_the_situations_hold_what_can_go_wrong(quick_portal: Portal, district: District) -> None:
    """Every verb of people and sections, parents, and roster changes are among what is killed."""
    a_later_sync(quick_portal)
    sync_id = quick_portal.prepare()

    verbs = {key[:2] for key in quick_portal.actions(sync_id)}
    assert verbs >= {
        ("student", "add"), ("student", "edit"), ("student", "delete"), ("student", "reactivate"),
        ("section", "add"), ("section", "edit"), ("section", "delete"),
    }  # fmt: skip
    assert len(quick_portal.rows(SchoolClass, SchoolClass.is_parent)) == 4
    assert quick_portal.rows(Account, Account.archived_at.is_not(None))
