"""Which passwords are guessed first."""

import pytest

from sisportal.roster.passwords import is_easily_guessed

OWN = ["ada@example.org", "ada", "example", "org", "Lovelace", "Lincoln Unified"]
COMMON = frozenset(["password", "football", "welcome", "iloveyou", "qwerty", "correct"])


@pytest.mark.parametrize(
    "password",
    [
        "password", "Password1!", "P@ssw0rd123", "12345678", "87654321", "qwertyuiop", "1qaz2wsx", "aaaaaaaa", "abcabcab",
        "abcdefgh", "football7", "!!welcome!!", "iloveyou", "ada2026!", "LOVELACE", "lovelace1815", "Lincoln Unified",
        "asdfghjkl;"[:9], "qwerty123", "0987654321", "Willkommen1",
    ],
)  # fmt: skip
def test_what_is_tried_first_is_refused(password: str) -> None:
    assert is_easily_guessed(password, OWN, COMMON)


@pytest.mark.parametrize(
    "password",
    [
        "correct horse battery", "password of my neighbours cat", "Lovelace counted on engines", "tr0ub4dor&3",
        "läuft nachts gern", "8fj2-kd9x", "my qwerty keyboard is blue", "ада любит числа",
    ],
)  # fmt: skip
def test_words_that_only_this_person_puts_together_are_taken(password: str) -> None:
    assert not is_easily_guessed(password, OWN, COMMON)
