"""The guard of single classes on a stored plan: one that loses too many of its students at once is held (SPEC 6.5)."""

from typing import Any

from sqlalchemy import Connection, Text, and_, or_, select, type_coerce

from sisportal.models import ActionState
from sisportal.roster.guards import Guard, GuardedAction, Hold, class_hold
from sisportal.roster.options import Options
from sisportal.syncing.actions import ACTIONS, IS_HELD
from sisportal.syncing.changing_ids import moving_ids
from sisportal.syncing.held import CLASS_LINKS
from sisportal.syncing.releasing import RELEASED
from sisportal.syncing.rows import json_text, update_rows


def judge_classes(
    connection: Connection, sync_id: int, connection_id: int, options: Options, *, again: bool = False
) -> None:
    """Free the held classes that lose few enough of their students by what is ticked of their rosters now.

    ``again``, at a commit: hold those, too, that lose too many since somebody ticked more of the leavers, unless they were
    released. Who leaves under one id and joins under another is lost by nobody: where that new id is not applied, they
    stay (``rosters``).
    """
    rows = connection.execute(_classes(sync_id, connection_id, again=again)).all()
    now = moving_ids(connection, sync_id) if rows else {}
    judged = []
    for action_id, was, roster, evidence, written in rows:
        hold = class_hold(_guarded(action_id, roster, written, now), options)
        held = str(Guard.CLASS) if hold and RELEASED not in evidence else ""
        if held != was:
            judged.append((held, json_text(_with_sentence(evidence, hold)), action_id))
    update_rows(connection, ACTIONS, ("held", "evidence"), ("id",), judged)


def _classes(sync_id: int, connection_id: int, *, again: bool) -> Any:
    link = and_(CLASS_LINKS.c.connection_id == connection_id, CLASS_LINKS.c.source_id == ACTIONS.c.source_id)
    which = and_(IS_HELD, ACTIONS.c.held == str(Guard.CLASS))
    if again:
        loses = type_coerce(ACTIONS.c.roster, Text).contains('"leave"')
        which = or_(which, and_(ACTIONS.c.held == "", ACTIONS.c.verb == "edit", ACTIONS.c.ticked, loses))
    return (
        select(ACTIONS.c.id, ACTIONS.c.held, ACTIONS.c.roster, ACTIONS.c.evidence, CLASS_LINKS.c.written)
        .join(CLASS_LINKS, link)
        .where(ACTIONS.c.sync_id == sync_id, ACTIONS.c.type == "section", ACTIONS.c.state == ActionState.PLANNED, which)
    )


def _guarded(action_id: int, roster: dict[str, Any], written: dict[str, Any], now: dict[str, str]) -> GuardedAction:
    students, joining = set(written.get("students", ())), set(roster.get("join", ()))
    leaving = students & set(roster.get("leave", ())) - set(roster.get("unticked", ()))
    leaving = {source_id for source_id in leaving if now.get(source_id) not in joining}
    return GuardedAction(action_id, "section", "edit", students=len(students), leaving=len(leaving))


def _with_sentence(evidence: dict[str, Any], hold: Hold | None) -> dict[str, Any]:
    """The evidence of an action with the numbers of its hold, where nothing else is told there."""
    if evidence.get("rule", "guard") != "guard":
        return evidence
    kept = {name: value for name, value in evidence.items() if name not in {"rule", "sentence"}}
    return kept | ({"rule": "guard", "sentence": hold.reason} if hold else {})
