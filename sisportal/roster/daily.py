"""When a daily run is due: local times of day across clock changes, missed days and clocks that jump (SPEC 8.3)."""

from datetime import UTC, date, datetime, time, timedelta, tzinfo

import msgspec

_SECOND = timedelta(seconds=1)
_AROUND = (-2, -1, 0, 1, 2)
"""Days around today among which its neighbouring runs are: one more than zones can move a day."""


class Due(msgspec.Struct, frozen=True):
    """What is to be done now: what to start, and up to when every run is then dealt with."""

    start: datetime | None
    """The run that is due, by the moment that it was due at (UTC); None where nothing is."""
    handled_until: datetime
    """To be kept before anything is started, so that the run is started once."""


def occurrence(day: date, at: time, zone: tzinfo) -> datetime:
    """The moment (UTC) at which the run of a local day is due.

    A time that the clocks skip (spring) is due where they go on; one that they show twice (autumn) the first time.
    """
    local = datetime.combine(day, at, zone)
    before, after = local.utcoffset(), local.replace(fold=1).utcoffset()
    moment = local.astimezone(UTC)
    if before is None or after is None or after <= before:
        return moment
    # In the gap, the moment by the later offset lies before the change and the one by the earlier offset after it.
    return _change(local.replace(fold=1).astimezone(UTC), moment, zone)


def next_run(at: time, zone: tzinfo, now: datetime) -> datetime:
    """The first run (UTC) after ``now``."""
    return min(each for each in _runs(at, zone, now) if each > now)


def last_run(at: time, zone: tzinfo, now: datetime) -> datetime:
    """The last run (UTC) that was due at ``now`` or before."""
    return max(each for each in _runs(at, zone, now) if each <= now)


def due(at: time, zone: tzinfo, handled_until: datetime, now: datetime) -> Due:
    """Whether a run is due, where every run up to ``handled_until`` is dealt with.

    Of runs that were missed, only the last is due: they are made up once. Where ``handled_until`` lies so far ahead that
    only a clock which was wrong can have written it, it is brought back to the last run, and nothing is started for that.
    """
    last = last_run(at, zone, now)
    if handled_until > next_run(at, zone, now):
        return Due(None, last)
    return Due(last, last) if last > handled_until else Due(None, handled_until)


def _runs(at: time, zone: tzinfo, now: datetime) -> list[datetime]:
    today = now.astimezone(zone).date()
    return [occurrence(today + timedelta(days=days), at, zone) for days in _AROUND]


def _change(before: datetime, after: datetime, zone: tzinfo) -> datetime:
    """The moment between two (UTC, whole seconds) at which the clocks of the zone change."""
    old = before.astimezone(zone).utcoffset()
    while after - before > _SECOND:
        middle = before + timedelta(seconds=int((after - before).total_seconds()) // 2)
        if middle.astimezone(zone).utcoffset() == old:
            before = middle
        else:
            after = middle
    return after
