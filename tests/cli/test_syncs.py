"""Preparing, reviewing and committing by the command line."""

import threading
import time
from datetime import timedelta
from typing import Any

from sqlalchemy import func, select, update

from sisportal.extensions import db
from sisportal.models import Account, AuditEvent, SisConnection, Sync, SyncState
from sisportal.models.database import writing
from sisportal.sandbox import edits
from sisportal.sandbox.faults import Fault
from sisportal.sandbox.serving import Served
from tests.cli.conftest import CommandLine

KEYS = [
    "id", "connection", "mode", "state", "note", "started_at", "finished_at", "counts", "left_out", "kept_back",
    "undoes", "undone_by", "withheld", "held", "warnings",
]  # fmt: skip
ACTION_KEYS = [
    "id", "type", "verb", "state", "ticked", "held", "external_id", "label", "before", "after", "roster", "evidence",
    "warnings",
]  # fmt: skip


def numbers(sync: dict[str, Any], name: str) -> dict[tuple[str, str], int]:
    """(type, verb) -> how many, without those that are none."""
    return {
        (type_, verb): counts[name]
        for type_, verbs in sync["counts"].items()
        for verb, counts in verbs.items()
        if counts[name]
    }


def accounts(cli: CommandLine) -> int:
    with cli.app.app_context(), db.engine.connect() as connection:
        return connection.scalars(select(func.count(Account.id)).where(Account.archived_at.is_(None))).one()


def test_a_first_sync_plans_everything_and_writes_nothing(cli: CommandLine, sandbox: Served) -> None:
    cli.map_all(sandbox)

    sync = cli.answer("sis", "prepare", "clever", "--full")

    district = sandbox.sandbox.district
    assert (list(sync), sync["id"], sync["connection"], sync["mode"], sync["state"]) == (
        KEYS, 1, "clever", "full", "prepared",
    )  # fmt: skip
    assert numbers(sync, "planned") == numbers(sync, "ticked")
    assert numbers(sync, "planned")["student", "add"] == 60
    assert numbers(sync, "planned")["section", "add"] == len(district.sections)
    assert (numbers(sync, "applied"), accounts(cli)) == ({}, 0)


def test_a_commit_applies_what_was_planned_and_the_next_plan_is_empty(cli: CommandLine, sandbox: Served) -> None:
    cli.map_all(sandbox)
    planned = cli.answer("sis", "prepare", "clever")

    committed = cli.answer("sis", "commit", planned["id"])
    again = cli.answer("sis", "prepare", "clever")

    assert committed["state"] == "committed"
    assert numbers(committed, "applied") == numbers(planned, "planned")
    assert (numbers(again, "planned"), again["state"]) == ({}, "prepared")


def test_a_report_is_what_the_last_command_printed(cli: CommandLine, sandbox: Served) -> None:
    cli.map_all(sandbox)

    assert cli.answer("sis", "prepare", "clever") == cli.answer("sis", "report", 1)
    assert cli.answer("sis", "commit", 1) == cli.answer("sis", "report", 1)


def test_without_a_mapped_school_the_commands_that_map_one_are_named(cli: CommandLine, sandbox: Served) -> None:
    cli.connect(sandbox)

    said = cli.failure("sis", "prepare", "clever")

    assert "flask sis schools clever" in said
    assert "flask sis map clever SCHOOL_ID --organization NAME" in said
    assert "flask sis map clever --auto-create" in said


def test_a_disabled_connection_is_not_read(cli: CommandLine, sandbox: Served) -> None:
    cli.map_all(sandbox)
    with cli.app.app_context(), writing(db.engine).begin() as connection:
        connection.execute(update(SisConnection).values(enabled=False))

    said = cli.failure("sis", "prepare", "clever")

    assert said == "clever is disabled. Enable it on its Status page, or connect it again."


def test_a_prepare_that_fails_prints_the_sync_and_says_why(cli: CommandLine, sandbox: Served) -> None:
    cli.map_all(sandbox)
    sandbox.sandbox.faults.add(Fault(name="truncated-json", path="/v3.1/sections"))

    sync = cli.answer("sis", "prepare", "clever", code=1)

    assert sync["state"] == "failed"
    assert cli.failure("sis", "prepare", "clever") == sync["note"]


def test_before_the_first_commit_a_quick_sync_is_a_full_one_and_says_why(cli: CommandLine, sandbox: Served) -> None:
    cli.map_all(sandbox)

    for asked in (("--quick",), ("--since", "2026-09-01")):
        sync = cli.answer("sis", "prepare", "clever", *asked)

        assert sync["mode"] == "full"
        assert sync["note"] == "Everything was read instead of changes only: No sync was committed yet."
        assert "full-instead" in {warning["code"] for warning in sync["warnings"]}


