"""A OneRoster CSV package: a zip that is looked through from end to end before anything of it is believed.

Errors are ``ProviderError`` with the codes ``not-a-zip``, ``damaged``, ``encrypted``, ``too-large``, ``unsafe-path``,
``nested``, ``no-manifest``, ``bad-manifest``, ``missing-file``, ``wrong-encoding`` and ``wrong-header``.
"""

import codecs
import csv
import io
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import IO, NamedTuple

import msgspec

from sisportal.providers.base import ProviderError
from sisportal.providers.oneroster_csv_columns import (
    ALIASES,
    MANIFEST,
    MANIFEST_FILES,
    OWN_CODE,
    OWN_COLUMNS,
    TABLES,
    Table,
)
from sisportal.providers.oneroster_source import Mode

MOST_LINES_A_ROW = 20
"""A row that goes on for more lines than this has a quote that was never closed."""
_CHUNK = 1 << 20
_UTF_16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_CLUTTER = ("__MACOSX/", ".DS_Store", "Thumbs.db")
"""What operating systems add to zips without being asked."""
_BROKEN = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, OSError, ValueError)


class Limits(msgspec.Struct, frozen=True):
    """What a package may be. The defaults hold a district of a million people."""

    members: int = 200
    unpacked: int = 20 * 1024**3
    """Bytes of all files together."""
    ratio: int = 150
    """Unpacked bytes per packed one, of files beyond ``small`` and of all together: the CSV of a district packs to a tenth
    or twentieth."""
    small: int = 4 * 1024**2
    line: int = 16 * 1024**2
    """Characters of one line."""


class Member(NamedTuple):
    """One file of the package, after it was looked through."""

    info: zipfile.ZipInfo
    encoding: str
    lines: int


class Row(NamedTuple):
    """One row of a file, and the lines it stands on."""

    line: int
    lines: int
    cells: list[str]


class Sheet(NamedTuple):
    """A file whose header was understood."""

    table: Table
    member: Member
    columns: dict[str, int]
    """Where each known column is."""
    unknown: list[str]
    """Columns that are not known and no metadata either."""
    width: int
    """How many columns there are."""


