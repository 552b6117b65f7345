"""``flask sis decide``: a held match decided and committed without another prepare."""

from datetime import UTC, datetime

import pytest
from sqlalchemy import insert, update

from sisportal.extensions import db
from sisportal.models import Account
from sisportal.models.database import writing
from sisportal.sandbox import edits
from sisportal.sandbox.serving import Served
from tests.cli.conftest import CommandLine

NOW = datetime(2026, 11, 3, 13, 5, tzinfo=UTC)


@pytest.fixture
def held(cli: CommandLine, sandbox: Served) -> tuple[int, int, list[int]]:
    """A prepared sync with one student who may be two accounts: sync, action, accounts."""
    cli.map_all(sandbox)
    student = next(p for p in sandbox.sandbox.district.people if p.student and p.student.number)
    with cli.app.app_context(), writing(db.engine).begin() as connection:
        for number in (1, 2):
            values = {"role": "student", "roles": ["student"], "username": f"by.hand{number}", "created_at": NOW}
            values |= {"first_name": student.first, "last_name": student.last, "student_id": student.as_student.number}
            connection.execute(insert(Account).values(id=number, **values))
    sync = cli.answer("sis", "prepare", "clever", code=3)
    assert [(each["reason"], each["count"]) for each in sync["held"]] == [("several-candidates", 1)]
    action = next(each for each in cli.answer("sis", "actions", sync["id"]) if each["held"])
    return sync["id"], action["id"], [1, 2]


@pytest.mark.parametrize(
    ("words", "verb"), [(("--same", 2), "edit"), (("--not-same", 1), "edit"), (("--create",), "add")]
)
def test_a_decision_lets_the_plan_be_committed(
    cli: CommandLine, held: tuple[int, int, list[int]], words: tuple[str | int, ...], verb: str
) -> None:
    sync_id, action_id, _ = held

    action = cli.answer("sis", "decide", sync_id, action_id, *words)

    assert (action["verb"], action["held"]) == (verb, "")
    assert cli.answer("sis", "commit", sync_id)["state"] == "committed"
    again = cli.answer("sis", "prepare", "clever")
    assert again["held"] == []
    assert cli.answer("sis", "actions", again["id"]) == []


def test_decided_after_the_rest_was_committed_their_places_follow_with_their_own_commit(
    cli: CommandLine, held: tuple[int, int, list[int]]
) -> None:
    sync_id, action_id, _ = held
    assert cli.answer("sis", "commit", sync_id, code=3)["state"] == "partly-committed"

    student = cli.answer("sis", "decide", sync_id, action_id, "--same", 2)["external_id"]
    joins = [each["id"] for each in cli.answer("sis", "actions", sync_id) if student in each["roster"]["join"]]
    assert joins

    assert cli.answer("sis", "commit", sync_id)["state"] == "committed"
    again = cli.answer("sis", "prepare", "clever")
    assert cli.answer("sis", "actions", again["id"]) == []


def test_one_answer_at_a_time(cli: CommandLine, held: tuple[int, int, list[int]]) -> None:
    sync_id, action_id, _ = held

    assert cli.run("sis", "decide", sync_id, action_id).exit_code == 2
    assert cli.run("sis", "decide", sync_id, action_id, "--same", 1, "--create").exit_code == 2
    assert "There is no account 77" in cli.failure("sis", "decide", sync_id, action_id, "--same", 77)
    assert "changed both here and in the SIS" in cli.failure("sis", "decide", sync_id, action_id, "--take", "sis")


def test_one_field_is_taken_from_the_sis_and_another_kept(cli: CommandLine, sandbox: Served) -> None:
    district = sandbox.sandbox.district
    cli.commit_all(sandbox)
    student = next(p for p in district.people if p.student and p.student.number)
    with cli.app.app_context(), writing(db.engine).begin() as connection:
        mine = Account.student_id == student.as_student.number
        values = {"email": "here@example.org", "last_name": "Here", "edited_at": NOW}
        connection.execute(update(Account).where(mine).values(values))
    edits.change_email(district, student.id, "there@example.org")
    edits.rename_person(district, student.id, first=student.first, last="There")
    sync_id = cli.answer("sis", "prepare", "clever", code=3)["id"]
    action_id = next(each["id"] for each in cli.answer("sis", "actions", sync_id) if each["held"])

    assert cli.run("sis", "decide", sync_id, action_id, "--field", "email").exit_code == 2
    told = cli.run("sis", "decide", sync_id, action_id, "--take", "sis", "--field", "email")
    assert "still held. Say of last_name, too" in told.output
    action = cli.answer("sis", "decide", sync_id, action_id, "--take", "portal", "--field", "last_name")

    assert (action["held"], action["after"]["email"]) == ("", "there@example.org")
    assert "last_name" not in action["after"]
    assert cli.answer("sis", "commit", sync_id)["state"] == "committed"


def test_whoever_is_listed_under_a_new_id_is_archived_by_no_release_and_stays_when_said_to_be_the_same(
    cli: CommandLine, sandbox: Served
) -> None:
    district = sandbox.sandbox.district
    cli.commit_all(sandbox)
    student = next(p for p in district.people if p.student and p.student.number)
    edits.leave(district, student.id)
    was, student.id = student.id, district.mint(student.created)
    district.put(student)

    sync = cli.answer("sis", "prepare", "clever", code=3)

    assert {(each["reason"], each["count"]) for each in sync["held"]} == {
        ("linked-elsewhere", 1),
        ("doubted-delete", 1),
    }
    held = {each["external_id"]: each for each in cli.answer("sis", "actions", sync["id"]) if each["held"]}
    assert {id_: (each["verb"], each["held"]) for id_, each in held.items()} == {
        student.id: ("add", "linked-elsewhere"),
        was: ("delete", "doubted-delete"),
    }
    assert held[was]["evidence"]["records"][0]["source_id"] == student.id
    released = cli.answer("sis", "commit", sync["id"], "--release-held", code=3)
    assert (released["state"], len(released["held"])) == ("partly-committed", 2)
    [candidate] = held[student.id]["evidence"]["candidates"]
    cli.answer("sis", "decide", sync["id"], held[student.id]["id"], "--same", candidate["id"])
    assert cli.answer("sis", "commit", sync["id"])["state"] == "committed"
    again = cli.answer("sis", "prepare", "clever")
    assert {each["type"] for each in cli.answer("sis", "actions", again["id"])} <= {"section"}


def test_a_district_whose_ids_were_remade_is_decided_by_one_number(cli: CommandLine, sandbox: Served) -> None:
    cli.commit_all(sandbox)
    edits.remake_ids(sandbox.sandbox.district)
    sync_id = cli.answer("sis", "prepare", "clever", code=3)["id"]
    assert cli.run("sis", "decide", sync_id, "--same", 1).exit_code == 2
    assert cli.run("sis", "decide", sync_id, 1, "--all-agreeing", "same").exit_code == 2

    asked = cli.run("sis", "decide", sync_id, "--all-agreeing", "same")

    assert asked.exit_code == 3
    number = int(asked.output.split("Give --number ")[1].split()[0])
    assert number > 50
    assert "type that number" in cli.failure("sis", "decide", sync_id, "--all-agreeing", "same", "--number", number + 1)
    assert cli.answer("sis", "decide", sync_id, "--all-agreeing", "same", "--number", number) == {"decided": number}
    verbs = [each["verb"] for each in cli.answer("sis", "actions", sync_id, "--type", "student")]
    assert verbs.count("edit") > 40
