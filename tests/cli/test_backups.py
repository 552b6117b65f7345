"""``flask backup`` and ``flask restore``: the whole portal as one file and back, on both databases and from one to the other."""

import hashlib
import json
import os
import resource
import sqlite3
import stat
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pyotp
import pytest
from sqlalchemy import event, insert, inspect, select, text, update

from sisportal.config import PROJECT, load
from sisportal.extensions import db
from sisportal.factory import create_app
from sisportal.folder import held
from sisportal.models import (
    Account,
    AuditEvent,
    Base,
    Mail,
    MailKind,
    MailState,
    NoticeKind,
    Notification,
    PasswordLink,
    Schedule,
    SecondFactor,
    SignedInBrowser,
    SisConnection,
    Sync,
    SyncState,
)
from sisportal.models.database import make_engine, writing
from sisportal.sandbox.serving import Served
from sisportal.syncing import notices, outbox, second_factor
from sisportal.syncing.credentials import Cipher
from sisportal.syncing.review import Who
from tests.cli.conftest import CommandLine
from tests.services.postgres import Cluster

Make = Callable[[str], CommandLine]
DATABASES = ("sqlite", "postgresql")


@pytest.fixture
def make(tmp_path: Path, postgres_cluster: Cluster) -> Iterator[Make]:
    """Makes the command line of a portal of its own: empty, with its own folder, secret and database of the named kind."""
    made: list[CommandLine] = []
    names: list[str] = []

    def make(kind: str) -> CommandLine:
        folder = tmp_path / f"portal-{len(made)}"
        values = {"DATA_DIR": str(folder), "SECRET_KEY": f"made-up {len(made)}"}
        if kind == "postgresql":
            names.append(postgres_cluster.create())
            values["DATABASE_URL"] = postgres_cluster.url(names[-1])
        made.append(CommandLine(create_app(load(values, env_file=None), TESTING=True)))
        return made[-1]

    yield make
    for each in made:
        with each.app.app_context():
            db.engine.dispose()
    for name in names:
        postgres_cluster.drop(name)


def rows(cli: CommandLine, *names: str) -> dict[str, list[Any]]:
    """Every row of every table, or of these, as Python values."""
    with cli.app.app_context(), db.engine.connect() as connection:
        tables = [Base.metadata.tables[name] for name in names or sorted(Base.metadata.tables)]
        return {
            table.name: list(connection.execute(select(table).order_by(*table.primary_key.columns))) for table in tables
        }


def change(cli: CommandLine, model: type[Base], **values: Any) -> None:
    with cli.app.app_context(), db.engine.begin() as connection:
        assert connection.execute(update(model).values(**values)).rowcount


def tables_of(cli: CommandLine) -> list[str]:
    with cli.app.app_context():
        return inspect(db.engine).get_table_names()


TOUCHED = ("audit_event", "connection", "notification", "password_link", "signed_in_browser", "sync")
"""The tables in which a restore itself writes."""


@pytest.mark.parametrize("to", DATABASES)
@pytest.mark.parametrize("of", DATABASES)
def test_a_restored_portal_holds_what_the_backup_held_and_works_on(
    make: Make, sandbox: Served, tmp_path: Path, of: str, to: str
) -> None:
    first, second, file = make(of), make(to), tmp_path / "all.zip"
    first.answer("setup", "--email", "ada@example.org", "--password", "twelve letters")
    first.commit_all(sandbox)
    told = first.answer("backup", file)
    before = rows(first)

    answer = second.answer("restore", file)

    after = rows(second)
    assert {name: after[name] for name in after if name not in TOUCHED} == {
        name: before[name] for name in before if name not in TOUCHED
    }
    assert answer["rows"] == told["rows"] == sum(map(len, before.values())) - 1, "all but the line about the backup"
    assert (answer["findings"], answer["credentials"], answer["kept"]) == ([], "kept", "")
    # It reads the SIS with the credentials that came along, though its own secret is another, and numbers go on.
    second.answer("sis", "prepare", "clever")
    assert second.answer("sis", "actions", 2) == []
    assert second.answer("check") == {"ok": True, "findings": []}
    assert second.answer("setup", "--email", "eve@example.org", "--password", "twelve letters")["id"] > 1


