"""Who is held while the classes are committed, and released then, is put into them by the commit that brings them."""

import pytest

from sisportal.models import SyncState
from sisportal.sandbox import edits
from sisportal.sandbox.district import District
from sisportal.syncing.releasing import release_guards
from sisportal.syncing.review import tick_roster
from tests.syncing.portal import WHO, Portal
from tests.syncing.test_guarding import held, school_of


@pytest.fixture
def leavers(portal: Portal, district: District) -> list[str]:
    """Students of one school who left with a sync, and are back in the SIS: too many at once."""
    portal.sync_all()
    _, found = school_of(district, 8)
    edits.leave(district, *found)
    portal.sync_all()
    edits.come_back(district, *found)
    return found


def rosters(portal: Portal, district: District) -> dict[str, set[str]]:
    """The people of each class, by its section."""
    return {section.id: set(portal.roster(section.id)) for section in district.sections}


def listed(district: District) -> dict[str, set[str]]:
    return {section.id: {*section.teachers, *section.students} for section in district.sections}


def test_they_are_in_their_classes_and_the_next_sync_has_nothing_to_do(
    portal: Portal, district: District, leavers: list[str]
) -> None:
    before = rosters(portal, district)
    sync_id = portal.prepare()
    assert set(held(portal, sync_id)) == set(leavers)
    assert portal.commit(sync_id) is SyncState.PARTLY_COMMITTED
    assert rosters(portal, district) == before
    assert portal.warnings(sync_id, "commit"), "it says whom it left out of which class"

    release_guards(portal.engine, sync_id, WHO, portal.now)
    assert portal.commit(sync_id) is SyncState.COMMITTED

    assert rosters(portal, district) == listed(district)
    assert portal.warnings(sync_id, "commit") == []
    assert portal.actions(portal.prepare()) == {}


def test_an_undo_takes_them_out_again_and_its_undo_puts_them_back(
    portal: Portal, district: District, leavers: list[str]
) -> None:
    before = rosters(portal, district)
    sync_id = portal.prepare()
    portal.commit(sync_id)
    release_guards(portal.engine, sync_id, WHO, portal.now)
    portal.commit(sync_id)

    undo = portal.undo(sync_id)
    assert all(portal.account_of(each).archived_at is not None for each in leavers)
    assert rosters(portal, district) == before

    portal.undo(undo)
    assert rosters(portal, district) == listed(district)


def test_a_place_that_somebody_unticked_stays_empty(portal: Portal, district: District, leavers: list[str]) -> None:
    one = leavers[0]
    section = next(each for each in district.sections if one in each.students)
    sync_id = portal.prepare()
    action = portal.actions(sync_id)["section", "edit", section.id]
    tick_roster(portal.engine, sync_id, action.id, [one], False, WHO, portal.now)
    portal.commit(sync_id)
    release_guards(portal.engine, sync_id, WHO, portal.now)
    portal.commit(sync_id)

    assert set(portal.roster(section.id)) == {*section.teachers, *section.students} - {one}
    others = [each for each in district.sections if one in each.students and each.id != section.id]
    assert all(one in portal.roster(each.id) for each in others)
