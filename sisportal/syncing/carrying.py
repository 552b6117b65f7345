"""Prepare again, keep my ticks: decisions of an older plan, carried to the actions of a newer one that mean the same."""

from typing import Any

from sqlalchemy import Connection, and_, exists, select, update

from sisportal.syncing.actions import ACTIONS


def carry_ticks(connection: Connection, older: int, newer: int) -> None:
    """Untick in the newer plan what people unticked in the older one, actions and single roster places alike.

    An action means the same when it is about the same record, does the same and wants the same values; what it would
    change now may have become less or more in between, and then a person looks again.
    """
    was = ACTIONS.alias("was")
    same = and_(
        was.c.sync_id == older,
        was.c.source_id == ACTIONS.c.source_id,
        was.c.type == ACTIONS.c.type,
        was.c.verb == ACTIONS.c.verb,
        was.c.after == ACTIONS.c.after,
    )
    unticked = exists().where(same, was.c.ticked.is_(False))
    connection.execute(update(ACTIONS).where(ACTIONS.c.sync_id == newer, unticked).values(ticked=False))
    _carry_rosters(connection, older, newer)


def _carry_rosters(connection: Connection, older: int, newer: int) -> None:
    columns = select(ACTIONS.c.source_id, ACTIONS.c.roster, ACTIONS.c.id)
    sections = columns.where(ACTIONS.c.type == "section")
    taken_out: dict[str, set[str]] = {
        row.source_id: set(row.roster["unticked"])
        for row in connection.execute(sections.where(ACTIONS.c.sync_id == older)).all()
        if row.roster.get("unticked")
    }
    if not taken_out:
        return
    now = sections.where(ACTIONS.c.sync_id == newer, ACTIONS.c.source_id.in_(list(taken_out)))
    for row in connection.execute(now).all():
        roster: dict[str, Any] = row.roster
        places = {*roster.get("join", ()), *roster.get("leave", ())}
        if still := sorted(places & taken_out[row.source_id]):
            values = {"roster": roster | {"unticked": still}}
            connection.execute(update(ACTIONS).where(ACTIONS.c.id == row.id).values(values))
