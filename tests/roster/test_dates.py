"""Days: read in every spelling that SIS use, compared within thirty of them."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sisportal.roster.dates import dates_far_apart, days_apart, iso_date


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("", ""),
        ("  ", ""),
        ("2025-08-25", "2025-08-25"),
        (" 2025-8-5 ", "2025-08-05"),
        ("2015-08-25T00:00:00.000Z", "2015-08-25"),
        ("2015-08-25 00:00:00.000000", "2015-08-25"),
        ("1/16/1998", "1998-01-16"),
        ("01/16/1998 00:00", "1998-01-16"),
        ("16/1/1998", ""),
        ("2025-02-30", ""),
        ("0000-01-01", ""),
        ("2025-08-25x", ""),
        ("next autumn", ""),
        ("20250825", ""),
    ],
)
def test_a_day_is_read_in_the_spellings_that_sis_use(text: str, day: str) -> None:
    assert iso_date(text) == day


@given(st.dates())
def test_a_day_that_is_iso_already_stays_as_it_is(day: date) -> None:
    assert iso_date(day.isoformat()) == day.isoformat()


def test_days_apart_are_unknown_when_one_of_them_is() -> None:
    assert days_apart("2025-08-01", "2025-09-01") == 31
    assert days_apart("2025-09-01", "2025-08-01") == 31
    assert days_apart("", "2025-08-01") is None


FALL = ("2025-08-25", "2025-12-19")


@pytest.mark.parametrize(
    ("dates", "apart"),
    [
        (("2025-08-25", "2025-12-19"), False),
        (("2026-01-12", "2026-05-29"), True),
        (("2025-09-24", "2026-01-18"), False),
        (("2025-09-25", "2026-01-19"), True),
        (("2025-08-25", "2026-05-29"), False),
        (("2024-08-25", "2025-12-19"), False),
        (("", "2026-05-29"), False),
        (("2026-01-12", ""), False),
        (("", ""), False),
    ],
)
def test_dates_are_far_apart_only_where_both_are_known_and_both_differ_by_more_than_30_days(
    dates: tuple[str, str], apart: bool
) -> None:
    assert dates_far_apart(*FALL, *dates) == apart
    assert dates_far_apart(*dates, *FALL) == apart
