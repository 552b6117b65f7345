"""Matching sections with classes: each key, within the organization, and the rule of 30 days."""

from typing import Any

import pytest

from sisportal.roster.matching import NEW, Decision, Match, Outcome, Reason
from sisportal.roster.matching_sections import ClassCandidate, ClassIndex, match_section
from sisportal.roster.options import Options, SectionKey
from sisportal.roster.records import Section

BY_SIS_ID = Options(match_sections=SectionKey.SIS_ID)
FALL: dict[str, Any] = {"start": "2025-08-25", "finish": "2025-12-19"}
SPRING: dict[str, Any] = {"start": "2026-01-12", "finish": "2026-05-29"}
ALGEBRA = Section("c1", "Algebra 1", sis_id="587", **FALL)


def held(id: int = 1, **values: Any) -> ClassCandidate:
    defaults: dict[str, Any] = {"name": "algebra  1", "sis_id": "587", "organization": 2}
    return ClassCandidate(id, **(defaults | values))


def outcome(match: Match) -> tuple[Outcome, int | None, Reason | None]:
    return match.outcome, match.target, match.reason


def test_the_evidence_says_by_what_a_class_was_found() -> None:
    assert match_section(ALGEBRA, 2, ClassIndex([held()], Options())) == Match(
        Outcome.LINK,
        1,
        (1,),
        None,
        {
            "rule": "key",
            "key": "class_name",
            "value": "algebra 1",
            "candidates": [
                {"id": 1, "name": "algebra  1", "start": "", "finish": "", "linked_to": "", "archived": False}
            ],
        },
    )


@pytest.mark.parametrize(
    ("options", "classes", "expected"),
    [
        (Options(), [], (Outcome.NEW, None, None)),
        (Options(), [held(organization=3)], (Outcome.NEW, None, None)),
        (Options(), [held(name="Geometry")], (Outcome.NEW, None, None)),
        (Options(), [held(), held(2)], (Outcome.HELD, None, Reason.SEVERAL_CANDIDATES)),
        (Options(), [held(linked_to="c9")], (Outcome.NEW, None, None)),
        (Options(), [held(archived=True)], (Outcome.NEW, None, None)),
        (Options(), [held(), held(2, linked_to="c9")], (Outcome.LINK, 1, None)),
        (Options(), [held(**SPRING)], (Outcome.NEW, None, None)),
        (Options(), [held(**FALL), held(2, **SPRING)], (Outcome.LINK, 1, None)),
        (Options(), [held(start="2025-08-25", finish="2026-05-29")], (Outcome.LINK, 1, None)),
        (Options(match_within_30_days=False), [held(**SPRING)], (Outcome.LINK, 1, None)),
        (BY_SIS_ID, [held(name="Geometry")], (Outcome.LINK, 1, None)),
        (BY_SIS_ID, [held(archived=True)], (Outcome.LINK, 1, None)),
        (BY_SIS_ID, [held(linked_to="c9")], (Outcome.HELD, None, Reason.LINKED_ELSEWHERE)),
        (BY_SIS_ID, [held(linked_to="c9", **SPRING)], (Outcome.NEW, None, None)),
        (Options(match_sections=SectionKey.SOURCE_ID), [held(source_id="C1")], (Outcome.LINK, 1, None)),
        (Options(match_sections=SectionKey.SOURCE_ID), [held()], (Outcome.NEW, None, None)),
    ],
)
def test_a_section_is_linked_new_or_held(
    options: Options, classes: list[ClassCandidate], expected: tuple[Outcome, int | None, Reason | None]
) -> None:
    assert outcome(match_section(ALGEBRA, 2, ClassIndex(classes, options))) == expected


def test_a_blank_never_matches() -> None:
    assert match_section(Section("c2", ""), 2, ClassIndex([held(name=" ")], Options())) is NEW
    assert match_section(Section("c2", " "), 2, ClassIndex([held()], Options())) is NEW


def test_decisions_win() -> None:
    index = ClassIndex([held(), held(2)], Options())
    assert outcome(match_section(ALGEBRA, 2, index, Decision(same=2))) == (Outcome.LINK, 2, None)
    assert outcome(match_section(ALGEBRA, 2, index, Decision(not_same=frozenset({1})))) == (Outcome.LINK, 2, None)
    assert match_section(ALGEBRA, 2, index, Decision(not_same=frozenset({1, 2}))) is NEW