class Package:
    """A package that may be read. Made by ``opened``; rows are streamed from the zip each time they are asked for."""

    def __init__(self, path: Path, limits: Limits) -> None:
        self._path = path
        self._limits = limits
        self._members: dict[str, zipfile.ZipInfo] = {}
        self.version = ""
        self.source_name = ""
        self.source_code = ""
        self.modes: dict[str, Mode] = {}
        """By name of file, of those that the manifest names."""
        self.sheets: dict[str, Sheet] = {}
        """By name, the rostering files that are there."""
        self.unknown_files: list[str] = []
        """Those that no version knows."""
        self.later_files: list[str] = []
        """Those of a later version than the manifest says."""

    def rows(self, member: Member) -> Iterator[Row]:
        """The rows of a file below its header, without blank lines."""
        with zipfile.ZipFile(self._path) as archive, archive.open(member.info) as raw:
            yield from _rows(raw, member.encoding, member.info.filename, self._limits)

    def look_through(self) -> None:
        """Read everything once. Raises ``ProviderError`` for whatever makes the package unfit to be read."""
        try:
            with zipfile.ZipFile(self._path) as archive:
                self._take_members(archive)
                self._read_manifest(archive)
                for table in TABLES[self.version].values():
                    self._take_sheet(archive, table)
        except _BROKEN as fault:
            if isinstance(fault, FileNotFoundError):
                raise ProviderError(
                    "The file does not exist, or not any more. Upload it again, or name another.", code="not-a-zip"
                ) from None
            code = "damaged" if self._members else "not-a-zip"
            raise ProviderError(
                "The file is not a zip, or it is damaged. Export it again, and upload the zip as it is.", code=code
            ) from fault
        except RuntimeError as fault:  # what zipfile raises for a member with a password
            raise ProviderError("The zip has a password. Make one without.", code="encrypted") from fault
        self._require_roles()

    # --- members

    def _take_members(self, archive: zipfile.ZipFile) -> None:
        infos = [info for info in archive.infolist() if not info.filename.startswith(_CLUTTER)]
        if len(infos) > self._limits.members:
            raise _too_large(f"holds {len(infos):,} files")
        self._require_sizes(infos, self._path.stat().st_size)
        for info in infos:
            _require_plain_name(info)
            key = info.filename.lower()
            if key in self._members:
                raise ProviderError(f"The zip holds {_shown(info.filename)} twice.", code="bad-manifest")
            self._members[key] = info

    def _require_sizes(self, infos: list[zipfile.ZipInfo], packed: int) -> None:
        """``packed``: bytes of the whole zip. Its files may overlap, so that each alone seems to be in order."""
        limits = self._limits
        unpacked = sum(info.file_size for info in infos)
        if unpacked > limits.unpacked or unpacked > max(limits.ratio * packed, limits.small):
            raise _too_large("would be too large when unpacked")
        for info in infos:
            if info.file_size > limits.small and info.file_size > limits.ratio * max(info.compress_size, 1):
                raise _too_large(f"holds {_shown(info.filename)}, which unpacks to far more than a roster would")

    # --- manifest

    def _read_manifest(self, archive: zipfile.ZipFile) -> None:
        info = self._members.pop(MANIFEST, None)
        if info is None:
            raise ProviderError(
                "The zip holds no manifest.csv at its top level. Check that it is a OneRoster 1.1 or 1.2 export.",
                code="no-manifest",
            )
        member = _looked_through(archive, info, self._limits)
        properties: dict[str, str] = {}
        with archive.open(info) as raw:
            for row in _rows(raw, member.encoding, MANIFEST, self._limits):
                name, value = (*(cell.strip() for cell in row.cells), "", "")[:2]
                if name in properties:
                    raise _bad_manifest(f"names {_shown(name)} twice")
                properties[name] = value
        version = properties.get("oneroster.version", "")
        self.version = next((one for one in TABLES if version == one or version.startswith(f"{one}.")), "")
        if not self.version:
            raise _bad_manifest(f"says oneroster.version {_shown(version) or '(nothing)'}; 1.1 and 1.2 are read")
        self.source_name = properties.get("source.systemName", "")
        self.source_code = properties.get("source.systemCode", "")
        self._take_modes(properties)

    def _take_modes(self, properties: dict[str, str]) -> None:
        """What the manifest says of each file must agree with what is there."""
        stated = {name.lower(): value.lower() for name, value in properties.items()}
        for name in MANIFEST_FILES[self.version]:
            value = stated.get(f"file.{name}".lower())
            is_there = _file(name) in self._members
            if value is None and is_there:
                raise _bad_manifest(f"does not name {name}.csv, which is in the zip")
            if value not in (None, *Mode):
                raise _bad_manifest(f"says {_shown(value or '')} of {name}.csv; it must be bulk, delta or absent")
            mode = Mode(value or Mode.ABSENT)
            if mode is Mode.ABSENT and is_there:
                raise _bad_manifest(f"says that {name}.csv is absent, and it is in the zip")
            if mode is not Mode.ABSENT and not is_there:
                raise ProviderError(
                    f"The manifest says that {name}.csv is {mode}, and it is not in the zip.", code="missing-file"
                )
            self.modes[name] = mode
        self._take_strangers()

    def _take_strangers(self) -> None:
        """Name the files that the version does not have."""
        known = {_file(name) for name in MANIFEST_FILES[self.version]}
        of_any = {_file(name) for names in MANIFEST_FILES.values() for name in names}
        strangers = {key: info.filename for key, info in self._members.items() if key not in known}
        self.unknown_files = sorted(name for key, name in strangers.items() if key not in of_any)
        self.later_files = sorted(name for key, name in strangers.items() if key in of_any)

    def _require_roles(self) -> None:
        users = self.sheets.get("users")
        if users is None or "roles" in self.sheets or {"role", "orgSourcedIds"} <= users.columns.keys():
            return
        raise ProviderError("The zip holds users.csv and no roles.csv, so nobody has a role.", code="missing-file")

    # --- sheets

    def _take_sheet(self, archive: zipfile.ZipFile, table: Table) -> None:
        info = self._members.get(table.file.lower())
        if info is None:
            return
        member = _looked_through(archive, info, self._limits)
        with archive.open(info) as raw:
            header = next(_lines(raw, member.encoding, info.filename, self._limits), None)
        self.sheets[table.name] = _understood(
            table, member, header.cells if header else [], is_own=self.source_code == OWN_CODE
        )


def opened(path: Path, limits: Limits) -> Package:
    """The package at ``path``, looked through. Raises ``ProviderError``."""
    package = Package(path, limits)
    package.look_through()
    return package


def _require_plain_name(info: zipfile.ZipInfo) -> None:
    name = info.filename
    parts = PurePosixPath(name.replace("\\", "/"))
    if parts.is_absolute() or ".." in parts.parts or ":" in name or "\x00" in name:
        raise ProviderError(
            f"The zip holds a file with an unsafe name ({_shown(name)}). It was not read.", code="unsafe-path"
        )
    if info.is_dir() or len(parts.parts) > 1:
        raise ProviderError(
            f"The zip holds a folder ({_shown(name)}). The files must stand at its top level: zip the files, not their folder.",
            code="nested",
        )
    if info.flag_bits & 0x1:
        raise ProviderError("The zip has a password. Make one without.", code="encrypted")