def test_two_ways_of_reading_at_once_are_wrong_usage(cli: CommandLine) -> None:
    assert cli.run("sis", "prepare", "clever", "--full", "--quick").exit_code == 2


def test_a_day_that_is_none_or_has_not_begun_is_wrong_usage(cli: CommandLine, sandbox: Served) -> None:
    cli.map_all(sandbox)

    assert "Write it like 2026-09-01" in cli.failure("sis", "prepare", "clever", "--since", "yesterday", code=2)
    assert "in the future" in cli.failure("sis", "prepare", "clever", "--since", "2999-01-01", code=2)


def test_actions_are_listed_by_type_verb_and_state(cli: CommandLine, sandbox: Served) -> None:
    cli.map_all(sandbox)
    cli.answer("sis", "prepare", "clever")

    everything = cli.answer("sis", "actions", 1)
    students = cli.answer("sis", "actions", 1, "--type", "student", "--verb", "add", "--state", "planned")

    assert list(everything[0]) == ACTION_KEYS
    assert students == [action for action in everything if action["type"] == "student"]
    assert {each["external_id"] for each in students} == {
        person.id for person in sandbox.sandbox.district.people if person.student is not None
    }
    assert cli.answer("sis", "actions", 1, "--verb", "delete") == []


def test_what_is_unticked_is_not_applied(cli: CommandLine, sandbox: Served) -> None:
    cli.map_all(sandbox)
    cli.answer("sis", "prepare", "clever")
    first, second = cli.answer("sis", "actions", 1, "--type", "student")[:2]

    unticked = cli.answer("sis", "untick", 1, first["id"], second["id"])
    cli.answer("sis", "tick", 1, second["id"])
    waiting = cli.answer("sis", "actions", 1, "--state", "unticked")
    committed = cli.answer("sis", "commit", 1)

    assert [(each["id"], each["ticked"]) for each in unticked] == [(first["id"], False), (second["id"], False)]
    assert [each["id"] for each in waiting] == [first["id"]]
    assert numbers(committed, "applied")["student", "add"] == 59
    assert [each["state"] for each in cli.answer("sis", "actions", 1, "--state", "unticked")] == ["unticked"]


def test_unticking_a_person_says_that_they_leave_the_rosters(cli: CommandLine, sandbox: Served) -> None:
    cli.map_all(sandbox)
    cli.answer("sis", "prepare", "clever")

    assert cli.run("sis", "untick", 1, 1).stderr == "People who are not added are left out of the rosters too.\n"


def test_an_action_of_another_sync_cannot_be_ticked(cli: CommandLine, sandbox: Served) -> None:
    cli.commit_all(sandbox)
    cli.answer("sis", "prepare", "clever")

    assert cli.failure("sis", "untick", 2, 1) == "Sync 2 has no action 1."


def test_committing_again_changes_nothing(cli: CommandLine, sandbox: Served) -> None:
    cli.commit_all(sandbox)
    before = cli.answer("sis", "report", 1)

    assert cli.answer("sis", "commit", 1) == before


def test_a_plan_made_with_other_options_needs_a_person(cli: CommandLine, sandbox: Served) -> None:
    cli.map_all(sandbox)
    cli.answer("sis", "prepare", "clever")
    cli.answer("sis", "option", "clever", "blanks", "replace")

    said = cli.failure("sis", "commit", 1, code=3)

    assert said == (
        "The options or the mapping of schools changed after this sync was prepared. "
        "Prepare again with: flask sis prepare clever"
    )
    assert cli.answer("sis", "commit", 1, code=3)["state"] == "expired"


def test_a_plan_that_a_later_one_replaced_needs_a_person(cli: CommandLine, sandbox: Served) -> None:
    cli.map_all(sandbox)
    cli.answer("sis", "prepare", "clever")
    cli.answer("sis", "prepare", "clever")

    assert cli.failure("sis", "commit", 1, code=3).endswith("flask sis prepare clever")
    assert cli.answer("sis", "commit", 1, code=3)["state"] == "superseded"
    assert accounts(cli) == 0


def test_a_discarded_plan_cannot_be_committed(cli: CommandLine, sandbox: Served) -> None:
    cli.map_all(sandbox)
    cli.answer("sis", "prepare", "clever")

    discarded = cli.answer("sis", "discard", 1)

    assert (discarded["state"], discarded["note"]) == ("discarded", "Discarded by command line.")
    assert cli.failure("sis", "commit", 1) == "Sync 1 is discarded and cannot be committed."
    assert cli.run("sis", "discard", 1).exit_code == 1


