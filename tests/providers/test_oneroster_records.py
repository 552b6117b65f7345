"""What OneRoster's objects become, whichever way they come."""

from pathlib import Path
from typing import Any

import pytest

from sisportal.providers.base import DistrictFacts
from sisportal.providers.oneroster_csv import open_csv
from sisportal.roster.records import Collection, Course, Person, Role, School, Section, Term
from tests.providers.canned import Gathered, gathered
from tests.providers.oneroster_district import NOW, YEAR, class_, district, enrollment, package, user
from tests.providers.oneroster_server import Server, reading

WAYS = ["REST 1.1", "REST 1.2", "CSV 1.1", "CSV 1.2"]


def provider(way: str, folder: Path, content: Any = None) -> Any:
    kind, version = way.split()
    if kind == "REST":
        return reading(Server(content or district(), version=version), version=version)
    return open_csv(package(folder / "roster.zip", content, version), clock=lambda: NOW, **YEAR)


def sections(got: Gathered) -> dict[str, Section]:
    return {section.source_id: section for section in got.records[Collection.SECTIONS]}


def people(got: Gathered) -> dict[str, Person]:
    return {person.source_id: person for person in got.records[Collection.PEOPLE]}


@pytest.mark.parametrize("way", WAYS)
def test_a_district_is_the_same_whichever_way_it_comes(way: str, tmp_path: Path) -> None:
    got, usual = gathered(provider(way, tmp_path)), gathered(reading(Server()))
    for collection in Collection:
        assert sorted(got.records[collection], key=lambda one: one.source_id) == sorted(
            usual.records[collection], key=lambda one: one.source_id
        )
    assert got.others == usual.others == {"contact": 1, "staff": 1}
    assert all(seal.complete for seal in got.seals.values())
    assert list(got.seals) == list(Collection)
    assert got.problems == []


def test_organizations_keep_their_kind_and_their_place_in_the_tree() -> None:
    assert reading(Server()).schools() == [
        School("d-1", "Lovelace District", "D1", "D1", kind="district"),
        School("s-1", "North School", "N1", "N1", parent="d-1"),
        School("s-2", "South School", parent="d-1"),
    ]


@pytest.mark.parametrize("way", WAYS)
def test_the_district_is_the_organization_at_the_top(way: str, tmp_path: Path) -> None:
    assert provider(way, tmp_path).district() == DistrictFacts("d-1", "Lovelace District")


def test_people_have_their_number_ids_grade_and_what_demographics_say() -> None:
    known = people(gathered(reading(Server())))
    assert known["st-1"] == Person(
        "st-1", Role.STUDENT, "Byron", "Ada1", "Q", "", "ada1@x.test", "st-1", "101", "", "", "09",
        gender="F", birth_date="2011-05-06", school="s-1", schools=("s-1",), roles=(Role.STUDENT,),
    )  # fmt: skip
    assert (known["tea-1"].number, known["tea-1"].sis_id, known["tea-1"].state_id) == ("T1", "900", "77")
    assert known["tea-2"].schools == ("s-1", "s-2")
    assert known["st-8"].schools == ("s-2", "s-1")


def test_courses_and_terms_are_kept() -> None:
    got = gathered(reading(Server()))
    assert got.records[Collection.COURSES] == [
        Course("crs-1", "Algebra", "ALG", "Mathematics"),
        Course("crs-2", "Latin"),
    ]
    assert Term("t-1", "Fall", "2026-08-15", "2026-12-20") in got.records[Collection.TERMS]


def test_a_class_of_several_terms_runs_from_the_first_day_to_the_last() -> None:
    assert sections(gathered(reading(Server())))["c-1"] == Section(
        "c-1", "Algebra, period 3", "ALG-3", grade="09", period="3, 4", school="s-1", course="crs-1",
        term_name="Fall - Spring", start="2026-08-15", finish="2027-06-15", teachers=("tea-1", "tea-2"),
        students=tuple(f"st-{number}" for number in range(1, 9)),
    )  # fmt: skip


def test_a_class_without_dates_takes_the_semesters_and_one_outside_the_year_is_not_read() -> None:
    known = sections(gathered(reading(Server())))
    assert (known["c-3"].start, known["c-3"].finish, known["c-3"].term_name) == ("2026-08-15", "2026-12-20", "")
    assert (known["c-4"].start, known["c-4"].finish, known["c-4"].term_name) == ("2026-08-15", "2027-06-15", "2026-27")
    assert set(known) == {"c-1", "c-2", "c-3", "c-4"}


def test_a_school_year_that_no_class_overlaps_is_no_proof_that_all_of_them_ended() -> None:
    content = district()
    content["classes"] = [class_("c-old", "Old", "", "crs-1", "s-1", "old")]
    seal = gathered(reading(Server(content))).seals[Collection.SECTIONS]
    assert not seal.complete
    assert seal.reason.startswith("None of the 1 classes listed overlaps the school year.")


