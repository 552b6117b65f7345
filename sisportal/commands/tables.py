"""The tables brought up to date before a command uses them, so that a new data folder needs no step of its own."""

from functools import cache

from alembic import command
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from flask import current_app
from flask_migrate import upgrade
from sqlalchemy import Connection, Engine, inspect


class TablesTooNew(Exception):
    """The database was used by a later version, whose migrations nobody knows here; the message is a sentence."""

    def __init__(self) -> None:
        super().__init__(
            "A newer version of the portal has used this database. Update the portal, or restore an older backup."
        )


def bring_up_to_date(engine: Engine) -> None:
    """Run the migrations that the database lacks. Processes that do so together wait for each other.

    Raises ``TablesTooNew``.
    """
    newest = _migrations().get_heads()
    with engine.connect() as connection:
        found = MigrationContext.configure(connection).get_current_heads()
        # Tables without a version were made all at once from the models: they are the newest.
        up_to_date = set(found) == set(newest) if found else inspect(connection).has_table("account")
    if not all(map(is_known, found)):
        raise TablesTooNew
    if not up_to_date:
        upgrade(directory=current_app.extensions["migrate"].directory)


def newest_revision() -> str:
    """The migration that this version's tables are at."""
    return str(_migrations().get_current_head())


def is_known(revision: str) -> bool:
    """Whether it is one of this version's migrations; those of later versions are not."""
    return revision in {each.revision for each in _migrations().walk_revisions()}


def migrate_within(connection: Connection, revision: str) -> None:
    """Run the migrations up to ``revision`` in the transaction that the connection is in."""
    found = current_app.extensions["migrate"]
    config = found.migrate.get_config(found.directory)
    config.attributes["connection"] = connection
    command.upgrade(config, revision)


def _migrations() -> ScriptDirectory:
    return _read(current_app.extensions["migrate"].directory)


@cache
def _read(directory: str) -> ScriptDirectory:
    """Every question about migrations reads all of them: once a process is enough."""
    return ScriptDirectory(directory)
