"""``flask directory import``: accounts and classes from a CSV file (SPEC 10, "Import")."""

import sys
from pathlib import Path
from typing import Any

import click

from sisportal.commands.answers import note, print_json
from sisportal.commands.directory import directory
from sisportal.commands.entry import ACTOR, JSON, Failed, portal
from sisportal.syncing import importing
from sisportal.syncing.by_hand import Refused
from sisportal.syncing.import_table import LARGEST, Unreadable, read_sheet
from sisportal.syncing.importing import Import
from sisportal.syncing.review import Who

__all__ = ["directory"]  # with the command of this module in it


@directory.command("import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, allow_dash=True))
@click.option("--skip-bad", is_flag=True, help="Import the good rows although there are bad ones.")
@JSON
def import_(file: str, skip_bad: bool, as_json: bool) -> None:
    """Make and change accounts or classes from a CSV file; the header tells which. - is the standard input.

    Bad rows are listed with line and column, and nothing is written where there is one, but with --skip-bad.
    """
    here = portal()
    try:
        sheet = read_sheet(_content(file))
    except Unreadable as error:
        raise Failed(str(error)) from error
    try:
        found, refusal = importing.carry_out(here.engine, sheet, Who(ACTOR), here.clock(), skip_bad=skip_bad), ""
    except Refused as error:
        refusal = str(error)
        with here.engine.connect() as connection:
            found = importing.plan(connection, sheet)
    _say(found, written=not refusal and bool(found.planned), as_json=as_json)
    if refusal:
        raise Failed(f"{refusal} Mend them, or leave them out with --skip-bad.")


def _content(file: str) -> bytes:
    if file == "-":
        return sys.stdin.buffer.read(LARGEST + 1)
    with Path(file).open("rb") as opened:
        return opened.read(LARGEST + 1)


def _say(found: Import, *, written: bool, as_json: bool) -> None:
    numbers: dict[str, Any] = {
        "created": len(found.of("add")),
        "changed": len(found.of("edit")),
        "unchanged": found.unchanged,
        "skipped": len(found.bad),
    }
    if as_json:
        print_json(
            {"kind": found.kind, "rows": found.rows, **numbers, "written": written, "unknown_columns": found.unknown,
             "notes": found.notes, "errors": found.problems}
        )  # fmt: skip
        return
    for sentence in found.notes:
        note(sentence)
    if found.unknown:
        note(f"These columns are not read: {', '.join(found.unknown)}.")
    for problem in found.problems:
        note(f"line {problem.line}{f', column {problem.column}' if problem.column else ''}: {problem.message}")
    what = found.kind if written or not found.bad else f"{found.kind}, were the bad rows left out"
    click.echo(f"{what}: {', '.join(f'{number:,} {name}' for name, number in numbers.items())}.")
