"""Every action says in sentences which record it came from, which rule, option and decision shaped it, and what came before."""

from datetime import UTC, datetime, timedelta

from sisportal.models import Action, RecordKind, Sync
from sisportal.models.database import writing
from sisportal.sandbox import edits
from sisportal.sandbox.days import pass_day
from sisportal.sandbox.district import District
from sisportal.syncing import accounts, explained, explaining, pins
from sisportal.syncing.choosing import choose_value
from sisportal.syncing.deciding import Said, decide
from sisportal.syncing.releasing import release_guards
from tests.syncing.portal import WHO, Portal
from tests.syncing.test_guarding import school_of
from tests.syncing.test_killed import a_later_sync
from tests.syncing.test_pins import edit_account
from tests.syncing.test_undo_kept import grade, pupils


def told(portal: Portal, sync_id: int, *key: str) -> tuple[list[str], list[str]]:
    """Why an action is what it is, and what happened to its record before."""
    type_, verb, source_id = key
    row = portal.actions(sync_id)[type_, verb, source_id]
    with portal.engine.connect() as connection:
        known = explained.around(connection, portal.sync(sync_id), row)
        before = explained.before(connection, portal.sync(sync_id), row, known.past)
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
    assert why[0].startswith(f"It takes back that sync {second} changed the student {one} of Clever.")


def test_a_delete_says_that_the_list_was_proven_whole(quick_portal: Portal, district: District) -> None:
    quick_portal.sync_all()
    one = pupils(district)[0]
    edits.leave(district, one)
    sync_id = quick_portal.prepare()
    quick_portal.untick(sync_id, one)

    why, _ = told(quick_portal, sync_id, "student", "delete", one)

    assert why[1] == "Clever does not list it any more."
    assert why[2].startswith("Its list was proven to be whole. We saw ")
    assert why[-1] == "Somebody unticked it."


def test_a_quick_sync_says_of_how_much_it_saw_changes(quick_portal: Portal, district: District) -> None:
    district.today = datetime.now(UTC).date() - timedelta(days=2)  # Clever keeps events for thirty days
    pass_day(district, pace=1)
    quick_portal.sync_all()
    edits.rename_person(district, pupils(district)[0], last="Changed")
    district.settle()

    sync_id = quick_portal.prepare_quick()

    assert [explaining.seal_sentence(seal) for seal in quick_portal.sync(sync_id).completeness] == [
        "We saw changes of 1 person",
        "We saw changes of 0 sections",
    ]


def test_a_new_class_says_which_options_made_it(quick_portal: Portal, district: District) -> None:
    section = next(iter(district.sections))
    district.note(section)
    section.term = None
    sync_id = quick_portal.prepare()

    why, _ = told(quick_portal, sync_id, "section", "add", section.id)

    assert "It has no start and no finish in the SIS, and the options make such classes self-paced." in why
    assert "The options put it under one parent with other new classes of the same teacher and session key." in why


def test_what_people_did_by_hand_stands_between_what_syncs_did(quick_portal: Portal, district: District) -> None:
    first = quick_portal.sync_all()
    one = pupils(district)[0]
    section = next(each for each in district.sections if one in each.students)
    account_id, class_ = quick_portal.account_of(one).id, quick_portal.class_of(section.id)
    edit_account(quick_portal, account_id, last_name="By Hand", grade="3")
    quick_portal.now += timedelta(minutes=1)
    with writing(quick_portal.engine).begin() as connection:
        accounts.archive(connection, account_id, WHO, quick_portal.now)
        accounts.reactivate(connection, account_id, WHO, quick_portal.now + timedelta(minutes=1))
        later = quick_portal.now + timedelta(minutes=2)
        pins.edited(connection, RecordKind.CLASS, class_.id, (), WHO, later, members=[account_id])
    quick_portal.now = later + timedelta(minutes=1)
    edits.leave(district, one)
    second = quick_portal.prepare()

    _, before = told(quick_portal, second, "student", "delete", one)

    assert before == [
        f"a test changed their place in {class_.name} by hand.",
        "a test made it active again by hand.",
        "a test archived it by hand.",
        "a test changed by hand: Last name, Grade.",
        f"Sync {first} added it.",
    ]
    _, before = told(quick_portal, first, "student", "add", one)
    assert before == [], "none of it had happened before the first sync"


def test_what_happened_under_an_older_id_belongs_to_the_story(quick_portal: Portal, district: District) -> None:
    first = quick_portal.sync_all()
    one = pupils(district)[0]
    account_id = quick_portal.account_of(one).id
    [(_, new)] = [pair for pair in edits.remake_ids(district).items() if pair[0] == one]
    second = quick_portal.prepare()
    for row in quick_portal.rows(Action, Action.sync_id == second, Action.source_id == new):
        decide(quick_portal.engine, second, row.id, Said(same=account_id), WHO, quick_portal.now)

    _, before = told(quick_portal, second, "student", "edit", new)

    assert before == [f"Sync {first} added it."]


def test_a_release_and_what_the_guard_had_said_are_told_of_each_action(
    quick_portal: Portal, district: District
) -> None:
    quick_portal.sync_all()
    school, leavers = school_of(district, 6)
    edits.leave(district, *leavers)
    other = next(p.id for p in district.people if p.student and p.as_student.school != school)
    edits.leave(district, other)
    sync_id = quick_portal.prepare()
    why, _ = told(quick_portal, sync_id, "student", "delete", leavers[0])
    assert why[-1].startswith("It is held. 6 of "), "with the numbers that tripped the guard"
    release_guards(quick_portal.engine, sync_id, WHO, quick_portal.now)

    why, _ = told(quick_portal, sync_id, "student", "delete", leavers[0])
    assert why[-1] == ("A person released it, although a guard had held it: Unusually many would be archived at once.")
    why, _ = told(quick_portal, sync_id, "student", "delete", other)
    assert not any("released" in sentence for sentence in why), "nobody had to release that one"


def test_a_choice_between_the_portals_value_and_the_siss_is_told(quick_portal: Portal, district: District) -> None:
    quick_portal.sync_all()
    one = pupils(district)[0]
    edit_account(quick_portal, quick_portal.account_of(one).id, last_name="By Hand", grade="3")
    edits.rename_person(district, one, last="From There")
    grade(district, one, "7")
    sync_id = quick_portal.prepare()
    action_id = quick_portal.actions(sync_id)["student", "edit", one].id
    choose_value(quick_portal.engine, sync_id, action_id, {"grade"}, WHO, quick_portal.now)

    why, _ = told(quick_portal, sync_id, "student", "edit", one)

    assert why[-2:] == [
        "A person chose to keep what the portal holds: Last name.",
        "A person chose to take what the SIS says: Grade.",
    ]


def test_every_action_of_a_district_is_explained(quick_portal: Portal) -> None:

    a_later_sync(quick_portal)
    undo = quick_portal.undo(quick_portal.sync_all())
    syncs = {row.id: row for row in quick_portal.rows(Sync)}
    with quick_portal.engine.connect() as connection:
        for row in quick_portal.rows(Action):
            sync = syncs[row.sync_id]
            why = explained.why(connection, sync, row, explained.around(connection, sync, row))
            assert len(why) >= (1 if row.sync_id == undo else 2)
