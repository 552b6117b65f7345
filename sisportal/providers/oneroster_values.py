"""Values as OneRoster sources spell them into values as the records hold them."""

import re
from typing import Any

_TRUE = frozenset({"true", "t", "yes", "y", "1"})
_GONE = frozenset({"tobedeleted", "inactive"})
"""``inactive`` is what OneRoster 1.0 called it."""
KNOWN_STATUS = _GONE | {"", "active"}
_BRACED = re.compile(r"\{\s*([^:{}]*?)\s*:\s*([^{}]*?)\s*\}")
"""An item of ``userIds`` in CSV: ``{SIS:4711}``."""


def plain(value: object) -> str:
    """A text without whitespace around it; blank for what is absent or no text. Numbers are kept as text."""
    if type(value) is str:
        return value.strip()
    if value is None or isinstance(value, bool):
        return ""
    return str(value) if isinstance(value, int | float) else ""


def ref(value: Any) -> str:
    """The id that a reference names: ``{"sourcedId": …}``, the id itself, or a list of one; blank for ``[]`` and null."""
    if value is None:
        return ""
    if isinstance(value, list):
        return ref(value[0]) if value else ""
    if isinstance(value, dict):
        return plain(value.get("sourcedId"))
    return plain(getattr(value, "sourced_id", value))


def refs(value: Any) -> tuple[str, ...]:
    """Every id that is named, once, in order; a text holds several with commas between them (CSV)."""
    if value is None:
        return ()
    each = value if isinstance(value, list) else value.split(",") if isinstance(value, str) else [value]
    if len(each) == 1:
        only = ref(each[0])
        return (only,) if only else ()
    return tuple(dict.fromkeys(filter(None, map(ref, each))))


def texts(value: Any) -> list[str]:
    """Every text of a list that is not blank; a text may hold several with commas between them."""
    if value is None:
        return []
    each = value if isinstance(value, list) else value.split(",") if isinstance(value, str) else [value]
    return list(filter(None, map(plain, each)))


def first(value: Any) -> str:
    """The first text of a list."""
    if type(value) is list and value and type(value[0]) is str and (only := value[0].strip()):
        return only
    found = texts(value)
    return found[0] if found else ""


def is_true(value: object) -> bool:
    """``true`` in any of its spellings."""
    return value is True or value == 1 or (isinstance(value, str) and value.strip().lower() in _TRUE)


def is_gone(status: str | None) -> bool:
    """Whether the source says that the object is to be deleted."""
    return status is not None and status != "active" and status.strip().lower() in _GONE


def user_ids(value: Any) -> list[tuple[str, str]]:
    """The further identifiers of a user: pairs of type, in small letters and digits only, and identifier."""
    if not value:
        return []
    if isinstance(value, str):
        return [(_type(found[1]), found[2]) for found in _BRACED.finditer(value) if found[2]]
    pairs: list[tuple[str, str]] = []
    for one in value:
        if isinstance(one, str):
            pairs += user_ids(one)
        elif identifier := plain(one.identifier):
            pairs.append((_type(plain(one.type)), identifier))
    return pairs


def _type(text: str) -> str:
    return "".join(filter(str.isalnum, text.lower()))
