"""Since when a sync reads, by the command line: since the last commit, since a day, or everything."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from sisportal.sandbox import edits
from sisportal.sandbox.days import pass_day
from sisportal.sandbox.faults import Fault
from sisportal.sandbox.serving import Served
from tests.cli.conftest import CommandLine


@pytest.fixture(autouse=True)
def _committed(cli: CommandLine, sandbox: Served) -> None:
    """Everything is in the portal, and a day later one student has another name."""
    district = sandbox.sandbox.district
    district.today = datetime.now(UTC).date() - timedelta(days=3)
    pass_day(district, pace=1)
    cli.commit_all(sandbox)
    pass_day(district, pace=0)
    edits.rename_person(district, next(p.id for p in district.people if p.student), first="Philippa")
    district.settle()


def planned(sync: dict[str, Any]) -> dict[str, int]:
    return {verb: numbers["planned"] for verb, numbers in sync["counts"]["student"].items() if numbers["planned"]}


@pytest.mark.parametrize("asked", [("--quick",), ("--since", "DAY"), ("--full",), ()])
def test_however_it_is_read_the_plan_is_the_same(cli: CommandLine, sandbox: Served, asked: tuple[str, ...]) -> None:
    yesterday = (datetime.now(UTC).date() - timedelta(days=1)).isoformat()

    sync = cli.answer("sis", "prepare", "clever", *(yesterday if word == "DAY" else word for word in asked))

    assert sync["mode"] == ("quick" if asked and asked[0] != "--full" else "full"), sync["note"]
    assert planned(sync) == {"edit": 1}
    assert cli.answer("sis", "commit", sync["id"])["state"] == "committed"
    assert planned(cli.answer("sis", "prepare", "clever", "--full")) == {}


def test_a_day_after_the_last_commit_misses_nothing(cli: CommandLine, sandbox: Served) -> None:
    sync = cli.answer("sis", "prepare", "clever", "--since", datetime.now(UTC).date().isoformat())

    assert (sync["mode"], planned(sync)) == ("quick", {"edit": 1})


@pytest.mark.parametrize(
    ("day", "why"), [(40, "keeps events for thirty days only"), (0, "Clever does not give its events")]
)
def test_where_the_feed_does_not_do_everything_is_read_and_the_reason_is_told(
    cli: CommandLine, sandbox: Served, day: int, why: str
) -> None:
    if not day:
        sandbox.sandbox.faults.add(Fault(name="status", path="/v3.1/events", status=403))

    sync = cli.answer(
        "sis", "prepare", "clever", "--since", (datetime.now(UTC).date() - timedelta(days=day)).isoformat()
    )

    assert (sync["mode"], planned(sync)) == ("full", {"edit": 1})
    assert why in sync["note"]
