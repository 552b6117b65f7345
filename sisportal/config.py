"""The settings: the only reader of the environment and of `.env`, each with a default that works on one machine."""

import contextlib
import difflib
import hashlib
import os
import secrets
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import SplitResult, quote, urlsplit

from dotenv import dotenv_values

PROJECT = Path(__file__).resolve().parent.parent
NAMES = (
    "DATA_DIR",
    "DATABASE_URL",
    "REDIS_URL",
    "SECRET_KEY",
    "BASE_URL",
    "SMTP_URL",
    "CSV_FOLDER",
    "BREACHED_PASSWORDS",
    "CLEVER_CLIENT_ID",
    "CLEVER_CLIENT_SECRET",
    "CLEVER_API_URL",
    "CLEVER_LOGIN_URL",
    "HOST",
    "PORT",
)
"""Every setting there is; the README explains each."""

LONGEST_SOCKET_PATH = 100
"""Kernels cut the path of a Unix socket at 104 to 108 bytes; the rest is room for the server's own suffixes."""


class ConfigError(Exception):
    """A setting that the portal cannot start with; the message says which, and what it should be."""


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What the portal was started with. Values that hold secrets stay out of its printed form."""

    data_dir: Path
    database_url: str = field(repr=False)
    redis_url: str = field(repr=False)
    redis_is_embedded: bool
    """True where nobody named a Redis and the portal starts one of its own, in ``data_dir``."""
    secret_key: str = field(repr=False)
    base_url: str
    """Where browsers reach the portal, without a slash at the end."""
    smtp_url: str = field(repr=False)
    """``smtp://`` or ``smtps://`` with user, password, host and port; blank when no mail can be sent."""
    csv_folder: Path
    """The folder that is watched for OneRoster files; it need not be there."""
    breached_passwords: str
    """The path of a list of passwords known from breaches, or the address of a service that has one; blank: none is asked."""
    clever_client_id: str
    clever_client_secret: str = field(repr=False)
    clever_api_url: str
    clever_login_url: str
    host: str
    port: int


def load(environ: Mapping[str, str], *, env_file: Path | None = PROJECT / ".env") -> Settings:
    """Settings from ``environ``, then ``env_file``, then the defaults; makes the data folder and the secret key.

    Relative paths count from the project's folder, whatever folder a command is typed in. Raises ConfigError.
    """
    found = {**_from_file(env_file), **environ}
    given = {name: found.get(name, "").strip() for name in NAMES}
    data_dir = _made(PROJECT / (given["DATA_DIR"] or "var"))
    secret_key = given["SECRET_KEY"] or _kept_secret(data_dir / "secret-key")
    host, port = given["HOST"] or "127.0.0.1", _port(given["PORT"] or "5000")
    _both_or_neither(given, "CLEVER_CLIENT_ID", "CLEVER_CLIENT_SECRET")
    return Settings(
        data_dir=data_dir,
        database_url=_database_url(given["DATABASE_URL"] or f"sqlite:///{data_dir / 'portal.sqlite3'}"),
        redis_url=_url("REDIS_URL", given["REDIS_URL"] or _embedded_redis_url(data_dir, secret_key), _REDIS_SCHEMES),
        redis_is_embedded=not given["REDIS_URL"],
        secret_key=secret_key,
        base_url=_url("BASE_URL", given["BASE_URL"] or local_url(host, port), _WEB_SCHEMES),
        smtp_url=given["SMTP_URL"] and _url("SMTP_URL", given["SMTP_URL"], ("smtp", "smtps")),
        csv_folder=PROJECT / (given["CSV_FOLDER"] or data_dir / "incoming"),
        breached_passwords=_breached(given["BREACHED_PASSWORDS"]),
        clever_client_id=given["CLEVER_CLIENT_ID"],
        clever_client_secret=given["CLEVER_CLIENT_SECRET"],
        clever_api_url=_url("CLEVER_API_URL", given["CLEVER_API_URL"] or "https://api.clever.com", _WEB_SCHEMES),
        clever_login_url=_url("CLEVER_LOGIN_URL", given["CLEVER_LOGIN_URL"] or "https://clever.com", _WEB_SCHEMES),
        host=host,
        port=port,
    )


def local_url(host: str, port: int) -> str:
    """The address by which this machine reaches a server that listens on ``host``."""
    if host in {"0.0.0.0", "::"}:  # noqa: S104 - every interface is a choice of who hosts it
        host = "127.0.0.1"
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


_WEB_SCHEMES = ("http", "https")
_ALIKE = 0.85
"""From this likeness on, a name in `.env` is a slip of the pen; other names may be there for other programs."""
_REDIS_SCHEMES = ("redis", "rediss", "unix")


def _from_file(path: Path | None) -> dict[str, str]:
    if path is None:
        return {}
    try:
        found = {name: value for name, value in dotenv_values(path).items() if value is not None}
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not a text file in UTF-8"
        raise ConfigError(f"The settings in {path} cannot be read ({why}). Mend the file, or remove it.") from error
    for name in found.keys() - set(NAMES):
        for meant in difflib.get_close_matches(name.upper(), NAMES, 1, cutoff=_ALIKE):
            raise ConfigError(
                f"{path} sets {name}, which is no setting. Write {meant} if that is meant, or remove the line."
            )
    return found


