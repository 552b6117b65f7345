"""A CSV file as people's spreadsheets write it, read into rows with their lines: accounts or classes (SPEC 10, "Import").

Nothing is known of the portal here: which columns there are, what a cell says, and what cannot be read at all.
"""

import csv
import io
from collections.abc import Iterator

import msgspec

from sisportal.roster.entered import ACCOUNT_TEXTS, CLASS_TEXTS, tidied
from sisportal.roster.text import folded

LARGEST = 20_000_000
"""Bytes of a file."""
MOST_ROWS = 50_000
LINK_COLUMNS = ("clever_id", "oneroster_id")
COLUMNS = {
    "accounts": ("role", *ACCOUNT_TEXTS, *LINK_COLUMNS, "organization"),
    "classes": (*CLASS_TEXTS, "style", *LINK_COLUMNS, "organization", "teachers"),
}
"""What can be imported, in the order in which pages name it."""
_TELLING = {
    "accounts": frozenset({"role", "username", "first_name", "last_name", "email", "student_id", "teacher_id"}),
    "classes": frozenset({"name", "code", "start", "finish", "style", "teachers"}),
}
_ALSO = {"e_mail": "email", "email_address": "email", "organisation": "organization", "user_name": "username"}
FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""What a spreadsheet would run: exports put a quote before it, and imports take the quote away."""
AS_UTF8 = 'Save it as "CSV UTF-8" in your spreadsheet program, and choose it again.'


class Unreadable(Exception):
    """The file is no list of accounts or classes; the sentence says why, and what to do."""


class Problem(msgspec.Struct, frozen=True):
    """What is wrong with a row: its line in the file, the column as the file names it, and a sentence."""

    line: int
    column: str
    message: str


class Line(msgspec.Struct, frozen=True):
    """A row: where it begins in the file, and its cells by the portal's names; blank ones are left out."""

    number: int
    cells: dict[str, str]


class Sheet(msgspec.Struct):
    """What a file says."""

    kind: str
    """``accounts`` or ``classes``."""
    named: dict[str, str]
    """The portal's name of each column that is read, and what the file calls it."""
    unknown: list[str]
    """Columns that are not read, as the file calls them."""
    lines: list[Line]
    problems: list[Problem]
    notes: list[str]

    def column(self, name: str) -> str:
        """What the file calls a column."""
        return self.named.get(name, name)


def read_sheet(content: bytes) -> Sheet:
    """The rows of a file. Raises ``Unreadable``."""
    text = _text(content)
    delimiter, notes = _delimiter(text)
    rows = _rows(text, delimiter)
    _, header = next(rows, (1, []))
    names = [_ALSO.get(name, name) for name in map(_plain, header)]
    kind = _kind(names)
    known = [name if name in COLUMNS[kind] else "" for name in names]
    if twice := sorted({name for name in known if name and known.count(name) > 1}):
        raise Unreadable(f"Two columns are called {twice[0]}. Leave one of them out.")
    sheet = Sheet(
        kind,
        {name: title.strip() for name, title in zip(known, header, strict=True) if name},
        [title.strip() or "a column without a name" for name, title in zip(known, header, strict=True) if not name],
        [],
        [],
        notes,
    )
    for number, row in rows:
        if len(sheet.lines) >= MOST_ROWS:
            raise Unreadable(f"The file has more than {MOST_ROWS:,} rows. Part it into several files.")
        if len(row) > len(known) and any(cell.strip() for cell in row[len(known) :]):
            sheet.problems.append(Problem(number, "", "The row has more cells than the header has columns."))
        cells = {name: plain_cell(cell) for name, cell in zip(known, row, strict=False) if name and cell.strip()}
        sheet.lines.append(Line(number, tidied(cells)))
    return sheet


def plain_cell(cell: str) -> str:
    """The value that an exported cell stands for: the quote that keeps a spreadsheet from running it is taken away."""
    return cell[1:] if cell.startswith("'") and cell.lstrip("'").startswith(FORMULA) else cell


def _text(content: bytes) -> str:
    if len(content) > LARGEST:
        raise Unreadable(f"The file is larger than {LARGEST // 1_000_000} MB. Part it into several files.")
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise Unreadable(f"The file is written in UTF-16. {AS_UTF8}")
    if content.startswith(b"PK\x03\x04"):
        raise Unreadable(f"This is a workbook or an archive, not a CSV file. {AS_UTF8}")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise Unreadable(f"Line {line} is not written in UTF-8. {AS_UTF8}") from error
    if "\0" in text:
        raise Unreadable("The file holds signs that no text has. Is it a CSV file?")
    if not text.strip():
        raise Unreadable("The file is empty.")
    return text


def _delimiter(text: str) -> tuple[str, list[str]]:
    """What parts the columns, by the first line, and what a person should know of it."""
    header = text.lstrip().split("\n", 1)[0]
    if "," in header or not (";" in header or "\t" in header):
        return ",", []
    if ";" in header:
        return ";", ["Semicolons part the columns, as Excel writes them in some countries; they were read that way."]
    return "\t", ["Tabs part the columns; they were read that way."]


def _rows(text: str, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    """(line where it begins, cells) of every row that says something. A cell in quotes may hold line breaks."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    begins = 1
    while True:
        try:
            row = next(reader, None)
        except csv.Error as error:
            raise Unreadable(
                f"Line {begins} cannot be read: {error}. Is a quotation mark missing, or one too many?"
            ) from error
        if row is None:
            return
        if any(cell.strip() for cell in row):
            yield begins, row
        begins = reader.line_num + 1


def _plain(title: str) -> str:
    letters = (letter if letter.isalnum() else "_" for letter in folded(title))
    return "_".join(filter(None, "".join(letters).split("_")))


def _kind(names: list[str]) -> str:
    found = {kind: len(telling & {*names}) for kind, telling in _TELLING.items()}
    if not any(found.values()):
        raise Unreadable(
            "The first line names no column of accounts (role, username, first_name, last_name, email ...) or of classes "
            "(name, code, start, finish, style, teachers ...)."
        )
    return max(found, key=lambda kind: found[kind])