def _looked_through(archive: zipfile.ZipFile, info: zipfile.ZipInfo, limits: Limits) -> Member:
    """Unpack a file once without keeping it: sizes, check sums, encoding, lines."""
    lines = run = 0
    with archive.open(info) as raw:
        chunk = raw.read(_CHUNK)
        if chunk.startswith(_UTF_16) or b"\x00" in chunk[:4]:
            raise _wrong_encoding(f"{info.filename} is written in UTF-16")
        encoding = "utf-8-sig" if chunk.startswith(codecs.BOM_UTF8) else "utf-8"
        decoder = codecs.getincrementaldecoder(encoding)()
        while True:
            try:
                text = decoder.decode(chunk, final=not chunk)
            except UnicodeDecodeError as fault:
                line = lines + 1 + chunk[: fault.start].count(b"\n")
                raise _wrong_encoding(f"{info.filename} is not written in UTF-8 (about line {line:,})") from None
            breaks = text.count("\n")
            lines += breaks
            run = len(text) - text.rfind("\n") - 1 if breaks else run + len(text)
            if run > limits.line:
                raise _too_large(f"holds a line in {info.filename} that is longer than any row should be")
            if not chunk:
                return Member(info, encoding, lines + bool(run))
            chunk = raw.read(_CHUNK)


def _rows(raw: IO[bytes], encoding: str, name: str, limits: Limits) -> Iterator[Row]:
    lines = _lines(raw, encoding, name, limits)
    next(lines, None)
    yield from lines


def _lines(raw: IO[bytes], encoding: str, name: str, limits: Limits) -> Iterator[Row]:
    """Every row, the header first, without blank ones."""
    csv.field_size_limit(limits.line)  # of the whole process; the default would refuse a long comment
    with io.TextIOWrapper(raw, encoding=encoding, newline="") as text:
        reader = csv.reader(text)
        before = 0
        try:
            for cells in reader:
                line, before = before + 1, reader.line_num
                if before - line >= MOST_LINES_A_ROW:
                    raise _never_closed(name, line)
                if any(cells):
                    yield Row(line, before - line + 1, cells)
        except csv.Error:
            raise _never_closed(name, before + 1) from None


def _understood(table: Table, member: Member, header: list[str], *, is_own: bool) -> Sheet:
    names = {column.lower(): column for column in table.columns} | ALIASES
    if is_own:  # a system that only kept these columns writes of today's people what was so when it read them
        names |= {column.lower(): known for column, known in OWN_COLUMNS.get(table.name, {}).items()}
    if table.name == "users":
        names |= {"role": "role", "orgsourcedids": "orgSourcedIds"}  # some 1.2 packages keep them
    if table.name == "demographics":
        names |= {"usersourcedid": "sourcedId"}
    columns: dict[str, int] = {}
    unknown: list[str] = []
    for place, cell in enumerate(header):
        entered = cell.strip()
        column = names.get(entered.lower())
        if column in columns:
            raise _wrong_header(table, f"names {column} twice")
        if column is not None:
            columns[column] = place
        elif entered and not entered.lower().startswith("metadata."):
            unknown.append(entered)
    missing = [column for column in table.columns if column in table.required and column not in columns]
    if missing:
        raise _wrong_header(table, f"lacks {', '.join(missing)}")
    return Sheet(table, member, columns, unknown, len(header))


def _file(name: str) -> str:
    """The key of a file of the specification among the members."""
    return f"{name}.csv".lower()


def _shown(text: str) -> str:
    """A name out of a file, as it may stand in a sentence."""
    return "".join(letter if letter.isprintable() else "?" for letter in text[:100])


def _too_large(what: str) -> ProviderError:
    return ProviderError(f"The zip {what}. It was not read.", code="too-large")


def _wrong_encoding(what: str) -> ProviderError:
    return ProviderError(f"{what}. Export it in UTF-8.", code="wrong-encoding")


def _bad_manifest(what: str) -> ProviderError:
    return ProviderError(f"The manifest {what}. Correct the export.", code="bad-manifest")


def _wrong_header(table: Table, what: str) -> ProviderError:
    return ProviderError(
        f"The header of {table.file} {what}. It must be: {', '.join(table.columns)}.", code="wrong-header"
    )


def _never_closed(name: str, line: int) -> ProviderError:
    return ProviderError(
        f"A quote in {name}, line {line:,}, is opened and not closed, so that the rows after it cannot be told apart. "
        "Correct the export.",
        code="damaged",
    )
