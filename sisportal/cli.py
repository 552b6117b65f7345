"""The commands that ``flask`` offers besides its own."""

from flask import Flask

from sisportal.commands import backups, checking, directory_import, explaining, first_start, mail, users


def register(app: Flask) -> None:
    """Puts every command into the application."""
    for command in (
        first_start.setup,
        users.user,
        first_start.app,
        explaining.sis,
        directory_import.directory,
        checking.check,
        backups.backup,
        backups.restore,
        mail.mail,
    ):
        app.cli.add_command(command)
