"""What a provider's faults do to a fetch: never an empty list, never a lost record, always a sentence."""

import pytest

from sisportal.providers.base import Provider, ProviderError
from sisportal.providers.opening import open_clever
from sisportal.roster.records import Collection, Seal
from sisportal.sandbox.faults import Fault
from sisportal.sandbox.serving import Served
from tests.providers.canned import BOTH, Gathered, gathered


def provider(served: Served) -> Provider:
    """Small pages, so that every list has several."""
    return open_clever(base_url=served.url, token=served.sandbox.token, page_size=7, sleep=lambda _: None)


@pytest.fixture(scope="module")
def sound(serving: Served) -> Gathered:
    """The fetch without any fault."""
    return gathered(provider(serving))


def test_a_sound_district_is_read_whole_and_proven(served: Served, sound: Gathered) -> None:
    district = served.sandbox.district
    people = {id_ for id_ in district.people.ids if district.people[id_].student or district.people[id_].teacher}
    assert {person.source_id for person in sound.records[Collection.PEOPLE]} == people
    assert [record.source_id for record in sound.records[Collection.SECTIONS]] == list(district.sections.ids)
    assert [record.source_id for record in sound.records[Collection.SCHOOLS]] == list(district.schools.ids)
    assert [record.source_id for record in sound.records[Collection.COURSES]] == list(district.courses.ids)
    assert [record.source_id for record in sound.records[Collection.TERMS]] == list(district.terms.ids)
    assert list(sound.seals) == list(Collection)
    assert all(seal.complete and seal.claimed == seal.distinct == seal.rows for seal in sound.seals.values())


FAILING = [
    ("400", "rejected"),
    ("401", "unauthorized"),
    ("403", "forbidden"),
    ("404", "not-found"),
    ("429", "rate-limited"),
    ("429-without-reset", "rate-limited"),
    ("500", "server-error"),
    ("501", "rejected"),
    ("502", "server-error"),
    ("503", "server-error"),
    ("html", "not-json"),
    ("truncated-json", "truncated"),
    ("empty-body", "truncated"),
    ("list-envelope", "no-envelope"),
    ("empty-envelope", "no-envelope"),
    ("null-envelope", "no-envelope"),
    ("dropped-connection", "unreachable"),
    ("endless-paging", "repeated-page"),
    ("endless-rows", "endless-paging"),
    ("repeated-page", "repeated-page"),
    ("circular-next", "endless-paging"),
]


LISTS = {"/v3.1/users": Collection.PEOPLE, "/v3.1/sections": Collection.SECTIONS}


@pytest.mark.parametrize("path", LISTS)
@pytest.mark.parametrize(("fault", "code"), FAILING)
def test_a_lasting_fault_of_a_required_list_fails_with_a_sentence_before_its_seal(
    served: Served, fault: str, code: str, path: str
) -> None:
    served.sandbox.faults.add(Fault(name=fault, path=path, where="limit=7"))
    sealed: list[Collection] = []
    with pytest.raises(ProviderError) as failed:
        sealed.extend(part.collection for part in provider(served).fetch(items=BOTH) if isinstance(part, Seal))
    assert (failed.value.code, failed.value.path) == (code, path)
    assert path in failed.value.message
    assert LISTS[path] not in sealed


PASSING = ["429", "429-without-reset", "500", "502", "503", "truncated-json", "empty-body", "dropped-connection"]


@pytest.mark.parametrize("fault", PASSING)
def test_a_passing_fault_is_outlasted_and_nothing_is_missing(served: Served, sound: Gathered, fault: str) -> None:
    served.sandbox.faults.add(Fault(name=fault, path="/v3.1/users", where="starting_after", nth=2, times=3))
    got = gathered(provider(served))
    assert got.records == sound.records
    assert got.seals == sound.seals


@pytest.mark.parametrize("fault", ["wrong-content-type", "missing-next", "joined-buckets"])
def test_some_faults_take_nothing_away(served: Served, sound: Gathered, fault: str) -> None:
    served.sandbox.faults.add(Fault(name=fault, path="/v3.1/*", where="limit=7"))
    assert gathered(provider(served)).records == sound.records


