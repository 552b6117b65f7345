"""How long a server asks to be left alone: ``Retry-After`` and ``X-Ratelimit-*`` headers."""

from collections.abc import Mapping
from email.utils import parsedate_to_datetime

LONGEST_WAIT = 90.0
"""Seconds. Clever's windows are a minute long (Clever: rate limits); a header that asks for more is not obeyed."""


def seconds_to_wait(headers: Mapping[str, str], now: float) -> float | None:
    """The seconds that a refusal asks for, or None where it does not say. ``now`` is in unix seconds."""
    wait = _retry_after(headers.get("Retry-After", ""), now)
    if wait is None:
        wait = exhausted_for(headers, now)
    return None if wait is None else min(max(wait, 0.0), LONGEST_WAIT)


def exhausted_for(headers: Mapping[str, str], now: float) -> float | None:
    """The seconds until every bucket that has nothing left is filled again; None where each has some.

    Several buckets come joined by commas in each header: ``Remaining: 0, 12`` with ``Reset: a, b``.
    """
    remaining = _numbers(headers.get("X-Ratelimit-Remaining", ""))
    resets = _numbers(headers.get("X-Ratelimit-Reset", ""))
    waits = [reset - now for left, reset in zip(remaining, resets, strict=False) if left <= 0]
    return min(max(0.0, *waits), LONGEST_WAIT) if waits else None


def _retry_after(value: str, now: float) -> float | None:
    """Seconds, or a date (RFC 9110, 10.2.3)."""
    if not value.strip():
        return None
    try:
        return float(value)
    except ValueError:
        pass  # not a number of seconds: then a date
    try:
        return parsedate_to_datetime(value).timestamp() - now
    except ValueError:
        return None


def _numbers(value: str) -> list[float]:
    try:
        return [float(part) for part in value.split(",") if part.strip()]
    except ValueError:
        return []
