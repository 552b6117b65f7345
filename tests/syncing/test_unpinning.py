"""Releasing pins: nothing changes, the next prepare proposes what the SIS says, and it is in the audit log."""

from typing import Any

import pytest
from sqlalchemy import update

from sisportal.models import AuditEvent, HandEdit, Membership, Pin, RecordKind, Sync, SyncState
from sisportal.models.database import writing
from sisportal.sandbox import edits
from sisportal.sandbox.district import District
from sisportal.syncing import pins
from sisportal.syncing.pins import PinFilter
from sisportal.syncing.states import NotAllowed
from sisportal.syncing.unpinning import release, release_matching
from tests.syncing.portal import WHO, Portal


@pytest.fixture
def synced(quick_portal: Portal) -> Portal:
    quick_portal.sync_all()
    return quick_portal


@pytest.fixture
def students(district: District) -> list[str]:
    return [p.id for p in district.people if p.student and p.email and district.taught_or_attended(p.id)]


def edit(portal: Portal, source_id: str, **values: Any) -> Any:
    """Edit an account by hand; how it was before."""
    account = portal.account_of(source_id)
    portal.edit_account(account.id, **values)
    note(portal, RecordKind.ACCOUNT, account.id, *values)
    return account


def note(portal: Portal, record: RecordKind, record_id: int, *fields: str, members: tuple[int, ...] = ()) -> None:
    with writing(portal.engine).begin() as connection:
        pins.edited(connection, record, record_id, fields, WHO, portal.now, members=members)


def release_all(portal: Portal, **chosen: Any) -> int:
    return release_matching(portal.engine, portal.connection_id, PinFilter(**chosen), WHO, portal.now)


def pinned(portal: Portal) -> list[tuple[str, str]]:
    return sorted((row.source_id, row.field) for row in portal.rows(Pin))


def test_a_released_field_is_proposed_as_the_sis_has_it_and_then_agrees(synced: Portal, students: list[str]) -> None:
    before = edit(synced, students[0], last_name="By Hand", email="also@example.org")
    [chosen] = [row.id for row in synced.rows(Pin) if row.field == "last_name"]

    assert release(synced.engine, synced.connection_id, [chosen], WHO, synced.now) == 1

    assert synced.account_of(students[0]).last_name == "By Hand"
    assert pinned(synced) == [(students[0], "email")]
    sync_id = synced.prepare()
    action = synced.actions(sync_id)["student", "edit", students[0]]
    assert (action.before, action.after, action.held) == (
        {"last_name": "By Hand"}, {"last_name": before.last_name}, "",
    )  # fmt: skip
    synced.commit(sync_id)
    account = synced.account_of(students[0])
    assert (account.last_name, account.email) == (before.last_name, "also@example.org")
    assert synced.actions(synced.prepare()) == {}
    assert [row.field for row in synced.rows(HandEdit)] == ["email"]


def test_what_was_released_comes_back_every_time_until_it_is_applied_or_kept(
    synced: Portal, students: list[str]
) -> None:
    edit(synced, students[0], last_name="By Hand")
    release_all(synced)

    sync_id = synced.prepare()
    synced.untick(sync_id, students[0])
    synced.commit(sync_id)

    assert ("student", "edit", students[0]) in synced.actions(synced.prepare())
    edit(synced, students[0], last_name="By Hand Again")
    assert pinned(synced) == [(students[0], "last_name")]
    assert synced.actions(synced.prepare()) == {}


def test_a_field_edited_again_after_its_release_is_pinned_again_and_the_others_stay_released(
    synced: Portal, district: District, students: list[str]
) -> None:
    before = edit(synced, students[0], last_name="By Hand", email="also@example.org")
    release_all(synced)
    edit(synced, students[0], last_name="By Hand Again")

    [pin] = synced.rows(Pin)

    assert (pin.field, pin.last, pin.here, pin.sis, pin.both) == (
        "last_name", before.last_name, "By Hand Again", before.last_name, False,
    )  # fmt: skip
    sync_id = synced.prepare()
    action = synced.actions(sync_id)["student", "edit", students[0]]
    assert (action.after, action.held) == ({"email": before.email}, "")
    synced.commit(sync_id)
    assert synced.account_of(students[0]).last_name == "By Hand Again"
    assert synced.actions(synced.prepare()) == {}
    edits.rename_person(district, students[0], last="By The Sis")
    assert synced.actions(synced.prepare())["student", "edit", students[0]].held == "changed-on-both"


