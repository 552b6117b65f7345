"""The commands that ``flask`` offers besides its own."""

from flask import Flask

from sisportal.commands import checking, directory, first_start, syncs


def register(app: Flask) -> None:
    """Puts every command into the application."""
    for command in (
        first_start.setup,
        first_start.user,
        first_start.app,
        syncs.sis,
        directory.directory,
        checking.check,
    ):
        app.cli.add_command(command)