def _made(folder: Path) -> Path:
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(f"DATA_DIR: the folder {folder} cannot be made ({error.strerror}).") from error
    if not os.access(folder, os.W_OK | os.X_OK):
        raise ConfigError(
            f"DATA_DIR: nothing can be written to the folder {folder}. "
            "Let the user who runs the portal write there, or name another folder."
        )
    found = folder.stat()
    if (
        found.st_mode & 0o007 and found.st_uid == os.getuid()
    ):  # a folder of another's, or shared with a group, is a choice
        folder.chmod(found.st_mode & 0o770)
    return folder


def _kept_secret(path: Path) -> str:
    """The key kept at ``path``, made at the first start. Processes that start together agree on one."""
    try:
        secret = _read_or_made(path)
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not text"
        raise ConfigError(
            f"SECRET_KEY: the file {path} cannot be used ({why}). It belongs to the user who runs the portal: "
            "run it as that user, or put the key back from a safe copy."
        ) from error
    if not secret:
        raise ConfigError(
            f"SECRET_KEY: the file {path} is empty. Put the key back, or remove the file to make a new one."
        )
    return secret


def _read_or_made(path: Path) -> str:
    if not path.exists():
        with tempfile.NamedTemporaryFile("w", dir=path.parent, prefix=".secret-key-") as fresh:  # has mode 600
            fresh.write(secrets.token_urlsafe(48))
            fresh.flush()
            os.fsync(fresh.fileno())  # a key that a power cut loses takes every stored credential with it
            with contextlib.suppress(FileExistsError):  # a link is never made over another: the first one stays
                path.hardlink_to(fresh.name)
    return path.read_text().strip()


def _port(text: str) -> int:
    if not (text.isascii() and text.isdigit() and 1 <= int(text) <= 65535):
        raise ConfigError(f"PORT: {text!r} is not a port; it is a number from 1 to 65535.")
    return int(text)


def _url(name: str, text: str, schemes: tuple[str, ...]) -> str:
    """The address without a slash at its end. The message never repeats it: it may hold a password."""
    parts = _parts(name, text)
    if parts.scheme not in schemes or not (parts.hostname or (parts.scheme == "unix" and parts.path)):
        wanted = " or ".join(f"{scheme}://" for scheme in schemes)
        raise ConfigError(f"{name}: this is not an address that begins with {wanted} and names a host.")
    return text.rstrip("/")


def _breached(text: str) -> str:
    """The address of a service, or the path of a file that can be read; blank where there is neither."""
    if "://" in text:
        return _url("BREACHED_PASSWORDS", text, _WEB_SCHEMES)
    if text and not os.access(PROJECT / text, os.R_OK):
        raise ConfigError(f"BREACHED_PASSWORDS: the file {PROJECT / text} cannot be read.")
    return text and str(PROJECT / text)


def _parts(name: str, text: str) -> SplitResult:
    """The parts of an address, whose port is a number."""
    with contextlib.suppress(ValueError):  # which the sentence below stands for
        parts = urlsplit(text)
        if parts.port != 0:
            return parts
    raise ConfigError(
        f"{name}: the host or the port of this address cannot be read. A port is a number from 1 to 65535."
    )


def _database_url(text: str) -> str:
    """The address as SQLAlchemy wants it: a SQLite file in full, PostgreSQL by psycopg 3."""
    scheme, _, rest = text.partition("://")
    if scheme in {"postgres", "postgresql", "postgresql+psycopg"} and rest:
        return f"postgresql+psycopg://{rest}"
    if scheme == "sqlite" and rest.startswith("/") and rest.strip("/") and ":memory:" not in rest:
        return f"sqlite:///{PROJECT / rest.removeprefix('/')}"
    raise ConfigError(
        "DATABASE_URL: the database is a file, sqlite:///folder/name.sqlite3, or PostgreSQL, postgresql://user:password@host/name."
    )


def _embedded_redis_url(data_dir: Path, secret_key: str) -> str:
    """Where the portal's own queue server listens: a socket in the data folder that only this user can open.

    A folder too deep for a socket gets a loopback port and a password instead, both made from what every process
    of this portal knows, so that they need not tell each other.
    """
    socket = data_dir / "queue" / "redis.sock"
    if len(os.fsencode(socket)) <= LONGEST_SOCKET_PATH:
        return f"unix://{quote(str(socket))}"
    digest = hashlib.blake2b(os.fsencode(data_dir), key=secret_key.encode()[:64]).digest()
    port = 20000 + int.from_bytes(digest[:4], "big") % 10000
    return f"redis://:{digest[4:28].hex()}@127.0.0.1:{port}/0"


def _both_or_neither(given: Mapping[str, str], first: str, second: str) -> None:
    if bool(given[first]) != bool(given[second]):
        raise ConfigError(f"{first} and {second} belong together: give both, or neither.")
