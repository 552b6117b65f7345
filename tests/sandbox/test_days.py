"""Days and edits: what is told of them is what happened to the records."""

import copy

import pytest

from sisportal.sandbox import edits
from sisportal.sandbox.days import pass_day
from sisportal.sandbox.district import District
from sisportal.sandbox.entities import Record, is_student_of
from sisportal.sandbox.generator import generate, grades_of

KINDS = ("schools", "terms", "courses", "people", "sections")


@pytest.fixture
def district() -> District:
    return generate(120)


def snapshot(district: District) -> dict[tuple[str, str], Record]:
    return {(kind, r.id): copy.deepcopy(r) for kind in KINDS for r in district.shelf(kind)}


def same_but_for_the_stamp(before: Record, after: Record) -> bool:
    after = copy.deepcopy(after)
    if hasattr(after, "modified") and hasattr(before, "modified"):
        after.modified = before.modified
    return before == after


def test_the_same_days_pass_in_the_same_way() -> None:
    first, second = generate(80), generate(80)
    for _ in range(5):
        assert pass_day(first) == pass_day(second)
    assert snapshot(first) == snapshot(second)


def test_the_differences_of_a_day_are_exactly_what_changed(district: District) -> None:
    for _ in range(20):
        before = snapshot(district)
        day = pass_day(district)
        after = snapshot(district)
        changed = {k for k in before.keys() & after.keys() if not same_but_for_the_stamp(before[k], after[k])}
        told = {
            what: {(d.kind, d.id) for d in day.differences if d.what == what}
            for what in ("created", "updated", "deleted")
        }
        assert told == {"created": after.keys() - before, "updated": changed, "deleted": before.keys() - after}


def test_a_month_brings_everything_that_can_happen() -> None:
    district = generate(400)
    seen = {happening.what for _ in range(40) for happening in pass_day(district).happenings}
    assert seen == {
        "joined", "left", "returned", "moved", "renamed", "new-email", "roster", "section-renamed", "section-added",
        "section-gone", "teacher-joined", "teacher-left", "term-recreated", "course-recreated", "user-split",
    }  # fmt: skip


def test_a_day_at_no_pace_changes_only_the_date(district: District) -> None:
    today = district.today
    assert pass_day(district, pace=0).differences == []
    assert (district.today - today).days == 1


def test_sections_never_name_somebody_who_left(district: District) -> None:
    for _ in range(15):
        pass_day(district, pace=10)
    for section in district.sections:
        assert all(id_ in district.people for id_ in (*section.teachers, *section.students))
        assert section.students == sorted(set(section.students))


def test_somebody_who_comes_back_is_as_they_were(district: District) -> None:
    before = snapshot(district)
    section = next(s for s in district.sections if len(s.teachers) > 1)
    edits.leave(district, section.teachers[0], section.students[0])
    edits.come_back(district, *list(district.departed))
    assert snapshot(district) == before
    assert district.settle() == []


def test_a_student_who_moves_leaves_the_old_schools_sections_for_the_new_ones() -> None:
    district = generate(400, awkward=False)
    elementary = [s.id for s in district.schools if "3" in grades_of(s)]
    person = next(
        p for p in district.people if p.student and p.student.grade == "3" and p.as_student.school == elementary[0]
    )
    new = elementary[1]
    edits.move_student(district, person.id, new)
    assert {s.school for s in district.sections if is_student_of(s, person.id)} == {new}
    assert (person.as_student.school, person.as_student.schools) == (new, [new])


def test_a_school_that_is_shared_again_is_back_entirely(district: District) -> None:
    before = snapshot(district)
    school = district.schools.ids[1]
    edits.unshare_school(district, school)
    assert school not in district.schools
    assert all(s.school != school for s in district.sections)
    edits.share_school(district, school)
    assert snapshot(district) == before


def test_a_recreated_term_has_a_new_id_everywhere(district: District) -> None:
    old = next(s.term for s in district.sections if s.term)
    new = edits.recreate_term(district, old)
    assert old not in district.terms
    assert old not in {s.term for s in district.sections}
    assert new.id in {s.term for s in district.sections}


def test_a_split_user_keeps_the_legacy_id_and_the_sections(district: District) -> None:
    section = next(s for s in district.sections if s.teachers)
    old = district.people[section.teachers[0]]
    new = edits.split_user(district, old.id, "new@example.org")
    assert new.as_teacher.legacy_id == old.as_teacher.legacy_id
    assert section.teachers[0] == new.id != old.id


def test_a_mass_delete_takes_the_share_that_it_was_asked_for(district: District) -> None:
    gone = edits.mass_delete(district, 0.25)
    assert len(gone) == 30
    assert not any(id_ in district.people for id_ in gone)


def test_changed_fields_are_named(district: District) -> None:
    person = next(p for p in district.people if p.student)
    district.note(person)
    person.last, person.as_student.grade = "Changed", "9"
    (difference,) = district.settle()
    assert (difference.what, difference.fields) == ("updated", ["last", "student.grade"])
