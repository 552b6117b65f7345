"""The sample district (SPEC 2.1): what the portal and the process that serves it tell each other, in the data folder.

The portal knows the district as it knows any SIS: by its address, its token and its application.
"""

import secrets
import time
from pathlib import Path

from sisportal.folder import fresh_file, is_held

TOKEN = "sandbox-token"  # noqa: S105 - everybody there is made up, and anyone may read it
CLIENT_ID = "sandbox-client"
CLIENT_SECRET = "sandbox-secret"  # noqa: S105 - as the token
_FOLDER, _WANTED, _ADDRESS, _DAYS = "sample", "wanted", "address", "district.json"


def folder(data_dir: Path) -> Path:
    """The folder of the sample district, which is made."""
    made = data_dir / _FOLDER
    made.mkdir(mode=0o700, exist_ok=True)
    return made


def days_file(data_dir: Path) -> Path:
    """Where the district remembers the days that passed in it."""
    return folder(data_dir) / _DAYS


def want(data_dir: Path) -> None:
    """Ask for the district to be served, until it is let go of."""
    path = folder(data_dir) / _WANTED
    if not path.exists():
        path.write_text(secrets.token_hex(8))


def wanted(data_dir: Path) -> str:
    """What tells one wish from a later one; blank while nobody wants the district."""
    try:
        return (folder(data_dir) / _WANTED).read_text()
    except FileNotFoundError:
        return ""


def wanted_for(data_dir: Path) -> float:
    """For how many seconds the district has been wanted; 0 while nobody does."""
    try:
        return time.time() - (folder(data_dir) / _WANTED).stat().st_mtime
    except FileNotFoundError:
        return 0


def let_go(data_dir: Path) -> None:
    """Have the district served no longer; it keeps its days, and its address where that is free."""
    (folder(data_dir) / _WANTED).unlink(missing_ok=True)


def forget(data_dir: Path) -> None:
    """Let go of the district and of its days: the next one begins anew."""
    let_go(data_dir)
    for name in (_ADDRESS, _DAYS):
        (folder(data_dir) / name).unlink(missing_ok=True)


def address(data_dir: Path) -> str:
    """Where the district is or was served last; blank where it never was."""
    try:
        return (folder(data_dir) / _ADDRESS).read_text()
    except FileNotFoundError:
        return ""


def served_at(data_dir: Path, url: str) -> None:
    """Say where the district is served."""
    with fresh_file(folder(data_dir) / _ADDRESS) as file:
        file.write(url.encode())


def is_looked_after(data_dir: Path) -> bool:
    """Whether a process is there that serves the district when it is wanted."""
    return is_held(folder(data_dir))