def test_what_the_sync_took_after_a_release_is_an_edit_like_any_other_from_then_on(
    synced: Portal, district: District, students: list[str]
) -> None:
    edit(synced, students[0], last_name="By Hand")
    release_all(synced)
    edits.rename_person(district, students[0], last="By The Sis")
    synced.sync_all()
    assert synced.account_of(students[0]).last_name == "By The Sis"

    edit(synced, students[0], last_name="By Hand Again")

    [pin] = synced.rows(Pin)
    assert (pin.last, pin.sis, pin.both) == ("By The Sis", "By The Sis", False)
    assert synced.actions(synced.prepare()) == {}


def test_a_field_that_is_edited_again_after_its_release_was_committed_and_undone_is_pinned_again(
    synced: Portal, students: list[str]
) -> None:
    before = edit(synced, students[0], last_name="By Hand", email="also@example.org")
    release_all(synced)
    synced.undo(synced.sync_all())
    assert synced.account_of(students[0]).last_name == "By Hand"
    assert synced.actions(synced.prepare()) == {}

    edit(synced, students[0], last_name="By Hand Again")

    [pin] = synced.rows(Pin)
    assert (pin.field, pin.last, pin.here, pin.sis, pin.both) == (
        "last_name", before.last_name, "By Hand Again", before.last_name, False,
    )  # fmt: skip
    assert synced.actions(synced.prepare()) == {}
    synced.propose_again()
    [action] = synced.actions(synced.prepare()).values()
    assert (action.after, action.held) == ({"email": before.email}, "")


def test_people_moved_again_after_a_release_are_pinned_again(synced: Portal, district: District) -> None:
    section = next(s for s in district.sections if len(s.students) > 2)
    class_, out = synced.class_of(section.id), section.students[0]
    into = next(p.id for p in district.people if p.student and p.id not in section.students)
    leaver, joiner = synced.account_of(out).id, synced.account_of(into).id
    leaves = (Membership.class_id == class_.id, Membership.account_id == leaver)
    synced._change(Membership, *leaves, ended_by_sync=0)
    synced.put_into_class(class_.id, joiner)
    note(synced, RecordKind.CLASS, class_.id, members=(leaver, joiner))
    release_all(synced, field="students")

    note(synced, RecordKind.CLASS, class_.id, members=(joiner,))

    assert pinned(synced) == [(section.id, "students")]
    sync_id = synced.prepare()
    assert synced.actions(sync_id)["section", "edit", section.id].roster == {"join": [out], "leave": []}
    synced.commit(sync_id)
    assert into in synced.roster(section.id)
    assert synced.actions(synced.prepare()) == {}


def test_an_order_of_teachers_chosen_again_after_its_release_is_pinned_again(
    synced: Portal, district: District
) -> None:
    section = next(s for s in district.sections if len(s.teachers) > 1)
    class_, (first, second, *_) = synced.class_of(section.id), section.teachers
    for position, teacher in enumerate((second, first)):
        place = (Membership.class_id == class_.id, Membership.account_id == synced.account_of(teacher).id)
        synced._change(Membership, *place, position=position)
    note(synced, RecordKind.CLASS, class_.id, "teachers")
    release_all(synced, field="teachers")

    note(synced, RecordKind.CLASS, class_.id, "teachers")

    assert pinned(synced) == [(section.id, "teachers")]
    assert synced.actions(synced.prepare()) == {}


def test_a_field_changed_on_both_sides_can_be_released_too(
    synced: Portal, district: District, students: list[str]
) -> None:
    edit(synced, students[0], last_name="By Hand")
    edits.rename_person(district, students[0], last="By The Sis")
    assert synced.actions(synced.prepare())["student", "edit", students[0]].held == "changed-on-both"

    assert release_all(synced, both=True) == 1

    action = synced.actions(synced.prepare())["student", "edit", students[0]]
    assert (action.held, action.after) == ("", {"last_name": "By The Sis"})


