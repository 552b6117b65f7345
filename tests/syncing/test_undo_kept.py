"""Undo where the world went on: what changed since is kept and said why, and what was undone stays away until released."""

import pytest
from sqlalchemy import delete, update

from sisportal.models import (
    Account,
    ActionState,
    KeptBack,
    Membership,
    SisConnection,
    SyncMode,
    SyncState,
    SyncWarning,
)
from sisportal.models.database import writing
from sisportal.sandbox import edits
from sisportal.sandbox.district import District
from sisportal.syncing import accounts
from sisportal.syncing.deciding import Said, decide
from sisportal.syncing.running import start_undo
from sisportal.syncing.states import NotAllowed
from tests.syncing.portal import WHO, Portal
from tests.syncing.test_pins import edit_account
from tests.syncing.test_thirty_days import DailyPortal


def pupils(district: District) -> list[str]:
    return [person.id for person in district.people if person.student and not person.teacher]


def grade(district: District, id_: str, value: str) -> None:
    district.note(district.people[id_])
    district.people[id_].as_student.grade = value


def kept(portal: Portal, undo_id: int) -> list[str]:
    """What the undo says of records that it keeps."""
    rows = portal.rows(SyncWarning, SyncWarning.sync_id == undo_id, SyncWarning.code == "undo-kept")
    return [row.value for row in rows]


@pytest.fixture
def graded(portal: Portal, district: District) -> tuple[int, str, str]:
    """A sync that changed grade and e-mail of two students: its id, and theirs."""
    one, other = pupils(district)[:2]
    for id_ in (one, other):
        grade(district, id_, "5")
        edits.change_email(district, id_, f"{id_}@old.example")
    portal.sync_all()
    for id_ in (one, other):
        grade(district, id_, "6")
        edits.change_email(district, id_, f"{id_}@new.example")
    return portal.sync_all(), one, other


def test_a_field_changed_by_hand_since_is_kept_and_the_others_are_restored(
    portal: Portal, graded: tuple[int, str, str]
) -> None:
    sync_id, one, other = graded
    portal.edit_account(portal.account_of(one).id, grade="7")

    undo = portal.undo(sync_id)

    assert (portal.account_of(one).grade, portal.account_of(one).email) == ("7", f"{one}@old.example")
    assert (portal.account_of(other).grade, portal.account_of(other).email) == ("5", f"{other}@old.example")
    assert [text.split(": ", 1)[1] for text in kept(portal, undo)] == ["changed since, by hand in the portal: Grade"]
    assert "1 record stays as it is" in portal.sync(undo).note
    assert portal.actions(portal.prepare()) == {}


def test_a_field_that_a_later_sync_changed_is_kept_and_the_later_sync_named(
    portal: Portal, district: District, graded: tuple[int, str, str]
) -> None:
    sync_id, one, other = graded
    grade(district, one, "8")
    later = portal.sync_all()

    undo = portal.undo(sync_id)

    assert (portal.account_of(one).grade, portal.account_of(one).email) == ("8", f"{one}@old.example")
    assert portal.account_of(other).grade == "5"
    assert [text.split(": ", 1)[1] for text in kept(portal, undo)] == [f"changed since, by sync {later}: Grade"]
    assert portal.actions(portal.prepare()) == {}
    portal.undo(later)
    portal.undo(sync_id)
    assert portal.account_of(one).grade == "5"


def test_what_the_sis_comes_to_say_after_an_undo_is_proposed_and_what_was_undone_is_not(
    portal: Portal, district: District, graded: tuple[int, str, str]
) -> None:
    sync_id, one, other = graded
    portal.undo(sync_id)
    grade(district, one, "9")

    plan = portal.prepare()

    assert {key: row.after for key, row in portal.actions(plan).items()} == {("student", "edit", one): {"grade": "9"}}
    portal.commit(plan)
    assert (portal.account_of(one).grade, portal.account_of(one).email) == ("9", f"{one}@old.example")
    grade(district, one, "6")
    again = portal.prepare()
    assert portal.actions(again)["student", "edit", one].after == {"grade": "6"}, "a change of its own"
    assert ("student", "edit", other) not in portal.actions(again)


