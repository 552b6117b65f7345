"""docs/security.md is held to the code and to the standard's own count."""

import re
from collections import Counter
from functools import cache

import pytest

from sisportal.config import PROJECT

PAGE = (PROJECT / "docs/security.md").read_text()
DASH = "\N{EN DASH}"
STATES = {"met", "partly", "host", DASH}
ITEMS = {
    1: 27,
    2: 11,
    3: 19,
    4: 10,
    5: 9,
    6: 35,
    7: 18,
    8: 7,
    9: 7,
    10: 29,
    11: 14,
    12: 9,
    13: 13,
    14: 9,
    15: 13,
    16: 16,
}
"""Chapter of ASVS 5.0.0 -> how many of its requirements are of level 1 or 2."""
SECTIONS = {"4.3": (1, 2), "4.4": (1, 4), "10.3": (1, 4), "10.4": (1, 11), "10.5": (1, 5), "10.6": (1, 2), "10.7": (1, 3),
            "12.1": (1, 3), "12.2": (1, 2)}  # fmt: skip
"""Sections that a range crosses -> their first and last number of these levels."""


def rows() -> list[list[str]]:
    found = [
        [cell.strip() for cell in line.strip("|").split("|")] for line in PAGE.splitlines() if line.startswith("| ")
    ]
    return [row for row in found if re.match(r"\d+\.\d", row[0])]


def numbers(cell: str) -> list[str]:
    """Every requirement that a row is about: one, several with commas between, or a range, across sections too."""
    found: list[str] = []
    for part in cell.split(", "):
        first, _, last = part.partition(DASH)
        if not last:
            found.append(first)
            continue
        (chapter, section, number), (_, end_section, end) = (map(int, each.split(".")) for each in (first, last))
        for each in range(section, end_section + 1):
            start = number if each == section else 1
            stop = end if each == end_section else SECTIONS[f"{chapter}.{each}"][1]
            found += [f"{chapter}.{each}.{number_}" for number_ in range(start, stop + 1)]
    return found


@cache
def _tests_there_are() -> set[str]:
    texts = (path.read_text() for path in (PROJECT / "tests").rglob("test_*.py"))
    return {name for text in texts for name in re.findall(r"def (test_\w+)", text)}


def test_every_test_that_the_security_page_names_exists() -> None:
    named = set(re.findall(r"`(test_\w+)`", PAGE))
    assert len(named) > 80
    assert named - _tests_there_are() == set()


def test_every_item_has_a_state_and_is_told_once() -> None:
    assert {row[2] for row in rows()} == STATES
    told = Counter(number for row in rows() for number in numbers(row[0]))
    assert [number for number, times in told.items() if times > 1] == []


@pytest.mark.parametrize("chapter", ITEMS)
def test_no_item_of_the_standard_is_left_out(chapter: int) -> None:
    told = [number for row in rows() for number in numbers(row[0]) if number.startswith(f"{chapter}.")]
    assert len(told) == ITEMS[chapter]