def test_after_a_restore_nobody_is_signed_in_no_link_counts_and_no_mail_goes_out_again(
    make: Make, sandbox: Served, tmp_path: Path
) -> None:
    cli, file = make("sqlite"), tmp_path / "all.zip"
    cli.answer("setup", "--email", "ada@example.org", "--password", "twelve letters")
    with cli.app.app_context(), db.engine.begin() as connection:
        now = cli.app.extensions["clock"]()
        signed_in = {"key": "k", "account_id": 1, "session_version": 1, "way": "password", "created_at": now}
        connection.execute(insert(SignedInBrowser), [signed_in])
        link = {"key": "l", "account_id": 1, "purpose": "set", "made_by": "x", "created_at": now, "expires_at": now}
        connection.execute(insert(PasswordLink), [link])
        outbox.put(connection, MailKind.NOTIFICATION, 1, "ada@example.org", now, text="made-up")
    cli.answer("backup", file)

    cli.answer("restore", file, "--replace")

    found = rows(cli, "signed_in_browser", "password_link")
    assert found["signed_in_browser"] == []
    assert [row[-1] is not None for row in found["password_link"]] == [True]
    with cli.app.app_context(), db.engine.connect() as connection:
        events = list(connection.scalars(select(AuditEvent.event).order_by(AuditEvent.id)))
        said = connection.scalars(select(Notification.text)).one()
        waiting = connection.scalars(select(Mail.state).order_by(Mail.id)).first()
    assert events[-1] == "portal-restored"
    assert waiting == MailState.DROPPED, "it may have been sent since"
    assert said.startswith("The portal was restored from the backup of ")


@pytest.mark.parametrize("kind", DATABASES)
def test_a_backup_taken_while_a_commit_runs_is_continued_where_it_is_restored(
    make: Make, sandbox: Served, tmp_path: Path, kind: str
) -> None:
    """Taken between two batches, from a process of its own; the commit goes on undisturbed, and the copy ends alike."""
    first, second, file = make(kind), make(kind), tmp_path / "all.zip"
    first.map_all(sandbox)
    sync_id = first.answer("sis", "prepare", "clever")["id"]
    other = CommandLine(create_app(first.app.extensions["settings"], TESTING=True))
    begun: list[bool] = []

    def between(_connection: Any) -> None:
        begun.append(True)
        if len(begun) == 12:
            other.answer("backup", file)

    with first.app.app_context():
        engine = db.engine
    event.listen(engine, "engine_connect", between)
    first.answer("sis", "commit", sync_id)
    event.remove(engine, "engine_connect", between)
    with other.app.app_context():
        db.engine.dispose()

    answer = second.answer("restore", file)

    assert (answer["continued"], answer["interrupted"]) == (1, 0)
    half_way = len(rows(second, "account_link")["account_link"])
    assert half_way < len(rows(first, "account_link")["account_link"])
    assert second.answer("sis", "commit", sync_id)["state"] == "committed"
    told = ("id", "username", "role", "last_name", "organization_id")
    for cli in (first, second):
        assert cli.answer("check") == {"ok": True, "findings": []}
    held = [
        {name: [[getattr(row, each) for each in told] for row in _accounts(cli)] for name in ("accounts",)}
        | {"links": [row[:3] for row in rows(cli, "account_link")["account_link"]]}
        | {"places": rows(cli, "membership")["membership"]}
        for cli in (first, second)
    ]
    assert held[0] == held[1]


def _accounts(cli: CommandLine) -> list[Any]:
    with cli.app.app_context(), db.engine.connect() as connection:
        return list(connection.execute(select(Account.__table__).order_by(Account.id)))


def test_what_waited_or_was_being_prepared_is_interrupted_and_does_not_begin_by_itself(
    make: Make, sandbox: Served, tmp_path: Path
) -> None:
    cli, file = make("sqlite"), tmp_path / "all.zip"
    cli.map_all(sandbox)
    cli.answer("sis", "prepare", "clever")
    now = cli.app.extensions["clock"]()
    change(cli, Sync, state=SyncState.PREPARING, heartbeat_at=now, claim="alive")
    with cli.app.app_context(), db.engine.begin() as connection:
        daily = {"setting": "07:00", "set_at": now, "handled_until": now - timedelta(days=3), "restarts": 1}
        connection.execute(insert(Schedule), [{"connection_id": 1, **daily}])
    cli.answer("backup", file)
    change(cli, Sync, state=SyncState.DISCARDED)

    answer = cli.answer("restore", file, "--replace")

    assert answer["interrupted"] == 1
    report = cli.answer("sis", "report", 1)
    assert (report["state"], report["note"]) == (
        "interrupted",
        "Stopped: the portal was restored from a backup before this sync had ended. Nothing was lost; start it again.",
    )
    assert rows(cli, "schedule")["schedule"][0].handled_until > now, "runs missed since are not made up"
    assert cli.answer("sis", "prepare", "clever")["state"] == "prepared"


