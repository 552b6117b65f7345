"""A database filled anew while the one that was there is kept aside: all of it happens, or nothing does."""

import shutil
import sqlite3
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine, event, inspect, text

from sisportal.models.base import Base
from sisportal.models.database import make_engine

T = TypeVar("T")
VERSION_TABLE = "alembic_version"


def fill_anew(engine: Engine, now: datetime, fill: Callable[[Connection], T], *, keep: bool) -> tuple[T, str]:
    """Fill a database without tables by ``fill``, then put it in the old one's place; what it gave, and where the old one is.

    ``keep`` false: what is there are empty tables, which need not be kept.
    """
    name = f"before_restore_{now:%Y%m%d_%H%M%S}"
    if engine.dialect.name == "postgresql":
        with engine.begin() as connection:
            _set_tables_aside(connection, name if keep else None)
            return fill(connection), f"the schema {name} of the database" if keep else ""
    with _side_engine(engine) as side:
        with side.begin() as connection:
            given = fill(connection)
        kept = _install(Path(str(side.url.database)), Path(str(engine.url.database)), name, keep=keep)
        engine.dispose()
        return given, kept


def our_tables(connection: Connection) -> list[str]:
    """Names of the portal's tables that the database has."""
    return [name for name in inspect(connection).get_table_names() if name in Base.metadata.tables]


def _set_tables_aside(connection: Connection, schema: str | None) -> None:
    """Move the tables with their indexes and sequences to a schema of their own; or drop them."""
    quote = connection.dialect.identifier_preparer.quote
    names = [*our_tables(connection), *([VERSION_TABLE] if inspect(connection).has_table(VERSION_TABLE) else [])]
    if schema is None:
        if names:
            connection.execute(text(f"DROP TABLE {', '.join(map(quote, names))}"))
        return
    connection.execute(text(f"CREATE SCHEMA {schema}"))
    for name in names:
        connection.execute(text(f"ALTER TABLE {quote(name)} SET SCHEMA {schema}"))


@contextmanager
def _side_engine(engine: Engine) -> Iterator[Engine]:
    """An empty SQLite file beside the real one, only for the time being."""
    real = Path(str(engine.url.database))
    with tempfile.TemporaryDirectory(dir=real.parent, prefix=".restore-") as folder:
        side = make_engine(f"sqlite:///{Path(folder) / real.name}")
        event.listen(side, "connect", _careless)
        try:
            yield side
        finally:
            side.dispose()


def _careless(connection: Any, _record: Any) -> None:
    # Nobody else sees the file, and a restore that ends half-way begins anew: it needs no journal of its own.
    for pragma in ("journal_mode=MEMORY", "synchronous=OFF", "foreign_keys=OFF"):
        connection.execute(f"PRAGMA {pragma}")


def _install(side: Path, real: Path, name: str, *, keep: bool) -> str:
    """Write the new file over the old one in one transaction of SQLite's own; where the old one is kept, if it is."""
    aside = real.with_name(f"{name}.sqlite3")
    try:
        with closing(sqlite3.connect(real)) as old:
            old.execute("BEGIN IMMEDIATE")  # whoever writes now is waited for, or the restore fails with a sentence
            old.rollback()
            if keep:
                aside.touch(mode=0o600)
                _copy(old, aside)
            with closing(sqlite3.connect(side)) as fresh:
                fresh.backup(old)
            old.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    except sqlite3.DatabaseError as error:
        if not _is_unreadable(error):
            raise
        _replace_unreadable(side, real, name)
    return str(aside) if keep else ""


def _copy(old: sqlite3.Connection, to: Path) -> None:
    with closing(sqlite3.connect(to)) as copy:
        old.backup(copy)


def _is_unreadable(error: sqlite3.DatabaseError) -> bool:
    return getattr(error, "sqlite_errorcode", 0) in {sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT}


def _replace_unreadable(side: Path, real: Path, name: str) -> None:
    """The old file is no database any more: its bytes are kept as they are, and the new file takes its name."""
    for suffix in ("", "-wal", "-shm"):
        part = real.with_name(real.name + suffix)
        if part.exists():
            real.with_name(f"{name}.sqlite3{suffix}").touch(mode=0o600)
            shutil.copyfile(part, real.with_name(f"{name}.sqlite3{suffix}"))
    for suffix in ("-wal", "-shm"):
        real.with_name(real.name + suffix).unlink(missing_ok=True)
    side.replace(real)
