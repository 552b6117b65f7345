"""Addresses of a machine's or a cloud's inside are asked nothing, whatever name leads there."""

import pytest

from sisportal.providers import http
from sisportal.providers.addresses import refuse_inner
from sisportal.providers.base import ProviderError
from sisportal.providers.http import BoundedSession
from sisportal.providers.opening import clean_address

INNER = [
    "http://169.254.169.254/latest/meta-data", "http://[fe80::1]/", "http://[::ffff:169.254.169.254]/", "http://0.0.0.0/",
    "http://metadata.google.internal/", "http://METADATA.google.internal./", "http://100.100.100.200/", "http://[fd00:ec2::254]/",
    "http://224.0.0.1/", "https://[::]/",
]  # fmt: skip


@pytest.mark.parametrize("address", INNER)
def test_an_inner_address_is_refused_where_it_is_entered(address: str) -> None:
    with pytest.raises(ProviderError, match="inside of a machine or of a cloud"):
        clean_address(address)


@pytest.mark.parametrize("address", ["https://api.clever.com", "http://127.0.0.1:5001", "http://10.0.0.5", "sis.local"])
def test_an_sis_may_stand_on_this_machine_or_in_the_schools_network(address: str) -> None:
    assert clean_address(address)


def test_a_name_that_leads_to_an_inner_address_is_refused() -> None:
    with pytest.raises(ProviderError):
        refuse_inner("sis.example.org", lambda _name: ["192.0.2.7", "169.254.169.254"])
    refuse_inner("sis.example.org", lambda _name: ["192.0.2.7", "2001:db8::1"])


def test_nothing_is_sent_to_an_inner_address_that_was_stored_before(monkeypatch: pytest.MonkeyPatch) -> None:
    looked: list[str] = []

    def look(host: str) -> None:
        looked.append(host)
        refuse_inner(host)

    monkeypatch.setattr(http, "refuse_inner", look)
    session = BoundedSession()
    with pytest.raises(ProviderError):
        session.get("http://169.254.169.254/", headers={}, timeout=(1, 1), allow_redirects=False)
    assert looked == ["169.254.169.254"]
