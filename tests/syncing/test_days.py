"""First syncs and the days after them: the portal holds what the district shows, and a plan says what the day changed."""

import random

import pytest

from sisportal.models import Account, Mapping, SyncState
from sisportal.sandbox import edits
from sisportal.sandbox.district import District
from sisportal.sandbox.serving import Served
from sisportal.syncing.releasing import release_guards
from tests.syncing.conftest import opened
from tests.syncing.oracle import Expected, seen
from tests.syncing.portal import WHO, Portal


def assert_holds(portal: Portal, expected: Expected) -> None:
    assert portal.accounts() == expected.accounts
    classes = portal.classes()
    assert {id_: values for id_, values in classes.items() if not values["archived"]} == expected.active_classes()
    assert classes.keys() == expected.classes.keys()


def test_a_first_sync_makes_the_portal_equal_to_the_district(portal: Portal) -> None:
    expected = Expected()
    changes = expected.commit(portal.served.sandbox.district)

    sync_id = portal.prepare()

    assert seen(portal.actions(sync_id).values()) == changes
    assert portal.commit(sync_id) is SyncState.COMMITTED
    assert_holds(portal, expected)


def test_after_committing_everything_the_next_plan_is_empty(portal: Portal) -> None:
    portal.sync_all()
    before = portal.dump()

    sync_id = portal.prepare()

    assert portal.actions(sync_id) == {}
    assert portal.sync(sync_id).counts == {}
    assert portal.commit(sync_id) is SyncState.COMMITTED
    assert portal.dump() == before


def test_the_plan_of_a_day_is_what_the_day_changed(portal: Portal) -> None:
    expected, district = Expected(), portal.served.sandbox.district
    expected.commit(district)
    portal.sync_all()

    day = portal.pass_day(seed=5)
    sync_id = portal.prepare()

    changes = expected.commit(district)
    assert day.differences
    assert seen(portal.actions(sync_id).values()) == changes
    portal.commit(sync_id)
    assert_holds(portal, expected)
    assert portal.actions(portal.prepare()) == {}


@pytest.mark.parametrize("seed", [1, 2])
def test_ten_days_in_a_row_leave_portal_and_district_equal(portal: Portal, district: District, seed: int) -> None:
    """Some days nobody commits what was prepared, and some days nobody syncs at all."""
    expected, chance = Expected(), random.Random(seed)
    for _ in range(10):
        portal.pass_day(seed=seed, pace=3)
        if chance.random() < 0.2:
            continue
        sync_id = portal.prepare()
        if chance.random() < 0.3:
            continue
        changes = expected.commit(district)
        assert seen(portal.actions(sync_id).values()) == changes
        portal.say_new(sync_id)
        release_guards(portal.engine, sync_id, WHO, portal.now)
        assert portal.commit(sync_id) is SyncState.COMMITTED
        assert_holds(portal, expected)
    portal.sync_all()
    expected.commit(district)
    assert_holds(portal, expected)
    assert portal.actions(portal.prepare()) == {}


def a_student(district: District) -> str:
    """Somebody who attends more than one section."""
    return next(p.id for p in district.people if p.student and len(district.taught_or_attended(p.id)) > 1)


def test_a_leaver_is_archived_and_the_same_account_is_active_again_when_they_come_back(portal: Portal) -> None:
    district = portal.served.sandbox.district
    student = a_student(district)
    portal.sync_all()
    account = portal.account_of(student)
    sections = {section.id for section in district.taught_or_attended(student)}
    edits.leave(district, student)

    left = portal.sync_all()

    gone = portal.account_of(student)
    assert (gone.id, gone.archived_at is not None, gone.archived_by_sync) == (account.id, True, left)
    assert {id_ for id_, class_ in portal.classes().items() if student in class_["students"]} == set()
    assert len(portal.rows(Account)) == len(portal.accounts())

    edits.come_back(district, student)
    sync_id = portal.prepare()
    action = portal.actions(sync_id)["student", "reactivate", student]
    assert (action.before, action.after, action.target_id) == ({"archived": True}, {"archived": False}, account.id)
    portal.commit(sync_id)

    back = portal.account_of(student)
    assert (back.id, back.archived_at, back.archived_by_sync, back.username) == (
        account.id,
        None,
        None,
        account.username,
    )
    assert {id_ for id_, class_ in portal.classes().items() if student in class_["students"]} == sections
    assert portal.actions(portal.prepare()) == {}


def test_a_section_that_is_dropped_is_archived_and_comes_back_as_the_same_class(quick_portal: Portal) -> None:
    district = quick_portal.served.sandbox.district
    section = next(section for section in district.sections if section.students)
    quick_portal.sync_all()
    class_, roster = quick_portal.class_of(section.id), quick_portal.roster(section.id)
    edits.drop_section(district, section.id)
    quick_portal.sync_all()
    assert quick_portal.class_of(section.id).archived_at is not None

    district.put(section)
    sync_id = quick_portal.sync_all()

    assert list(quick_portal.actions(sync_id)) == [("section", "reactivate", section.id)]
    assert (quick_portal.class_of(section.id).id, quick_portal.roster(section.id)) == (class_.id, roster)


def test_a_portal_of_one_school_takes_in_that_school_only(portal: Portal, district: District) -> None:
    school, *others = district.schools.ids
    for other in others:
        portal.map(other, mapping=Mapping.IGNORED)
    expected = Expected(school)

    for _ in range(3):
        changes = expected.commit(district)
        sync_id = portal.prepare()
        assert seen(portal.actions(sync_id).values()) == changes
        portal.commit(sync_id)
        assert_holds(portal, expected)
        portal.pass_day(seed=4, pace=4)


def test_schools_become_the_organizations_that_they_are_mapped_to(sqlite_store_url: str, sandbox: Served) -> None:
    with opened(sqlite_store_url, sandbox) as portal:
        portal.connect(organizations=True)
        district = sandbox.sandbox.district
        expected = Expected(organizations={school: number for number, school in enumerate(district.schools.ids, 1)})
        for _ in range(3):
            expected.commit(district)
            portal.sync_all()
            assert_holds(portal, expected)
            portal.pass_day(seed=4, pace=4)


def test_who_left_a_class_once_archived_is_not_in_it_when_they_come_back_without_it(
    quick_portal: Portal, district: District
) -> None:
    student = a_student(district)
    section = district.taught_or_attended(student)[0].id
    quick_portal.sync_all()
    edits.leave(district, student)
    sync_id = quick_portal.prepare()
    quick_portal.untick(sync_id, section)
    quick_portal.commit(sync_id)
    quick_portal.sync_all()

    edits.come_back(district, student)
    edits.withdraw(district, section, student)
    quick_portal.sync_all()

    assert quick_portal.account_of(student).archived_at is None
    assert student not in quick_portal.roster(section)
    assert quick_portal.actions(quick_portal.prepare()) == {}
