"""A file that is sent while the disk is full: over HTTP through gunicorn, whose files may really grow no more."""

import resource
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from sisportal.config import PROJECT, load
from sisportal.extensions import db
from sisportal.factory import create_app
from sisportal.syncing import import_files
from tests.cli.conftest import CommandLine
from tests.jobs.launched import free_ports
from tests.services.visiting import Administrator, web_process

ROOM = 900_000
"""Bytes that a file may have: enough for the database of this test."""
PASSWORD = "a dozen letters"


def no_more_room() -> None:
    resource.setrlimit(resource.RLIMIT_FSIZE, (ROOM, ROOM))


@pytest.fixture
def _portal(environ: dict[str, str]) -> None:
    """The portal of an administrator and of OneRoster CSV."""
    cli = CommandLine(create_app(load(environ, env_file=None), TESTING=True))
    cli.answer("setup", "--email", "ada@example.org", "--password", PASSWORD)
    cli.answer("sis", "connect", "csv", "--year-start", "2026-08-01", "--year-end", "2027-07-31")
    with cli.app.app_context():
        db.engine.dispose()


@pytest.fixture
def ada(_portal: None, environ: dict[str, str], tmp_path: Path) -> Iterator[Administrator]:
    """The administrator, signed in at gunicorn."""
    (tmp_path / "tmp").mkdir()
    port = free_ports()
    with web_process(environ | {"TMPDIR": str(tmp_path / "tmp")}, port, no_more_room):
        ada = Administrator(port, tmp_path)
        ada.sign_in("ada@example.org", PASSWORD)
        yield ada


def test_a_file_for_which_there_is_no_room_is_answered_so_and_nothing_of_it_stays(
    ada: Administrator, tmp_path: Path
) -> None:
    for page, size in (("/admin/sis/csv/upload", 8_000_000), ("/import", 1_800_000)):
        answer = ada.post(page, page, {}, file=("file", b"role,username\n" * (size // 14)))

        assert (page, answer.status_code, "<h1>The disk is full</h1>" in answer.text) == (page, 507, True)
        assert "it needs room where DATA_DIR or the database is" in answer.text
    left = [path for name in ("tmp", "uploads", "imports") for path in tmp_path.glob(f"{name}/*")]
    assert left == []
    assert ada.reads("SELECT count(*) FROM sync") + ada.reads("SELECT count(*) FROM account") == [(0,), (1,)]
    assert ada.status("/") == 200, "the portal goes on"


def test_half_an_import_is_not_kept(tmp_path: Path) -> None:
    keep = (
        "import sys; from datetime import datetime; from pathlib import Path; from sisportal.syncing import import_files\n"
        "import_files.keep(Path(sys.argv[1]), 1, b'x' * 1_000_000, datetime.now())"
    )

    done = subprocess.run(
        [sys.executable, "-c", keep, tmp_path], cwd=PROJECT, preexec_fn=no_more_room, capture_output=True, text=True,
        check=False,
    )  # fmt: skip

    assert "File too large" in done.stderr
    assert list((tmp_path / import_files.FOLDER).iterdir()) == []
