"""Filters that write numbers, moments and days for people, in the portal's time zone."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, tzinfo

from flask import Flask
from markupsafe import Markup, escape

from sisportal.syncing.explaining import day

_AFTER_SIGN = re.compile(r"(?<=[@.])(?=.)")
_AGES = ((timedelta(days=1), "day"), (timedelta(hours=1), "hour"), (timedelta(minutes=1), "minute"))


def number(value: float) -> str:
    """Thousands are set apart by commas: ``1,204``."""
    return f"{value:,}"


def plural(count: int, one: str, many: str = "") -> str:
    """A count with its noun: ``1 student``, ``1,204 students``, ``3 classes``."""
    return f"{count:,} {one if count == 1 else many or one + 's'}"


def percent(part: int, whole: int) -> str:
    """A share in whole percent; never ``100 %`` before everything is done, ``0 %`` of nothing."""
    return f"{part * 100 // whole if whole else 0} %"


def duration(seconds: float) -> str:
    """``8 s``, ``3 min 20 s``, ``2 h 5 min``."""
    whole = max(int(seconds), 0)
    hours, rest = divmod(whole, 3600)
    minutes, left = divmod(rest, 60)
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {left} s" if minutes else f"{left} s"


def file_size(size: int) -> str:
    """Bytes as ``640 B``, ``1.5 kB``, ``12.0 MB``."""
    if size < 1000:
        return f"{size} B"
    return f"{size / 1000:.1f} kB" if size < 1_000_000 else f"{size / 1_000_000:.1f} MB"


def ago(moment: datetime, now: datetime) -> str:
    """How long before ``now``, in the largest unit that fits: ``just now``, ``5 minutes ago``, ``in 2 hours``."""
    gap = now - moment
    for unit, name in _AGES:
        if abs(gap) >= unit:
            count = plural(int(abs(gap) / unit), name)
            return f"{count} ago" if gap > timedelta(0) else f"in {count}"
    return "just now"


def local(moment: datetime, zone: tzinfo) -> str:
    """A moment on the clock of ``zone``: ``3 Nov 2026, 14:05``."""
    there = moment.astimezone(zone)
    return f"{day(there.date())}, {there:%H:%M}"


def as_moment(text: str) -> datetime | None:
    """The moment of its ISO form, as providers give it; None where there is none or it cannot be read."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def breakable(address: str | None) -> str:
    """An e-mail address or username that a narrow column breaks after ``@`` and dots, not within a word; blank stays blank."""
    return Markup("<wbr>").join(_AFTER_SIGN.split(address)) if address else escape("")


def init_formats(app: Flask, *, zone: Callable[[], tzinfo], clock: Callable[[], datetime]) -> None:
    """Gives the templates these filters; ``zone`` and ``clock`` are asked each time, for the administrator may change the zone."""
    app.jinja_env.filters.update(
        number=number,
        breakable=breakable,
        plural=plural,
        percent=percent,
        day=day,
        duration=duration,
        file_size=file_size,
        as_moment=as_moment,
        ago=lambda moment: ago(moment, clock()),
        local_time=lambda moment: local(moment, zone()),
        local_day=lambda moment: day(moment.astimezone(zone()).date()),
        utc=lambda moment: moment.astimezone(UTC).isoformat(timespec="seconds"),
    )
