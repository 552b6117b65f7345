"""The rows of a file on their way into the portal: what they are about, and what is wrong with them (SPEC 10, "Import")."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from sqlalchemy import Connection, Table, select

from sisportal.models import Organization, SisConnection
from sisportal.roster.fields import Values
from sisportal.roster.text import folded
from sisportal.syncing.held import column_name, column_value
from sisportal.syncing.import_table import Line, Problem, Sheet
from sisportal.syncing.rows import update_rows

LINKED_BY = {"clever_id": ("clever",), "oneroster_id": ("oneroster", "csv")}
"""The connections that an id belongs to: the first of these kinds that there is."""


class Planned(msgspec.Struct):
    """What a row makes of the portal."""

    line: int
    label: str
    after: Values
    """Of a new record all that is said of it, else the fields that change."""
    before: Values = {}
    target_id: int | None = None
    """None: a new record."""
    links: dict[int, str] = {}
    """Connection -> the id that it knows the record by from now on."""
    search: str = ""
    """What lists search in, once it is written."""
    teachers: list[int] | None = None
    """Of a class: its teachers in order, where the row changes them."""

    @property
    def verb(self) -> str:
        return "add" if self.target_id is None else "edit"


def write_changes(connection: Connection, table: Table, planned: Sequence[Planned]) -> dict[int, list[str]]:
    """Write what changes of records that exist, in bulk; the fields of each, by its id."""
    alike: dict[tuple[str, ...], list[tuple[Any, ...]]] = {}
    for each in planned:
        if each.target_id is not None and each.after:
            values = [column_value(field, value) for field, value in each.after.items()]
            alike.setdefault(tuple(each.after), []).append((*values, each.search, each.target_id))
    for fields, rows in alike.items():
        update_rows(connection, table, (*map(column_name, fields), "search"), ("id",), rows)
    return {each.target_id: list(each.after) for each in planned if each.target_id is not None and each.after}


class Row:
    """A row on its way: what it says, what is wrong with it, and the record that it is about."""

    def __init__(self, line: Line, sheet: Sheet, problems: list[Problem]) -> None:
        self.number, self.cells, self._sheet, self._problems = line.number, line.cells, sheet, problems
        self._bad = False

    @property
    def is_bad(self) -> bool:
        """Whether anything is wrong with the row."""
        return self._bad

    def spoil(self) -> None:
        """Something of the row could not even be read."""
        self._bad = True

    def fault(self, column: str, message: str) -> None:
        """Something is wrong with the row."""
        self._bad = True
        self._problems.append(Problem(self.number, self._sheet.column(column) if column else "", message))

    def faults(self, errors: Mapping[str, str]) -> None:
        """What is wrong, by field."""
        for column, message in errors.items():
            self.fault(column, message)


class Places:
    """Organizations by their names."""

    def __init__(self, connection: Connection) -> None:
        self._named: dict[str, list[tuple[int, bool]]] = {}
        for row in connection.execute(select(Organization.id, Organization.name, Organization.archived_at)):
            self._named.setdefault(folded(row.name), []).append((row.id, row.archived_at is None))

    def find(self, row: Row, held: int | None, *, tell: bool = True) -> Values:
        """``organization`` as the row names it; a record that is in one of this name already stays there.

        Nothing where the row names none, or none that can be found: then the row is told of it.
        """
        if (name := row.cells.get("organization")) is None:
            return {}
        known = self._named.get(folded(name), [])
        active = [id_ for id_, is_active in known if is_active]
        if any(id_ == held for id_, _ in known):
            return {"organization": held}
        if len(active) == 1:
            return {"organization": active[0]}
        if tell:
            what = "There is no active organization" if not active else "There is more than one organization"
            row.fault("organization", f"{what} of this name.")
        return {}


class Connections:
    """The connections that the ids of a file belong to."""

    def __init__(self, connection: Connection) -> None:
        kinds = {row.kind: row.id for row in connection.execute(select(SisConnection.kind, SisConnection.id))}
        self._ids = {
            column: next((kinds[kind] for kind in wanted if kind in kinds), None)
            for column, wanted in LINKED_BY.items()
        }

    def links(self, row: Row) -> dict[int, str]:
        """Connection -> id, as the row gives them."""
        found = {}
        for column, connection_id in self._ids.items():
            if (source_id := row.cells.get(column)) is None:
                continue
            if connection_id is None:
                name = "Clever" if column == "clever_id" else "OneRoster"
                row.fault(column, f"{name} is not connected yet, so that this id belongs to nothing. Connect it first.")
            elif len(source_id) > 255:
                row.fault(column, "This is longer than an id can be.")
            else:
                found[connection_id] = source_id
        return found
