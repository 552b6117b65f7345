"""Who changed a record after the sync that is to be undone: a later sync, or somebody by hand (SPEC 7)."""

from collections.abc import Iterable
from typing import Any

import msgspec
from sqlalchemy import Connection, Engine, Select, Text, func, or_, select, type_coerce

from sisportal.models import ActionState, Sync
from sisportal.roster.fields import ACCOUNT_FIELDS, CLASS_FIELDS, Values, is_blank
from sisportal.syncing.actions import ACTIONS
from sisportal.syncing.explaining import LABELS
from sisportal.syncing.undo_found import COMMITTED, Found, Undone
from sisportal.syncing.undo_log import Log

HAND = "by hand in the portal"
ROSTER = "roster"
"""Stands for who is in a class, among the fields that may have changed."""
_WRITTEN = frozenset({*ACCOUNT_FIELDS, *CLASS_FIELDS})
"""Fields that every sync writes: one that holds something else than was written last was changed by hand."""
Target = tuple[str, int]
"""``people`` or ``sections``, and the account or class."""


class Changers:
    """Knows who changed what a sync did, since."""

    def __init__(self, engine: Engine, undone_id: int) -> None:
        self._engine, self._undone_id = engine, undone_id
        with engine.connect() as connection:
            later = _later(undone_id)
            self._emptied = _emptied(connection, later)
            self._touched = _touched(connection, later) | self._emptied
            own = select(Sync.connection_id).where(Sync.id == undone_id).scalar_subquery()
            self._elsewhere = _touched(connection, later.where(Sync.connection_id != own))

    def touched(self, action: Undone) -> bool:
        """Whether a later sync, of any connection, changed anything of the record."""
        return (action.collection, action.target_id) in self._touched

    def told(self, action: Undone, found: Found, fields: list[str]) -> str:
        """Which fields changed since, and by whom: ``changed since, by sync 7: Grade, Name``."""
        by: dict[str, list[str]] = {}
        for field in fields:
            by.setdefault(self._changer(action, found, field), []).append(field)
        return "; ".join(f"changed since, {who}: {_labels(names)}" for who, names in by.items())

    def mover(self, action: Undone, found: Found) -> str:
        """Who moved people into a class or out of it since."""
        sync_id = self._newest(action, found, [ROSTER, "teachers"]) or self._emptied.get(
            (action.collection, action.target_id)
        )
        return f"by sync {sync_id}" if sync_id else HAND

    def archiver(self, found: Found) -> str:
        """Who archived the record."""
        sync_id = found.archived_by
        return f"by sync {sync_id}" if sync_id and sync_id != self._undone_id else HAND

    def reviver(self, action: Undone, found: Found) -> str:
        """Who made the record active again since."""
        sync_id = self._newest(action, found, ["archived"])
        return f"by sync {sync_id}" if sync_id else HAND

    def _changer(self, action: Undone, found: Found, field: str) -> str:
        if field == "archived":
            return self.archiver(found) if found.values["archived"] else self.reviver(action, found)
        if field == "identifiers":
            sync_id = self._touched.get((action.collection, action.target_id))
            return f"by sync {sync_id}" if sync_id else HAND
        if other := self._elsewhere.get((action.collection, action.target_id)):
            return f"by sync {other}"  # its links, which would tell, are those of another connection
        link = next(iter(found.links.values()), None)  # under whatever id it is now
        if link is not None and _by_hand(field, found.values.get(field), msgspec.json.decode(link.written)):
            return HAND
        sync_id = self._newest(action, found, [field])
        return f"by sync {sync_id}" if sync_id else HAND

    def _newest(self, action: Undone, found: Found, fields: list[str]) -> int | None:
        """The newest later sync that wrote one of the fields, under the id of then or one that the record has now."""
        ids = {action.source_id, *found.links}
        with self._engine.connect() as connection:
            return _newest(connection, _later(self._undone_id), action.target_id, ids, fields)


def _by_hand(field: str, here: Any, written: Values) -> bool:
    was = written.get(field)
    return field in _WRITTEN and here != was and not (is_blank(here) and is_blank(was))


def _labels(fields: list[str]) -> str:
    return ", ".join(LABELS.get(name, "SIS's own ID" if name == "identifiers" else name) for name in fields)


def _later(sync_id: int) -> Select[int]:
    """The syncs that were committed after this one."""
    finished = select(Sync.finished_at).where(Sync.id == sync_id).scalar_subquery()
    return select(Sync.id).where(Sync.id != sync_id, Sync.state.in_(COMMITTED), Sync.finished_at >= finished)


def _touched(connection: Connection, later: Select[int]) -> dict[Target, int]:
    """Target -> the newest of the syncs, of any connection, that changed it."""
    statement = (
        select(ACTIONS.c.type, ACTIONS.c.target_id, ACTIONS.c.sync_id)
        .where(ACTIONS.c.sync_id.in_(later), ACTIONS.c.state == ActionState.APPLIED)
        .order_by(ACTIONS.c.id)
    )
    rows = connection.execution_options(yield_per=5_000).execute(statement)
    return {("sections" if row[0] == "section" else "people", row[1]): row[2] for row in rows}


def _newest(
    connection: Connection, later: Select[int], target_id: int, ids: Iterable[str], fields: Iterable[str]
) -> int | None:
    """The newest of the syncs that wrote one of the fields of a record; of ``roster``, that moved people."""
    wanted = set(fields)
    wrote = [type_coerce(ACTIONS.c.after, Text).contains(f'"{field}":', autoescape=True) for field in sorted(wanted)]
    moved = [type_coerce(ACTIONS.c.roster, Text).contains(f'"{part}":["') for part in ("join", "leave")]
    statement = select(func.max(ACTIONS.c.sync_id)).where(
        ACTIONS.c.source_id.in_(sorted(ids)),
        ACTIONS.c.target_id == target_id,
        ACTIONS.c.state == ActionState.APPLIED,
        ACTIONS.c.sync_id.in_(later),
        or_(*wrote, *(moved if ROSTER in wanted else ())),
    )
    newest: int | None = connection.scalar(statement)
    return newest


def _emptied(connection: Connection, later: Select[int]) -> dict[tuple[str, int], int]:
    """Classes that lost people, or got them back, since later undos archived or revived their accounts."""
    statement = select(ACTIONS.c.sync_id, type_coerce(ACTIONS.c.undo, Text)).where(
        ACTIONS.c.sync_id.in_(later.where(Sync.undoes_id.is_not(None))),
        ACTIONS.c.type.in_(("student", "teacher")),
        ACTIONS.c.state == ActionState.APPLIED,
        type_coerce(ACTIONS.c.undo, Text).contains('"places"'),
    )
    decode = msgspec.json.Decoder(Log).decode
    rows = connection.execute(statement.order_by(ACTIONS.c.id)).all()
    return {("sections", moved[0]): sync_id for sync_id, text in rows for moved in decode(text).places}
