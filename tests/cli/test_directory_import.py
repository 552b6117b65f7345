"""``flask directory import``: accounts and classes from a file, told row by row, written in whole or not at all."""

import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from sisportal.extensions import db
from sisportal.models import Account, AccountLink, AuditEvent, ClassLink, Membership, Pin, SchoolClass
from sisportal.sandbox import edits
from sisportal.sandbox.serving import Served
from tests.cli.conftest import CommandLine

ACCOUNTS = (
    "role,username,first_name,last_name,email,student_id,teacher_id,sis_id,clever_id,oneroster_id,grade,organization"
)
CLASSES = "name,code,start,finish,style,sis_id,clever_id,oneroster_id,organization,teachers"


class Files:
    """Writes files and imports them."""

    def __init__(self, cli: CommandLine, folder: Path) -> None:
        self.cli, self.folder = cli, folder

    def put(self, *lines: str) -> str:
        path = self.folder / "file.csv"
        path.write_text("\n".join([*lines, ""]), encoding="utf-8")
        return str(path)

    def take(self, *lines: str, code: int = 0, words: tuple[str, ...] = ()) -> Any:
        """The answer to importing these lines."""
        return self.cli.answer("directory", "import", self.put(*lines), *words, code=code)

    def rows(self, table: Any) -> list[Any]:
        with self.cli.app.app_context(), db.engine.connect() as connection:
            return list(connection.execute(select(table.__table__).order_by(*table.__table__.primary_key.columns)))

    def exported(self) -> Any:
        result = self.cli.run("directory", "export", "--format", "json", "-")
        return json.loads(result.stdout_bytes)


def numbers(answer: Any) -> tuple[int, int, int, int, bool]:
    created, changed, unchanged, skipped = (answer[name] for name in ("created", "changed", "unchanged", "skipped"))
    return created, changed, unchanged, skipped, answer["written"]


@pytest.fixture
def files(cli: CommandLine, tmp_path: Path) -> Files:
    return Files(cli, tmp_path)


def test_accounts_are_made_changed_and_left_alone(files: Files) -> None:
    people = (
        "teacher,Tia,Tia,Ueda,tia@example.org,,T-1,,,,,",
        "student,mia,Mia,Abel,,S-1,,,,,9,",
    )
    assert numbers(files.take(ACCOUNTS, *people)) == (2, 0, 0, 0, True)
    made = [(row.role, row.username, row.source, row.search, row.roles) for row in files.rows(Account)]
    assert made == [
        ("teacher", "Tia", "import", "ueda tia tia tia@example.org t-1", ["teacher"]),
        ("student", "mia", "import", "abel mia mia s-1", ["student"]),
    ]

    assert numbers(files.take(ACCOUNTS, *people)) == (0, 0, 2, 0, False)
    assert numbers(files.take(ACCOUNTS, "student,MIA,,,,,,,,,10,")) == (0, 1, 0, 0, True)
    mia = files.rows(Account)[1]
    assert (mia.username, mia.grade, mia.last_name) == ("MIA", "10", "Abel")
    assert [(row.event, row.actor, row.details) for row in files.rows(AuditEvent)] == [
        ("accounts-imported", "command line", {"added": 2, "changed": 0, "left_out": 0}),
        ("accounts-imported", "command line", {"added": 0, "changed": 1, "left_out": 0}),
    ]


def test_bad_rows_are_listed_with_line_and_column_and_nothing_is_written(files: Files) -> None:
    lines = (
        ACCOUNTS + ",Shoe size",
        "student,ann,Ann,Noor,,,,,,,,",
        "pupil,bob,Bob,Bo,,,,,,,,",
        "student,cid,,,not an address,,,,,,,Nowhere",
        "student,ANN,Ann,Other,,,,,,,,",
        "student,dan,Dan,Ito,,,,,c1,,,",
    )
    answer = files.take(*lines, code=1)

    assert (numbers(answer), answer["unknown_columns"]) == ((1, 0, 0, 4, False), ["Shoe size"])
    assert [(each["line"], each["column"]) for each in answer["errors"]] == [
        (3, "role"), (4, "organization"), (4, "email"), (5, "username"), (6, "clever_id"),
    ]  # fmt: skip
    assert answer["errors"][3]["message"] == "Line 2 is about the same account."
    assert files.rows(Account) == []
    result = files.cli.run("directory", "import", files.put(*lines))
    assert result.exit_code == 1
    assert "line 3, column role: A role is one of" in result.output
    assert "Some rows cannot be imported, so nothing was written." in result.output

    answer = files.take(*lines, words=("--skip-bad",))
    assert numbers(answer) == (1, 0, 0, 4, True)
    assert [row.username for row in files.rows(Account)] == ["ann"]


