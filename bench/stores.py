"""Where measured runs keep their rows: SQLite files in a folder, or schemas of their own in a PostgreSQL database."""

import os
import sqlite3
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import quote

import psycopg

Row = tuple[Any, ...]


class Stores(Protocol):
    """Gives each run an empty store and takes it away again."""

    kind: str

    def address(self, name: str) -> str:
        """The database URL of a new, empty store."""

    def size(self, name: str) -> int:
        """Bytes that it takes, indexes included."""

    def drop(self, name: str) -> None:
        """Remove it."""


class SqliteStores:
    """A file for each run."""

    kind = "SQLite"

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def address(self, name: str) -> str:
        return f"sqlite:///{self._path(name)}"

    def size(self, name: str) -> int:
        """Of the file with what its write-ahead log holds."""
        with sqlite3.connect(self._path(name)) as connection:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        connection.close()
        return self._path(name).stat().st_size

    def drop(self, name: str) -> None:
        for ending in ("", "-wal", "-shm"):
            self._path(name).with_name(f"{name}.sqlite3{ending}").unlink(missing_ok=True)

    def _path(self, name: str) -> Path:
        return self._folder / f"{name}.sqlite3"


class PostgresStores:
    """A schema for each run: whatever else the database holds stays as it is."""

    kind = "PostgreSQL"

    def __init__(self, url: str) -> None:
        self._url = url.replace("postgresql+psycopg://", "postgresql://", 1)

    def address(self, name: str) -> str:
        schema = _schema(name)
        self._execute(f"CREATE SCHEMA {schema}")
        return f"{self._url}{'&' if '?' in self._url else '?'}options={quote(f'-csearch_path={schema}')}"

    def size(self, name: str) -> int:
        statement = "SELECT sum(pg_total_relation_size(oid)) FROM pg_class WHERE relkind = 'r' AND relnamespace = %s::regnamespace"
        with psycopg.connect(self._url) as connection:
            row = connection.execute(statement.encode(), [_schema(name)]).fetchone()
        return int(row[0]) if row and row[0] else 0

    def drop(self, name: str) -> None:
        self._execute(f"DROP SCHEMA IF EXISTS {_schema(name)} CASCADE")

    def _execute(self, statement: str) -> None:
        with psycopg.connect(self._url, autocommit=True) as connection:
            connection.execute(statement.encode())


def _schema(name: str) -> str:
    return f"portal_bench_{os.getpid()}_{name.replace('-', '_')}"
