"""Releasing what the guards hold: for one plan, by a person who saw how much it is (SPEC 6.5).

A release is of the actions that are ticked and held as somebody types their number, and of no others: each is marked as
released, and what is ticked later is judged at the commit like everything else.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, Connection, Engine, Text, func, select, type_coerce, update

from sisportal.models import ActionState, Sync
from sisportal.models.database import writing
from sisportal.roster.guards import Guard
from sisportal.syncing import notices
from sisportal.syncing.actions import ACTIONS, IS_HELD
from sisportal.syncing.review import Who, require_open
from sisportal.syncing.rows import json_text, update_rows

RELEASED = "released"
"""In the evidence of an action: the guard that held it until a person released it. In the request of a sync: that one did."""
IS_RELEASED = type_coerce(ACTIONS.c.evidence, Text).contains(f'"{RELEASED}":"guard-')
_REASONS = [str(guard) for guard in Guard]


class GuardHold(msgspec.Struct, frozen=True):
    """What one guard holds of a type: of one school or, where it holds single actions, of all."""

    reason: str
    type: str
    scope: str
    """``source_id`` of the school; blank for all."""
    sentence: str
    ticked: int
    """How many of the actions are ticked: the number that a person types to release them."""
    unticked: int

    @property
    def key(self) -> str:
        """Names it among the holds of its sync."""
        return f"{self.reason}:{self.type}:{self.scope}"


def guard_holds(connection: Connection, sync_id: int, held: Sequence[dict[str, Any]]) -> list[GuardHold]:
    """What the guards hold now, as ``held``, the sync's own list, has it; without what is settled or released already."""
    entries = [entry for entry in held if entry["reason"] in _REASONS]
    if not entries:
        return []
    columns = (ACTIONS.c.held, ACTIONS.c.type, ACTIONS.c.school, ACTIONS.c.ticked, func.count())
    statement = select(*columns).where(*_held(sync_id)).group_by(*columns[:-1])
    rows = connection.execute(statement).all()
    found = []
    for entry in entries:
        mine = [
            row for row in rows
            if (row.held, row.type) == (entry["reason"], entry["type"]) and entry["scope"] in {"", row.school}
        ]  # fmt: skip
        ticked, unticked = (sum(row[-1] for row in mine if row.ticked is wanted) for wanted in (True, False))
        if ticked or unticked:
            key = (entry["reason"], entry["type"], entry["scope"])
            found.append(GuardHold(*key, entry.get("sentence", ""), ticked, unticked))
    return found


def count_guarded(connection: Connection, sync_id: int) -> int:
    """How many ticked actions guards hold: the number that a person types to release all of them."""
    statement = select(func.count()).where(*_held(sync_id), ACTIONS.c.ticked)
    return connection.scalars(statement).one()


def release_guards(engine: Engine, sync_id: int, who: Who, now: datetime, only: GuardHold | None = None) -> int:
    """Let a plan's ticked actions that guards hold, or those of one hold, be committed; how many.

    A doubtful match stays held, and so does what is unticked. Raises ``NotAllowed``.
    """
    with writing(engine).begin() as connection:
        require_open(connection, sync_id)
        released = _release(connection, sync_id, who, only)
        if not released:
            return 0
        held, request = connection.execute(select(Sync.held, Sync.request).where(Sync.id == sync_id)).one()
        values = {"held": _left(connection, sync_id, held), "request": request | {RELEASED: True}}
        connection.execute(update(Sync).where(Sync.id == sync_id).values(values))
        of_one = {"reason": only.reason, "type": only.type, "school": only.scope} if only else {}
        notices.record(
            connection,
            "guards-released",
            f"sync {sync_id}",
            now,
            actor=who.name,
            actor_id=who.id,
            address=who.address,
            actions=released,
            **{name: value for name, value in of_one.items() if value},
        )
    return released


def _held(sync_id: int) -> list[ColumnElement[bool]]:
    return [
        ACTIONS.c.sync_id == sync_id, IS_HELD, ACTIONS.c.held.in_(_REASONS), ACTIONS.c.state == ActionState.PLANNED
    ]  # fmt: skip


def _release(connection: Connection, sync_id: int, who: Who, only: GuardHold | None) -> int:
    which = [*_held(sync_id), ACTIONS.c.ticked]
    if only is not None:
        which += [ACTIONS.c.held == only.reason, ACTIONS.c.type == only.type]
        which += [ACTIONS.c.school == only.scope] if only.scope else []
    rows = connection.execute(select(ACTIONS.c.id, ACTIONS.c.held, ACTIONS.c.evidence).where(*which)).all()
    marked = [("", json_text(row.evidence | {RELEASED: row.held}), who.id, row.id) for row in rows]
    update_rows(connection, ACTIONS, ("held", "evidence", "decided_by"), ("id",), marked)
    return len(marked)


def _left(connection: Connection, sync_id: int, held: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """What the sync keeps of its holds: those of which something is held still, with how much that is."""
    still = {
        (each.reason, each.type, each.scope): each.unticked + each.ticked
        for each in guard_holds(connection, sync_id, held)
    }
    kept = []
    for entry in held:
        key = (entry["reason"], entry["type"], entry["scope"])
        if entry["reason"] not in _REASONS:
            kept.append(entry)
        elif key in still:
            kept.append(entry | {"count": still[key]})
    return kept
