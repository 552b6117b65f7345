"""Actions, evidence and completeness in words."""

from datetime import date
from typing import Any

import pytest

from sisportal.syncing.explaining import day, evidence_sentences, field_rows, held_words, seal_sentence, summary


@pytest.mark.parametrize(
    ("verb", "before", "after", "roster", "line"),
    [
        ("add", {}, {"username": "mia"}, {}, "New account mia"),
        ("edit", {"grade": "8", "email": ""}, {"grade": "9", "email": "m@x"}, {}, "E-mail, Grade"),
        ("edit", {"identifiers": {"clever": ""}}, {"identifiers": {"clever": "a"}}, {}, "Linked to the one that exists already"),
        ("reactivate", {"archived": True}, {"archived": False, "grade": "9"}, {}, "Is active again · Grade"),
        ("delete", {"archived": False}, {"archived": True}, {}, "Is archived; nothing of it is removed"),
        ("edit", {}, {}, {"join": ["a", "b"], "leave": ["c"], "unticked": ["a"]}, "2 people join · 1 person leaves · 1 of them unticked"),
    ],
)  # fmt: skip
def test_one_line_says_what_an_action_does(
    verb: str, before: dict[str, Any], after: dict[str, Any], roster: dict[str, Any], line: str
) -> None:
    assert summary("student", verb, before, after, roster) == line


def test_one_line_names_the_fields_that_wait_for_a_choice() -> None:
    assert (
        summary("student", "edit", {}, {}, {}, {"grade", "last_name"})
        == "Changed here and in the SIS: Last name, Grade"
    )


def test_a_field_that_is_kept_is_shown_with_the_value_that_stays() -> None:
    both = {"last_name": ["Old", "Here", "There"]}

    assert field_rows({}, {"kept": {"last_name": "There"}}, {}, {}, both) == [
        ("Last name (kept as it is here)", "Here", "Here")
    ]


def test_fields_are_shown_with_names_instead_of_ids() -> None:
    before = {"organization": 1, "archived": True, "style": "self-paced"}
    after = {
        "organization": 2,
        "archived": False,
        "teachers": ["t1", "t2"],
        "identifiers": {"clever": "abc"},
        "email": None,
    }

    assert field_rows(before, after, {1: "North"}, {"t1": "Eze, Tom"}) == [
        ("E-mail", "", ""),
        ("Organization", "North", "organization 2"),
        ("Style", "Self-paced", ""),
        ("Teachers, the primary one first", "", "Eze, Tom; t2"),
        ("State", "Archived", "Active"),
        ("Clever ID", "", "abc"),
    ]


def test_roles_are_shown_where_there_are_several() -> None:
    assert field_rows({}, {"role": "student", "roles": ["student"]}, {}, {}) == [("Role", "", "Student")]
    assert ("Roles", "", "Teacher, Student") in field_rows(
        {}, {"role": "teacher", "roles": ["teacher", "student"]}, {}, {}
    )


@pytest.mark.parametrize(
    ("evidence", "sentences"),
    [
        ({}, []),
        ({"rule": "decided", "decision": "same"}, ["A person said that they are the same."]),
        ({"rule": "decided", "decision": "create"}, ["A person said to create a new one."]),
        (
            {"rule": "identity", "held": "Mia Abara", "incoming": "Bo Chen"},
            ["The id is that of Mia Abara in the portal; the SIS now gives it to Bo Chen."],
        ),
        (
            {"both": {"grade": ["8", "9", ""]}},
            ["Grade: 8 at the last sync, 9 in the portal, blank in the SIS."],
        ),
        (
            {
                "rule": "key",
                "key": "email",
                "value": "m@x",
                "candidates": [
                    {"id": 7, "name": "Mia", "names_agree": False, "linked_to": "abc", "archived": True},
                    {"id": 8, "name": "", "names_agree": True},
                ],
            },
            [
                "The e-mail address m@x is that of Mia, number 7 (the names do not agree; it is linked to abc; it is archived).",
                "The e-mail address m@x is that of a nameless one, number 8.",
            ],
        ),
    ],
)
def test_evidence_is_told_in_sentences(evidence: dict[str, Any], sentences: list[str]) -> None:
    assert evidence_sentences(evidence) == sentences


def test_completeness_is_told_in_words() -> None:
    people = {"collection": "people", "distinct": 1204, "claimed": 1204, "pages": 3}
    terms = {"collection": "terms", "distinct": 5, "claimed": None, "pages": 1}

    assert seal_sentence(people) == "We saw 1,204 of 1,204 people in 3 pages"
    assert seal_sentence(people | {"among": {"student": 1130, "teacher": 1}}) == (
        "We saw 1,204 of 1,204 people in 3 pages, among them 1,130 students and 1 teacher"
    )
    changes = people | {"complete": False, "reason": "", "distinct": 9, "claimed": None, "pages": 0}
    assert seal_sentence(changes) == "We saw changes of 9 people"
    assert seal_sentence(terms) == "We saw 5 terms in 1 page"


def test_what_is_not_held_needs_no_words() -> None:
    assert held_words("") == ""
    assert held_words("names-disagree").startswith("The key agrees and the names do not.")


@pytest.mark.parametrize(
    ("value", "text"),
    [(date(2026, 11, 3), "3 Nov 2026"), ("2026-11-03", "3 Nov 2026"), ("", ""), ("Fall <2026>", "Fall <2026>")],
)
def test_a_day_is_written_out_and_what_is_no_day_stays(value: date | str, text: str) -> None:
    assert day(value) == text
