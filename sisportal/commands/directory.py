"""``flask directory``: the LMS side in and out."""

import sys
from collections.abc import Iterable
from pathlib import Path

import click
import msgspec

from sisportal.commands.answers import note
from sisportal.commands.entry import ACTOR, Failed, PortalGroup, portal
from sisportal.folder import fresh_file
from sisportal.models.database import writing
from sisportal.syncing.directory_export import export_json
from sisportal.syncing.oneroster_export import export_oneroster
from sisportal.syncing.person_export import export_person
from sisportal.syncing.review import Who
from sisportal.syncing.settings import NAME, read_settings


@click.group("directory", cls=PortalGroup)
def directory() -> None:
    """The portal's own organizations, accounts and classes."""


@directory.command("export")
@click.option("--format", "format_", type=click.Choice(["json", "oneroster-csv"]), default="json", show_default=True)
@click.option("--archived", is_flag=True, help="With what is archived: for another SIS Portal alone.")
@click.argument("file", type=click.Path(dir_okay=False, allow_dash=True))
def export(format_: str, file: str, archived: bool) -> None:
    """Write every organization, account and class to FILE; to the standard output where it is -.

    oneroster-csv is a OneRoster 1.1 package of what is active, for any system. With --archived it moves everything to another
    SIS Portal: other systems would take archived classes and organizations for active. JSON always holds everything.
    """
    if archived and format_ == "json":
        raise click.UsageError("JSON always holds what is archived. Give --archived with --format oneroster-csv.")
    with portal().engine.connect() as connection:
        if format_ == "json":
            pieces = export_json(connection)
        else:
            pieces = export_oneroster(connection, read_settings(connection)[NAME], archived=archived)
        if file == "-":
            sys.stdout.buffer.writelines(pieces)
            return
        _write(Path(file), pieces)
    note(f"Written to {file}.")


@directory.command("person")
@click.argument("account_id", metavar="ID", type=click.IntRange(min=1))
@click.argument("file", type=click.Path(dir_okay=False, allow_dash=True))
def person(account_id: int, file: str) -> None:
    """Write everything that is held of one person to FILE, as JSON; to the standard output where it is -.

    ID is the account's, as the export and the address of its page have it. The audit log notes it.
    """
    here = portal()
    with writing(here.engine).begin() as connection:
        found = export_person(connection, account_id, Who(ACTOR), here.clock())
    if found is None:
        raise Failed(f"There is no account {account_id}.")
    pieces = [msgspec.json.format(msgspec.json.encode(found), indent=2), b"\n"]
    if file == "-":
        sys.stdout.buffer.writelines(pieces)
        return
    _write(Path(file), pieces)
    note(f"Written to {file}.")


def _write(path: Path, pieces: Iterable[bytes]) -> None:
    """Write a file that is there in whole or not at all, and that only its owner can read: it is full of people."""
    if path.exists() and not path.is_file():  # a pipe or a device: it is written to, never replaced
        with path.open("wb") as there:
            there.writelines(pieces)
        return
    if not path.parent.is_dir():
        raise Failed(f"There is no folder {path.parent}.")
    with fresh_file(path) as fresh:
        fresh.writelines(pieces)
