"""Generated districts: the same again from the same arguments, of the right size, and awkward where real ones are."""

from collections import Counter

import msgspec
import pytest

from sisportal.sandbox.district import District
from sisportal.sandbox.entities import Person, is_student_of
from sisportal.sandbox.generator import generate


def everything(district: District) -> bytes:
    return msgspec.json.encode(
        [list(district.shelf(kind)) for kind in ("schools", "terms", "courses", "people", "sections")]
    )


def students(district: District) -> list[Person]:
    return [p for p in district.people if p.student is not None]


def teachers(district: District) -> list[Person]:
    return [p for p in district.people if p.teacher is not None]


def test_the_same_arguments_make_the_same_district() -> None:
    assert everything(generate(200, seed=3)) == everything(generate(200, seed=3))


def test_another_seed_makes_other_people_with_other_ids() -> None:
    first, second = generate(100, seed=1), generate(100, seed=2)
    assert set(first.people.ids).isdisjoint(second.people.ids)
    assert [p.last for p in first.people] != [p.last for p in second.people]


@pytest.mark.parametrize("count", [10, 11, 59, 60, 300, 3000])
def test_a_district_has_exactly_as_many_students_as_asked_for(count: int) -> None:
    assert len(students(generate(count))) == count


def test_ten_thousand_students_are_about_seventy_five_thousand_records() -> None:
    district = generate(10_000)
    enrolments = sum(len(s.students) + len(s.teachers) for s in district.sections)
    records = len(students(district)) + len(teachers(district)) + len(district.sections) + enrolments
    assert 71_000 <= records <= 79_000


def test_every_student_attends_sections_and_every_section_names_people_and_schools_that_exist() -> None:
    district = generate(500)
    attending = {id_ for section in district.sections for id_ in section.students}
    assert attending == {p.id for p in students(district)}
    for section in district.sections:
        assert section.school in district.schools
        assert section.students == sorted(set(section.students))
        assert all(district.people[id_].teacher for id_ in section.teachers)


def test_identifiers_are_object_ids_and_walked_in_ascending_order() -> None:
    district = generate(100)
    ids = district.people.ids
    assert ids == sorted(set(ids))
    assert all(len(id_) == 24 and int(id_, 16) for id_ in ids)


def test_employees_have_an_id_of_their_own_beside_their_legacy_id_and_one_address_each() -> None:
    district = generate(1000)
    assert all(p.teacher and p.teacher.legacy_id != p.id for p in teachers(district))
    addresses = Counter(p.email for p in district.people if p.works and p.email)
    assert addresses.most_common(1)[0][1] == 1


@pytest.mark.parametrize("count", [60, 300])
def test_even_a_small_district_has_awkward_people(count: int) -> None:
    district = generate(count)
    pupils, staff = students(district), teachers(district)
    grades = {p.as_student.grade for p in pupils}
    assert {"TransitionalKindergarten", "13", "Other"} <= grades
    assert any(p.email and "@" not in p.email for p in pupils)
    assert {"", None} <= {p.email for p in pupils}
    assert any(len(p.as_student.schools) > 1 for p in pupils)
    assert any(p.staff for p in staff)
    assert any(p.administrator for p in staff)
    assert any(p.staff and not p.teacher for p in district.people)
    taught = {id_ for s in district.sections for id_ in s.teachers}
    assert any(p.id not in taught for p in staff)
    assert {p.email for p in district.people if p.contact} & {p.email for p in staff}


def test_even_a_small_district_has_awkward_sections() -> None:
    sections = list(generate(300).sections)
    assert any(s.term is None for s in sections)
    assert any(s.course is None for s in sections)
    assert any(s.number is None for s in sections)
    assert any(not s.teachers for s in sections)
    assert {len(s.teachers) for s in sections} >= {1, 2, 3}


def test_without_awkwardness_every_section_is_complete() -> None:
    district = generate(300, awkward=False)
    assert all(s.term and s.course and s.teachers for s in district.sections)
    for section in district.sections:
        assert all(district.people[id_].as_student.school == section.school for id_ in section.students)
        assert all(is_student_of(section, id_) for id_ in section.students)


def test_the_number_of_schools_can_be_chosen() -> None:
    assert [len(generate(100, schools=n).schools) for n in (1, 2, 5)] == [1, 2, 5]
