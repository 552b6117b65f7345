"""What the launcher knows: the Procfile, the port, the one portal for a data folder, and what it says."""

import socket
from pathlib import Path

import pytest

from jobs.demo import Demo, Kept
from jobs.stack import child_environ, greeting, procfile, web_answers
from sisportal import sample
from sisportal.config import PROJECT, ConfigError, Settings, load
from sisportal.folder import FolderInUse, held


def test_the_procfile_names_everything_that_one_machine_runs() -> None:
    assert list(procfile((PROJECT / "Procfile").read_text())) == ["queue", "web", "worker", "mail", "clock", "sample"]


def test_a_procfile_may_have_comments_empty_lines_and_quoted_words() -> None:
    text = "# the web\nweb: gunicorn 'app:create app()'\n\nworker:python -m jobs.worker\n"

    commands = procfile(text)

    assert commands == {"web": ["gunicorn", "app:create app()"], "worker": ["python", "-m", "jobs.worker"]}


def test_a_second_portal_is_kept_off_the_data_folder_while_the_first_runs(tmp_path: Path) -> None:
    with held(tmp_path), pytest.raises(FolderInUse) as refusal, held(tmp_path):
        pass
    with held(tmp_path):
        pass

    assert str(refusal.value) == f"A portal already runs on the data folder {tmp_path}. End it first."


def test_a_server_that_does_not_speak_http_does_not_answer(settings: Settings) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    assert not web_answers(f"http://127.0.0.1:{port}")


def test_every_process_works_on_the_same_data_and_finds_the_environments_programs(settings: Settings) -> None:
    environ = child_environ({"PATH": "/bin", "LANG": "C"}, settings)

    assert environ["DATA_DIR"] == str(settings.data_dir)
    assert environ["DATABASE_URL"] == settings.database_url
    assert environ["PATH"].endswith(":/bin")
    assert environ["LANG"] == "C"


def test_the_terminal_shows_where_the_portal_is(tmp_path: Path) -> None:
    settings = load({"DATA_DIR": str(tmp_path), "BASE_URL": "https://portal.example.org"}, env_file=None)

    shown = greeting(settings, "http://127.0.0.1:5000", None)

    assert shown.splitlines() == [
        "",
        "  SIS Portal is ready: http://127.0.0.1:5000",
        "  Browsers reach it at https://portal.example.org",
        "  A new portal asks for its first administrator there.",
        f"  It keeps everything in {tmp_path}",
        "  Ctrl-C ends it.",
    ]


def test_the_demonstration_shows_its_sign_in(settings: Settings) -> None:
    sample.served_at(settings.data_dir, "http://127.0.0.1:5001")
    demo = Demo(settings, Kept(password="made-up"))

    shown = greeting(settings, "http://127.0.0.1:5000", demo)

    assert "  Sign in as admin@example.org with the password made-up" in shown.splitlines()
    assert "  The sample district: http://127.0.0.1:5001" in shown.splitlines()


def test_the_demonstration_keeps_its_password_from_one_start_to_the_next(tmp_path: Path) -> None:
    first, second = (Demo.make({"DATA_DIR": str(tmp_path)}) for _ in range(2))

    assert first.kept == second.kept
    assert (tmp_path / "demo.json").stat().st_mode & 0o777 == 0o600


def test_a_demonstration_of_an_earlier_version_is_begun_anew_by_whoever_wants_one(tmp_path: Path) -> None:
    (tmp_path / "demo.json").write_text('{"password": "made-up", "sandbox_port": 5001, "prepared": true}')

    with pytest.raises(ConfigError) as refusal:
        Demo.make({"DATA_DIR": str(tmp_path)})

    assert str(refusal.value).endswith("holds the demonstration of an earlier version. Remove it to begin a new one.")


def test_the_demonstration_never_uses_a_real_portals_database(tmp_path: Path) -> None:
    demo = Demo.make({"DATA_DIR": str(tmp_path), "DATABASE_URL": "postgresql://portal@db/portal"})

    assert demo.settings.database_url == f"sqlite:///{tmp_path}/portal.sqlite3"


def test_the_demonstration_refuses_the_folder_of_a_real_portal(tmp_path: Path) -> None:
    (tmp_path / "portal.sqlite3").touch()

    with pytest.raises(ConfigError) as refusal:
        Demo.make({"DATA_DIR": str(tmp_path)})

    assert (
        str(refusal.value) == f"{tmp_path} holds a portal already, and a demonstration would add made-up people to it."
    )
