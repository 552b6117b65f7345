"""How an engine talks to either database: pragmas and write transactions on SQLite, positional parameters on PostgreSQL."""

import os
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import make_url

BUSY_MILLISECONDS = 15_000


def engine_options(url: str) -> dict[str, Any]:
    """Keyword arguments for ``create_engine``: both drivers take rows as plain tuples, which the stages write.

    Errors, which reach the log, do not show the values of their statement: those are people's.
    """
    if make_url(url).get_backend_name() == "postgresql":
        return {"paramstyle": "format", "pool_pre_ping": True, "hide_parameters": True}
    return {"connect_args": {"timeout": BUSY_MILLISECONDS / 1000}, "hide_parameters": True}


def database_url(url: str) -> str:
    """The URL with the driver that the portal brings: ``postgresql://`` and ``postgres://`` mean psycopg 3."""
    for scheme in ("postgresql://", "postgres://"):
        if url.startswith(scheme):
            return "postgresql+psycopg://" + url.removeprefix(scheme)
    return url


def make_engine(url: str) -> Engine:
    """An engine for a process without Flask: a bench, a test of a stage."""
    url = database_url(url)
    engine = create_engine(url, **engine_options(url))
    prepare_engine(engine)
    return engine


def prepare_engine(engine: Engine) -> None:
    """Make SQLite durable, concurrent and honest about transactions, as PostgreSQL is already."""
    if engine.dialect.name == "sqlite" and not event.contains(engine, "connect", _open_sqlite):
        event.listen(engine, "connect", _open_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
    if engine.dialect.name == "postgresql" and not event.contains(engine, "connect", _open_postgres):
        event.listen(engine, "connect", _open_postgres)


def writing(engine: Engine) -> Engine:
    """The same engine, whose transactions take SQLite's write lock at their start rather than half-way.

    A transaction that reads first and writes later fails on SQLite when another one wrote in between.
    """
    return engine.execution_options(writing=True)


def _open_sqlite(connection: Any, _record: Any) -> None:
    # The driver must not begin transactions by itself: it would do so before DML only, and never for SELECT.
    connection.isolation_level = None
    cursor = connection.cursor()
    _keep_to_ourselves(cursor.execute("PRAGMA database_list").fetchone()[2])
    for pragma in (
        "journal_mode=WAL",
        "synchronous=NORMAL",
        "foreign_keys=ON",
        f"busy_timeout={BUSY_MILLISECONDS}",
        "cache_size=-32768",
        "temp_store=MEMORY",
        # Checkpoints wait for the disk: one for each 64 MB written, not for each 4 MB.
        "wal_autocheckpoint=16000",
    ):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _keep_to_ourselves(file: str) -> None:
    """The database is full of people: only its own user reads it, wherever it lies. What SQLite puts beside it is kept alike."""
    if not file:
        return
    found = Path(file).stat()
    if found.st_mode & 0o077 and found.st_uid == os.getuid():
        Path(file).chmod(0o600)


def _open_postgres(connection: Any, _record: Any) -> None:
    # Cursors are planned as if a tenth of their rows were wanted; the stages read each to its end, and joins of all
    # records by nested loops took a hundred times as long.
    connection.execute("SET cursor_tuple_fraction = 1")
    connection.commit()  # a setting of a transaction that is rolled back would be gone


def _begin_sqlite(connection: Connection) -> None:
    immediate = connection.get_execution_options().get("writing")
    connection.exec_driver_sql("BEGIN IMMEDIATE" if immediate else "BEGIN")
