"""Commits: once, in time, and with what changed in between told apart."""

import threading
from datetime import timedelta

import pytest
from sqlalchemy import delete

from sisportal.models import Account, AccountLink, ClassLink, Membership, Notification, SchoolClass, SyncState
from sisportal.models.database import writing
from sisportal.sandbox import edits
from sisportal.sandbox.district import District
from sisportal.syncing.commit import Stale, commit, discard
from sisportal.syncing.states import NotAllowed
from tests.syncing.portal import Portal


@pytest.fixture
def student(district: District) -> str:
    """Somebody with an e-mail address and a section."""
    return next(p.id for p in district.people if p.student and p.email and district.taught_or_attended(p.id))


def test_a_second_commit_changes_nothing(portal: Portal) -> None:
    sync_id = portal.sync_all()
    before = portal.everything()

    assert portal.commit(sync_id) is SyncState.COMMITTED

    assert portal.everything() == before


def test_two_commits_at_once_apply_the_plan_once(portal: Portal) -> None:
    sync_id = portal.prepare()
    planned = len(portal.actions(sync_id))
    together = threading.Barrier(2)
    ended: list[object] = []

    def run() -> None:
        together.wait()
        try:
            ended.append(commit(portal.engine, sync_id, portal.clock))
        except NotAllowed as refusal:
            ended.append(str(refusal))

    threads = [threading.Thread(target=run) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    told = {f"Sync {sync_id} is already committing.", f"Sync {sync_id} is committed and cannot be committed."}
    assert SyncState.COMMITTED in ended
    assert {end for end in ended if end is not SyncState.COMMITTED} <= told
    assert set(portal.states(sync_id).values()) == {"applied"}
    counts = portal.sync(sync_id).counts
    assert sum(verbs["add"]["applied"] for verbs in counts.values()) == planned
    assert len(portal.rows(AccountLink)) + len(portal.rows(ClassLink)) == planned
    assert len(portal.rows(Account)) + len(portal.rows(SchoolClass)) == planned + count_of_parents(portal)


def count_of_parents(portal: Portal) -> int:
    return len(portal.rows(SchoolClass, SchoolClass.is_parent))


def test_administrators_are_told_what_was_prepared_and_what_was_committed(quick_portal: Portal) -> None:
    quick_portal.add_administrator()

    sync_id = quick_portal.sync_all()

    assert [(told[0], told[1]) for told in quick_portal.notifications()] == [
        (sync_id, "prepared"),
        (sync_id, "committed"),
    ]
    assert quick_portal.notifications()[1][2] == "The sync is committed: 60 students, 19 teachers, 33 sections."


def refused(portal: Portal, sync_id: int) -> str:
    """The sentence with which a commit is refused; nothing is written but the sync's own state."""
    before = portal.dump()
    with pytest.raises(NotAllowed) as refusal:
        portal.commit(sync_id)
    assert portal.dump() == before
    return str(refusal.value)


def test_a_plan_is_stale_when_the_options_changed(quick_portal: Portal) -> None:
    sync_id = quick_portal.prepare()
    quick_portal.option("blended", "yes")

    sentence = refused(quick_portal, sync_id)

    assert sentence == "The options or the mapping of schools changed after this sync was prepared. Prepare again."
    assert (quick_portal.sync(sync_id).state, quick_portal.sync(sync_id).note) == ("expired", sentence)


def test_a_plan_is_stale_when_the_mapping_changed(quick_portal: Portal, district: District) -> None:
    sync_id = quick_portal.prepare()
    quick_portal.map(district.schools.ids[0], quick_portal.organization("North", 1))

    assert refused(quick_portal, sync_id).startswith("The options or the mapping of schools changed")


def test_a_plan_is_stale_after_seven_days(quick_portal: Portal) -> None:
    sync_id = quick_portal.prepare()
    quick_portal.now += timedelta(days=7, minutes=5)

    with pytest.raises(Stale, match="more than 7 days ago"):
        quick_portal.commit(sync_id)
    assert quick_portal.sync(sync_id).state == SyncState.EXPIRED


def test_a_plan_can_be_committed_until_its_seven_days_are_over(quick_portal: Portal) -> None:
    sync_id = quick_portal.prepare()
    quick_portal.now += timedelta(days=6, hours=23)

    assert quick_portal.commit(sync_id) is SyncState.COMMITTED


def test_a_newer_plan_takes_the_place_of_an_older_one(quick_portal: Portal) -> None:
    older = quick_portal.prepare()
    newer = quick_portal.prepare()

    assert refused(quick_portal, older) == f"Sync {older} is superseded and cannot be committed."
    assert quick_portal.sync(older).note == f"Replaced by sync {newer}, which is newer."
    assert quick_portal.commit(newer) is SyncState.COMMITTED


def test_what_is_left_of_a_partly_committed_plan_is_stale_once_a_newer_one_is_prepared(
    quick_portal: Portal, district: District, student: str
) -> None:
    quick_portal.sync_all()
    quick_portal.edit_account(quick_portal.account_of(student).id, last_name="By Hand")
    edits.rename_person(district, student, last="By The SIS")
    older = quick_portal.prepare()
    assert quick_portal.commit(older) is SyncState.PARTLY_COMMITTED
    quick_portal.prepare()

    assert refused(quick_portal, older).startswith("A newer sync was prepared since this one was: sync 3.")
    assert quick_portal.sync(older).state == SyncState.PARTLY_COMMITTED


def test_the_options_that_a_plan_was_made_with_are_those_of_its_prepare(quick_portal: Portal) -> None:
    sync_id = quick_portal.request()
    quick_portal.option("blended", "yes")
    quick_portal.try_prepare(sync_id)

    assert quick_portal.sync(sync_id).options["blended"] == "yes"
    assert quick_portal.commit(sync_id) is SyncState.COMMITTED


def test_a_discarded_plan_is_not_committed(quick_portal: Portal) -> None:
    sync_id = quick_portal.prepare()
    discard(quick_portal.engine, sync_id, quick_portal.now, "Ada")

    assert quick_portal.sync(sync_id).note == "Discarded by Ada."
    assert refused(quick_portal, sync_id) == f"Sync {sync_id} is discarded and cannot be committed."
    with pytest.raises(NotAllowed, match="Only a sync that is prepared"):
        discard(quick_portal.engine, sync_id, quick_portal.now, "Ada")


def test_a_committed_sync_cannot_be_discarded(quick_portal: Portal) -> None:
    with pytest.raises(NotAllowed):
        discard(quick_portal.engine, quick_portal.sync_all(), quick_portal.now, "Ada")


def test_an_account_edited_between_prepare_and_commit_is_a_conflict(
    portal: Portal, district: District, student: str
) -> None:
    portal.sync_all()
    was = portal.account_of(student).last_name
    edits.rename_person(district, student, last="By The SIS")
    sync_id = portal.prepare()
    portal.edit_account(portal.account_of(student).id, last_name="By Hand")

    assert portal.commit(sync_id) is SyncState.PARTLY_COMMITTED

    assert portal.account_of(student).last_name == "By Hand"
    assert portal.states(sync_id)[student] == "conflict"
    assert portal.actions(sync_id)["student", "edit", student].outcome == (
        "The account was changed in the portal after this sync was prepared. "
        f"Last name was {was} when it was planned, and is By Hand now."
    )
    assert [each[:2] for each in portal.warnings(sync_id, "commit")] == [("conflict", student)]
    assert portal.sync(sync_id).note == "1 not applied because the portal changed in between."
    assert portal.actions(portal.prepare())["student", "edit", student].held == "changed-on-both"


def test_an_edit_of_another_field_in_between_is_no_conflict(
    quick_portal: Portal, district: District, student: str
) -> None:
    quick_portal.sync_all()
    edits.rename_person(district, student, last="By The SIS")
    sync_id = quick_portal.prepare()
    quick_portal.edit_account(quick_portal.account_of(student).id, middle_name="Hand")

    assert quick_portal.commit(sync_id) is SyncState.COMMITTED

    account = quick_portal.account_of(student)
    assert (account.last_name, account.middle_name) == ("By The SIS", "Hand")


def test_an_account_that_is_so_already_is_told_apart(portal: Portal, district: District, student: str) -> None:
    portal.sync_all()
    edits.rename_person(district, student, last="Same")
    sync_id = portal.prepare()
    portal.edit_account(portal.account_of(student).id, last_name="Same")

    assert portal.commit(sync_id) is SyncState.COMMITTED

    assert portal.states(sync_id)[student] == "already-so"
    assert portal.actions(portal.prepare()) == {}


def test_an_account_archived_in_between_is_so_already(quick_portal: Portal, district: District, student: str) -> None:
    quick_portal.sync_all()
    edits.leave(district, student)
    sync_id = quick_portal.prepare()
    quick_portal.edit_account(quick_portal.account_of(student).id, archived_at=quick_portal.now)

    assert quick_portal.commit(sync_id) is SyncState.COMMITTED

    assert quick_portal.states(sync_id)[student] == "already-so"
    assert quick_portal.account_of(student).archived_by_sync is None


def test_a_class_edited_in_between_is_a_conflict_and_its_roster_stays(quick_portal: Portal, district: District) -> None:
    quick_portal.sync_all()
    section = next(s for s in district.sections if len(s.students) > 2)
    edits.rename_section(district, section.id, "By The SIS")
    edits.withdraw(district, section.id, section.students[0])
    roster = quick_portal.roster(section.id)
    sync_id = quick_portal.prepare()
    quick_portal.edit_class(quick_portal.class_of(section.id).id, name="By Hand")

    assert quick_portal.commit(sync_id) is SyncState.PARTLY_COMMITTED

    assert (quick_portal.class_of(section.id).name, quick_portal.roster(section.id)) == ("By Hand", roster)
    assert quick_portal.states(sync_id)[section.id] == "conflict"
    outcome = quick_portal.actions(sync_id)["section", "edit", section.id].outcome
    assert outcome.endswith(" when it was planned, and is By Hand now.")


@pytest.mark.parametrize("leaves", [False, True], ids=["edit", "delete"])
def test_a_link_removed_in_between_is_a_conflict_and_stays_removed(
    quick_portal: Portal, district: District, student: str, leaves: bool
) -> None:
    quick_portal.sync_all()
    account = quick_portal.account_of(student)
    if leaves:
        edits.leave(district, student)
    else:
        edits.rename_person(district, student, last="By The SIS")
    sync_id = quick_portal.prepare()
    with writing(quick_portal.engine).begin() as connection:
        connection.execute(delete(AccountLink).where(AccountLink.source_id == student))

    assert quick_portal.commit(sync_id) is SyncState.PARTLY_COMMITTED

    assert quick_portal.states(sync_id)[student] == "conflict"
    assert quick_portal.rows(AccountLink, AccountLink.source_id == student) == []
    held = quick_portal.rows(Account, Account.id == account.id)[0]
    assert (held.last_name, held.archived_at) == (account.last_name, None)


def test_an_account_removed_in_between_is_a_conflict(quick_portal: Portal, district: District, student: str) -> None:
    quick_portal.sync_all()
    account = quick_portal.account_of(student)
    edits.rename_person(district, student, last="By The SIS")
    sync_id = quick_portal.prepare()
    with writing(quick_portal.engine).begin() as connection:
        for model in (Membership, AccountLink):
            connection.execute(delete(model).where(model.account_id == account.id))
        connection.execute(delete(Account).where(Account.id == account.id))

    assert quick_portal.commit(sync_id) is SyncState.PARTLY_COMMITTED
    assert quick_portal.states(sync_id)[student] == "conflict"


@pytest.mark.parametrize("spelling", ["as planned", "in capitals", "beyond ASCII"])
def test_a_username_taken_in_between_gets_a_number(
    portal: Portal, district: District, student: str, spelling: str
) -> None:
    wished = "Ömer.Ñandú" if spelling == "beyond ASCII" else "mia.abara"
    district.people[student].as_student.username = wished
    sync_id = portal.prepare()
    assert portal.actions(sync_id)["student", "add", student].after["username"] == wished
    portal.add_account("student", wished.upper() if spelling == "in capitals" else wished)

    assert portal.commit(sync_id) is SyncState.COMMITTED

    assert portal.account_of(student).username == f"{wished}2"
    assert ("username-taken", student, wished) in portal.warnings(sync_id, "commit")


def test_a_commit_leaves_what_is_held_and_what_is_not_its_own(quick_portal: Portal) -> None:
    bystander = quick_portal.add_account("teacher", "somebody", last_name="Bystander")
    class_ = quick_portal.add_class("Chess club")
    quick_portal.put_into_class(class_, bystander, 0)
    before = (quick_portal.rows(Account), quick_portal.rows(SchoolClass), quick_portal.rows(Membership))

    quick_portal.sync_all()

    after = (
        quick_portal.rows(Account, Account.id == bystander),
        quick_portal.rows(SchoolClass, SchoolClass.id == class_),
        quick_portal.rows(Membership, Membership.class_id == class_),
    )
    assert after == before


def test_a_review_is_asked_for_until_the_plan_is_committed_or_discarded(quick_portal: Portal) -> None:
    portal = quick_portal
    portal.add_administrator()

    def unread() -> list[tuple[int, str]]:
        return [(row.sync_id, row.kind) for row in portal.rows(Notification, Notification.read_at.is_(None))]

    first = portal.prepare()
    assert unread() == [(first, "prepared")]
    discard(portal.engine, first, portal.now, "Ada")
    assert unread() == []
    second = portal.prepare()
    portal.commit(second)
    assert unread() == [(second, "committed")]
