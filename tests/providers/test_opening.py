"""From what an administrator enters to a provider, and what *Test connection* says."""

import pytest

from sisportal.providers.base import Check, DistrictFacts, ProviderError
from sisportal.providers.opening import open_clever, plain_address
from sisportal.sandbox.faults import Fault
from sisportal.sandbox.serving import Served
from tests.providers.canned import Canned, opened


@pytest.mark.parametrize(
    ("entered", "address"),
    [
        ("https://api.clever.com", "https://api.clever.com"),
        (" https://api.clever.com/ ", "https://api.clever.com"),
        ("https://api.clever.com/v3.1", "https://api.clever.com"),
        ("https://api.clever.com/v3.1/", "https://api.clever.com"),
        ("api.clever.com", "https://api.clever.com"),
        ("http://127.0.0.1:8080/clever/v2.0", "http://127.0.0.1:8080/clever"),
        ("https://api.clever.com?x=1#y", "https://api.clever.com"),
    ],
)
def test_addresses_are_taken_with_or_without_slash_scheme_and_version(entered: str, address: str) -> None:
    assert plain_address(entered) == address


@pytest.mark.parametrize(
    "entered", ["", "ftp://x", "https://", "http://[", "https://x:port", "https://a:b@x", "file:///etc"]
)
def test_what_is_no_address_is_refused(entered: str) -> None:
    with pytest.raises(ProviderError) as failed:
        plain_address(entered)
    assert failed.value.code == "wrong-url"


def test_versions_that_are_not_spoken_and_missing_credentials_are_refused() -> None:
    with pytest.raises(ProviderError, match=r"version 9\.9 is not spoken here"):
        open_clever(token="t", version="9.9")
    with pytest.raises(ProviderError, match="Enter the district's token"):
        open_clever(client_id="only")


@pytest.mark.parametrize("version", ["3.0", "3.1"])
def test_a_connection_that_works_says_so_thing_by_thing(served: Served, version: str) -> None:
    district = served.sandbox.district
    provider = open_clever(base_url=f"{served.url}/v3.1/", token=served.sandbox.token, version=version)
    checks = provider.test()
    assert [check.subject for check in checks if check.ok] == [
        "district", "schools", "students", "teachers", "sections", "terms", "courses",
    ]  # fmt: skip
    assert checks[0].sentence.startswith(f"{district.name}, state running, last SIS sync 20")
    assert checks[1] == Check("schools", ok=True, sentence="3 schools.")


def test_a_connection_that_partly_works_says_what_does_not(served: Served) -> None:
    served.sandbox.faults.add(Fault(name="404", path="/v3.1/sections"))
    checks = open_clever(base_url=served.url, token=served.sandbox.token).test()
    assert [check.subject for check in checks if not check.ok] == ["sections"]
    assert checks[4].sentence.startswith("The SIS has nothing at /v3.1/sections (404).")


def test_where_the_district_cannot_be_read_nothing_else_is_tried(served: Served) -> None:
    checks = open_clever(base_url=served.url, token="wrong").test()
    assert [(check.subject, check.ok) for check in checks] == [("district", False)]
    assert len(served.sandbox.calls) == 1


def test_a_list_without_anyone_in_it_is_not_called_working() -> None:
    checks = opened(Canned({"/v3.1/districts": [{"id": "d1"}]})).test()
    assert checks[1] == Check(
        "schools", ok=False, sentence="Clever answers, but lists no schools. Check what the district shares."
    )


def test_the_district_tells_its_state() -> None:
    wire = {"id": "d1", "name": "One ", "state": "paused", "error": "", "sis_type": "sftp", "pause_start": "2026-06-01"}
    provider = opened(Canned({"/v3.1/districts": [wire]}))
    assert provider.district() == DistrictFacts("d1", "One", "paused", sis_type="sftp", pause_start="2026-06-01")
    assert provider.test()[0] == Check(
        "district",
        ok=False,
        sentence="One: Clever has paused this district's data until the new school year (no SIS sync yet).",
    )


@pytest.mark.parametrize("districts", [[], [{"id": "d1"}], [{"id": "d2"}, {"id": "d2"}]])
def test_the_token_of_another_district_is_refused(districts: list[dict[str, str]]) -> None:
    session = Canned({"/v3.1/districts": districts})
    provider = open_clever(base_url="https://sis.test", token="t", session=session, district_id="d2")
    with pytest.raises(ProviderError, match="Check the token and the district ID"):
        provider.district()
