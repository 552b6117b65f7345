"""What changed, by Clever's events: applied to what was known before it equals a full fetch, in every version."""

from collections.abc import Iterator
from itertools import pairwise

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sisportal.providers.base import FULL_SYNC_NEEDED, Cursor, FeedProvider, ProviderError
from sisportal.providers.clever import CleverProvider
from sisportal.providers.opening import CLEVER_VERSIONS
from sisportal.roster.records import Batch, Collection, Problem, Role
from sisportal.sandbox import edits
from sisportal.sandbox.days import pass_day
from sisportal.sandbox.district import District
from sisportal.sandbox.entities import at
from sisportal.sandbox.faults import Fault
from sisportal.sandbox.generator import generate
from sisportal.sandbox.service import create_sandbox
from sisportal.sandbox.serving import Served, serve
from tests.providers.canned import BOTH
from tests.providers.districts import Records, everything, held, provider

VERSIONS = list(CLEVER_VERSIONS)


@pytest.fixture
def fresh() -> Iterator[Served]:
    """A district of its own for each test, one day old."""
    district = generate(60)
    pass_day(district, pace=3)
    with serve(create_sandbox(district)) as served:
        yield served


def refusal(source: CleverProvider, cursor: str) -> ProviderError:
    """Why changes alone are not enough. Nothing comes before it is said."""
    with pytest.raises(ProviderError) as refused:
        next(source.changes(cursor, items=BOTH))
    assert refused.value.code in FULL_SYNC_NEEDED
    return refused.value


def batches(source: CleverProvider, cursor: str, items: frozenset[str] = BOTH) -> list[Batch]:
    *found, last = source.changes(cursor, items=items)
    assert isinstance(last, Cursor)
    return [batch for batch in found if isinstance(batch, Batch)]


# --- what happens to a district, a few things at once ------------------------------------------------------------------


def a_quiet_day(district: District) -> None:
    pass_day(district, pace=0)


def a_day(district: District) -> None:
    pass_day(district, pace=2)


def a_wild_day(district: District) -> None:
    pass_day(district, pace=15)


def a_school_goes(district: District) -> None:
    if len(district.schools) > 1:
        edits.unshare_school(district, district.schools.ids[-1])
    district.settle()


def schools_return(district: District) -> None:
    for school in list(district.unshared):
        edits.share_school(district, school)
    district.settle()


def everybody_returns(district: District) -> None:
    edits.come_back(district, *sorted(district.departed))
    district.settle()


def somebody_stops_teaching(district: District) -> None:
    both = [p.id for p in district.people if p.teacher and (p.staff or p.administrator)]
    for person in both[:1]:
        edits.stop_teaching(district, person)
    district.settle()


def calendars_change(district: District) -> None:
    edits.change_course(district, district.courses.ids[0], name=f"Course of day {district.day}")
    edits.change_term(district, district.terms.ids[0], finish=district.today.isoformat())
    edits.recreate_course(district, district.courses.ids[-1])
    edits.recreate_term(district, district.terms.ids[-1])
    district.settle()


HAPPENINGS = [
    a_quiet_day, a_day, a_wild_day, a_school_goes, schools_return, everybody_returns, somebody_stops_teaching,
    calendars_change,
]  # fmt: skip


