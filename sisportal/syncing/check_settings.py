"""What the portal goes by: its own settings, the options of connections and plans, and whether anybody can still administer it."""

from collections.abc import Iterator
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
from sqlalchemy import Connection, exists, select

from sisportal.models import Account, AccountRole, SisConnection, Sync, SyncState
from sisportal.syncing.connections import stored_options
from sisportal.syncing.findings import Finding, listed
from sisportal.syncing.second_factor import CHOICES, policy
from sisportal.syncing.settings import TIMEZONE, read_settings

_USED = (SyncState.QUEUED, SyncState.PREPARING, SyncState.PREPARED, SyncState.COMMITTING, SyncState.PARTLY_COMMITTED)
"""States of syncs whose options are still read."""


def settings(connection: Connection) -> Iterator[Finding]:
    """The time zone and who has to have a second factor: pages and the daily sync need both."""
    stored = read_settings(connection)
    if not _is_zone(stored[TIMEZONE]):
        yield Finding(
            f"The portal's time zone, {stored[TIMEZONE]!r}, is none that is known.",
            "Set it: flask setup --email EMAIL --password PASSWORD --timezone Europe/Berlin, with those of an administrator.",
        )
    if policy(stored) not in CHOICES:
        yield Finding(
            f"Who has to have a second factor is not one of the choices ({policy(stored)!r}).",
            "Choose it under Admin > Signing in.",
        )


def options(connection: Connection) -> Iterator[Finding]:
    """Options of connections, and of plans that can still be committed."""
    for kind, stored in connection.execute(select(SisConnection.kind, SisConnection.options)):
        if why := _why_unreadable(stored, kind):
            yield Finding(
                f"The options of {kind} cannot be read: {why}", "Restore the last good backup, or connect it anew."
            )
    plans = select(Sync.id, SisConnection.kind, Sync.options).join(SisConnection)
    for sync_id, kind, stored in connection.execute(plans.where(Sync.state.in_(_USED))):
        if why := _why_unreadable(stored, kind):
            yield Finding(f"The options of sync {sync_id} cannot be read: {why}", "Discard it, and sync again.")


def administrators(connection: Connection) -> Iterator[Finding]:
    """Where there is one there is an active one."""
    mine = Account.role == AccountRole.ADMINISTRATOR
    active = exists().where(mine, Account.archived_at.is_(None))
    yield from listed(
        connection, select(Account.id).where(mine, ~active), "administrators are archived, and none is active",
        "Make one active: flask user reactivate EMAIL.",
    )  # fmt: skip


def _is_zone(name: object) -> bool:
    try:
        ZoneInfo(str(name))
    except (KeyError, ValueError, OSError):
        return False
    return True


def _why_unreadable(stored: Any, kind: str) -> str:
    """The sentence of what is wrong; blank where nothing is."""
    try:
        stored_options(stored, kind)
    except (msgspec.ValidationError, ValueError, TypeError) as error:
        return f"{error}".rstrip(".") + "."
    return ""
