"""Which records of the mirror are pending: changed since they were last seen to agree with the portal."""

from sqlalchemy import Connection, and_, exists, or_, true, update

from sisportal.syncing.held import ACCOUNT_LINKS, ACCOUNTS, CLASS_LINKS, CLASSES
from sisportal.syncing.mirror_rows import PEOPLE, SECTIONS


def settle(connection: Connection, connection_id: int) -> None:
    """Take off the list of pending records those that the portal agrees with by now: a commit wrote them in full."""
    for table, link, target in ((PEOPLE, ACCOUNT_LINKS, ACCOUNTS), (SECTIONS, CLASS_LINKS, CLASSES)):
        target_id = link.c.account_id if link is ACCOUNT_LINKS else link.c.class_id
        linked = (
            exists()
            .where(link.c.connection_id == connection_id, link.c.source_id == table.c.source_id)
            .where(target.c.id == target_id)
        )
        agrees = linked.where(link.c.written_fingerprint == table.c.fingerprint, target.c.archived_at.is_(None))
        active = linked.where(target.c.archived_at.is_(None))
        listed = and_(table.c.gone_in_sync.is_(None), table.c.in_scope)
        settled = or_(and_(listed, agrees), and_(~listed, ~active))
        mine = and_(table.c.connection_id == connection_id, table.c.pending == true())
        connection.execute(update(table).where(mine, settled).values(pending=False))
