"""Values as Clever spells them into values as the records hold them."""

from functools import lru_cache

from sisportal.roster.dates import iso_date
from sisportal.roster.records import Problem

_iso_date = lru_cache(maxsize=32_768)(iso_date)
"""Twelve years of birth dates are some four thousand days: most have been read before."""


def text(value: str | None) -> str:
    """Absent, null, empty and whitespace are alike blank."""
    return value.strip() if value else ""


def day(value: str | None, kind: str, source_id: str, field: str, problems: list[Problem]) -> str:
    """The day as ``YYYY-MM-DD``; one that does not exist is left blank, with a problem that says so."""
    if not value:
        return ""
    found = _iso_date(value)
    if not found and value.strip():
        problems.append(Problem("bad-date", kind, source_id, field, value.strip()[:200]))
    return found
