"""People whom the SIS lists under a new id that no key explains: nobody who is there still is archived before somebody says so."""

from typing import Any

import pytest

from sisportal.models import Action, SyncState
from sisportal.sandbox import edits
from sisportal.sandbox.district import District
from sisportal.sandbox.entities import Person
from sisportal.syncing.deciding import Said, decide
from sisportal.syncing.explaining import evidence_sentences
from sisportal.syncing.releasing import release_guards
from tests.syncing.portal import WHO, Portal

NEW_EMAIL = "somebody.new@example.org"


@pytest.fixture
def teacher(district: District) -> Person:
    """Somebody who teaches only, with sections."""
    return next(
        p for p in district.people if p.teacher and not p.student and p.email and district.taught_or_attended(p.id)
    )


def split(district: District, person: Person, **changes: Any) -> Person:
    """Clever makes a new user of somebody whose e-mail changed; ``changes``: what else changed of the teacher's role."""
    for name, value in changes.items():
        setattr(person.teacher, name, value)
    return edits.split_user(district, person.id, NEW_EMAIL)


def held(portal: Portal, sync_id: int) -> dict[str, str]:
    rows = portal.rows(Action, Action.sync_id == sync_id, Action.type != "section")
    return {row.source_id: row.held for row in rows}


def action_of(portal: Portal, sync_id: int, source_id: str) -> Any:
    return portal.rows(Action, Action.sync_id == sync_id, Action.source_id == source_id)[0]


def say(portal: Portal, sync_id: int, source_id: str, **said: Any) -> None:
    decide(portal.engine, sync_id, action_of(portal, sync_id, source_id).id, Said(**said), WHO, portal.now)


def test_a_teacher_whom_a_new_email_splits_keeps_account_and_classes(
    portal: Portal, district: District, teacher: Person
) -> None:
    portal.sync_all()
    account, classes = portal.account_of(teacher.id), [each.id for each in district.taught_or_attended(teacher.id)]
    new = split(district, teacher)

    sync_id = portal.prepare()

    assert held(portal, sync_id) == {new.id: "listed-anew", teacher.id: "doubted-delete"}
    assert release_guards(portal.engine, sync_id, WHO, portal.now) == 0
    assert portal.commit(sync_id) is SyncState.PARTLY_COMMITTED
    assert portal.account_of(teacher.id).archived_at is None
    assert all(teacher.id in portal.roster(each) for each in classes)
    again = portal.prepare()
    assert held(portal, again) == {new.id: "listed-anew", teacher.id: "doubted-delete"}

    say(portal, again, new.id, same=account.id)

    assert portal.sync(again).held == []
    assert portal.commit(again) is SyncState.COMMITTED
    now = portal.account_of(new.id)
    assert (now.id, now.email, now.archived_at) == (account.id, NEW_EMAIL, None)
    assert all(portal.roster(each).count(new.id) == 1 for each in classes)
    assert portal.actions(portal.prepare()) == {}


def test_a_new_id_that_is_undone_is_not_proposed_again_and_no_class_is_left(
    portal: Portal, district: District, teacher: Person
) -> None:
    portal.sync_all()
    account, was = portal.account_of(teacher.id), teacher.id
    rosters = {each.id: portal.roster(each.id) for each in district.taught_or_attended(was)}
    new = split(district, teacher)
    sync_id = portal.prepare()
    say(portal, sync_id, new.id, same=account.id)
    portal.commit(sync_id)

    portal.undo(sync_id)

    now = portal.account_of(was)
    assert (now.id, now.email, now.archived_at) == (account.id, account.email, None)
    assert {each: portal.roster(each) for each in rosters} == rosters
    assert portal.actions(portal.prepare()) == {}
    portal.propose_again()
    portal.sync_all()
    assert portal.account_of(new.id).id == account.id
    assert all(new.id in portal.roster(each) for each in rosters)
    assert portal.actions(portal.prepare()) == {}


