"""Events: what each version tells of the days, nested, ordered and kept as the real feed does."""

from typing import Any

import pytest

from sisportal.sandbox import edits
from sisportal.sandbox.days import pass_day
from sisportal.sandbox.district import District
from sisportal.sandbox.faults import Fault
from sisportal.sandbox.generator import generate
from sisportal.sandbox.serving import Served
from tests.sandbox.asking import Asking, link

VERSIONS = ["/v1.1", "/v2.0", "/v2.1", "/v3.0", "/v3.1"]
Event = dict[str, Any]


@pytest.fixture
def ask(sandbox: Served) -> Asking:
    return Asking(sandbox)


def events(ask: Asking, version: str, query: str = "limit=10000") -> list[Event]:
    return [row["data"] for row in ask.json(f"{version}/events?{query}")["data"]]


def told(ask: Asking, version: str) -> list[tuple[str, str]]:
    """Type and record of every event that is not the district's own."""
    return [
        (event["type"], event["data"]["object"]["id"])
        for event in events(ask, version)
        if event["type"] != "districts.updated"
    ]


def settled(district: District) -> None:
    district.settle()


@pytest.mark.parametrize("version", VERSIONS)
def test_a_new_district_has_an_empty_feed(ask: Asking, version: str) -> None:
    assert events(ask, version) == []


@pytest.mark.parametrize("version", VERSIONS)
def test_events_are_told_once_each_in_ascending_order_page_by_page(sandbox: Served, ask: Asking, version: str) -> None:
    for _ in range(3):
        pass_day(sandbox.sandbox.district, pace=5)
    ids = [event["id"] for event in events(ask, version)]
    assert ids == sorted(set(ids))
    assert ask.ids(f"{version}/events?limit=7") == ids
    assert events(ask, version, "ending_before=last&limit=1")[0]["id"] == ids[-1]
    single = ask.json(f"{version}/events/{ids[-1]}")
    assert single["links"] == [{"rel": "self", "uri": f"{version}/events/{ids[-1]}"}]
    assert single["data"] == events(ask, version)[-1]


def test_a_day_is_one_batch_with_contiguous_ids_in_one_second(sandbox: Served, ask: Asking) -> None:
    pass_day(sandbox.sandbox.district, pace=5)
    batch = events(ask, "/v3.1")
    ids = [int(event["id"], 16) for event in batch]
    assert ids == list(range(ids[0], ids[0] + len(ids)))
    assert {event["created"] for event in batch} == {"2026-10-06T09:07:40.000Z"}
    assert int(batch[0]["id"][:8], 16) == 1791277660
    verbs = [event["type"] for event in batch]
    assert verbs[0] == "districts.updated"
    deleted = [i for i, verb in enumerate(verbs) if verb.endswith(".deleted")]
    assert deleted == list(range(len(verbs) - len(deleted), len(verbs)))


@pytest.mark.parametrize("version", ["/v2.0", "/v2.1", "/v3.0", "/v3.1"])
def test_every_day_brings_the_districts_heartbeat(sandbox: Served, ask: Asking, version: str) -> None:
    pass_day(sandbox.sandbox.district, pace=0)
    (event,) = events(ask, version)
    assert event["type"] == "districts.updated"
    assert event["data"]["previous_attributes"] == {"last_sync": "2026-10-05T09:06:05.652Z"}
    assert event["data"]["object"]["last_sync"] == "2026-10-06T09:06:05.652Z"


def test_1_1_shows_no_last_sync_and_so_has_no_heartbeat(sandbox: Served, ask: Asking) -> None:
    pass_day(sandbox.sandbox.district, pace=0)
    assert events(ask, "/v1.1") == []


def test_previous_attributes_stand_beside_the_object_with_the_changed_leaves_only(sandbox: Served, ask: Asking) -> None:
    district = sandbox.sandbox.district
    person = next(p for p in district.people if p.student and p.as_student.grade == "3" and p.first)
    first = person.first
    district.note(person)
    person.first, person.as_student.grade, person.as_student.extra = "New", "4", {"gifted_status": "Y"}
    settled(district)
    (event,) = events(ask, "/v3.0")
    assert event.keys() == {"created", "data", "id", "type"}
    assert event["data"].keys() == {"object", "previous_attributes"}
    assert event["data"]["previous_attributes"] == {
        "name": {"first": first}, "roles": {"student": {"grade": "3", "ext": {"gifted_status": ""}}},
    }  # fmt: skip
    now = ask.json(f"/v3.0/users/{person.id}")["data"]
    now["roles"]["student"].pop("email", None)
    assert event["data"]["object"] == now
    (older,) = events(ask, "/v2.1")
    assert older["type"] == "students.updated"
    assert older["data"]["previous_attributes"] == {
        "name": {"first": first}, "grade": "3", "ext": {"gifted_status": ""},
    }  # fmt: skip
    (oldest,) = events(ask, "/v1.1")
    assert oldest["data"]["previous_attributes"] == {"name": {"first": first}, "grade": "3"}


