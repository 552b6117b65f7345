"""Promises of the project as a whole: what the README names, and what the lock file holds."""

import re
import tomllib

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
