"""The worksheet of a sync: every warning that is the SIS's to mend, by its cause and school, with what is expected."""

from collections.abc import Iterator, Sequence
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, Connection, Select, case, func, select

from sisportal.models import SisPerson, SisSection, SyncWarning
from sisportal.roster.catalogue import CATALOGUE, Severity, field_name
from sisportal.roster.expected_values import MENDED_IN_SIS, expected
from sisportal.roster.planning import person_label, section_label
from sisportal.roster.records import Person, Section
from sisportal.syncing.reports import problem_of
from sisportal.syncing.rows import chunks

STANDINGS = {"": "All there now", "new": "New", "still": "Still there", "mended": "Mended"}
_SEVERE = (Severity.ERROR, Severity.WARNING, Severity.INFO)
_AT_ONCE = 500


class WorksheetFilter(msgspec.Struct, frozen=True):
    """Which warnings of the worksheet: every part that is set narrows it."""

    cause: str = ""
    """A code of the catalogue."""
    school: str = ""
    """``source_id`` of the school."""
    standing: str = ""
    """A key of ``STANDINGS``."""
    search: str = ""


class Line(msgspec.Struct, frozen=True):
    """One thing to mend."""

    id: int
    code: str
    school: str
    type: str
    record: str
    """The name by which the school knows the record; blank where the mirror has it not."""
    number: str
    """The number of a student or teacher, or of a section."""
    external_id: str
    field: str
    now: str
    expected: str
    where: str
    """Of files: name, line and column."""
    standing: str
    """A key of ``STANDINGS``; blank where there is no sync before."""


def conditions(sync_id: int, chosen: WorksheetFilter) -> list[ColumnElement[bool]]:
    """The conditions of the warnings that ``chosen`` finds."""
    found: list[ColumnElement[bool]] = [SyncWarning.code.in_(MENDED_IN_SIS)]
    if chosen.standing == "mended":
        found.append(SyncWarning.mended_in == sync_id)
    else:
        found.append(SyncWarning.sync_id == sync_id)
        if chosen.standing:
            found.append(SyncWarning.is_new.is_(chosen.standing == "new"))
    if chosen.cause:
        found.append(SyncWarning.code == chosen.cause)
    if chosen.school:
        found.append(SyncWarning.school == chosen.school)
    found += [
        SyncWarning.external_id.icontains(word, autoescape=True) | SyncWarning.value.icontains(word, autoescape=True)
        for word in chosen.search.split()
    ]
    return found


def in_order(statement: Select[Any]) -> Select[Any]:
    """By cause, the severe ones first, then by school and record."""
    places = {code: (_SEVERE.index(each.severity), code) for code, each in CATALOGUE.items()}
    order = {code: place for place, code in enumerate(sorted(MENDED_IN_SIS, key=places.__getitem__))}
    cause = case(order, value=SyncWarning.code, else_=len(order))
    return statement.order_by(cause, SyncWarning.school, SyncWarning.external_id, SyncWarning.id)


def groups(connection: Connection, sync_id: int, chosen: WorksheetFilter) -> dict[tuple[str, str], int]:
    """(code, ``source_id`` of the school) -> how many warnings ``chosen`` finds of them."""
    statement = select(SyncWarning.code, SyncWarning.school, func.count()).where(*conditions(sync_id, chosen))
    rows = connection.execute(statement.group_by(SyncWarning.code, SyncWarning.school))
    return {(row[0], row[1]): row[2] for row in rows}


def lines(connection: Connection, connection_id: int, rows: Sequence[Any]) -> Iterator[Line]:
    """Rows of the warnings table as lines: two look-ups for all of them."""
    names = _names(connection, connection_id, rows)
    for row in rows:
        problem = problem_of(row)
        name, number = names.get((row.type == "section", row.external_id), ("", ""))
        mended = row.mended_in is not None
        standing = "mended" if mended else {True: "new", False: "still"}.get(row.is_new, "")
        yield Line(
            row.id, row.code, row.school, row.type, name, number, row.external_id, _capital(field_name(row.field)), row.value,
            expected(problem), _where(row), standing,
        )  # fmt: skip


def all_lines(connection: Connection, asking: Connection, connection_id: int, statement: Select[Any]) -> Iterator[Line]:
    """Every line of ``statement``, some hundred in memory at a time. ``asking``: a second connection, for the names."""
    for rows in connection.execution_options(yield_per=_AT_ONCE).execute(statement).partitions():
        yield from lines(asking, connection_id, rows)


def _names(connection: Connection, connection_id: int, rows: Sequence[Any]) -> dict[tuple[bool, str], tuple[str, str]]:
    """(whether it is a section, ``source_id``) -> name and number of the records that the mirror has."""
    found: dict[tuple[bool, str], tuple[str, str]] = {}
    for is_section, table in ((True, SisSection), (False, SisPerson)):
        ids = {row.external_id for row in rows if row.external_id and (row.type == "section") is is_section}
        for some in chunks(ids, _AT_ONCE):
            mine = (table.connection_id == connection_id, table.source_id.in_(some))
            for source_id, payload in connection.execute(select(table.source_id, table.payload).where(*mine)):
                found[is_section, source_id] = _section(payload) if is_section else _person(payload)
    return found


def _person(payload: Any) -> tuple[str, str]:
    person = msgspec.convert(payload, Person)
    return person_label(person), person.number


def _section(payload: Any) -> tuple[str, str]:
    section = msgspec.convert(payload, Section)
    return section_label(section), section.number


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _where(row: Any) -> str:
    parts = (row.file, f"line {row.line}" if row.line else "", f"column {row.column}" if row.column else "")
    return ", ".join(part for part in parts if part) if row.file else ""
