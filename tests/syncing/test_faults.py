"""Faults of the SIS against a portal that holds the district: nothing archived, nothing lost, always a sentence."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import stamina

from sisportal.models import Account, SchoolClass, SyncState
from sisportal.models.database import make_engine
from sisportal.sandbox import edits
from sisportal.sandbox.faults import Fault
from sisportal.sandbox.generator import generate
from sisportal.sandbox.service import create_sandbox
from sisportal.sandbox.serving import Served, serve
from tests.syncing.portal import PAGE, Portal

PAGES = f"limit={PAGE}"
"""Hits the pages of a list, not the question how long it is."""
LISTS = {"students": "role=student", "teachers": "role=teacher", "sections": "", "schools": ""}
PATHS = {"students": "/v3.1/users", "teachers": "/v3.1/users", "sections": "/v3.1/sections", "schools": "/v3.1/schools"}


@pytest.fixture(scope="module")
def served() -> Iterator[Served]:
    with serve(create_sandbox(generate(60))) as served:
        yield served


@pytest.fixture(scope="module")
def synced(served: Served, sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file of a portal that holds the served district, all of it committed."""
    path = tmp_path_factory.mktemp("synced") / "portal.sqlite3"
    shutil.copyfile(sqlite_template, path)
    engine = make_engine(f"sqlite:///{path}")
    portal = Portal(engine, served)
    portal.connect()
    with stamina.set_testing(True):
        portal.sync_all()
    engine.dispose()
    return path


@pytest.fixture
def portal(synced: Path, served: Served, tmp_path: Path) -> Iterator[Portal]:
    """A copy of it, with an administrator to be told."""
    shutil.copyfile(synced, tmp_path / "portal.sqlite3")
    engine = make_engine(f"sqlite:///{tmp_path / 'portal.sqlite3'}")
    portal = Portal(engine, served)
    portal.add_administrator()
    yield portal
    served.sandbox.faults.clear()
    engine.dispose()


def switch_on(portal: Portal, fault: str, of: str, where: str = PAGES, **how: int) -> None:
    """A fault of one list's pages. Of the users, where the token may list students but the list has none, say."""
    chosen = Fault(name=fault, path=PATHS[of], where=LISTS[of] or where, seconds=0, **how)
    if LISTS[of] and where:
        chosen.where = where if where != PAGES else f"{LISTS[of]}&{PAGES}"
    portal.served.sandbox.faults.add(chosen)


def assert_nothing_is_lost(portal: Portal, before: str) -> None:
    """The portal is as it was, and once the fault is over the next sync finds nothing to change."""
    assert portal.dump() == before
    portal.served.sandbox.faults.clear()
    sync_id = portal.prepare()
    assert portal.actions(sync_id) == {}
    assert portal.commit(sync_id) is SyncState.COMMITTED
    assert portal.dump() == before


FAILING = (
    "401", "404", "429", "500", "502", "html", "truncated-json", "empty-body", "empty-envelope", "list-envelope",
    "null-envelope", "dropped-connection", "endless-rows", "circular-next",
)  # fmt: skip
FAILED = [(fault, of) for of in ("students", "sections") for fault in FAILING]
FAILED += [
    (fault, of) for of in ("teachers", "schools") for fault in ("401", "html", "empty-envelope", "dropped-connection")
]


@pytest.mark.parametrize(("fault", "of"), FAILED)
def test_a_list_that_cannot_be_read_fails_the_sync_and_changes_nothing(portal: Portal, fault: str, of: str) -> None:
    before = portal.dump()
    switch_on(portal, fault, of)

    sync_id = portal.try_prepare()

    row = portal.sync(sync_id)
    assert (row.state, portal.actions(sync_id)) == (SyncState.FAILED, {})
    assert PATHS[of] in row.note
    assert row.error_code
    assert len(row.note.split(". ")) > 1, "what happened, and what to do"
    assert portal.notifications() == [(sync_id, "failed", f"The sync failed. {row.note}")]
    assert_nothing_is_lost(portal, before)


@pytest.mark.parametrize("of", ["students", "sections"])
@pytest.mark.parametrize("fault", ["endless-paging", "repeated-page"])
def test_pages_that_come_again_fail_the_sync_and_change_nothing(portal: Portal, fault: str, of: str) -> None:
    before = portal.dump()
    switch_on(portal, fault, of)

    row = portal.sync(portal.try_prepare())

    assert (row.state, row.error_code) == (SyncState.FAILED, "repeated-page")
    assert_nothing_is_lost(portal, before)