def test_beside_a_new_id_that_was_undone_another_teachers_leave_stays_undone_too(
    quick_portal: Portal, district: District
) -> None:
    section = next(s for s in district.sections if len(s.teachers) > 2)
    was, leaver = (district.people[id_] for id_ in section.teachers[:2])
    quick_portal.sync_all()
    account, roster = quick_portal.account_of(was.id), quick_portal.roster(section.id)
    new = split(district, was)
    edits.leave(district, leaver.id)
    sync_id = quick_portal.prepare()
    say(quick_portal, sync_id, new.id, same=account.id)
    release_guards(quick_portal.engine, sync_id, WHO, quick_portal.now)
    assert quick_portal.commit(sync_id) is SyncState.COMMITTED

    quick_portal.undo(sync_id)

    assert quick_portal.roster(section.id) == roster
    assert quick_portal.actions(quick_portal.prepare()) == {}


@pytest.mark.parametrize("word", ["create", "not_same"])
def test_a_namesake_who_comes_as_another_leaves_is_asked_about_once(
    quick_portal: Portal, district: District, teacher: Person, word: str
) -> None:
    quick_portal.sync_all()
    account = quick_portal.account_of(teacher.id)
    new = split(district, teacher)
    sync_id = quick_portal.prepare()

    say(quick_portal, sync_id, new.id, **({"create": True} if word == "create" else {"not_same": (account.id,)}))

    assert held(quick_portal, sync_id) == {new.id: "", teacher.id: ""}
    assert quick_portal.commit(sync_id) is SyncState.COMMITTED
    assert quick_portal.account_of(teacher.id).archived_at is not None
    assert quick_portal.account_of(new.id).id != account.id
    assert quick_portal.actions(quick_portal.prepare()) == {}


def test_the_evidence_says_what_agrees(quick_portal: Portal, district: District, teacher: Person) -> None:
    quick_portal.sync_all()
    account = quick_portal.account_of(teacher.id)
    new = split(district, teacher, number=None, sis_id=None, state_id=None, legacy_id=None)

    sync_id = quick_portal.prepare()

    evidence = action_of(quick_portal, sync_id, new.id).evidence
    name = f"{teacher.first} {teacher.last}"
    [candidate] = evidence["candidates"]
    assert (evidence["rule"], candidate["id"], candidate["agree"]) == ("alike", account.id, ["name", "username"])
    assert evidence_sentences(evidence) == [
        f"It has the name and school and the username of {name}, number {account.id}, which the SIS does not list any more ({teacher.id})."
    ]
    doubted = action_of(quick_portal, sync_id, teacher.id).evidence["records"]
    assert [each["source_id"] for each in doubted] == [new.id]


@pytest.mark.parametrize("key", ["number", "sis_id", "state_id"])
def test_a_number_of_the_sis_tells_who_it_is_though_the_name_is_another(
    quick_portal: Portal, district: District, teacher: Person, key: str
) -> None:
    teacher.as_teacher.number, teacher.as_teacher.sis_id, teacher.as_teacher.state_id = "T-1", "S-1", "ST-1"
    quick_portal.sync_all()
    kept = {name: None for name in ("number", "sis_id", "state_id", "legacy_id") if name != key}
    was = teacher.id
    new = split(district, teacher, **kept)
    new.first, new.last = "Wholly", "Otherwise"

    assert held(quick_portal, quick_portal.prepare()) == {new.id: "listed-anew", was: "doubted-delete"}


def test_somebody_else_at_the_school_who_comes_as_one_leaves_is_added(
    quick_portal: Portal, district: District, teacher: Person
) -> None:
    quick_portal.sync_all()
    was = teacher.id
    new = split(district, teacher, number=None, sis_id=None, state_id=None, legacy_id=None)
    new.first, new.last = "Wholly", "Otherwise"

    sync_id = quick_portal.prepare()

    assert held(quick_portal, sync_id) == {new.id: "", was: ""}


def test_of_two_namesakes_who_leave_and_one_who_comes_all_three_wait(
    quick_portal: Portal, district: District, teacher: Person
) -> None:
    twin = next(
        p for p in district.people
        if p.teacher and p is not teacher and p.as_teacher.school == teacher.as_teacher.school
    )  # fmt: skip
    twin.first, twin.last = teacher.first, teacher.last
    quick_portal.sync_all()
    first, second = quick_portal.account_of(teacher.id), quick_portal.account_of(twin.id)
    edits.leave(district, twin.id)
    new = split(district, teacher, number=None, sis_id=None, state_id=None, legacy_id=None)
    sync_id = quick_portal.prepare()
    waiting = {new.id: "listed-anew", teacher.id: "doubted-delete", twin.id: "doubted-delete"}
    assert held(quick_portal, sync_id) == waiting

    say(quick_portal, sync_id, new.id, not_same=(second.id,))
    assert held(quick_portal, sync_id) == waiting | {twin.id: ""}
    say(quick_portal, sync_id, new.id, same=first.id)

    assert held(quick_portal, sync_id) == {new.id: "", twin.id: ""}
    assert quick_portal.commit(sync_id) is SyncState.COMMITTED
    assert quick_portal.account_of(new.id).id == first.id
    assert quick_portal.account_of(twin.id).archived_at is not None
    assert quick_portal.actions(quick_portal.prepare()) == {}