def test_guarded_deletes_wait_until_they_are_released(cli: CommandLine, sandbox: Served) -> None:
    cli.commit_all(sandbox)
    edits.mass_delete(sandbox.sandbox.district, 0.5, seed=1)

    prepared = cli.answer("sis", "prepare", "clever", code=3)
    held = sum(each["count"] for each in prepared["held"] if each["reason"] == "guard-deletes")
    partly = cli.answer("sis", "commit", 2, code=3)
    rest = cli.answer("sis", "commit", 2, "--release-held")

    assert (partly["state"], rest["state"]) == ("partly-committed", "committed")
    assert numbers(rest, "applied")["student", "delete"] == 30
    assert 0 < held <= 30
    assert rest["held"] == []


def test_a_sync_that_is_none_is_answered_with_a_sentence(cli: CommandLine) -> None:
    for words in (["report"], ["actions"], ["commit"], ["discard"]):
        assert cli.failure("sis", *words, 7) == "There is no sync 7."
    assert cli.failure("sis", "tick", 7, 1) == "There is no sync 7."
    assert cli.run("sis", "report", "last").exit_code == 2


def test_people_read_a_sync_as_a_table(cli: CommandLine, sandbox: Served) -> None:
    cli.map_all(sandbox)

    lines = cli.run("sis", "prepare", "clever").stdout.splitlines()

    assert lines[0] == "Sync 1 of clever (full): prepared"
    assert lines[1].split() == ["type", "verb", "planned", "ticked", "applied"]
    assert ["student", "add", "60", "60", "0"] in [line.split() for line in lines]


def test_names_cannot_command_the_terminal(cli: CommandLine, sandbox: Served) -> None:
    cli.map_all(sandbox)
    person = next(iter(sandbox.sandbox.district.people))
    edits.rename_person(sandbox.sandbox.district, person.id, first="Bo\x9b31m", last="Rtl\u202e")
    cli.answer("sis", "prepare", "clever")

    printed = cli.run("sis", "actions", 1).stdout

    assert [letter for letter in printed if not letter.isprintable() and letter != "\n"] == []


def test_the_audit_log_tells_what_the_command_line_did(cli: CommandLine, sandbox: Served) -> None:
    cli.commit_all(sandbox)

    with cli.app.app_context(), db.engine.connect() as connection:
        events = list(connection.scalars(select(AuditEvent.event).order_by(AuditEvent.id)))
    assert events[-3:] == ["sync-started", "commit-asked", "sync-committed"]


def stopped(cli: CommandLine, sync_id: int, state: SyncState, *, silent_for: float) -> None:
    """Leave a sync as a killed program leaves it."""
    with cli.app.app_context(), writing(db.engine).begin() as connection:
        last = cli.app.extensions["clock"]() - timedelta(seconds=silent_for)
        values = {"state": state, "claim": "gone", "heartbeat_at": last, "started_at": last}
        connection.execute(update(Sync).where(Sync.id == sync_id).values(values))


def test_a_prepare_that_was_killed_is_left_and_a_new_one_starts(cli: CommandLine, sandbox: Served) -> None:
    cli.map_all(sandbox)
    cli.answer("sis", "prepare", "clever")
    stopped(cli, 1, SyncState.PREPARING, silent_for=9)

    again = cli.answer("sis", "prepare", "clever")

    assert (again["id"], again["state"]) == (2, "prepared")
    assert cli.answer("sis", "report", 1)["state"] == "interrupted"


def test_a_commit_that_was_killed_goes_on(cli: CommandLine, sandbox: Served) -> None:
    cli.map_all(sandbox)
    cli.answer("sis", "prepare", "clever")
    stopped(cli, 1, SyncState.COMMITTING, silent_for=9)

    assert cli.answer("sis", "commit", 1)["state"] == "committed"


def test_a_commit_that_somebody_else_runs_is_waited_for(cli: CommandLine, sandbox: Served) -> None:
    cli.commit_all(sandbox)
    stopped(cli, 1, SyncState.COMMITTING, silent_for=0)

    def goes_on() -> None:
        time.sleep(0.5)
        stopped(cli, 1, SyncState.COMMITTING, silent_for=0)
        time.sleep(0.5)
        stopped(cli, 1, SyncState.COMMITTED, silent_for=0)

    other = threading.Thread(target=goes_on)
    other.start()
    result = cli.run("sis", "commit", 1)
    other.join()

    assert result.exit_code == 0
    assert result.stderr == "Another program commits sync 1 now: waiting for it.\n"


def test_a_prepare_beside_a_commit_that_stopped_is_refused_with_a_sentence(cli: CommandLine, sandbox: Served) -> None:
    cli.map_all(sandbox)
    cli.answer("sis", "prepare", "clever")
    stopped(cli, 1, SyncState.COMMITTING, silent_for=60)

    said = cli.failure("sis", "prepare", "clever")

    assert said.startswith("Sync 1 is being committed since ")
    assert cli.answer("sis", "report", 2)["state"] == "cancelled"
