"""Who is meant by a roster change: names for the ids of the SIS, and what else the plan does with these people."""

from collections.abc import Iterable

import msgspec
from sqlalchemy import Connection, func, not_, or_, select

from sisportal.models import Action, ActionState, ActionType, SisEnrollment, SisPerson, Verb
from sisportal.roster.records import Person
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
            SisPerson.connection_id == connection_id, SisPerson.source_id.in_(ids)
        )
        for source_id, role, payload in connection.execute(statement):
            person = msgspec.convert(payload, Person)
            label = ", ".join(name for name in (person.last_name, person.first_name) if name)
            found[source_id] = (label or source_id, role)
    return found


def undecided(connection: Connection, sync_id: int, source_ids: Iterable[str]) -> dict[str, str]:
    """Those whose own action of the sync is unticked or held, and its verb: a commit leaves their places as they are."""
    found: dict[str, str] = {}
    for ids in chunks(sorted(set(source_ids)), _AT_ONCE):
        statement = select(Action.source_id, Action.verb).where(
            Action.sync_id == sync_id,
            Action.source_id.in_(ids),
            Action.type.in_(_PEOPLE),
            Action.verb.in_([Verb.ADD, Verb.REACTIVATE, Verb.DELETE]),
            Action.state.in_([ActionState.PLANNED, ActionState.UNTICKED]),
            or_(not_(Action.ticked), Action.held != ""),
        )
        found.update((row[0], row[1]) for row in connection.execute(statement))
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
    connection: Connection, connection_id: int, sync_id: int, roster: dict[str, list[str]], part: str
) -> list[Member]:
    """Those who ``join`` or ``leave`` by a roster change, as planned."""
    source_ids = roster.get(part, [])
    unticked = set(roster.get("unticked", ()))
    known, own = names(connection, connection_id, source_ids), undecided(connection, sync_id, source_ids)
    return [
        Member(id_, *known.get(id_, (id_, "")), ticked=id_ not in unticked, own=own.get(id_, "")) for id_ in source_ids
    ]
