"""``flask sis undo``, ``kept-back`` and ``propose-again``."""

import json
from pathlib import Path
from typing import Any

from sisportal.extensions import db
from sisportal.sandbox.serving import Served
from tests.cli.conftest import CommandLine
from tests.syncing.plans import audited


def exported(cli: CommandLine, folder: Path) -> dict[str, list[dict[str, Any]]]:
    path = folder / "all.json"
    assert cli.run("directory", "export", "--format", "json", path).exit_code == 0
    found: dict[str, list[dict[str, Any]]] = json.loads(path.read_text())
    return found


def test_a_sync_is_undone_by_two_commands_and_proposed_again_by_a_third(
    cli: CommandLine, sandbox: Served, tmp_path: Path
) -> None:
    first = cli.commit_all(sandbox)
    everything = exported(cli, tmp_path)

    plan = cli.answer("sis", "undo", first)
    assert (plan["mode"], plan["state"], plan["undoes"]) == ("undo", "prepared", first)
    assert plan["counts"]["student"]["delete"]["planned"] == plan["counts"]["student"]["delete"]["ticked"] > 0
    assert exported(cli, tmp_path) == everything
    done = cli.answer("sis", "commit", plan["id"])

    assert done["state"] == "committed"
    assert done["counts"]["student"]["delete"]["applied"] == plan["counts"]["student"]["delete"]["planned"]
    assert cli.answer("sis", "report", first)["undone_by"] == plan["id"]
    now = exported(cli, tmp_path)
    assert [each for name in ("accounts", "classes") for each in now[name] if not each["archived"]] == []
    quiet = cli.answer("sis", "prepare", "clever")
    assert {number for verbs in quiet["counts"].values() for each in verbs.values() for number in each.values()} == {0}
    assert sum(quiet["kept_back"]["student"].values()) == done["counts"]["student"]["delete"]["applied"]

    kept = cli.answer("sis", "kept-back", "clever")
    one = next(row for row in kept if row["type"] == "student")
    assert (one["kept_back"], one["undone_sync"]) == ("Is not brought here again", first)
    assert cli.answer("sis", "propose-again", "clever", one["external_id"]) == {"released": 1}
    again = cli.answer("sis", "prepare", "clever")
    assert again["counts"]["student"]["reactivate"]["planned"] == 1
    assert cli.answer("sis", "propose-again", "clever", "--all") == {"released": len(kept) - 1}
    cli.answer("sis", "commit", cli.answer("sis", "prepare", "clever")["id"])
    assert exported(cli, tmp_path) == everything
    with cli.app.app_context():
        told = [(event, details) for _, event, details in audited(db.engine)]
    assert ("undo-asked", {"undoes": first}) in told
    assert [details["records"] for event, details in told if event == "proposed-again"] == [1, len(kept) - 1]


def test_an_undo_that_makes_no_sense_is_refused_with_a_sentence(cli: CommandLine, sandbox: Served) -> None:
    cli.map_all(sandbox)
    sync_id = cli.answer("sis", "prepare", "clever")["id"]

    assert cli.failure("sis", "undo", sync_id) == f"Sync {sync_id} is prepared: only what was committed can be undone."
    assert cli.failure("sis", "undo", 99) == "There is no sync 99."
    assert cli.failure("sis", "propose-again", "clever", "nobody") == "Nothing is kept back of nobody."
    assert "Give the external ids" in cli.failure("sis", "propose-again", "clever", code=2)
    assert "Nothing is kept back." in cli.run("sis", "kept-back", "clever").output


def test_an_action_is_explained_with_what_came_before(cli: CommandLine, sandbox: Served) -> None:
    first = cli.commit_all(sandbox)
    undo = cli.answer("sis", "undo", first)["id"]
    action = cli.answer("sis", "actions", undo, "--type", "student")[0]

    told = cli.answer("sis", "explain", undo, action["id"])

    assert told["why"][0].startswith(f"It takes back that sync {first} added the student {action['external_id']}")
    assert [(each["sync"], each["sentence"]) for each in told["before"]] == [(first, f"Sync {first} added it.")]
    assert f"Sync {first} added it." in cli.run("sis", "explain", undo, action["id"]).output
    assert cli.failure("sis", "explain", undo, 999_999) == f"Sync {undo} has no action 999999."
