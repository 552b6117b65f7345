"""Warnings compared with the last sync of the connection: new, still there, mended. Kept with the warnings themselves.

A full sync looks at every record, so what it no longer finds is mended; a quick one looks at what changed, and tells of
its own warnings alone whether they are new.
"""

from collections.abc import Collection as Some
from typing import Any

import msgspec
from sqlalchemy import Connection, select, update

from sisportal.models import Sync, SyncMode, SyncWarning
from sisportal.roster.expected_values import MENDED_IN_SIS
from sisportal.roster.records import Collection, Seal
from sisportal.syncing.rows import chunks

_BY_VALUE = frozenset(
    {
        "unknown-person-in-section", "teacher-from-another-school", "broken-enrollment", "refused-row", "unknown-file",
        "later-file", "unknown-column", "missing-id", "bad-id", "duplicate-name",
    }
)  # fmt: skip
"""Of these a record may have several at once, which only their values tell apart."""
_COLLECTIONS = {
    "student": Collection.PEOPLE,
    "teacher": Collection.PEOPLE,
    "section": Collection.SECTIONS,
    "school": Collection.SCHOOLS,
    "term": Collection.TERMS,
    "course": Collection.COURSES,
}
_AT_ONCE = 1_000
Key = tuple[str, ...]


class Compared(msgspec.Struct, frozen=True):
    """How the warnings of a sync that are the SIS's to mend stand to those before."""

    before: int | None
    """The sync that they were compared with; None: there was none."""
    total: int = 0
    """How many there are now."""
    new: int = 0
    still: int = 0
    mended: int = 0


def compare_warnings(
    connection: Connection, sync_id: int, connection_id: int, mode: str, seals: Some[Seal]
) -> Compared:
    """Mark the warnings of a sync as new or not and, after a full one, those before it that are mended."""
    syncs = _before(connection, sync_id, connection_id)
    now = _warnings(connection, [sync_id])
    if not syncs:
        return Compared(None, len(now))
    known: dict[Key, int] = {_key(row): row.id for row in _warnings(connection, syncs)}  # the newest row of each
    keys = {_key(row) for row in now}
    new = [row.id for row in now if _key(row) not in known]
    _mark(connection, [row.id for row in now], is_new=False)
    _mark(connection, new, is_new=True)
    mended: list[int] = []
    if mode == SyncMode.FULL:
        unsure = {seal.collection for seal in seals if not seal.complete}
        mended = [id_ for key, id_ in known.items() if key not in keys and _COLLECTIONS.get(key[1]) not in unsure]
        _mark(connection, mended, mended_in=sync_id)
    return Compared(syncs[-1], len(now), len(new), len(now) - len(new), len(mended))


def _before(connection: Connection, sync_id: int, connection_id: int) -> list[int]:
    """The last full sync that was prepared, and every quick one since, oldest first."""
    prepared = (Sync.connection_id == connection_id, Sync.id < sync_id, Sync.prepared_at.is_not(None))
    full = select(Sync.id).where(*prepared, Sync.mode == SyncMode.FULL).order_by(Sync.id.desc()).limit(1)
    last = connection.scalar(full)
    if last is None:
        return []
    since = select(Sync.id).where(*prepared, Sync.id >= last, Sync.mode.in_((SyncMode.FULL, SyncMode.QUICK)))
    return list(connection.scalars(since.order_by(Sync.id)))


def _warnings(connection: Connection, sync_ids: list[int]) -> list[Any]:
    columns = (SyncWarning.id, SyncWarning.code, SyncWarning.type, SyncWarning.external_id, SyncWarning.field)
    statement = select(*columns, SyncWarning.value).where(
        SyncWarning.sync_id.in_(sync_ids), SyncWarning.code.in_(MENDED_IN_SIS), SyncWarning.stage == "prepare"
    )
    return list(connection.execute(statement.order_by(SyncWarning.id)))


def _key(row: Any) -> Key:
    """What makes two warnings one: about the same field of the same record, whatever it says now."""
    return (row.code, row.type, row.external_id, row.field, row.value if row.code in _BY_VALUE else "")


def _mark(connection: Connection, ids: list[int], **values: Any) -> None:
    for some in chunks(ids, _AT_ONCE):
        connection.execute(update(SyncWarning).where(SyncWarning.id.in_(some)).values(**values))
