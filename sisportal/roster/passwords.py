"""Passwords that are guessed first: what everybody else chose, a walk over the keys, or the person's own name."""

import re
from collections.abc import Iterable

ROWS = ("1234567890", "qwertyuiop", "asdfghjkl", "zxcvbnm", "qwertzuiop", "azertyuiop", "abcdefghijklmnopqrstuvwxyz")
"""Keys that lie beside each other, and the alphabet."""
COLUMNS = ("1qaz", "2wsx", "3edc", "4rfv", "5tgb", "6yhn", "7ujm")
SCHOOL_WORDS = frozenset(["klassenzimmer", "lehrer", "lehrerin", "schueler", "schüler", "willkommen"])
"""Words of schools that lists of English passwords do not hold."""
FEWEST_SIGNS = 4
"""Different characters that a password has at least: fewer are a few keys over and over."""
LONGEST_AROUND = 5
_LOOKS_LIKE = str.maketrans("@4301$57!", "aaeolsst" + "i")
_AROUND = re.compile(r"^[\W\d_]+|[\W\d_]+$")


def is_easily_guessed(password: str, own_words: Iterable[str] = (), common: frozenset[str] = frozenset()) -> bool:
    """Whether a password is among those that are tried first.

    ``own_words``: names of the person and of the portal. ``common``: passwords and words in small letters, that others try
    as they are, with letters that look alike, and with a few digits and signs around them.

    Long passwords of several words are never refused for a word in them.
    """
    folded = password.casefold()
    if len(set(folded)) < FEWEST_SIGNS or _is_walk(folded):
        return True
    kernel = _AROUND.sub("", folded)
    if folded in common or folded.translate(_LOOKS_LIKE) in common:
        return True
    words = SCHOOL_WORDS | {word.casefold() for word in own_words if len(word) > 2}
    is_word = any(each in words or each in common for each in (kernel, kernel.translate(_LOOKS_LIKE)))
    return is_word and len(folded) - len(kernel) <= LONGEST_AROUND


def _is_walk(text: str) -> bool:
    """Whether it is made of two or three pieces of keys beside each other, there or back: ``1qaz2wsx``, ``12345678``."""
    pieces, rest = 0, text
    while rest and pieces < 3:
        rest = rest[_step(rest) :]
        pieces += 1
    return not rest


def _step(text: str) -> int:
    """How many characters from the start lie beside each other on the keys; one where none do."""
    lines = (*ROWS, *COLUMNS)
    for length in range(len(text), 2, -1):
        if any(text[:length] in line or text[:length] in line[::-1] for line in lines):
            return length
    return 1
