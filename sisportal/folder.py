"""The data folder: who runs on it, and files that are there in whole or not at all."""

import fcntl
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO


class FolderInUse(Exception):
    """A portal runs on the data folder; the message is a sentence."""


@contextmanager
def held(folder: Path) -> Iterator[None]:
    """Keeps a second portal, and a restore, off the data folder while this one runs. Raises ``FolderInUse``."""
    with (folder / "running").open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise FolderInUse(f"A portal already runs on the data folder {folder}. End it first.") from error
        yield


def is_held(folder: Path) -> bool:
    """Whether another process holds the folder now."""
    with (folder / "running").open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


@contextmanager
def fresh_file(path: Path) -> Iterator[IO[bytes]]:
    """A new file that only its owner can read, and that takes the place of ``path`` once all of it is on the disk.

    What was at ``path`` stays as it is where anything fails.
    """
    with tempfile.NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}-", delete=False) as fresh:  # has mode 600
        try:
            yield fresh
            fresh.flush()
            os.fsync(fresh.fileno())
            Path(fresh.name).replace(path)
        except BaseException:
            Path(fresh.name).unlink(missing_ok=True)
            raise
