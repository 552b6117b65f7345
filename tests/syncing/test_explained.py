"""Every action says in sentences which record it came from, which rule, option and decision shaped it, and what came before."""

from sisportal.models import Action, Sync
from sisportal.sandbox import edits
from sisportal.sandbox.district import District
from sisportal.syncing import explained
from tests.syncing.portal import Portal
from tests.syncing.test_killed import a_later_sync
from tests.syncing.test_undo_kept import grade, pupils


def told(portal: Portal, sync_id: int, *key: str) -> tuple[list[str], list[str]]:
    """Why an action is what it is, and what happened to its record before."""
    type_, verb, source_id = key
    row = portal.actions(sync_id)[type_, verb, source_id]
    with portal.engine.connect() as connection:
        known = explained.around(connection, portal.sync(sync_id), row)
        before = explained.before(row, known.past)
        return explained.why(connection, portal.sync(sync_id), row, known), [each.sentence for each in before]


def test_an_add_says_what_was_looked_for_and_not_found(quick_portal: Portal, district: District) -> None:
    one = pupils(district)[0]
    sync_id = quick_portal.prepare()

    why, before = told(quick_portal, sync_id, "student", "add", one)

    school = next(school.name for school in district.schools if school.id == district.people[one].as_student.school)
    assert why == [
        f"It comes from the student {one} of Clever at {school}.",
        "No account is linked to it, and none was found by the student ID: a new one is made.",
    ]
    assert before == []


def test_an_edit_says_since_when_it_is_linked_and_what_happened_until_then(
    quick_portal: Portal, district: District
) -> None:
    one = pupils(district)[0]
    first = quick_portal.sync_all()
    grade(district, one, "6")
    second = quick_portal.sync_all()
    undo = quick_portal.undo(second)
    quick_portal.propose_again()
    plan = quick_portal.prepare()

    why, before = told(quick_portal, plan, "student", "edit", one)

    assert why[1:] == [f"The account is linked to it since sync {first}."]
    assert before == [
        f"Sync {undo}, the undo of sync {second}, changed it.",
        f"Sync {second} changed it.",
        f"Sync {first} added it.",
    ]
    why, _ = told(quick_portal, second, "student", "edit", one)
    assert why[-1] == f"Sync {undo} undid it."
    why, _ = told(quick_portal, undo, "student", "edit", one)
    assert why[0].startswith(f"It takes back what sync {second} did with the student {one} of Clever")


def test_a_delete_says_that_the_list_was_proven_whole(quick_portal: Portal, district: District) -> None:
    quick_portal.sync_all()
    one = pupils(district)[0]
    edits.leave(district, one)
    sync_id = quick_portal.prepare()
    quick_portal.untick(sync_id, one)

    why, _ = told(quick_portal, sync_id, "student", "delete", one)

    assert why[1].startswith("Clever does not list it any more: that list was proven to be whole, ")
    assert why[-1] == "Somebody unticked it."


def test_a_new_class_says_which_options_made_it(quick_portal: Portal, district: District) -> None:
    section = next(iter(district.sections))
    district.note(section)
    section.term = None
    sync_id = quick_portal.prepare()

    why, _ = told(quick_portal, sync_id, "section", "add", section.id)

    assert "It has no start and no finish in the SIS, and the options make such classes self-paced." in why
    assert "The options put it under one parent with other new classes of the same teacher and session key." in why


def test_every_action_of_a_district_is_explained(quick_portal: Portal) -> None:

    a_later_sync(quick_portal)
    undo = quick_portal.undo(quick_portal.sync_all())
    syncs = {row.id: row for row in quick_portal.rows(Sync)}
    with quick_portal.engine.connect() as connection:
        for row in quick_portal.rows(Action):
            sync = syncs[row.sync_id]
            why = explained.why(connection, sync, row, explained.around(connection, sync, row))
            assert len(why) >= (1 if row.sync_id == undo else 2)
