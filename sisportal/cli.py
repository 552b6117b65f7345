"""The commands that ``flask`` offers besides its own."""

from flask import Flask

from sisportal.commands import first_start, syncs


def register(app: Flask) -> None:
    """Puts every command into the application."""
    for command in (first_start.setup, first_start.user, first_start.app, syncs.sis):
        app.cli.add_command(command)