def test_usernames_are_made_where_the_file_gives_none_and_found_again(files: Files) -> None:
    lines = (
        "role,first_name,last_name,email,student_id",
        "student,Ann,Noor,,S-1",
        "student,Ann,Noor,,S-2",
        "teacher,Bo,Li,bo@example.org,",
    )
    assert numbers(files.take(*lines)) == (3, 0, 0, 0, True)
    assert [row.username for row in files.rows(Account)] == ["ann.noor", "ann.noor2", "bo@example.org"]

    assert numbers(files.take(*lines)) == (0, 0, 3, 0, False)
    other = files.take("role,first_name,last_name,student_id", "student,Zed,Quux,S-1", code=1)
    assert other["errors"][0]["message"].startswith("An account has this already, under another name")
    twice = files.take("role,first_name,last_name,email", "teacher,Al,Ba,a@x.org", "teacher,Al,Ba,a@x.org", code=1)
    assert twice["errors"][0]["message"] == "Line 2 is about the same account."


def test_two_people_with_one_e_mail_address_are_two_accounts(files: Files) -> None:
    lines = ("role,username,last_name,email", "student,a,Abel,home@example.org", "student,b,Baker,home@example.org")
    assert numbers(files.take(*lines)) == (2, 0, 0, 0, True)


def test_ids_of_the_sis_link_to_its_connection(files: Files, sandbox: Served) -> None:
    files.cli.map_all(sandbox)
    student = next(person for person in sandbox.sandbox.district.people if person.student)
    section = next(iter(sandbox.sandbox.district.sections))
    taken = files.take(ACCOUNTS, f"student,mine,{student.first},{student.last},,,,,{student.id},,,")
    assert numbers(taken) == (1, 0, 0, 0, True)
    assert numbers(files.take(CLASSES, f"{section.name},,,,,,{section.id},,,")) == (1, 0, 0, 0, True)
    assert [(row.source_id, row.written) for row in files.rows(AccountLink)] == [(student.id, {})]
    assert [row.source_id for row in files.rows(ClassLink)] == [section.id]

    sync_id = files.cli.answer("sis", "prepare", "clever")["id"]
    files.cli.answer("sis", "commit", sync_id)

    accounts = {each["identifiers"].get("clever"): each for each in files.exported()["accounts"]}
    assert (accounts[student.id]["username"], accounts[student.id]["id"]) == ("mine", 1)
    other = files.take(ACCOUNTS, f"student,new,X,Y,,,,,{student.id},,,")
    assert numbers(other)[:2] == (0, 1)  # the id counts before the username
    again = files.take(ACCOUNTS, "student,new,,,,,,,another-id,,,", code=1)
    assert again["errors"] == [
        {"line": 2, "column": "clever_id", "message": "The account has another id there already."}
    ]


def test_what_a_file_changes_of_a_synced_account_is_pinned(files: Files, sandbox: Served) -> None:
    files.cli.commit_all(sandbox)
    student = next(person for person in sandbox.sandbox.district.people if person.student and not person.teacher)
    account = next(each for each in files.exported()["accounts"] if each["identifiers"]["clever"] == student.id)

    taken = files.take("username,last_name,clever_id", f"{account['username']},Changed,{student.id}")

    assert numbers(taken) == (0, 1, 0, 0, True)
    assert [row.search.split()[0] for row in files.rows(Account) if row.id == account["id"]] == ["changed"]
    assert [(row.record_id, row.field, row.here) for row in files.rows(Pin)] == [
        (account["id"], "last_name", "Changed")
    ]
    edits.change_email(sandbox.sandbox.district, student.id, "other@example.org")
    actions = files.cli.answer("sis", "actions", files.cli.answer("sis", "prepare", "clever")["id"])
    assert [each["after"] for each in actions if each["external_id"] == student.id] == [{"email": "other@example.org"}]


