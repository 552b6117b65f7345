"""Who is told what: notifications with a link to where it is seen, and the audit log."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, insert, select, update

from sisportal.models import Account, AccountRole, AuditEvent, NoticeKind, Notification
from sisportal.syncing import concerned, outbox
from sisportal.syncing.audit_events import Event

SCHEDULE = "schedule"
"""Who did it, in the audit log, where nobody did: the portal by itself."""
Told = Mapping[int, tuple[str, str]]
"""Account -> the sentence that its person reads, and the path that it leads to."""


def notify(
    connection: Connection, sync_id: int | None, kind: NoticeKind, text: str, now: datetime, *, link: str = ""
) -> None:
    """Tell those concerned what happened (SPEC 2.5): of which kind, a sentence, and a path, else the sync's report.

    Every active administrator; of organization administrators those of whose organizations the sync has something to
    say, in words about these alone and with a link to them.
    """
    link = link or (f"/syncs/{sync_id}" if sync_id else "")
    administrators = select(Account.id).where(Account.role == AccountRole.ADMINISTRATOR, Account.archived_at.is_(None))
    told = dict.fromkeys(connection.scalars(administrators), (text, link))
    if sync_id is not None:
        told |= concerned.organization_administrators(connection, sync_id, kind)
    if sync_id is not None and kind in {NoticeKind.COMMITTED, NoticeKind.UNDONE}:
        stop_asking(connection, sync_id, now)
    write_notifications(connection, sync_id, kind, told, now)


def stop_asking(connection: Connection, sync_id: int, now: datetime) -> None:
    """Count as read what asked for a review of this sync: it is committed or discarded, and nobody is to review it any more."""
    asked = update(Notification).where(Notification.sync_id == sync_id, Notification.read_at.is_(None))
    connection.execute(asked.where(Notification.kind.in_([NoticeKind.PREPARED, NoticeKind.HELD])).values(read_at=now))


def write_notifications(
    connection: Connection, sync_id: int | None, kind: NoticeKind, told: Told, now: datetime
) -> None:
    """Write a notification for each of these people: the one place where any is written."""
    rows = [
        {"account_id": id_, "sync_id": sync_id, "kind": kind, "text": text, "link": link, "created_at": now}
        for id_, (text, link) in told.items()
    ]
    if rows:
        connection.execute(insert(Notification), rows)
        outbox.put_copies(connection, sync_id, kind, told, now)


def record(
    connection: Connection,
    event: Event,
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
