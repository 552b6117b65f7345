"""Places in classes put back: each as it was before, where it still is as the sync that is undone left it."""

from collections.abc import Iterable

from sqlalchemy import Connection, Text, select, tuple_, type_coerce, update

from sisportal.models import Membership
from sisportal.roster.fields import Values
from sisportal.roster.undoing import with_members, without_members
from sisportal.syncing.held import ACCOUNT_LINKS, CLASS_LINKS, CLASSES, MEMBERSHIPS, decode_values
from sisportal.syncing.mirror import SECTIONS
from sisportal.syncing.rows import Row, chunks, json_text, update_rows
from sisportal.syncing.undo_log import Moved

_AT_ONCE = 400


def put_back(connection: Connection, places: list[Moved], undo_id: int) -> list[Moved]:
    """Give places back what they were; what changed so, as ``Log.places``. One that changed since stays as it is."""
    now = _places_now(connection, places)
    moved: list[Moved] = []
    rows: list[Row] = []
    for class_id, account_id, source_id, before, after in places:
        here = now.get((class_id, account_id))
        if here is None or here != tuple(after):
            continue
        position, ended = before if before is not None else (after[0], undo_id)
        rows.append((position, ended, class_id, account_id))
        moved.append([class_id, account_id, source_id, list(here), [position, ended]])
    update_rows(connection, MEMBERSHIPS, ("position", "ended_by_sync"), ("class_id", "account_id"), rows)
    return moved


def ended(connection: Connection, places: list[Moved]) -> set[tuple[int, int]]:
    """Those of the places that are over now, or never were: (class, account)."""
    now = _places_now(connection, places)
    return {key for each in places if now.get(key := (each[0], each[1]), (0, 0))[1] is not None}


def _places_now(connection: Connection, places: list[Moved]) -> dict[tuple[int, int], tuple[int, int | None]]:
    """(class, account) -> position, and the sync that ended the place."""
    key = tuple_(MEMBERSHIPS.c.class_id, MEMBERSHIPS.c.account_id)
    columns = (MEMBERSHIPS.c.class_id, MEMBERSHIPS.c.account_id, MEMBERSHIPS.c.position, MEMBERSHIPS.c.ended_by_sync)
    now: dict[tuple[int, int], tuple[int, int | None]] = {}
    for some in chunks(places, _AT_ONCE):
        found = connection.execute(select(*columns).where(key.in_([(each[0], each[1]) for each in some])))
        now.update(((row[0], row[1]), (row[2], row[3])) for row in found)
    return now


def rewritten(written: Values, moved: Iterable[Moved]) -> Values:
    """What was last written of a class, its people as the places are now."""
    moved = [each for each in moved if each[2]]  # whoever a person put there is in no list of the SIS
    gone = {each[2] for each in moved if each[4][1] is not None}
    here = [(each[2], each[4][0]) for each in moved if each[4][1] is None]
    return with_members(without_members(written, gone), here, Membership.STUDENT)


def vacate(
    connection: Connection, connection_id: int, accounts: dict[int, str], undo_id: int
) -> dict[int, list[Moved]]:
    """End the places of accounts in active classes of this connection: account -> what changed. ``accounts``: id -> ``source_id``."""
    columns = (MEMBERSHIPS.c.class_id, MEMBERSHIPS.c.account_id, MEMBERSHIPS.c.position)
    joined = MEMBERSHIPS.join(CLASSES, CLASSES.c.id == MEMBERSHIPS.c.class_id).join(
        CLASS_LINKS, CLASS_LINKS.c.class_id == CLASSES.c.id
    )
    moved: dict[int, list[Moved]] = {}
    for some in chunks(accounts, _AT_ONCE):
        statement = select(*columns).select_from(joined).where(
            MEMBERSHIPS.c.account_id.in_(some), MEMBERSHIPS.c.ended_by_sync.is_(None), CLASSES.c.archived_at.is_(None),
            CLASS_LINKS.c.connection_id == connection_id,
        )  # fmt: skip
        for class_id, account_id, position in connection.execute(statement.order_by(MEMBERSHIPS.c.class_id)).all():
            change = [class_id, account_id, accounts[account_id], [position, None], [position, undo_id]]
            moved.setdefault(account_id, []).append(change)
    every = [each for changes in moved.values() for each in changes]
    rows: list[Row] = [(undo_id, each[0], each[1]) for each in every]
    update_rows(connection, MEMBERSHIPS, ("ended_by_sync",), ("class_id", "account_id"), rows)
    rewrite(connection, connection_id, every)
    return moved


def empty(connection: Connection, connection_id: int, class_ids: list[int], undo_id: int) -> dict[int, list[Moved]]:
    """End every place in classes that lose their link: class -> what changed.

    Should one come again, it gets the people whom the SIS lists then, and no others.
    """
    mine = (ACCOUNT_LINKS.c.account_id == MEMBERSHIPS.c.account_id) & (ACCOUNT_LINKS.c.connection_id == connection_id)
    columns = (MEMBERSHIPS.c.class_id, MEMBERSHIPS.c.account_id, MEMBERSHIPS.c.position, ACCOUNT_LINKS.c.source_id)
    moved: dict[int, list[Moved]] = {}
    for some in chunks(class_ids, _AT_ONCE):
        statement = (
            select(*columns)
            .select_from(MEMBERSHIPS.outerjoin(ACCOUNT_LINKS, mine))
            .where(MEMBERSHIPS.c.class_id.in_(some), MEMBERSHIPS.c.ended_by_sync.is_(None))
            .order_by(MEMBERSHIPS.c.class_id, MEMBERSHIPS.c.account_id)
        )
        for class_id, account_id, position, source_id in connection.execute(statement).all():
            change = [class_id, account_id, source_id or "", [position, None], [position, undo_id]]
            moved.setdefault(class_id, []).append(change)
    rows: list[Row] = [(undo_id, each[0], each[1]) for changes in moved.values() for each in changes]
    update_rows(connection, MEMBERSHIPS, ("ended_by_sync",), ("class_id", "account_id"), rows)
    return moved


def rewrite(connection: Connection, connection_id: int, moved: list[Moved]) -> None:
    """Bring what was last written of classes in line with places that changed; they are compared again next time."""
    by_class: dict[int, list[Moved]] = {}
    for each in moved:
        by_class.setdefault(each[0], []).append(each)
    for some in chunks(by_class, _AT_ONCE):
        links = connection.execute(
            select(CLASS_LINKS.c.source_id, CLASS_LINKS.c.class_id, type_coerce(CLASS_LINKS.c.written, Text)).where(
                CLASS_LINKS.c.connection_id == connection_id, CLASS_LINKS.c.class_id.in_(some)
            )
        ).all()
        rows: list[Row] = [
            (json_text(rewritten(decode_values(text), by_class[class_id])), None, connection_id, source_id)
            for source_id, class_id, text in links
        ]
        update_rows(connection, CLASS_LINKS, ("written", "written_fingerprint"), ("connection_id", "source_id"), rows)
        ids = [row[-1] for row in rows]
        mine = (SECTIONS.c.connection_id == connection_id, SECTIONS.c.source_id.in_(ids))
        connection.execute(update(SECTIONS).where(*mine).values(pending=True))
