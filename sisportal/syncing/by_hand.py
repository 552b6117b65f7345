"""What people do by hand has in common: refusals in words, one person's change not over another's, a line in the audit log."""

import hashlib
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import Connection

from sisportal.syncing import notices
from sisportal.syncing.audit_events import Event
from sisportal.syncing.review import Who


class Invalid(Exception):
    """What was entered cannot be kept: ``errors`` says why, by field."""

    def __init__(self, errors: dict[str, str]) -> None:
        super().__init__(" ".join(errors.values()))
        self.errors = errors


class Refused(Exception):
    """It cannot be done as things stand; the sentence says why."""


class Changed(Exception):
    """Somebody, or a sync, changed the record after it was read: nothing is written."""


def mark(values: dict[str, Any]) -> str:
    """A short text that is another one as soon as any of the values is: what a form remembers of the record it shows."""
    return hashlib.sha256(msgspec.json.encode(values, order="deterministic")).hexdigest()[:24]


def check_mark(seen: str | None, values: dict[str, Any]) -> None:
    """Raise ``Changed`` where the values are no longer those that were seen; None sees whatever there is."""
    if seen is not None and seen != mark(values):
        raise Changed


def record(connection: Connection, event: Event, subject: str, who: Who, now: datetime, **details: Any) -> None:
    """A line of the audit log about what somebody did."""
    notices.record(connection, event, subject, now, actor=who.name, actor_id=who.id, address=who.address, **details)
