"""What of a sync is held, as its report tells it: what waits for a decision, and what each guard holds, with its list."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from flask import url_for
from sqlalchemy import Connection, select

from sisportal.models import AuditEvent, Mapping, SisSchool, Sync
from sisportal.roster.guards import Guard
from sisportal.roster.warning_texts import RELEASE
from sisportal.syncing.explaining import held_words
from sisportal.syncing.releasing import RELEASED, GuardHold, guard_holds
from sisportal.web.formats import plural

GUARDS = frozenset(str(guard) for guard in Guard)
_VERBS = {str(Guard.DELETES): "delete", str(Guard.IDS): "edit", str(Guard.CLASS): "edit", str(Guard.ID_NAMES): "edit"}
"""Of a guard of adds both adds and reactivations are held."""


@dataclass(frozen=True, slots=True)
class HeldRow:
    """What a guard holds of a type, as a row with its own number to type."""

    hold: GuardHold
    what: str
    why: str
    url: str
    """Of its list."""


def doubts(sync: Sync, types: dict[str, str]) -> list[tuple[str, str]]:
    """(how many of what, why) of what is held and no guard's."""
    return [
        (plural(held["count"], held["type"], types[held["type"]].lower()), _why_doubted(held))
        for held in sync.held
        if held["type"] in types and held["reason"] not in GUARDS
    ]


def guarded(connection: Connection, sync: Sync, types: dict[str, str]) -> list[HeldRow]:
    """What guards hold now, each with how much that is."""
    holds = guard_holds(connection, sync.id, sync.held) if sync.held else []
    schools = _schools(connection, sync) if any(hold.scope for hold in holds) else {}
    return [
        HeldRow(hold, _what(hold, types, schools), _why_guarded(hold), _list_url(sync.id, hold))
        for hold in holds
        if hold.type in types
    ]


@dataclass(frozen=True, slots=True)
class Release:
    """What somebody released from the guards."""

    what: str
    who: str
    at: datetime


def releases(connection: Connection, sync: Sync, types: dict[str, str]) -> list[Release]:
    """Who released what of a plan, the first one first; as long as the audit log keeps it."""
    if not sync.request.get(RELEASED):
        return []
    about = (AuditEvent.subject == f"sync {sync.id}", AuditEvent.event == "guards-released")
    rows = connection.execute(
        select(AuditEvent.details, AuditEvent.actor, AuditEvent.at).where(*about).order_by(AuditEvent.id)
    ).all()
    schools = _schools(connection, sync) if any("school" in row.details for row in rows) else {}
    return [Release(_released(row.details, types, schools), row.actor, row.at) for row in rows]


def _released(details: dict[str, Any], types: dict[str, str], schools: dict[str, str]) -> str:
    number, type_ = details["actions"], details.get("type", "")
    of = f" of {schools[details['school']]}" if details.get("school") in schools else ""
    return plural(number, type_, types[type_].lower()) + of if type_ in types else plural(number, "action")


def _what(hold: GuardHold, types: dict[str, str], schools: dict[str, str]) -> str:
    of = f" of {schools[hold.scope]}" if hold.scope in schools else ""
    return plural(hold.ticked + hold.unticked, hold.type, types[hold.type].lower()) + of


def _why_guarded(hold: GuardHold) -> str:
    """The numbers that tripped the guard, or why it holds; what to do with it is said once, for all."""
    words = held_words(hold.reason)
    told = hold.sentence if hold.sentence and hold.sentence != words else words
    return told.removesuffix(RELEASE).strip()


def _why_doubted(held: dict[str, Any]) -> str:
    told, words = held.get("sentence", ""), held_words(held["reason"])
    return f"{told} {words}" if told and told != words else words


def _list_url(sync_id: int, hold: GuardHold) -> str:
    asked: dict[str, Any] = {
        "type": hold.type,
        "verb": _VERBS.get(hold.reason, ""),
        "school": hold.scope,
        "held": "yes",
    }
    return url_for("sync_actions.actions", sync_id=sync_id, **{name: value for name, value in asked.items() if value})


def _schools(connection: Connection, sync: Sync) -> dict[str, str]:
    """The names of the schools that are synced, where there are several."""
    mapped = (SisSchool.connection_id == sync.connection_id, SisSchool.mapping == Mapping.MAPPED)
    rows = connection.execute(select(SisSchool.source_id, SisSchool.name).where(*mapped)).all()
    return {row[0]: row[1] or row[0] for row in rows} if len(rows) > 1 else {}
