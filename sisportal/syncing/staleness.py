"""The age of a plan: until when it can be committed, why not any more, and which of its records changed since (SPEC 6.7)."""

from datetime import datetime, timedelta
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, Connection, case, false, func, or_, select
from sqlalchemy.orm import aliased

from sisportal.models import ActionState, SisConnection, Sync
from sisportal.syncing.actions import ACTIONS
from sisportal.syncing.held import ACCOUNTS, CLASSES
from sisportal.syncing.review import OPEN

COMMITTABLE_FOR = timedelta(days=7)
OTHER_OPTIONS = "The options or the mapping of schools changed after this sync was prepared."
TOO_OLD = "This sync was prepared more than 7 days ago."
NEWER = "A newer sync was prepared since this one was: sync {newer}."


class Age(msgspec.Struct, frozen=True):
    """How a plan has aged."""

    why: str = ""
    """Why it can no longer be committed, as a sentence; blank where it can, or where it is not open."""
    is_edited: bool = False
    """Whether somebody edited a record of it after it was made."""


def age(connection: Connection, sync_id: int, now: datetime) -> Age:
    """How the plan of a sync has aged, in one query."""
    other = aliased(Sync)
    newer = (
        select(func.max(other.id))
        .where(other.connection_id == Sync.connection_id, other.id != Sync.id, other.prepared_at > Sync.prepared_at)
        .scalar_subquery()
    )
    any_edited = select(ACTIONS.c.id).where(ACTIONS.c.sync_id == sync_id, *_edited(Sync.prepared_at)).exists()
    # A plan that is over is not looked through.
    edited = case((Sync.state.in_(OPEN), any_edited), else_=false())
    columns = (Sync.state, Sync.options_version, Sync.prepared_at, SisConnection.options_version, newer, edited)
    row = connection.execute(
        select(*columns).join(SisConnection, SisConnection.id == Sync.connection_id).where(Sync.id == sync_id)
    ).one_or_none()
    if row is None or row[0] not in OPEN:
        return Age()
    _, version, prepared_at, current, newest, is_edited = row
    if version != current:
        return Age(OTHER_OPTIONS, is_edited)
    if prepared_at and now - prepared_at > COMMITTABLE_FOR:
        return Age(TOO_OLD, is_edited)
    return Age(NEWER.format(newer=newest) if newest else "", is_edited)


def why_stale(connection: Connection, sync_id: int, now: datetime) -> str:
    """Why an open plan can no longer be committed, as a sentence; blank where it can, or where it is not open."""
    return age(connection, sync_id, now).why


def edited_since(connection: Connection, sync_id: int, most: int = 5) -> list[Any]:
    """Actions whose account or class somebody edited after the plan was made: id and label of the first ``most`` + 1.

    Where the same fields were edited, the commit leaves these actions as conflicts.
    """
    prepared_at = select(Sync.prepared_at).where(Sync.id == sync_id).scalar_subquery()
    statement = select(ACTIONS.c.id, ACTIONS.c.label).where(ACTIONS.c.sync_id == sync_id, *_edited(prepared_at))
    return list(connection.execute(statement.order_by(ACTIONS.c.id).limit(most + 1)))


def _edited(prepared_at: Any) -> tuple[ColumnElement[bool], ...]:
    """Conditions of the actions that a commit would apply, and whose record was edited later than that."""
    changed = [
        ACTIONS.c.type.in_(types)
        & ACTIONS.c.target_id.in_(
            select(table.c.id).where(table.c.edited_at.is_not(None), table.c.edited_at > prepared_at)
        )
        for types, table in ((("student", "teacher"), ACCOUNTS), (("section",), CLASSES))
    ]
    return ACTIONS.c.state == ActionState.PLANNED, ACTIONS.c.ticked, or_(*changed)
