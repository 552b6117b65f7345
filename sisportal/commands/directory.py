"""``flask directory``: the LMS side in and out."""

import sys
from collections.abc import Iterable
from pathlib import Path

import click

from sisportal.commands.answers import note
from sisportal.commands.entry import Failed, PortalGroup, portal
from sisportal.folder import fresh_file
from sisportal.syncing.directory_export import export_json
from sisportal.syncing.oneroster_export import export_oneroster
from sisportal.syncing.settings import NAME, read_settings


@click.group("directory", cls=PortalGroup)
def directory() -> None:
    """The portal's own organizations, accounts and classes."""


@directory.command("export")
@click.option("--format", "format_", type=click.Choice(["json", "oneroster-csv"]), default="json", show_default=True)
@click.argument("file", type=click.Path(dir_okay=False, allow_dash=True))
def export(format_: str, file: str) -> None:
    """Write every organization, account and class to FILE; to the standard output where it is -.

    oneroster-csv is a OneRoster 1.1 package of what is active.
    """
    with portal().engine.connect() as connection:
        if format_ == "json":
            pieces = export_json(connection)
        else:
            pieces = export_oneroster(connection, read_settings(connection)[NAME])
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
