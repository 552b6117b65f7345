"""Days as the SIS writes them: read into ``YYYY-MM-DD``, and how far two of them are apart."""

import re
from datetime import date

_ISO = re.compile(r"(\d{4})-(\d{1,2})-(\d{1,2})(?:[T ].*)?\Z", re.ASCII | re.DOTALL)
_AMERICAN = re.compile(r"(\d{1,2})/(\d{1,2})/(\d{4})(?: .*)?\Z", re.ASCII | re.DOTALL)

LONGEST_GAP = 30
"""Days that the dates of a section and a class may differ and still match (SPEC 3.3, option 15)."""


def iso_date(text: str) -> str:
    """The day as ``YYYY-MM-DD``; blank when the text is blank or no day that exists.

    Read are ``2025-08-25`` with or without a time of day behind it, and ``8/25/2025`` (Clever: birth dates, and the
    terms of the older versions of its API).
    """
    text = text.strip()
    if found := _ISO.match(text):
        year, month, day = found[1], found[2], found[3]
    elif found := _AMERICAN.match(text):
        month, day, year = found[1], found[2], found[3]
    else:
        return ""
    try:
        return date(int(year), int(month), int(day)).isoformat()
    except ValueError:
        return ""


def days_apart(a_day: str, b_day: str) -> int | None:
    """How many days lie between two ISO days, whichever is first; None when one of them is not known."""
    try:
        return abs((date.fromisoformat(a_day) - date.fromisoformat(b_day)).days)
    except ValueError:
        return None


def dates_far_apart(a_start: str, a_finish: str, b_start: str, b_finish: str) -> bool:
    """Whether both starts and both finishes are known and both differ by more than 30 days (option 15)."""
    starts, finishes = days_apart(a_start, b_start), days_apart(a_finish, b_finish)
    return starts is not None and finishes is not None and min(starts, finishes) > LONGEST_GAP
