"""How a migration reaches the portal's database: in one transaction that no second process can begin at the same time."""

from typing import Any, Literal

from alembic import context
from alembic.autogenerate.api import AutogenContext
from flask import current_app
from sqlalchemy import Connection, text

from sisportal.models.base import Json, UTCDateTime
from sisportal.models.database import writing

LOCK = 7_202_611
"""The number of PostgreSQL's advisory lock; any that nothing else in the database uses."""


def render_item(kind: str, item: Any, _context: AutogenContext) -> str | Literal[False]:
    """Writes the portal's own kinds of columns as what they are in the database, so that they may change later."""
    if kind == "type" and isinstance(item, UTCDateTime):
        return "sa.DateTime(timezone=True)"
    if kind == "type" and isinstance(item, Json):
        return "sa.Text()"
    return False


def run() -> None:
    given: Connection | None = context.config.attributes.get("connection")
    if given is not None:  # a restore fills the tables in the transaction in which they are made
        _run_in(given)
        return
    with writing(current_app.extensions["migrate"].db.engine).begin() as connection:
        _keep_others_out(connection)
        _run_in(connection)


def _run_in(connection: Connection) -> None:
    context.configure(
        connection=connection,
        target_metadata=current_app.extensions["migrate"].db.metadata,
        render_item=render_item,
        transactional_ddl=True,
        **current_app.extensions["migrate"].configure_args,
    )
    context.run_migrations()


def _keep_others_out(connection: Connection) -> None:
    if connection.dialect.name == "postgresql":  # SQLite's write lock is taken already
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": LOCK})


run()
