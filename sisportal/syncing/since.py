"""Since when a sync reads: since the last committed one, since a day, or from the beginning (SPEC 3.4)."""

from datetime import UTC, date, datetime, time
from typing import Any
from zoneinfo import ZoneInfo

from sisportal.models import SyncMode
from sisportal.providers.base import DatedProvider, FeedProvider, Provider

LAST, BEGINNING = "last", "beginning"


class BadDay(Exception):
    """What was given is no day that changes can be read since; the message is a sentence."""


def asked_for(since: str, zone: ZoneInfo, now: datetime) -> tuple[SyncMode, dict[str, Any]]:
    """The mode and the request of a sync that reads since ``last``, ``beginning`` or a day (``2026-09-01``, ISO).

    A day begins at midnight, or at its time where one is given, in the portal's time zone. Raises ``BadDay``.
    """
    if since == BEGINNING:
        return SyncMode.FULL, {"since": since}
    if since == LAST:
        return SyncMode.QUICK, {"since": since}
    moment = _moment(since, zone)
    if moment > now:
        raise BadDay(f"{since} is in the future. Give a day that has begun.")
    return SyncMode.QUICK, {"since": since, "moment": moment.timestamp()}


def place_in_feed(provider: Provider, request: dict[str, Any], kept: str | None) -> str | None:
    """The place that the request names in the provider's feed, or the moment (ISO); None: that of the last committed sync, ``kept``.

    What changed between the last committed sync and a later day would never be told, so the earlier place counts. Places
    of one feed sort as texts.
    """
    moment = request.get("moment")
    if moment is None or not kept:
        return request.get("cursor")
    if isinstance(provider, DatedProvider):
        return min(datetime.fromtimestamp(moment, UTC), datetime.fromisoformat(kept)).isoformat()
    return min(provider.place_at(moment), kept) if isinstance(provider, FeedProvider) else None


def full_note(reason: str) -> str:
    """The note of a sync that read everything although only changes were asked for."""
    return f"Everything was read instead of changes only: {reason[:1].upper()}{reason[1:].rstrip('.')}."


def mode_words(mode: str, request: dict[str, Any]) -> str:
    """How much a sync reads, for its report."""
    if mode == SyncMode.UNDO:
        return "Nothing of the SIS: only what the undone sync kept"
    if mode != SyncMode.QUICK:
        return "Everything, from the beginning"
    since = request.get("since", LAST)
    return "What changed since the last committed sync" if since == LAST else f"What changed since {since}"


def _moment(text: str, zone: ZoneInfo) -> datetime:
    try:
        if "T" in text:
            given = datetime.fromisoformat(text)
            return given if given.tzinfo else given.replace(tzinfo=zone)
        return datetime.combine(date.fromisoformat(text), time(), zone)
    except ValueError as error:
        raise BadDay(f"{text or 'Nothing'} is not a day. Write it like 2026-09-01.") from error
