"""The tables themselves: the file, their shape, rows that refer to nothing, values that nobody can read."""

from collections.abc import Iterable, Iterator
from enum import StrEnum
from typing import Any

import msgspec
from sqlalchemy import Column, ColumnElement, Connection, Table, Text, exists, func, inspect, select, text, type_coerce
from sqlalchemy.exc import DBAPIError

from sisportal.models import (
    Account,
    AccountRole,
    Action,
    ActionState,
    ActionType,
    Base,
    ClassStyle,
    Mapping,
    SchoolClass,
    SisSchool,
    Source,
    Sync,
    SyncMode,
    SyncState,
    Verb,
)
from sisportal.models.base import Json
from sisportal.syncing.findings import RESTORE, Finding, found
from sisportal.syncing.rows import read

_LOOSE: tuple[tuple[str, str, str, int | None], ...] = (
    ("sis_enrollment", "person_id", "sis_person", None),
    ("sis_enrollment", "section_id", "sis_section", None),
    ("sis_person", "gone_in_sync", "sync", None),
    ("sis_section", "gone_in_sync", "sync", None),
    ("connection", "committed_sync_id", "sync", None),
    ("account", "archived_by_sync", "sync", None),
    ("account", "changed_by_sync", "sync", None),
    ("class", "archived_by_sync", "sync", 0),
    ("class", "changed_by_sync", "sync", None),
    ("membership", "class_id", "class", None),
    ("membership", "account_id", "account", None),
    ("membership", "ended_by_sync", "sync", 0),
    ("warning", "action_id", "action", None),
)
"""Column, the table whose ``id`` it holds without a foreign key, and the value that stands for nobody."""
_WORDS: tuple[tuple[Any, type[StrEnum]], ...] = (
    (Account.role, AccountRole),
    (Account.source, Source),
    (SchoolClass.style, ClassStyle),
    (SchoolClass.source, Source),
    (SisSchool.mapping, Mapping),
    (Sync.state, SyncState),
    (Sync.mode, SyncMode),
    (Action.type, ActionType),
    (Action.verb, Verb),
    (Action.state, ActionState),
)


def tables() -> dict[str, Table]:
    """Every table of the portal by its name."""
    return dict(Base.metadata.tables)


def file(connection: Connection) -> Iterator[Finding]:
    """SQLite's own check of its file; PostgreSQL keeps checksums of its own."""
    if connection.dialect.name != "sqlite":
        return
    try:
        lines = list(connection.scalars(text("PRAGMA integrity_check")))
    except DBAPIError as error:  # so damaged that not even this can be told
        lines = [str(error.orig)]
    yield from (Finding(f"The database file is damaged: {line}.", RESTORE) for line in lines if line != "ok")


def shape(connection: Connection) -> Iterator[Finding]:
    """Tables, columns and indexes that the migrations made and that are not there."""
    here, indexes = inspect(connection), _indexes(connection)
    there = set(here.get_table_names())
    for name, table in sorted(tables().items()):
        if name not in there:
            yield Finding(f"The table {name} is not there.", RESTORE)
            continue
        columns = {column["name"] for column in here.get_columns(name)}
        missing = [column.name for column in table.columns if column.name not in columns]
        yield from found(missing, f"columns of the table {name} are not there", RESTORE)
        missing = sorted(str(index.name) for index in table.indexes if index.name not in indexes)
        advice = "Take a backup and restore it, which makes every index anew."
        yield from found(missing, f"indexes of the table {name} are not there", advice)


def _indexes(connection: Connection) -> set[str]:
    if connection.dialect.name == "sqlite":
        return set(connection.scalars(text("SELECT name FROM sqlite_master WHERE type = 'index'")))
    return set(connection.scalars(text("SELECT indexname FROM pg_indexes WHERE schemaname = current_schema()")))


def references(connection: Connection) -> Iterator[Finding]:
    """Rows that refer to rows that are not there, whether or not the database was told to prevent it."""
    known = tables()
    pairs: list[tuple[Column[Any], Column[Any], int | None]] = [
        (key.parent, key.column, None) for name in sorted(known) for key in sorted(known[name].foreign_keys, key=str)
    ]
    pairs += [(known[name].c[column], known[target].c.id, nobody) for name, column, target, nobody in _LOOSE]
    for column, target, nobody in pairs:
        number = connection.scalar(
            select(func.count()).select_from(column.table).where(*_dangling(column, target, nobody))
        )
        if number:
            table, to = column.table.name, target.table.name
            yield Finding(f"{number:,} rows of {table} refer to rows of {to} that are not there.", RESTORE)


def _dangling(column: Column[Any], target: Column[Any], nobody: int | None) -> Iterable[ColumnElement[bool]]:
    there = target.table.alias("there")
    yield column.is_not(None)
    if nobody is not None:
        yield column != nobody
    yield ~exists().where(there.c[target.name] == column)


def words(connection: Connection) -> Iterator[Finding]:
    """States, roles and verbs that are none."""
    for column, known in _WORDS:
        table = column.class_.__table__
        statement = select(table.c.id).where(column.not_in([str(word) for word in known]))
        yield from found(
            sorted(connection.scalars(statement)),
            f"rows of {table.name} have a {column.key} that nobody knows",
            RESTORE,
        )


def texts(connection: Connection) -> Iterator[Finding]:
    """Values that are no JSON where JSON is kept: the stages would stop at them."""
    decode = msgspec.json.decode
    for table in tables().values():
        columns = [column for column in table.columns if isinstance(column.type, Json)]
        for column in columns:
            wrong: list[str] = []
            keys = list(table.primary_key.columns)
            for *key, value in read(connection, select(*keys, type_coerce(column, Text)).where(column.is_not(None))):
                try:
                    decode(value)
                except (msgspec.DecodeError, TypeError, UnicodeError):
                    wrong.append(" ".join(map(str, key)))
            yield from found(wrong, f"rows of {table.name} have values of {column.name} that cannot be read", RESTORE)
