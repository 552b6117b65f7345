"""Before the portal starts: what is not as it must be is told in a sentence that says what to do."""

import os
import pwd
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from jobs.ready import NotReady, require_database, require_free, require_own
from sisportal.config import PROJECT, Settings
from sisportal.folder import held
from tests.jobs.launched import free_ports


@pytest.fixture
def taken_port() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def test_a_port_in_use_is_told_with_what_to_do(taken_port: int) -> None:
    with pytest.raises(NotReady) as refusal:
        require_free("127.0.0.1", taken_port)

    assert str(refusal.value) == (
        f"Port {taken_port} on 127.0.0.1 cannot be used (Address already in use). "
        f"End what uses it, or choose another, for example PORT={taken_port + 10}."
    )


@pytest.mark.parametrize("host", ["school.invalid", "192.0.2.7", "school server"])
def test_a_host_that_is_not_this_machine_is_told(host: str) -> None:
    with pytest.raises(NotReady) as refusal:
        require_free(host, 5999)

    assert str(refusal.value).startswith(f"HOST: {host} is no address of this machine. Leave it out")


def damage(settings: Settings, content: bytes) -> Path:
    file = settings.data_dir / "portal.sqlite3"
    file.write_bytes(content)
    return file


def test_a_database_of_garbage_is_told_with_the_way_back(settings: Settings) -> None:
    file = damage(settings, b"no database at all " * 500)

    with pytest.raises(NotReady) as refusal:
        require_database(settings)

    assert str(refusal.value) == (
        f"The database {file} is damaged (file is not a database). Move it and what is named like it to another folder, "
        "then bring the last backup back: flask restore FILE"
    )


def test_a_database_file_whose_folder_is_gone_is_told(settings: Settings, tmp_path: Path) -> None:
    with pytest.raises(NotReady) as refusal:
        require_database(replace(settings, database_url=f"sqlite:///{tmp_path}/gone/portal.sqlite3"))

    assert "cannot be used (unable to open database file). See that its folder is there" in str(refusal.value)


def test_a_postgresql_that_is_away_is_told(settings: Settings) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]

    with pytest.raises(NotReady) as refusal:
        require_database(replace(settings, database_url=f"postgresql+psycopg://portal:secret@127.0.0.1:{port}/portal"))

    assert str(refusal.value).endswith("Start PostgreSQL, or correct DATABASE_URL.")
    assert "secret" not in str(refusal.value)


def test_an_empty_portal_and_one_that_runs_well_are_ready(settings: Settings, sqlite_store_url: str) -> None:
    require_own(settings.data_dir)
    require_database(settings)
    require_database(replace(settings, database_url=sqlite_store_url))


@contextmanager
def somebody_who_may_not(path: Path) -> Iterator[None]:
    """As the user who runs the portal, to whom the file is closed; root is let in everywhere and has to be another for it."""
    path.chmod(0o600 if os.geteuid() == 0 else 0o000)
    me = os.geteuid()
    try:
        if me == 0:
            os.seteuid(pwd.getpwnam("nobody").pw_uid)
        yield
    finally:
        os.seteuid(me)


def test_what_another_user_has_written_there_is_told_to_whoever_cannot_read_it() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        file = folder / "portal.sqlite3"
        file.touch()
        with somebody_who_may_not(file), pytest.raises(NotReady) as refusal:
            require_own(folder)

    assert str(refusal.value).startswith(f"{file} cannot be read and written by ")
    assert (
        f"Give everything back: sudo chown -R {pwd.getpwuid(os.geteuid()).pw_name if os.geteuid() else 'nobody'} {folder}"
        in str(refusal.value)
    )


def test_root_leaves_the_folder_of_another_user_alone(tmp_path: Path) -> None:
    owner = pwd.getpwnam("nobody") if os.geteuid() == 0 else pwd.getpwuid(os.geteuid())
    os.chown(tmp_path, owner.pw_uid, -1)

    with pytest.raises(NotReady) as refusal:
        require_own(tmp_path, me=0)

    assert f"Start the portal as {owner.pw_name}, or give the folder to root: chown -R root {tmp_path}" in str(
        refusal.value
    )


def started(folder: Path, **environ: str) -> tuple[int, str]:
    """How a start ends that is refused: what the person sees."""
    given = {**os.environ, "DATA_DIR": str(folder), **environ}
    done = subprocess.run(
        [sys.executable, "-m", "jobs.stack"],
        cwd=PROJECT,
        env=given,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return done.returncode, done.stderr.strip()


def test_a_second_start_on_one_data_folder_is_told_so_rather_than_of_the_port(tmp_path: Path) -> None:
    port = free_ports()
    with socket.create_server(("127.0.0.1", port)), held(tmp_path):
        code, said = started(tmp_path, PORT=str(port))

    assert (code, said) == (1, f"A portal already runs on the data folder {tmp_path}. End it first.")


def test_the_person_at_the_terminal_sees_one_sentence_and_no_traceback(tmp_path: Path) -> None:
    (tmp_path / "portal.sqlite3").write_bytes(b"garbage " * 1000)

    code, said = started(tmp_path, PORT=str(free_ports()))

    assert (code, len(said.splitlines())) == (1, 1)
    assert said.startswith(f"The database {tmp_path / 'portal.sqlite3'} is damaged")