@settings(max_examples=10, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
@given(
    seed=st.integers(1, 50),
    days=st.lists(st.lists(st.sampled_from(HAPPENINGS), min_size=1, max_size=4), min_size=1, max_size=4),
)
def test_changes_after_a_cursor_lead_to_what_a_full_fetch_finds(seed: int, days: list[list[object]]) -> None:
    district = generate(24, seed=seed)
    a_day(district)
    with serve(create_sandbox(district)) as served:
        sources = {version: provider(served, version, page_size=40) for version in VERSIONS}
        known = {version: (everything(source), source.cursor()) for version, source in sources.items()}
        for happenings in days:
            for happen in happenings:
                happen(district)  # type: ignore[operator]  # one of HAPPENINGS
            for version, source in sources.items():
                known[version] = followed(source, version, *known[version])


def followed(source: CleverProvider, version: str, before: Records, cursor: str) -> tuple[Records, str]:
    """The district after the changes, which must be the district as it is; read anew where the feed says so.

    That is nowhere but before 3.0: new administrators, and in 1.1 days without any event, not even of the district.
    """
    now = everything(source)
    try:
        after, newest = held(source.changes(cursor, items=BOTH), before)
    except ProviderError as refused:
        allowed = {
            "1.1": {"roles-changed", "events-off", "no-cursor"},
            "2.0": {"roles-changed"},
            "2.1": {"roles-changed"},
        }
        if refused.code not in allowed.get(version, set()):
            raise
        return now, source.cursor()
    assert after == now
    assert newest == source.cursor()
    return after, newest


# --- what the stream is like -------------------------------------------------------------------------------------------


def test_a_clever_district_has_a_feed(served: Served) -> None:
    source: FeedProvider = provider(served, "3.1")
    assert source.cursor() == ""


@pytest.mark.parametrize("version", VERSIONS)
def test_a_month_of_days_is_followed_day_by_day(version: str) -> None:
    district = generate(30, seed=7)
    a_day(district)
    with serve(create_sandbox(district)) as served:
        source = provider(served, version)
        known = everything(source), source.cursor()
        for _ in range(30):
            pass_day(district, pace=3)
            known = followed(source, version, *known)


def test_missed_days_come_together_each_record_once(fresh: Served) -> None:
    district, source = fresh.sandbox.district, provider(fresh, "3.1")
    before, cursor = everything(source), source.cursor()
    for _ in range(20):
        pass_day(district, pace=3)
    found = batches(source, cursor)
    told = [(b.collection, id_) for b in found for id_ in (*b.removed, *(r.source_id for r in b.records))]
    assert len(told) == len(set(told))
    order = list(Collection)
    assert all(order.index(one.collection) <= order.index(next_.collection) for one, next_ in pairwise(found))
    assert held(found, before)[0] == everything(source)


def test_a_cursor_taken_before_a_fetch_may_tell_what_the_fetch_saw(fresh: Served) -> None:
    district, source = fresh.sandbox.district, provider(fresh, "3.1")
    cursor = source.cursor()
    pass_day(district, pace=5)
    during = everything(source)
    assert held(source.changes(cursor, items=BOTH), during)[0] == during


def test_nothing_new_is_a_cursor_and_nothing_else(fresh: Served) -> None:
    source = provider(fresh, "3.1")
    cursor = source.cursor()
    assert list(source.changes(cursor, items=BOTH)) == [Cursor(cursor)]


def test_items_decide_what_is_told(fresh: Served) -> None:
    source = provider(fresh, "3.1")
    cursor = source.cursor()
    pass_day(fresh.sandbox.district, pace=10)
    users, sections = (batches(source, cursor, frozenset({item})) for item in ("users", "sections"))
    assert {batch.collection for batch in users} == {Collection.PEOPLE}
    assert Collection.SECTIONS in {batch.collection for batch in sections}
    assert Collection.PEOPLE not in {batch.collection for batch in sections}


@pytest.mark.parametrize(("version", "collection"), [("3.1", "id"), ("2.1", "legacy")])
def test_somebody_who_no_longer_teaches_is_removed(fresh: Served, version: str, collection: str) -> None:
    district, source = fresh.sandbox.district, provider(fresh, version)
    cursor = source.cursor()
    person = next(p for p in district.people if p.teacher and (p.staff or p.administrator))
    expected = person.id if collection == "id" else person.as_teacher.legacy_id
    edits.stop_teaching(district, person.id)
    district.settle()
    people = [batch for batch in batches(source, cursor) if batch.collection is Collection.PEOPLE]
    assert [(batch.records, batch.removed) for batch in people] == [([], [expected])]


def test_a_contact_is_nobody_that_was_known(fresh: Served) -> None:
    district, source = fresh.sandbox.district, provider(fresh, "3.1")
    cursor, before = source.cursor(), everything(source)
    edits.change_email(district, next(p.id for p in district.people if p.contact), "new@home.example.net")
    district.settle()
    assert held(source.changes(cursor, items=BOTH), before)[0] == before


def test_terms_and_courses_come_by_themselves_where_they_are_records(fresh: Served) -> None:
    district = fresh.sandbox.district
    newer, older = provider(fresh, "3.1"), provider(fresh, "1.1")
    cursors = newer.cursor(), older.cursor()
    course = next(s.course for s in district.sections if s.course)
    edits.change_course(district, course, name="Astronomy")
    district.settle()
    (batch,) = batches(newer, cursors[0])
    assert [(record.source_id, record.name) for record in batch.records] == [(course, "Astronomy")]  # type: ignore[union-attr]  # courses
    (inline,) = batches(older, cursors[1])
    assert {record.course_name for record in inline.records} == {"Astronomy"}  # type: ignore[union-attr]  # sections


def test_in_older_versions_a_teacher_from_an_event_keeps_the_administrators_role(fresh: Served) -> None:
    district, source = fresh.sandbox.district, provider(fresh, "2.1")
    person = next(p for p in district.people if p.teacher and (p.staff or p.administrator) and p.email)
    cursor = source.cursor()
    edits.rename_person(district, person.id, last="Renamed")
    district.settle()
    (batch,) = batches(source, cursor)
    (teacher,) = batch.records
    assert teacher == everything(source)[Collection.PEOPLE, person.as_teacher.legacy_id]
    assert Role.TEACHER in teacher.roles  # type: ignore[union-attr]  # a person
    assert len(teacher.roles) > 1  # type: ignore[union-attr]  # a person


def test_in_older_versions_a_new_administrator_asks_for_a_full_sync(fresh: Served) -> None:
    district, source = fresh.sandbox.district, provider(fresh, "2.1")
    cursor = source.cursor()
    edits.change_email(district, next(p.id for p in district.people if p.staff and not p.teacher), "other@example.org")
    district.settle()
    assert refusal(source, cursor).code == "roles-changed"
    newest = provider(fresh, "3.1")
    assert list(newest.changes(newest.cursor(), items=BOTH)) == [Cursor(newest.cursor())]


# --- when it cannot be trusted -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("version", VERSIONS)
def test_without_a_cursor_everything_has_to_be_read(fresh: Served, version: str) -> None:
    assert refusal(provider(fresh, version), "").code == "no-cursor"


def test_a_cursor_older_than_25_days_is_too_old(fresh: Served) -> None:
    district, source = fresh.sandbox.district, provider(fresh, "3.1")
    cursor = source.cursor()
    for _ in range(24):
        a_quiet_day(district)
    assert held(source.changes(cursor, items=BOTH))[1] == source.cursor()
    for _ in range(2):
        a_quiet_day(district)
    refused = refusal(source, cursor)
    assert refused.code == "cursor-expired"
    assert refused.message.startswith("The changes asked for begin 26 days ago, and Clever keeps events")


@pytest.mark.parametrize("version", VERSIONS)
def test_changes_can_be_asked_for_since_a_day(fresh: Served, version: str) -> None:
    district, source = fresh.sandbox.district, provider(fresh, version)
    for _ in range(2):
        a_quiet_day(district)
    before, cursor, evening = everything(source), source.cursor(), at(district.today, 20) / 1000
    pass_day(district, pace=2)
    place = source.place_at(evening)
    after = followed(source, version, before, place)
    assert after == followed(source, version, before, cursor)
    assert after == (everything(source), source.cursor())
    for _ in range(30):
        a_quiet_day(district)
    assert refusal(source, place).code == "cursor-expired"


@pytest.mark.parametrize("cursor", ["e1", "not a cursor of Clever's", "g" * 24])
def test_a_cursor_of_another_kind_is_none(fresh: Served, cursor: str) -> None:
    assert refusal(provider(fresh, "3.1"), cursor).code == "cursor-expired"


def test_a_feed_that_no_longer_holds_the_cursor_has_a_gap(fresh: Served) -> None:
    """Whatever the clocks say: events after one that is gone may be gone too."""
    source = provider(fresh, "3.1")
    cursor = source.cursor()
    pass_day(fresh.sandbox.district)
    older = f"{int(cursor, 16) - 0x1000000:024x}"
    assert refusal(source, older).code == "cursor-expired"
    assert refusal(source, source.cursor()[:-6] + "ffffff").code == "cursor-expired"


def test_events_that_were_switched_off_look_like_a_quiet_district_and_are_not(fresh: Served) -> None:
    district, source = fresh.sandbox.district, provider(fresh, "3.1")
    cursor = source.cursor()
    district.feed.enabled = False
    pass_day(district)
    refused = refusal(source, cursor)
    assert (refused.code, "switched off" in refused.message) == ("events-off", True)


@pytest.mark.parametrize("version", ["2.0", "2.1", "3.0", "3.1"])
def test_a_gap_in_the_feed_is_noticed_after_events_are_on_again(fresh: Served, version: str) -> None:
    district, source = fresh.sandbox.district, provider(fresh, version)
    cursor = source.cursor()
    pass_day(district)
    district.feed.enabled = False
    pass_day(district)
    district.feed.enabled = True
    pass_day(district)
    assert refusal(source, cursor).code == "events-off"
    assert held(source.changes(source.cursor(), items=BOTH)) == ({}, source.cursor())


@pytest.mark.parametrize("fault", ["403", "404", "501", "400"])
def test_a_feed_that_is_not_given_is_no_feed(fresh: Served, fault: str) -> None:
    source = provider(fresh, "3.1")
    cursor = source.cursor()
    fresh.sandbox.faults.add(Fault(name=fault, path="/v3.1/events"))
    assert source.cursor() == ""
    assert refusal(source, cursor).code == "events-off"


@pytest.mark.parametrize("fault", ["without-id", "unknown-event"])
def test_events_that_do_not_say_what_happened_are_not_passed_over(fresh: Served, fault: str) -> None:
    district, source = fresh.sandbox.district, provider(fresh, "3.1")
    cursor = source.cursor()
    edits.rename_section(district, district.sections.ids[0], "Renamed")
    edits.rename_section(district, district.sections.ids[1], "Renamed")
    district.settle()
    fresh.sandbox.faults.add(Fault(name=fault, path="/v3.1/events", rows=3))
    assert refusal(source, cursor).code == "events-unreadable"


@pytest.mark.parametrize("fault", ["null-envelope", "list-envelope", "html", "500", "truncated-json", "repeated-page"])
def test_a_feed_that_breaks_is_an_error_and_never_an_end(fresh: Served, fault: str) -> None:
    source = provider(fresh, "3.1", page_size=3)
    cursor = source.cursor()
    pass_day(fresh.sandbox.district, pace=10)
    fresh.sandbox.faults.add(Fault(name=fault, path="/v3.1/events", where="starting_after", nth=2))
    with pytest.raises(ProviderError):
        next(source.changes(cursor, items=BOTH))


@pytest.mark.parametrize("fault", ["missing-next", "duplicated-rows"])
def test_links_that_are_missing_cost_no_event(fresh: Served, fault: str) -> None:
    source = provider(fresh, "3.1", page_size=3)
    cursor = source.cursor()
    pass_day(fresh.sandbox.district, pace=10)
    expected = held(source.changes(cursor, items=BOTH))
    fresh.sandbox.faults.add(Fault(name=fault, path="/v3.1/events"))
    assert held(source.changes(cursor, items=BOTH)) == expected


def test_a_record_that_cannot_be_used_is_named_and_the_others_come(fresh: Served) -> None:
    district, source = fresh.sandbox.district, provider(fresh, "3.1")
    cursor = source.cursor()
    first, second = district.sections.ids[:2]
    for section in (first, second):
        edits.rename_section(district, section, "Renamed")
    district.settle()
    fresh.sandbox.faults.add(Fault(name="wrong-types", path="/v3.1/events", rows=2))
    (batch,) = batches(source, cursor)
    assert [record.source_id for record in batch.records] == [second]
    assert Problem("wrong-type", "section", first, "students", "not a list") in batch.problems


def test_more_changes_than_a_full_fetch_are_not_read(fresh: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    source = provider(fresh, "3.1")
    cursor = source.cursor()
    pass_day(fresh.sandbox.district, pace=20)
    monkeypatch.setattr("sisportal.providers.clever_feed.MOST_CHANGES", 5)
    assert refusal(source, cursor).code == "too-many-changes"
