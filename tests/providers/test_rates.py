"""How long a server asks to be left alone."""

from collections.abc import Mapping

import pytest
from requests.structures import CaseInsensitiveDict

from sisportal.providers.rates import exhausted_for, seconds_to_wait

NOW = 1_700_000_000.0


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"Retry-After": "7"}, 7.0),
        ({"Retry-After": "Tue, 14 Nov 2023 22:13:25 GMT"}, 5.0),
        ({"Retry-After": "soon"}, None),
        ({"Retry-After": "-3"}, 0.0),
        ({"Retry-After": "86400"}, 90.0),
        ({"X-Ratelimit-Remaining": "0", "X-Ratelimit-Reset": "1700000012"}, 12.0),
        ({"X-Ratelimit-Remaining": "0, 0", "X-Ratelimit-Reset": "1700000012, 1700000030"}, 30.0),
        ({"X-Ratelimit-Remaining": "0, 9", "X-Ratelimit-Reset": "1700000012, 1700000030"}, 12.0),
        ({"X-Ratelimit-Remaining": "0", "X-Ratelimit-Reset": "1600000000"}, 0.0),
        ({"X-Ratelimit-Remaining": "?", "X-Ratelimit-Reset": "1700000012"}, None),
        ({"X-Ratelimit-Remaining": "0"}, None),
        ({"Retry-After": "3", "X-Ratelimit-Remaining": "0", "X-Ratelimit-Reset": "1700000012"}, 3.0),
    ],
)
def test_a_refusal_says_how_long_to_wait(headers: Mapping[str, str], seconds: float | None) -> None:
    assert seconds_to_wait(CaseInsensitiveDict(headers), NOW) == seconds


def test_a_bucket_that_has_some_left_asks_for_no_pause() -> None:
    assert (
        exhausted_for({"X-Ratelimit-Remaining": "1, 900", "X-Ratelimit-Reset": "1700000012, 1700000012"}, NOW) is None
    )
