"""One district by every version of Clever's API: the same records, ids apart."""

from collections.abc import Iterator

import msgspec
import pytest

from sisportal.providers.base import DistrictFacts, ProviderError
from sisportal.providers.opening import CLEVER_VERSIONS
from sisportal.roster.records import Collection, Person, Role, Section
from sisportal.sandbox.days import pass_day
from sisportal.sandbox.entities import Person as Somebody
from sisportal.sandbox.faults import Fault
from sisportal.sandbox.generator import generate
from sisportal.sandbox.service import create_sandbox
from sisportal.sandbox.serving import Served, serve
from tests.providers.canned import Answer, Canned, gathered, json_answer, opened
from tests.providers.districts import everything, provider, without_ids

OLDER = ["1.1", "2.0", "2.1"]


@pytest.fixture(scope="module")
def plain() -> Iterator[Served]:
    """A district in which every value exists in every version, ten days after it was made."""
    district = generate(90, awkward=False)
    for person in district.people:
        if person.student is not None and person.student.gender == "X":
            person.student.gender = ""
    somebody = next(p for p in district.people if p.teacher is not None)
    staff = next(p.staff for p in district.people if p.staff is not None)
    somebody.staff = msgspec.structs.replace(staff, legacy_id=district.mint(district.last_sync))
    for _ in range(10):
        pass_day(district, pace=3)
    with serve(create_sandbox(district)) as served:
        yield served


@pytest.mark.parametrize("version", OLDER)
def test_a_district_is_the_same_by_every_version(plain: Served, version: str) -> None:
    newest = without_ids(everything(provider(plain, "3.1")))
    assert without_ids(everything(provider(plain, version))) == newest
    assert len(newest) > 130


def test_3_0_differs_from_3_1_by_preferred_names_only(plain: Served) -> None:
    older, newer = everything(provider(plain, "3.0")), everything(provider(plain, "3.1"))
    assert older.keys() == newer.keys()
    differing = [key for key in older if older[key] != newer[key]]
    assert differing
    assert all(newer[key].preferred_name and not older[key].preferred_name for key in differing)


@pytest.mark.parametrize("version", CLEVER_VERSIONS)
def test_every_collection_of_an_awkward_district_is_proven_complete(served: Served, version: str) -> None:
    got = gathered(provider(served, version))
    assert {seal.collection: seal.reason for seal in got.seals.values()} == dict.fromkeys(Collection, "")
    assert all(seal.complete for seal in got.seals.values())
    assert list(got.seals) == list(Collection)
    district = served.sandbox.district
    assert {p.source_id for p in got.records[Collection.PEOPLE]} == {
        role.legacy_id if version < "3" else person.id
        for person in district.people for role in (person.student or person.teacher,) if role is not None
    }  # fmt: skip
    assert len(got.records[Collection.SECTIONS]) == len(district.sections)
    assert got.problems == []


def test_3_x_tells_what_older_versions_call_a_teacher(served: Served) -> None:
    newest = everything(provider(served, "3.1"))
    for older in OLDER:
        ids = {id_ for kind, id_ in everything(provider(served, older)) if kind is Collection.PEOPLE}
        people = [record for record in newest.values() if isinstance(record, Person)]
        assert ids == {person.legacy_id or person.source_id for person in people}


@pytest.mark.parametrize("version", ["2.0", "2.1"])
def test_a_person_of_several_schools_has_them_all_from_2_0_on(served: Served, version: str) -> None:
    person = next(p for p in served.sandbox.district.people if p.student and len(p.as_student.schools) > 1)
    role = person.as_student
    record = everything(provider(served, version))[Collection.PEOPLE, person.id]
    assert record.schools[0] == role.school
    assert set(record.schools) == set(role.schools)


def several_roles(served: Served) -> Somebody:
    return next(p for p in served.sandbox.district.people if p.teacher and (p.staff or p.administrator) and p.email)


@pytest.mark.parametrize("version", OLDER)
def test_a_teacher_with_an_administrators_address_has_that_role_too(plain: Served, version: str) -> None:
    somebody = several_roles(plain)
    record = everything(provider(plain, version))[Collection.PEOPLE, somebody.as_teacher.legacy_id]
    assert record.roles == (Role.TEACHER, Role.STAFF)


@pytest.mark.parametrize("version", ["1.1", "2.1", "3.1"])
def test_others_are_counted_alike(plain: Served, version: str) -> None:
    others = gathered(provider(plain, version)).others
    newest = gathered(provider(plain, "3.0")).others
    assert {role: others[role] for role in ("staff", "district-admin")} == {
        role: newest[role] for role in ("staff", "district-admin")
    }


