"""Another version of the provider's API: people come under other ids, and their links move with them (SPEC 3.3, option 1).

Clever's version 3 gives teachers new ids and says the old one as ``legacy_id`` (Clever, "Migrating to API v3.0"). Students
keep theirs. So a link moves where the portal is linked to the one id and the SIS now lists the other.
"""

from collections.abc import Iterator

import msgspec
from sqlalchemy import Connection, Engine, Text, and_, exists, select, type_coerce

from sisportal.models import ActionState
from sisportal.roster.fields import Values
from sisportal.roster.records import Person
from sisportal.syncing.actions import ACTIONS
from sisportal.syncing.held import ACCOUNT_LINKS, CLASS_LINKS, decode_values
from sisportal.syncing.mirror import PEOPLE
from sisportal.syncing.outcomes import Ledger
from sisportal.syncing.rows import Row, json_text, read, update_rows

_LINKS_AT_ONCE = 2_000


def changed_ids(engine: Engine, connection_id: int) -> dict[str, str]:
    """The id that the portal is linked to -> the id under which the SIS lists the same person now."""
    with engine.connect() as connection:
        if not connection.scalar(select(exists().where(ACCOUNT_LINKS.c.connection_id == connection_id))):
            return {}
        new = {person.source_id: person.legacy_id for person in _people(connection, connection_id, listed=True)}
        old = {person.source_id: person.legacy_id for person in _people(connection, connection_id, listed=False)}
    found = {legacy_id: source_id for source_id, legacy_id in new.items() if legacy_id in old}
    return found | {source_id: legacy_id for source_id, legacy_id in old.items() if legacy_id in new}


def renamed(written: Values, ids: dict[str, str]) -> Values:
    """What was last written of a class, its people by their ids of now."""
    if not ids:
        return written
    lists = {name: [ids.get(id_, id_) for id_ in written[name]] for name in ("teachers", "students") if name in written}
    return written | lists


def move_rosters(ledger: Ledger, connection_id: int, kind: str) -> None:
    """Write the ids of links that this sync moved into what was last written of the classes; again after a crash."""
    ids = _moved(ledger, kind)
    last = ""
    while ids:
        statement = (
            select(CLASS_LINKS.c.source_id, type_coerce(CLASS_LINKS.c.written, Text))
            .where(CLASS_LINKS.c.connection_id == connection_id, CLASS_LINKS.c.source_id > last)
            .order_by(CLASS_LINKS.c.source_id)
            .limit(_LINKS_AT_ONCE)
        )
        with ledger.transaction() as connection:
            links = connection.execute(statement).all()
            if not links:
                return
            rows: list[Row] = []
            for source_id, text in links:
                written = decode_values(text)
                now = renamed(written, ids)
                if now != written:
                    rows.append((json_text(now), connection_id, source_id))
            update_rows(connection, CLASS_LINKS, ("written",), ("connection_id", "source_id"), rows)
        last = links[-1][0]


def _people(connection: Connection, connection_id: int, *, listed: bool) -> Iterator[Person]:
    """Listed people without a link, or, not ``listed``, linked people whom the SIS lists no more."""
    link = and_(ACCOUNT_LINKS.c.connection_id == connection_id, ACCOUNT_LINKS.c.source_id == PEOPLE.c.source_id)
    statement = (
        select(type_coerce(PEOPLE.c.payload, Text))
        .select_from(PEOPLE.outerjoin(ACCOUNT_LINKS, link))
        .where(PEOPLE.c.connection_id == connection_id)
    )
    if listed:
        statement = statement.where(PEOPLE.c.gone_in_sync.is_(None), ACCOUNT_LINKS.c.account_id.is_(None))
    else:
        statement = statement.where(PEOPLE.c.gone_in_sync.is_not(None), ACCOUNT_LINKS.c.account_id.is_not(None))
    decode = msgspec.json.Decoder(Person).decode
    for (payload,) in read(connection, statement):
        yield decode(payload)


def _moved(ledger: Ledger, kind: str) -> dict[str, str]:
    """The ids of links that were moved by actions of this sync, old -> new."""
    statement = select(ACTIONS.c.before, ACTIONS.c.after).where(
        ACTIONS.c.sync_id == ledger.sync_id,
        ACTIONS.c.state.in_((ActionState.APPLIED, ActionState.ALREADY_SO)),
        ACTIONS.c.type.in_(("student", "teacher")),
        type_coerce(ACTIONS.c.before, Text).like('%"identifiers"%'),
    )
    with ledger.transaction() as connection:
        rows = connection.execute(statement).all()
    pairs = ((before["identifiers"].get(kind, ""), after["identifiers"].get(kind, "")) for before, after in rows)
    return {was: now for was, now in pairs if was and now}
