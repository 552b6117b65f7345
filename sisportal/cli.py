"""The commands that ``flask`` offers besides its own."""

from flask import Flask

from sisportal.commands import backups, checking, directory, first_start, mail, undoing


def register(app: Flask) -> None:
    """Puts every command into the application."""
    for command in (
        first_start.setup,
        first_start.user,
        first_start.app,
        undoing.sis,
        directory.directory,
        checking.check,
        backups.backup,
        backups.restore,
        mail.mail,
    ):
        app.cli.add_command(command)