def test_who_comes_back_under_a_new_id_after_the_delete_is_offered_the_old_account(
    portal: Portal, district: District, teacher: Person
) -> None:
    portal.sync_all()
    account, was = portal.account_of(teacher.id), teacher.id
    classes = [each.id for each in district.taught_or_attended(was)]
    edits.leave(district, was)
    portal.sync_all()
    assert portal.account_of(was).archived_at is not None
    edits.come_back(district, was)
    new = split(district, teacher)

    sync_id = portal.prepare()

    assert held(portal, sync_id) == {new.id: ""}
    assert [w for w in portal.warnings(sync_id) if w[0] == "possible-duplicate"] == [
        ("possible-duplicate", new.id, str(account.id))
    ]
    say(portal, sync_id, new.id, same=account.id)
    assert next(iter(portal.actions(sync_id)))[1] == "reactivate"
    assert portal.commit(sync_id) is SyncState.COMMITTED
    now = portal.account_of(new.id)
    assert (now.id, now.archived_at) == (account.id, None)
    assert all(portal.roster(each).count(new.id) == 1 for each in classes)
    assert portal.actions(portal.prepare()) == {}


@pytest.mark.parametrize("word", ["same", "not_same", "create"])
def test_who_was_listed_twice_is_not_archived_before_somebody_says_so(
    quick_portal: Portal, district: District, teacher: Person, word: str
) -> None:
    was = teacher.id
    new = split(district, teacher)
    district.put(teacher)
    quick_portal.sync_all()  # both are new, and both get an account
    account, twin = quick_portal.account_of(was), quick_portal.account_of(new.id)
    edits.leave(district, was)
    sync_id = quick_portal.prepare()
    assert held(quick_portal, sync_id) == {was: "listed-twice"}
    evidence = action_of(quick_portal, sync_id, was).evidence
    assert [each["id"] for each in evidence["candidates"]] == [twin.id]
    assert quick_portal.commit(sync_id) is SyncState.PARTLY_COMMITTED
    assert quick_portal.account_of(was).archived_at is None
    sync_id = quick_portal.prepare()

    say(
        quick_portal,
        sync_id,
        was,
        **{"same": {"same": twin.id}, "not_same": {"not_same": (twin.id,)}}.get(word, {"create": True}),
    )

    assert held(quick_portal, sync_id) == {was: ""}
    quick_portal.untick(sync_id, was)
    quick_portal.commit(sync_id)
    again = quick_portal.prepare()
    assert held(quick_portal, again) == {was: ""}, "what was said is remembered"
    assert quick_portal.commit(again) is SyncState.COMMITTED
    assert quick_portal.account_of(was).id == account.id
    assert quick_portal.account_of(was).archived_at is not None
    assert quick_portal.actions(quick_portal.prepare()) == {}


def test_a_second_record_with_the_number_of_somebody_who_is_listed_waits_until_that_one_goes(
    quick_portal: Portal, district: District, teacher: Person
) -> None:
    teacher.as_teacher.number = "T-1"
    quick_portal.sync_all()
    account, was = quick_portal.account_of(teacher.id), teacher.id
    new = split(district, teacher)
    district.put(teacher)  # both are listed for a while
    sync_id = quick_portal.prepare()
    assert held(quick_portal, sync_id) == {new.id: "linked-elsewhere"}
    quick_portal.commit(sync_id)
    edits.leave(district, was)
    sync_id = quick_portal.prepare()
    assert held(quick_portal, sync_id) == {new.id: "listed-anew", was: "doubted-delete"}

    say(quick_portal, sync_id, new.id, same=account.id)

    assert quick_portal.commit(sync_id) is SyncState.COMMITTED
    assert quick_portal.account_of(new.id).id == account.id
    assert quick_portal.actions(quick_portal.prepare()) == {}
