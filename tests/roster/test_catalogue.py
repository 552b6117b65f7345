"""The catalogue: every code that the code uses has a sentence, and the page in docs/ is up to date."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from sisportal.roster import guards, matching
from sisportal.roster.catalogue import CATALOGUE, Severity, as_page, entry, held_sentence, sentence, title
from sisportal.roster.expected_values import EXPECTED, MENDED_IN_SIS, expected
from sisportal.roster.records import Problem
from sisportal.roster.warning_texts import HELD
from sisportal.roster.warning_titles import TITLES
from sisportal.syncing.doubted import DOUBTED

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(
    ("problem", "expected"),
    [
        (
            Problem("malformed-email", "teacher", "5f1", "email", "seth.example.org"),
            "The teacher 5f1 has an e-mail address that is not one (seth.example.org).",
        ),
        (Problem("missing-id", "student"), "A student came without an id and was left out."),
        (Problem("missing-id", "organization"), "An organization came without an id and was left out."),
        (Problem("missing-id"), "A record came without an id and was left out."),
        (
            Problem("bad-date", "student", "5f1", "birth_date", "2011-02-30"),
            "The student 5f1 has a birth date that is no date (2011-02-30); it was read as blank.",
        ),
        (
            Problem("wrong-type", "student", "", "roles.student.grade", ""),
            "A student has a value of the wrong kind as its roles student grade (blank); it was read as blank.",
        ),
        (
            Problem("refused-row", "student", "", "role", "boss", file="users.csv", line=7, column="role"),
            "A row was left out: its role is boss. (users.csv, line 7, column role)",
        ),
        (
            Problem("unknown-column", value="hue", file="users.csv"),
            "The column hue is not known and was read past. (users.csv)",
        ),
        (Problem("teleported", "student", "5f1", "place", "moon"), "The student 5f1: teleported (place: moon)."),
        (Problem("teleported"), "A record: teleported (value: blank)."),
        (
            Problem("malformed-email", "student", "{who}", "email", "{0}"),
            "The student {who} has an e-mail address that is not one ({0}).",
        ),
    ],
)
def test_a_warning_says_who_what_and_where(problem: Problem, expected: str) -> None:
    assert sentence(problem) == expected


def test_an_unknown_code_is_shown_as_such() -> None:
    assert entry("no-teacher").severity is Severity.INFO
    assert entry("teleported").code == "teleported"


def test_every_entry_has_whole_sentences() -> None:
    for each in CATALOGUE.values():
        assert each.advice.endswith(".")
        assert sentence(Problem(each.code, "student", "5f1", "name", "a value.")).rstrip(")").endswith(".")


def test_every_reason_to_hold_has_a_sentence() -> None:
    assert {*matching.Reason, *guards.Guard, "changed-on-both", DOUBTED} == set(HELD)
    assert held_sentence("names-disagree").startswith("The key agrees and the names do not.")
    assert held_sentence("teleported") == "It waits for a person to decide."


def test_the_worksheet_knows_what_is_expected_of_everything_that_the_sis_has_to_mend() -> None:
    assert set(EXPECTED) == set(MENDED_IN_SIS)
    assert (
        expected(Problem("malformed-email", "student", "5f1", "email", "x")) == "An address such as name@school.example"
    )
    assert expected(Problem("reversed-dates", "section", "5f1", "finish", "2026-09-01 to 2026-08-01")) == (
        "A finish on 2026-09-01 or later"
    )


def codes_in(path: Path) -> Iterator[str]:
    """The texts that stand as the code of a problem: the first argument of ``Problem(...)`` or ``_problem(...)``."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Call) and node.args and getattr(node.func, "id", "") in {"Problem", "_problem"}:
            code = node.args[0]
            for branch in [code.body, code.orelse] if isinstance(code, ast.IfExp) else [code]:
                if isinstance(branch, ast.Constant):
                    yield str(branch.value)


def test_every_code_that_is_used_is_in_the_catalogue() -> None:
    used = {code for path in (ROOT / "sisportal").rglob("*.py") for code in codes_in(path)}
    assert used - set(CATALOGUE) == set()


def test_the_page_of_warnings_is_as_tools_warnings_page_writes_it() -> None:
    assert (ROOT / "docs" / "warnings.md").read_text() == as_page()


def test_every_kind_of_warning_has_a_title_of_its_own() -> None:
    titles = [title(code) for code in CATALOGUE]

    assert TITLES.keys() == CATALOGUE.keys()
    assert len(set(titles)) == len(titles)
    assert title("of-another-release") == "Of another release"
