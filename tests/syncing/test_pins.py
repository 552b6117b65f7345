"""Pins: which fields keep a value of the portal's own, what they hide, since when, and how they go away."""

from typing import Any

import pytest

from sisportal.models import Account, HandEdit, Membership, Pin, RecordKind, SchoolClass
from sisportal.models.database import writing
from sisportal.sandbox import edits
from sisportal.sandbox.district import District
from sisportal.syncing import pins
from tests.syncing.portal import WHO, Portal


@pytest.fixture
def synced(quick_portal: Portal) -> Portal:
    """A portal that holds the district."""
    quick_portal.sync_all()
    return quick_portal


@pytest.fixture
def student(district: District) -> str:
    return next(p.id for p in district.people if p.student and p.email and district.taught_or_attended(p.id))


def edit_account(portal: Portal, account_id: int, **values: Any) -> None:
    """What the page of an account does."""
    portal.edit_account(account_id, **values)
    with writing(portal.engine).begin() as connection:
        pins.edited(connection, RecordKind.ACCOUNT, account_id, values, WHO, portal.now)


def edit_class(portal: Portal, class_id: int, members: tuple[int, ...] = (), **values: Any) -> None:
    if values:
        portal.edit_class(class_id, **values)
    with writing(portal.engine).begin() as connection:
        pins.edited(connection, RecordKind.CLASS, class_id, values, WHO, portal.now, members=members)


def told(portal: Portal, record: RecordKind, record_id: int) -> list[tuple[Any, ...]]:
    """(field, last, here, sis, both) of each pin of a record, as its page tells it."""
    with portal.engine.connect() as connection:
        found = [each.edit for each in pins.pins_of(connection, record, record_id)]
    return [(each.field, each.last, each.here, each.sis, each.both) for each in found]


def stored(portal: Portal) -> list[tuple[Any, ...]]:
    """(field, member, here, sis, both) of each stored pin."""
    return [(row.field, row.member, row.here, row.sis, row.both) for row in portal.rows(Pin)]


def test_a_field_edited_by_hand_is_pinned_with_what_it_hides_since_when_and_by_whom(
    synced: Portal, student: str
) -> None:
    account = synced.account_of(student)
    edit_account(synced, account.id, last_name="By Hand")

    with synced.engine.connect() as connection:
        [pin] = pins.pins_of(connection, RecordKind.ACCOUNT, account.id)
    edit = pin.edit
    assert (pin.kind, edit.source_id, edit.type, edit.field) == ("clever", student, "student", "last_name")
    assert (edit.last, edit.here, edit.sis, edit.both) == (account.last_name, "By Hand", account.last_name, False)
    assert (edit.since, edit.editor) == (synced.now, WHO.name)
    [row] = synced.rows(Pin)
    assert (row.record, row.record_id, row.field, row.here, row.sis) == (
        "account", account.id, "last_name", "By Hand", account.last_name,
    )  # fmt: skip
    assert (row.since, row.editor, row.label) == (synced.now, WHO.name, f"By Hand, {account.first_name}")


def test_a_field_edited_back_is_pinned_no_more(synced: Portal, student: str) -> None:
    account = synced.account_of(student)
    edit_account(synced, account.id, last_name="By Hand")
    edit_account(synced, account.id, last_name=account.last_name)

    assert told(synced, RecordKind.ACCOUNT, account.id) == []
    assert stored(synced) == []
    assert [row.field for row in synced.rows(HandEdit)] == ["last_name"]


def test_a_pin_goes_away_by_itself_when_the_sis_says_the_same(synced: Portal, district: District, student: str) -> None:
    edit_account(synced, synced.account_of(student).id, last_name="Same", first_name="Other")
    edits.rename_person(district, student, last="Same")
    synced.prepare()

    assert [row[0] for row in stored(synced)] == ["first_name"]


