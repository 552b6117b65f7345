"""``docs/bad-input.md``: every row names its tests, and each of them exists."""

import re

from drill.catalogue import ACCIDENTS
from sisportal.config import PROJECT

PAGE = (PROJECT / "docs" / "bad-input.md").read_text()
ROWS = [line for line in PAGE.splitlines() if line.startswith("| ") and not line.startswith(("| what", "|--"))]
ACCIDENT_TEST = "tests/accidents/test_accidents.py"


def exists(path: str, name: str) -> bool:
    file = PROJECT / path
    if path == ACCIDENT_TEST:
        return name in ACCIDENTS
    return file.is_file() and re.search(rf"def {re.escape(name)}\(", file.read_text()) is not None


def test_every_row_has_an_answer_and_a_test() -> None:
    assert len(ROWS) >= 27
    for row in ROWS:
        what, answer, tests = (cell.strip() for cell in row.strip("|").split(" | "))
        assert what, row
        assert answer, row
        assert re.findall(r"`([^`]+)::([^`]+)`", tests), what


def test_every_test_that_is_named_exists() -> None:
    named = re.findall(r"`(tests/[^`]+)::([^`]+)`", PAGE)

    assert [f"{path}::{name}" for path, name in named if not exists(path, name)] == []


def test_every_accident_about_bad_input_is_on_the_page() -> None:
    """Those that are not about what comes from outside: undo, backups, old plans and the like."""
    elsewhere = {
        "a backup during a commit", "a kill during the commit", "a kill during the prepare", "a page that leads nowhere",
        "a paused district", "a plan of yesterday", "a school of one person", "a school unshared", "half of everybody leaves",
        "the clock jumps forth", "undo after edits", "a sync after an undo",
        "an undo that comes twice", "an undo that is killed",
    }  # fmt: skip
    named = set(re.findall(rf"`{ACCIDENT_TEST}::([^`]+)`", PAGE))

    assert ACCIDENTS.keys() - named <= elsewhere
