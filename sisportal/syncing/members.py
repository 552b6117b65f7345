"""Who is meant by a roster change: names for the ids of the SIS, and what else the plan does with these people."""

from collections.abc import Iterable, Mapping

import msgspec
from sqlalchemy import Connection, and_, func, not_, or_, select

from sisportal.models import Action, ActionState, ActionType, SisEnrollment, SisPerson, Verb
from sisportal.roster.records import Person
from sisportal.syncing.among import among
from sisportal.syncing.rows import chunks

_PEOPLE = (ActionType.STUDENT, ActionType.TEACHER)
_AT_ONCE = 1_000


class Member(msgspec.Struct, frozen=True):
    """Somebody who joins or leaves a class."""

    source_id: str
    label: str
    role: str
    ticked: bool
    own: str = ""
    """The verb of the person's own action, where that one is unticked or held: it decides their place, too."""


def names(connection: Connection, connection_id: int, source_ids: Iterable[str]) -> dict[str, tuple[str, str]]:
    """``source_id`` -> (name as lists show it, role) of people whom the SIS lists or listed."""
    found: dict[str, tuple[str, str]] = {}
    for ids in chunks(sorted(set(source_ids)), _AT_ONCE):
        statement = select(SisPerson.source_id, SisPerson.role, SisPerson.payload).where(
            SisPerson.connection_id == connection_id, among(SisPerson.source_id, ids)
        )
        for source_id, role, payload in connection.execute(statement):
            found[source_id] = (_label(payload, source_id), role)
    return found


def known(
    connection: Connection, connection_id: int, sync_id: int, source_ids: Iterable[str]
) -> dict[str, tuple[str, str, str]]:
    """As ``names``, and as a third the verb of their own action of the sync where that is unticked or held.

    A commit leaves the places of those as they are.
    """
    own = and_(
        Action.source_id == SisPerson.source_id,
        # The zero keeps SQLite to the index of ids: a sync may have a hundred thousand actions, a person has a few.
        Action.sync_id + 0 == sync_id,
        Action.type.in_(_PEOPLE),
        Action.verb.in_([Verb.ADD, Verb.REACTIVATE, Verb.DELETE]),
        Action.state.in_([ActionState.PLANNED, ActionState.UNTICKED]),
        or_(not_(Action.ticked), Action.held != ""),
    )
    columns = select(SisPerson.source_id, SisPerson.role, SisPerson.payload, Action.verb).outerjoin(Action, own)
    found: dict[str, tuple[str, str, str]] = {}
    for ids in chunks(sorted(set(source_ids)), _AT_ONCE):
        statement = columns.where(SisPerson.connection_id == connection_id, among(SisPerson.source_id, ids))
        for source_id, role, payload, verb in connection.execute(statement):
            found[source_id] = (_label(payload, source_id), role, verb or "")
    return found


def sections_of(connection: Connection, connection_id: int, source_ids: Iterable[str]) -> dict[str, int]:
    """In how many sections of the SIS these people are."""
    statement = (
        select(SisPerson.source_id, func.count())
        .join(SisEnrollment, SisEnrollment.person_id == SisPerson.id)
        .where(SisPerson.connection_id == connection_id, SisPerson.source_id.in_(list(source_ids)))
        .group_by(SisPerson.source_id)
    )
    return {row[0]: row[1] for row in connection.execute(statement)}


def members(
    people: Mapping[str, tuple[str, str, str]], source_ids: Iterable[str], unticked: Iterable[str]
) -> list[Member]:
    """Those who join or leave by a roster change, as planned. ``people``: as ``known`` gives them."""
    out = set(unticked)
    found = ((id_, *people.get(id_, (id_, "", ""))) for id_ in source_ids)
    return [Member(id_, label, role, ticked=id_ not in out, own=own) for id_, label, role, own in found]


def _label(payload: object, source_id: str) -> str:
    """How lists name somebody, by the record of the SIS."""
    person = msgspec.convert(payload, Person)
    return ", ".join(name for name in (person.last_name, person.first_name) if name) or source_id
