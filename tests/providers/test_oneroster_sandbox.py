"""The sandbox's district by every way of OneRoster and in every profile: the same records, or a sentence, never a wrong whole."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import pytest

from sisportal.providers.base import ProviderError
from sisportal.providers.oneroster_csv import open_csv
from sisportal.roster.records import Collection, Seal
from sisportal.sandbox.days import pass_day
from sisportal.sandbox.district import District
from sisportal.sandbox.faults import EFFECTS, Fault
from sisportal.sandbox.generator import generate
from sisportal.sandbox.oneroster_csv import write_package
from sisportal.sandbox.oneroster_profiles import PROFILES
from sisportal.sandbox.oneroster_quirks import straight
from sisportal.sandbox.service import Sandbox, create_sandbox
from sisportal.sandbox.serving import serve
from tests.providers.canned import BOTH, Gathered
from tests.providers.oneroster_held import HeldRecords
from tests.providers.oneroster_sandbox import YEAR, Records, as_in_1_1, by_id, opened

T = TypeVar("T")
NOW = datetime(2026, 10, 8, 14, tzinfo=UTC).timestamp()
"""A few hours after the district's SIS was read for the last time."""
WAYS = [("1.1", "tokens"), ("1.1", "signatures"), ("1.1", "bearer"), ("1.2", "tokens"), ("1.2", "bearer")]
STOPS = {"changing-revision": "revision-changed", "like-classlink-loading": "revision-changed"}
NEVER_WHOLE = {"never-sorted", "never-sorted-untold"}
PRIVATE = {"birth_date", "gender"}


def sandbox_after_days() -> Sandbox:
    """Some people, classes and enrollments are gone, others new."""
    sandbox = create_sandbox(generate(60), clock=lambda: NOW, sleep=lambda _: None)
    sandbox.oneroster.ledger(sandbox.district)
    for _ in range(3):
        pass_day(sandbox.district)
    return sandbox


@pytest.fixture(scope="module")
def shared() -> Sandbox:
    return sandbox_after_days()


@pytest.fixture
def sandbox(shared: Sandbox) -> Iterator[Sandbox]:
    yield shared
    shared.faults.clear()
    shared.oneroster.use("spec-true")


@pytest.fixture(scope="module")
def usual(shared: Sandbox) -> dict[str, Records]:
    return {version: fetched(shared, version)[0] for version in ("1.1", "1.2")}


def fetched(
    sandbox: Sandbox, version: str = "1.1", way: str = "tokens", **given: Any
) -> tuple[Records, dict[Collection, Seal]]:
    return by_id(opened(sandbox, NOW, version, way, **given).fetch(items=BOTH))


def reasons(seals: dict[Collection, Seal]) -> set[str]:
    return {seal.reason for seal in seals.values() if not seal.complete}


@pytest.mark.parametrize(("version", "way"), WAYS)
def test_every_way_leads_to_the_same_records(
    sandbox: Sandbox, usual: dict[str, Records], version: str, way: str
) -> None:
    records, seals = fetched(sandbox, version, way)
    assert as_in_1_1(records) == usual["1.1"]
    assert len(records[Collection.PEOPLE]) > 60
    assert reasons(seals) == set()


def test_the_district_is_read_over_http_too(sandbox: Sandbox, usual: dict[str, Records]) -> None:
    with serve(sandbox) as served:
        url = f"{served.url}{sandbox.oneroster.profile.root('1.1')}"
        for way in ("tokens", "signatures"):
            token_url = {"token_url": f"{served.url}/token"} if way == "tokens" else {}
            found = fetched(sandbox, "1.1", way, base_url=url, session=None, **token_url)[0]
            assert found == usual["1.1"]


@pytest.mark.parametrize("version", ["1.1", "1.2"])
def test_packages_hold_the_same_records(
    sandbox: Sandbox, usual: dict[str, Records], version: str, tmp_path: Path
) -> None:
    path = written(
        sandbox.district, tmp_path / "all.zip", version=version, ledger=sandbox.oneroster.ledger(sandbox.district)
    )
    records, seals = by_id(open_csv(path, clock=lambda: NOW, **YEAR).fetch(items=BOTH))
    assert records == usual[version]
    assert reasons(seals) == set()


