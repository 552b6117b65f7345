"""Syncs of a OneRoster server from end to end: what they add, change and archive, read in full or as changes."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest

from sisportal.models import Account, Organization, OrganizationLink, SisConnection, SisPerson, SyncMode, SyncState
from sisportal.models.database import make_engine
from sisportal.roster.records import Collection, Role, Section
from sisportal.roster.records import Person as RosterPerson
from sisportal.sandbox import edits
from sisportal.sandbox.entities import Person
from sisportal.sandbox.serving import Served
from sisportal.syncing.mirror import Mirror
from sisportal.syncing.prepare import request_sync
from sisportal.syncing.progress import Pulse
from sisportal.syncing.recalled import Recalled
from sisportal.syncing.states import claim
from tests.syncing.oneroster import OneRosterPortal


@contextmanager
def opened(url: str, sandbox: Served) -> Iterator[OneRosterPortal]:
    engine = make_engine(url)
    portal = OneRosterPortal(engine, sandbox)
    portal.connect()
    yield portal
    engine.dispose()


@pytest.fixture
def portal(sqlite_store_url: str, sandbox: Served) -> Iterator[OneRosterPortal]:
    with opened(sqlite_store_url, sandbox) as portal:
        yield portal


def test_a_first_sync_takes_the_whole_district(portal: OneRosterPortal) -> None:
    portal.sync_all()

    district = portal.served.sandbox.district
    students = [account for account in portal.accounts().values() if account["role"] == "student"]
    assert len(students) == 60
    assert len(portal.classes()) == len(district.sections)
    assert all(account["organization"] for account in students)


def test_after_committing_everything_the_next_plan_is_empty(portal: OneRosterPortal) -> None:
    portal.sync_all()
    before = portal.dump()

    again, quick = portal.prepare(), portal.quick()

    assert (portal.actions(again), portal.actions(quick)) == ({}, {})
    assert portal.sync(quick).mode == SyncMode.QUICK
    assert portal.dump() == before


def test_how_old_the_data_is_follows_from_the_newest_date_of_its_records(portal: OneRosterPortal) -> None:
    def newest() -> str:
        return str(portal.rows(SisConnection)[0].district["last_sync"])[:10]

    portal.sync_all()
    first = newest()
    assert portal.commit(portal.quick()) == SyncState.COMMITTED
    assert newest() == first

    portal.pass_day(pace=1)
    portal.commit(portal.quick())

    assert newest() > first >= "2026-07-01"


def test_organizations_keep_the_hierarchy_of_the_source(portal: OneRosterPortal) -> None:
    rows = {row.id: row for row in portal.rows(Organization)}

    tops = [row for row in rows.values() if row.parent_id is None]
    assert len(tops) == 1
    assert {row.parent_id for row in rows.values()} == {None, tops[0].id}


def test_a_leaver_is_archived_and_comes_back_as_the_same_account(portal: OneRosterPortal) -> None:
    portal.sync_all()
    district = portal.served.sandbox.district
    student = somebody(portal)
    before = account_by_number(portal, student)

    edits.leave(district, student.id)
    gone = portal.commit_everything(portal.quick())
    assert account_by_number(portal, student).archived_at
    assert [each for each in verbs(portal, gone) if each[1] != "edit"] == [("student", "delete")]

    edits.come_back(district, student.id)
    back = portal.commit_everything(portal.prepare())
    assert ("student", "reactivate") in verbs(portal, back)
    assert account_by_number(portal, student).id == before.id
    assert not account_by_number(portal, student).archived_at


@pytest.mark.parametrize("profile", ["spec-true", "ignored-filters", "vanishing", "twins", "like-ed-fi"])
def test_days_read_as_changes_plan_what_days_read_in_full_do(
    profile: str, sqlite_store_url: str, sandbox: Served
) -> None:
    sandbox.sandbox.oneroster.use(profile)
    with opened(sqlite_store_url, sandbox) as portal:
        portal.sync_all()
        for seed in (1, 2):
            portal.pass_day(seed=seed)
            portal.commit_everything(portal.quick())

        full = portal.prepare()

        # What vanishes without a word is no change: only a full sync sees that it is gone.
        vanishing = not sandbox.sandbox.oneroster.profile.keeps_gone
        assert {verb for _, verb in verbs(portal, full)} <= ({"delete", "edit"} if vanishing else set())


def test_one_person_listed_as_several_users_is_one_account(sqlite_store_url: str, sandbox: Served) -> None:
    sandbox.sandbox.oneroster.use("twins")
    with opened(sqlite_store_url, sandbox) as portal:
        sync_id = portal.sync_all()
        once, rosters = {row.student_id for row in portal.rows(Account, Account.role == "student")}, portal.classes()

        assert len(portal.rows(Account, Account.role == "student")) == 60
        assert "duplicate-number" in {code for code, _, _ in portal.warnings(sync_id)}

        sandbox.sandbox.oneroster.use("spec-true")
        again = portal.prepare()
        moved = {("student", "add"), ("student", "delete"), ("section", "add"), ("section", "delete")}
        assert not verbs(portal, again).keys() & moved
        assert {row.student_id for row in portal.rows(Account, Account.role == "student")} == once
        assert portal.classes() == rosters


@pytest.mark.parametrize("first_stays", [True, False])
def test_whichever_of_several_users_goes_the_person_stays(
    first_stays: bool, sqlite_store_url: str, sandbox: Served
) -> None:
    with opened(sqlite_store_url, sandbox) as portal:
        twins = [
            RosterPerson(id_, Role.STUDENT, "Byron", "Ada", number="7", school=school, schools=(school,))
            for id_, school in (("u1", "s1"), ("u2", "s2"), ("u3", "s3"))
        ]
        section = Section("c1", students=("u1", "u2", "u3"))

        assert read_people(portal, twins, section) == ({"u1": ("s1", "s2", "s3")}, ("u1",))
        assert read_people(portal, twins[::-1], section) == ({"u1": ("s1", "s3", "s2")}, ("u1",))
        left = twins[:1] if first_stays else twins[1:]
        stays = left[0].source_id
        assert read_people(portal, left, Section("c1", students=(stays,)))[0].keys() == {stays}


def read_people(
    portal: OneRosterPortal, people: list[RosterPerson], section: Section
) -> tuple[dict[str, tuple[str, ...]], tuple[str, ...]]:
    """A full fetch of these people one by one: the schools of each that is left, and the section's students."""
    sync_id = portal.request()
    token = claim(portal.engine, sync_id, SyncState.PREPARING, portal.now)
    with Pulse(portal.engine, sync_id, token, portal.clock) as pulse:
        mirror = Mirror(portal.engine, portal.connection_id, sync_id, {}, pulse, merges_twins=True)
        mirror.open(Collection.PEOPLE)
        for person in people:
            mirror.take_people([person])
        mirror.close_people()
        mirror.open(Collection.SECTIONS)
        mirror.take_sections([section])
        mirror.seal(Collection.PEOPLE)
    portal.now += timedelta(minutes=1)
    listed = portal.rows(SisPerson, SisPerson.gone_in_sync.is_(None))
    held = Recalled(portal.engine, portal.connection_id).sections(["c1"])
    return {row.source_id: tuple(row.payload["schools"]) for row in listed}, held["c1"].students


