"""How every command begins and ends: tables brought up to date, failures as one sentence, exit codes.

0: done. 1: failed. 2: wrong usage. 3: prepared but held, or not committed, because a person must decide.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

import click
from flask import current_app
from flask.cli import ScriptInfo
from sqlalchemy import Engine, select
from sqlalchemy.exc import DBAPIError

from sisportal.commands.tables import TablesTooNew, bring_up_to_date
from sisportal.config import Settings
from sisportal.extensions import db
from sisportal.folder import FolderInUse
from sisportal.models import ConnectionKind, SisConnection
from sisportal.providers.base import ProviderError
from sisportal.syncing.administrators import Refused
from sisportal.syncing.backup_file import Unusable
from sisportal.syncing.by_hand import Refused as NotPossible
from sisportal.syncing.connections import OpenProvider
from sisportal.syncing.credentials import Cipher, SecretsUnreadable
from sisportal.syncing.progress import Clock
from sisportal.syncing.queue import StageQueue
from sisportal.syncing.states import NotAllowed

F = TypeVar("F", bound=Callable[..., Any])

ACTOR = "command line"
"""Who did it, for the audit log."""
NEEDS_A_PERSON = 3


class Failed(click.ClickException):
    """The command could not do what was asked; the message is a sentence. Exit code 1."""


class NeedsAPerson(click.ClickException):
    """What remains waits for a decision; the message says for which. Exit code 3."""

    exit_code = NEEDS_A_PERSON


EXPECTED = (ProviderError, SecretsUnreadable, NotAllowed, Refused, NotPossible, Unusable, FolderInUse, TablesTooNew)
"""What stages raise with a sentence for whoever asked."""


class PortalCommand(click.Command):
    """A command that runs in the portal's application, on tables that are up to date."""

    needs_tables = True

    def invoke(self, ctx: click.Context) -> Any:
        app = ctx.ensure_object(ScriptInfo).load_app()
        with app.app_context():
            try:
                if self.needs_tables:
                    bring_up_to_date(db.engine)
                return super().invoke(ctx)
            except EXPECTED as error:
                raise Failed(str(error)) from error
            except DBAPIError as error:
                raise Failed(
                    f"The database could not be used: {error.orig}. What was done before that is kept."
                ) from error
            except BrokenPipeError:  # who read the answer has seen enough: click ends quietly
                raise
            except OSError as error:
                raise Failed(f"{error.filename or 'The file'}: {error.strerror or error}.") from error


class PortalGroup(click.Group):
    """A group of such commands."""

    command_class = PortalCommand


@dataclass(frozen=True)
class Portal:
    """What commands hand to the stages."""

    engine: Engine
    clock: Clock
    cipher: Cipher
    open_provider: OpenProvider
    settings: Settings
    queue: StageQueue

    def connection_id(self, kind: str) -> int:
        """The id of the connection of this kind. Raises ``Failed`` where it is not connected."""
        with self.engine.connect() as connection:
            found = connection.scalar(select(SisConnection.id).where(SisConnection.kind == kind))
        if found is None:
            raise Failed(f"{kind} is not connected yet. Connect it with: flask sis connect {kind}")
        return found


def portal() -> Portal:
    """The portal that the command runs in."""
    found = current_app.extensions
    return Portal(db.engine, found["clock"], found["cipher"], found["open_provider"], found["settings"], found["queue"])


CONNECTION = click.argument("kind", metavar="CONNECTION", type=click.Choice([str(kind) for kind in ConnectionKind]))
"""The argument that names a connection."""
SYNC = click.argument("sync_id", metavar="SYNC", type=click.IntRange(min=1))
"""The argument that names a sync."""
JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON, and nothing but JSON, on the standard output.")
