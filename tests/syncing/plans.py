"""Plans for tests of what is done with them: a connection, a prepared sync and some actions, straight into the tables."""

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Engine, insert, select

from sisportal.models import Action, AuditEvent, Mapping, SisConnection, SisSchool, Sync, SyncState, SyncWarning
from sisportal.models.database import writing
from sisportal.roster.options import defaults
from sisportal.syncing.connections import options_to_store

NOW = datetime(2026, 11, 3, 13, 5, tzinfo=UTC)


def make_connection(engine: Engine, **values: Any) -> int:
    """A Clever connection with one chosen school, ``north``."""
    given = {
        "kind": "clever",
        "enabled": True,
        "settings": {"base_url": "http://127.0.0.1:9"},
        "options": options_to_store(defaults()),
        "district": {"id": "d1", "name": "Lincoln Unified", "state": "running"},
        "created_at": NOW,
        "updated_at": NOW,
        **values,
    }
    with writing(engine).begin() as connection:
        made = connection.execute(insert(SisConnection).values(given)).inserted_primary_key
        assert made
        school = {"connection_id": made[0], "source_id": "north", "payload": {}, "name": "Northside", "sis_id": "N"}
        connection.execute(insert(SisSchool), [school | {"mapping": Mapping.MAPPED}])
        return int(made[0])


def action(label: str = "Abara, Mia", **values: Any) -> dict[str, Any]:
    """A planned add of a student, or whatever ``values`` make of it."""
    given: dict[str, Any] = {
        "type": "student",
        "verb": "add",
        "source_id": label.lower(),
        "school": "north",
        "label": label,
    }
    given |= {"search": label.lower(), "before": {}, "after": {"last_name": label}, "roster": {}, "evidence": {}}
    return given | {"ticked": True, "held": "", "state": "planned"} | values


def make_sync(engine: Engine, connection_id: int, actions: Sequence[dict[str, Any]] = (), **values: Any) -> int:
    """A prepared sync with these actions, counted as a prepare counts them."""
    planned = Counter((each["type"], each["verb"]) for each in actions)
    counts: dict[str, dict[str, dict[str, int]]] = {}
    for (type_, verb), number in planned.items():
        counts.setdefault(type_, {})[verb] = {"planned": number}
    given = {"connection_id": connection_id, "mode": "full", "state": SyncState.PREPARED, "counts": counts}
    given |= {"created_at": NOW, "started_at": NOW, "prepared_at": NOW, "options_version": 1}
    with writing(engine).begin() as connection:
        made = connection.execute(insert(Sync).values(given | values)).inserted_primary_key
        assert made
        if actions:
            connection.execute(insert(Action), [{"sync_id": made[0], **each} for each in actions])
        return int(made[0])


def warn(engine: Engine, sync_id: int, action_id: int | None, code: str = "malformed-email", **values: Any) -> None:
    """A warning of a sync."""
    given = {"sync_id": sync_id, "action_id": action_id, "code": code, "type": "student", "external_id": "abara, mia"}
    with writing(engine).begin() as connection:
        connection.execute(insert(SyncWarning), [given | values])


def ids_of(engine: Engine, sync_id: int, *labels: str) -> list[int]:
    """Ids of the actions with these labels, in their order; of all where none is given."""
    with engine.connect() as connection:
        rows = connection.execute(select(Action.label, Action.id).where(Action.sync_id == sync_id).order_by(Action.id))
        found = {row.label: row.id for row in rows}
    return [found[label] for label in labels or found]


def unticked(engine: Engine, sync_id: int) -> set[str]:
    """Labels of the actions that are unticked."""
    with engine.connect() as connection:
        rows = connection.execute(select(Action.label, Action.ticked).where(Action.sync_id == sync_id))
        return {row.label for row in rows if not row.ticked}


def audited(engine: Engine) -> Iterable[tuple[str, str, dict[str, Any]]]:
    """(actor, event, details) of the audit log, oldest first."""
    with engine.connect() as connection:
        rows = connection.execute(select(AuditEvent.__table__).order_by(AuditEvent.id))
        return [(row.actor, row.event, row.details) for row in rows]
