"""The export of the LMS side, and the check of the store, by the command line."""

import json
import stat
from pathlib import Path
from typing import Any

from sqlalchemy import delete, insert, select, update

from sisportal.extensions import db
from sisportal.models import Account, AccountLink, Membership, Organization, SchoolClass, SisConnection, Sync
from sisportal.models.database import writing
from sisportal.sandbox import edits
from sisportal.sandbox.serving import Served
from tests.cli.conftest import CommandLine

ACCOUNT_KEYS = [
    "id", "role", "roles", "username", "first_name", "middle_name", "last_name", "preferred_name", "email", "student_id",
    "teacher_id", "sis_id", "state_id", "grade", "graduation_year", "gender", "birth_date", "organization",
    "organizations", "archived", "identifiers",
]  # fmt: skip
CLASS_KEYS = [
    "id", "name", "code", "subject", "grade", "period", "term", "start", "finish", "style", "sis_id", "organization",
    "parent", "teachers", "students", "archived", "identifiers",
]  # fmt: skip


def exported(cli: CommandLine, path: Path) -> Any:
    result = cli.run("directory", "export", "--format", "json", str(path))
    assert result.exit_code == 0, result.output
    return json.loads(path.read_bytes())


def change(cli: CommandLine, statement: Any) -> None:
    with cli.app.app_context(), writing(db.engine).begin() as connection:
        connection.execute(statement)


def test_an_empty_portal_exports_empty_lists(cli: CommandLine, tmp_path: Path) -> None:
    assert exported(cli, tmp_path / "all.json") == {"organizations": [], "accounts": [], "classes": []}


def test_the_export_is_the_district(cli: CommandLine, sandbox: Served, tmp_path: Path) -> None:
    cli.commit_all(sandbox)
    district = sandbox.sandbox.district

    found = exported(cli, tmp_path / "all.json")

    ids = {each["id"]: each["identifiers"]["clever"] for each in found["accounts"]}
    classes = {each["identifiers"]["clever"]: each for each in found["classes"] if each["identifiers"]}
    assert (list(found["accounts"][0]), list(found["classes"][0])) == (ACCOUNT_KEYS, CLASS_KEYS)
    assert {each["identifiers"]["clever"]: each["name"] for each in found["organizations"]} == {
        school.id: school.name for school in district.schools
    }
    assert set(classes) == {section.id for section in district.sections}
    for section in district.sections:
        assert [ids[each] for each in classes[section.id]["teachers"]] == section.teachers
        assert sorted(ids[each] for each in classes[section.id]["students"]) == sorted(section.students)


def test_who_left_is_exported_as_archived_and_is_in_no_roster(
    cli: CommandLine, sandbox: Served, tmp_path: Path
) -> None:
    cli.commit_all(sandbox)
    leaver = next(iter(sandbox.sandbox.district.sections)).students[0]
    edits.leave(sandbox.sandbox.district, leaver)
    cli.answer("sis", "prepare", "clever")
    cli.answer("sis", "commit", 2)

    found = exported(cli, tmp_path / "all.json")

    archived = [each for each in found["accounts"] if each["archived"]]
    assert [each["identifiers"] for each in archived] == [{"clever": leaver}]
    assert [each["id"] for each in found["classes"] if archived[0]["id"] in each["students"]] == []


def test_the_export_can_be_read_from_a_pipe(cli: CommandLine, sandbox: Served, tmp_path: Path) -> None:
    cli.commit_all(sandbox)

    printed = cli.run("directory", "export", "-").stdout

    assert json.loads(printed) == exported(cli, tmp_path / "all.json")


def test_the_exported_file_is_only_its_owners_to_read(cli: CommandLine, tmp_path: Path) -> None:
    exported(cli, tmp_path / "all.json")

    assert (tmp_path / "all.json").stat().st_mode & 0o777 == 0o600


def test_a_folder_that_is_not_there_is_named(cli: CommandLine, tmp_path: Path) -> None:
    assert (
        cli.failure("directory", "export", str(tmp_path / "none" / "all.json"))
        == f"There is no folder {tmp_path / 'none'}."
    )


def test_a_portal_after_a_sync_fits_together(cli: CommandLine, sandbox: Served) -> None:
    cli.commit_all(sandbox)
    cli.answer("sis", "prepare", "clever")

    assert cli.answer("check") == {"ok": True, "findings": []}


def test_what_does_not_fit_together_is_told_with_what_to_do(cli: CommandLine, sandbox: Served) -> None:
    cli.commit_all(sandbox)
    change(cli, update(SchoolClass).where(SchoolClass.id == 1).values(parent_id=2))
    change(cli, update(Organization).where(Organization.id == 1).values(parent_id=1))
    change(cli, update(Account).where(Account.id == 4).values(organizations=[]))
    change(cli, update(Sync).values(counts={"student": {"add": {"planned": 2}}}))
    change(cli, update(SisConnection).values(secrets="of another key"))
    again = select(AccountLink.connection_id, AccountLink.account_id).where(AccountLink.account_id == 7)
    with cli.app.app_context(), db.engine.connect() as connection:
        link = connection.execute(again).one()
    twice = {"connection_id": link.connection_id, "account_id": 7, "source_id": "another", "written": {}}
    change(cli, insert(AccountLink).values(twice))

    answer = cli.answer("check", code=1)

    assert [finding["what"] for finding in answer["findings"]] == [
        "clever: The stored credentials cannot be read with this SECRET_KEY. Enter them again.",
        "Organization 1 stands under itself.",
        "1 classes are sessions of a class that is no parent (1).",
        "1 accounts do not list their own organization, or list one that is not there (4).",
        "1 accounts are linked to more than one id of the same connection (7).",
        "1 accounts are linked to an id that the SIS never listed (7).",
        "1 accounts hold other values than were written to them, and nobody edited them (4).",
        "1 syncs count other numbers of actions than they have (1).",
    ]
    assert "" not in [finding["advice"] for finding in answer["findings"]]


def test_rows_that_refer_to_nothing_are_told(cli: CommandLine, sandbox: Served) -> None:
    cli.commit_all(sandbox)
    with cli.app.app_context(), db.engine.connect() as connection:
        connection.exec_driver_sql("ROLLBACK")
        connection.exec_driver_sql("PRAGMA foreign_keys = OFF")
        connection.exec_driver_sql("BEGIN IMMEDIATE")
        number = connection.execute(delete(Membership).where(Membership.account_id == 1)).rowcount
        connection.execute(delete(AccountLink).where(AccountLink.account_id == 1))
        connection.execute(insert(Membership), [{"class_id": 1, "account_id": 9_999, "position": Membership.STUDENT}])
        connection.commit()
    assert number > 0

    assert cli.run("check").stdout.startswith("1 rows of membership refer to rows of account that are not there.")


def test_everything_that_is_held_of_a_person_is_written_to_a_file(
    cli: CommandLine, sandbox: Served, tmp_path: Path
) -> None:
    cli.commit_all(sandbox)
    assert cli.run("directory", "person", "1", str(tmp_path / "person.json")).exit_code == 0
    found = json.loads((tmp_path / "person.json").read_text())
    assert (found["account"]["id"], len(found["changes"])) == (1, 1)
    assert stat.S_IMODE((tmp_path / "person.json").stat().st_mode) == 0o600
    assert cli.run("directory", "person", "99999", str(tmp_path / "none.json")).exit_code == 1
