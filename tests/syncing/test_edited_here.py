"""What people changed in the portal: kept, told apart from what the SIS changed, and never overwritten unseen."""

import pytest

from sisportal.models import Membership, SyncState
from sisportal.sandbox import edits
from sisportal.sandbox.district import District
from tests.syncing.portal import Portal


@pytest.fixture
def student(district: District) -> str:
    """Somebody with an e-mail address and a section."""
    return next(p.id for p in district.people if p.student and p.email and district.taught_or_attended(p.id))


@pytest.fixture
def synced(quick_portal: Portal) -> Portal:
    """A portal that holds the district."""
    quick_portal.sync_all()
    return quick_portal


def test_what_was_edited_here_and_not_in_the_sis_is_kept(synced: Portal, student: str) -> None:
    account = synced.account_of(student)
    synced.edit_account(account.id, last_name="By Hand")

    assert synced.actions(synced.prepare()) == {}
    assert synced.account_of(student).last_name == "By Hand"


def test_another_field_of_an_edited_account_is_still_synced(synced: Portal, district: District, student: str) -> None:
    account = synced.account_of(student)
    synced.edit_account(account.id, last_name="By Hand")
    edits.change_email(district, student, "new@students.example.org")

    sync_id = synced.prepare()

    action = synced.actions(sync_id)["student", "edit", student]
    assert (action.after, action.held) == ({"email": "new@students.example.org"}, "")
    synced.commit(sync_id)
    written = synced.account_of(student)
    assert (written.last_name, written.email) == ("By Hand", "new@students.example.org")
    assert synced.actions(synced.prepare()) == {}


def test_a_name_that_was_changed_here_alone_makes_nobody_doubtful(
    synced: Portal, district: District, student: str
) -> None:
    synced.edit_account(synced.account_of(student).id, last_name="Wholly", first_name="Another")
    edits.change_email(district, student, "new@students.example.org")

    action = synced.actions(synced.prepare())["student", "edit", student]

    assert (action.after, action.held) == ({"email": "new@students.example.org"}, "")


def test_what_was_changed_on_both_sides_waits_with_its_three_values(
    synced: Portal, district: District, student: str
) -> None:
    account = synced.account_of(student)
    synced.edit_account(account.id, last_name="By Hand")
    edits.rename_person(district, student, last="By The Sis")

    sync_id = synced.prepare()

    action = synced.actions(sync_id)["student", "edit", student]
    assert (action.held, action.after) == ("changed-on-both", {})
    assert action.evidence == {"both": {"last_name": [account.last_name, "By Hand", "By The Sis"]}}
    assert synced.commit(sync_id) is SyncState.PARTLY_COMMITTED
    assert synced.account_of(student).last_name == "By Hand"


def test_what_was_blank_and_filled_in_here_is_not_overwritten_unseen(synced: Portal, district: District) -> None:
    student = next(p.id for p in district.people if p.student and not p.email)
    synced.edit_account(synced.account_of(student).id, email="by-hand@example.org")

    assert synced.actions(synced.prepare()) == {}
    edits.change_email(district, student, "sis@example.org")
    action = synced.actions(synced.prepare())["student", "edit", student]
    assert (action.held, action.evidence) == (
        "changed-on-both",
        {"both": {"email": [None, "by-hand@example.org", "sis@example.org"]}},
    )


def test_the_same_change_on_both_sides_is_no_change(synced: Portal, district: District, student: str) -> None:
    synced.edit_account(synced.account_of(student).id, last_name="Same")
    edits.rename_person(district, student, last="Same")

    assert synced.actions(synced.prepare()) == {}


def test_a_class_that_was_edited_here_keeps_its_name(synced: Portal, district: District) -> None:
    section = district.sections.ids[0]
    synced.edit_class(synced.class_of(section).id, name="By Hand")

    assert synced.actions(synced.prepare()) == {}
    edits.rename_section(district, section, "By The SIS")
    assert synced.actions(synced.prepare())["section", "edit", section].held == "changed-on-both"


def test_a_blank_of_the_sis_overwrites_nothing_unless_it_is_to(
    synced: Portal, district: District, student: str
) -> None:
    email = synced.account_of(student).email
    edits.change_email(district, student, "")
    assert synced.actions(synced.prepare()) == {}

    synced.option("blanks", "replace")
    sync_id = synced.prepare()

    action = synced.actions(sync_id)["student", "edit", student]
    assert (action.before, action.after) == ({"email": email}, {"email": ""})
    synced.commit(sync_id)
    assert synced.account_of(student).email == ""
    assert synced.actions(synced.prepare()) == {}


def test_an_account_archived_by_a_person_stays_archived_and_is_told(
    synced: Portal, district: District, student: str
) -> None:
    synced.edit_account(synced.account_of(student).id, archived_at=synced.now)

    sync_id = synced.prepare()

    assert synced.actions(sync_id) == {}
    assert ("archived-here", student, "") in synced.warnings(sync_id)
    section = next(s.id for s in district.sections if student not in s.students)
    edits.enrol(district, section, student)
    assert synced.actions(synced.prepare()) == {}


def test_somebody_put_into_a_class_by_hand_stays_when_its_roster_changes(synced: Portal, district: District) -> None:
    section = next(s for s in district.sections if len(s.students) > 2)
    guest = synced.add_account("student", "guest", last_name="Guest")
    synced.put_into_class(synced.class_of(section.id).id, guest)
    edits.withdraw(district, section.id, section.students[0])

    synced.sync_all()

    assert set(synced.roster(section.id)) == {*section.teachers, *section.students, f"account {guest}"}
    assert synced.actions(synced.prepare()) == {}


def test_somebody_taken_out_of_a_class_by_hand_stays_out(synced: Portal, district: District) -> None:
    section = next(s for s in district.sections if len(s.students) > 2)
    out, leaving = section.students[:2]
    class_, account = synced.class_of(section.id), synced.account_of(out)
    synced._change(  # what the page of a class would write
        Membership, Membership.class_id == class_.id, Membership.account_id == account.id, ended_by_sync=0
    )
    edits.withdraw(district, section.id, leaving)

    sync_id = synced.sync_all()

    assert synced.actions(sync_id)["section", "edit", section.id].roster == {"join": [], "leave": [leaving]}
    assert out not in synced.roster(section.id)
    assert synced.actions(synced.prepare()) == {}
