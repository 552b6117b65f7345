"""What must be so before the portal can start on this machine: its folder, its port and its database. What is not is said with what to do."""

import errno
import os
import pwd
import socket
from collections.abc import Iterator
from pathlib import Path

from sqlalchemy.exc import ArgumentError, DBAPIError

from sisportal.config import Settings
from sisportal.models.database import make_engine


class NotReady(Exception):
    """The portal cannot be started here; the message says why and what to do."""


def require_free(host: str, port: int) -> None:
    """Raises ``NotReady`` where something else listens already, or where this machine has no such address."""
    try:
        socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET).close()
    except OSError as error:
        number = error.errno or 0
        if number < 0 or number == errno.EADDRNOTAVAIL:  # a name that is not known has a number below zero
            raise NotReady(
                f"HOST: {host} is no address of this machine. Leave it out to be reached from this machine alone, "
                "or use 0.0.0.0 to be reached from every network."
            ) from error
        raise NotReady(
            f"Port {port} on {host} cannot be used ({os.strerror(number)}). "
            f"End what uses it, or choose another, for example PORT={port + 10}."
        ) from error


def require_own(folder: Path, me: int | None = None) -> None:
    """Raises ``NotReady`` where another user has started the portal on this data folder; ``me``: who starts it now."""
    me, owner = os.geteuid() if me is None else me, folder.stat().st_uid
    if me == 0 and owner != 0:
        raise NotReady(
            f"The data folder {folder} belongs to {_name(owner)}, who could not read what you, root, would write there. "
            f"Start the portal as {_name(owner)}, or give the folder to root: chown -R root {folder}"
        )
    for path in _kept(folder):
        if not _can_use(path):
            raise NotReady(
                f"{path} cannot be read and written by {_name(me)}: it belongs to {_name(path.stat().st_uid)}. "
                f"Was the portal started by another user? Give everything back: sudo chown -R {_name(me)} {folder}"
            )


def require_database(settings: Settings) -> None:
    """Raises ``NotReady`` where the database does not answer, or its file is none."""
    url = settings.database_url
    file = Path(url.removeprefix("sqlite:///")) if url.startswith("sqlite") else None
    try:
        engine = make_engine(url)
    except (ArgumentError, ValueError) as error:
        raise NotReady(
            "DATABASE_URL: the address of the database cannot be read. See the README for its form."
        ) from error
    try:
        with engine.connect() as connection:
            connection.exec_driver_sql("SELECT 1 FROM sqlite_master LIMIT 1" if file else "SELECT 1")
    except DBAPIError as error:
        raise NotReady(_unusable(error, file)) from error
    finally:
        engine.dispose()


def _unusable(error: DBAPIError, file: Path | None) -> str:
    said = str(error.orig).strip().splitlines()[0]
    if file is None:
        return f"The database does not answer as it should: {said}. Start PostgreSQL, or correct DATABASE_URL."
    if "not a database" in said or "malformed" in said:
        return (
            f"The database {file} is damaged ({said}). Move it and what is named like it to another folder, "
            "then bring the last backup back: flask restore FILE"
        )
    return f"The database {file} cannot be used ({said}). See that its folder is there, can be written to and has room."


def _can_use(path: Path) -> bool:
    if path.is_dir():
        return os.access(path, os.R_OK | os.W_OK | os.X_OK)
    try:
        path.open("r+b").close()
    except PermissionError:
        return False
    return True


def _kept(folder: Path) -> Iterator[Path]:
    """The files that every start needs; what else lies there is not looked through."""
    yield from (path for name in ("secret-key", "running", "demo.json", "queue") if (path := folder / name).exists())
    yield from folder.glob("portal.sqlite3*")


def _name(user: int) -> str:
    try:
        return pwd.getpwuid(user).pw_name
    except KeyError:
        return f"user {user}"