@pytest.mark.parametrize("kind", DATABASES)
def test_a_portal_that_holds_something_is_replaced_only_where_that_is_asked_for_and_is_kept_aside(
    make: Make, tmp_path: Path, kind: str
) -> None:
    cli, file = make(kind), tmp_path / "all.zip"
    cli.answer("setup", "--email", "ada@example.org", "--password", "twelve letters")
    cli.answer("backup", file)
    cli.answer("setup", "--email", "eve@example.org", "--password", "twelve letters")
    before = rows(cli)

    refusal = cli.failure("restore", file)

    assert refusal.startswith("The database holds a portal already. Add --replace")
    assert rows(cli) == before
    kept = cli.answer("restore", file, "--replace")["kept"]
    assert [account.username for account in _accounts(cli)] == ["ada@example.org"]
    assert _kept_accounts(cli, kept) == [row[3] for row in before["account"]]


def _kept_accounts(cli: CommandLine, kept: str) -> list[str]:
    with cli.app.app_context(), db.engine.connect() as connection:
        if connection.dialect.name == "sqlite":
            assert stat.S_IMODE(Path(kept).stat().st_mode) == 0o600
            connection.rollback()
            connection.execution_options(isolation_level="AUTOCOMMIT")
            connection.exec_driver_sql("ATTACH ? AS kept", (kept,))
            where = "kept"
        else:
            where = kept.split()[2]
        found = [row[0] for row in connection.execute(text(f"SELECT username FROM {where}.account ORDER BY id"))]
        connection.invalidate()
        return found


def test_a_backup_can_only_be_read_by_its_owner_and_replaces_an_older_one(make: Make, tmp_path: Path) -> None:
    cli, file = make("sqlite"), tmp_path / "all.zip"
    file.write_bytes(b"an older one")

    cli.answer("backup", file)

    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert zipfile.is_zipfile(file)
    assert [path.name for path in tmp_path.glob(".all.zip*")] == []


def test_credentials_are_not_in_the_file_in_clear_and_can_be_left_out(
    make: Make, sandbox: Served, tmp_path: Path
) -> None:
    cli, other = make("sqlite"), make("sqlite")
    cli.connect(sandbox)
    cli.answer("backup", tmp_path / "with.zip")
    cli.answer("backup", tmp_path / "without.zip", "--without-credentials")

    for name in ("with.zip", "without.zip"):
        with zipfile.ZipFile(tmp_path / name) as archive:
            everything = b"".join(map(archive.read, archive.namelist()))
        assert sandbox.sandbox.token.encode() not in everything
        assert cli.app.extensions["settings"].secret_key.encode() not in everything
    result = other.run("restore", tmp_path / "without.zip")
    assert "The backup holds no credentials of the SIS: enter them again" in result.stderr
    with other.app.app_context(), db.engine.connect() as connection:
        assert connection.scalar(select(SisConnection.secrets)) is None
    assert Cipher.of_key(cli.app.extensions["cipher"].key).decrypt(None) == {}


SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
ADA = Who("ada@example.org", 1)


def ask_ada_for_codes(cli: CommandLine) -> list[str]:
    """Give the administrator a second factor; her recovery codes."""
    cli.answer("setup", "--email", ADA.name, "--password", "twelve letters")
    with cli.app.app_context():
        before = cli.app.extensions["clock"]() - timedelta(minutes=5)
        code = pyotp.TOTP(SECRET).at(before)
        return second_factor.set_up(db.engine, cli.app.extensions["cipher"], ADA, SECRET, code, before)


def lets_in(cli: CommandLine, code: str) -> bool:
    with cli.app.app_context():
        now = cli.app.extensions["clock"]()
        return second_factor.fits(db.engine, cli.app.extensions["cipher"], ADA, code, now)


def test_a_second_factor_comes_back_with_a_backup_under_another_secret_key(make: Make, tmp_path: Path) -> None:
    first, second = make("sqlite"), make("sqlite")
    codes = ask_ada_for_codes(first)
    first.answer("backup", tmp_path / "all.zip")
    second.answer("restore", tmp_path / "all.zip")
    assert second.answer("check")["ok"]
    now = second.app.extensions["clock"]()
    assert [lets_in(second, code) for code in (pyotp.TOTP(SECRET).at(now), codes[0], codes[0])] == [True, True, False]


