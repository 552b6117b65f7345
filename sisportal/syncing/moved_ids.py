"""Links that were given other ids: what names people and classes by their ids is kept in step (SPEC 3.3, 6.3, 7)."""

from typing import Any

from sqlalchemy import ColumnElement, Connection, Text, select, type_coerce

from sisportal.models import ActionState, Sync
from sisportal.roster.fields import Values
from sisportal.syncing.actions import ACTIONS
from sisportal.syncing.held import CLASS_LINKS, decode_values
from sisportal.syncing.outcomes import Ledger
from sisportal.syncing.rows import Row, json_text, update_rows
from sisportal.syncing.undo_found import COMMITTED

PEOPLE = ("student", "teacher")
SECTIONS = ("section",)
_MOVING = ("edit", "reactivate", "delete")
"""No add: the index spares whoever looks through a first sync its actions."""
_LINKS_AT_ONCE = 2_000


def moved_by(connection: Connection, sync_id: int, kind: str, types: tuple[str, ...]) -> dict[str, str]:
    """The ids of links that actions of this sync moved so far, of these types: old -> new."""
    return next(iter(_moves(connection, kind, types, ACTIONS.c.sync_id == sync_id)), {})


def moved_since(connection: Connection, sync_id: int, kind: str, types: tuple[str, ...]) -> dict[str, str]:
    """The ids that records had when a sync was committed, of those that later ones moved -> their ids of now."""
    this = select(Sync.connection_id, Sync.finished_at).where(Sync.id == sync_id).subquery()
    later = select(Sync.id).where(
        Sync.id != sync_id, Sync.state.in_(COMMITTED), Sync.connection_id == this.c.connection_id,
        Sync.finished_at >= this.c.finished_at,
    )  # fmt: skip
    found: dict[str, str] = {}
    for moves in _moves(connection, kind, types, ACTIONS.c.sync_id.in_(later)):
        found = moves | {was: moves.get(now, now) for was, now in found.items()}
    return {was: now for was, now in found.items() if was != now}


def renamed(written: Values, ids: dict[str, str]) -> Values:
    """What was last written of a class, its people by their ids of now."""
    if not ids:
        return written
    lists = {name: [ids.get(id_, id_) for id_ in written[name]] for name in ("teachers", "students") if name in written}
    return written | lists


def move_rosters(ledger: Ledger, connection_id: int, kind: str) -> None:
    """Write the ids of links that this sync moved into what was last written of the classes; again after a crash."""
    with ledger.transaction() as connection:
        ids = moved_by(connection, ledger.sync_id, kind, PEOPLE)
    last = ""
    while ids:
        statement = (
            select(CLASS_LINKS.c.source_id, type_coerce(CLASS_LINKS.c.written, Text))
            .where(CLASS_LINKS.c.connection_id == connection_id, CLASS_LINKS.c.source_id > last)
            .order_by(CLASS_LINKS.c.source_id)
            .limit(_LINKS_AT_ONCE)
        )
        with ledger.transaction() as connection:
            links = connection.execute(statement).all()
            if not links:
                return
            rows: list[Row] = []
            for source_id, text in links:
                written = decode_values(text)
                now = renamed(written, ids)
                if now != written:
                    rows.append((json_text(now), connection_id, source_id))
            update_rows(connection, CLASS_LINKS, ("written",), ("connection_id", "source_id"), rows)
        last = links[-1][0]


def _moves(
    connection: Connection, kind: str, types: tuple[str, ...], which: ColumnElement[bool]
) -> list[dict[str, str]]:
    """The links that each sync moved, old -> new, in the order in which those were committed."""
    statement = (
        select(ACTIONS.c.sync_id, ACTIONS.c.before, ACTIONS.c.after)
        .join(Sync, Sync.id == ACTIONS.c.sync_id)
        .where(
            which,
            ACTIONS.c.state.in_((ActionState.APPLIED, ActionState.ALREADY_SO)),
            ACTIONS.c.type.in_(types),
            ACTIONS.c.verb.in_(_MOVING),
            type_coerce(ACTIONS.c.before, Text).like('%"identifiers"%'),
        )
        .order_by(Sync.finished_at, Sync.id)
    )
    found: dict[int, dict[str, str]] = {}
    for sync_id, before, after in connection.execute(statement):
        was, now = _id(before, kind), _id(after, kind)
        if was and now:
            found.setdefault(sync_id, {})[was] = now
    return list(found.values())


def _id(values: dict[str, Any], kind: str) -> str:
    return str(values.get("identifiers", {}).get(kind, ""))
