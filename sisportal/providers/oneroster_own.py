"""What packages say that a portal wrote, and OneRoster has no column for (``OWN_COLUMNS``)."""

import msgspec
from msgspec import UNSET, UnsetType

from sisportal.providers.oneroster_values import is_true, plain
from sisportal.roster.fields import ACCOUNT_TEXTS, CLASS_TEXTS
from sisportal.roster.records import Exact

STYLES = frozenset({"instructor", "blended", "self-paced"})
PARENT_FIELDS = frozenset({*CLASS_TEXTS, "style", "archived", "by_hand"})
"""Of a parent class; the last two are ``true`` or absent."""
_LONGEST = 255
_decode = msgspec.json.Decoder(dict[str, str]).decode


def mark(value: object) -> bool | UnsetType:
    """True, or unset: a mark is said of few, and the others are stored as if there were none."""
    return True if value is not None and is_true(value) else UNSET


def stated(value: object) -> bool | UnsetType:
    """Yes or no where the source says either."""
    return is_true(value) if plain(value) else UNSET


def style(value: object) -> str | UnsetType:
    """How a class is held; unset for what is no such word."""
    text = plain(value)
    return text if text in STYLES else UNSET


def exact_account(value: object) -> Exact | UnsetType:
    """Fields of an account."""
    return _fields(value, ACCOUNT_TEXTS)


def exact_class(value: object) -> Exact | UnsetType:
    """Fields of a class."""
    return _fields(value, CLASS_TEXTS)


def parent_class(value: object) -> Exact | UnsetType:
    """``PARENT_FIELDS`` of the parent that a course stands for."""
    found = _fields(value, PARENT_FIELDS) or {}
    if found.get("style", "") not in STYLES:
        found.pop("style", None)
    return found or UNSET


def _fields(value: object, known: frozenset[str]) -> Exact | UnsetType:
    """The known fields of a JSON object of texts, as they may be stored; unset where there are none."""
    if not (text := plain(value)):
        return UNSET
    try:
        found = _decode(text)
    except msgspec.DecodeError:
        return UNSET
    return {name: _storable(text) for name, text in found.items() if name in known} or UNSET


def _storable(text: str) -> str:
    return "".join(letter for letter in text if letter.isprintable())[:_LONGEST]
