"""Doubtful matches as a person decides them: what the SIS says beside each account or class that it may be (SPEC 6.3)."""

from collections.abc import Iterable
from typing import Any

import msgspec
from sqlalchemy import Connection, Row, Text, select, type_coerce

from sisportal.models import ActionState
from sisportal.roster.fields import Values, account_values, class_values
from sisportal.roster.records import Person, Section
from sisportal.syncing.actions import ACTIONS, IS_HELD
from sisportal.syncing.deciding import DOUBTS, possible_duplicates
from sisportal.syncing.held import (
    ACCOUNT_LINKS,
    ACCOUNTS,
    CLASS_LINKS,
    CLASSES,
    account_columns,
    account_held,
    class_columns,
    class_held,
)
from sisportal.syncing.mirror import PEOPLE, SECTIONS
from sisportal.syncing.replanning import Known

ASKED = (*DOUBTS, "changed-on-both")
"""The reasons that the page asks about."""
MOST_CANDIDATES = 12


class Candidate(msgspec.Struct, frozen=True):
    """An account or class that the record may be."""

    id: int
    values: Values
    """Its fields; ``username`` and ``archived`` of an account, ``linked`` what this connection has linked it to."""


class Case(msgspec.Struct, frozen=True):
    """One record to decide."""

    action: Any
    record: Values
    """What the SIS says, by field."""
    candidates: list[Candidate]


def next_case(connection: Connection, sync_id: int, after: int = 0, *, at: int = 0) -> Row[Any] | None:
    """The held action at ``at``, else the first one after ``after``, else the first of all; None where all is decided."""
    held = select(ACTIONS).where(_waits(sync_id))
    if at and (
        row := connection.execute(select(ACTIONS).where(ACTIONS.c.sync_id == sync_id, ACTIONS.c.id == at)).one_or_none()
    ):
        return row
    later = connection.execute(held.where(ACTIONS.c.id > after).order_by(ACTIONS.c.id).limit(1)).one_or_none()
    return later or connection.execute(held.order_by(ACTIONS.c.id).limit(1)).one_or_none()


def read_case(connection: Connection, plan: Known, action: Row[Any]) -> Case:
    """What there is to compare."""
    ids = [each["id"] for each in action.evidence.get("candidates", ())]
    ids += [action.target_id] if action.target_id and action.verb != "delete" else []
    if action.verb == "add" and not action.held:
        ids += [int(each) for value in possible_duplicates(connection, action.id) for each in value.split(", ")]
    chosen = list(dict.fromkeys(ids))[:MOST_CANDIDATES]
    read = _classes if action.type == "section" else _accounts
    found = {each.id: each for each in read(connection, plan.connection_id, chosen)}
    return Case(action, _record(connection, plan, action), [found[id_] for id_ in chosen if id_ in found])


def _waits(sync_id: int) -> Any:
    return (
        (ACTIONS.c.sync_id == sync_id) & IS_HELD & ACTIONS.c.held.in_(ASKED) & (ACTIONS.c.state == ActionState.PLANNED)
    )


def _record(connection: Connection, plan: Known, action: Row[Any]) -> Values:
    table = SECTIONS if action.type == "section" else PEOPLE
    payload = connection.scalar(
        select(type_coerce(table.c.payload, Text)).where(
            table.c.connection_id == plan.connection_id, table.c.source_id == action.source_id
        )
    )
    if payload is None:
        return {}
    if action.type == "section":
        return class_values(msgspec.json.decode(payload, type=Section), plan.places) | {"linked": action.source_id}
    person = msgspec.json.decode(payload, type=Person)
    values = account_values(person, plan.options, plan.places)
    return values | {"username": person.username, "linked": action.source_id}


def _accounts(connection: Connection, connection_id: int, ids: list[int]) -> Iterable[Candidate]:
    link = (ACCOUNT_LINKS.c.account_id == ACCOUNTS.c.id) & (ACCOUNT_LINKS.c.connection_id == connection_id)
    statement = (
        select(
            ACCOUNTS.c.id, ACCOUNTS.c.username, ACCOUNTS.c.archived_at, ACCOUNT_LINKS.c.source_id, *account_columns()
        )
        .select_from(ACCOUNTS.outerjoin(ACCOUNT_LINKS, link))
        .where(ACCOUNTS.c.id.in_(ids))
    )
    for row in connection.execute(statement).all():
        more = {"username": row[1], "archived": row[2] is not None, "linked": row[3] or ""}
        yield Candidate(row[0], account_held(row[4:]) | more)


def _classes(connection: Connection, connection_id: int, ids: list[int]) -> Iterable[Candidate]:
    link = (CLASS_LINKS.c.class_id == CLASSES.c.id) & (CLASS_LINKS.c.connection_id == connection_id)
    statement = (
        select(CLASSES.c.id, CLASSES.c.archived_at, CLASS_LINKS.c.source_id, *class_columns())
        .select_from(CLASSES.outerjoin(CLASS_LINKS, link))
        .where(CLASSES.c.id.in_(ids))
    )
    for row in connection.execute(statement).all():
        yield Candidate(row[0], class_held(row[3:]) | {"archived": row[1] is not None, "linked": row[2] or ""})
