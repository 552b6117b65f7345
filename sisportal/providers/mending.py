"""Reading a record that is not shaped as it should be: keep what can be used, and say what could not.

The fast path decodes whole pages into typed structs; only a page that this refuses comes here, record by record.
"""

import re
from typing import Any, TypeVar

import msgspec

T = TypeVar("T")

_PLACE = re.compile(r"at `\$\.?(.*?)(\[.*\])?`$")
"""Where msgspec says that it met the wrong type: ``$.data.students[3]``."""
_MOST_FLAWS = 50
"""Per record: one with more is not a record of this kind."""


class Flaw(msgspec.Struct, frozen=True):
    """A value that could not be used: its place (``roles.student.grade``) and itself, shortened to 200 characters."""

    field: str
    value: str


def mend(raw: msgspec.Raw, kind: type[T]) -> tuple[T | None, list[Flaw]]:
    """The record with every value of a wrong type left blank, and those values; None where it is no object at all.

    Numbers where a text is expected are kept as text: nothing is lost by that, so it is not a flaw.
    """
    value: Any = msgspec.json.decode(raw)
    flaws: list[Flaw] = []
    for _ in range(_MOST_FLAWS):
        try:
            return msgspec.convert(value, kind), flaws
        except msgspec.ValidationError as refusal:
            if not _repair(value, str(refusal), flaws):
                break
    return None, flaws


def _repair(value: Any, refusal: str, flaws: list[Flaw]) -> bool:
    """Change ``value`` at the place that ``refusal`` names; false where there is no such place."""
    place = _PLACE.search(refusal)
    if place is None:
        return False
    *above, last = place.group(1).split(".")
    holder = value
    for name in above:
        holder = holder.get(name) if isinstance(holder, dict) else None
    if not isinstance(holder, dict) or last not in holder:
        return False
    wrong = holder.pop(last)
    if place.group(2):  # an element of a list: the others stay
        holder[last] = [str(one) for one in wrong if _is_text(one)]
        wrong = [one for one in wrong if not _is_text(one)]
        if not wrong:
            return True
    elif _is_text(wrong) and "Expected `str" in refusal:
        holder[last] = str(wrong)
        return True
    flaws.append(Flaw(place.group(1), shown(wrong)))
    return True


def _is_text(value: object) -> bool:
    """Whether it is a text, or a number that can be one."""
    return isinstance(value, str | int | float) and not isinstance(value, bool)


def shown(value: object) -> str:
    """The value as a person should see it in a warning: its JSON, at most 200 characters of it."""
    text = value if isinstance(value, str) else msgspec.json.encode(value).decode()
    return text if len(text) <= 200 else text[:199] + "…"
