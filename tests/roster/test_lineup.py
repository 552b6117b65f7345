"""The order of teachers: the SIS's, unless a person set another, which stays."""

import pytest

from sisportal.roster.lineup import lineup


@pytest.mark.parametrize(
    ("here", "last", "sis", "order", "kept"),
    [
        pytest.param("ab", "ab", "cab", "cab", False, id="no-hand"),
        pytest.param("abg", "ab", "abc", "abcg", False, id="put-in-by-hand-comes-behind"),
        pytest.param("b", "ab", "abc", "bc", False, id="taken-out-by-hand-stays-out"),
        pytest.param("ba", "ab", "abc", "bac", True, id="ordered-by-hand-and-added-by-the-sis"),
        pytest.param("ba", "ab", "ba", "ba", False, id="both-the-same"),
        pytest.param("gab", "ab", "ac", "gac", True, id="led-by-hand"),
        pytest.param("ba", "ab", "b", "b", False, id="one-left"),
    ],
)
def test_the_order(here: str, last: str, sis: str, order: str, kept: bool) -> None:
    found, is_kept = lineup(list(here), list(last), list(sis), set(sis) - set(last), set(last) - set(sis))

    assert ("".join(found), is_kept) == (order, kept)
