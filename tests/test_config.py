"""The settings: their defaults, where they come from, and the sentences for values that cannot be."""

import os
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from sisportal.config import PROJECT, ConfigError, Settings, load


def loaded(folder: Path, **environ: str) -> Settings:
    return load({"DATA_DIR": str(folder)} | environ, env_file=None)


def test_everything_has_a_default_that_works_on_one_machine(tmp_path: Path) -> None:
    settings = loaded(tmp_path)

    assert settings == Settings(
        data_dir=tmp_path,
        database_url=f"sqlite:///{tmp_path}/portal.sqlite3",
        redis_url=settings.redis_url,
        redis_is_embedded=True,
        secret_key=(tmp_path / "secret-key").read_text(),
        base_url="http://127.0.0.1:5000",
        smtp_url="",
        csv_folder=tmp_path / "incoming",
        breached_passwords="",
        clever_client_id="",
        clever_client_secret="",
        clever_api_url="https://api.clever.com",
        clever_login_url="https://clever.com",
        host="127.0.0.1",
        port=5000,
    )


def test_the_data_folder_is_made_for_this_user_only(tmp_path: Path) -> None:
    folder = tmp_path / "deep" / "var"

    loaded(folder)

    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_a_folder_that_everybody_could_read_is_closed_to_them(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)

    loaded(tmp_path)

    assert stat.S_IMODE(tmp_path.stat().st_mode) == 0o750


def test_the_secret_key_is_made_once_and_readable_by_this_user_only(tmp_path: Path) -> None:
    first, second = loaded(tmp_path), loaded(tmp_path)

    assert first.secret_key == second.secret_key
    assert len(first.secret_key) == 64
    assert stat.S_IMODE((tmp_path / "secret-key").stat().st_mode) == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["secret-key"]


def test_processes_that_start_together_agree_on_the_secret_key(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        keys = {settings.secret_key for settings in pool.map(lambda _: loaded(tmp_path), range(16))}

    assert len(keys) == 1


def test_a_given_secret_key_is_not_written_down(tmp_path: Path) -> None:
    settings = loaded(tmp_path, SECRET_KEY="given from outside")

    assert settings.secret_key == "given from outside"
    assert list(tmp_path.iterdir()) == []


def test_secrets_stay_out_of_the_printed_form(tmp_path: Path) -> None:
    settings = loaded(
        tmp_path,
        SECRET_KEY="hush-1",
        DATABASE_URL="postgresql://portal:hush-2@db/portal",
        REDIS_URL="redis://:hush-3@queue:6379/0",
        SMTP_URL="smtps://portal:hush-4@mail.example.org",
        CLEVER_CLIENT_ID="abc",
        CLEVER_CLIENT_SECRET="hush-5",
    )

    assert "hush" not in repr(settings)


def test_the_environment_wins_over_the_file(tmp_path: Path) -> None:
    env_file = tmp_path / ".env"
    env_file.write_text("PORT=5010\nHOST=0.0.0.0\nSMTP_URL=\n")

    settings = load({"DATA_DIR": str(tmp_path), "PORT": "5020"}, env_file=env_file)

    assert (settings.host, settings.port, settings.smtp_url) == ("0.0.0.0", 5020, "")
    assert settings.base_url == "http://127.0.0.1:5020"


def test_relative_paths_count_from_the_project() -> None:
    settings = load({"DATA_DIR": "var", "SECRET_KEY": "s", "DATABASE_URL": "sqlite:///var/x.sqlite3"}, env_file=None)

    assert settings.data_dir == PROJECT / "var"
    assert settings.database_url == f"sqlite:///{PROJECT}/var/x.sqlite3"


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+psycopg"])
def test_postgresql_is_spoken_by_one_driver_however_it_is_named(tmp_path: Path, scheme: str) -> None:
    settings = loaded(tmp_path, DATABASE_URL=f"{scheme}://portal@/portal?host=/run/postgresql")

    assert settings.database_url == "postgresql+psycopg://portal@/portal?host=/run/postgresql"


def test_a_named_redis_is_used_instead_of_an_own_one(tmp_path: Path) -> None:
    settings = loaded(tmp_path, REDIS_URL="redis://queue:6379/3")

    assert (settings.redis_url, settings.redis_is_embedded) == ("redis://queue:6379/3", False)


def test_the_own_redis_listens_in_the_data_folder(tmp_path: Path) -> None:
    folder = tmp_path / "a b"

    settings = loaded(folder)

    assert settings.redis_url == f"unix://{tmp_path}/a%20b/queue/redis.sock"


def test_a_data_folder_too_deep_for_a_socket_gets_a_port_with_a_password(tmp_path: Path) -> None:
    deep = tmp_path / ("d" * 100)

    first, again, other = loaded(deep), loaded(deep), loaded(deep, SECRET_KEY="another")

    assert first.redis_url.startswith("redis://:")
    assert first.redis_url.split("@")[1].startswith("127.0.0.1:2")
    assert first.redis_url == again.redis_url != other.redis_url


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("PORT", "http", "PORT: 'http' is not a port; it is a number from 1 to 65535."),
        ("PORT", "70000", "PORT: '70000' is not a port; it is a number from 1 to 65535."),
        ("BASE_URL", "portal.example.org", "BASE_URL: this is not an address that begins with http:// or https://"),
        ("BASE_URL", "https://", "BASE_URL: this is not an address that begins with http:// or https://"),
        ("SMTP_URL", "mail.example.org", "SMTP_URL: this is not an address that begins with smtp:// or smtps://"),
        ("REDIS_URL", "http://queue", "REDIS_URL: this is not an address that begins with redis://"),
        ("DATABASE_URL", "mysql://portal@db/portal", "DATABASE_URL: the database is a file, sqlite:///"),
        ("DATABASE_URL", "sqlite://", "DATABASE_URL: the database is a file, sqlite:///"),
        ("DATABASE_URL", "sqlite:///:memory:", "DATABASE_URL: the database is a file, sqlite:///"),
        ("CLEVER_CLIENT_ID", "abc", "CLEVER_CLIENT_ID and CLEVER_CLIENT_SECRET belong together"),
        ("CLEVER_API_URL", "clever", "CLEVER_API_URL: this is not an address that begins with http:// or https://"),
        ("DATA_DIR", "/dev/null/var", "DATA_DIR: the folder /dev/null/var cannot be made (Not a directory)."),
    ],
)
def test_a_setting_that_cannot_be_is_refused_in_a_sentence(tmp_path: Path, name: str, value: str, message: str) -> None:
    with pytest.raises(ConfigError) as refusal:
        loaded(tmp_path, **{name: value})

    assert str(refusal.value).startswith(message)


