"""Lines of the audit log that grow: what one person does many times over in a row is one of them."""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, select, update

from sisportal.models import AuditEvent
from sisportal.syncing.audit_events import Event
from sisportal.syncing.notices import record

SUMMED_WITHIN = timedelta(minutes=10)
"""Ticks of one person in one sync are one line for as long as they follow each other so closely."""
NAMED = 20


def record_summed(
    connection: Connection,
    event: Event,
    subject: str,
    now: datetime,
    *,
    actor: str,
    actor_id: int | None,
    address: str,
    **details: Any,
) -> None:
    """As ``record``, but what one person does many times over in a row is added to the line before.

    ``{"times": 3, "label": ["Abel, Mia", ...]}``: numbers are added up, of other values the first ``NAMED`` are kept. A
    line that somebody else's stands behind is never written to again.
    """
    newest = select(AuditEvent.__table__).order_by(AuditEvent.id.desc()).limit(1)
    last = connection.execute(newest).one_or_none()
    same = last is not None and (last.event, last.subject, last.actor, last.address) == (event, subject, actor, address)
    if last is None or not same or now - last.at > SUMMED_WITHIN or _shape(last.details) != _shape(details):
        record(connection, event, subject, now, actor=actor, actor_id=actor_id, address=address, **details)
        return
    summed = _summed(last.details, details)
    connection.execute(update(AuditEvent).where(AuditEvent.id == last.id).values(at=now, details=summed))


def _shape(details: dict[str, Any]) -> set[str]:
    """What a line tells, but for what only one or only several of them have: single ticks are not added to *all that match*."""
    return details.keys() - {"times", "action"}


def _summed(before: dict[str, Any], more: dict[str, Any]) -> dict[str, Any]:
    """Both details in one; ``action`` is an id, and none of several is told."""
    summed: dict[str, Any] = {"times": before.get("times", 1) + 1}
    for name in dict.fromkeys((*before, *more)):
        one, other = before.get(name), more.get(name)
        if name in {"times", "action"}:
            continue
        if isinstance(one, int) or isinstance(other, int):
            summed[name] = (one or 0) + (other or 0)
        else:
            listed = [*(one if isinstance(one, list) else [one]), other]
            summed[name] = [value for value in listed if value is not None][:NAMED]
    return summed
