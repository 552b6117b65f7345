"""What the mirror holds, for providers that list changes only: a change says nothing about the rest of its record."""

from collections.abc import Mapping, Sequence
from typing import TypeVar

import msgspec
from sqlalchemy import Engine, Table, Text, select, type_coerce

from sisportal.roster.records import Collection, Person, Section, Term
from sisportal.syncing.mirror import PEOPLE, REFERENCES, SECTIONS
from sisportal.syncing.rows import chunks

R = TypeVar("R", Person, Section)
_AT_ONCE = 1_000


class Recalled:
    """The mirror of one connection, as ``Held`` wants it."""

    def __init__(self, engine: Engine, connection_id: int) -> None:
        self._engine, self._connection_id = engine, connection_id

    def people(self, ids: Sequence[str]) -> Mapping[str, Person]:
        """See ``Held.people``."""
        return self._records(PEOPLE, ids, msgspec.json.Decoder(Person))

    def sections(self, ids: Sequence[str]) -> Mapping[str, Section]:
        """See ``Held.sections``."""
        return self._records(SECTIONS, ids, msgspec.json.Decoder(Section))

    def terms(self) -> Mapping[str, Term]:
        """See ``Held.terms``."""
        decode = msgspec.json.Decoder(Term).decode
        statement = select(REFERENCES.c.source_id, type_coerce(REFERENCES.c.payload, Text)).where(
            REFERENCES.c.connection_id == self._connection_id, REFERENCES.c.collection == Collection.TERMS
        )
        with self._engine.connect() as connection:
            return {source_id: decode(payload) for source_id, payload in connection.execute(statement)}

    def _records(self, table: Table, ids: Sequence[str], decoder: msgspec.json.Decoder[R]) -> dict[str, R]:
        statement = select(table.c.source_id, type_coerce(table.c.payload, Text)).where(
            table.c.connection_id == self._connection_id, table.c.gone_in_sync.is_(None)
        )
        found: dict[str, R] = {}
        with self._engine.connect() as connection:
            for some in chunks(ids, _AT_ONCE):
                rows = connection.execute(statement.where(table.c.source_id.in_(some)))
                found.update((source_id, decoder.decode(payload)) for source_id, payload in rows)
        return found
