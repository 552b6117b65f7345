"""Rows in bulk: statements compiled once, rows as plain tuples, a few thousand at a time (DESIGN 2)."""

import gc
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from functools import lru_cache
from itertools import islice
from typing import Any, TypeVar

import msgspec
from sqlalchemy import Connection, Dialect, Select, Table, func, insert, select, text

from sisportal.models.base import Base, UTCDateTime

Row = tuple[Any, ...]
T = TypeVar("T")

AT_ONCE = 5_000
"""How many rows a statement takes: enough to be quick, few enough to hold the write lock only shortly."""

as_json = msgspec.json.Encoder().encode


def json_text(value: Any) -> str:
    """JSON as the ``Json`` columns keep it."""
    return as_json(value).decode()


@contextmanager
def few_collections() -> Iterator[None]:
    """Let the garbage collector run seldom while a stage makes hundreds of thousands of short-lived tuples.

    None of them is part of a cycle, so looking for cycles among them frees nothing; it took a tenth of a first sync.
    """
    before = gc.get_threshold()
    gc.set_threshold(200_000, 20, 20)
    try:
        yield
    finally:
        gc.set_threshold(*before)


def chunks(items: Iterable[T], size: int = AT_ONCE) -> Iterator[list[T]]:
    """The items in lists of at most ``size``."""
    iterator = iter(items)
    while chunk := list(islice(iterator, size)):
        yield chunk


def insert_one(connection: Connection, table: type[Base], values: dict[str, Any]) -> int:
    """Insert one row; its id."""
    key = connection.execute(insert(table).values(values)).inserted_primary_key
    return int(key[0]) if key else 0


def read(connection: Connection, statement: Select[*tuple[Any, ...]]) -> Iterator[Any]:
    """The rows of a query, fetched some thousands at a time."""
    for rows in connection.execution_options(yield_per=5_000).execute(statement).partitions():
        yield from rows


def insert_rows(connection: Connection, table: Table, columns: Sequence[str], rows: list[Row]) -> None:
    """Insert tuples whose values are as the driver takes them: text, numbers, booleans, JSON as text."""
    if rows:
        connection.exec_driver_sql(_insert_sql(table, tuple(columns), connection.dialect), rows)


def update_rows(
    connection: Connection, table: Table, columns: Sequence[str], keys: Sequence[str], rows: list[Row]
) -> None:
    """Update by key: each tuple holds the new values of ``columns``, then the values of ``keys``."""
    if rows:
        connection.exec_driver_sql(_update_sql(table, tuple(columns), tuple(keys), connection.dialect), rows)


def stored_moment(connection: Connection, moment: datetime) -> Any:
    """A moment as the driver takes it in a plain tuple."""
    process = UTCDateTime().dialect_impl(connection.dialect).bind_processor(connection.dialect)
    return process(moment) if process else moment


def reserve_ids(connection: Connection, table: Table, count: int, after: int = 0) -> int:
    """The first of ``count`` ids that follow each other and that nobody else will take, none of them up to ``after``.

    Ids follow from what is stored, not from a sequence that a rolled-back batch has moved on, so that a stage which was
    killed and run again gives the same ids as one that was not. SQLite's write lock keeps others out by itself.
    """
    if connection.dialect.name == "postgresql":
        connection.execute(text(f'LOCK TABLE "{table.name}" IN SHARE ROW EXCLUSIVE MODE'))
    first = max(connection.scalar(select(func.max(table.c.id))) or 0, after) + 1
    if connection.dialect.name == "postgresql" and count:
        sequence = func.pg_get_serial_sequence(f'"{table.name}"', "id")
        connection.execute(select(func.setval(sequence, first + count - 1)))
    return first


@lru_cache(maxsize=128)
def _insert_sql(table: Table, columns: tuple[str, ...], dialect: Dialect) -> str:
    # The text is put together from the table's own names: a compiled insert() adds the defaults of every other column
    # as parameters of its own, which plain tuples cannot supply.
    quote = dialect.identifier_preparer.quote
    names = ", ".join(quote(table.c[name].name) for name in columns)
    marks = ", ".join([_mark(dialect)] * len(columns))
    return f"INSERT INTO {quote(table.name)} ({names}) VALUES ({marks})"  # noqa: S608 names come from the table


@lru_cache(maxsize=128)
def _update_sql(table: Table, columns: tuple[str, ...], keys: tuple[str, ...], dialect: Dialect) -> str:
    quote, mark = dialect.identifier_preparer.quote, _mark(dialect)
    changes = ", ".join(f"{quote(table.c[name].name)} = {mark}" for name in columns)
    where = " AND ".join(f"{quote(table.c[name].name)} = {mark}" for name in keys)
    return f"UPDATE {quote(table.name)} SET {changes} WHERE {where}"  # noqa: S608 names come from the table


def _mark(dialect: Dialect) -> str:
    return "?" if dialect.paramstyle == "qmark" else "%s"
