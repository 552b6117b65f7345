"""Files that wait to be imported: kept for an hour where only the portal reads them, each for whoever chose it."""

import contextlib
import os
import re
import secrets
from datetime import datetime, timedelta
from pathlib import Path

FOLDER = "imports"
"""The folder of the files, in the portal's data folder."""
KEPT_FOR = timedelta(hours=1)
_TOKEN = re.compile(r"[0-9a-f]{32}").fullmatch


def keep(data_dir: Path, account_id: int, content: bytes, now: datetime) -> str:
    """Keep a file for somebody; the word that it is found by. Files that are too old go. Raises ``OSError``."""
    folder = data_dir / FOLDER
    folder.mkdir(mode=0o700, exist_ok=True)
    for old in folder.glob("*.csv"):
        with contextlib.suppress(OSError):  # somebody else removed it, or it goes the next time
            if now.timestamp() - old.stat().st_mtime > KEPT_FOR.total_seconds():
                old.unlink()
    token = secrets.token_hex(16)
    path = folder / _name(account_id, token)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
    except BaseException:
        path.unlink(missing_ok=True)  # half a file would be read as a whole one
        raise
    os.utime(path, (now.timestamp(), now.timestamp()))
    return token


def load(data_dir: Path, account_id: int, token: str, now: datetime) -> bytes | None:
    """What was kept; None where it was not, is too old, or is somebody else's."""
    path = data_dir / FOLDER / _name(account_id, token)
    if not _TOKEN(token) or not path.is_file() or now.timestamp() - path.stat().st_mtime > KEPT_FOR.total_seconds():
        return None
    return path.read_bytes()


def drop(data_dir: Path, account_id: int, token: str) -> None:
    """Remove a file that is not needed any more."""
    if _TOKEN(token):
        (data_dir / FOLDER / _name(account_id, token)).unlink(missing_ok=True)


def _name(account_id: int, token: str) -> str:
    return f"{account_id}-{token}.csv"
