"""The pinned fields of one record, for its page: what the portal keeps, what the SIS says instead, and since when (SPEC 6.6)."""

from itertools import groupby
from typing import Any

from sqlalchemy import select

from sisportal.extensions import db
from sisportal.models import Pin, RecordKind, SisConnection
from sisportal.syncing.pin_words import Texts, named


def pinned_fields(record: RecordKind, record_id: int) -> list[tuple[str, Any, Texts]]:
    """(kind of the connection, pin, its texts) of every pinned field of an account or class."""
    statement = (
        select(SisConnection.kind, Pin)
        .join(SisConnection, SisConnection.id == Pin.connection_id)
        .where(Pin.record == record, Pin.record_id == record_id)
        .order_by(Pin.connection_id, Pin.field, Pin.member)
    )
    found: list[tuple[str, Any, Texts]] = []
    for kind, rows in groupby(db.session.execute(statement).all(), key=lambda row: str(row.kind)):
        pins = [row.Pin for row in rows]
        found += [(kind, pin, texts) for pin, texts in named(db.session.connection(), pins[0].connection_id, pins)]
    return found