@pytest.mark.parametrize(
    ("chosen", "left"),
    [
        ({}, []),
        ({"field": "email"}, ["first_name", "last_name"]),
        ({"search": "somebody else"}, ["email", "first_name", "last_name"]),
        ({"type": "teacher"}, ["email", "first_name", "last_name"]),
        ({"type": "student", "search": "last name"}, ["email", "first_name"]),
        ({"both": True}, ["email", "first_name", "last_name"]),
        ({"school": "nowhere"}, ["email", "first_name", "last_name"]),
    ],
)
def test_what_matches_is_released_and_nothing_else(
    synced: Portal, students: list[str], chosen: dict[str, Any], left: list[str]
) -> None:
    edit(synced, students[0], last_name="A", first_name="B", email="c@example.org")

    released = release_all(synced, **chosen)

    assert [field for _, field in pinned(synced)] == left
    details = [row.details for row in synced.rows(AuditEvent, AuditEvent.event == "pins-released")]
    assert details == ([{"pins": released, "matching": chosen}] if released else [])


def test_an_account_archived_by_hand_is_proposed_to_be_revived(synced: Portal, students: list[str]) -> None:
    edit(synced, students[0], archived_at=synced.now)
    note(synced, RecordKind.ACCOUNT, synced.account_of(students[0]).id, "archived")

    assert release_all(synced, field="archived") == 1

    assert synced.account_of(students[0]).archived_at is not None
    sync_id = synced.prepare()
    assert ("student", "reactivate", students[0]) in synced.actions(sync_id)
    synced.commit(sync_id)
    assert synced.account_of(students[0]).archived_at is None
    assert synced.actions(synced.prepare()) == {}


def test_people_put_in_or_taken_out_by_hand_are_proposed_to_go_back(synced: Portal, district: District) -> None:
    section = next(s for s in district.sections if len(s.students) > 2)
    class_, out = synced.class_of(section.id), section.students[0]
    into = next(p.id for p in district.people if p.student and p.id not in section.students)
    leaver, joiner = synced.account_of(out).id, synced.account_of(into).id
    synced._change(Membership, Membership.class_id == class_.id, Membership.account_id == leaver, ended_by_sync=0)
    synced.put_into_class(class_.id, joiner)
    note(synced, RecordKind.CLASS, class_.id, members=(leaver, joiner))
    assert synced.actions(synced.prepare()) == {}

    assert release_all(synced, field="students") == 2

    assert synced.rows(HandEdit) == []
    sync_id = synced.prepare()
    assert synced.actions(sync_id)["section", "edit", section.id].roster == {"join": [out], "leave": [into]}
    synced.commit(sync_id)
    assert set(synced.roster(section.id)) == {*section.teachers, *section.students}
    assert synced.actions(synced.prepare()) == {}


def test_another_order_of_teachers_is_proposed_to_be_the_one_of_the_sis(synced: Portal, district: District) -> None:
    section = next(s for s in district.sections if len(s.teachers) > 1)
    class_, (first, second, *_) = synced.class_of(section.id), section.teachers
    for position, teacher in enumerate((second, first)):
        place = (Membership.class_id == class_.id, Membership.account_id == synced.account_of(teacher).id)
        synced._change(Membership, *place, position=position)
    note(synced, RecordKind.CLASS, class_.id, "teachers")
    assert synced.actions(synced.prepare()) == {}

    assert release_all(synced, field="teachers") == 1

    sync_id = synced.prepare()
    assert synced.actions(sync_id)["section", "edit", section.id].after == {"teachers": list(section.teachers)}
    synced.commit(sync_id)
    assert synced.roster(section.id)[:2] == [first, second]
    assert synced.actions(synced.prepare()) == {}


def test_nothing_is_released_while_a_commit_runs(synced: Portal, students: list[str]) -> None:
    edit(synced, students[0], last_name="By Hand")
    with writing(synced.engine).begin() as connection:
        connection.execute(update(Sync).values(state=SyncState.COMMITTING))

    with pytest.raises(NotAllowed, match="is being committed"):
        release_all(synced)
    assert pinned(synced) == [(students[0], "last_name")]


def test_pins_of_another_connection_are_not_released(synced: Portal, students: list[str]) -> None:
    edit(synced, students[0], last_name="By Hand")
    [pin] = synced.rows(Pin)

    assert release(synced.engine, synced.connection_id + 1, [pin.id], WHO, synced.now) == 0
    assert pinned(synced) == [(students[0], "last_name")]
