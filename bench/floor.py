"""The floor: the least that keeping a district can cost here, with the same decoder and the bare driver (SPEC 14).

A first sync parses every page, or every file of a CSV package, and stores every column of every record, and every enrolment,
as rows of one keyed table per collection, in one transaction. An unchanged one parses, reads those rows back, compares them in memory and writes
nothing. Both are written to be quick: typed decoding, plain tuples, rows in the order of their keys as they come.
"""

import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Generic, TypeVar
from urllib.parse import parse_qs, urlsplit

import msgspec

from bench import package
from bench.bare import Bare, Row, connect
from bench.recorded import recorded
from bench.wire import Other, Section, User
from sisportal.syncing.rows import few_collections

R = TypeVar("R", User, Section, Other)
KEPT_ROLES = frozenset({"student", "teacher"})
"""Lists of other users are parsed and not stored: the portal only counts them."""
TABLES = {
    "schools": Other.COLUMNS,
    "terms": Other.COLUMNS,
    "courses": Other.COLUMNS,
    "users": User.COLUMNS,
    "sections": Section.COLUMNS,
    "enrollments": ("section", "person", "role"),
}
KEYS = {TABLES["enrollments"]: ("section", "person")}
Columns = dict[str, tuple[str, ...]]


class Item(msgspec.Struct, Generic[R], frozen=True, gc=False):
    """One element of a list."""

    data: R


class Page(msgspec.Struct, Generic[R], frozen=True):
    """The envelope of a list."""

    data: list[Item[R]]


def first_sync(source: Path, url: str) -> float:
    """Seconds to parse and store everything of a folder of pages, or of a package."""
    tables, rows_of = _input(source)
    with few_collections():
        begun = time.perf_counter()
        connection = connect(url)
        connection.execute("BEGIN")
        insert = {name: _make(connection, name, columns) for name, columns in tables.items()}
        for name, rows in rows_of(source):
            insert[name](rows)
        connection.execute("COMMIT")
        seconds = time.perf_counter() - begun
    connection.close()
    return seconds


def unchanged_sync(source: Path, url: str) -> float:
    """Seconds to parse everything and compare it with what is stored. Raises where anything differs."""
    tables, rows_of = _input(source)
    with few_collections():
        begun = time.perf_counter()
        connection = connect(url)
        held = {name: set(connection.read(f"SELECT {_names(columns)} FROM {name}")) for name, columns in tables.items()}
        for name, rows in rows_of(source):
            held[name].difference_update(rows)
        seconds = time.perf_counter() - begun
    connection.close()
    if differing := sum(map(len, held.values())):
        raise RuntimeError(f"the floor found {differing} differences in an unchanged district")
    return seconds


def _input(source: Path) -> tuple[Columns, Callable[[Path], Iterator[tuple[str, list[Row]]]]]:
    """The tables of a source, and what reads its rows."""
    return (package.COLUMNS, package.rows) if package.is_package(source) else (TABLES, _rows)


def _make(connection: Bare, name: str, columns: tuple[str, ...]) -> Callable[[list[Row]], None]:
    """Make a table, keyed by its first column where nothing else is said; what inserts rows into it."""
    typed = ", ".join(f'"{column}" TEXT' for column in columns)
    keys = _names(KEYS.get(columns, columns[:1]))
    connection.execute(f"CREATE TABLE {name} ({typed}, PRIMARY KEY ({keys})){connection.keyed_by}")
    marks = ", ".join([connection.mark] * len(columns))
    statement = f"INSERT INTO {name} ({_names(columns)}) VALUES ({marks}) ON CONFLICT DO NOTHING"
    return partial(connection.insert, statement)


def _names(columns: tuple[str, ...]) -> str:
    return ", ".join(f'"{column}"' for column in columns)


def _rows(folder: Path) -> Iterator[tuple[str, list[Row]]]:
    """The rows of each page with the table they belong to."""
    read_users = msgspec.json.Decoder(Page[User]).decode
    read_sections = msgspec.json.Decoder(Page[Section]).decode
    read_others = msgspec.json.Decoder(Page[Other]).decode
    for response in recorded(folder):
        target = urlsplit(response.target)
        name, query = target.path.rpartition("/")[2], parse_qs(target.query)
        if name not in TABLES or "count" in query:
            continue
        if name == "users":
            users = read_users(response.content).data
            if query["role"][0] in KEPT_ROLES:
                yield name, [item.data.row() for item in users]
        elif name == "sections":
            sections = read_sections(response.content).data
            yield name, [item.data.row() for item in sections]
            yield "enrollments", [row for item in sections for row in _enrollments(item.data)]
        else:
            yield name, [item.data.row() for item in read_others(response.content).data]


def _enrollments(section: Section) -> Iterator[Row]:
    for person in section.teachers:
        yield section.id, person, "teacher"
    for person in section.students:
        yield section.id, person, "student"
