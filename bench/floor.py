"""The floor: the least that keeping a district can cost here, with the same decoder and the bare driver (SPEC 14)."""

import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from bench.recorded import Response

_COLLECTIONS = ("schools", "terms", "courses", "users", "sections")


class Item(msgspec.Struct):
    """One item of a list as it comes: every field of its record is kept."""

    data: dict[str, Any]
    uri: str = ""


class Listed(msgspec.Struct):
    """A page of a list."""

    data: list[Item] = []


def first_sync(folder: Path, store: Path) -> float:
    """Seconds to parse every page and store every column of every record and every enrolment, in one transaction."""
    begun = time.perf_counter()
    connection = _open(store)
    connection.execute("BEGIN")
    made: set[str] = set()
    for collection, records in _pages(folder):
        _store(connection, made, collection, [_columns(record) for record in records])
        if collection == "sections":
            _store(connection, made, "enrollments", [row for record in records for row in _enrollments(record)])
    connection.execute("COMMIT")
    connection.close()
    return time.perf_counter() - begun


def unchanged_sync(folder: Path, store: Path) -> float:
    """Seconds to parse every page, read the rows back and compare them in memory, writing nothing."""
    begun = time.perf_counter()
    connection = _open(store)
    differing = 0
    incoming: dict[str, dict[str, dict[str, Any]]] = {}
    for collection, records in _pages(folder):
        incoming.setdefault(collection, {}).update((record["id"], _columns(record)) for record in records)
        if collection == "sections":
            rows = (row for record in records for row in _enrollments(record))
            incoming.setdefault("enrollments", {}).update((row["id"], row) for row in rows)
    for collection, records_by_id in incoming.items():
        cursor = connection.execute(f"SELECT * FROM {collection}")  # noqa: S608  # a name of ours
        names = [column[0] for column in cursor.description]
        for row in cursor:
            held = {name: value for name, value in zip(names, row, strict=True) if value is not None}
            differing += held != records_by_id.get(held["id"])
    connection.close()
    if differing:
        raise RuntimeError(f"the floor found {differing} differences in an unchanged district")
    return time.perf_counter() - begun


def _open(store: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(store, isolation_level=None)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=NORMAL")
    return connection


def _pages(folder: Path) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    envelope = msgspec.msgpack.Decoder(Response)
    page = msgspec.json.Decoder(Listed)
    for path in sorted(folder.iterdir()):
        content = envelope.decode(path.read_bytes()).content
        try:
            items = page.decode(content).data
        except msgspec.ValidationError:
            continue  # the district itself, counts: not a list
        collection = items[0].uri.split("/")[2] if items and items[0].uri else ""
        if collection in _COLLECTIONS:
            yield collection, [item.data for item in items]


def _columns(record: dict[str, Any]) -> dict[str, Any]:
    """Every field as a column; what is nested as JSON, the lists of people apart."""
    return {
        name: value if isinstance(value, str) else msgspec.json.encode(value).decode()
        for name, value in record.items()
        if name not in {"students", "teachers"}
    }


def _enrollments(record: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for role in ("teachers", "students"):
        for person in record.get(role, ()):
            yield {"id": f"{record['id']}:{person}", "section": record["id"], "person": person, "role": role}


def _store(connection: sqlite3.Connection, made: set[str], table: str, rows: list[dict[str, Any]]) -> None:
    names = _NAMES.get(table) or tuple(sorted({name for row in rows for name in row}))
    if table not in made:
        made.add(table)
        _NAMES[table] = names = _all_names(table, names)
        columns = ", ".join("id TEXT PRIMARY KEY" if name == "id" else f'"{name}"' for name in names)
        connection.execute(f"CREATE TABLE {table} ({columns})")
    marks = ", ".join("?" * len(names))
    quoted = ", ".join(f'"{name}"' for name in names)
    connection.executemany(
        f"INSERT OR REPLACE INTO {table} ({quoted}) VALUES ({marks})",  # noqa: S608  # names of the wire's fields
        [tuple(row.get(name) for name in names) for row in rows],
    )


_NAMES: dict[str, tuple[str, ...]] = {}


def _all_names(table: str, seen: tuple[str, ...]) -> tuple[str, ...]:
    """The columns of a table: those of the first page, and those that records may lack."""
    extra = {
        "users": ("created", "district", "email", "id", "last_modified", "name", "roles", "lms_status"),
        "sections": (
            "course", "created", "district", "ext", "grade", "id", "last_modified", "name", "period", "school",
            "section_number", "sis_id", "subject", "teacher", "term_id", "lms_status",
        ),
        "schools": ("mdr_number", "nces_id", "ext", "principal", "location", "phone", "state_id", "high_grade", "low_grade"),
    }  # fmt: skip
    return tuple(sorted({*seen, *extra.get(table, ())}))
