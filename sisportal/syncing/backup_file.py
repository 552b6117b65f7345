"""A backup as a file: a zip of every table, a JSON list for each row and line, and what it has to be when it is read.

It holds neither tables' definitions nor anything of one kind of database, so that it can be restored on the other kind and
by later versions: the migrations lead from the revision that it names to the tables of the version that restores it.
"""

import hashlib
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import IO, Any
from zipfile import BadZipFile, ZipFile

import msgspec

FORMAT = "sis-portal-backup"
VERSION = 1
MANIFEST = "manifest.json"
PIECE = 1 << 20
"""How many bytes are read at a time."""
LONGEST_LINE = 64 << 20
"""A row is never that long; what is, is no backup but something that would fill the memory."""


class Unusable(Exception):
    """The file cannot be restored; the message is a sentence that says why."""


class Column(msgspec.Struct, frozen=True):
    """A column: its name, and whether its values are moments (RFC 3339, in UTC) rather than JSON's own kinds."""

    name: str
    moment: bool = False


class Table(msgspec.Struct, frozen=True):
    """A table: the order of the values in each of its lines, how many lines there are, and the SHA-256 of all of them."""

    name: str
    columns: tuple[Column, ...]
    rows: int
    sha256: str

    @property
    def file(self) -> str:
        """Where its lines are in the zip."""
        return table_file(self.name)


class Manifest(msgspec.Struct, frozen=True):
    """What a backup says of itself; the last file in the zip."""

    made_at: datetime
    revision: str
    """The migration that the tables were at."""
    portal: str
    """The portal's name."""
    database: str
    """The kind of database that it was made on; for reading only."""
    credentials_key: str | None
    """What the stored credentials are encrypted with; None where they were left out."""
    tables: tuple[Table, ...]
    format: str = FORMAT
    version: int = VERSION

    @property
    def rows(self) -> int:
        """How many rows it holds."""
        return sum(table.rows for table in self.tables)


class Head(msgspec.Struct):
    """The two values by which a backup is known, whatever else a later version writes."""

    format: str
    version: int


def table_file(name: str) -> str:
    """Where a table's lines are in the zip."""
    return f"tables/{name}.jsonl"


@contextmanager
def opened(path: Path) -> Iterator[tuple[ZipFile, Manifest]]:
    """The zip and what it says of itself. Raises ``Unusable`` where it is no backup, or breaks while it is read."""
    try:
        with ZipFile(path) as archive:
            yield archive, _manifest(archive)
    except FileNotFoundError as error:
        raise Unusable(f"There is no file {path}.") from error
    except (BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
        raise Unusable(f"{path.name} is damaged, or is no backup of a portal: {error}. Nothing was changed.") from error


def verify(archive: ZipFile, manifest: Manifest) -> None:
    """Read everything once. Raises ``Unusable`` where a table is missing, or is not what was written."""
    expected = {MANIFEST, *(table.file for table in manifest.tables)}
    if sorted(archive.namelist()) != sorted(expected):
        raise Unusable("The backup is damaged: tables are missing from it, or were added. Nothing was changed.")
    for table in manifest.tables:
        digest, lines = hashlib.sha256(), 0
        with archive.open(table.file) as file:
            while piece := file.read(PIECE):
                digest.update(piece)
                lines += piece.count(b"\n")
        if (digest.hexdigest(), lines) != (table.sha256, table.rows):
            raise Unusable(f"The backup is damaged: table {table.name} is not what was written. Nothing was changed.")


def rows_of(archive: ZipFile, table: Table) -> Iterator[list[list[Any]]]:
    """The rows of a table, some thousands at a time. Raises ``Unusable`` where they are no rows of it."""
    decoder = msgspec.json.Decoder(list[Any])
    with archive.open(table.file) as file:
        for lines in _whole_lines(file):
            try:
                rows = decoder.decode_lines(lines)
            except msgspec.DecodeError as error:
                raise Unusable(
                    f"The backup is damaged: table {table.name} cannot be read. Nothing was changed."
                ) from error
            if any(len(row) != len(table.columns) for row in rows):
                raise Unusable(f"The backup is damaged: rows of {table.name} lack values. Nothing was changed.")
            yield rows


def _whole_lines(file: IO[bytes]) -> Iterator[bytes]:
    """The file in pieces that each end with a line."""
    begun = b""
    while piece := file.read(PIECE):
        whole, newline, rest = piece.rpartition(b"\n")
        if newline:
            yield begun + whole
            begun = rest
        else:
            begun += piece
            if len(begun) > LONGEST_LINE:
                raise Unusable("The backup is damaged: a line of it does not end. Nothing was changed.")
    if begun:
        yield begun


def _manifest(archive: ZipFile) -> Manifest:
    try:
        if archive.getinfo(MANIFEST).file_size > PIECE:
            raise Unusable("This is no backup of a portal. Nothing was changed.")
        text = archive.read(MANIFEST)
        head = msgspec.json.decode(text, type=Head)
    except (KeyError, msgspec.DecodeError) as error:
        raise Unusable("This is no backup of a portal. Nothing was changed.") from error
    if head.format != FORMAT:
        raise Unusable("This is no backup of a portal. Nothing was changed.")
    if head.version > VERSION:
        raise Unusable("This backup was made by a newer version of the portal. Update the portal, then restore it.")
    try:
        return msgspec.json.decode(text, type=Manifest)
    except msgspec.DecodeError as error:
        raise Unusable("The backup is damaged: what it says of itself cannot be read. Nothing was changed.") from error
