"""A made-up district as a OneRoster CSV package (``python -m bench.package STUDENTS FILE``), and its rows for the floor."""

import csv
import io
import sys
import zipfile
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from bench.bare import Row
from sisportal.providers.oneroster_csv_columns import TABLES
from sisportal.sandbox.generator import generate
from sisportal.sandbox.oneroster_csv import write_package

VERSION = "1.1"
COLUMNS = {name: table.columns for name, table in TABLES[VERSION].items()}
AT_ONCE = 5_000
_ROLE = COLUMNS["users"].index("role")
_KEPT_ROLES = frozenset({"student", "teacher"})
"""Other users are parsed and not stored: the portal only counts them."""


def is_package(source: Path) -> bool:
    """Whether a measured district is a package and no folder of pages."""
    return source.suffix == ".zip"


def rows(path: Path) -> Iterator[tuple[str, list[Row]]]:
    """Every row of every file, some at a time, each with the name of its file."""
    with zipfile.ZipFile(path) as archive:
        for name in COLUMNS:
            with archive.open(f"{name}.csv") as raw, io.TextIOWrapper(raw, "utf-8", newline="") as text:
                reader = csv.reader(text)
                next(reader)
                while part := list(map(tuple, islice(reader, AT_ONCE))):
                    yield name, [row for row in part if row[_ROLE] in _KEPT_ROLES] if name == "users" else part


def write(students: int, path: Path) -> None:
    """Keep a district of so many students as a package."""
    with path.open("wb") as out:
        write_package(generate(students), out, version=VERSION)


if __name__ == "__main__":
    write(int(sys.argv[1]), Path(sys.argv[2]))
