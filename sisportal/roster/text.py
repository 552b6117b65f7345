"""When two values say the same: folding for match keys, and names that agree although they are written differently."""

import unicodedata
from typing import NamedTuple

from sisportal.roster.nicknames import GROUPS

_LETTERS = str.maketrans(
    {
        "ø": "o",
        "ł": "l",
        "đ": "d",
        "ð": "d",
        "þ": "th",
        "æ": "ae",
        "œ": "oe",
        "\u0131": "i",
        "ħ": "h",
        "ŋ": "n",
        "ß": "ss",
    }
)
"""Letters that Unicode does not decompose into a base letter and a mark."""
_UNSEEN = {"Cf", "Cc", "Cs"}
_JOINED = str.maketrans("", "", "'.`\u2018\u2019\u02bc\u00b4")
"""Marks that are left out of a name without parting it: O'Neil, St. Clair."""
_PARTICLES = frozenset(
    [
        "da",
        "das",
        "de",
        "del",
        "della",
        "den",
        "der",
        "des",
        "di",
        "do",
        "dos",
        "du",
        "el",
        "la",
        "las",
        "le",
        "los",
        "st",
        "ten",
        "ter",
        "van",
        "von",
        "y",
    ]
)
LONGEST_SEARCH = 400
_SUFFIXES = {"jr": "2", "junior": "2", "sr": "1", "senior": "1", "ii": "2", "iii": "3", "iv": "4"}


def folded(value: str) -> str:
    """The value for comparison: trimmed, inner spaces collapsed, case folded, compatibility forms made one (SPEC 6.3)."""
    if value.isascii():
        return " ".join(value.lower().split())
    seen = value if value.isprintable() else _seen(value)
    # Unicode's own recipe for comparing without case (The Unicode Standard, section 3.13, D147).
    normal = unicodedata.normalize("NFKC", unicodedata.normalize("NFD", seen).casefold())
    return " ".join(unicodedata.normalize("NFKC", normal.casefold()).split())


def searchable(*values: str) -> str:
    """What lists sort by and search in: the values that say something, folded, in one text.

    Cut at a length whose bytes fit into an index row of PostgreSQL (about 2.7 kB) beside other columns.
    """
    return folded(" ".join(filter(None, values)))[:LONGEST_SEARCH]


def _seen(value: str) -> str:
    return "".join(letter for letter in value if unicodedata.category(letter) not in _UNSEEN or letter.isspace())


def plain(value: str) -> str:
    """The value folded and without accents: Zoë and zoe, Łukasz and lukasz are one."""
    if value.isascii():
        return folded(value)
    apart = unicodedata.normalize("NFKD", folded(value).translate(_LETTERS))
    return unicodedata.normalize("NFC", "".join(letter for letter in apart if not unicodedata.combining(letter)))


def name_words(name: str) -> list[str]:
    """The words of a name, plain; hyphens part them, apostrophes and full stops do not."""
    bare = plain(name).translate(_JOINED)
    words = "".join(letter if letter.isalnum() else " " for letter in bare).split()
    return words or bare.split()


class Name(NamedTuple):
    """A person's name as one side knows it."""

    first: str
    last: str
    preferred: str = ""


def names_agree(a: Name, b: Name) -> bool:
    """Whether two names can be one person's: first and last name both agree, or all words are the same in another order.

    Tolerated: case, accents, hyphens, a second given name or surname on one side only, an initial, a preferred name, and
    common short forms. Siblings (one surname, two first names) do not agree; neither does a changed surname.
    """
    if a[:2] == b[:2]:
        return bool(a.first or a.last)
    return _same_words(a, b) or (last_names_agree(a.last, b.last) and first_names_agree(a, b))


def first_names_agree(a: Name, b: Name) -> bool:
    """Whether the first names can be one person's, counting preferred names."""
    return any(_given_agrees(a_words, b_words) for a_words in _given(a) for b_words in _given(b))


def last_names_agree(a_last: str, b_last: str) -> bool:
    """Whether the last names can be one person's: one of them may lack a part that the other has."""
    a_words, a_suffix = _surname(a_last)
    b_words, b_suffix = _surname(b_last)
    if not a_words or not b_words or (a_suffix and b_suffix and a_suffix != b_suffix):
        return False
    if "".join(a_words) == "".join(b_words):
        return True
    a_set, b_set = _telling(a_words), _telling(b_words)
    return a_set <= b_set or b_set <= a_set


def names_wholly_differ(a: Name, b: Name) -> bool:
    """Whether nothing in two names agrees: neither first names nor last names nor any word between them.

    A side without any name is unknown, not different.
    """
    if a.last and a.last == b.last:
        return False
    a_words = {word for part in a for word in name_words(part)}
    b_words = {word for part in b for word in name_words(part)}
    if not a_words or not b_words or (a_words & b_words) - _PARTICLES:
        return False
    return not (_same_words(a, b) or last_names_agree(a.last, b.last) or first_names_agree(a, b))


def _same_words(a: Name, b: Name) -> bool:
    a_first, a_last, b_first, b_last = (name_words(part) for part in (a.first, a.last, b.first, b.last))
    if sorted(a_first + a_last) == sorted(b_first + b_last):
        return bool(a_first or a_last)
    a_joined, b_joined = "".join(a_first + a_last), "".join(b_first + b_last)
    return a_joined in {b_joined, "".join(b_last + b_first)} or "".join(a_last + a_first) == b_joined


def _given(name: Name) -> list[list[str]]:
    return [words for words in (name_words(name.first), name_words(name.preferred)) if words]


def _given_agrees(a_words: list[str], b_words: list[str]) -> bool:
    """Word by word, for as many as both have: Maria agrees with Maria Jose, and Maria Jose not with Maria Luz."""
    if "".join(a_words) == "".join(b_words):
        return True
    return all(_word_agrees(a_word, b_word) for a_word, b_word in zip(a_words, b_words, strict=False))


def _word_agrees(a_word: str, b_word: str) -> bool:
    if a_word == b_word:
        return True
    if min(len(a_word), len(b_word)) == 1:
        return a_word[0] == b_word[0]
    return not GROUPS.get(a_word, frozenset()).isdisjoint(GROUPS.get(b_word, ()))


def _surname(last: str) -> tuple[list[str], str]:
    words = name_words(last)
    if len(words) > 1 and words[-1] in _SUFFIXES:
        return words[:-1], _SUFFIXES[words[-1]]
    return words, ""


def _telling(words: list[str]) -> frozenset[str]:
    return frozenset(words) - _PARTICLES or frozenset(words)