def test_a_pinned_field_that_the_sis_changes_too_is_told_as_changed_on_both_sides(
    synced: Portal, district: District, student: str
) -> None:
    account = synced.account_of(student)
    edit_account(synced, account.id, last_name="By Hand")
    edits.rename_person(district, student, last="By The Sis")
    synced.prepare()

    assert stored(synced) == [("last_name", "", "By Hand", "By The Sis", True)]
    assert told(synced, RecordKind.ACCOUNT, account.id) == [
        ("last_name", account.last_name, "By Hand", "By The Sis", True)
    ]


def test_what_the_sis_leaves_blank_is_hidden_by_nothing(synced: Portal, district: District) -> None:
    blank = next(p.id for p in district.people if p.student and not p.email)
    edit_account(synced, synced.account_of(blank).id, email="by-hand@example.org")

    assert stored(synced) == []
    synced.option("blanks", "replace")
    synced.prepare()
    assert stored(synced) == [("email", "", "by-hand@example.org", "", False)]


def test_an_account_archived_by_hand_that_the_sis_lists_is_pinned(synced: Portal, student: str) -> None:
    account = synced.account_of(student)
    edit_account(synced, account.id, archived_at=synced.now)

    assert told(synced, RecordKind.ACCOUNT, account.id) == [("archived", False, True, False, False)]


def test_who_is_gone_from_the_sis_hides_nothing_of_it(synced: Portal, district: District, student: str) -> None:
    edit_account(synced, synced.account_of(student).id, last_name="By Hand")
    edits.leave(district, student)
    synced.prepare()

    assert stored(synced) == []


def test_the_name_of_a_class_is_pinned_unless_names_are_not_synced(synced: Portal, district: District) -> None:
    class_ = synced.class_of(district.sections.ids[0])
    edit_class(synced, class_.id, name="By Hand")

    assert told(synced, RecordKind.CLASS, class_.id) == [("name", class_.name, "By Hand", class_.name, False)]
    synced.option("ignore_name_edits", "yes")
    assert told(synced, RecordKind.CLASS, class_.id) == []


def test_people_put_into_a_class_or_taken_out_by_hand_are_pins_of_their_own(synced: Portal, district: District) -> None:
    section = next(s for s in district.sections if len(s.students) > 2)
    class_, out = synced.class_of(section.id), section.students[0]
    into = next(p.id for p in district.people if p.student and p.id not in section.students)
    leaver, joiner = synced.account_of(out).id, synced.account_of(into).id
    synced._change(Membership, Membership.class_id == class_.id, Membership.account_id == leaver, ended_by_sync=0)
    synced.put_into_class(class_.id, joiner)
    synced.put_into_class(class_.id, synced.add_account("student", "guest", last_name="Guest"))
    edit_class(synced, class_.id, members=(leaver, joiner))

    assert sorted(stored(synced)) == sorted(
        [("students", out, False, True, False), ("students", into, True, False, False)]
    )
    assert {row.since for row in synced.rows(Pin)} == {synced.now}


def test_another_primary_teacher_is_a_pin_of_the_whole_order(synced: Portal, district: District) -> None:
    section = next(s for s in district.sections if len(s.teachers) > 1)
    class_, (first, second, *more) = synced.class_of(section.id), section.teachers
    for position, teacher in enumerate((second, first)):
        account_id = synced.account_of(teacher).id
        synced._change(
            Membership, Membership.class_id == class_.id, Membership.account_id == account_id, position=position
        )
    with writing(synced.engine).begin() as connection:
        pins.edited(connection, RecordKind.CLASS, class_.id, ["teachers"], WHO, synced.now)

    last = [first, second, *more]
    assert told(synced, RecordKind.CLASS, class_.id) == [("teachers", last, [second, first, *more], last, False)]


def test_records_that_nobody_edited_have_no_pins_although_the_sis_changed_them(
    synced: Portal, district: District, student: str
) -> None:
    edits.rename_person(district, student, last="By The Sis")
    synced.prepare()

    assert stored(synced) == []
    assert [told(synced, RecordKind.ACCOUNT, row.id) for row in synced.rows(Account)[:5]] == [[]] * 5
    assert [told(synced, RecordKind.CLASS, row.id) for row in synced.rows(SchoolClass)[:5]] == [[]] * 5
