"""Trying a connection before it is used: what the SIS says of itself, and its schools to choose from."""

from datetime import datetime

import msgspec
from sqlalchemy import Engine

from sisportal.models import Mapping
from sisportal.models.database import writing
from sisportal.providers.base import Check, DistrictFacts, ProviderError
from sisportal.providers.oneroster import OneRosterProvider
from sisportal.providers.opening import address_with_query, clean_address, plain_address
from sisportal.syncing import mapping, notices
from sisportal.syncing.connections import ConnectionFacts, OpenProvider, map_school
from sisportal.syncing.credentials import SecretsUnreadable
from sisportal.syncing.progress import Clock
from sisportal.syncing.review import Who
from sisportal.syncing.states import NotAllowed


class Trial(msgspec.Struct, frozen=True):
    """What *Test connection* found."""

    checks: list[Check]
    district: DistrictFacts | None = None
    version: str = ""
    """Of OneRoster, as found."""

    @property
    def ok(self) -> bool:
        """Whether everything works."""
        return bool(self.checks) and all(check.ok for check in self.checks)


def try_connection(open_provider: OpenProvider, facts: ConnectionFacts) -> Trial:
    """Read a little of everything. What fails is a line of the answer, never an exception."""
    try:
        provider = open_provider(facts)
        checks = provider.test()
        works = bool(checks) and checks[0].ok
        district = provider.district() if works else None
        version = provider.version if works and isinstance(provider, OneRosterProvider) else ""
    except (ProviderError, SecretsUnreadable) as error:
        return Trial([Check("connection", ok=False, sentence=str(error))])
    return Trial(checks, district, version)


def address_error(entered: str) -> str:
    """Why the address cannot be read, as a sentence; blank where it can."""
    try:
        plain_address(entered)
    except ProviderError as error:
        return error.message
    return ""


def kept_address(entered: str, *, with_query: bool = False) -> str:
    """A OneRoster address as a connection keeps it. Raises ``ProviderError`` for what cannot be one."""
    return address_with_query(entered) if with_query else clean_address(entered)


def read_schools(engine: Engine, connection_id: int, open_provider: OpenProvider, clock: Clock) -> str:
    """Bring the list of schools up to date; why that failed, as a sentence, or blank."""
    try:
        mapping.fetch_schools(engine, connection_id, open_provider, clock)
    except (ProviderError, SecretsUnreadable) as error:
        return str(error)
    return ""


def choose_school(engine: Engine, connection_id: int, source_id: str, who: Who, now: datetime) -> str:
    """Make a school the one of this single-school portal; its name. Every other one is left out. Raises ``NotAllowed``."""
    with writing(engine).begin() as connection:
        listed = {each.id: each.name for each in mapping.list_schools(connection, connection_id) if not each.gone}
        if source_id not in listed:
            raise NotAllowed("The SIS does not list this school any more. Read the list again.")
        for other in listed:
            chosen = Mapping.MAPPED if other == source_id else Mapping.IGNORED
            map_school(connection, connection_id, other, chosen, None, now)
        notices.record(
            connection,
            "school-chosen",
            f"connection {connection_id}",
            now,
            actor=who.name,
            actor_id=who.id,
            address=who.address,
            school=source_id,
            name=listed[source_id],
        )
    return listed[source_id]
