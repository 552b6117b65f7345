"""Promises of the project as a whole: what the README names, and what the lock file holds."""

import ast
import re
import tomllib
from pathlib import Path

from packaging.requirements import Requirement

from sisportal.config import NAMES, PROJECT

README = (PROJECT / "README.md").read_text()
DECLARED = tomllib.loads((PROJECT / "pyproject.toml").read_text())


def described_in(section: str) -> set[str]:
    """The words in backquotes of the first column of a section's table."""
    text = README.split(f"## {section}\n", 1)[1].split("\n## ", 1)[0]
    rows = [line.split("|")[1] for line in text.splitlines() if line.startswith("|")]
    return {word for row in rows for word in re.findall(r"`([^`]+)`", row)}


def dependencies() -> set[str]:
    lines = [*DECLARED["project"]["dependencies"], *DECLARED["dependency-groups"]["dev"]]
    return {Requirement(line).name for line in lines}


def test_the_readme_tells_every_setting_and_no_other() -> None:
    assert described_in("Settings") == set(NAMES)


def test_the_readme_tells_what_each_dependency_is_for() -> None:
    named = {name for name in dependencies() if not name.startswith("types-")}

    assert described_in("Dependencies") - {"types-*"} == named


def test_every_dependency_is_locked_with_hashes_and_without_addresses() -> None:
    lock = (PROJECT / "requirements.txt").read_text()
    entries = re.split(r"\n(?=\S)", lock.strip())

    assert dependencies() <= {entry.split("==")[0].split("[")[0] for entry in entries}
    assert [entry.splitlines()[0] for entry in entries if "--hash=sha256:" not in entry] == []
    assert "://" not in lock


def is_a_tab(path: Path) -> bool:
    return "= Blueprint(" in path.read_text()


def imported_by(path: Path) -> set[str]:
    """Dotted names of what a module imports from, and of what it imports from there."""
    named = [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.ImportFrom)]
    return {
        name for node in named for name in (str(node.module), *(f"{node.module}.{alias.name}" for alias in node.names))
    }


def test_tabs_do_not_import_each_other() -> None:
    paths = (PROJECT / "sisportal" / "web").rglob("*.py")
    tabs = {".".join(path.relative_to(PROJECT).with_suffix("").parts): path for path in paths if is_a_tab(path)}

    assert [(tab, other) for tab, path in tabs.items() for other in imported_by(path) & (tabs.keys() - {tab})] == []