@pytest.mark.parametrize("version", VERSIONS)
def test_a_roster_change_is_an_update_of_the_section_with_the_old_list_whole(
    sandbox: Served, ask: Asking, version: str
) -> None:
    district = sandbox.sandbox.district
    section = next(s for s in district.sections if len(s.students) > 2)
    before = list(section.students)
    edits.withdraw(district, section.id, before[0])
    settled(district)
    (event,) = events(ask, version)
    assert event["type"] == "sections.updated"
    assert event["data"]["previous_attributes"] == {"students": before}
    assert event["data"]["object"]["students"] == before[1:]


@pytest.mark.parametrize("version", VERSIONS)
def test_what_is_gone_is_told_with_its_last_record_and_nothing_before(
    sandbox: Served, ask: Asking, version: str
) -> None:
    district = sandbox.sandbox.district
    section = district.sections.ids[0]
    shape = ask.json(f"{version}/sections/{section}")["data"]
    edits.drop_section(district, section)
    settled(district)
    (event,) = events(ask, version)
    assert (event["type"], event["data"]) == ("sections.deleted", {"object": shape})


def test_a_school_shared_again_is_created_with_the_old_date(sandbox: Served, ask: Asking) -> None:
    district = sandbox.sandbox.district
    school = district.schools.ids[0]
    edits.unshare_school(district, school)
    settled(district)
    edits.share_school(district, school)
    settled(district)
    (gone, again) = [e for e in events(ask, "/v3.1") if e["type"].startswith("schools.")]
    assert (gone["type"], again["type"]) == ("schools.deleted", "schools.created")
    assert again["data"].keys() == {"object"}
    assert again["data"]["object"]["created"] < "2022" < again["created"]
    assert gone["id"][:8] < again["id"][:8]


def test_a_split_user_is_two_users_in_3_x_and_one_changed_teacher_before(sandbox: Served, ask: Asking) -> None:
    district = sandbox.sandbox.district
    section = next(s for s in district.sections if s.teachers)
    old = district.people[section.teachers[0]]
    address, legacy = old.email, old.as_teacher.legacy_id
    new = edits.split_user(district, old.id, "new@example.org")
    settled(district)
    users = [(verb, id_) for verb, id_ in told(ask, "/v3.1") if verb.startswith("users.")]
    assert users == [("users.created", new.id), ("users.deleted", old.id)]
    assert ("sections.updated", section.id) in told(ask, "/v3.1")
    assert told(ask, "/v2.1") == [("teachers.updated", legacy)]
    assert events(ask, "/v2.1")[0]["data"]["previous_attributes"] == {"email": address or ""}


def test_somebody_who_stops_teaching_loses_the_role(sandbox: Served, ask: Asking) -> None:
    district = sandbox.sandbox.district
    person = next(p for p in district.people if p.teacher and p.staff)
    legacy = person.as_teacher.legacy_id
    edits.stop_teaching(district, person.id)
    settled(district)
    event = next(e for e in events(ask, "/v3.1") if e["type"] == "users.updated")
    assert event["data"]["previous_attributes"]["roles"]["teacher"]["legacy_id"] == legacy
    assert "teacher" not in event["data"]["object"]["roles"]
    assert ("teachers.deleted", legacy) in told(ask, "/v2.1")


def test_a_course_that_changes_changes_its_sections_where_they_hold_it(sandbox: Served, ask: Asking) -> None:
    district = sandbox.sandbox.district
    course = next(s.course for s in district.sections if s.course)
    sections = [s.id for s in district.sections if s.course == course]
    old = district.courses[course].name
    edits.change_course(district, course, name="New name")
    settled(district)
    assert told(ask, "/v3.1") == told(ask, "/v2.0") == [("courses.updated", course)]
    assert told(ask, "/v1.1") == [("sections.updated", id_) for id_ in sections]
    assert events(ask, "/v1.1")[0]["data"]["previous_attributes"] == {"course_name": old}


def test_a_term_made_anew_is_no_change_where_sections_hold_theirs(sandbox: Served, ask: Asking) -> None:
    district = sandbox.sandbox.district
    edits.recreate_term(district, district.terms.ids[0])
    settled(district)
    assert {verb for verb, _ in told(ask, "/v3.1")} == {"terms.created", "terms.deleted", "sections.updated"}
    assert told(ask, "/v1.1") == []


