"""The bare drivers, as far as the floor needs them: statements, rows in, rows out."""

import sqlite3
from collections.abc import Iterable
from typing import Any, Protocol

import psycopg

Row = tuple[Any, ...]


class Bare(Protocol):
    """A connection of a driver, which begins and ends transactions only when told to."""

    mark: str
    """How a statement marks where a value goes."""
    keyed_by: str
    """What ends the definition of a table so that its rows lie in the order of its key."""

    def execute(self, statement: str) -> None: ...
    def insert(self, statement: str, rows: list[Row]) -> None: ...
    def read(self, statement: str) -> Iterable[Row]: ...
    def close(self) -> None: ...


class BareSqlite:
    """SQLite's driver, with the settings that the portal gives it."""

    mark = "?"
    keyed_by = " WITHOUT ROWID"

    def __init__(self, url: str) -> None:
        self._connection = sqlite3.connect(url.removeprefix("sqlite:///"), isolation_level=None)
        for pragma in ("journal_mode=WAL", "synchronous=NORMAL", "cache_size=-32768", "wal_autocheckpoint=16000"):
            self._connection.execute(f"PRAGMA {pragma}")

    def execute(self, statement: str) -> None:
        self._connection.execute(statement)

    def insert(self, statement: str, rows: list[Row]) -> None:
        self._connection.executemany(statement, rows)

    def read(self, statement: str) -> Iterable[Row]:
        return self._connection.execute(statement)

    def close(self) -> None:
        self._connection.close()


class BarePostgres:
    """psycopg."""

    mark = "%s"
    keyed_by = ""

    def __init__(self, url: str) -> None:
        self._connection = psycopg.connect(url, autocommit=True)

    def execute(self, statement: str) -> None:
        self._connection.execute(statement.encode())

    def insert(self, statement: str, rows: list[Row]) -> None:
        self._connection.cursor().executemany(statement.encode(), rows)

    def read(self, statement: str) -> Iterable[Row]:
        return self._connection.execute(statement.encode()).fetchall()

    def close(self) -> None:
        self._connection.close()


def connect(url: str) -> Bare:
    """A connection to the database of this URL."""
    return BareSqlite(url) if url.startswith("sqlite:") else BarePostgres(url)
