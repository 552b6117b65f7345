"""Files that arrive for the CSV connection, by the upload page or the watched folder: looked through before anything is written."""

from pathlib import Path

import msgspec
from sqlalchemy import Engine, select, update

from sisportal.models import SisConnection
from sisportal.models.database import writing
from sisportal.providers.base import ProviderError
from sisportal.syncing.connections import (
    MAP_ALL_FIRST,
    PACKAGE,
    OpenProvider,
    change_settings,
    load,
    remember_schools,
)
from sisportal.syncing.credentials import SecretsUnreadable
from sisportal.syncing.packages import WAITING_FILE, WAITING_NAME
from sisportal.syncing.progress import Clock


class Refused(Exception):
    """The file cannot be read; the message is a sentence that says why."""


def look_through(engine: Engine, connection_id: int, path: Path, open_provider: OpenProvider, clock: Clock) -> bool:
    """Read a package from end to end, and remember the businesses that it lists; whether a sync of it may start.

    It may not where nobody has said yet what the businesses become. Raises ``Refused``: then the file is gone, and nothing
    was written.
    """
    with engine.connect() as connection:
        facts = msgspec.structs.replace(load(connection, connection_id), package=str(path))
    try:
        provider = open_provider(facts)
        schools, district = provider.schools(), provider.district()
    except (ProviderError, SecretsUnreadable) as error:
        path.unlink(missing_ok=True)
        raise Refused(str(error)) from error
    with writing(engine).begin() as connection:
        mine = SisConnection.id == connection_id
        held = connection.scalars(select(SisConnection.district).where(mine)).one()
        # What was read last is so still: this file is only looked at.
        read = {name: held[name] for name in (PACKAGE,) if name in held}
        values = {"district": msgspec.to_builtins(district) | read, "updated_at": clock()}
        connection.execute(update(SisConnection).where(mine).values(values))
        # Not the whole list: whether a business is gone is for a prepare to prove.
        remember_schools(connection, connection_id, schools, clock(), whole=False)
    return bool(facts.places) or bool(facts.settings.get(MAP_ALL_FIRST))


def keep_waiting(engine: Engine, connection_id: int, path: Path, clock: Clock, name: str = "") -> None:
    """Keep a file until somebody has said what its businesses become; one that waited before is removed.

    ``name``: what it was called.
    """
    with engine.connect() as connection:
        before = load(connection, connection_id).settings.get(WAITING_FILE)
    change_settings(engine, connection_id, clock(), **{WAITING_FILE: str(path), WAITING_NAME: name})
    if before and before != str(path):
        Path(before).unlink(missing_ok=True)
