"""What was undone, kept back under the ids that people and classes have now: a new id proposes nothing of it again (SPEC 7)."""

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec
from sqlalchemy import Connection, Row, Text, delete, insert, or_, select, type_coerce, update

from sisportal.models import ActionState
from sisportal.roster.keeping_back import Kept, merged, older_id, renamed_places, split
from sisportal.roster.planning import Planned
from sisportal.syncing.actions import ACTIONS
from sisportal.syncing.among import among
from sisportal.syncing.kept_back import AT_ONCE, KEPT, collection_of, kept_of_row
from sisportal.syncing.moved_ids import PEOPLE, SECTIONS, moved_by
from sisportal.syncing.rows import Row as Tuple
from sisportal.syncing.rows import chunks, json_text, update_rows

_KEY = ("connection_id", "collection", "source_id")


def follow(connection: Connection, connection_id: int, sync_id: int, kind: str, *, is_undo: bool) -> None:
    """Once a sync moved links: what is kept back of their records has their ids of from then on.

    That a link was not to be proposed goes with the link that is there now; an undo leaves it to the id that it took away.
    """
    people = moved_by(connection, sync_id, kind, PEOPLE)
    _move_keys(connection, connection_id, "people", people, is_undo=is_undo)
    _move_keys(connection, connection_id, "sections", moved_by(connection, sync_id, kind, SECTIONS), is_undo=is_undo)
    if not people:
        return
    changed: list[Tuple] = []
    for row in _with_places(connection, connection_id):
        joins, leaves = (renamed_places(names, people) for names in (row.joins, row.leaves))
        if (joins, leaves) != (row.joins, row.leaves):
            changed.append((json_text(joins), json_text(leaves), *(getattr(row, name) for name in _KEY)))
    update_rows(connection, KEPT, ("joins", "leaves"), _KEY, changed)


def still_proposed(connection: Connection, connection_id: int, planned: list[Planned]) -> None:
    """Take out of actions that move links what was undone of the same accounts and classes under their older ids."""
    older = {id_: each for each in planned if (id_ := older_id(each.before, each.source_id))}
    if not older:
        return
    rows = connection.execute(select(KEPT).where(KEPT.c.connection_id == connection_id, among(KEPT.c.source_id, older)))
    for row in rows:
        moving = older[row.source_id]
        if collection_of(moving.type) == row.collection:
            split(moving, msgspec.structs.replace(kept_of_row(row), is_new=False, is_gone=False))


def untick_joins(connection: Connection, connection_id: int, sync_id: int, moved: Mapping[str, str]) -> None:
    """Untick in a plan that people join classes whose joining was undone under their older ids: ``moved``, old -> new."""
    for row in _with_places(connection, connection_id):
        again = {moved[id_] for id_ in row.joins if id_ in moved}
        of_it = (ACTIONS.c.sync_id == sync_id, ACTIONS.c.type == "section", ACTIONS.c.source_id == row.source_id)
        planned = select(ACTIONS.c.id, ACTIONS.c.roster).where(*of_it, ACTIONS.c.state == ActionState.PLANNED)
        for action_id, roster in connection.execute(planned).all() if again else ():
            unticked = dict.fromkeys([*roster.get("unticked", ()), *(i for i in roster.get("join", ()) if i in again)])
            values = {"roster": roster | {"unticked": list(unticked)}}
            connection.execute(update(ACTIONS).where(ACTIONS.c.id == action_id).values(values))


def _move_keys(
    connection: Connection, connection_id: int, collection: str, ids: Mapping[str, str], *, is_undo: bool
) -> None:
    """Write anew the rows of all ids that were given up, or taken: one may be both, where two records changed theirs."""
    mine = (KEPT.c.connection_id == connection_id, KEPT.c.collection == collection)
    concerned = among(KEPT.c.source_id, [*ids, *ids.values()])
    rows = {row.source_id: row for row in connection.execute(select(KEPT).where(*mine, concerned))} if ids else {}
    if rows.keys().isdisjoint(ids):
        return
    now: dict[str, tuple[Row[Any], Kept]] = {}
    for id_, row in rows.items():
        kept = kept_of_row(row)
        now[id_] = (row, Kept(is_new=kept.is_new and is_undo) if id_ in ids else kept)
    for id_ in ids.keys() & rows.keys():
        row, there = now.get(ids[id_], (rows[id_], Kept()))
        moves = msgspec.structs.replace(kept_of_row(rows[id_]), is_new=False)
        now[ids[id_]] = (row, merged(there, moves))
    connection.execute(delete(KEPT).where(*mine, among(KEPT.c.source_id, rows)))
    made = [
        row._asdict() | msgspec.structs.asdict(kept) | {"source_id": id_} for id_, (row, kept) in now.items() if kept
    ]
    for some in chunks(made, AT_ONCE):
        connection.execute(insert(KEPT), some)


def _with_places(connection: Connection, connection_id: int) -> Iterable[Row[Any]]:
    """Sections of which joins or leaves were undone."""
    some = or_(*(type_coerce(KEPT.c[name], Text) != "[]" for name in ("joins", "leaves")))
    mine = (KEPT.c.connection_id == connection_id, KEPT.c.collection == "sections")
    return connection.execute(select(KEPT).where(*mine, some)).all()
