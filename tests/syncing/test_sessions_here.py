"""Parents and sessions, and who teaches a class: what becomes of them from sync to sync."""

import pytest

from sisportal.models import Membership, SchoolClass, SyncState
from sisportal.sandbox import edits
from sisportal.sandbox.district import District
from sisportal.sandbox.entities import Section
from tests.syncing.portal import Portal


@pytest.fixture
def section(district: District) -> Section:
    """A section with a course, one teacher and some students, the only one of its course and teacher."""
    groups: dict[tuple[str | None, str, str], list[Section]] = {}
    for each in district.sections:
        if each.course and each.teachers:
            groups.setdefault((each.course, each.school, each.teachers[0]), []).append(each)
    return next(group[0] for group in groups.values() if len(group) == 1 and len(group[0].students) > 3)


def parent_of(portal: Portal, source_id: str) -> SchoolClass | None:
    """The parent of a section's class."""
    parent = portal.class_of(source_id).parent_id
    return portal.rows(SchoolClass, SchoolClass.id == parent)[0] if parent else None


def parents(portal: Portal) -> list[SchoolClass]:
    return portal.rows(SchoolClass, SchoolClass.is_parent)


def test_sections_of_one_course_and_teacher_become_sessions_of_one_parent(
    portal: Portal, district: District, section: Section
) -> None:
    other = edits.add_section(district, section, section.students[:2])

    portal.sync_all()

    parent = parent_of(portal, section.id)
    assert parent is not None
    assert parent_of(portal, other.id) == parent
    assert (parent.is_parent, parent.name, parent.archived_at) == (True, section.name, None)
    assert portal.rows(Membership, Membership.class_id == parent.id) == []
    assert portal.actions(portal.prepare()) == {}


def test_a_parent_is_made_when_the_second_session_appears(
    quick_portal: Portal, district: District, section: Section
) -> None:
    quick_portal.sync_all()
    assert parent_of(quick_portal, section.id) is None
    class_ = quick_portal.class_of(section.id)
    second = edits.add_section(district, section, [])

    quick_portal.sync_all()

    parent = parent_of(quick_portal, second.id)
    assert parent is not None
    assert parent_of(quick_portal, section.id) == parent
    assert quick_portal.class_of(section.id).id == class_.id


def test_a_later_session_joins_the_parent_that_is_there(
    quick_portal: Portal, district: District, section: Section
) -> None:
    edits.add_section(district, section, [])
    quick_portal.sync_all()
    before = parents(quick_portal)
    third = edits.add_section(district, section, [])

    quick_portal.sync_all()

    assert [parent.id for parent in parents(quick_portal)] == [parent.id for parent in before]
    assert parent_of(quick_portal, third.id) == parent_of(quick_portal, section.id)


def test_without_the_option_every_class_stands_alone(
    quick_portal: Portal, district: District, section: Section
) -> None:
    quick_portal.option("parent_child", "no")
    other = edits.add_section(district, section, [])

    quick_portal.sync_all()

    assert parents(quick_portal) == []
    assert parent_of(quick_portal, other.id) is None


def test_a_session_whose_teacher_changes_stays_where_it_is(
    quick_portal: Portal, district: District, section: Section
) -> None:
    other = edits.add_section(district, section, section.students[:1])
    quick_portal.sync_all()
    parent = parent_of(quick_portal, section.id)
    assert parent is not None
    new = next(p.id for p in district.people if p.teacher and p.id not in section.teachers)
    edits.set_teachers(district, other.id, [new])

    quick_portal.sync_all()

    after = parent_of(quick_portal, other.id)
    assert after is not None
    assert after.id == parent.id
    assert quick_portal.classes()[other.id]["teachers"] == [new]
    assert quick_portal.actions(quick_portal.prepare()) == {}


def test_an_edit_moves_no_class_that_stands_alone(quick_portal: Portal, district: District, section: Section) -> None:
    """A class that a person took out of its parent stays out when the SIS renames it."""
    other = edits.add_section(district, section, [])
    quick_portal.sync_all()
    quick_portal.edit_class(quick_portal.class_of(other.id).id, parent_id=None)
    edits.rename_section(district, other.id, "Renamed")

    quick_portal.sync_all()

    assert quick_portal.class_of(other.id).name == "Renamed"
    assert parent_of(quick_portal, other.id) is None


