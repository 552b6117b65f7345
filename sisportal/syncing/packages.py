"""Files of a CSV connection: copied into the portal's own folder first, and kept there while a sync may need them."""

import contextlib
import os
import secrets
import shutil
from pathlib import Path
from typing import IO, Any

from sqlalchemy import Connection, Engine, Select, select

from sisportal.models import SisConnection, Sync, SyncState

FOLDER = "uploads"
"""The folder of the files, in the portal's data folder."""
NAME = "file_name"
"""In the request of a sync: what its file was called."""
WAITING_FILE, WAITING_NAME = "waiting_file", "waiting_name"
"""In a connection's settings: a file that came before anybody had said what its businesses become."""
_NEEDED = frozenset(
    {
        SyncState.QUEUED, SyncState.PREPARING, SyncState.PREPARED, SyncState.COMMITTING, SyncState.PARTLY_COMMITTED,
    }
)  # fmt: skip
_LOOK_BACK = 50


def folder(data_dir: Path) -> Path:
    """Where the files are kept: only the portal reads it."""
    made = data_dir / FOLDER
    made.mkdir(mode=0o700, exist_ok=True)
    return made


def keep(data_dir: Path, file: IO[bytes]) -> Path:
    """Copy a file to where only the portal reads it, under a name that tells nothing; its path. Raises ``OSError``."""
    path = folder(data_dir) / f"{secrets.token_hex(16)}.zip"
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as kept:
            shutil.copyfileobj(file, kept, 1 << 20)
    except BaseException:
        path.unlink(missing_ok=True)
        raise
    return path


def newest(engine: Engine, connection_id: int) -> str:
    """The file of the connection's newest sync, where it is there still; blank where there is none."""
    rows = _syncs(engine, connection_id)
    file = _file(rows[0]) if rows else ""
    return file if file and Path(file).is_file() else ""


def name_of(connection: Connection, connection_id: int, file: str) -> str:
    """What the file was called when it came, as an older sync of it or the connection knows; blank where neither does."""
    settings = connection.scalar(select(SisConnection.settings).where(SisConnection.id == connection_id)) or {}
    known = {settings.get(WAITING_FILE): settings.get(WAITING_NAME, "")}
    for row in connection.execute(_newest_syncs(connection_id)):
        known.setdefault(_file(row), row.request.get(NAME, ""))
    return str(known.get(file) or "")


def drop(engine: Engine, sync_id: int) -> None:
    """Remove the files that no sync of this sync's connection needs any more: those of syncs that ended.

    The file of one that was interrupted stays until a newer sync was asked for: it may be started again.
    """
    with engine.connect() as connection:
        connection_id = connection.scalar(select(Sync.connection_id).where(Sync.id == sync_id))
    rows = _syncs(engine, connection_id or 0)
    needed = {_file(row) for row in rows if row.state in _NEEDED}
    needed |= {_file(row) for row in rows[:1] if row.state == SyncState.INTERRUPTED}
    for file in {_file(row) for row in rows} - needed - {""}:
        # What cannot be removed now is removed with the next sync.
        with contextlib.suppress(OSError):
            Path(file).unlink(missing_ok=True)


def _syncs(engine: Engine, connection_id: int) -> list[Any]:
    """The state and request of the connection's last syncs, newest first."""
    with engine.connect() as connection:
        return list(connection.execute(_newest_syncs(connection_id)))


def _newest_syncs(connection_id: int) -> Select[Any]:
    columns = select(Sync.state, Sync.request).where(Sync.connection_id == connection_id)
    return columns.order_by(Sync.id.desc()).limit(_LOOK_BACK)


def _file(row: Any) -> str:
    return str(row.request.get("file", ""))