def written(district: District, path: Path, **how: Any) -> Path:
    with path.open("wb") as out:
        write_package(district, out, **how)
    return path


SPOKEN = [(name, version) for name, profile in PROFILES.items() for version, _ in profile.roots]


@pytest.mark.parametrize(("profile", "version"), [one for one in SPOKEN if one[0] not in STOPS.keys() | NEVER_WHOLE])
def test_whatever_habits_a_provider_has_its_records_are_the_same(
    sandbox: Sandbox, usual: dict[str, Records], profile: str, version: str
) -> None:
    sandbox.oneroster.use(profile)
    ways = ["tokens"]
    if version == "1.1" and PROFILES[profile].signatures and not PROFILES[profile].only_bearer:
        ways.append("signatures")
    for way in ways:
        records, seals = fetched(sandbox, version, way)
        assert bare(records, profile) == bare(usual[version], profile)
        assert all("does not share" in reason or "schools only" in reason for reason in reasons(seals))


def bare(records: Records, profile: str) -> Any:
    """What the profile tells of the records: it may list no courses or fewer organizations, or know less of people."""
    habits = PROFILES[profile]
    left_out = set(PRIVATE) if "demographics" in habits.forbidden else set()
    if habits.twins:
        left_out |= {"schools", "roles"}
    told: dict[Collection, dict[str, dict[str, Any]]] = {}
    for kind, of_kind in records.items():
        straightened = {straight(id_): plainly(one, left_out) for id_, one in of_kind.items() if "." not in id_}
        told[kind] = {} if kind.value in habits.missing else straightened
    if "orgs" in habits.missing:
        told[Collection.SCHOOLS] = {
            id_: one for id_, one in told[Collection.SCHOOLS].items() if one["kind"] == "school"
        }
    return told


def plainly(record: Any, left_out: set[str]) -> dict[str, Any]:
    values = {name: getattr(record, name) for name in record.__struct_fields__ if name not in left_out}
    return {name: straightened(value) for name, value in values.items()}


def straightened(value: Any) -> Any:
    if isinstance(value, tuple):
        return tuple(straightened(one) for one in value)
    return straight(value) if type(value) is str else value


def test_a_person_who_is_several_users_is_said_to_be(sandbox: Sandbox) -> None:
    sandbox.oneroster.use("twins")
    got = Gathered(opened(sandbox, NOW).fetch(items=BOTH))
    twins = [one for one in got.records[Collection.PEOPLE] if "." in one.source_id and one.number]
    said = [problem.value for problem in got.problems if problem.code == "duplicate-number"]
    assert twins
    assert {one.number for one in twins} <= set(said)


@pytest.mark.parametrize("profile", STOPS)
@pytest.mark.parametrize("version", ["1.1", "1.2"])
def test_data_that_change_meanwhile_are_not_taken(sandbox: Sandbox, profile: str, version: str) -> None:
    sandbox.oneroster.use(profile)
    with pytest.raises(ProviderError) as stopped:
        fetched(sandbox, version)
    assert stopped.value.code == STOPS[profile]
    assert not stopped.value.permanent


@pytest.mark.parametrize("profile", sorted(NEVER_WHOLE))
@pytest.mark.parametrize("version", ["1.1", "1.2"])
def test_a_list_without_any_order_is_never_believed_to_be_whole_while_rows_are_missing(
    sandbox: Sandbox, usual: dict[str, Records], profile: str, version: str
) -> None:
    sandbox.oneroster.use(profile)
    records, seals = fetched(sandbox, version)
    for kind in Collection:
        assert seals[kind].reason or records[kind] == usual[version][kind]
        assert not records[kind].keys() - usual[version][kind].keys()


# --- faults

NO_SIGN = {"endless-rows", "unknown-role", "unknown-members", "wrong-types", "null-values"}
"""Nothing but a warning tells of them: rows of other ids, enrollments of nobody known."""


