"""Accidents of people: two of them at once, and what happens between a review and its commit."""

import threading
from collections.abc import Callable

from drill.scene import Scene, accident
from sisportal.models import Account, Action
from sisportal.sandbox import edits
from sisportal.syncing import review
from sisportal.syncing.commit import commit, discard
from sisportal.syncing.prepare import prepare
from sisportal.syncing.review import Who
from sisportal.syncing.states import NotAllowed

ADA, EVE = Who("ada@example.org"), Who("eve@example.org")


def a_plan(scene: Scene) -> int:
    """Somebody is renamed and somebody leaves; the prepared sync."""
    edits.rename_person(scene.district, scene.student(0).id, last="Renamed")
    edits.leave(scene.district, scene.student(1).id)
    return scene.prepare()


def at_once(*calls: Callable[[], object]) -> list[str]:
    """Do them in threads that start together; what came of each: its answer, or the refusal as a sentence."""
    together, ended = threading.Barrier(len(calls)), list[str]()

    def run(call: Callable[[], object]) -> None:
        together.wait()
        try:
            ended.append(str(call()))
        except NotAllowed as refusal:
            ended.append(f"told: {refusal}")

    threads = [threading.Thread(target=run, args=(call,)) for call in calls]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return ended


@accident("Two tabs that press Commit apply the plan once; the later one is told or finds it done.")
def two_tabs_commit(scene: Scene) -> None:
    sync_id = a_plan(scene)
    ended = at_once(*[lambda: commit(scene.engine, sync_id, scene.clock)] * 2)
    assert any(not end.startswith("told") for end in ended), ended
    assert all(state != "planned" for state in scene.states(sync_id).values())
    applied = [row for row in scene.rows(Action, Action.sync_id == sync_id) if row.state == "applied"]
    numbers = scene.sync(sync_id).counts
    assert sum(verb.get("applied", 0) for verbs in numbers.values() for verb in verbs.values()) == len(applied)
    scene.mends()


@accident("A plan that is committed again changes nothing.")
def a_plan_applied_twice(scene: Scene) -> None:
    sync_id = a_plan(scene)
    state = scene.held_back(sync_id)
    before = scene.dump()
    if state == "committed":
        assert scene.held_back(sync_id) == "committed"
    assert scene.dump() == before
    scene.mends()


@accident("A record that somebody edits between review and commit is a conflict: the edit stays, and is listed.")
def edited_between_review_and_commit(scene: Scene) -> None:
    person = scene.student(0).id
    sync_id = a_plan(scene)
    account = scene.account_of(person)
    scene.edit_account(account.id, last_name="Edited here", search=f"edited here {account.username}")
    scene.held_back(sync_id)
    assert scene.states(sync_id)[person] == "conflict"
    assert scene.rows(Account, Account.id == account.id)[0].last_name == "Edited here"


@accident("A plan that a newer one replaced, or that somebody put aside, can no longer be committed.")
def a_plan_of_yesterday(scene: Scene) -> None:
    older = a_plan(scene)
    newer = scene.prepare()
    discard(scene.engine, newer, scene.now, "Ada")
    for sync_id in (older, newer):
        try:
            scene.held_back(sync_id)
        except NotAllowed:
            continue
        raise AssertionError("an old plan was committed")
    scene.stands()


@accident("Two administrators who start a sync at once start one; the other is told.")
def two_administrators_prepare(scene: Scene) -> None:
    first, second = scene.request(), scene.request()
    ended = at_once(
        lambda: prepare(scene.engine, first, scene.open_provider, scene.clock),
        lambda: prepare(scene.engine, second, scene.open_provider, scene.clock),
    )
    assert "prepared" in ended, ended
    assert all(end == "prepared" or end.startswith("told: Sync ") for end in ended), ended
    scene.stands()
    scene.mends()


@accident("Two administrators who tick and untick at once lose none of each other's ticks.")
def two_administrators_tick(scene: Scene) -> None:
    sync_id = a_plan(scene)
    ids = [row.id for row in scene.rows(Action, Action.sync_id == sync_id)]
    half = len(ids) // 2 or 1
    at_once(
        lambda: review.tick(scene.engine, sync_id, ids[:half], ticked=False, who=ADA, now=scene.now),
        lambda: review.tick(scene.engine, sync_id, ids[half:], ticked=False, who=EVE, now=scene.now),
    )
    assert {row.ticked for row in scene.rows(Action, Action.sync_id == sync_id)} == {False}
    scene.held_back(sync_id)
    scene.stands()
