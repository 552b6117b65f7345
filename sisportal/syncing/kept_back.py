"""What was undone, remembered by record: left out of plans until a person says that it may be proposed again (SPEC 7)."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any, cast

import msgspec
from sqlalchemy import (
    ColumnElement,
    Connection,
    Engine,
    Row,
    Select,
    Table,
    and_,
    delete,
    insert,
    select,
    tuple_,
    update,
)

from sisportal.models import ActionState, KeptBack, MatchDecision
from sisportal.models.database import writing
from sisportal.roster.keeping_back import Kept, kept_of, merged, without
from sisportal.roster.text import folded
from sisportal.syncing import notices
from sisportal.syncing.actions import ACTIONS
from sisportal.syncing.held import ACCOUNT_LINKS, CLASS_LINKS
from sisportal.syncing.mirror import PEOPLE, SECTIONS
from sisportal.syncing.review import Who
from sisportal.syncing.rows import chunks

KEPT = cast(Table, KeptBack.__table__)
AT_ONCE = 500
Key = tuple[str, str]
"""``people`` or ``sections``, and ``source_id``."""
_NEW = Kept(is_new=True)


def collection_of(type_: str) -> str:
    """``people`` or ``sections``, of a type of action."""
    return "sections" if type_ == "section" else "people"


def remember(
    connection: Connection,
    connection_id: int,
    undone_id: int,
    undo_id: int,
    now: datetime,
    rows: list[tuple[Any, Kept]],
) -> None:
    """Keep back what some actions of an undo took back: (the action, what of it)."""
    wanted = {(collection_of(action.type), action.source_id): (action, kept) for action, kept in rows if kept}
    known = _read(connection, connection_id, wanted)
    made = []
    for key, (action, kept) in wanted.items():
        if key in known:
            write(
                connection, connection_id, key, merged(known[key], kept), undone_sync_id=undone_id, undone_by_id=undo_id
            )
            continue
        made.append(
            {
                "connection_id": connection_id, "collection": key[0], "source_id": key[1], "target_id": action.target_id,
                "type": action.type, "label": action.label, "search": action.search, **msgspec.structs.asdict(kept),
                "undone_sync_id": undone_id, "undone_by_id": undo_id, "at": now,
            }
        )  # fmt: skip
    for some in chunks(made, AT_ONCE):
        connection.execute(insert(KEPT), some)


def forget(connection: Connection, connection_id: int, rows: Iterable[tuple[str, str, Kept]]) -> None:
    """Take off what was done after all: (type, ``source_id``, what)."""
    done = {(collection_of(type_), source_id): kept for type_, source_id, kept in rows}
    for key, kept in _read(connection, connection_id, done).items():
        still = without(kept, done[key])
        if still != kept:
            write(connection, connection_id, key, still)


def forget_committed(connection: Connection, connection_id: int, sync_id: int) -> None:
    """What a sync applied is no longer kept back: the SIS had come to want something else of it."""
    mine = and_(
        ACTIONS.c.sync_id == sync_id, ACTIONS.c.state == ActionState.APPLIED, ACTIONS.c.source_id == KEPT.c.source_id
    )
    columns = (ACTIONS.c.type, ACTIONS.c.source_id, ACTIONS.c.verb, ACTIONS.c.before, ACTIONS.c.after, ACTIONS.c.roster)
    rows = connection.execute(
        select(*columns).select_from(KEPT.join(ACTIONS, mine)).where(KEPT.c.connection_id == connection_id)
    )
    forget(connection, connection_id, [(row[0], row[1], kept_of(*row[2:])) for row in rows.all()])


class KeptFilter(msgspec.Struct, frozen=True):
    """Which of a connection's records with something undone: every part that is set narrows the list."""

    search: str = ""
    type: str = ""


def conditions(connection_id: int, chosen: KeptFilter) -> list[ColumnElement[bool]]:
    """The conditions of the rows that ``chosen`` finds."""
    found: list[ColumnElement[bool]] = [KEPT.c.connection_id == connection_id]
    found += [KEPT.c.type == chosen.type] if chosen.type else []
    return found + [KEPT.c.search.contains(term, autoescape=True) for term in folded(chosen.search).split()]


def kept_rows(connection_id: int, chosen: KeptFilter) -> Select[*tuple[Any, ...]]:
    """What is kept back, in the order of names."""
    return select(KEPT).where(*conditions(connection_id, chosen)).order_by(KEPT.c.search, KEPT.c.source_id)