def test_administrators_that_are_not_shared_cost_nothing_but_their_roles(plain: Served) -> None:
    plain.sandbox.faults.add(Fault(name="403", path="/v2.1/*_admins"))
    try:
        got = gathered(provider(plain, "2.1"))
    finally:
        plain.sandbox.faults.clear()
    assert {person.roles for person in got.records[Collection.PEOPLE]} == {(Role.STUDENT,), (Role.TEACHER,)}
    assert got.others == {"contact": got.others["contact"]}


def test_administrators_that_cannot_be_read_stop_the_fetch() -> None:
    """Otherwise teachers would lose a role for a day."""
    session = Canned()
    session.scripted["/v2.1/school_admins"] = [Answer(b"", 503)] * 50
    with pytest.raises(ProviderError) as failed:
        gathered(opened(session, version="2.1"))
    assert failed.value.code == "server-error"


@pytest.mark.parametrize("spelled", ["2015-08-25", "2015-08-25T00:00:00.000Z", "2015-08-25 00:00:00.000000"])
def test_a_section_of_1_1_holds_its_course_and_term(spelled: str) -> None:
    wire = {
        "course_name": "Group Guidance", "course_number": "905", "grade": "9", "name": "Group Guidance - 905",
        "period": "0", "school": "a", "sis_id": "600", "students": ["s2", "s1"], "subject": "homeroom/advisory",
        "teacher": "t1", "term": {"name": "Y1", "start_date": spelled, "end_date": "2016-06-01"}, "id": "k1",
    }  # fmt: skip
    got = gathered(opened(Canned({"/v1.1/sections": [wire]}), version="1.1"))
    assert got.records[Collection.SECTIONS] == [
        Section(
            source_id="k1", name="Group Guidance - 905", sis_id="600", subject="homeroom/advisory", grade="9",
            period="0", school="a", course_name="Group Guidance", course_number="905", term_name="Y1",
            start="2015-08-25", finish="2016-06-01", teachers=("t1",), students=("s1", "s2"),
        )
    ]  # fmt: skip


def test_1_1_tells_the_districts_state_apart() -> None:
    lists = {
        "/v1.1/districts": [{"id": "d1", "name": "One"}],
        "/v1.1/districts/d1/status": [
            {
                "id": "d1",
                "state": "pending",
                "error": "No file",
                "last_sync": "2015-01-01T00:00:00.000Z",
                "sis_type": "x",
            }
        ],
    }
    assert opened(Canned(lists), version="1.1").district() == DistrictFacts(
        "d1", "One", "pending", "No file", "2015-01-01T00:00:00.000Z", "x"
    )


def test_rows_without_the_usual_wrapping_are_read() -> None:
    session = Canned({"/v1.1/teachers": [{"id": "t1", "school": "a", "email": "One@x.org"}]})
    bare = {"data": [{"id": "x1", "email": " one@X.org "}], "links": []}
    session.scripted["/v1.1/district_admins"] = [json_answer(bare)]
    people = gathered(opened(session, version="1.1")).records[Collection.PEOPLE]
    assert [(p.source_id, p.roles) for p in people] == [("t1", (Role.TEACHER, Role.DISTRICT_ADMIN))]


@pytest.mark.parametrize("version", OLDER)
def test_someone_without_a_school_is_kept_out_and_deletes_are_withheld(version: str) -> None:
    session = Canned({f"/v{version}/students": [{"id": "s1", "school": "a"}, {"id": "s2"}]})
    got = gathered(opened(session, version=version))
    assert [p.source_id for p in got.records[Collection.PEOPLE]] == ["s1"]
    assert [(p.code, p.type, p.external_id) for p in got.problems] == [("missing-school", "student", "s2")]
    assert not got.seals[Collection.PEOPLE].complete


@pytest.mark.parametrize("version", CLEVER_VERSIONS)
def test_the_connection_is_tested_list_by_list(served: Served, version: str) -> None:
    checks = provider(served, version).test()
    assert all(check.ok for check in checks)
    subjects = [check.subject for check in checks]
    assert subjects[:5] == ["district", "schools", "students", "teachers", "sections"]
    assert subjects[5:] == ([] if version == "1.1" else ["terms", "courses"])
    assert checks[0].sentence.startswith(f"{served.sandbox.district.name}, state running, last SIS sync 20")
