"""Values as Clever spells them into values as the records hold them."""

import re
from datetime import date
from functools import lru_cache

_US = re.compile(r"(\d{1,2})/(\d{1,2})/(\d{4})", re.ASCII)
_ISO = re.compile(r"(\d{4})-(\d{2})-(\d{2})([T ].*)?", re.ASCII | re.DOTALL)


def text(value: str | None) -> str:
    """Absent, null, empty and whitespace are alike blank."""
    return value.strip() if value else ""


@lru_cache(maxsize=32_768)
def iso_day(value: str) -> str | None:
    """A day in any of Clever's spellings as ``YYYY-MM-DD``; None where it is none (the 31st of February).

    ``9/1/2012``, ``2012-09-01``, ``2012-09-01T00:00:00.000Z``, ``2012-09-01 00:00:00.000000``.
    """
    try:
        if match := _ISO.fullmatch(value):
            return date(int(match[1]), int(match[2]), int(match[3])).isoformat()
        if match := _US.fullmatch(value):
            return date(int(match[3]), int(match[1]), int(match[2])).isoformat()
    except ValueError:
        pass  # digits that are no day of the calendar
    return None