@pytest.mark.parametrize("fault", [name for name in EFFECTS if name not in NO_SIGN])
@pytest.mark.parametrize("collection", ["orgs", "users", "classes", "enrollments"])
def test_no_fault_makes_anybody_look_gone(
    sandbox: Sandbox, usual: dict[str, Records], fault: str, collection: str
) -> None:
    for nth, times in ((1, None), (2, None), (2, 1)):
        sandbox.faults.clear()
        sandbox.faults.add(Fault(name=fault, path=f"*/ims/oneroster/*/{collection}", nth=nth, times=times))
        found = unless_stopped(lambda: fetched(sandbox, most_pages=100))
        if isinstance(found, ProviderError):
            assert found.message
        else:
            assert_nothing_is_lost(*found, usual["1.1"])


def unless_stopped(read: Callable[[], T]) -> T | ProviderError:
    """What was read, or why nothing was."""
    try:
        return read()
    except ProviderError as stopped:
        return stopped


def assert_nothing_is_lost(records: Records, seals: dict[Collection, Seal], usual: Records) -> None:
    for kind in (Collection.SCHOOLS, Collection.PEOPLE, Collection.SECTIONS):
        assert seals[kind].reason or usual[kind].keys() <= records[kind].keys()
    for id_, section in records[Collection.SECTIONS].items():
        members = {*usual[Collection.SECTIONS][id_].teachers, *usual[Collection.SECTIONS][id_].students}
        assert members <= {*section.teachers, *section.students}


def test_too_many_broken_enrollments_leave_the_rosters_as_they_are(sandbox: Sandbox) -> None:
    sandbox.faults.add(Fault(name="null-values", path="*/ims/oneroster/*/enrollments", rows=20))
    records, seals = fetched(sandbox)
    assert records[Collection.SECTIONS] == {}
    assert "name no class or no user" in seals[Collection.SECTIONS].reason


def test_an_empty_page_in_the_middle_is_not_the_end(sandbox: Sandbox, usual: dict[str, Records]) -> None:
    sandbox.oneroster.use("no-headers")
    sandbox.faults.add(Fault(name="empty-list", path="*/ims/oneroster/*/users", nth=2, times=1))
    assert fetched(sandbox)[0] == usual["1.1"]


def test_a_list_that_goes_on_without_its_key_is_not_believed(sandbox: Sandbox) -> None:
    sandbox.oneroster.use("no-headers")
    sandbox.faults.add(Fault(name="list-envelope", path="*/ims/oneroster/*/users", nth=2))
    with pytest.raises(ProviderError) as stopped:
        fetched(sandbox)
    assert stopped.value.code == "no-envelope"


def test_rows_that_come_twice_do_not_push_others_out(sandbox: Sandbox, usual: dict[str, Records]) -> None:
    sandbox.oneroster.use("no-headers")
    sandbox.faults.add(Fault(name="duplicated-rows", path="*/ims/oneroster/*"))
    assert fetched(sandbox)[0] == usual["1.1"]


# --- changes


class Days:
    """A district day by day: what was read of it in full, and what its changes come to."""

    def __init__(self, seed: int, profile: str, version: str) -> None:
        self._seed = seed
        self._version = version
        self.sandbox = create_sandbox(generate(60, seed=seed), clock=self._now)
        self.sandbox.oneroster.use(profile)
        self.held = self.full()

    def _now(self) -> float:
        today = self.sandbox.district.today
        return datetime(today.year, today.month, today.day, 14, tzinfo=UTC).timestamp()

    def full(self) -> Records:
        return by_id(opened(self.sandbox, self._now(), self._version).fetch(items=BOTH))[0]

    def pass_days(self, number: int) -> datetime:
        """When the district was last held."""
        since = datetime.fromtimestamp(self._now(), UTC)
        for _ in range(number):
            pass_day(self.sandbox.district, seed=self._seed)
        return since

    def changed(self, since: datetime) -> Records:
        """What was held, with the changes."""
        got = {kind: dict(of_kind) for kind, of_kind in self.held.items()}
        provider = opened(self.sandbox, self._now(), self._version)
        for step in provider.changes_since(since, items=BOTH, held=HeldRecords(gathered(self.held))):
            if isinstance(step, Seal):
                assert step.complete is (step.collection in (Collection.SCHOOLS, Collection.TERMS))
                continue
            got[step.collection] |= {one.source_id: one for one in step.records}
            for id_ in step.removed:
                got[step.collection].pop(id_, None)
        return got


