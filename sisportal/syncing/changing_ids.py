"""Which ids would change by a plan: links that it gives another id, and doubts that say the same (SPEC 6.5)."""

from collections import Counter
from typing import Any

import msgspec
from sqlalchemy import Connection, Text, func, select, type_coerce

from sisportal.models import ActionState, Sync
from sisportal.roster.matching import Reason
from sisportal.syncing.actions import ACTIONS, IS_HELD
from sisportal.syncing.among import among
from sisportal.syncing.held import ACCOUNT_LINKS
from sisportal.syncing.releasing import RELEASED

Scope = tuple[str, str]
"""Type of action and ``source_id`` of the school."""
_PEOPLE = ("student", "teacher")
ANOTHER_ID = (str(Reason.LINKED_ELSEWHERE), str(Reason.LISTED_ANEW))
"""Why somebody is held whose account is linked to another id."""


class Changing(msgspec.Struct):
    """The ids of a plan that would change."""

    actions: dict[Scope, list[int]] = {}
    """Ids of the actions that are ticked and not held, and give a link another id, apart from those that were released."""
    released: Counter[Scope] = msgspec.field(default_factory=Counter)
    """How many of those that do were released by a person: they are judged with the others, and not held again."""
    doubts: Counter[Scope] = msgspec.field(default_factory=Counter)
    """How many people are held because the account that they may be is linked to another id."""

    @property
    def numbers(self) -> Counter[Scope]:
        """How many of all three there are."""
        return self.doubts + self.released + Counter({scope: len(ids) for scope, ids in self.actions.items()})


def read_changing(connection: Connection, sync_id: int) -> Changing:
    """What a plan says of ids, apart from what a change of the API's version explains (SPEC 10)."""
    found = Changing(doubts=_doubts(connection, sync_id))
    statement = select(
        ACTIONS.c.id, ACTIONS.c.type, ACTIONS.c.school, ACTIONS.c.before, ACTIONS.c.after, ACTIONS.c.evidence
    ).where(
        ACTIONS.c.sync_id == sync_id,
        ACTIONS.c.type.in_(_PEOPLE),
        ACTIONS.c.verb.in_(("edit", "reactivate")),
        ACTIONS.c.state == ActionState.PLANNED,
        ACTIONS.c.ticked,
        ACTIONS.c.held == "",
        type_coerce(ACTIONS.c.before, Text).like('%"identifiers"%'),
    )
    for row in connection.execute(statement).all():
        if row.evidence.get("rule") == "legacy-id" or not _changes(row.before, row.after):
            continue
        scope = (row.type, row.school)
        if RELEASED in row.evidence:
            found.released[scope] += 1
        else:
            found.actions.setdefault(scope, []).append(row.id)
    return found


def moving_ids(connection: Connection, sync_id: int) -> dict[str, str]:
    """The people whose link a plan gives another id, ticked and held or not: the id until now -> the one from then on."""
    statement = select(ACTIONS.c.source_id, ACTIONS.c.before).where(
        ACTIONS.c.sync_id == sync_id,
        ACTIONS.c.type.in_(_PEOPLE),
        ACTIONS.c.verb.in_(("edit", "reactivate")),
        ACTIONS.c.state == ActionState.PLANNED,
        type_coerce(ACTIONS.c.before, Text).like('%"identifiers"%'),
    )
    rows = connection.execute(statement).all()
    return {id_: row[0] for row in rows for id_ in row[1].get("identifiers", {}).values() if id_}


def likely_ids(connection: Connection, sync_id: int) -> dict[str, str]:
    """As ``moving_ids``, and of those held, too, where just one record of the plan may be an account and that one only."""
    statement = select(ACTIONS.c.source_id, ACTIONS.c.evidence).where(
        ACTIONS.c.sync_id == sync_id, IS_HELD, ACTIONS.c.held.in_(ANOTHER_ID), ACTIONS.c.type.in_(_PEOPLE)
    )
    asked = [(row[0], row[1].get("candidates", ())) for row in connection.execute(statement)]
    wanted = Counter(each["id"] for _, candidates in asked for each in candidates)
    one = {c[0]["id"]: source_id for source_id, c in asked if len(c) == 1 and wanted[c[0]["id"]] == 1}
    links = select(ACCOUNT_LINKS.c.source_id, ACCOUNT_LINKS.c.account_id).where(among(ACCOUNT_LINKS.c.account_id, one))
    of_it = ACCOUNT_LINKS.c.connection_id == select(Sync.connection_id).where(Sync.id == sync_id).scalar_subquery()
    found = {row[0]: one[row[1]] for row in connection.execute(links.where(of_it))} if one else {}
    return found | moving_ids(connection, sync_id)


def _changes(before: dict[str, Any], after: dict[str, Any]) -> bool:
    was, now = before.get("identifiers", {}), after.get("identifiers", {})
    return any(id_ and id_ != now.get(kind) for kind, id_ in was.items())


def _doubts(connection: Connection, sync_id: int) -> Counter[Scope]:
    about = (ACTIONS.c.sync_id == sync_id, IS_HELD, ACTIONS.c.held.in_(ANOTHER_ID))
    statement = select(ACTIONS.c.type, ACTIONS.c.school, func.count()).where(*about, ACTIONS.c.type.in_(_PEOPLE))
    rows = connection.execute(statement.group_by(ACTIONS.c.type, ACTIONS.c.school))
    return Counter({(row[0], row[1]): row[2] for row in rows})