def test_a_backup_without_credentials_leaves_the_keys_of_second_factors_out_and_the_question_in(
    make: Make, tmp_path: Path
) -> None:
    first, second = make("sqlite"), make("sqlite")
    codes = ask_ada_for_codes(first)
    first.answer("backup", tmp_path / "without.zip", "--without-credentials")
    second.answer("restore", tmp_path / "without.zip")
    assert second.answer("check")["ok"]
    with second.app.app_context(), db.engine.connect() as connection:
        assert connection.execute(select(SecondFactor.account_id, SecondFactor.secret)).all() == [(1, None)]
        assert second_factor.is_asked(connection, 1, "password")
    now = second.app.extensions["clock"]()
    assert [lets_in(second, code) for code in (pyotp.TOTP(SECRET).at(now), codes[0])] == [False, True]


def test_a_portal_that_runs_is_not_restored_over(make: Make, tmp_path: Path) -> None:
    cli, file = make("sqlite"), tmp_path / "all.zip"
    cli.answer("backup", file)

    with held(cli.app.extensions["settings"].data_dir):
        assert cli.failure("restore", file).startswith("A portal already runs on the data folder")


def test_a_stage_that_runs_keeps_a_portal_from_being_replaced(make: Make, sandbox: Served, tmp_path: Path) -> None:
    cli, file = make("sqlite"), tmp_path / "all.zip"
    cli.map_all(sandbox)
    cli.answer("sis", "prepare", "clever")
    cli.answer("backup", file)
    change(cli, Sync, state=SyncState.COMMITTING, heartbeat_at=cli.app.extensions["clock"]())

    assert cli.failure("restore", file, "--replace") == (
        "Sync 1 runs now. Wait until it has ended, and stop the portal."
    )


def test_a_database_file_that_cannot_be_read_any_more_is_replaced_and_its_bytes_are_kept(
    make: Make, tmp_path: Path
) -> None:
    cli, file = make("sqlite"), tmp_path / "all.zip"
    cli.answer("setup", "--email", "ada@example.org", "--password", "twelve letters")
    cli.answer("backup", file)
    with cli.app.app_context():
        path = Path(str(db.engine.url.database))
        db.engine.dispose()
    for suffix in ("-wal", "-shm"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)
    path.write_bytes(b"not a database any more" * 1_000)

    assert cli.failure("restore", file).startswith("The database cannot be read")
    kept = cli.answer("restore", file, "--replace")["kept"]

    assert Path(kept).read_bytes().startswith(b"not a database any more")
    assert [account.username for account in _accounts(cli)] == ["ada@example.org"]


def spoil_bytes(file: Path) -> None:
    data = bytearray(file.read_bytes())
    middle = len(data) // 3
    data[middle : middle + 40] = bytes(40)
    file.write_bytes(data)


def cut_off(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:-200])


def another_zip(file: Path) -> None:
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("users.csv", "sourcedId")


def no_zip(file: Path) -> None:
    file.write_text("Dear administrator,")


def rewritten(file: Path, name: str, content: Callable[[bytes], bytes | None]) -> None:
    """The same file with another content of one of its parts; without it where that is None."""
    with zipfile.ZipFile(file) as archive:
        parts = {each: archive.read(each) for each in archive.namelist()}
    with zipfile.ZipFile(file, "w") as archive:
        for each, data in parts.items():
            put = content(data) if each == name else data
            if put is not None:
                archive.writestr(each, put)


def manifest(file: Path, **values: Any) -> None:
    rewritten(file, "manifest.json", lambda data: json.dumps(json.loads(data) | values).encode())


