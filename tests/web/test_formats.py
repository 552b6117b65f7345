"""Numbers, moments and days as people read them."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from sisportal.web import formats

NOW = datetime(2026, 11, 3, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(("value", "text"), [(0, "0"), (1204, "1,204"), (-5000, "-5,000")])
def test_thousands_are_set_apart(value: int, text: str) -> None:
    assert formats.number(value) == text


@pytest.mark.parametrize(
    ("count", "nouns", "text"),
    [(1, ("student",), "1 student"), (0, ("student",), "0 students"), (1204, ("class", "classes"), "1,204 classes")],
)
def test_a_count_agrees_with_its_noun(count: int, nouns: tuple[str, ...], text: str) -> None:
    assert formats.plural(count, *nouns) == text


@pytest.mark.parametrize(("part", "whole", "text"), [(0, 0, "0 %"), (999, 1000, "99 %"), (3, 3, "100 %")])
def test_nothing_is_called_done_before_it_is(part: int, whole: int, text: str) -> None:
    assert formats.percent(part, whole) == text


@pytest.mark.parametrize(
    ("seconds", "text"), [(-1, "0 s"), (8.9, "8 s"), (200, "3 min 20 s"), (7500, "2 h 5 min"), (3600, "1 h 0 min")]
)
def test_a_duration_has_two_units_at_most(seconds: float, text: str) -> None:
    assert formats.duration(seconds) == text


@pytest.mark.parametrize(("size", "text"), [(640, "640 B"), (1500, "1.5 kB"), (12_000_000, "12.0 MB")])
def test_a_size_is_in_the_unit_that_fits(size: int, text: str) -> None:
    assert formats.file_size(size) == text


@pytest.mark.parametrize(
    ("gap", "text"),
    [
        (timedelta(seconds=30), "just now"),
        (timedelta(minutes=1), "1 minute ago"),
        (timedelta(hours=5, minutes=59), "5 hours ago"),
        (timedelta(days=40), "40 days ago"),
        (timedelta(hours=-2), "in 2 hours"),
    ],
)
def test_an_age_is_in_the_largest_unit_that_fits(gap: timedelta, text: str) -> None:
    assert formats.ago(NOW - gap, NOW) == text


@pytest.mark.parametrize(
    ("moment", "text"),
    [
        (datetime(2026, 7, 1, 23, 30, tzinfo=UTC), "2 Jul 2026, 01:30"),
        (datetime(2026, 12, 31, 23, 5, tzinfo=UTC), "1 Jan 2027, 00:05"),
    ],
)
def test_a_moment_is_read_off_the_portals_clock(moment: datetime, text: str) -> None:
    assert formats.local(moment, ZoneInfo("Europe/Stockholm")) == text


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-11-03T12:00:00.000Z", NOW),
        ("2026-11-03T13:00:00+01:00", NOW),
        ("2026-11-03T12:00:00", NOW),
        ("", None),
        ("yesterday", None),
    ],
)
def test_a_moment_of_a_provider_is_read_where_it_is_one(text: str, moment: datetime | None) -> None:
    assert formats.as_moment(text) == moment


def test_an_address_breaks_after_its_signs_and_not_within_a_word() -> None:
    assert formats.breakable("mia.li@north.example.org") == "mia.<wbr>li@<wbr>north.<wbr>example.<wbr>org"
    assert formats.breakable("<b>@x.") == "&lt;b&gt;@<wbr>x."
    assert [formats.breakable(""), formats.breakable(None)] == ["", ""]
