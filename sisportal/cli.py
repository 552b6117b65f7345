"""The commands that ``flask`` offers besides its own."""

from flask import Flask
from flask_migrate import Migrate

from sisportal.commands import backups, checking, directory_import, explaining, first_start, mail, users
from sisportal.config import PROJECT
from sisportal.extensions import db


def register(app: Flask) -> None:
    """Puts every command into the application, and tells those that begin with ``flask db`` where the migrations are."""
    Migrate().init_app(app, db, directory=str(PROJECT / "migrations"))
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
