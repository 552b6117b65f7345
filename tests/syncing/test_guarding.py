"""Guards on stored plans: judged by school and type when prepared, and again at the commit by what is ticked."""

from typing import Any

import pytest
from sqlalchemy import select, update

from sisportal.models import Account, AccountLink, Action, SyncState
from sisportal.models.database import writing
from sisportal.providers.base import Provider
from sisportal.providers.opening import open_clever
from sisportal.sandbox import edits
from sisportal.sandbox.district import District
from sisportal.syncing.connections import ConnectionFacts, OpenProvider
from sisportal.syncing.deciding import Said, decide
from sisportal.syncing.guarding import release_all
from sisportal.syncing.releasing import release_guards
from sisportal.syncing.review import tick_roster
from tests.syncing.portal import WHO, Portal


@pytest.fixture
def synced(quick_portal: Portal) -> Portal:
    quick_portal.sync_all()
    return quick_portal


def held(portal: Portal, sync_id: int) -> dict[str, str]:
    """``source_id`` -> why it is held, of every action that is."""
    return {row.source_id: row.held for row in portal.rows(Action, Action.sync_id == sync_id) if row.held}


def school_of(district: District, students: int) -> tuple[str, list[str]]:
    """The school with the most students, and so many of them who count for it."""
    of: dict[str, list[str]] = {}
    for person in district.people:
        if person.student:
            of.setdefault(person.as_student.school, []).append(person.id)
    school = max(of, key=lambda each: len(of[each]))
    return school, of[school][:students]


def test_only_the_school_that_loses_too_many_is_held_and_the_rest_can_be_committed(
    synced: Portal, district: District
) -> None:
    school, leavers = school_of(district, 6)
    for source_id in leavers:
        edits.leave(district, source_id)
    other = next(p.id for p in district.people if p.student and p.as_student.school != school)
    edits.leave(district, other)

    sync_id = synced.prepare()

    assert held(synced, sync_id) == dict.fromkeys(leavers, "guard-deletes")
    [hold] = [each for each in synced.sync(sync_id).held if each["reason"] == "guard-deletes"]
    assert (hold["type"], hold["scope"], hold["count"]) == ("student", school, 6)
    assert hold["sentence"].startswith("6 of ")
    assert synced.commit(sync_id) is SyncState.PARTLY_COMMITTED
    assert synced.account_of(other).archived_at is not None
    assert synced.account_of(leavers[0]).archived_at is None


@pytest.mark.parametrize(("unticked", "applied"), [(4, 2), (3, 0), (0, 0)])
def test_the_guards_judge_what_is_ticked_when_it_is_committed(
    synced: Portal, district: District, unticked: int, applied: int
) -> None:
    _, leavers = school_of(district, 6)
    for source_id in leavers:
        edits.leave(district, source_id)
    sync_id = synced.prepare()
    if unticked:
        synced.untick(sync_id, *leavers[:unticked])

    synced.commit(sync_id)

    # Of some 20 students, 2 are too few to be held; 3 are more than 10 %.
    assert sum(synced.account_of(each).archived_at is not None for each in leavers) == applied


def test_a_release_is_for_everything_the_guards_hold(synced: Portal, district: District) -> None:
    _, leavers = school_of(district, 6)
    for source_id in leavers:
        edits.leave(district, source_id)
    sync_id = synced.prepare()

    assert release_guards(synced.engine, sync_id, WHO, synced.now) == 6
    assert synced.commit(sync_id) is SyncState.COMMITTED
    assert all(synced.account_of(each).archived_at is not None for each in leavers)


