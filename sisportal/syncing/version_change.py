"""Another version of the provider's API: people come under other ids, and their links move with them (SPEC 3.3, option 1).

Clever's version 3 gives teachers new ids and says the old one as ``legacy_id`` (Clever, "Migrating to API v3.0"). Students
keep theirs. So a link moves where the portal is linked to the one id and the SIS now lists the other.
"""

from collections.abc import Iterator

import msgspec
from sqlalchemy import Connection, Engine, Text, and_, select, type_coerce

from sisportal.roster.records import Person
from sisportal.syncing.held import ACCOUNT_LINKS
from sisportal.syncing.mirror import PEOPLE
from sisportal.syncing.rows import read
from sisportal.syncing.unindexed import unindexed


def changed_ids(engine: Engine, connection_id: int) -> dict[str, str]:
    """The id that the portal is linked to -> the id under which the SIS lists the same person now."""
    with engine.connect() as connection:
        old = {person.source_id: person.legacy_id for person in _people(connection, connection_id, listed=False)}
        if not old:
            return {}
        new = {person.source_id: person.legacy_id for person in _people(connection, connection_id, listed=True)}
    found = {legacy_id: source_id for source_id, legacy_id in new.items() if legacy_id in old}
    return found | {source_id: legacy_id for source_id, legacy_id in old.items() if legacy_id in new}


def _people(connection: Connection, connection_id: int, *, listed: bool) -> Iterator[Person]:
    """Listed people without a link, or, not ``listed``, linked people whom the SIS lists no more."""
    link = and_(ACCOUNT_LINKS.c.connection_id == connection_id, ACCOUNT_LINKS.c.source_id == PEOPLE.c.source_id)
    statement = select(type_coerce(PEOPLE.c.payload, Text)).select_from(PEOPLE.outerjoin(ACCOUNT_LINKS, link))
    if listed:
        mine = unindexed(PEOPLE.c.connection_id) == connection_id
        statement = statement.where(mine, PEOPLE.c.gone_in_sync.is_(None), ACCOUNT_LINKS.c.account_id.is_(None))
    else:  # few, and the index of the lists tells who they are
        mine = PEOPLE.c.connection_id == connection_id
        statement = statement.where(mine, PEOPLE.c.gone_in_sync.is_not(None), ACCOUNT_LINKS.c.account_id.is_not(None))
    decode = msgspec.json.Decoder(Person).decode
    for (payload,) in read(connection, statement):
        yield decode(payload)
