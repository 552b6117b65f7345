"""The commands that ``flask`` offers besides its own."""

from flask import Flask

from sisportal.commands import connections, first_start


def register(app: Flask) -> None:
    """Puts every command into the application."""
    for command in (first_start.setup, first_start.user, first_start.app, connections.sis):
        app.cli.add_command(command)