@pytest.mark.parametrize("fault", ["429", "500", "503", "truncated-json", "dropped-connection"])
def test_a_fault_that_passes_is_outlasted(portal: Portal, fault: str) -> None:
    before = portal.dump()
    portal.served.sandbox.faults.add(Fault(name=fault, path="/v3.1/*", where=PAGES, nth=3, times=3, seconds=0))

    assert portal.actions(portal.prepare()) == {}
    assert_nothing_is_lost(portal, before)


@pytest.mark.parametrize("of", ["people", "schools"])
@pytest.mark.parametrize("where", [PAGES, ""], ids=["pages only", "count too"])
def test_an_empty_list_of_what_a_district_must_have_stops_the_sync(portal: Portal, of: str, where: str) -> None:
    before = portal.dump()
    path = "/v3.1/users" if of == "people" else "/v3.1/schools"
    portal.served.sandbox.faults.add(Fault(name="empty-list", path=path, where=where))

    row = portal.sync(portal.try_prepare())

    assert (row.state, row.error_code) == (SyncState.FAILED, "empty")
    assert row.note == (
        f"The SIS answered with an empty list of {of}, although the portal holds some of them. That is not believed: nothing "
        "was changed. Check what is shared with this application, then sync again."
    )
    assert_nothing_is_lost(portal, before)


def test_an_empty_district_can_be_synced_for_the_first_time(quick_portal: Portal) -> None:
    quick_portal.served.sandbox.faults.add(Fault(name="empty-list", path="/v3.1/users"))
    quick_portal.served.sandbox.faults.add(Fault(name="empty-list", path="/v3.1/sections"))

    assert quick_portal.actions(quick_portal.prepare()) == {}


WITHHOLDING = [
    ("empty-list", "students", PAGES, ("student", "teacher")),
    ("empty-list", "students", "role=student", ("student", "teacher")),
    ("empty-list", "teachers", PAGES, ("student", "teacher")),
    ("empty-list", "sections", PAGES, ("section",)),
    ("empty-list", "sections", "", ("section",)),
    ("no-links", "sections", PAGES, ("section",)),
    ("skipped-rows", "students", PAGES, ("student", "teacher")),
    ("skipped-rows", "sections", PAGES, ("section",)),
    ("without-id", "students", PAGES, ("student", "teacher")),
    ("without-id", "sections", PAGES, ("section",)),
    ("unknown-role", "teachers", PAGES, ("student", "teacher")),
]


@pytest.mark.parametrize(("fault", "of", "where", "types"), WITHHOLDING)
def test_deletes_are_withheld_where_not_everybody_was_seen(
    portal: Portal, fault: str, of: str, where: str, types: tuple[str, ...]
) -> None:
    before = portal.dump()
    switch_on(portal, fault, of, where)

    sync_id = portal.prepare()

    assert tuple(each["type"] for each in portal.sync(sync_id).withheld) == types
    assert all(each["reason"] for each in portal.sync(sync_id).withheld)
    assert portal.actions(sync_id) == {}
    assert portal.commit(sync_id) is SyncState.COMMITTED
    assert_nothing_is_lost(portal, before)


SPOILED = [
    (fault, of)
    for of in ("students", "sections")
    for fault in ("wrong-types", "null-values", "unknown-values", "control-characters", "markup", "duplicated-rows")
]


@pytest.mark.parametrize(
    ("fault", "of"), [*SPOILED, ("huge-string", "teachers"), ("wrong-types", "schools"), ("null-values", "schools")]
)
def test_spoiled_records_archive_nobody_and_mend_by_themselves(portal: Portal, fault: str, of: str) -> None:
    portal.option("blanks", "replace")
    before = portal.accounts(), portal.classes()
    switch_on(portal, fault, of, rows=2)

    sync_id = portal.prepare()

    assert [key for key in portal.actions(sync_id) if key[1] == "delete"] == []
    portal.commit(sync_id)
    assert {id_ for id_, account in portal.accounts().items() if account["archived"]} == set()
    portal.served.sandbox.faults.clear()
    portal.commit(portal.prepare())
    assert (portal.accounts(), portal.classes()) == before


