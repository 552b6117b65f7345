"""Who is told what: notifications with a link to the report, and the audit log."""

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, insert, select

from sisportal.models import Account, AccountRole, AuditEvent, Notification


def notify(connection: Connection, sync_id: int | None, kind: str, text: str, now: datetime) -> None:
    """Tell every active administrator (SPEC 2.5)."""
    administrators = select(Account.id).where(Account.role == AccountRole.ADMINISTRATOR, Account.archived_at.is_(None))
    rows = [
        {"account_id": id_, "sync_id": sync_id, "kind": kind, "text": text, "created_at": now}
        for id_ in connection.scalars(administrators)
    ]
    if rows:
        connection.execute(insert(Notification), rows)


def record(
    connection: Connection,
    event: str,
    subject: str,
    now: datetime,
    *,
    actor: str,
    actor_id: int | None = None,
    address: str = "",
    **details: Any,
) -> None:
    """Write a line of the audit log. ``details`` are for reading: never a secret value."""
    values = {
        "at": now,
        "actor_id": actor_id,
        "actor": actor,
        "event": event,
        "subject": subject,
        "details": details,
        "address": address,
    }
    connection.execute(insert(AuditEvent), [values])
