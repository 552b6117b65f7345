"""Rosters, teachers' order and sessions that a person changed: what the syncs after it make of them."""

from collections.abc import Callable
from typing import Any

import pytest

from sisportal.models import Account, Membership, Pin, SchoolClass, SyncState
from sisportal.models.database import writing
from sisportal.sandbox import edits
from sisportal.sandbox.district import District
from sisportal.sandbox.entities import Section
from sisportal.syncing import class_members, classes, explained, members
from sisportal.syncing.choosing import choose_value
from sisportal.syncing.class_members import Part
from tests.syncing.portal import WHO, Portal


@pytest.fixture
def section(district: District) -> Section:
    """A section with two teachers, Anna's and Bert's places, and some students."""
    found = next(s for s in district.sections if s.teachers and len(s.students) > 3)
    others = [p.id for p in district.people if p.teacher and p.id not in found.teachers]
    edits.set_teachers(district, found.id, [found.teachers[0], others[0]])
    return found


@pytest.fixture
def third(district: District, section: Section) -> str:
    """A teacher who is not in the section."""
    return [p.id for p in district.people if p.teacher and p.id not in section.teachers][-1]


@pytest.fixture
def synced(quick_portal: Portal, section: Section) -> Portal:
    quick_portal.sync_all()
    return quick_portal


def by_hand(portal: Portal, change: Callable[..., Any], section: Section, *rest: Any) -> None:
    """Change the roster of a section's class as its page does."""
    class_id = portal.class_of(section.id).id
    with writing(portal.engine).begin() as connection:
        change(connection, class_id, *rest, WHO, portal.now)


def teachers(portal: Portal, section: Section) -> list[str]:
    found: list[str] = portal.classes()[section.id]["teachers"]
    return found


def positions(portal: Portal, section: Section) -> list[int]:
    class_id = portal.class_of(section.id).id
    rows = portal.rows(Membership, Membership.class_id == class_id, Membership.ended_by_sync.is_(None))
    return sorted(row.position for row in rows if row.position < Membership.STUDENT)


def nothing_is_left(portal: Portal) -> bool:
    return portal.actions(portal.prepare()) == {}


def test_an_order_set_by_hand_stays_while_only_students_move(
    synced: Portal, district: District, section: Section
) -> None:
    anna, bert = section.teachers
    by_hand(synced, class_members.lead, section, synced.account_of(bert).id)
    assert nothing_is_left(synced)
    edits.withdraw(district, section.id, section.students[0])
    other = next(s for s in district.sections if s.id != section.id and bert not in s.teachers)
    edits.set_teachers(district, other.id, [anna, bert])  # both are looked up in this commit, for another class

    synced.sync_all()

    assert teachers(synced, section) == [bert, anna]
    assert nothing_is_left(synced)


@pytest.mark.parametrize("chosen", ["sis", "portal"])
def test_teachers_changed_on_both_sides_wait_with_their_three_values(
    portal: Portal, district: District, section: Section, third: str, chosen: str
) -> None:
    portal.sync_all()
    anna, bert = section.teachers
    by_hand(portal, class_members.lead, section, portal.account_of(bert).id)
    edits.set_teachers(district, section.id, [third, anna, bert])
    out = section.students[0]
    edits.withdraw(district, section.id, out)

    sync_id = portal.prepare()

    [action] = portal.actions(sync_id).values()
    assert (action.held, action.after) == ("changed-on-both", {})
    assert action.evidence == {"both": {"teachers": [[anna, bert], [bert, anna], [third, anna, bert]]}}
    with portal.engine.connect() as connection:
        sync = portal.sync(sync_id)
        why = explained.why(connection, sync, action, explained.around(connection, sync, action))
        names = {id_: label for id_, (label, _) in members.names(connection, 1, (anna, bert, third)).items()}
    assert f"{names[anna]}; {names[bert]} at the last sync, {names[bert]}; {names[anna]} in the portal" in why[1]
    assert portal.commit(sync_id) is SyncState.PARTLY_COMMITTED
    assert teachers(portal, section) == [bert, anna]

    choose_value(portal.engine, sync_id, action.id, chosen == "sis", WHO, portal.now)

    assert portal.commit(sync_id) is SyncState.COMMITTED
    assert teachers(portal, section) == ([third, anna, bert] if chosen == "sis" else [bert, anna, third])
    assert positions(portal, section) == [0, 1, 2]
    assert out not in portal.roster(section.id)
    assert nothing_is_left(portal)
    pinned = [row.field for row in portal.rows(Pin)]
    assert pinned == ([] if chosen == "sis" else ["teachers"])