def test_a_class_made_by_hand_is_never_moved(quick_portal: Portal, district: District, section: Section) -> None:
    by_hand = quick_portal.add_class(section.name)
    edits.add_section(district, section, [])
    edits.add_section(district, section, [])

    quick_portal.sync_all()

    assert quick_portal.class_of(section.id).id == by_hand
    assert parent_of(quick_portal, section.id) is None
    assert len(parents(quick_portal)) == 1


def test_a_parent_is_archived_with_its_last_session_and_comes_back_with_it(
    portal: Portal, district: District, section: Section
) -> None:
    other = edits.add_section(district, section, [])
    portal.sync_all()
    edits.drop_section(district, other.id)
    portal.sync_all()
    assert [parent.archived_at for parent in parents(portal)] == [None]

    edits.drop_section(district, section.id)
    gone = portal.sync_all()
    (parent,) = parents(portal)
    assert (parent.archived_at is not None, parent.archived_by_sync) == (True, gone)

    district.put(section)
    portal.sync_all()
    (parent,) = parents(portal)
    assert (parent.archived_at, parent.archived_by_sync) == (None, None)
    assert portal.class_of(section.id).parent_id == parent.id


def test_a_section_without_a_teacher_stands_alone(quick_portal: Portal, district: District, section: Section) -> None:
    edits.set_teachers(district, section.id, [])
    edits.add_section(district, section, [])

    quick_portal.sync_all()

    assert parent_of(quick_portal, section.id) is None


# --- teachers


@pytest.fixture
def teachers(district: District, section: Section) -> list[str]:
    """Three teachers of the section, in this order."""
    others = [p.id for p in district.people if p.teacher and p.id not in section.teachers]
    three = [others[1], section.teachers[0], others[0]]
    edits.set_teachers(district, section.id, three)
    return three


def positions(portal: Portal, section: Section) -> list[int]:
    rows = portal.rows(Membership, Membership.class_id == portal.class_of(section.id).id)
    return sorted(row.position for row in rows if row.position != Membership.STUDENT and row.ended_by_sync is None)


def test_teachers_keep_the_order_of_the_sis(
    portal: Portal, district: District, section: Section, teachers: list[str]
) -> None:
    portal.sync_all()
    assert portal.classes()[section.id]["teachers"] == teachers
    turned = [teachers[0], teachers[2], teachers[1]]
    edits.set_teachers(district, section.id, turned)

    sync_id = portal.prepare()

    action = portal.actions(sync_id)["section", "edit", section.id]
    assert (action.before, action.after) == ({"teachers": teachers}, {"teachers": turned})
    assert action.roster == {"join": [], "leave": []}
    portal.commit(sync_id)
    assert (portal.classes()[section.id]["teachers"], positions(portal, section)) == (turned, [0, 1, 2])
    assert portal.actions(portal.prepare()) == {}


def test_a_primary_teacher_may_leave_and_the_next_one_follows(
    quick_portal: Portal, district: District, section: Section, teachers: list[str]
) -> None:
    quick_portal.sync_all()
    edits.set_teachers(district, section.id, teachers[1:])

    quick_portal.sync_all()

    assert (quick_portal.classes()[section.id]["teachers"], positions(quick_portal, section)) == (teachers[1:], [0, 1])
    assert quick_portal.actions(quick_portal.prepare()) == {}


def test_a_teacher_whose_delete_is_unticked_stays_behind_the_others(
    portal: Portal, district: District, section: Section, teachers: list[str]
) -> None:
    portal.sync_all()
    new = next(p.id for p in district.people if p.teacher and p.id not in teachers)
    edits.leave(district, teachers[1])
    edits.set_teachers(district, section.id, [teachers[0], new, teachers[2]])
    sync_id = portal.prepare()
    portal.untick(sync_id, teachers[1])

    assert portal.commit(sync_id) is SyncState.COMMITTED

    assert portal.classes()[section.id]["teachers"] == [teachers[0], new, teachers[2], teachers[1]]
    assert positions(portal, section) == [0, 1, 2, 3]


def test_somebody_may_change_from_student_to_teacher_of_a_class_and_back(
    quick_portal: Portal, district: District, section: Section
) -> None:
    quick_portal.sync_all()
    student, teachers, students = section.students[0], list(section.teachers), list(section.students)
    for now_teaching, now_attending in (([*teachers, student], students[1:]), (teachers, students)):
        edits.set_teachers(district, section.id, now_teaching)
        section.students = now_attending

        quick_portal.sync_all()

        held = quick_portal.classes()[section.id]
        assert (held["teachers"], held["students"]) == (now_teaching, now_attending)
        assert quick_portal.actions(quick_portal.prepare()) == {}
