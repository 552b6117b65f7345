"""Releasing what the guards hold: for one plan, by a person who saw how much it is (SPEC 6.5)."""

from datetime import datetime

from sqlalchemy import Connection, Engine, func, select, update

from sisportal.models import Action, ActionState, Sync
from sisportal.models.database import writing
from sisportal.roster.guards import Guard
from sisportal.syncing import notices
from sisportal.syncing.review import Who, require_open

_REASONS = [str(guard) for guard in Guard]


def count_guarded(connection: Connection, sync_id: int) -> int:
    """How many actions guards hold: the number that a person types to release them."""
    statement = select(func.count()).where(
        Action.sync_id == sync_id, Action.held.in_(_REASONS), Action.state == ActionState.PLANNED
    )
    return connection.scalars(statement).one()


def release_guards(engine: Engine, sync_id: int, who: Who, now: datetime) -> int:
    """Let a plan's guarded actions be committed; how many. A doubtful match stays held. Raises ``NotAllowed``."""
    with writing(engine).begin() as connection:
        require_open(connection, sync_id)
        statement = update(Action).where(
            Action.sync_id == sync_id, Action.held.in_(_REASONS), Action.state == ActionState.PLANNED
        )
        released = connection.execute(statement.values(held="", decided_by=who.id)).rowcount
        if not released:
            return 0
        held, request = connection.execute(select(Sync.held, Sync.request).where(Sync.id == sync_id)).one()
        left = [entry for entry in held if entry["reason"] not in _REASONS]
        values = {"held": left, "request": request | {"released": True}}
        connection.execute(update(Sync).where(Sync.id == sync_id).values(values))
        notices.record(
            connection,
            "guards-released",
            f"sync {sync_id}",
            now,
            actor=who.name,
            actor_id=who.id,
            address=who.address,
            actions=released,
        )
    return released
