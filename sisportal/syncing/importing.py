"""Importing accounts and classes from a file: planned first, shown, and written as it was shown (SPEC 10, "Import").

A blank cell changes nothing, and what an export wrote changes nothing. Pages and the command line do it by this code.
"""

from datetime import datetime

import msgspec
from sqlalchemy import Connection, Engine
from sqlalchemy.exc import IntegrityError

from sisportal.models.database import writing
from sisportal.syncing import import_accounts, import_classes
from sisportal.syncing.accounts import ANYTHING, Bounds
from sisportal.syncing.audit_events import Event
from sisportal.syncing.by_hand import Changed, Refused, mark, record
from sisportal.syncing.import_rows import Planned, Row
from sisportal.syncing.import_table import Problem, Sheet
from sisportal.syncing.review import Who

_MODULES = {"accounts": import_accounts, "classes": import_classes}


class Import(msgspec.Struct):
    """What a file would do."""

    kind: str
    rows: int
    unknown: list[str]
    notes: list[str]
    planned: list[Planned]
    problems: list[Problem]
    unchanged: int

    @property
    def bad(self) -> set[int]:
        """The lines of the rows that cannot be imported."""
        return {problem.line for problem in self.problems}

    def of(self, verb: str) -> list[Planned]:
        """The rows that add, or that edit."""
        return [each for each in self.planned if each.verb == verb]

    @property
    def mark(self) -> str:
        """Another one as soon as the import would do anything else."""
        return mark({"planned": self.planned, "bad": sorted(self.bad)})


def plan(connection: Connection, sheet: Sheet, bounds: Bounds = ANYTHING) -> Import:
    """What the file would do now. Writes nothing."""
    problems = list(sheet.problems)
    rows = [Row(line, sheet, problems) for line in sheet.lines]
    wrong = {problem.line for problem in sheet.problems}
    for row in rows:
        if row.number in wrong:
            row.spoil()
    planned, unchanged = _MODULES[sheet.kind].plan(connection, rows, bounds)
    problems.sort(key=lambda problem: problem.line)
    return Import(sheet.kind, len(rows), sheet.unknown, sheet.notes, planned, problems, unchanged)


def carry_out(
    engine: Engine,
    sheet: Sheet,
    who: Who,
    now: datetime,
    bounds: Bounds = ANYTHING,
    *,
    skip_bad: bool = False,
    seen: str | None = None,
) -> Import:
    """Plan the import and write all of it, in one transaction.

    Nothing is written where a row is bad and ``skip_bad`` is not set. ``seen`` is the mark of the import that a person
    was shown. Raises ``Changed`` where it would do anything else now, and ``Refused`` where nothing may be written.
    """
    with writing(engine).begin() as connection:
        found = plan(connection, sheet, bounds)
        if seen is not None and seen != found.mark:
            raise Changed
        if found.bad and not skip_bad:
            raise Refused("Some rows cannot be imported, so nothing was written.")
        if found.planned:
            try:
                _MODULES[sheet.kind].write(connection, found.planned, who, now)
            except IntegrityError as error:
                raise Refused(
                    "Somebody else made one of these a moment ago, so nothing was written. Try again."
                ) from error
            event: Event = "accounts-imported" if sheet.kind == "accounts" else "classes-imported"
            numbers = {"added": len(found.of("add")), "changed": len(found.of("edit")), "left_out": len(found.bad)}
            record(connection, event, f"{found.rows} rows", who, now, **numbers)
    return found
