"""Several connections at once: what one of them no longer lists and another one still does is not archived."""

from collections.abc import Sequence
from typing import cast

from sqlalchemy import Engine, Table, and_, select, true

from sisportal.models import SisConnection
from sisportal.syncing.held import ACCOUNT_LINKS, CLASS_LINKS
from sisportal.syncing.mirror import PEOPLE, SECTIONS, listed_as_archived
from sisportal.syncing.rows import chunks

CONNECTIONS = cast(Table, SisConnection.__table__)


def listing_people(engine: Engine, connection_id: int, account_ids: Sequence[int]) -> dict[int, str]:
    """Those of the accounts that another enabled connection lists in a school that is synced: id -> its kind."""
    return _listing(engine, connection_id, account_ids, ACCOUNT_LINKS, PEOPLE)


def listing_sections(engine: Engine, connection_id: int, class_ids: Sequence[int]) -> dict[int, str]:
    """The same of classes."""
    return _listing(engine, connection_id, class_ids, CLASS_LINKS, SECTIONS)


def _listing(engine: Engine, connection_id: int, ids: Sequence[int], links: Table, mirror: Table) -> dict[int, str]:
    target = links.c.account_id if links is ACCOUNT_LINKS else links.c.class_id
    listed = and_(
        mirror.c.connection_id == links.c.connection_id,
        mirror.c.source_id == links.c.source_id,
        mirror.c.in_scope,
        mirror.c.gone_in_sync.is_(None),
        ~listed_as_archived(mirror),
    )
    statement = (
        select(target, CONNECTIONS.c.kind)
        .select_from(links.join(mirror, listed).join(CONNECTIONS, CONNECTIONS.c.id == links.c.connection_id))
        .where(links.c.connection_id != connection_id, CONNECTIONS.c.enabled == true())
        .order_by(CONNECTIONS.c.id.desc())
    )
    found: dict[int, str] = {}
    with engine.connect() as connection:
        for some in chunks(ids, 1_000):
            found.update((row[0], row[1]) for row in connection.execute(statement.where(target.in_(some))))
    return found
