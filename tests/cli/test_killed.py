"""Commands as processes of their own, on a folder that was empty, killed at any moment and typed again."""

import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sisportal.config import PROJECT, load
from sisportal.extensions import db
from sisportal.factory import create_app
from sisportal.sandbox.faults import Fault
from sisportal.sandbox.serving import Served
from tests.cli.conftest import CommandLine

NO_QUEUE = "redis://127.0.0.1:1"


class Shell:
    """Types commands for a portal that lives in ``folder``."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def start(self, *words: str) -> subprocess.Popen[str]:
        environ = {
            "PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/"), "DATA_DIR": str(self.folder),
            "REDIS_URL": NO_QUEUE,
        }  # fmt: skip
        command = [sys.executable, "-m", "flask", *words]
        return subprocess.Popen(
            command, cwd=PROJECT, env=environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )

    def answer(self, *words: str, code: int = 0) -> Any:
        """The JSON that a command prints."""
        with self.start(*words, "--json") as process:
            printed, said = process.communicate(timeout=60)
        assert process.returncode == code, said
        return json.loads(printed)

    def kill(self, *words: str, when: Callable[[], bool]) -> None:
        """End a command without warning as soon as something is so, or let it end if it is quicker."""
        with self.start(*words) as process:
            while process.poll() is None and not when():
                time.sleep(0.002)
            process.send_signal(signal.SIGKILL)
            process.communicate()
        # As if nine seconds had passed: of the ten that it takes until it counts as dead, one is enough to wait.
        self.asked("UPDATE sync SET heartbeat_at = strftime('%Y-%m-%d %H:%M:%f000', heartbeat_at, '-9 seconds')")

    def asked(self, question: str) -> list[tuple[Any, ...]]:
        database = sqlite3.connect(self.folder / "portal.sqlite3", isolation_level=None)
        try:
            return database.execute(question).fetchall()
        finally:
            database.close()

    def prepared(self, sandbox: Served) -> "Shell":
        """With a whole district prepared, in this process: a new one only for what is killed and what follows it."""
        app = create_app(load({"DATA_DIR": str(self.folder), "REDIS_URL": NO_QUEUE}, env_file=None), TESTING=True)
        here = CommandLine(app)
        here.map_all(sandbox)
        here.answer("sis", "prepare", "clever")
        with app.app_context():
            db.engine.dispose()
        return self


TABLES = {
    "account": "id, role, username, first_name, last_name, email, student_id, organization_id, archived_at is null",
    "class": "id, name, code, period, organization_id, parent_id, archived_at is null",
    "membership": "class_id, account_id, position, ended_by_sync",
    "account_link": "source_id, account_id, written, written_fingerprint",
    "class_link": "source_id, class_id, written, written_fingerprint",
    "action": "id, state, target_id, outcome",
}


def held(shell: Shell) -> dict[str, list[tuple[Any, ...]]]:
    """The LMS side and what became of every action."""
    return {table: shell.asked(f'SELECT {columns} FROM "{table}" ORDER BY 1, 2') for table, columns in TABLES.items()}


def test_the_first_command_makes_the_tables_and_needs_no_queue(tmp_path: Path, sandbox: Served) -> None:
    shell = Shell(tmp_path / "var")

    answer = shell.answer("setup", "--email", "ada@example.org", "--password", "twelve letters")

    assert answer["id"] == 1
    shell.answer("sis", "connect", "clever", "--base-url", sandbox.url, "--token", sandbox.sandbox.token)
    shell.answer("sis", "map", "clever", "--auto-create")
    shell.answer("sis", "prepare", "clever")
    assert shell.answer("sis", "commit", "1")["state"] == "committed"


def test_a_prepare_that_is_killed_while_it_reads_starts_anew(tmp_path: Path, sandbox: Served) -> None:
    shell = Shell(tmp_path / "var").prepared(sandbox)
    slow = sandbox.sandbox.faults.add(Fault(name="slow", path="/v3.1/sections", seconds=20))
    shell.kill("sis", "prepare", "clever", when=lambda: slow.hits > 0)
    sandbox.sandbox.faults.clear()

    again = shell.answer("sis", "prepare", "clever")

    assert (again["id"], again["state"]) == (3, "prepared")
    assert shell.answer("sis", "report", "2")["state"] == "interrupted"
    assert shell.answer("sis", "report", "1")["counts"] == again["counts"]


@pytest.mark.parametrize("applied", [0, 70])
def test_a_commit_that_is_killed_ends_as_if_it_had_not_been(tmp_path: Path, sandbox: Served, applied: int) -> None:
    undisturbed = Shell(tmp_path / "undisturbed").prepared(sandbox)
    killed = Shell(shutil.copytree(undisturbed.folder, tmp_path / "killed"))
    undisturbed.answer("sis", "commit", "1")
    begun = "SELECT state = 'committing', (SELECT count(*) FROM action WHERE state = 'applied') FROM sync"
    killed.kill("sis", "commit", "1", when=lambda: killed.asked(begun)[0] >= (1, applied))

    assert killed.answer("sis", "commit", "1")["state"] == "committed"
    assert held(killed) == held(undisturbed)