@pytest.mark.parametrize("fault", ["skipped-rows", "empty-list", "no-links"])
def test_rows_that_silently_stay_away_are_noticed(served: Served, sound: Gathered, fault: str) -> None:
    served.sandbox.faults.add(Fault(name=fault, path="/v3.1/sections", where="starting_after", rows=2))
    seal = gathered(provider(served)).seals[Collection.SECTIONS]
    whole = sound.seals[Collection.SECTIONS].distinct
    assert seal.distinct < whole
    assert seal.reason == f"The SIS says that it has {whole} sections, and {seal.distinct} could be read."
    assert not seal.complete


@pytest.mark.parametrize("path", ["/v3.1/users", "/v3.1/sections", "/v3.1/schools"])
def test_an_empty_list_is_never_proof_that_everybody_left(served: Served, path: str) -> None:
    served.sandbox.faults.add(Fault(name="empty-list", path=path))
    seal = gathered(provider(served)).seals[LISTS.get(path, Collection.SCHOOLS)]
    assert (seal.complete, seal.distinct) == (False, 0)
    assert seal.reason.startswith("The SIS listed no ")


@pytest.mark.parametrize("status", ["403", "404"])
def test_terms_and_courses_may_stay_unshared(served: Served, sound: Gathered, status: str) -> None:
    served.sandbox.faults.add(Fault(name=status, path="/v3.1/terms"))
    served.sandbox.faults.add(Fault(name=status, path="/v3.1/courses"))
    got = gathered(provider(served))
    assert got.records[Collection.SECTIONS] == sound.records[Collection.SECTIONS]
    assert got.seals[Collection.PEOPLE].complete
    assert (
        got.seals[Collection.TERMS].reason == f"The district does not share its terms with this application ({status})."
    )
    assert not got.seals[Collection.COURSES].complete


@pytest.mark.parametrize("path", ["/v3.1/users", "/v3.1/sections", "/v3.1/terms", "/v3.1/courses", "/v3.1/schools"])
@pytest.mark.parametrize(
    "fault",
    [
        "without-id",
        "wrong-types",
        "null-values",
        "unknown-values",
        "unknown-role",
        "unknown-members",
        "huge-string",
        "control-characters",
        "markup",
        "duplicated-rows",
    ],
)
def test_odd_records_never_fail_a_fetch_and_never_pass_for_leavers(
    served: Served, sound: Gathered, fault: str, path: str
) -> None:
    served.sandbox.faults.add(Fault(name=fault, path=path, where="limit=7", times=1))
    got = gathered(provider(served))
    for collection, seal in got.seals.items():
        listed = {record.source_id for record in got.records[collection]}
        missing = {record.source_id for record in sound.records[collection]} - listed
        assert not (seal.complete and missing)


def test_without_a_count_a_list_that_ends_by_itself_is_proof(served: Served, sound: Gathered) -> None:
    served.sandbox.faults.add(Fault(name="501", path="/v3.1/*", where="count=true"))
    got = gathered(provider(served))
    assert all(seal.complete and seal.claimed is None for seal in got.seals.values())
    assert got.records == sound.records


def test_staff_that_cannot_be_listed_are_not_counted_and_nothing_else_changes(served: Served, sound: Gathered) -> None:
    served.sandbox.faults.add(Fault(name="403", path="/v3.1/users", where="role=staff"))
    got = gathered(provider(served))
    assert got.records == sound.records
    assert set(sound.others) - set(got.others) == {"staff"}


def test_errors_hold_neither_tokens_nor_cursors(served: Served) -> None:
    served.sandbox.faults.add(Fault(name="500", path="/v3.1/users", where="starting_after"))
    with pytest.raises(ProviderError) as failed:
        gathered(provider(served))
    assert served.sandbox.token not in repr(failed.value)
    assert "starting_after" not in repr(failed.value)


def test_a_refused_token_is_said_to_be_refused(served: Served) -> None:
    wrong = open_clever(base_url=served.url, token="wrong")
    with pytest.raises(ProviderError) as failed:
        wrong.district()
    assert failed.value.message == (
        "The SIS did not accept the token (401 on /v3.1/districts). Check the token, or the client ID and secret, and "
        "that the district still shares its data with this application. It said: Unrecognized token string"
    )