def test_a_teacher_taken_out_by_hand_comes_back_where_the_siss_teachers_are_chosen(
    synced: Portal, district: District, section: Section, third: str
) -> None:
    anna, bert = section.teachers
    edits.set_teachers(district, section.id, [anna, bert, third])
    synced.sync_all()
    by_hand(synced, class_members.lead, section, synced.account_of(third).id)
    by_hand(synced, class_members.take_out, section, synced.account_of(bert).id)
    edits.set_teachers(district, section.id, [bert, anna, third])
    sync_id = synced.prepare()
    [action] = synced.actions(sync_id).values()
    assert action.evidence["both"]["teachers"] == [[anna, bert, third], [third, anna], [bert, anna, third]]

    choose_value(synced.engine, sync_id, action.id, True, WHO, synced.now)

    assert synced.commit(sync_id) is SyncState.COMMITTED
    assert teachers(synced, section) == [bert, anna, third]
    assert nothing_is_left(synced)


def test_without_a_hand_the_order_is_the_siss(synced: Portal, district: District, section: Section, third: str) -> None:
    edits.set_teachers(district, section.id, [third, *reversed(section.teachers)])
    wanted = list(section.teachers)

    sync_id = synced.sync_all()

    assert teachers(synced, section) == wanted
    assert "teacher-order-kept" not in {code for code, _, _ in synced.warnings(sync_id)}


def test_a_teacher_put_in_by_hand_comes_behind_those_of_the_sis(
    synced: Portal, district: District, section: Section, third: str
) -> None:
    guest = synced.add_account("teacher", "guest", last_name="Guest")
    by_hand(synced, class_members.put_in, section, guest, Part.TEACHER)
    edits.set_teachers(district, section.id, [*section.teachers, third])
    wanted = [*section.teachers, f"account {guest}"]

    synced.sync_all()

    assert teachers(synced, section) == wanted
    assert positions(synced, section) == [0, 1, 2, 3]
    assert nothing_is_left(synced)


def test_a_teacher_who_leads_by_hand_goes_on_leading(
    synced: Portal, district: District, section: Section, third: str
) -> None:
    anna, bert = section.teachers
    guest = synced.add_account("teacher", "guest", last_name="Guest")
    by_hand(synced, class_members.put_in, section, guest, Part.TEACHER)
    by_hand(synced, class_members.lead, section, guest)
    edits.set_teachers(district, section.id, [anna, third])
    sync_id = synced.prepare()
    [action] = synced.actions(sync_id).values()
    assert action.evidence["both"]["teachers"][1] == [f"account {guest}", anna, bert]

    choose_value(synced.engine, sync_id, action.id, False, WHO, synced.now)

    assert synced.commit(sync_id) is SyncState.COMMITTED
    assert bert not in teachers(synced, section)
    assert teachers(synced, section) == [f"account {guest}", anna, third]
    assert nothing_is_left(synced)


def test_a_teacher_taken_out_by_hand_stays_out(
    synced: Portal, district: District, section: Section, third: str
) -> None:
    anna, bert = section.teachers
    by_hand(synced, class_members.take_out, section, synced.account_of(anna).id)
    edits.set_teachers(district, section.id, [anna, bert, third])

    synced.sync_all()

    assert teachers(synced, section) == [bert, third]
    assert positions(synced, section) == [0, 1]
    assert nothing_is_left(synced)


def test_a_student_taken_out_comes_back_when_the_sis_puts_them_in_again(
    synced: Portal, district: District, section: Section
) -> None:
    out = section.students[0]
    by_hand(synced, class_members.take_out, section, synced.account_of(out).id)
    assert nothing_is_left(synced)
    edits.withdraw(district, section.id, out)
    synced.sync_all()
    assert out not in synced.roster(section.id)

    edits.enrol(district, section.id, out)
    synced.sync_all()

    assert out in synced.roster(section.id)


