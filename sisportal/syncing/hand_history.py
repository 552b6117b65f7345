"""What people did by hand to the account or class of an action, for the story that its page tells."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, Connection, and_, false, or_, select

from sisportal.models import Account, AuditEvent, HandEdit, RecordKind, SchoolClass
from sisportal.syncing.explaining import field_names

ARCHIVED = "archived"
_DONE = {
    "account-made": "made it by hand",
    "account-archived": "archived it by hand",
    "account-reactivated": "made it active again by hand",
}


class Deed(msgspec.Struct, frozen=True):
    """Something that a person did by hand."""

    at: datetime
    sentence: str


def deeds(connection: Connection, action: Any) -> list[Deed]:
    """What was done by hand to the account or class of an action, newest first: of each field the last edit."""
    if action.target_id is None or action.type == "organization":
        return []
    found = [*_edits(connection, action), *(_of_account(connection, action) if action.type != "section" else ())]
    return sorted(found, key=lambda each: each.at, reverse=True)


def _edits(connection: Connection, action: Any) -> Iterator[Deed]:
    is_class = action.type == "section"
    record = RecordKind.CLASS if is_class else RecordKind.ACCOUNT
    own = and_(HandEdit.record == record, HandEdit.record_id == action.target_id)
    places: ColumnElement[bool] = false() if is_class else HandEdit.member_id == action.target_id
    statement = (
        select(HandEdit.record, HandEdit.field, HandEdit.edited_at, HandEdit.editor, SchoolClass.name)
        .outerjoin(SchoolClass, and_(HandEdit.record == RecordKind.CLASS, SchoolClass.id == HandEdit.record_id))
        .where(or_(own, places))
    )
    together: dict[tuple[datetime, str], set[str]] = {}
    for row in connection.execute(statement):
        if row.record == RecordKind.CLASS and not is_class:
            yield Deed(row.edited_at, f"{row.editor or 'Somebody'} changed their place in {row.name} by hand.")
        elif is_class or row.field != ARCHIVED:  # of accounts the audit log says that, and which way it went
            together.setdefault((row.edited_at, row.editor), set()).add(row.field)
    for (at, editor), fields in together.items():
        yield Deed(at, f"{editor or 'Somebody'} changed by hand: {field_names(fields)}.")


def _of_account(connection: Connection, action: Any) -> Iterator[Deed]:
    username = select(Account.username).where(Account.id == action.target_id).scalar_subquery()
    columns = select(AuditEvent.at, AuditEvent.event, AuditEvent.actor)
    rows = connection.execute(columns.where(AuditEvent.subject == username, AuditEvent.event.in_(list(_DONE))))
    yield from (Deed(row.at, f"{row.actor} {_DONE[row.event]}.") for row in rows)