def test_what_is_ticked_after_a_release_is_held_at_the_commit_and_what_was_released_is_applied(
    synced: Portal, district: District
) -> None:
    _, leavers = school_of(district, 8)
    for source_id in leavers:
        edits.leave(district, source_id)
    later, released = leavers[:3], leavers[3:]
    older = synced.prepare()
    synced.untick(older, *later[:1])
    sync_id = synced.prepare_again(older)
    assert set(held(synced, sync_id)) == set(leavers), "all of a school are held, ticked or not"
    synced.untick(sync_id, *later)

    assert release_guards(synced.engine, sync_id, WHO, synced.now) == len(released)
    assert set(held(synced, sync_id)) == set(later), "who is unticked was no part of the number that was typed"
    synced.tick(sync_id, *later)
    state = synced.commit(sync_id)

    assert state is SyncState.PARTLY_COMMITTED
    gone = {each for each in leavers if synced.account_of(each).archived_at is not None}
    assert gone == set(released)
    [hold] = [each for each in synced.sync(sync_id).held if each["reason"] == "guard-deletes"]
    assert hold["count"] == len(later)
    assert hold["sentence"].startswith("8 of "), "the sentence counts those that were released, too"


def test_a_release_by_the_command_line_is_of_what_the_guards_would_hold_at_the_commit(
    synced: Portal, district: District
) -> None:
    _, leavers = school_of(district, 6)
    for source_id in leavers:
        edits.leave(district, source_id)
    older = synced.prepare()
    synced.untick(older, *leavers)
    sync_id = synced.prepare_again(older)
    assert held(synced, sync_id) == {}, "what is unticked trips no guard"
    synced.tick(sync_id, *leavers)

    assert release_all(synced.engine, sync_id, WHO, synced.now) == 6
    assert synced.commit(sync_id) is SyncState.COMMITTED


