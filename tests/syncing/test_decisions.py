"""What a person unticks is not done, keeps its place where it had one, and is proposed again."""

import pytest
from sqlalchemy import update

from sisportal.models import Account, Action, SyncState
from sisportal.models.database import writing
from sisportal.sandbox import edits
from sisportal.sandbox.district import District
from tests.syncing.oracle import Expected
from tests.syncing.portal import Portal


@pytest.fixture
def student(district: District) -> str:
    """Somebody who attends more than one section."""
    return next(p.id for p in district.people if p.student and len(district.taught_or_attended(p.id)) > 1)


@pytest.fixture
def sections(district: District, student: str) -> list[str]:
    """Where the student is."""
    return [section.id for section in district.taught_or_attended(student)]


def test_an_unticked_person_gets_no_account_and_no_place_in_rosters(
    quick_portal: Portal, student: str, sections: list[str]
) -> None:
    sync_id = quick_portal.prepare()
    quick_portal.untick(sync_id, student)

    assert quick_portal.commit(sync_id) is SyncState.COMMITTED

    assert student not in quick_portal.accounts()
    assert quick_portal.states(sync_id)[student] == "unticked"
    assert {quick_portal.states(sync_id)[section] for section in sections} == {"applied"}
    assert all(student not in quick_portal.roster(section) for section in sections)
    skipped = [each for each in quick_portal.warnings(sync_id, "commit") if each[0] == "unticked-in-roster"]
    assert skipped == sorted(("unticked-in-roster", section, student) for section in sections)


def test_an_unticked_person_takes_their_places_once_they_are_ticked(
    portal: Portal, district: District, student: str, sections: list[str]
) -> None:
    expected = Expected()
    expected.commit(district)
    sync_id = portal.prepare()
    portal.untick(sync_id, student)
    portal.commit(sync_id)

    again = portal.prepare()

    planned = portal.actions(again)
    assert planned.keys() == {("student", "add", student)} | {("section", "edit", section) for section in sections}
    assert all(planned["section", "edit", section].roster == {"join": [student], "leave": []} for section in sections)
    portal.commit(again)
    assert (portal.accounts(), portal.classes()) == (expected.accounts, expected.classes)
    assert portal.actions(portal.prepare()) == {}


def test_an_unticked_section_is_no_class_and_is_proposed_again(quick_portal: Portal, district: District) -> None:
    section = district.sections.ids[0]
    sync_id = quick_portal.prepare()
    quick_portal.untick(sync_id, section)
    quick_portal.commit(sync_id)

    assert section not in quick_portal.classes()
    again = quick_portal.prepare()
    assert list(quick_portal.actions(again)) == [("section", "add", section)]
    quick_portal.commit(again)
    assert set(quick_portal.roster(section)) == {
        *district.sections[section].teachers,
        *district.sections[section].students,
    }


def test_an_unticked_delete_keeps_the_account_and_its_places_until_it_is_ticked(
    portal: Portal, district: District, student: str, sections: list[str]
) -> None:
    portal.sync_all()
    edits.leave(district, student)
    sync_id = portal.prepare()
    portal.untick(sync_id, student)
    portal.commit(sync_id)

    assert portal.account_of(student).archived_at is None
    assert all(student in portal.roster(section) for section in sections)

    again = portal.prepare()
    assert portal.actions(again).keys() == portal.actions(sync_id).keys()
    portal.commit(again)
    assert portal.account_of(student).archived_at is not None
    assert all(student not in portal.roster(section) for section in sections)
    assert portal.actions(portal.prepare()) == {}


def test_an_unticked_delete_of_somebody_who_is_back_is_not_proposed_again(
    quick_portal: Portal, district: District, student: str
) -> None:
    quick_portal.sync_all()
    before = quick_portal.accounts(), quick_portal.classes()
    edits.leave(district, student)
    sync_id = quick_portal.prepare()
    quick_portal.untick(sync_id, student)
    quick_portal.commit(sync_id)
    edits.come_back(district, student)

    quick_portal.sync_all()

    assert (quick_portal.accounts(), quick_portal.classes()) == before
    assert quick_portal.actions(quick_portal.prepare()) == {}


def test_an_unticked_edit_is_proposed_again_with_what_came_since(
    quick_portal: Portal, district: District, student: str
) -> None:
    quick_portal.sync_all()
    held = quick_portal.account_of(student)
    edits.rename_person(district, student, last="Zimmermann")
    sync_id = quick_portal.prepare()
    quick_portal.untick(sync_id, student)
    quick_portal.commit(sync_id)
    edits.change_email(district, student, "new@students.example.org")

    action = quick_portal.actions(quick_portal.prepare())["student", "edit", student]

    assert action.before == {"last_name": held.last_name, "email": held.email}
    assert action.after == {"last_name": "Zimmermann", "email": "new@students.example.org"}


def test_one_unticked_place_of_a_roster_change_is_left_as_it_is_and_proposed_again(
    portal: Portal, district: District
) -> None:
    portal.sync_all()
    section = next(s for s in district.sections if len(s.students) > 3)
    staying, leaving = section.students[:2]
    joining = next(p.id for p in district.people if p.student and p.id not in section.students)
    for gone in (staying, leaving):
        edits.withdraw(district, section.id, gone)
    edits.enrol(district, section.id, joining)
    sync_id = portal.prepare()
    roster = {"join": [joining], "leave": [staying, leaving], "unticked": [joining, staying]}
    with writing(portal.engine).begin() as connection:
        chosen = update(Action).where(Action.sync_id == sync_id, Action.source_id == section.id)
        connection.execute(chosen.values(roster=roster))
    portal.commit(sync_id)

    held = portal.roster(section.id)
    assert (staying in held, leaving in held, joining in held) == (True, False, False)
    again = portal.prepare()
    assert portal.actions(again)["section", "edit", section.id].roster == {"join": [joining], "leave": [staying]}
    portal.commit(again)
    assert set(portal.roster(section.id)) == {*section.teachers, *section.students}


def test_a_sync_of_which_nothing_is_ticked_changes_nothing(quick_portal: Portal) -> None:
    sync_id = quick_portal.prepare()
    before = quick_portal.dump()
    quick_portal.untick(sync_id, *quick_portal.states(sync_id))

    assert quick_portal.commit(sync_id) is SyncState.COMMITTED

    assert quick_portal.dump() == before
    assert quick_portal.rows(Account) == []
    assert quick_portal.actions(quick_portal.prepare()).keys() == quick_portal.actions(sync_id).keys()
