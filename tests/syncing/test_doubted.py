"""A record made anew under another id: the account that may be the same is not archived before a person has said."""

import copy
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from sisportal.models import Action, SyncState
from sisportal.sandbox import edits
from sisportal.sandbox.days import pass_day
from sisportal.sandbox.district import District
from sisportal.sandbox.entities import Person, Section
from sisportal.syncing import auto_commit
from sisportal.syncing.deciding import Said, decide
from sisportal.syncing.releasing import release_guards
from tests.syncing.portal import WHO, Portal


@pytest.fixture
def student(district: District) -> Person:
    """Somebody with a student number who attends a section."""
    return next(p for p in district.people if p.student and p.student.number and district.taught_or_attended(p.id))


def made_anew(district: District, person: Person) -> str:
    """Delete a person and list them again under another id, in the same sections; the id until then."""
    sections = [section.id for section in district.taught_or_attended(person.id)]
    edits.leave(district, person.id)
    was, person.id = person.id, district.mint(person.created)
    district.put(person)
    for section in sections:
        edits.enrol(district, section, person.id)
    return was


def held(portal: Portal, sync_id: int) -> dict[str, str]:
    """``source_id`` -> why it is held, of people."""
    rows = portal.rows(Action, Action.sync_id == sync_id, Action.type != "section")
    return {row.source_id: row.held for row in rows}


def say(portal: Portal, sync_id: int, source_id: str, **said: Any) -> None:
    [action] = portal.rows(Action, Action.sync_id == sync_id, Action.source_id == source_id)
    decide(portal.engine, sync_id, action.id, Said(**said), WHO, portal.now)


def test_who_may_be_listed_under_another_id_is_not_archived(
    portal: Portal, district: District, student: Person
) -> None:
    portal.sync_all()
    was = made_anew(district, student)
    account, classes = portal.account_of(was), [each.id for each in district.taught_or_attended(student.id)]

    sync_id = portal.prepare()

    assert held(portal, sync_id) == {student.id: "linked-elsewhere", was: "doubted-delete"}
    delete = portal.actions(sync_id)["student", "delete", was]
    label = f"{student.last}, {student.first}"
    assert delete.evidence == {"rule": "doubted", "records": [{"source_id": student.id, "label": label}]}
    assert {each["reason"] for each in portal.sync(sync_id).held} == {"linked-elsewhere", "doubted-delete"}
    assert auto_commit.why_not(portal.sync(sync_id).held, "running")
    assert release_guards(portal.engine, sync_id, WHO, portal.now) == 0
    assert portal.commit(sync_id) is SyncState.PARTLY_COMMITTED
    assert portal.account_of(was).archived_at is None
    assert all(was in portal.roster(each) for each in classes)
    again = portal.prepare()
    assert held(portal, again) == {student.id: "linked-elsewhere", was: "doubted-delete"}

    say(portal, again, student.id, same=account.id)

    assert portal.sync(again).held == []
    assert portal.commit(again) is SyncState.COMMITTED
    assert portal.account_of(student.id).id == account.id
    assert all(portal.roster(each).count(student.id) == 1 for each in classes)
    assert portal.actions(portal.prepare()) == {}


@pytest.mark.parametrize("word", ["create", "not_same"])
def test_who_is_said_to_be_somebody_else_is_archived_as_planned(
    quick_portal: Portal, district: District, student: Person, word: str
) -> None:
    quick_portal.sync_all()
    was = made_anew(district, student)
    account = quick_portal.account_of(was)
    sync_id = quick_portal.prepare()

    say(quick_portal, sync_id, student.id, **({"create": True} if word == "create" else {"not_same": (account.id,)}))

    assert held(quick_portal, sync_id) == {student.id: "", was: ""}
    assert quick_portal.actions(sync_id)["student", "delete", was].evidence == {}
    assert quick_portal.commit(sync_id) is SyncState.COMMITTED
    assert quick_portal.account_of(was).archived_at is not None
    assert quick_portal.account_of(student.id).id != account.id
    assert quick_portal.actions(quick_portal.prepare()) == {}


def test_of_two_who_may_be_the_same_both_must_be_said_before_it_is_archived(
    quick_portal: Portal, district: District, student: Person
) -> None:
    quick_portal.sync_all()
    gone = next(p.id for p in district.people if p.student and p is not student)
    edits.leave(district, gone)
    was, twin = made_anew(district, student), copy.deepcopy(student)
    twin.id, twin.first = district.mint(twin.created), "Wholly"
    district.put(twin)
    sync_id = quick_portal.prepare()
    assert held(quick_portal, sync_id)[gone] == ""

    say(quick_portal, sync_id, student.id, create=True)
    assert held(quick_portal, sync_id)[was] == "doubted-delete"
    say(quick_portal, sync_id, twin.id, create=True)

    assert held(quick_portal, sync_id) == dict.fromkeys([was, gone, student.id, twin.id], "")


def test_a_quick_sync_holds_the_delete_too(quick_portal: Portal, district: District, student: Person) -> None:
    district.today = datetime.now(UTC).date() - timedelta(days=2)  # Clever keeps events for thirty days
    pass_day(district, pace=1)
    quick_portal.sync_all()
    was = made_anew(district, student)
    district.settle()

    for _ in range(2):  # the doubt stays open, and the next quick sync asks again
        sync_id = quick_portal.prepare_quick()
        assert quick_portal.sync(sync_id).mode == "quick"
        assert held(quick_portal, sync_id) == {student.id: "linked-elsewhere", was: "doubted-delete"}
        assert quick_portal.commit(sync_id) is SyncState.PARTLY_COMMITTED

    assert quick_portal.account_of(was).archived_at is None


def test_the_delete_is_held_where_the_options_leave_adds_out(
    quick_portal: Portal, district: District, student: Person
) -> None:
    quick_portal.sync_all()
    was = made_anew(district, student)
    quick_portal.option("changes", "edits,deletes")

    assert held(quick_portal, quick_portal.prepare()) == {was: "doubted-delete"}


def test_the_delete_is_held_where_only_the_school_that_was_left_is_synced(
    quick_portal: Portal, district: District, student: Person
) -> None:
    quick_portal.sync_all()
    left = student.as_student.school
    was = made_anew(district, student)
    other = next(school.id for school in district.schools if school.id != left)
    edits.move_student(district, student.id, other)

    sync_id = quick_portal.prepare_schools(left)

    assert held(quick_portal, sync_id) == {was: "doubted-delete"}


def test_a_class_whose_section_is_made_anew_is_not_archived(quick_portal: Portal, district: District) -> None:
    quick_portal.option("match_sections", "sis_id")
    quick_portal.sync_all()
    section: Section = next(each for each in district.sections if each.sis_id and each.students)
    was = quick_portal.class_of(section.id)
    gone = section.id
    edits.drop_section(district, gone)
    section.id = district.mint(section.created)
    district.put(section)
    sync_id = quick_portal.prepare()
    rows = {row.source_id: row.held for row in quick_portal.rows(Action, Action.sync_id == sync_id)}
    assert rows == {section.id: "linked-elsewhere", gone: "doubted-delete"}

    say(quick_portal, sync_id, section.id, same=was.id)

    assert list(quick_portal.states(sync_id)) == [section.id]
    assert quick_portal.commit(sync_id) is SyncState.COMMITTED
    assert (quick_portal.class_of(section.id).id, quick_portal.class_of(section.id).archived_at) == (was.id, None)
    assert quick_portal.actions(quick_portal.prepare()) == {}