def propose_again(engine: Engine, connection_id: int, chosen: Iterable[Key] | None, who: Who, now: datetime) -> int:
    """Let the next sync propose what was undone, of some records or of all (None); of how many.

    An account or class that the undo archived is what the record becomes again, not one more of it.
    """
    with writing(engine).begin() as connection:
        mine = KEPT.c.connection_id == connection_id
        key = tuple_(KEPT.c.collection, KEPT.c.source_id)
        parts = [()] if chosen is None else [(key.in_(some),) for some in chunks(sorted(set(chosen)), AT_ONCE)]
        rows = [row for part in parts for row in connection.execute(select(KEPT).where(mine, *part)).all()]
        _link_again(connection, connection_id, rows, who, now)
        for part in parts:
            connection.execute(delete(KEPT).where(mine, *part))
        mark_pending(connection, connection_id, [(row.collection, row.source_id) for row in rows])
        if rows:
            one = {"label": rows[0].label, "record": rows[0].source_id} if len(rows) == 1 else {}
            notices.record(
                connection, "proposed-again", f"connection {connection_id}", now,
                actor=who.name, actor_id=who.id, address=who.address, records=len(rows), **one,
            )  # fmt: skip
    return len(rows)


def mark_pending(connection: Connection, connection_id: int, keys: Iterable[Key]) -> None:
    """Have quick syncs compare these records, too: the portal no longer agrees with what the SIS says of them."""
    by_collection: dict[str, list[str]] = {"people": [], "sections": []}
    for collection, source_id in keys:
        by_collection[collection].append(source_id)
    for table, ids in ((PEOPLE, by_collection["people"]), (SECTIONS, by_collection["sections"])):
        for some in chunks(ids, AT_ONCE):
            mine = (table.c.connection_id == connection_id, table.c.source_id.in_(some))
            connection.execute(update(table).where(*mine).values(pending=True))


def _link_again(connection: Connection, connection_id: int, rows: list[Row[Any]], who: Who, now: datetime) -> None:
    """Say of records whose account or class is without a link that they are the same, as a person would."""
    for collection, links in (("people", ACCOUNT_LINKS), ("sections", CLASS_LINKS)):
        new = {row.source_id: row.target_id for row in rows if row.is_new and row.collection == collection}
        for some in chunks(new, AT_ONCE):
            linked = select(links.c.source_id).where(
                links.c.connection_id == connection_id, links.c.source_id.in_(some)
            )
            free = set(some) - set(connection.scalars(linked))
            about = (MatchDecision.connection_id == connection_id, MatchDecision.collection == collection)
            pairs = [(source_id, new[source_id]) for source_id in sorted(free)]
            said = tuple_(MatchDecision.source_id, MatchDecision.target_id).in_(pairs)
            connection.execute(delete(MatchDecision).where(*about, said))
            values = {"connection_id": connection_id, "collection": collection, "decision": "same"}
            values |= {"decided_by": who.id, "decided_at": now}
            if pairs:
                connection.execute(insert(MatchDecision), [values | {"source_id": s, "target_id": t} for s, t in pairs])


def _read(connection: Connection, connection_id: int, keys: Iterable[Key]) -> dict[Key, Kept]:
    mine, key = KEPT.c.connection_id == connection_id, tuple_(KEPT.c.collection, KEPT.c.source_id)
    found: dict[Key, Kept] = {}
    for some in chunks(keys, AT_ONCE):
        for row in connection.execute(select(KEPT).where(mine, key.in_(some))):
            found[row.collection, row.source_id] = kept_of_row(row)
    return found


def kept_of_row(row: Row[Any]) -> Kept:
    """What a row of the table keeps back."""
    if row.is_new and not (row.is_gone or row.fields or row.joins or row.leaves):
        return _NEW
    return Kept(row.is_new, row.is_gone, row.fields, row.joins, row.leaves)


def write(connection: Connection, connection_id: int, key: Key, kept: Kept, **more: Any) -> None:
    """Store what is kept back of a record now; where that is nothing, its row goes."""
    where = (KEPT.c.connection_id == connection_id, KEPT.c.collection == key[0], KEPT.c.source_id == key[1])
    if kept:
        connection.execute(update(KEPT).where(*where).values(**msgspec.structs.asdict(kept), **more))
    else:
        connection.execute(delete(KEPT).where(*where))