@pytest.mark.parametrize("full_between", [False, True])
def test_a_quick_sync_after_an_undo_is_as_right_as_a_full_one(
    portal: Portal, district: District, full_between: bool
) -> None:
    daily = DailyPortal(portal.engine, portal.served)
    one, other = pupils(district)[:2]
    daily.pass_day(seed=1)
    daily.sync_all()
    was = daily.account_of(one).grade
    for id_ in (one, other):
        grade(district, id_, "6")
    district.settle()
    sync_id = daily.sync_all()
    cursor = daily.rows(SisConnection)[0].cursor
    daily.undo(sync_id)
    assert daily.rows(SisConnection)[0].cursor == cursor, "the mirror has not gone back"
    if full_between:
        daily.sync_all()

    quiet = daily.prepare_quick()
    assert daily.sync(quiet).mode == SyncMode.QUICK, daily.sync(quiet).note
    assert daily.actions(quiet) == {}
    assert daily.sync(quiet).kept_back == {"student": {"edit": 2}}
    daily.commit(quiet)
    assert daily.account_of(one).grade == was
    edits.rename_person(district, other, first="Renamed")
    district.settle()
    daily.propose_again()
    plan = daily.prepare_quick()

    assert daily.sync(plan).mode == SyncMode.QUICK
    assert {key[2]: sorted(row.after) for key, row in daily.actions(plan).items()} == {
        one: ["grade"], other: ["first_name", "grade"]
    }  # fmt: skip
    daily.commit(plan)
    assert daily.account_of(one).grade == daily.account_of(other).grade == "6"
    assert daily.actions(daily.prepare()) == {}


def test_what_is_unticked_in_an_undo_stays_as_the_sync_made_it(portal: Portal, graded: tuple[int, str, str]) -> None:
    sync_id, one, other = graded
    undo = portal.prepare_undo(sync_id)
    portal.untick(undo, one)

    assert portal.commit(undo) == SyncState.COMMITTED

    assert (portal.account_of(one).grade, portal.account_of(other).grade) == ("6", "5")
    assert [row.source_id for row in portal.rows(KeptBack)] == [other]
    portal.undo(sync_id)
    assert portal.account_of(one).grade == "5"


def test_an_undo_of_deletes_brings_people_back_into_their_classes(portal: Portal, district: District) -> None:
    portal.sync_all()
    before = portal.exported()
    gone = pupils(district)[0]
    edits.leave(district, gone)
    sync_id = portal.sync_all()
    assert portal.account_of(gone).archived_at

    portal.undo(sync_id)

    assert portal.exported() == before
    plan = portal.prepare()
    assert portal.actions(plan) == {}
    assert portal.sync(plan).kept_back["student"] == {"delete": 1}
    edits.come_back(district, gone)
    assert portal.actions(portal.prepare()) == {}
    edits.leave(district, gone)
    assert ("student", "delete", gone) in portal.actions(portal.prepare()), "gone once more: a change of its own"


def test_somebody_archived_by_hand_since_is_not_revived(portal: Portal, district: District) -> None:
    portal.sync_all()
    gone = pupils(district)[0]
    edits.leave(district, gone)
    sync_id = portal.sync_all()
    account = portal.account_of(gone)
    portal.edit_account(account.id, archived_by_sync=None)

    undo = portal.undo(sync_id)

    assert portal.account_of(gone).archived_at
    assert any("State" in text for text in kept(portal, undo))


def test_a_place_changed_by_hand_since_is_kept_and_the_others_of_the_class_are_restored(
    portal: Portal, district: District
) -> None:
    section = max(district.sections, key=lambda each: len(each.students))
    outside = [id_ for id_ in pupils(district) if id_ not in section.students][:2]
    portal.sync_all()
    class_ = portal.class_of(section.id)
    for id_ in outside:
        edits.enrol(district, section.id, id_)
    sync_id = portal.sync_all()
    with writing(portal.engine).begin() as connection:
        by_hand = (Membership.class_id == class_.id, Membership.account_id == portal.account_of(outside[0]).id)
        connection.execute(update(Membership).where(*by_hand).values(position=5))

    undo = portal.undo(sync_id)

    assert set(outside) & set(portal.roster(section.id)) == {outside[0]}
    assert [text.split(": ", 1)[1] for text in kept(portal, undo)] == [
        "1 place in the class changed since, by hand in the portal"
    ]
    assert portal.actions(portal.prepare()) == {}