DAMAGES: dict[str, tuple[Callable[[Path], None], str]] = {
    "bytes lost in the middle": (spoil_bytes, "damaged"),
    "cut off": (cut_off, "is damaged, or is no backup"),
    "another zip": (another_zip, "This is no backup of a portal"),
    "no zip": (no_zip, "is no backup"),
    "a row changed": (
        lambda file: rewritten(file, "tables/account.jsonl", lambda data: data.replace(b"ada", b"eve")),
        "table account is not what was written",
    ),
    "a table missing": (lambda file: rewritten(file, "tables/account.jsonl", lambda _data: None), "tables are missing"),
    "of another program": (lambda file: manifest(file, format="another"), "This is no backup of a portal"),
    "of a later format": (lambda file: manifest(file, version=2), "made by a newer version"),
    "of later tables": (lambda file: manifest(file, revision="9999"), "made by a newer version"),
    "not there": (Path.unlink, "There is no file"),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_or_foreign_file_is_refused_before_anything_is_touched(
    make: Make, tmp_path: Path, damage: str
) -> None:
    cli, file = make("sqlite"), tmp_path / "all.zip"
    cli.answer("setup", "--email", "ada@example.org", "--password", "twelve letters")
    cli.answer("backup", file)
    spoil, sentence = DAMAGES[damage]
    spoil(file)
    before = rows(cli)

    refusal = cli.failure("restore", file, "--replace")

    assert sentence in refusal
    assert rows(cli) == before
    assert list(tmp_path.rglob("before_restore*")) == []
    assert "newer" in refusal or sentence in cli.failure("restore", file, "--only-check")


@pytest.mark.parametrize("kind", DATABASES)
def test_a_restore_that_fails_half_way_leaves_everything_as_it_was(make: Make, tmp_path: Path, kind: str) -> None:
    """Rows that refer to nothing are only seen once all of them are there."""
    cli, file = make(kind), tmp_path / "all.zip"
    cli.answer("setup", "--email", "ada@example.org", "--password", "twelve letters")
    with cli.app.app_context(), db.engine.begin() as connection:
        told = "Something is about account 1."
        notices.notify(connection, None, NoticeKind.FAILED, told, cli.app.extensions["clock"]())
    cli.answer("backup", file)
    rewritten(file, "tables/account.jsonl", lambda _data: b"")
    nothing = {"rows": 0, "sha256": hashlib.sha256(b"").hexdigest()}
    with zipfile.ZipFile(file) as archive:
        tables = json.loads(archive.read("manifest.json"))["tables"]
    emptied = [table | (nothing if table["name"] == "account" else {}) for table in tables]
    manifest(file, tables=emptied)
    before, names = rows(cli), tables_of(cli)

    refusal = cli.failure("restore", file, "--replace")

    assert "refer to rows that are not there" in refusal or "do not fit" in refusal
    assert (rows(cli), tables_of(cli)) == (before, names)
    assert cli.answer("check") == {"ok": True, "findings": []}
    assert list(tmp_path.rglob(".restore-*")) == []


def test_a_backup_that_finds_no_room_leaves_the_older_one_and_says_so(make: Make, tmp_path: Path) -> None:
    """Files may not grow beyond a few kilobytes, as on a disk that is full."""
    cli, file = make("sqlite"), tmp_path / "all.zip"
    cli.answer("setup", "--email", "ada@example.org", "--password", "twelve letters")
    cli.answer("backup", file)
    older = file.read_bytes()
    environ = {
        "PATH": os.environ["PATH"],
        "DATA_DIR": str(cli.app.extensions["settings"].data_dir),
        "SECRET_KEY": "made-up 0",
        "PYTHONDONTWRITEBYTECODE": "1",  # compiled modules would be cut off as well
    }

    done = subprocess.run(
        [sys.executable, "-m", "flask", "backup", file], cwd=PROJECT, env=environ, capture_output=True, text=True,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (2_000, 2_000)), timeout=60, check=False,
    )  # fmt: skip

    assert (done.returncode, "File too large" in done.stderr) == (1, True), done.stderr
    assert file.read_bytes() == older
    assert [path.name for path in tmp_path.iterdir() if "all.zip" in path.name] == ["all.zip"]


@pytest.mark.parametrize("kind", DATABASES)
def test_a_backup_is_made_although_somebody_else_writes_for_so_long_that_the_audit_log_is_not_told(
    make: Make, tmp_path: Path, kind: str
) -> None:
    cli, file = make(kind), tmp_path / "all.zip"
    cli.answer("setup", "--email", "ada@example.org", "--password", "twelve letters")
    with cli.app.app_context():
        engine = db.engine
    event.listen(engine, "connect", impatient)
    engine.dispose()
    other = make_engine(engine.url.render_as_string(hide_password=False))
    with writing(other).begin() as connection:
        if kind == "postgresql":
            connection.exec_driver_sql("LOCK TABLE audit_event IN EXCLUSIVE MODE")

        done = cli.run("backup", file)

    other.dispose()
    assert done.exit_code == 0, done.stderr
    assert "rows of" in done.stdout
    assert "The audit log could not be told of this backup, which is whole" in done.stderr
    assert cli.run("restore", file, "--only-check").exit_code == 0


def impatient(connection: Any, _record: object) -> None:
    """Wait for no lock of somebody else's for long."""
    sqlite = isinstance(connection, sqlite3.Connection)
    connection.execute("PRAGMA busy_timeout = 50" if sqlite else "SET lock_timeout = 50")
    connection.commit()
