"""Terms and courses as the mirror has them: what sections are resolved with."""

from collections.abc import Sequence
from typing import TypeVar

import msgspec
from sqlalchemy import Connection, Engine, Text, delete, select, tuple_, type_coerce

from sisportal.models.database import writing
from sisportal.roster.records import Collection, Course, Problem, Section, Term, encoded, resolved
from sisportal.syncing.mirror_rows import REFERENCES
from sisportal.syncing.progress import Pulse
from sisportal.syncing.rows import Row, chunks, insert_rows

T = TypeVar("T", Term, Course)


class References:
    """The terms and courses of one connection during one fetch."""

    def __init__(self, engine: Engine, connection_id: int, pulse: Pulse) -> None:
        self._engine, self._connection_id, self._pulse = engine, connection_id, pulse
        self._courses: dict[str, Course] = {}
        self._terms: dict[str, Term] = {}
        self.changed: set[str] = set()
        """``source_id`` of those that this fetch lists otherwise than before."""

    def open(self, collection: Collection) -> None:
        """Read what the mirror has of terms, or of courses."""
        if collection is Collection.TERMS:
            self._terms = self._held(Collection.TERMS, Term)
        else:
            self._courses = self._held(Collection.COURSES, Course)

    def open_missing(self) -> None:
        """Read those of which nothing is known: a package may come without its terms or courses, which are as they were."""
        self._terms = self._terms or self._held(Collection.TERMS, Term)
        self._courses = self._courses or self._held(Collection.COURSES, Course)

    def take_terms(self, terms: list[Term]) -> None:
        """Keep terms for the sections that name them."""
        self._take(Collection.TERMS, self._terms, terms)

    def take_courses(self, courses: list[Course]) -> None:
        """Keep courses for the sections that name them."""
        self._take(Collection.COURSES, self._courses, courses)

    def resolve(self, section: Section, problems: list[Problem]) -> Section:
        """The section with its course and term written in; adds a problem for each that is not listed."""
        about = ("section", section.source_id)
        if section.course and section.course not in self._courses:
            problems.append(Problem("unknown-course", *about, "course", section.course, section.school))
        if section.term and section.term not in self._terms:
            problems.append(Problem("unknown-term", *about, "term", section.term, section.school))
        return resolved(section, self._courses, self._terms)

    def _take(self, collection: Collection, known: dict[str, T], listed: list[T]) -> None:
        changed = [each for each in listed if known.get(each.source_id) != each]
        known.update((each.source_id, each) for each in listed)
        if not changed:
            return
        self.changed.update(each.source_id for each in changed)
        rows: list[Row] = [
            (self._connection_id, str(collection), each.source_id, encoded(each).decode()) for each in changed
        ]
        with writing(self._engine).begin() as connection:
            self._pulse.fence(connection)
            _replace(connection, rows)

    def _held(self, collection: Collection, type_: type[T]) -> dict[str, T]:
        statement = select(REFERENCES.c.source_id, type_coerce(REFERENCES.c.payload, Text)).where(
            REFERENCES.c.connection_id == self._connection_id, REFERENCES.c.collection == collection
        )
        decode = msgspec.json.Decoder(type_).decode
        with self._engine.connect() as connection:
            return {source_id: decode(payload) for source_id, payload in connection.execute(statement)}


def _replace(connection: Connection, rows: Sequence[Row]) -> None:
    key = tuple_(REFERENCES.c.connection_id, REFERENCES.c.collection, REFERENCES.c.source_id)
    for chunk in chunks(rows, 300):
        connection.execute(delete(REFERENCES).where(key.in_([row[:3] for row in chunk])))
    insert_rows(connection, REFERENCES, ("connection_id", "collection", "source_id", "payload"), list(rows))