def test_each_version_has_its_own_types(sandbox: Served, ask: Asking) -> None:
    for _ in range(8):
        pass_day(sandbox.sandbox.district, pace=8)
    edits.recreate_term(sandbox.sandbox.district, sandbox.sandbox.district.terms.ids[0])
    edits.change_email(
        sandbox.sandbox.district, next(p.id for p in sandbox.sandbox.district.people if p.contact), "a@b.c"
    )
    settled(sandbox.sandbox.district)
    kinds = {v: {event["type"].partition(".")[0] for event in events(ask, v)} for v in VERSIONS}
    assert kinds["/v3.0"] == kinds["/v3.1"] == {"districts", "users", "sections", "courses", "terms"}
    assert kinds["/v2.1"] >= {"districts", "students", "teachers", "sections", "courses", "terms", "contacts"}
    assert kinds["/v1.1"] <= {"students", "teachers", "sections", "schooladmins", "studentcontacts"}
    assert "studentcontacts" in kinds["/v1.1"]


def test_events_can_be_filtered_by_type_and_school(sandbox: Served, ask: Asking) -> None:
    district = sandbox.sandbox.district
    pass_day(district, pace=20)
    all_of_them = events(ask, "/v3.1")
    some = events(ask, "/v3.1", "limit=10000&record_type=users&record_type=sections")
    assert some == [e for e in all_of_them if e["type"].partition(".")[0] in ("users", "sections")]
    school = district.schools.ids[1]
    here = events(ask, "/v2.1", f"limit=10000&record_type=sections&school={school}")
    assert here
    assert here == [
        e for e in events(ask, "/v2.1", "limit=10000&record_type=sections") if e["data"]["object"]["school"] == school
    ]


def test_events_older_than_thirty_days_are_gone_without_a_word(sandbox: Served, ask: Asking) -> None:
    district = sandbox.sandbox.district
    pass_day(district)
    oldest = events(ask, "/v3.1")[0]["id"]
    for _ in range(31):
        pass_day(district, pace=0)
    kept = ask.json("/v3.1/events?limit=10000")["data"]
    assert len(kept) == 31  # today's, and those of the thirty days before
    page = ask.json(f"/v3.1/events?limit=10000&starting_after={oldest}")
    assert page["data"] == kept
    assert link(page, "prev") is not None
    assert ask.get(f"/v3.1/events/{oldest}").status_code == 404


def test_what_happens_while_events_are_off_is_never_told(sandbox: Served, ask: Asking) -> None:
    district = sandbox.sandbox.district
    pass_day(district)
    before = events(ask, "/v3.1")
    district.feed.enabled = False
    pass_day(district)
    assert events(ask, "/v3.1") == before
    district.feed.enabled = True
    pass_day(district, pace=0)
    (heartbeat,) = events(ask, "/v3.1")[len(before) :]
    assert heartbeat["data"]["previous_attributes"] == {"last_sync": "2026-10-07T09:06:05.652Z"}


def test_a_page_without_parameters_links_to_itself_with_a_question_mark(sandbox: Served, ask: Asking) -> None:
    pass_day(sandbox.sandbox.district, pace=5)
    assert link(ask.json("/v3.0/events"), "self") == "/v3.0/events?"
    assert link(ask.json("/v3.0/events?limit=2"), "self") == "/v3.0/events?limit=2"


def test_events_of_one_record_exist_in_1_1(sandbox: Served, ask: Asking) -> None:
    district = sandbox.sandbox.district
    section = district.sections.ids[0]
    edits.rename_section(district, section, "Renamed")
    edits.rename_section(district, district.sections.ids[1], "Renamed too")
    settled(district)
    assert len(ask.ids(f"/v1.1/sections/{section}/events")) == 1
    assert len(ask.ids(f"/v1.1/districts/{district.id}/events")) == 2
    assert ask.get(f"/v2.1/sections/{section}/events").status_code == 404


def test_faults_reach_events_and_the_records_in_them(sandbox: Served, ask: Asking) -> None:
    district = sandbox.sandbox.district
    edits.rename_section(district, district.sections.ids[0], "Renamed")
    settled(district)
    faults = sandbox.sandbox.faults
    faults.add(Fault(name="without-id", path="/v*/events"))
    (event,) = events(ask, "/v3.1")
    assert "id" in event
    assert "id" not in event["data"]["object"]
    faults.clear()
    faults.add(Fault(name="unknown-event", path="/v*/events"))
    assert [e["type"] for e in events(ask, "/v3.1")] == ["users.promoted"]


def test_the_events_of_repeated_days_are_the_same(ask: Asking, sandbox: Served) -> None:
    other = generate(60)
    for district in (sandbox.sandbox.district, other):
        for _ in range(3):
            pass_day(district, pace=5)
    sandbox.sandbox.district, first = other, events(ask, "/v2.0")
    assert events(ask, "/v2.0") == first