@pytest.mark.parametrize("way", WAYS)
def test_teachers_come_primary_first_then_as_listed(way: str, tmp_path: Path) -> None:
    known = sections(gathered(provider(way, tmp_path)))
    assert known["c-1"].teachers == ("tea-1", "tea-2")
    assert known["c-2"].teachers == ("tea-1", "tea-2")


@pytest.mark.parametrize("way", WAYS)
def test_whoever_is_to_be_deleted_is_removed_and_is_in_no_class(way: str, tmp_path: Path) -> None:
    content = district()
    content["users"][3]["status"] = "tobedeleted"
    content["classes"][1]["status"] = "tobedeleted"
    for one in content["enrollments"]:
        if one["id"] in ("e-12", "e-11"):
            one["status"] = "tobedeleted"
    steps = list(provider(way, tmp_path, content).fetch(items=frozenset({"users", "sections"})))
    removed = [id_ for step in steps for id_ in getattr(step, "removed", [])]
    got = Gathered(steps)
    assert sorted(removed) == ["c-2", "st-1"]
    assert "st-1" not in people(got)
    assert sections(got)["c-1"].students == ("st-1", *(f"st-{number}" for number in range(3, 9)))  # e-31 is still there
    assert [problem.code for problem in got.problems] == []


@pytest.mark.parametrize("way", WAYS)
def test_a_place_that_ended_while_the_class_goes_on_is_left(way: str, tmp_path: Path) -> None:
    content = district()
    content["enrollments"] += [
        enrollment("e-51", "c-4", "st-1", endDate="2026-08-30"),
        enrollment("e-52", "c-4", "st-2", endDate="2027-06-15"),
        enrollment("e-53", "c-4", "st-3", endDate=""),
    ]
    assert sections(gathered(provider(way, tmp_path, content)))["c-4"].students == ("st-2", "st-3")


@pytest.mark.parametrize("way", WAYS)
def test_enrollments_of_unknown_classes_are_told_once_for_each_class(way: str, tmp_path: Path) -> None:
    content = district()
    content["enrollments"] += [enrollment("e-61", "c-9", "st-1"), enrollment("e-62", "c-9", "st-2")]
    got = gathered(provider(way, tmp_path, content))
    assert [(problem.code, problem.external_id) for problem in got.problems] == [("unknown-section", "c-9")]
    assert got.seals[Collection.SECTIONS].complete


def test_one_person_given_as_several_users_is_told_and_both_are_given() -> None:
    content = district()
    content["users"].append(user("st-1b", "student", "s-2", "Ada1", "Byron", identifier="101"))
    got = gathered(reading(Server(content)))
    assert [(one.code, one.external_id, one.value) for one in got.problems] == [("duplicate-number", "st-1b", "101")]
    assert "st-1b" in people(got)


def test_several_roles_make_a_teacher_of_whoever_teaches_at_the_school_where_they_do() -> None:
    def with_roles(kind: str, row: dict[str, Any]) -> dict[str, Any]:
        if row["sourcedId"] == "tea-3":
            row["roles"] = [
                {"roleType": "primary", "role": "guardian", "org": {"sourcedId": "s-1"}},
                {"roleType": "secondary", "role": "Teacher", "org": {"sourcedId": "s-2"}},
                {"roleType": "primary", "role": "teacher", "org": {"sourcedId": "s-1"}},
                {"roleType": "primary", "role": "student", "org": {"sourcedId": "d-1"}, "endDate": "2026-06-01"},
            ]
        if row["sourcedId"] == "tea-2":
            row["primaryOrg"] = {"sourcedId": "s-2"}
        return row

    known = people(gathered(reading(Server(version="1.2", bent=with_roles))))
    assert (known["tea-3"].roles, known["tea-3"].schools) == ((Role.TEACHER, Role.CONTACT), ("s-1", "s-2"))
    assert known["tea-2"].schools == ("s-2", "s-1")


def test_who_has_no_role_or_no_school_is_kept_out_and_nobody_is_taken_for_a_leaver() -> None:
    content = district()
    content["users"][0]["role"] = ""
    content["users"][1]["orgs"] = []
    got = gathered(reading(Server(content)))
    assert [(one.code, one.external_id) for one in got.problems[:2]] == [
        ("unknown-role", "tea-1"),
        ("missing-school", "tea-2"),
    ]
    assert not got.seals[Collection.PEOPLE].complete


def test_where_there_is_one_school_everybody_belongs_to_it() -> None:
    content = district()
    content["orgs"] = content["orgs"][:2]
    content["users"][1]["orgs"] = []
    assert people(gathered(reading(Server(content))))["tea-2"].schools == ("s-1",)


def test_only_what_is_wanted_is_asked_for() -> None:
    server = Server()
    got = gathered(reading(server), frozenset({"users"}))
    assert list(got.seals) == [Collection.SCHOOLS, Collection.PEOPLE]
    assert not any(call.startswith(("/classes", "/enrollments", "/courses")) for call in server.asked)
