"""What the mirror knows of one collection during a fetch: ids and fingerprints, never the records."""

from collections.abc import Iterable

import msgspec
from sqlalchemy import Connection, Table, select

from sisportal.syncing.among import among
from sisportal.syncing.rows import Row, chunks, insert_rows, read, reserve_ids, update_rows
from sisportal.syncing.unindexed import unindexed


class Changes(msgspec.Struct):
    """What a batch means for the mirror: rows to insert, rows to rewrite. Each begins with ``source_id``, or id."""

    added: list[list[object]] = []
    changed: list[list[object]] = []

    def __bool__(self) -> bool:
        return bool(self.added or self.changed)


class Known:
    """The records of one collection of one connection."""

    def __init__(self, table: Table, connection_id: int, *, partial: bool = False) -> None:
        """``partial``: batches name only what changed. Then nothing is known before ``recall``."""
        self._table, self._connection_id, self.is_partial = table, connection_id, partial
        self.before: dict[str, tuple[int, int, bool]] = {}
        """``source_id`` -> (id, fingerprint, gone), as the mirror had it, of whatever this fetch has not listed so far."""
        self.listed: dict[str, int] = {}
        """``source_id`` -> id of what it has; the id of a new row is 0 until it is written."""

    def __len__(self) -> int:
        return len(self.listed) + len(self.before)

    def __contains__(self, source_id: str) -> bool:
        return source_id in self.listed or source_id in self.before

    def read(self, connection: Connection, *, stale: bool) -> None:
        """Learn all that the mirror has.

        Of a ``stale`` one (another mapping of schools) no fingerprint counts, so that every row is written again.
        """
        table, self.listed = self._table, {}
        statement = select(table.c.source_id, table.c.id, table.c.fingerprint, table.c.gone_in_sync)
        mine = unindexed(table.c.connection_id) == self._connection_id
        self.before = {
            source_id: (id_, 0 if stale else mark, gone is not None)
            for source_id, id_, mark, gone in read(connection, statement.where(mine))
        }

    def take_as_listed(self) -> None:
        """Take whatever is not gone as listed: of a fetch that reads other collections only."""
        self.listed = {source_id: id_ for source_id, (id_, _, gone) in self.before.items() if not gone}
        self.before = {}

    def recall(self, connection: Connection, source_ids: Iterable[str]) -> None:
        """Learn what the mirror has of some records, as if this fetch had not listed them."""
        table = self._table
        statement = select(table.c.source_id, table.c.id, table.c.fingerprint, table.c.gone_in_sync).where(
            table.c.connection_id == self._connection_id
        )
        for ids in chunks(source_ids, 5_000):
            for source_id, id_, mark, gone in connection.execute(statement.where(among(table.c.source_id, ids))).all():
                self.listed.pop(source_id, None)
                self.before[source_id] = (id_, mark, gone is not None)

    def forget(self, source_ids: Iterable[str]) -> None:
        """Know nothing of these any more."""
        for source_id in source_ids:
            self.listed.pop(source_id, None)
            self.before.pop(source_id, None)

    def compare(self, source_id: str, mark: int, changes: Changes) -> list[object] | None:
        """Note that the fetch listed a record; a row to fill in where it has to be written, else None.

        A row that is listed twice is written once: the provider warns of repeated rows.
        """
        was = self.before.pop(source_id, None)
        if was is None:
            if source_id in self.listed:
                return None
            row: list[object] = [source_id]
            changes.added.append(row)
            self.listed[source_id] = 0
            return row
        self.listed[source_id] = was[0]
        if was[1] == mark and not was[2]:
            return None
        row = [was[0]]
        changes.changed.append(row)
        return row

    def write(self, connection: Connection, changes: Changes, columns: tuple[str, ...]) -> None:
        """Write the rows, and note the ids of the new ones."""
        first = reserve_ids(connection, self._table, len(changes.added)) if changes.added else 0
        rows: list[Row] = []
        for number, row in enumerate(changes.added, first):
            self.listed[str(row[0])] = number
            rows.append((number, self._connection_id, *row))
        insert_rows(connection, self._table, ("id", "connection_id", "source_id", *columns), rows)
        update_rows(connection, self._table, columns, ("id",), [(*row[1:], row[0]) for row in changes.changed])

    def vanished(self) -> list[int]:
        """The ids of whatever was there and is not listed any more."""
        return [id_ for id_, _, gone in self.before.values() if not gone]

    def was_listed(self, source_id: str) -> bool:
        """Whether it was there and is not listed, so far."""
        return source_id in self.before and not self.before[source_id][2]

    def ids(self, source_ids: Iterable[str]) -> set[int]:
        """The ids of those that are or were there."""
        listed, before = self.listed, self.before
        return {
            listed[each] if each in listed else before[each][0]
            for each in source_ids
            if each in listed or each in before
        }

    def listed_ids(self, source_ids: Iterable[str]) -> set[int]:
        """The ids of those that the SIS lists: in this fetch, or, of a partial collection, as far as the mirror knows."""
        listed, before = self.listed, self.before
        ids = {listed[each] for each in source_ids if each in listed}
        if self.is_partial:
            ids |= {before[each][0] for each in source_ids if each in before and not before[each][2]}
        return ids

    def unlisted(self, source_ids: Iterable[str]) -> list[str]:
        """Those that the SIS does not list, as ``listed_ids`` takes it."""
        listed = self.listed
        missing = [each for each in source_ids if each not in listed]
        return [each for each in missing if not self.was_listed(each)] if missing and self.is_partial else missing