def test_who_changed_each_field_is_told_apart_where_a_later_sync_and_a_person_did(
    portal: Portal, district: District, graded: tuple[int, str, str]
) -> None:
    sync_id, one, _ = graded
    grade(district, one, "8")
    later = portal.sync_all()
    edits.rename_person(district, one, first="Otherwise")
    portal.sync_all()  # the newest to change the account, but neither of the two fields
    edit_account(portal, portal.account_of(one).id, email="by@hand.example")

    undo = portal.undo(sync_id)

    [text] = [text.split(": ", 1)[1] for text in kept(portal, undo)]
    assert sorted(text.split("; ")) == [
        "changed since, by hand in the portal: E-mail",
        f"changed since, by sync {later}: Grade",
    ]


def test_people_moved_by_hand_are_not_laid_at_a_later_sync_that_renamed_the_class(
    portal: Portal, district: District
) -> None:
    section = next(each for each in district.sections if len(each.students) > 2)
    first = portal.sync_all()
    edits.rename_section(district, section.id, "Another name")
    later = portal.sync_all()
    class_id = portal.class_of(section.id).id
    with writing(portal.engine).begin() as connection:
        gone = (Membership.class_id == class_id, Membership.account_id == portal.account_of(section.students[0]).id)
        connection.execute(delete(Membership).where(*gone))

    undo = portal.prepare_undo(first)

    [about] = [text.split(": ", 1)[1] for text in kept(portal, undo) if "the class" in text]
    assert about.split("; ") == [
        f"changed since, by sync {later}: Name",
        "people joined or left the class since, by hand in the portal",
    ]


def test_who_archived_by_hand_is_not_said_to_be_a_later_sync(portal: Portal, district: District) -> None:
    first = portal.sync_all()
    one = pupils(district)[0]
    grade(district, one, "8")
    portal.sync_all()
    with writing(portal.engine).begin() as connection:
        accounts.archive(connection, portal.account_of(one).id, WHO, portal.now)

    undo = portal.prepare_undo(first)

    assert [text.split(": ", 1)[1] for text in kept(portal, undo)] == ["archived since, by hand in the portal"]


def test_an_account_that_was_changed_since_it_was_added_is_kept_with_its_link(
    portal: Portal, district: District
) -> None:
    first = portal.sync_all()
    one = pupils(district)[0]
    portal.edit_account(portal.account_of(one).id, last_name="Married")

    undo = portal.undo(first)

    active = portal.rows(Account, Account.archived_at.is_(None))
    assert [row.last_name for row in active] == ["Married"]
    assert [text.split(": ", 1)[1] for text in kept(portal, undo)] == [
        "changed since, by hand in the portal: Last name"
    ]


def test_one_released_person_comes_back_as_the_same_account(portal: Portal, district: District) -> None:
    first = portal.sync_all()
    before = portal.exported()
    one = pupils(district)[0]
    account = portal.account_of(one)
    portal.undo(first)

    assert portal.propose_again() > 1
    plan = portal.prepare()
    assert portal.actions(plan)["student", "reactivate", one].target_id == account.id
    portal.commit(plan)

    assert portal.exported() == before


def test_who_left_a_class_by_an_undo_joins_it_again_though_a_later_sync_of_it_was_undone_after(
    quick_portal: Portal, district: District
) -> None:
    section = next(each for each in district.sections if len(each.students) > 2)
    first = quick_portal.sync_all()
    edits.rename_section(district, section.id, "Renamed")
    second = quick_portal.sync_all()

    quick_portal.undo(first)  # the class stays, for it changed since; who was in it goes
    quick_portal.undo(second)

    quick_portal.propose_again()
    quick_portal.sync_all()
    assert set(quick_portal.roster(section.id)) == {*section.teachers, *section.students}
    assert quick_portal.actions(quick_portal.prepare()) == {}


def test_undone_accounts_leave_the_classes_that_stay_and_join_them_again(portal: Portal, district: District) -> None:
    new = max(pupils(district), key=lambda id_: sum(id_ in section.students for section in district.sections))
    edits.leave(district, new)
    portal.sync_all()
    edits.come_back(district, new)
    section = next(section for section in district.sections if new in section.students)
    sync_id = portal.sync_all()
    after = portal.exported()
    undo = portal.prepare_undo(sync_id)
    portal.untick(undo, *[key[2] for key in portal.actions(undo) if key[0] == "section"])
    portal.commit(undo)

    assert portal.actions(portal.prepare()) == {}
    assert new not in portal.roster(section.id)
    portal.propose_again()
    portal.sync_all()
    assert new in portal.roster(section.id)
    assert portal.exported() == after


