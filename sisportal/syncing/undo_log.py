"""What an applied action keeps for its undo, beside *before* and *after*: the link and the places in classes as they were.

A log is the JSON of ``Action.undo``, every part of it optional:

``link``      the link as it was before, ``[source_id, written, written_fingerprint]``, and ``released`` where pins were; null
              where there was none
``places``    ``[class id, account id, source_id, before, after]`` of each place in a class that changed; before and after are
              ``[position, ended_by_sync]``, before is null where there was no place
``parents``   ``[class id, parent before, parent after]`` of classes that no action of the sync is about
``replaced``  the account that gave up its id (``syncing.replacing``): ``{"account", "link", "classes"}``, with the ids of the classes whose places it gave up
"""

from collections.abc import Iterable
from typing import Any

import msgspec
from sqlalchemy import Connection, Text, select, type_coerce

from sisportal.syncing.actions import ACTIONS
from sisportal.syncing.links import Link
from sisportal.syncing.rows import Row, chunks, json_text, update_rows

Moved = list[Any]
"""One of ``places``."""


class Log(msgspec.Struct, omit_defaults=True):
    """What one action keeps."""

    link: list[Any] | msgspec.UnsetType | None = msgspec.UNSET
    """Unset: the action left the link alone."""
    places: list[Moved] = []
    parents: list[list[int | None]] = []
    replaced: dict[str, Any] = {}


def link_before(link: Link | None) -> list[Any] | None:
    """``Log.link`` of a link as it is now."""
    if link is None:
        return None
    released = [msgspec.Raw(link.released.encode())] if link.released else []
    return [link.source_id, msgspec.Raw(link.written.encode()), link.mark, *released]


def read_logs(connection: Connection, action_ids: Iterable[int]) -> dict[int, Log]:
    """The logs of some actions, those that keep none left out."""
    decode = msgspec.json.Decoder(Log).decode
    found: dict[int, Log] = {}
    for ids in chunks(action_ids, 1_000):
        statement = select(ACTIONS.c.id, type_coerce(ACTIONS.c.undo, Text))
        for id_, text in connection.execute(statement.where(ACTIONS.c.id.in_(ids), ACTIONS.c.undo.is_not(None))):
            found[id_] = decode(text)
    return found


def parent_moves(connection: Connection, sync_id: int) -> list[tuple[int, int | None, int | None]]:
    """(class, parent before, parent after) of classes that a sync put under a parent without an action about them."""
    statement = select(type_coerce(ACTIONS.c.undo, Text)).where(
        ACTIONS.c.sync_id == sync_id, ACTIONS.c.type == "section", ACTIONS.c.verb.in_(("add", "delete", "reactivate")),
        type_coerce(ACTIONS.c.undo, Text).contains('"parents"'),
    )  # fmt: skip
    decode = msgspec.json.Decoder(Log).decode
    moves = [each for text in connection.scalars(statement.order_by(ACTIONS.c.id)) for each in decode(text).parents]
    return [(class_id, before, after) for class_id, before, after in moves if class_id is not None]


def keep_parents(connection: Connection, moved: dict[int, list[list[int | None]]]) -> None:
    """Add moves of classes under parents to what actions keep: action -> ``Log.parents``."""
    logs = read_logs(connection, moved)
    rows: list[Row] = []
    for action_id, parents in moved.items():
        log = logs.get(action_id, Log())
        log.parents = [*log.parents, *parents]
        rows.append((json_text(log), action_id))
    update_rows(connection, ACTIONS, ("undo",), ("id",), rows)
