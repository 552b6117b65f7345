"""Prepare again, keep my ticks: decisions of an older plan, carried to the actions of a newer one that mean the same.

Match decisions need no carrying: they are remembered for ever. What the guards held and somebody released is held again,
for a release is for one plan only (SPEC 6.5).
"""

from typing import Any

import msgspec
from sqlalchemy import Connection, Row, Text, and_, exists, or_, select, type_coerce, update

from sisportal.models import ActionState, Sync
from sisportal.syncing.actions import ACTIONS
from sisportal.syncing.choosing import SAID, chosen_values

EXAMPLES = 20
GONE, OTHERWISE, AGAIN = "not-planned", "planned-otherwise", "changed-again"
"""Why a decision was not carried: the record has no action now, another one, or its values changed once more."""


class Lost(msgspec.Struct, frozen=True):
    """A decision that means something else now, and for a person to look at again."""

    label: str
    why: str


class Carried(msgspec.Struct, frozen=True):
    """What went over from the older plan."""

    older: int
    unticked: int = 0
    places: int = 0
    """Of single people in rosters."""
    chosen: int = 0
    """Of fields that were changed both here and in the SIS."""
    released: bool = False
    """Whether guards were released there, which does not go over."""
    lost: int = 0
    examples: list[Lost] = []
    """The first of what was lost."""


def carry_ticks(connection: Connection, older: int, newer: int) -> Carried:
    """Decide in the newer plan as people did in the older one: ticks of actions and of roster places, values chosen.

    An action means the same when it is about the same record, does the same and wants the same values; what it would
    change now may have become less or more in between, and then a person looks again.
    """
    unticked = _carry_ticks(connection, older, newer)
    places, lost_places = _carry_rosters(connection, older, newer)
    chosen, lost_values = _carry_values(connection, older, newer)
    lost = [*_lost_ticks(connection, older, newer), *lost_places, *lost_values]
    request: dict[str, Any] = connection.scalars(select(Sync.request).where(Sync.id == older)).one()
    released = bool(request.get("released"))
    return Carried(older, unticked, places, chosen, released, len(lost), lost[:EXAMPLES])


def _same(was: Any) -> Any:
    return and_(was.c.source_id == ACTIONS.c.source_id, was.c.type == ACTIONS.c.type)


def _unticked(was: Any, older: int) -> Any:
    decided = was.c.state.in_((ActionState.PLANNED, ActionState.UNTICKED))
    return and_(was.c.sync_id == older, was.c.ticked.is_(False), decided)


def _carry_ticks(connection: Connection, older: int, newer: int) -> int:
    was = ACTIONS.alias("was")
    alike = and_(_same(was), was.c.verb == ACTIONS.c.verb, was.c.after == ACTIONS.c.after)
    mine = (ACTIONS.c.sync_id == newer, exists().where(_unticked(was, older), alike))
    by = select(was.c.decided_by).where(_unticked(was, older), alike).limit(1).scalar_subquery()
    return connection.execute(update(ACTIONS).where(*mine).values(ticked=False, decided_by=by)).rowcount


def _lost_ticks(connection: Connection, older: int, newer: int) -> list[Lost]:
    """Unticked actions of the older plan whose record is not planned now, or otherwise."""
    was = ACTIONS.alias("was")
    now = select(ACTIONS.c.id).where(ACTIONS.c.sync_id == newer, _same(was))
    unticked = select(was.c.label, now.exists()).where(
        _unticked(was, older), ~now.where(ACTIONS.c.ticked.is_(False)).exists()
    )
    return [
        Lost(row[0], OTHERWISE if row[1] else GONE) for row in connection.execute(unticked.order_by(was.c.id)).all()
    ]


def _carry_rosters(connection: Connection, older: int, newer: int) -> tuple[int, list[Lost]]:
    """Places mean the same where the same person joins still, or leaves still."""
    columns = select(ACTIONS.c.source_id, ACTIONS.c.roster, ACTIONS.c.label, ACTIONS.c.id, ACTIONS.c.decided_by)
    sections = columns.where(ACTIONS.c.type == "section")
    taken_out = {
        row.source_id: (row, set(row.roster["unticked"]))
        for row in connection.execute(sections.where(ACTIONS.c.sync_id == older)).all()
        if row.roster.get("unticked")
    }
    carried = 0
    now = sections.where(ACTIONS.c.sync_id == newer, ACTIONS.c.source_id.in_(list(taken_out)))
    for row in connection.execute(now).all() if taken_out else ():
        roster: dict[str, Any] = row.roster
        was, wanted = taken_out[row.source_id]
        same = {each for part in ("join", "leave") for each in {*roster.get(part, ())} & {*was.roster.get(part, ())}}
        if still := sorted(same & wanted):
            values = {"roster": roster | {"unticked": still}, "decided_by": was.decided_by}
            connection.execute(update(ACTIONS).where(ACTIONS.c.id == row.id).values(values))
            carried += len(still)
            wanted.difference_update(still)
    return carried, [Lost(was.label, GONE) for was, rest in taken_out.values() for _ in sorted(rest)]


def _carry_values(connection: Connection, older: int, newer: int) -> tuple[int, list[Lost]]:
    """Values chosen of fields that were changed on both sides, where the three values are still the same.

    Of an action of which something is still to be said, what was said of some of its fields.
    """
    columns = select(ACTIONS).where(ACTIONS.c.type != "organization")
    evidence = type_coerce(ACTIONS.c.evidence, Text)
    of_some = or_(evidence.contains('"chosen"'), evidence.contains(f'"{SAID}"'))
    chosen = {
        (row.type, row.source_id): row
        for row in connection.execute(columns.where(ACTIONS.c.sync_id == older, of_some)).all()
        if (row.evidence.get("rule") == "chosen" or SAID in row.evidence) and row.state == ActionState.PLANNED
    }
    carried = 0
    held = columns.where(ACTIONS.c.sync_id == newer, ACTIONS.c.held == "changed-on-both")
    for row in connection.execute(held).all() if chosen else ():
        was = chosen.get((row.type, row.source_id))
        if was is not None and was.evidence["both"] == row.evidence.get("both"):
            values = _chosen_again(row, was) | {"decided_by": was.decided_by}
            connection.execute(update(ACTIONS).where(ACTIONS.c.id == row.id).values(values))
            del chosen[row.type, row.source_id]
            carried += 1
    return carried, [Lost(row.label, AGAIN) for row in chosen.values()]


def _chosen_again(row: Row[Any], was: Row[Any]) -> dict[str, Any]:
    """The columns of an action whose fields were chosen, all or some of them, in an older plan."""
    if SAID in was.evidence:
        return {"evidence": row.evidence | {SAID: was.evidence[SAID]}}
    return chosen_values(row, frozenset(was.evidence["sis"]))
