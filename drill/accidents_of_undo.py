"""Accidents of an undo: somebody edited in between, it is killed, it comes twice."""

from contextlib import suppress

from drill.accidents_of_people import a_plan
from drill.accidents_of_the_machine import kill_at_any_statement
from drill.scene import Scene, accident
from sisportal.models import Account
from sisportal.syncing.states import NotAllowed


@accident("An undo puts back what the sync changed, keeps what somebody edited since, and says why.")
def undo_after_edits(scene: Scene) -> None:
    renamed, left = scene.student(0).id, scene.student(1).id
    last_name = scene.account_of(renamed).last_name
    sync_id = a_plan(scene)
    scene.held_back(sync_id)
    edited = scene.account_of(renamed)
    scene.edit_account(edited.id, last_name="Edited here", search=f"edited here {edited.first_name} {edited.username}")
    undo_id = scene.prepare_undo(sync_id)
    scene.held_back(undo_id)
    assert scene.account_of(left).archived_at is None, "who was archived is not back"
    assert scene.rows(Account, Account.id == edited.id)[0].last_name == "Edited here", "the edit is lost"
    assert last_name != "Edited here"
    assert scene.sync(undo_id).note or scene.warnings(undo_id), "nothing says what was kept"


@accident("What was undone is not proposed again by the next sync.")
def a_sync_after_an_undo(scene: Scene) -> None:
    before = scene.exported()
    sync_id = a_plan(scene)
    scene.held_back(sync_id)
    scene.held_back(scene.prepare_undo(sync_id))
    assert scene.exported() == before, "the undo left something behind"
    quiet = scene.prepare()
    assert scene.planned(quiet) <= scene.usual, "it is proposed again"
    assert scene.sync(quiet).kept_back


@accident("A sync that is undone twice is undone once; the second undo is told, or finds nothing to do.")
def an_undo_that_comes_twice(scene: Scene) -> None:
    sync_id = a_plan(scene)
    scene.held_back(sync_id)
    scene.held_back(scene.prepare_undo(sync_id))
    before = scene.dump()
    with suppress(NotAllowed):
        scene.held_back(scene.prepare_undo(sync_id))
    assert scene.dump() == before


@accident("An undo that is killed anywhere and goes on ends as if it had never been killed.")
def an_undo_that_is_killed(scene: Scene) -> None:
    sync_id = a_plan(scene)
    scene.held_back(sync_id)
    kill_at_any_statement(scene, "commit", scene.prepare_undo(sync_id))