def test_what_an_unproven_list_does_show_is_still_synced(portal: Portal, served: Served) -> None:
    """The part that was seen counts; who was not seen stays, in their classes too."""
    district = served.sandbox.district
    gone = [p.id for p in district.people if p.student and len(district.taught_or_attended(p.id)) > 1][:1]
    renamed = next(p.id for p in district.people if p.student and p.id not in gone)
    sections = [section.id for section in district.taught_or_attended(gone[0])]
    last_name = district.people[renamed].last
    edits.leave(district, *gone)
    edits.rename_person(district, renamed, last="Renamed")
    served.sandbox.faults.add(Fault(name="skipped-rows", path="/v3.1/users", where=f"role=teacher&{PAGES}"))
    try:
        sync_id = portal.prepare()
        assert set(portal.actions(sync_id)) == {("student", "edit", renamed)}
        portal.commit(sync_id)
        assert all(gone[0] in portal.roster(section) for section in sections)

        served.sandbox.faults.clear()
        sync_id = portal.sync_all()
        assert ("student", "delete", gone[0]) in portal.actions(sync_id)
        assert all(gone[0] not in portal.roster(section) for section in sections)
    finally:
        edits.come_back(district, *gone)
        edits.rename_person(district, renamed, last=last_name)


def test_somebody_once_proven_gone_is_not_archived_by_a_list_that_may_lack_them(portal: Portal, served: Served) -> None:
    """Gone yesterday, when nobody committed; back today, in the part of the list that did not come."""
    district = served.sandbox.district
    student = next(p.id for p in district.people if p.student)
    before = portal.dump()
    edits.leave(district, student)
    portal.prepare()
    edits.come_back(district, student)
    assert district.people.ids.index(student) < PAGE
    served.sandbox.faults.add(Fault(name="empty-list", path="/v3.1/users", where=f"role=student&{PAGES}"))

    sync_id = portal.prepare()

    assert portal.actions(sync_id) == {}
    assert_nothing_is_lost(portal, before)


def test_people_who_are_missing_and_still_named_in_sections_are_not_believed_to_be_gone(
    portal: Portal, served: Served
) -> None:
    district = served.sandbox.district
    named = [p for p in district.people if p.student and district.taught_or_attended(p.id)][:5]
    before = portal.dump()
    for person in named:
        district.people.drop(person.id)
    try:
        sync_id = portal.prepare()
        assert portal.sync(sync_id).withheld == [
            {"type": type_, "reason": "5 people who are no longer listed are still named in sections"}
            for type_ in ("student", "teacher")
        ]
        assert portal.actions(sync_id) == {}
    finally:
        for person in named:
            district.people.put(person)
    assert_nothing_is_lost(portal, before)


def test_terms_that_are_no_longer_shared_take_no_dates_away(portal: Portal, served: Served) -> None:
    portal.option("blanks", "replace")
    portal.sync_all()
    before = portal.dump()
    for path in ("/v3.1/terms", "/v3.1/courses"):
        served.sandbox.faults.add(Fault(name="403", path=path))

    assert portal.actions(portal.prepare()) == {}
    assert_nothing_is_lost(portal, before)


def test_sections_that_name_unknown_people_are_synced_without_them(portal: Portal, served: Served) -> None:
    before = portal.dump()
    section = served.sandbox.district.sections.ids[0]
    stranger = "ffffffff" + section[8:]
    served.sandbox.faults.add(Fault(name="unknown-members", path="/v3.1/sections", where=PAGES, times=1))

    sync_id = portal.prepare()

    assert portal.actions(sync_id) == {}
    told = [each for each in portal.warnings(sync_id) if each[1] == section and "unknown" in each[0]]
    assert told == [("unknown-person-in-section", section, stranger)] * 2
    assert_nothing_is_lost(portal, before)


def test_a_sync_without_a_chosen_school_says_what_to_do(sqlite_store_url: str, served: Served) -> None:
    engine = make_engine(sqlite_store_url)
    portal = Portal(engine, served)
    portal.connect("none of them")

    row = portal.sync(portal.try_prepare())

    assert (row.state, row.error_code) == (SyncState.FAILED, "no-school")
    assert row.note == "No school is chosen yet. Choose the school to sync, or map the schools, then start again."
    engine.dispose()


def test_sections_before_any_users_are_refused_with_what_to_do(quick_portal: Portal) -> None:
    quick_portal.option("items", "sections")

    row = quick_portal.sync(quick_portal.try_prepare())

    assert (row.state, row.error_code) == (SyncState.FAILED, "users-first")
    assert row.note.startswith("Sections need their students and teachers first. Add users to the items to sync")
    assert quick_portal.rows(Account) == quick_portal.rows(SchoolClass) == []


def test_a_paused_district_is_synced_with_a_warning(portal: Portal, served: Served) -> None:
    edits.set_state(served.sandbox.district, "paused")
    try:
        sync_id = portal.prepare()
        assert ("district-paused", "", "paused") in portal.warnings(sync_id)
        assert portal.actions(sync_id) == {}
    finally:
        edits.set_state(served.sandbox.district, "running")
