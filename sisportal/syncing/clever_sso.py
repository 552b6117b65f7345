"""Signing in with Clever as the portal decides it: whether it is on, and whose account a person of Clever has (SPEC 9)."""

from collections.abc import Sequence
from enum import StrEnum
from typing import Any

import msgspec
from sqlalchemy import Connection, Row, select

from sisportal.models import Account, AccountLink, ConnectionKind, InstalledApp, SisConnection
from sisportal.roster.options import Sso
from sisportal.syncing.connections import stored_options
from sisportal.syncing.credentials import Cipher, SecretsUnreadable
from sisportal.syncing.sample_district import is_sample


class Application(msgspec.Struct, frozen=True):
    """The portal as Clever knows it, and where Clever is."""

    client_id: str
    client_secret: str
    login_url: str
    api_url: str

    @property
    def is_registered(self) -> bool:
        """Whether there is anything to sign in with."""
        return bool(self.client_id and self.client_secret)


class State(StrEnum):
    """Why signing in with Clever is on or off, as a sentence for administrators."""

    ON = "On"
    NOT_CONNECTED = "Off: Clever is not connected"
    DISABLED = "Off: Clever is disabled"
    SWITCHED_OFF = "Off, as an administrator chose"
    BEFORE_COMMIT = "Off until the first commit, then on by itself"
    NO_APPLICATION = "Off: the application's client ID and client secret are not known to the portal"
    NO_DISTRICT = "Off until a sync has read which district this is"


class Standing(msgspec.Struct, frozen=True):
    """Whether people may sign in with Clever, and by what."""

    state: State
    application: Application
    connection_id: int = 0
    district_id: str = ""

    @property
    def is_on(self) -> bool:
        return self.state is State.ON


class Linked(msgspec.Struct, frozen=True):
    """The account of somebody who signs in."""

    id: int
    username: str
    is_archived: bool


def standing(connection: Connection, cipher: Cipher, configured: Application) -> Standing:
    """As things are now. The portal's own settings come before the application that the connection was made with."""
    row = connection.execute(
        select(SisConnection.__table__, InstalledApp.enabled.label("app_enabled"))
        .outerjoin(InstalledApp, InstalledApp.name == SisConnection.kind)
        .where(SisConnection.kind == ConnectionKind.CLEVER)
    ).one_or_none()
    if row is None:
        return Standing(State.NOT_CONNECTED, configured)
    own = is_sample(row.settings) or not configured.is_registered  # the sample's people are not at Clever
    application = _of_connection(row, cipher, configured) if own else configured
    return Standing(_state(row, application), application, row.id, row.district_id)


def linked_account(connection: Connection, connection_id: int, ids: Sequence[str]) -> Linked | None:
    """The account linked to the first of these ids of the provider that has one. Never found by anything else."""
    statement = (
        select(AccountLink.source_id, Account.id, Account.username, Account.archived_at)
        .join(Account, Account.id == AccountLink.account_id)
        .where(AccountLink.connection_id == connection_id, AccountLink.source_id.in_(ids))
    )
    found = {row.source_id: row for row in connection.execute(statement)}
    row = next((found[id_] for id_ in ids if id_ in found), None)
    return None if row is None else Linked(row.id, row.username, row.archived_at is not None)


def _state(row: Row[Any], application: Application) -> State:
    choice = stored_options(row.options, row.kind).sso
    if not row.enabled or row.app_enabled is False:
        return State.DISABLED
    if choice is Sso.NO:
        return State.SWITCHED_OFF
    if choice is Sso.AUTO and row.committed_sync_id is None:
        return State.BEFORE_COMMIT
    if not application.is_registered:
        return State.NO_APPLICATION
    return State.ON if row.district_id else State.NO_DISTRICT


def _of_connection(row: Row[Any], cipher: Cipher, configured: Application) -> Application:
    """The application whose client ID and secret the connection reads the district with, where it does."""
    try:
        secret = cipher.decrypt(row.secrets).get("client_secret", "")
    except SecretsUnreadable:
        return configured
    return Application(
        client_id=row.settings.get("client_id", ""),
        client_secret=secret,
        login_url=row.settings.get("login_url") or configured.login_url,
        api_url=row.settings.get("base_url") or configured.api_url,
    )
