"""Which schools, which items and which kinds of change: what is out of scope is told, and scope may change."""

import pytest

from sisportal.models import Mapping, SisConnection, SyncState
from sisportal.sandbox import edits
from sisportal.sandbox.district import District
from sisportal.syncing.prepare import prepare
from tests.syncing.oracle import Expected, seen
from tests.syncing.portal import Portal, during


def stale(portal: Portal) -> bool:
    return bool(portal.rows(SisConnection)[0].mirror_stale)


def test_a_school_that_is_ignored_from_now_on_is_archived_and_comes_back_when_it_is_mapped_again(
    portal: Portal, district: District
) -> None:
    everything, school = Expected(), district.schools.ids[0]
    everything.commit(district)
    portal.sync_all()
    before = portal.accounts(), portal.classes()
    others = Expected(*district.schools.ids[1:])
    others.accounts, others.classes, others._rosters = everything.accounts, everything.classes, everything._rosters

    portal.map(school, mapping=Mapping.IGNORED)
    changes = others.commit(district)
    sync_id = portal.sync_all()

    assert seen(portal.actions(sync_id).values()) == changes
    assert {key[1] for key in changes if key[0] == "student"} <= {"delete"}
    assert not stale(portal)
    assert portal.actions(portal.prepare()) == {}

    portal.map(school)
    sync_id = portal.sync_all()

    assert {key[1] for key in portal.actions(sync_id)} <= {"reactivate", "edit"}
    assert (portal.accounts(), portal.classes()) == before
    assert portal.actions(portal.prepare()) == {}


def test_a_school_mapped_to_an_organization_moves_its_people_and_classes_there(
    portal: Portal, district: District
) -> None:
    portal.sync_all()
    school = district.schools.ids[0]
    portal.map(school, portal.organization("North", 7))

    sync_id = portal.sync_all()

    expected = Expected(organizations={school: 7})
    expected.commit(district)
    assert (portal.accounts(), portal.classes()) == (expected.accounts, expected.classes)
    assert {key[1] for key in portal.actions(sync_id)} == {"edit"}
    assert portal.actions(portal.prepare()) == {}


def test_a_mapping_that_changes_during_a_prepare_is_not_forgotten(quick_portal: Portal, district: District) -> None:
    """The fetch under way was read with the old one: the next one reads every record anew."""
    quick_portal.sync_all()
    first, second = district.schools.ids[:2]
    quick_portal.map(first, mapping=Mapping.IGNORED)
    source = during(quick_portal.open_provider, 4, lambda: quick_portal.map(second, mapping=Mapping.IGNORED))
    prepare(quick_portal.engine, quick_portal.request(), source, quick_portal.clock)
    assert stale(quick_portal)

    quick_portal.sync_all()

    expected = Expected(*district.schools.ids[2:])
    expected.commit(district)
    active = {id_ for id_, account in quick_portal.accounts().items() if not account["archived"]}
    assert active == expected.accounts.keys()


def test_a_failed_prepare_leaves_a_changed_mapping_to_the_next_one(quick_portal: Portal, district: District) -> None:
    quick_portal.sync_all()
    quick_portal.map(district.schools.ids[0], mapping=Mapping.IGNORED)

    def fail() -> None:
        raise RuntimeError("half-way")

    with pytest.raises(RuntimeError):
        prepare(
            quick_portal.engine, quick_portal.request(), during(quick_portal.open_provider, 6, fail), quick_portal.clock
        )

    assert stale(quick_portal)
    assert {key[1] for key in quick_portal.actions(quick_portal.prepare())} >= {"delete"}


def test_what_is_odd_at_a_school_that_is_not_synced_is_nobodys_concern(
    quick_portal: Portal, district: District
) -> None:
    school, elsewhere = district.schools.ids[:2]
    quick_portal.map(elsewhere, mapping=Mapping.IGNORED)
    student, other = (
        next(p.id for p in district.people if p.student and p.student.schools == [place])
        for place in (school, elsewhere)
    )
    for id_ in (student, other):
        edits.change_email(district, id_, "no address")

    sync_id = quick_portal.prepare()

    told = [who for _, who, value in quick_portal.warnings(sync_id) if value == "no address"]
    assert told == [student]