def test_a_student_put_in_leaves_when_the_sis_has_listed_them_and_does_no_more(
    synced: Portal, district: District, section: Section
) -> None:
    student = next(p.id for p in district.people if p.student and p.id not in section.students)
    by_hand(synced, class_members.put_in, section, synced.account_of(student).id, Part.STUDENT)
    assert nothing_is_left(synced)
    edits.enrol(district, section.id, student)
    synced.sync_all()
    assert synced.roster(section.id).count(student) == 1

    edits.withdraw(district, section.id, student)
    synced.sync_all()

    assert student not in synced.roster(section.id)


def test_a_place_that_a_person_changes_after_the_prepare_stays_as_they_left_it(
    portal: Portal, district: District, section: Section
) -> None:
    out, other = section.students[:2]
    portal.sync_all()
    for student in (out, other):
        by_hand(portal, class_members.take_out, section, portal.account_of(student).id)
        edits.withdraw(district, section.id, student)
    sync_id = portal.prepare()
    by_hand(portal, class_members.put_in, section, portal.account_of(out).id, Part.STUDENT)

    assert portal.commit(sync_id) is SyncState.COMMITTED

    assert out in portal.roster(section.id)
    assert other not in portal.roster(section.id)
    assert [each for each in portal.warnings(sync_id, "commit") if each[0] == "place-edited"] == [
        ("place-edited", section.id, out)
    ]
    [left] = portal.actions(portal.prepare()).values()
    assert left.roster == {"join": [], "leave": [out]}


def test_teachers_that_a_person_changes_after_the_prepare_are_a_conflict_of_the_class(
    synced: Portal, district: District, section: Section, third: str
) -> None:
    anna, bert = section.teachers
    edits.set_teachers(district, section.id, [third, anna, bert])
    sync_id = synced.prepare()
    by_hand(synced, class_members.lead, section, synced.account_of(bert).id)

    assert synced.commit(sync_id) is SyncState.PARTLY_COMMITTED

    assert synced.states(sync_id)[section.id] == "conflict"
    assert teachers(synced, section) == [bert, anna]


def test_a_session_that_a_person_let_stand_alone_is_not_moved(
    synced: Portal, district: District, section: Section
) -> None:
    edits.add_section(district, section, [])
    synced.sync_all()
    class_ = synced.class_of(section.id)
    assert class_.parent_id is not None
    with writing(synced.engine).begin() as connection:
        classes.detach(connection, class_.id, WHO, synced.now)

    edits.add_section(district, section, [])
    edits.rename_section(district, section.id, "Renamed")
    synced.sync_all()

    assert (synced.class_of(section.id).parent_id, synced.class_of(section.id).name) == (None, "Renamed")


def test_a_parent_that_went_with_its_last_session_comes_back_with_one(
    synced: Portal, district: District, section: Section
) -> None:
    other = edits.add_section(district, section, [])
    synced.sync_all()
    parent_id = synced.class_of(section.id).parent_id
    edits.drop_section(district, other.id)
    synced.sync_all()
    with writing(synced.engine).begin() as connection:
        classes.archive(connection, synced.class_of(section.id).id, WHO, synced.now)
    assert synced.rows(SchoolClass, SchoolClass.id == parent_id)[0].archived_at is not None

    district.put(other)
    synced.sync_all()

    assert synced.rows(SchoolClass, SchoolClass.id == parent_id)[0].archived_at is None
    assert synced.class_of(section.id).archived_at is not None


def test_an_account_archived_by_hand_and_reactivated_is_synced_again(
    synced: Portal, district: District, section: Section
) -> None:
    from sisportal.syncing import accounts  # noqa: PLC0415

    student = section.students[0]
    account = synced.account_of(student)
    for change in (accounts.archive, accounts.reactivate):
        with writing(synced.engine).begin() as connection:
            change(connection, account.id, WHO, synced.now)
        assert nothing_is_left(synced)
    edits.rename_person(district, student, last="Renamed")
    synced.sync_all()
    assert synced.rows(Account, Account.id == account.id)[0].last_name == "Renamed"