@pytest.mark.parametrize("state", [SyncState.PREPARED, SyncState.DISCARDED])
def test_only_what_was_committed_can_be_undone(quick_portal: Portal, state: SyncState) -> None:
    sync_id = quick_portal.prepare()
    if state is SyncState.DISCARDED:
        from sisportal.syncing.commit import discard  # noqa: PLC0415

        discard(quick_portal.engine, sync_id, quick_portal.now, "Ada")

    with pytest.raises(NotAllowed, match=f"is {state}: only what was committed can be undone"):
        start_undo(quick_portal.engine, sync_id, WHO, quick_portal.now)


def test_an_undo_is_refused_beside_a_sync_that_waits_or_runs(quick_portal: Portal) -> None:
    sync_id = quick_portal.sync_all()
    waiting = quick_portal.request()

    with pytest.raises(NotAllowed, match=f"Sync {waiting} waits since"):
        start_undo(quick_portal.engine, sync_id, WHO, quick_portal.now)


def test_a_newer_plan_takes_the_place_of_an_undo_and_an_undo_of_an_older_plan(quick_portal: Portal) -> None:
    sync_id = quick_portal.sync_all()
    undo = quick_portal.prepare_undo(sync_id)
    newer = quick_portal.prepare()
    assert quick_portal.sync(undo).state == SyncState.SUPERSEDED
    quick_portal.prepare_undo(sync_id)
    assert quick_portal.sync(newer).state == SyncState.SUPERSEDED


def test_a_partly_committed_sync_is_undone_as_far_as_it_went(portal: Portal, district: District) -> None:
    portal.sync_all()
    before = portal.exported()
    edits.mass_delete(district, 0.5)
    grade(district, pupils(district)[0], "11")
    sync_id = portal.prepare()
    assert portal.commit(sync_id) == SyncState.PARTLY_COMMITTED

    undo = portal.undo(sync_id)

    assert portal.exported() == before
    assert {row.state for row in portal.actions(undo).values()} == {ActionState.APPLIED}


def test_an_undo_notifies_and_says_what_it_is(quick_portal: Portal) -> None:
    sync_id = quick_portal.sync_all()
    quick_portal.add_administrator()
    undo = quick_portal.undo(sync_id)

    told = [text for about, _, text in quick_portal.notifications() if about == undo]
    assert told[0].startswith(f"The undo of sync {sync_id} is prepared: ")
    assert told[1].startswith(f"Sync {sync_id} is undone: ")
    assert quick_portal.sync(undo).note == f"Undo of sync {sync_id}."


def test_an_account_that_had_made_way_gets_its_id_and_places_back(portal: Portal, district: District) -> None:
    portal.sync_all()
    before = portal.exported()
    one = max(pupils(district), key=lambda id_: sum(id_ in section.students for section in district.sections))
    account = portal.account_of(one)
    edits.rename_person(district, one, first="Zebulon", last="Quartermain")
    sync_id = portal.prepare()
    action = portal.actions(sync_id)["student", "edit", one]
    assert action.held == "identity-changed"
    decide(portal.engine, sync_id, action.id, Said(not_same=(account.id,)), WHO, portal.now)
    assert portal.commit(sync_id) == SyncState.COMMITTED
    after = portal.exported()
    newer = portal.account_of(one)
    assert newer.id != account.id

    undo = portal.undo(sync_id)

    assert {name: {id_: portal.exported()[name][id_] for id_ in before[name]} for name in before} == before
    assert portal.account_of(one).id == account.id
    assert portal.actions(portal.prepare()) == {}
    again = portal.undo(undo)
    assert portal.exported() == after
    assert portal.account_of(one).id == newer.id
    portal.undo(again)
    assert portal.account_of(one).id == account.id
    assert portal.actions(portal.prepare()) == {}


def test_a_class_that_two_undos_took_away_gets_everybody_back(portal: Portal, district: District) -> None:
    portal.sync_all()
    like = next(s for s in district.sections if s.students and s.teachers)
    new = edits.add_section(district, like, like.students)
    made = portal.sync_all()
    everybody = sorted(portal.roster(new.id))
    first = portal.undo(made)
    portal.undo(first)
    portal.undo(made)
    portal.undo(first)  # it links the class again, which the other undo left archived and empty
    portal.propose_again()

    portal.sync_all()

    assert sorted(portal.roster(new.id)) == everybody
    assert portal.actions(portal.prepare()) == {}