def gathered(records: Records) -> Gathered:
    held = Gathered([])
    held.records = {kind: list(of_kind.values()) for kind, of_kind in records.items()}
    return held


@pytest.mark.parametrize("version", ["1.1", "1.2"])
@pytest.mark.parametrize("seed", range(1, 9))
def test_changes_come_to_what_a_full_fetch_finds(seed: int, version: str) -> None:
    days = Days(seed, "spec-true", version)
    for number in (1, 2, 1, 3, 1):
        since = days.pass_days(number)
        now = days.full()
        found = unless_stopped(partial(days.changed, since))
        if isinstance(found, ProviderError):
            assert found.code == "not-filtered"
            assert days.held[Collection.TERMS] != now[Collection.TERMS]
        else:
            assert found == now
        days.held = now


TELL_CHANGES = [
    "endpoint-envelopes", "bare-lists", "no-headers", "clamped-pages", "leaping-links", "trailing-links", "unsortable",
    "unfiltered-totals", "unstable-order", "number-booleans", "reference-habits", "nulls", "padded-ids", "odd-ids",
    "inactive", "twins", "rate-limited", "short-tokens", "like-powerschool", "like-aeries", "like-fint",
]  # fmt: skip


@pytest.mark.parametrize("profile", TELL_CHANGES)
def test_habits_do_not_spoil_changes(profile: str) -> None:
    days = Days(2, profile, PROFILES[profile].roots[-1][0])
    since = days.pass_days(2)
    assert days.changed(since) == days.full()


@pytest.mark.parametrize("profile", ["ignored-filters", "broken-filters", "refused-filters", "unpaged", "per-school"])
def test_where_changes_are_not_to_be_had_that_is_said(profile: str) -> None:
    days = Days(2, profile, "1.1")
    since = days.pass_days(2)
    with pytest.raises(ProviderError) as stopped:
        days.changed(since)
    assert stopped.value.code == "not-filtered"


@pytest.mark.parametrize("profile", ["vanishing", "like-classlink", "like-ed-fi"])
def test_what_vanishes_is_no_change_and_everything_else_is(profile: str) -> None:
    days = Days(2, profile, "1.1")
    since = days.pass_days(2)
    changed, now = days.changed(since), days.full()
    for kind in (Collection.PEOPLE, Collection.COURSES):
        assert {id_: one for id_, one in changed[kind].items() if id_ in now[kind]} == now[kind]
    for id_, section in now[Collection.SECTIONS].items():
        assert set(section.students) <= set(changed[Collection.SECTIONS][id_].students)


@pytest.mark.parametrize("version", ["1.1", "1.2"])
@pytest.mark.parametrize("seed", [2, 3, 5])
def test_packages_of_changes_come_to_the_same(seed: int, version: str, tmp_path: Path) -> None:
    days = Days(seed, "spec-true", version)
    since, district = days.pass_days(2), days.sandbox.district
    path = written(
        district, tmp_path / "changes.zip", version=version, mode="delta", since=since,
        ledger=days.sandbox.oneroster.ledger(district),
    )  # fmt: skip
    held = HeldRecords(gathered(days.held))
    got = {kind: dict(of_kind) for kind, of_kind in days.held.items()}
    for step in open_csv(path, clock=lambda: NOW, held=held, **YEAR).fetch(items=BOTH):
        if not isinstance(step, Seal):
            got[step.collection] |= {one.source_id: one for one in step.records}
            for id_ in step.removed:
                got[step.collection].pop(id_, None)
    assert rosters(got) == rosters(days.full())


def rosters(records: Records) -> Any:
    """Teachers without their order: a package of changes says nothing about those who stay."""
    told = {kind: dict(of_kind) for kind, of_kind in records.items()}
    told[Collection.SECTIONS] = {
        id_: (one.name, one.course, one.start, one.finish, set(one.teachers), one.students)
        for id_, one in records[Collection.SECTIONS].items()
    }
    return told