def test_a_class_is_held_again_when_its_leavers_are_ticked_again_before_the_commit(
    synced: Portal, district: District
) -> None:
    section = max(district.sections, key=lambda each: len(each.students))
    leaving = list(section.students[: len(section.students) // 2 + 1])
    for source_id in leaving:
        edits.withdraw(district, section.id, source_id)
    older = synced.prepare()
    action_id = synced.actions(older)["section", "edit", section.id].id
    tick_roster(synced.engine, older, action_id, leaving[:1], False, WHO, synced.now)
    sync_id = synced.prepare_again(older)
    assert held(synced, sync_id) == {}, "with one of them unticked, it keeps half"
    action_id = synced.actions(sync_id)["section", "edit", section.id].id
    tick_roster(synced.engine, sync_id, action_id, leaving[:1], True, WHO, synced.now)

    assert synced.commit(sync_id) is SyncState.PARTLY_COMMITTED
    assert held(synced, sync_id) == {section.id: "guard-class"}
    assert set(leaving) <= set(synced.roster(section.id))

    assert release_guards(synced.engine, sync_id, WHO, synced.now) == 1
    assert synced.commit(sync_id) is SyncState.COMMITTED
    assert not set(leaving) & set(synced.roster(section.id))


def test_a_class_that_only_those_would_leave_who_are_held_waits_with_them(synced: Portal, district: District) -> None:
    _, leavers = school_of(district, 6)
    theirs = {section.id for each in leavers for section in district.taught_or_attended(each)}
    for source_id in leavers:
        edits.leave(district, source_id)
    sync_id = synced.prepare()
    places = {section: synced.roster(section) for section in theirs}

    assert synced.commit(sync_id) is SyncState.PARTLY_COMMITTED

    states = synced.states(sync_id)
    assert {states[section] for section in theirs} == {"planned"}, "nothing was done"
    assert {section: synced.roster(section) for section in theirs} == places
    assert synced.sync(sync_id).note == "6 held, waiting for a decision."
    release_guards(synced.engine, sync_id, WHO, synced.now)
    assert synced.commit(sync_id) is SyncState.COMMITTED
    assert {synced.states(sync_id)[section] for section in theirs} == {"applied"}
    assert not {each for section in theirs for each in synced.roster(section)} & set(leavers)
    assert synced.actions(synced.prepare()) == {}


def test_a_class_that_somebody_else_leaves_too_keeps_those_who_are_held(synced: Portal, district: District) -> None:
    _, leavers = school_of(district, 6)
    section = next(each for each in district.taught_or_attended(leavers[0]) if set(each.students) - set(leavers))
    other = next(each for each in section.students if each not in leavers)
    section.students.remove(other)
    for source_id in leavers:
        edits.leave(district, source_id)
    sync_id = synced.prepare()

    synced.commit(sync_id)

    assert synced.states(sync_id)[section.id] == "applied"
    assert leavers[0] in synced.roster(section.id)
    assert other not in synced.roster(section.id)


def test_a_class_is_freed_when_so_many_leavers_are_unticked_that_it_keeps_half(
    synced: Portal, district: District
) -> None:
    section = max(district.sections, key=lambda each: len(each.students))
    number = len(section.students)
    assert number >= 5, "the district has a class to judge"
    leaving = list(section.students[: number // 2 + 1])
    for source_id in leaving:
        edits.withdraw(district, section.id, source_id)
    sync_id = synced.prepare()
    assert held(synced, sync_id) == {section.id: "guard-class"}
    action_id = synced.actions(sync_id)["section", "edit", section.id].id

    tick_roster(synced.engine, sync_id, action_id, leaving[:1], False, WHO, synced.now)
    state = synced.commit(sync_id)

    assert state is SyncState.COMMITTED
    assert set(leaving) & set(synced.roster(section.id)) == {leaving[0]}


def test_a_school_of_one_person_can_lose_them_without_anybody_being_asked(synced: Portal, district: District) -> None:
    _, (only, *rest) = school_of(district, 60)
    with writing(synced.engine).begin() as connection:
        ids = [synced.account_of(each).id for each in rest]
        connection.execute(update(Account).where(Account.id.in_(ids)).values(archived_at=synced.now))
    edits.leave(district, only)

    sync_id = synced.prepare()

    assert held(synced, sync_id) == {}
    assert ("student", "delete", only) in synced.actions(sync_id)


def test_so_many_ids_that_change_say_that_the_sis_may_have_been_made_anew(synced: Portal) -> None:
    sync_id = synced.prepare()
    accounts: list[Any] = synced.rows(Account, Account.role == "student")
    school = next(iter(synced.facts().places))
    with writing(synced.engine).begin() as connection:
        rows = [
            {"sync_id": sync_id, "type": "student", "verb": "add", "source_id": f"new{each.id}", "school": school,
             "label": each.last_name, "held": "linked-elsewhere", "state": "planned", "ticked": True}
            for each in accounts[:10]
        ]  # fmt: skip
        connection.execute(Action.__table__.insert(), rows)  # type: ignore[attr-defined]
        connection.execute(update(Action).where(Action.sync_id == sync_id).values(verb="add"))

    synced.commit(sync_id)

    [hold] = synced.sync(sync_id).held
    assert hold["reason"] == "linked-elsewhere"
    assert hold["sentence"].startswith("The ids of 10 of ")
    assert hold["sentence"].endswith("The SIS may have made its records anew: ask there before you decide.")
    with synced.engine.connect() as connection:
        assert set(connection.scalars(select(Action.state).where(Action.sync_id == sync_id))) == {"planned"}


def made_anew_and_said_to_be_the_same(portal: Portal, district: District, number: int) -> tuple[int, dict[str, int]]:
    """So many of one school's students get other ids, and somebody says of each that they are the same.

    The sync that is prepared, and their accounts by the new ids.
    """
    _, chosen = school_of(district, number)
    accounts = {}
    for source_id in chosen:
        person, account = district.people[source_id], portal.account_of(source_id).id
        edits.leave(district, source_id)
        person.id = district.mint(person.created)
        district.put(person)
        accounts[person.id] = account
    sync_id = portal.prepare()
    for source_id, account in accounts.items():
        action = portal.actions(sync_id)["student", "add", source_id]
        assert action.held == "linked-elsewhere"
        decide(portal.engine, sync_id, action.id, Said(same=account), WHO, portal.now)
    return sync_id, accounts


def test_too_many_ids_that_change_wait_although_a_person_said_of_each_that_it_is_the_same(
    portal: Portal, district: District
) -> None:
    portal.sync_all()
    sync_id, accounts = made_anew_and_said_to_be_the_same(portal, district, 6)

    assert held(portal, sync_id) == dict.fromkeys(accounts, "guard-ids")
    [hold] = portal.sync(sync_id).held
    assert (hold["type"], hold["reason"], hold["count"]) == ("student", "guard-ids", 6)
    assert hold["sentence"].startswith("The ids of 6 of ")
    assert portal.commit(sync_id) is SyncState.PARTLY_COMMITTED
    again = portal.prepare()
    assert held(portal, again) == dict.fromkeys(accounts, "guard-ids")

    assert release_guards(portal.engine, again, WHO, portal.now) == 6

    assert portal.commit(again) is SyncState.COMMITTED
    assert {id_: portal.account_of(id_).id for id_ in accounts} == accounts
    assert all(portal.account_of(id_).archived_at is None for id_ in accounts)
    assert portal.actions(portal.prepare()) == {}


@pytest.mark.parametrize(("number", "percent"), [(6, "100"), (2, "5")], ids=["by-option", "too-few"])
def test_ids_that_change_for_few_go_as_a_person_said(
    synced: Portal, district: District, number: int, percent: str
) -> None:
    synced.option("guard_ids_percent", percent)
    sync_id, accounts = made_anew_and_said_to_be_the_same(synced, district, number)

    assert synced.sync(sync_id).held == []
    assert synced.commit(sync_id) is SyncState.COMMITTED
    assert {id_: synced.account_of(id_).id for id_ in accounts} == accounts


def test_the_guard_of_ids_judges_what_is_ticked_when_it_is_committed(synced: Portal, district: District) -> None:
    sync_id, accounts = made_anew_and_said_to_be_the_same(synced, district, 6)
    wanted = list(accounts)[:2]
    synced.untick(sync_id, *(id_ for id_ in accounts if id_ not in wanted))

    synced.commit(sync_id)

    linked = {row.source_id for row in synced.rows(AccountLink)}
    assert linked & set(accounts) == set(wanted)


class PortalOfAVersion(Portal):
    """Reads the version of the API that the option says."""

    @property
    def open_provider(self) -> OpenProvider:
        def open_provider(facts: ConnectionFacts) -> Provider:
            token, version = self.served.sandbox.token, facts.options.api_version
            return open_clever(base_url=self.served.url, token=token, version=version)

        return open_provider


def test_an_older_id_that_leads_to_a_person_of_another_name_waits(quick_portal: Portal, district: District) -> None:
    portal = PortalOfAVersion(quick_portal.engine, quick_portal.served, quick_portal.connection_id)
    portal.option("api_version", "2.1")
    portal.sync_all()
    teacher = next(p for p in district.people if p.teacher and not p.student and p.teacher.legacy_id != p.id)
    account = portal.account_of(teacher.as_teacher.legacy_id)
    edits.rename_person(district, teacher.id, first="Xaveria", last="Quistorp")
    portal.option("api_version", "3.1")

    sync_id = portal.prepare()

    assert held(portal, sync_id) == {teacher.id: "guard-id-names"}
    assert portal.commit(sync_id) is SyncState.PARTLY_COMMITTED
    assert portal.account_of(teacher.as_teacher.legacy_id).last_name == account.last_name
    assert release_guards(portal.engine, sync_id, WHO, portal.now) == 1
    assert portal.commit(sync_id) is SyncState.COMMITTED
    now = portal.account_of(teacher.id)
    assert (now.id, now.last_name) == (account.id, "Quistorp")