def test_why_everything_was_read_is_said(sqlite_store_url: str, sandbox: Served) -> None:
    sandbox.sandbox.oneroster.use("ignored-filters")
    with opened(sqlite_store_url, sandbox) as portal:
        portal.sync_all()

        sync = portal.sync(portal.quick())

        assert sync.mode == SyncMode.FULL
        assert sync.note.startswith("Everything was read instead of changes only: The SIS listed records that did not")


def test_a_course_of_another_name_reaches_its_classes_by_a_quick_sync(portal: OneRosterPortal) -> None:
    portal.sync_all()
    district = portal.served.sandbox.district
    course = next(section.course for section in district.sections if section.course)

    edits.change_course(district, course, number="NEW-101")
    sync_id = portal.quick()

    assert portal.sync(sync_id).mode == SyncMode.QUICK
    assert {action.after.get("code") for action in portal.actions(sync_id).values()} == {"NEW-101"}
    portal.commit_everything(sync_id)
    assert portal.actions(portal.prepare()) == {}


def test_some_schools_are_synced_alone(portal: OneRosterPortal) -> None:
    first, *others = portal.school_ids()
    organizations = {link.source_id: link.organization_id for link in portal.rows(OrganizationLink)}

    portal.commit_everything(portal.prepare_with(schools=[first]))
    assert {values["organization"] for values in portal.classes().values()} == {organizations[first]}
    assert {action.school for action in portal.actions(portal.prepare_with(schools=others)).values()} == {*others}

    portal.sync_all()
    assert portal.actions(portal.prepare()) == {}
    assert len(portal.classes()) == len(portal.served.sandbox.district.sections)


def test_a_sync_of_some_schools_archives_nobody_of_the_others(portal: OneRosterPortal) -> None:
    portal.sync_all()
    student = somebody(portal)
    home = mirrored(portal, student)

    edits.leave(portal.served.sandbox.district, student.id)
    elsewhere = portal.prepare_with(schools=[id_ for id_ in portal.school_ids() if id_ != home])
    here = portal.prepare_with(schools=[home])

    assert portal.actions(elsewhere) == {}
    assert ("student", "delete") in verbs(portal, here)


def test_a_school_that_is_not_mapped_cannot_be_synced_alone(portal: OneRosterPortal) -> None:
    sync_id = portal.try_prepare(request_sync(portal.engine, portal.connection_id, portal.now, schools=["nowhere"]))

    assert portal.sync(sync_id).state == SyncState.FAILED
    assert portal.sync(sync_id).note == "These schools are not mapped: nowhere. Map them, or leave them out."


def somebody(portal: OneRosterPortal) -> Person:
    """A student of the district."""
    return next(person for person in portal.served.sandbox.district.people if person.student)


def account_by_number(portal: OneRosterPortal, person: Person) -> Any:
    assert person.student
    return portal.rows(Account, Account.student_id == person.student.number)[0]


def mirrored(portal: OneRosterPortal, person: Person) -> str:
    """The school that the mirror has somebody in."""
    assert person.student
    number = person.student.number
    return next(str(row.school) for row in portal.rows(SisPerson) if row.payload["number"] == number)


def verbs(portal: OneRosterPortal, sync_id: int) -> Counter[tuple[str, str]]:
    return Counter((type_, verb) for type_, verb, _ in portal.actions(sync_id))


def test_both_databases_hold_the_same_days(database_url: str, sandbox: Served) -> None:
    sandbox.sandbox.oneroster.use("twins")
    with opened(database_url, sandbox) as portal:
        portal.commit_everything(portal.prepare_with(schools=portal.school_ids()[:1]))
        portal.sync_all()
        portal.pass_day(seed=7)
        day = portal.quick()

        assert portal.sync(day).mode == SyncMode.QUICK
        assert portal.actions(day)
        portal.commit_everything(day)
        assert portal.actions(portal.prepare()) == {}
