"""Deletes that wait for a doubt: whom a record with a new id may be is not archived before a person has said (SPEC 6.3).

A SIS that makes its records anew lists the same person under another id. The new record is held, and so is the delete of
the account that had the old one.
"""

from collections.abc import Iterable
from typing import Any

from sqlalchemy import Connection, Row, select, update

from sisportal.models import ActionState
from sisportal.roster.matching import Match, Outcome
from sisportal.roster.planning import Planned
from sisportal.syncing.actions import ACTIONS, IS_HELD

DOUBTED = "doubted-delete"
"""Why such a delete is held. No guard: a release leaves it as it is, and what a person says of the record frees it."""


class Doubts:
    """Accounts, or classes, and the records without a link that may be them."""

    def __init__(self) -> None:
        self._records: dict[int, list[dict[str, str]]] = {}

    def note(self, match: Match, source_id: str, label: str) -> None:
        """Take the match of one record, held or decided: a person's word may stand although the record is not planned now."""
        if match.outcome is Outcome.HELD or match.decided:
            for target in match.candidates:
                self._records.setdefault(target, []).append(_record(source_id, label))

    def hold(self, planned: Planned) -> Planned:
        """The delete, held where its account or class may be a record that is listed."""
        records = self._records.get(planned.target_id or 0)
        if records:
            planned.held, planned.evidence = DOUBTED, _evidence(records)
        return planned


def judge_delete(connection: Connection, sync_id: int, action: Row[Any], planned: Planned) -> None:
    """Hold, or free, the deletes of those whom a record could be, now that a person said something of it.

    ``action``: the record's action as it was; ``planned``: as it is now.
    """
    now = _candidates(planned.evidence) if planned.held else set()
    types = ("section",) if action.type == "section" else ("student", "teacher")
    deletes = select(ACTIONS.c.id, ACTIONS.c.target_id, ACTIONS.c.held, ACTIONS.c.evidence).where(
        ACTIONS.c.sync_id == sync_id,
        ACTIONS.c.verb == "delete",
        ACTIONS.c.type.in_(types),
        ACTIONS.c.state == ActionState.PLANNED,
        ACTIONS.c.target_id.in_(now | _candidates(action.evidence)),
    )
    for row in connection.execute(deletes).all():
        records = [each for each in row.evidence.get("records", ()) if each["source_id"] != action.source_id]
        if row.target_id in now:
            records.append(_record(action.source_id, planned.label))
        if records or row.held == DOUBTED:
            values = {"held": DOUBTED if records else "", "evidence": _evidence(records) if records else {}}
            connection.execute(update(ACTIONS).where(ACTIONS.c.id == row.id).values(values))


def doubt_about(connection: Connection, delete: Row[Any]) -> int | None:
    """The held action of the first record that a delete waits for; None where the plan has none."""
    ids = [each["source_id"] for each in delete.evidence.get("records", ())] if delete.held == DOUBTED else []
    statement = select(ACTIONS.c.id).where(
        ACTIONS.c.sync_id == delete.sync_id,
        ACTIONS.c.source_id.in_(ids),
        IS_HELD,
        ACTIONS.c.verb != "delete",
        (ACTIONS.c.type == "section") == (delete.type == "section"),
    )
    return connection.scalar(statement.order_by(ACTIONS.c.id).limit(1)) if ids else None


def _candidates(evidence: dict[str, Any]) -> set[int]:
    return {each["id"] for each in evidence.get("candidates", ())}


def _evidence(records: Iterable[dict[str, str]]) -> dict[str, Any]:
    return {"rule": "doubted", "records": list(records)}


def _record(source_id: str, label: str) -> dict[str, str]:
    return {"source_id": source_id, "label": label}
