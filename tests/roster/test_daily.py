"""When a daily run is due, across clock changes, missed days, and clocks that jump."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sisportal.roster.daily import Due, due, last_run, next_run, occurrence

STOCKHOLM = ZoneInfo("Europe/Stockholm")
ZONES = [
    ZoneInfo(name)
    for name in (
        "UTC",
        "Europe/Stockholm",
        "America/New_York",
        "America/St_Johns",
        "Australia/Lord_Howe",
        "Asia/Kathmandu",
        "Africa/Casablanca",
        "America/Santiago",
        "Pacific/Chatham",
    )
]


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("zone", "day", "at", "moment"),
    [
        ("UTC", "2026-11-03", "04:30", "2026-11-03 04:30"),
        ("Europe/Stockholm", "2026-01-15", "04:30", "2026-01-15 03:30"),
        ("Europe/Stockholm", "2026-07-15", "04:30", "2026-07-15 02:30"),
        # Spring: 02:00 to 03:00 does not exist; the run comes where the clocks go on.
        ("Europe/Stockholm", "2026-03-29", "01:59", "2026-03-29 00:59"),
        ("Europe/Stockholm", "2026-03-29", "02:00", "2026-03-29 01:00"),
        ("Europe/Stockholm", "2026-03-29", "02:30", "2026-03-29 01:00"),
        ("Europe/Stockholm", "2026-03-29", "03:00", "2026-03-29 01:00"),
        ("Europe/Stockholm", "2026-03-29", "03:01", "2026-03-29 01:01"),
        # Autumn: 02:00 to 03:00 comes twice; the run comes the first time.
        ("Europe/Stockholm", "2026-10-25", "02:30", "2026-10-25 00:30"),
        ("Europe/Stockholm", "2026-10-25", "03:00", "2026-10-25 02:00"),
        ("America/New_York", "2026-03-08", "02:30", "2026-03-08 07:00"),
        ("America/New_York", "2026-11-01", "01:30", "2026-11-01 05:30"),
        # Clocks that change by half an hour, at midnight, and by a whole day.
        ("Australia/Lord_Howe", "2026-10-04", "02:15", "2026-10-03 15:30"),
        ("America/Santiago", "2026-09-06", "00:30", "2026-09-06 04:00"),
        ("Pacific/Apia", "2011-12-30", "04:30", "2011-12-30 10:00"),
    ],
)
def test_the_run_of_a_day_is_due_at_its_local_time(zone: str, day: str, at: str, moment: str) -> None:
    assert occurrence(date.fromisoformat(day), time.fromisoformat(at), ZoneInfo(zone)) == utc(moment)


@pytest.mark.parametrize(
    ("handled_until", "now", "start", "handled_then"),
    [
        # The time has come, or not yet.
        ("2026-11-02 03:30", "2026-11-03 03:30", "2026-11-03 03:30", "2026-11-03 03:30"),
        ("2026-11-02 03:30", "2026-11-03 03:29", None, "2026-11-02 03:30"),
        # Started already.
        ("2026-11-03 03:30", "2026-11-03 03:31", None, "2026-11-03 03:30"),
        ("2026-11-03 03:30", "2026-11-04 03:29", None, "2026-11-03 03:30"),
        # Switched on in the course of the day.
        ("2026-11-03 12:00", "2026-11-03 12:01", None, "2026-11-03 12:00"),
        ("2026-11-03 03:29", "2026-11-03 03:30", "2026-11-03 03:30", "2026-11-03 03:30"),
        # The machine was off for a week: once, for the last time that was missed.
        ("2026-10-27 03:30", "2026-11-03 09:00", "2026-11-03 03:30", "2026-11-03 03:30"),
        # The clock goes back by some minutes, and by most of a day: what was started is not started again.
        ("2026-11-03 03:30", "2026-11-03 03:20", None, "2026-11-03 03:30"),
        ("2026-11-03 03:30", "2026-11-02 10:00", None, "2026-11-03 03:30"),
        # The clock had run years ahead: it does not wait for those years, and starts nothing for the jump either.
        ("2030-01-01 03:30", "2026-11-03 09:00", None, "2026-11-03 03:30"),
        ("2026-11-03 03:30", "2026-11-04 03:30", "2026-11-04 03:30", "2026-11-04 03:30"),
    ],
)
def test_what_is_due_at_half_past_four_in_stockholm(
    handled_until: str, now: str, start: str | None, handled_then: str
) -> None:
    found = due(time(4, 30), STOCKHOLM, utc(handled_until), utc(now))

    assert found == Due(utc(start) if start else None, utc(handled_then))


MOMENTS = st.integers(0, 4 * 366 * 86_400).map(lambda seconds: utc("2024-01-01") + timedelta(seconds=seconds))
TIMES = st.builds(time, st.integers(0, 23), st.integers(0, 59))


@given(zone=st.sampled_from(ZONES), at=TIMES, now=MOMENTS)
def test_a_moment_lies_between_the_last_run_and_the_next(zone: ZoneInfo, at: time, now: datetime) -> None:
    last, following = last_run(at, zone, now), next_run(at, zone, now)

    assert last <= now < following
    assert following - last <= timedelta(hours=26)


@given(zone=st.sampled_from(ZONES), at=TIMES, day=st.dates(date(2024, 1, 1), date(2028, 1, 1)))
def test_a_run_shows_its_time_on_the_clock_unless_the_clocks_skip_it(zone: ZoneInfo, at: time, day: date) -> None:
    shown = occurrence(day, at, zone).astimezone(zone)
    exists = datetime.combine(day, at, zone).astimezone(UTC).astimezone(zone).replace(tzinfo=None) == datetime.combine(
        day, at
    )

    assert shown.date() == day
    assert shown.time() == at if exists else shown.time() > at


@given(zone=st.sampled_from(ZONES), at=TIMES, begin=MOMENTS, gaps=st.lists(st.integers(1, 200_000), max_size=40))
def test_each_run_is_started_once_at_its_time_or_after_and_none_is_lost(
    zone: ZoneInfo, at: time, begin: datetime, gaps: list[int]
) -> None:
    """However often somebody looks, and however long nobody does (up to two days and more at a time)."""
    handled, now, started = begin, begin, []
    for gap in gaps:
        previous, now = now, now + timedelta(seconds=gap)
        found = due(at, zone, handled, now)
        handled = found.handled_until
        came = last_run(at, zone, now) > max(previous, begin)
        assert (found.start is not None) == came
        if found.start is not None:
            assert found.start <= now
            started.append(found.start)

    assert started == sorted(set(started))


@given(
    zone=st.sampled_from(ZONES), at=TIMES, begin=MOMENTS, jumps=st.lists(st.integers(-900_000, 900_000), max_size=25)
)
def test_whatever_the_clock_does_the_next_day_runs_again(
    zone: ZoneInfo, at: time, begin: datetime, jumps: list[int]
) -> None:
    handled, now = begin, begin
    for jump in jumps:
        now += timedelta(seconds=jump)
        handled = due(at, zone, handled, now).handled_until
    # From here on the clock is right: of the next two runs at least the second one is started at its time.
    second = next_run(at, zone, next_run(at, zone, now))
    started = []
    while now < second:
        now = min(now + timedelta(hours=6), second)
        found = due(at, zone, handled, now)
        handled = found.handled_until
        started.append(found.start)

    assert started[-1] == second
