"""A sync and its actions as JSON: what the command line prints (SPEC 10)."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, Row, select

from sisportal.models import Action, ActionType, SisConnection, Sync, SyncWarning, Verb
from sisportal.roster.catalogue import sentence
from sisportal.roster.records import Problem
from sisportal.syncing.review import ActionFilter, all_rows, counts, warnings_of
from sisportal.syncing.undo_found import undone_by


def sync_json(connection: Connection, sync_id: int) -> dict[str, Any] | None:
    """A sync with its counts and warnings; None where there is no such sync."""
    row = connection.execute(
        select(Sync.__table__, SisConnection.kind)
        .join(SisConnection, SisConnection.id == Sync.connection_id)
        .where(Sync.id == sync_id)
    ).one_or_none()
    if row is None:
        return None
    warnings = select(SyncWarning.__table__).where(SyncWarning.sync_id == sync_id).order_by(SyncWarning.id)
    return {
        "id": row.id,
        "connection": row.kind,
        "mode": row.mode,
        "state": row.state,
        "note": row.note,
        "started_at": _moment(row.started_at or row.created_at),
        "finished_at": _moment(row.finished_at or row.prepared_at),
        "counts": _short(counts(connection, sync_id)),
        "left_out": row.left_out,
        "kept_back": row.kept_back,
        "undoes": row.undoes_id,
        "undone_by": undone_by(connection, [sync_id]).get(sync_id),
        "withheld": row.withheld,
        "held": row.held,
        "warnings": [warning_json(warning) for warning in connection.execute(warnings)],
    }


def action_json(connection: Connection, sync_id: int, action_id: int) -> dict[str, Any] | None:
    """One action of a sync; None where the sync has no such action."""
    statement = select(Action.__table__).where(Action.sync_id == sync_id, Action.id == action_id)
    row = connection.execute(statement).one_or_none()
    return _action(row, warnings_of(connection, [row]).get(action_id, [])) if row is not None else None


def actions_json(connection: Connection, sync_id: int, chosen: ActionFilter) -> Iterator[dict[str, Any]]:
    """Every action of a sync that ``chosen`` finds; some hundred in memory at a time."""
    for rows in all_rows(connection, sync_id, chosen):
        warnings = warnings_of(connection, rows)
        for row in rows:
            yield _action(row, warnings.get(row.id, []))


def warning_json(row: Row[Any]) -> dict[str, Any]:
    """A row of the warnings table."""
    return {
        "code": row.code,
        "message": sentence(problem_of(row)),
        "type": row.type,
        "external_id": row.external_id,
        "action_id": row.action_id,
        "where": {"file": row.file, "line": row.line, "column": row.column},
    }


def problem_of(row: Row[Any]) -> Problem:
    """The problem that a row of the warnings table keeps."""
    return Problem(
        row.code, row.type, row.external_id, row.field, row.value, row.school, row.file, row.line, row.column
    )


def _action(row: Row[Any], warnings: list[Row[Any]]) -> dict[str, Any]:
    return {
        "id": row.id,
        "type": row.type,
        "verb": row.verb,
        "state": row.state,
        "ticked": row.ticked,
        "held": row.held,
        "external_id": row.source_id,
        "label": row.label,
        "before": row.before,
        "after": row.after,
        "roster": {"join": row.roster.get("join", []), "leave": row.roster.get("leave", [])},
        "evidence": row.evidence,
        "warnings": [warning_json(warning) | {"action_id": row.id} for warning in warnings],
    }


def _short(counted: dict[str, dict[str, dict[str, int]]]) -> dict[str, dict[str, dict[str, int]]]:
    """Every type and verb, zeros included, so that a script may ask for any of them."""
    return {
        str(type_): {
            str(verb): {
                name: counted.get(type_, {}).get(verb, {}).get(name, 0) for name in ("planned", "ticked", "applied")
            }
            for verb in Verb
        }
        for type_ in ActionType
    }


def _moment(moment: datetime | None) -> str | None:
    return None if moment is None else moment.astimezone(UTC).isoformat(timespec="seconds")
