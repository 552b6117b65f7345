"""Deletes, applied a batch at a time: what a sync deletes is archived, be it an account or a class."""

from collections.abc import Callable, Mapping
from typing import Protocol

import msgspec
from sqlalchemy import Connection, Table

from sisportal.roster.fields import Values
from sisportal.syncing.links import read_links
from sisportal.syncing.outcomes import Ledger, Results, Stored
from sisportal.syncing.rows import Row, stored_moment, update_rows

_COLUMNS = ("archived_at", "archived_by_sync", "changed_by_sync")


class Found(Protocol):
    """A record as the commit finds it."""

    @property
    def values(self) -> Values:
        """Its synced fields, and ``archived``."""


class Kind(msgspec.Struct, frozen=True):
    """Accounts or classes: where they and their links are, how they are read, and what is said of those left alone."""

    table: Table
    links: Table
    read: Callable[[Connection, list[int]], Mapping[int, Found]]
    gone: str
    unlinked: str
    archived: str


def archive(
    connection: Connection, kind: Kind, ledger: Ledger, connection_id: int, actions: list[Stored], results: Results
) -> list[int]:
    """Archive what is there and still linked as the plan says; the ids of what was archived."""
    held = kind.read(connection, [action.target_id for action in actions if action.target_id is not None])
    linked = read_links(connection, kind.links, connection_id, actions)
    now = stored_moment(connection, ledger.clock())
    rows: list[Row] = []
    for action in actions:
        id_ = action.target_id or 0
        found = held.get(id_)
        if found is None:
            results.conflict(action, kind.gone)
        elif not linked.agrees(action):
            results.conflict(action, kind.unlinked)
        elif found.values["archived"]:
            results.already_so(action, id_, kind.archived)
        else:
            rows.append((now, ledger.sync_id, ledger.sync_id, id_))
            results.applied(action, id_)
    update_rows(connection, kind.table, _COLUMNS, ("id",), rows)
    return [row[-1] for row in rows]