def test_somebody_of_a_school_that_is_not_synced_is_left_out_of_a_class_with_a_warning(
    portal: Portal, district: District
) -> None:
    school, elsewhere = district.schools.ids[:2]
    portal.map(elsewhere, mapping=Mapping.IGNORED)
    section = next(s for s in district.sections if s.school == school and s.students)
    student = next(p.id for p in district.people if p.student and p.student.schools == [elsewhere])
    teacher = next(p.id for p in district.people if p.teacher and p.teacher.schools == [elsewhere])
    edits.enrol(district, section.id, student)
    edits.set_teachers(district, section.id, [*section.teachers, teacher])

    sync_id = portal.sync_all()

    told = [each for each in portal.warnings(sync_id) if each[2] in {student, teacher}]
    assert told == [
        ("student-out-of-scope", section.id, student),
        ("teacher-from-another-school", section.id, teacher),
    ]
    assert {student, teacher}.isdisjoint(portal.roster(section.id))
    again = portal.prepare()
    assert portal.actions(again) == {}
    assert [each for each in portal.warnings(again) if each[2] in {student, teacher}] == told

    portal.map(elsewhere)
    portal.sync_all()
    assert set(portal.roster(section.id)) == {*section.teachers, *section.students}


def test_kinds_of_change_that_are_left_out_are_counted_and_not_planned(
    quick_portal: Portal, district: District
) -> None:
    quick_portal.sync_all()
    quick_portal.option("changes", "edits")
    student = next(p.id for p in district.people if p.student and district.taught_or_attended(p.id))
    renamed = next(p.id for p in district.people if p.student and p.id != student)
    edits.leave(district, student)
    edits.rename_person(district, renamed, last="Renamed")

    sync_id = quick_portal.prepare()

    assert {key[1] for key in quick_portal.actions(sync_id)} == {"edit"}
    assert quick_portal.sync(sync_id).left_out == {"student": {"delete": 1}}


def test_without_adds_no_class_waits_for_people_who_will_not_come(quick_portal: Portal, district: District) -> None:
    quick_portal.sync_all()
    quick_portal.option("changes", "edits,deletes")
    quick_portal.pass_day(seed=2, pace=10)

    quick_portal.sync_all()

    sync_id = quick_portal.prepare()
    assert quick_portal.actions(sync_id) == {}
    assert "student" in quick_portal.sync(sync_id).left_out


def test_sections_alone_are_synced_with_the_people_who_are_there(quick_portal: Portal, district: District) -> None:
    quick_portal.sync_all()
    quick_portal.option("items", "sections")
    section = next(s for s in district.sections if len(s.students) > 2)
    gone = section.students[0]
    new = edits.add_section(district, section, section.students)
    edits.withdraw(district, section.id, gone)

    sync_id = quick_portal.prepare()

    assert quick_portal.actions(sync_id).keys() == {("section", "add", new.id), ("section", "edit", section.id)}
    assert quick_portal.commit(sync_id) is SyncState.COMMITTED
    assert set(quick_portal.roster(new.id)) == {*new.teachers, *new.students}
    assert quick_portal.actions(quick_portal.prepare()) == {}


def test_users_alone_leave_the_classes_as_they_are(quick_portal: Portal, district: District) -> None:
    quick_portal.sync_all()
    classes = quick_portal.classes()
    quick_portal.option("items", "users")
    edits.drop_section(district, district.sections.ids[0])
    edits.rename_person(district, next(p.id for p in district.people if p.student), last="Renamed")

    sync_id = quick_portal.sync_all()

    assert {key[:2] for key in quick_portal.actions(sync_id)} == {("student", "edit")}
    assert quick_portal.classes() == classes


def test_the_style_of_a_class_is_chosen_when_it_is_made(quick_portal: Portal, district: District) -> None:
    section = next(s for s in district.sections if s.term)
    timeless = next(s for s in district.sections if not s.term)
    quick_portal.option("blended", "yes")
    quick_portal.sync_all()
    styles = quick_portal.class_of(section.id).style, quick_portal.class_of(timeless.id).style
    assert styles == ("blended", "self-paced")

    quick_portal.option("blended", "no")
    quick_portal.option("self_paced", "no")

    assert quick_portal.actions(quick_portal.prepare()) == {}


def test_where_the_number_goes_to_the_sis_id_the_own_one_is_not_written(
    quick_portal: Portal, district: District
) -> None:
    quick_portal.option("map_student_id", "sis_id")
    student = next(p for p in district.people if p.student and p.student.number)
    student.as_student.sis_id = "another"

    quick_portal.sync_all()

    account = quick_portal.account_of(student.id)
    assert (account.sis_id, account.student_id) == (student.as_student.number, "")
