"""When OneRoster's objects changed, as days pass: what is new, changed and gone has a moment of its own."""

from typing import Any

import pytest

from sisportal.sandbox import edits
from sisportal.sandbox.days import pass_day
from sisportal.sandbox.district import District
from sisportal.sandbox.entities import is_student_of
from sisportal.sandbox.generator import generate
from sisportal.sandbox.oneroster_objects import KINDS
from sisportal.sandbox.service import create_sandbox
from tests.sandbox.asking_oneroster import AskingOneRoster


@pytest.fixture
def ask(district: District) -> AskingOneRoster:
    asking = AskingOneRoster(create_sandbox(district))
    asking.ids("/orgs")  # from now on the district is followed
    return asking


def everything(ask: AskingOneRoster) -> dict[tuple[str, str], dict[str, Any]]:
    return {(kind, row["sourcedId"]): row for kind in KINDS for row in ask.rows(f"/{kind}")}


def without_date(row: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name != "dateLastModified"}


@pytest.mark.parametrize("seed", range(6))
def test_what_changed_since_a_moment_is_what_differs(seed: int) -> None:
    district = generate(60, seed=seed)
    ask = AskingOneRoster(create_sandbox(district))
    before = everything(ask)
    moment = max(row["dateLastModified"] for row in before.values())
    for day in range(5):
        pass_day(district, seed=seed * 10 + day)
        now = everything(ask)
        newer = {
            (kind, row["sourcedId"]): row
            for kind in KINDS
            for row in ask.rows(f"/{kind}", filter=f"dateLastModified>'{moment}'")
        }
        assert newer == {
            key: row for key, row in now.items() if key not in before or without_date(row) != without_date(before[key])
        }
        assert before.keys() <= now.keys()
        before, moment = now, max(row["dateLastModified"] for row in now.values())


def test_who_leaves_is_listed_as_gone_for_a_month_and_comes_back(ask: AskingOneRoster, district: District) -> None:
    student = next(person for person in district.people if person.student is not None)
    id_ = student.as_student.sis_id
    seats = ask.ids("/enrollments", filter=f"user.sourcedId='{id_}'")
    edits.leave(district, student.id)
    district.settle()
    assert ask.one(f"/users/{id_}")["status"] == ask.one(f"/demographics/{id_}")["status"] == "tobedeleted"
    gone = ask.rows("/enrollments", filter=f"user.sourcedId='{id_}' AND status='tobedeleted'")
    assert [row["sourcedId"] for row in gone] == seats
    edits.come_back(district, student.id)
    district.settle()
    assert ask.one(f"/users/{id_}")["status"] == "active"
    assert ask.ids("/enrollments", filter=f"user.sourcedId='{id_}' AND status='active'") == seats
    edits.leave(district, student.id)
    for _ in range(32):
        pass_day(district, pace=0)
    assert ask.get(f"/users/{id_}").status_code == 404
    assert ask.rows("/enrollments", filter=f"user.sourcedId='{id_}'") == []


def test_every_change_of_a_day_has_a_later_moment(ask: AskingOneRoster, district: District) -> None:
    student = next(person for person in district.people if person.student is not None)
    moments = [ask.one(f"/users/{student.as_student.sis_id}")["dateLastModified"]]
    for name in ("One", "Two", "Three"):
        edits.rename_person(district, student.id, last=name)
        district.settle()
        moments.append(ask.one(f"/users/{student.as_student.sis_id}")["dateLastModified"])
    assert moments == sorted(set(moments))


def test_only_the_enrollment_that_ends_changes(ask: AskingOneRoster, district: District) -> None:
    section = next(section for section in district.sections if len(section.students) > 2)
    before = everything(ask)
    edits.withdraw(district, section.id, section.students[0])
    district.settle()
    now = everything(ask)
    assert [key for key, row in now.items() if row != before[key]] == [
        ("enrollments", f"{section.sis_id}-{student_number(district, before, now)}")
    ]


def student_number(district: District, before: dict[Any, Any], now: dict[Any, Any]) -> str:
    changed = next(row for key, row in now.items() if row != before[key])
    person = next(p for p in district.people if p.student and p.student.sis_id == changed["user"]["sourcedId"])
    assert not any(
        is_student_of(section, person.id)
        for section in district.sections
        if section.sis_id == changed["class"]["sourcedId"]
    )
    return person.as_student.sis_id


def test_whoever_clever_splits_or_who_stops_teaching_is_the_same_user(ask: AskingOneRoster, district: District) -> None:
    both = next(person for person in district.people if person.teacher is not None and person.staff is not None)
    id_ = both.as_teacher.sis_id
    new = edits.split_user(district, both.id, "new@district.example.org")
    district.settle()
    assert ask.one(f"/users/{id_}")["email"] == "new@district.example.org"
    edits.stop_teaching(district, new.id)
    district.settle()
    known = ask.one(f"/users/{id_}")
    assert (known["status"], known["role"]) == ("active", "administrator")


def test_a_school_that_is_not_shared_takes_its_classes_and_people_along(
    ask: AskingOneRoster, district: District
) -> None:
    school = district.schools[district.schools.ids[0]]
    edits.unshare_school(district, school.id)
    district.settle()
    assert ask.one(f"/orgs/{school.sis_id}")["status"] == "tobedeleted"
    active = ask.rows("/enrollments", filter="status='active'")
    assert active
    assert school.sis_id not in {row["school"]["sourcedId"] for row in active}
    users = set(ask.ids("/users", filter="status='active'"))
    assert {row["user"]["sourcedId"] for row in active} <= users
    edits.share_school(district, school.id)
    district.settle()
    assert ask.one(f"/orgs/{school.sis_id}")["status"] == "active"


def test_changes_that_are_not_settled_are_seen_and_dated(ask: AskingOneRoster, district: District) -> None:
    section = district.sections[district.sections.ids[0]]
    edits.rename_section(district, section.id, "Another name")
    row = ask.one(f"/classes/{section.sis_id}")
    assert (row["title"], row["dateLastModified"][:10]) == ("Another name", district.today.isoformat())