def test_an_empty_key_file_is_not_taken_for_a_key(tmp_path: Path) -> None:
    (tmp_path / "secret-key").touch()

    with pytest.raises(ConfigError) as refusal:
        loaded(tmp_path)

    assert str(refusal.value).startswith(f"SECRET_KEY: the file {tmp_path}/secret-key is empty.")


@pytest.mark.parametrize("name", ["SMTP_URL", "BASE_URL", "REDIS_URL"])
@pytest.mark.parametrize("rest", ["host:abc", "host:99999", "host:0", "[::1"])
def test_an_address_whose_host_or_port_cannot_be_is_refused_before_it_is_used(
    tmp_path: Path, name: str, rest: str
) -> None:
    scheme = {"SMTP_URL": "smtp", "BASE_URL": "https", "REDIS_URL": "redis"}[name]

    with pytest.raises(ConfigError) as refusal:
        load({"DATA_DIR": str(tmp_path), name: f"{scheme}://user:secret@{rest}"}, env_file=None)

    assert str(refusal.value) == (
        f"{name}: the host or the port of this address cannot be read. A port is a number from 1 to 65535."
    )


def test_a_slip_of_the_pen_in_the_file_is_told_and_what_is_for_others_is_left_alone(tmp_path: Path) -> None:
    file = tmp_path / ".env"
    file.write_text("FLASK_DEBUG=1\nSSL_CERT_FILE=/etc/ssl/own.pem\n")
    load({"DATA_DIR": str(tmp_path)}, env_file=file)
    file.write_text("DATABSE_URL=postgresql://host/name\n")

    with pytest.raises(ConfigError) as refusal:
        load({"DATA_DIR": str(tmp_path)}, env_file=file)

    assert str(refusal.value) == (
        f"{file} sets DATABSE_URL, which is no setting. Write DATABASE_URL if that is meant, or remove the line."
    )


def test_a_file_of_settings_that_is_no_text_is_told(tmp_path: Path) -> None:
    file = tmp_path / ".env"
    file.write_bytes(b"\xff\xfePORT=5000")

    with pytest.raises(ConfigError) as refusal:
        load({"DATA_DIR": str(tmp_path)}, env_file=file)

    assert str(refusal.value) == (
        f"The settings in {file} cannot be read (it is not a text file in UTF-8). Mend the file, or remove it."
    )


def test_a_key_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    (tmp_path / "secret-key").write_bytes(b"\xff\xfe")

    with pytest.raises(ConfigError) as refusal:
        load({"DATA_DIR": str(tmp_path)}, env_file=None)

    assert str(refusal.value).startswith(
        f"SECRET_KEY: the file {tmp_path / 'secret-key'} cannot be used (it is not text)."
    )


def test_a_folder_that_nothing_can_be_written_to_is_told_and_left_as_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on a disk that is mounted read-only, where root may not write either."""
    tmp_path.chmod(0o777)
    monkeypatch.setattr(os, "access", lambda _path, _mode: False)

    with pytest.raises(ConfigError) as refusal:
        load({"DATA_DIR": str(tmp_path)}, env_file=None)

    assert str(refusal.value) == (
        f"DATA_DIR: nothing can be written to the folder {tmp_path}. "
        "Let the user who runs the portal write there, or name another folder."
    )
    assert tmp_path.stat().st_mode & 0o777 == 0o777