def test_classes_are_made_with_their_teachers_and_changed(files: Files) -> None:
    files.take(
        "role,username,last_name,email,teacher_id",
        "teacher,tia,Ueda,tia@example.org,T-1",
        "teacher,bo,Li,bo@example.org,T-2",
        "student,sam,Su,,",
    )
    lines = (CLASSES, "Art,A-1,2026-09-01,6/11/2027,Blended,,,,,bo; TIA@example.org", "Music,,,,self-paced,X-1,,,,T-1")
    assert numbers(files.take(*lines)) == (2, 0, 0, 0, True)
    art, music = files.rows(SchoolClass)
    assert (art.name, art.code, art.start, art.finish, art.style, art.source) == (
        "Art",
        "A-1",
        "2026-09-01",
        "2027-06-11",
        "blended",
        "import",
    )
    assert music.style == "self-paced"
    assert [(row.class_id, row.account_id, row.position) for row in files.rows(Membership)] == [
        (1, 1, 1),
        (1, 2, 0),
        (2, 1, 0),
    ]

    assert numbers(files.take(*lines)) == (0, 0, 2, 0, False)
    assert numbers(files.take(CLASSES, "Art,A-1,,,,,,,,tia", "Songs,,,,,X-1,,,,")) == (0, 2, 0, 0, True)
    assert [row.name for row in files.rows(SchoolClass)] == ["Art", "Songs"]
    ended = [(row.account_id, row.position, row.ended_by_sync) for row in files.rows(Membership) if row.class_id == 1]
    assert ended == [(1, 0, None), (2, 0, 0)]
    answer = files.take(
        CLASSES,
        "Dance,,2027-01-01,2026-01-01,outdoors,,,,,sam",
        ",,,,,,,,,",
        "Art,A-1,,,,,,,,",
        "Art,A-1,,,,,,,,",
        code=1,
    )
    assert [(each["line"], each["column"]) for each in answer["errors"]] == [
        (2, "teachers"), (2, "finish"), (2, "style"), (5, "name"),
    ]  # fmt: skip


def test_classes_that_are_called_alike_are_told_apart_or_refused(files: Files) -> None:
    header = "name,code,period,start"
    lines = (header, "Algebra,M-1,1,", "Algebra,M-1,2,")
    assert numbers(files.take(*lines)) == (2, 0, 0, 0, True)
    assert numbers(files.take(header, "Algebra,M-1,2,2026-09-01")) == (0, 1, 0, 0, True)
    assert [row.start for row in files.rows(SchoolClass)] == ["", "2026-09-01"]
    answer = files.take("name,code,grade", "Algebra,M-1,9", code=1)
    assert answer["errors"][0]["message"].startswith("Several classes are called this.")


def test_the_exports_of_the_lists_change_nothing(files: Files, sandbox: Served) -> None:
    from tests.web.conftest import browser  # noqa: PLC0415

    files.cli.commit_all(sandbox)
    files.cli.answer("setup", "--email", "ada@example.org", "--password", "a long enough one")
    files.take(
        "role,username,last_name,first_name", "teacher,=cmd|' /C calc'!A0,=HYPERLINK(1),-1", "student,x,'=quoted,@x"
    )
    administrator = max(row.id for row in files.rows(Account) if row.role == "administrator")
    client = browser(files.cli.app, administrator)
    before = files.exported()
    for name in ("accounts", "classes"):
        content = client.get(f"/{name}.csv?state=all").get_data()
        rows = list(csv.DictReader(io.StringIO(content.decode("utf-8-sig"))))
        assert not [cell for row in rows for cell in row.values() if cell.startswith(("=", "+", "-", "@"))]
        path = files.folder / f"{name}.csv"
        path.write_bytes(content)
        answer = files.cli.answer("directory", "import", path)
        assert (numbers(answer), answer["errors"]) == ((0, 0, len(rows), 0, False), [])
    assert files.exported() == before


def test_a_file_that_cannot_be_read_is_said(files: Files) -> None:
    assert files.cli.failure("directory", "import", files.put("a,b", "1,2")).startswith(
        "The first line names no column"
    )
    assert "does not exist" in files.cli.failure("directory", "import", "nowhere.csv", code=2)


def test_every_import_is_in_the_audit_log(files: Files) -> None:
    files.take("name", "Art")
    assert [(row.event, row.subject) for row in files.rows(AuditEvent)] == [("classes-imported", "1 rows")]
