"""One person whom a OneRoster source lists as several users, one for each school: one record, of the first of them.

Told by role, number and name together; a number alone may be a mistake. The provider warns of every number that comes twice.
The others are kept as references of the mirror, so that changes that name them can be understood.
"""

from typing import cast

import msgspec
from sqlalchemy import Engine, Table, Text, delete, select, type_coerce

from sisportal.models import SisPerson, SisReference
from sisportal.models.database import writing
from sisportal.roster.records import Person, Section, encoded
from sisportal.syncing.progress import Pulse
from sisportal.syncing.rows import Row, chunks, insert_rows

PEOPLE = cast(Table, SisPerson.__table__)
REFERENCES = cast(Table, SisReference.__table__)
COLLECTION = "twins"
"""Of references: ``source_id`` is the twin's, the payload its record with the first one's id as ``legacy_id``."""


class Twins:
    """The twins of one connection during one fetch."""

    def __init__(self, engine: Engine, connection_id: int, pulse: Pulse, *, partial: bool) -> None:
        """``partial``: only what changed is listed; who is whose twin is as it was."""
        self._engine, self._connection_id, self._pulse, self._partial = writing(engine), connection_id, pulse, partial
        self._first: dict[int, str] = {}
        """Whoever of a role has a number first, by a hash of both with the name."""
        self._named: set[str] = set()
        """Firsts whose records have to be merged anew."""
        self._known = self._held()
        self._twins = dict(self._known)
        """Until people are listed, who is whose twin is as it was."""
        self._has_begun = partial
        self._listed: set[str] = set()
        """Firsts of known twins that this fetch has listed."""
        self._were_first = {twin.legacy_id for twin in self._known.values()}

    def sort_out(self, people: list[Person]) -> list[Person]:
        """Those who are nobody's twin."""
        if not self._has_begun:
            self._has_begun, self._twins = True, {}
        return [person for person in people if not self._takes(person)]

    def merged(self) -> list[Person]:
        """The firsts of twins, with the schools of all; to be called once, after everybody was listed."""
        families: dict[str, list[Person]] = {}
        for twin in self._twins.values():
            families.setdefault(twin.legacy_id, []).append(twin)
        promoted = [] if self._partial else self._promote(families)
        ids = [id_ for id_ in families if id_ in self._named or not self._partial]
        self._keep()
        return [*promoted, *(_with_schools(first, families[first.source_id]) for first in self._people(ids))]

    def _promote(self, families: dict[str, list[Person]]) -> list[Person]:
        """Where the first of before is not listed any more, the next one is the first."""
        promoted: list[Person] = []
        for gone in (self._were_first & families.keys()) - self._listed:
            first, *others = families.pop(gone)
            first = msgspec.structs.replace(first, legacy_id="")
            del self._twins[first.source_id]
            others = [msgspec.structs.replace(other, legacy_id=first.source_id) for other in others]
            self._twins.update((other.source_id, other) for other in others)
            promoted.append(_with_schools(first, others))
        return promoted

    def renamed(self, section: Section) -> Section:
        """The section with its people by the ids of the firsts."""
        members = (*section.teachers, *section.students)
        if not self._twins or not any(id_ in self._twins for id_ in members):
            return section
        return msgspec.structs.replace(
            section,
            teachers=tuple(dict.fromkeys(map(self._one, section.teachers))),
            students=tuple(sorted(set(map(self._one, section.students)))),
        )

    def _one(self, source_id: str) -> str:
        twin = self._twins.get(source_id)
        return twin.legacy_id if twin is not None else source_id

    def _takes(self, person: Person) -> bool:
        if self._partial:
            before = self._twins.get(person.source_id)
            if before is None:
                self._named.add(person.source_id)
                return False
            first = before.legacy_id
        else:
            if not person.number:
                return False
            before = self._known.get(person.source_id)
            # Whoever was first stays it, in whichever order they are listed.
            usual = person.source_id if before is None else before.legacy_id
            first = self._first.setdefault(_mark(person), usual)
            if first == person.source_id:
                self._note_listed(first)
                return False
        self._twins[person.source_id] = msgspec.structs.replace(person, legacy_id=first)
        self._named.add(first)
        return True

    def _note_listed(self, source_id: str) -> None:
        if source_id in self._were_first:
            self._listed.add(source_id)

    def _held(self) -> dict[str, Person]:
        statement = select(type_coerce(REFERENCES.c.payload, Text)).where(
            REFERENCES.c.connection_id == self._connection_id, REFERENCES.c.collection == COLLECTION
        )
        decode = msgspec.json.Decoder(Person).decode
        with self._engine.connect() as connection:
            return {twin.source_id: twin for twin in map(decode, connection.scalars(statement))}

    def _people(self, ids: list[str]) -> list[Person]:
        statement = select(type_coerce(PEOPLE.c.payload, Text)).where(PEOPLE.c.connection_id == self._connection_id)
        decode = msgspec.json.Decoder(Person).decode
        with self._engine.connect() as connection:
            return [
                decode(payload)
                for some in chunks(ids, 1_000)
                for payload in connection.scalars(statement.where(PEOPLE.c.source_id.in_(some)))
            ]

    def _keep(self) -> None:
        if self._twins == self._known:
            return
        mine = (REFERENCES.c.connection_id == self._connection_id, REFERENCES.c.collection == COLLECTION)
        rows: list[Row] = [
            (self._connection_id, COLLECTION, id_, encoded(twin).decode()) for id_, twin in sorted(self._twins.items())
        ]
        with self._engine.begin() as connection:
            self._pulse.fence(connection)
            connection.execute(delete(REFERENCES).where(*mine))
            insert_rows(connection, REFERENCES, ("connection_id", "collection", "source_id", "payload"), rows)


def _mark(person: Person) -> int:
    return hash((person.role, person.number.casefold(), person.last_name.casefold(), person.first_name.casefold()))


def _with_schools(first: Person, twins: list[Person]) -> Person:
    """The first one's record with every school, its own first."""
    schools = dict.fromkeys((*first.schools, *(school for twin in twins for school in twin.schools)))
    return msgspec.structs.replace(first, schools=tuple(schools))
