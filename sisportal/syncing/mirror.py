"""The mirror: what the SIS said in this fetch against what it said before. Only what changed is written."""

from collections.abc import Iterable
from typing import cast

import msgspec
from sqlalchemy import Engine, Text, or_, select, type_coerce, update

from sisportal.models.database import writing
from sisportal.roster.fields import Places, home
from sisportal.roster.records import Collection, Course, Person, Problem, Section, Term, encoded
from sisportal.syncing.among import among
from sisportal.syncing.mirror_enrollments import index_members, members_held, members_of
from sisportal.syncing.mirror_known import Changes, Known
from sisportal.syncing.mirror_references import References
from sisportal.syncing.mirror_rows import (
    PEOPLE,
    REFERENCES,
    SECTIONS,
    is_mark_of,
    listed_as_archived,
    mark_of,
    person_search,
    section_search,
)
from sisportal.syncing.progress import Pulse
from sisportal.syncing.rows import Row, chunks, update_rows
from sisportal.syncing.twins import Twins

__all__ = [
    "PEOPLE",
    "REFERENCES",
    "SECTIONS",
    "Mirror",
    "is_mark_of",
    "listed_as_archived",
    "person_search",
    "section_search",
]

_COLUMNS = ("school", "in_scope", "fingerprint", "payload", "search", "gone_in_sync", "pending")


class Mirror:
    """The mirror of one connection during one fetch. Memory holds ids and fingerprints, never the district."""

    def __init__(
        self,
        engine: Engine,
        connection_id: int,
        sync_id: int,
        places: Places,
        pulse: Pulse,
        *,
        stale: bool = False,
        partial: frozenset[Collection] = frozenset(),
        merges_twins: bool = False,
    ) -> None:
        """``partial``: of these the batches name only what changed, and what is not named is as the mirror has it.

        ``merges_twins``: the source may list one person as several users.
        """
        self._engine, self._connection_id, self._sync_id = engine, connection_id, sync_id
        self._places, self._pulse, self._stale = places, pulse, stale
        self._references = References(engine, connection_id, pulse)
        self._people = Known(PEOPLE, connection_id, partial=Collection.PEOPLE in partial)
        self._sections = Known(SECTIONS, connection_id, partial=Collection.SECTIONS in partial)
        self._named_missing: set[str] = set()
        self._twins = Twins(engine, connection_id, pulse, partial=self._people.is_partial) if merges_twins else None

    def open(self, collection: Collection) -> None:
        """Read what the mirror knows of a collection, before its first batch."""
        match collection:
            case Collection.PEOPLE if not self._people.is_partial:
                self._read(self._people)
            case Collection.SECTIONS:
                self._open_sections()
            case Collection.TERMS | Collection.COURSES:
                self._references.open(collection)

    def _open_sections(self) -> None:
        self._references.open_missing()
        if not (self._people or self._people.is_partial):
            self._read(self._people)
            self._people.take_as_listed()
        if not self._sections.is_partial:
            self._read(self._sections)

    def close_people(self) -> None:
        """Everybody was listed: write those anew who were listed as several users."""
        if self._twins is None:
            return
        merged = self._twins.merged()
        # As if this fetch had not listed them: what was written of them is a part.
        self._people.forget(person.source_id for person in merged)
        self._recall(self._people, [person.source_id for person in merged])
        twins, self._twins = self._twins, None
        self.take_people(merged)
        self._twins = twins

    def take_terms(self, terms: list[Term]) -> None:
        """Keep terms for the sections that name them."""
        self._references.take_terms(terms)

    def take_courses(self, courses: list[Course]) -> None:
        """Keep courses for the sections that name them."""
        self._references.take_courses(courses)

    def take_people(self, people: list[Person]) -> None:
        """Write the people of a batch that are new, changed or back."""
        changes = Changes()
        if self._twins is not None:
            people = self._twins.sort_out(people)
        if self._people.is_partial:
            self._recall(self._people, [person.source_id for person in people])
        for person in people:
            payload = encoded(person)
            mark = mark_of(payload)
            row = self._people.compare(person.source_id, mark, changes)
            if row is not None:
                school = home(person.schools, person.school, self._places)
                shown, text = school or person.school, payload.decode()
                row.extend((shown, school is not None, mark, text, person_search(person), None, True, str(person.role)))
        if changes:
            with writing(self._engine).begin() as connection:
                self._pulse.fence(connection)
                self._people.write(connection, changes, (*_COLUMNS, "role"))

    def take_sections(self, sections: list[Section]) -> list[Problem]:
        """Write the sections of a batch that are new, changed or back; what they name that is not listed comes back."""
        changes = Changes()
        problems: list[Problem] = []
        members: dict[str, tuple[str, ...]] = {}
        if self._sections.is_partial:
            self._recall(self._sections, [section.source_id for section in sections])
        if self._twins is not None:
            sections = [self._twins.renamed(section) for section in sections]
        self._recall_members(map(members_of, sections))
        for listed in sections:
            section = self._references.resolve(listed, problems)
            unknown = self._unlisted(section)
            problems += [_unknown_person(section, source_id) for source_id in unknown]
            payload = encoded(section)
            mark = mark_of(payload, len(unknown))
            row = self._sections.compare(section.source_id, mark, changes)
            if row is not None:
                members[section.source_id] = members_of(section)
                in_scope = section.school in self._places
                row.extend((section.school, in_scope, mark, payload.decode(), section_search(section), None, True))
        if changes:
            self._write_sections(changes, members)
        return problems

    def _write_sections(self, changes: Changes, members: dict[str, tuple[str, ...]]) -> None:
        with self._engine.connect() as connection:
            before = members_held(connection, [cast(int, row[0]) for row in changes.changed])
        self._recall_members(before.values())
        with writing(self._engine).begin() as connection:
            self._pulse.fence(connection)
            self._sections.write(connection, changes, _COLUMNS)
            now = {self._sections.listed[source_id]: named for source_id, named in members.items()}
            index_members(connection, self._people, before, now)

    def seal(self, collection: Collection) -> int:
        """Mark as gone what a proven fetch no longer listed; how many those are."""
        known, table = (self._people, PEOPLE) if collection is Collection.PEOPLE else (self._sections, SECTIONS)
        vanished = known.vanished()
        for ids in chunks(vanished):
            with writing(self._engine).begin() as connection:
                self._pulse.fence(connection)
                rows: list[Row] = [(self._sync_id, True, id_) for id_ in ids]
                update_rows(connection, table, ("gone_in_sync", "pending"), ("id",), rows)
        return len(vanished)

    def missing_people(self) -> frozenset[str]:
        """Known people whom this fetch has not listed, those that an earlier one proved to be gone included.

        None where it lists changes only, or no people at all.
        """
        return frozenset() if self._people.is_partial else frozenset(self._people.before)

    def missing_but_named(self) -> int:
        """How many known people this fetch has not listed although sections of this fetch name them.

        A live SIS may drop somebody between two pages; more than a few say that the list of people was not whole.
        """
        named = len(self._named_missing)
        return named if named > max(1, len(self._people.vanished()) // 5) else 0

    def remove(self, collection: Collection, source_ids: list[str]) -> None:
        """Mark as gone what the provider says is gone. Terms and courses stay for the sections that name them."""
        if collection not in {Collection.PEOPLE, Collection.SECTIONS}:
            return
        known, table = (self._people, PEOPLE) if collection is Collection.PEOPLE else (self._sections, SECTIONS)
        for ids in chunks(source_ids, 1_000):
            known.forget(ids)
            gone = update(table).where(
                table.c.connection_id == self._connection_id,
                among(table.c.source_id, ids),
                table.c.gone_in_sync.is_(None),
            )
            with writing(self._engine).begin() as connection:
                self._pulse.fence(connection)
                connection.execute(gone.values(gone_in_sync=self._sync_id, pending=True))

    def refresh(self) -> list[Problem]:
        """Write the sections again whose term or course changed, where the provider names only what changed itself."""
        if not (self._sections.is_partial and self._references.changed):
            return []
        self.open(Collection.SECTIONS)
        found = self._naming(self._references.changed)
        return [problem for some in chunks(found, 1_000) for problem in self.take_sections(some)]

    def _naming(self, references: set[str]) -> list[Section]:
        """The listed sections that name one of these terms or courses."""
        decode = msgspec.json.Decoder(Section).decode
        payload = type_coerce(SECTIONS.c.payload, Text)
        statement = select(payload).where(
            SECTIONS.c.connection_id == self._connection_id, SECTIONS.c.gone_in_sync.is_(None)
        )
        found: dict[str, Section] = {}
        with self._engine.connect() as connection:
            for ids in chunks(sorted(references), 50):
                texts = [f'"{name}":"{id_}"' for id_ in ids for name in ("course", "term")]
                naming = or_(*(payload.contains(text, autoescape=True) for text in texts))
                for section in map(decode, connection.scalars(statement.where(naming))):
                    found[section.source_id] = section
        return list(found.values())

    def _read(self, known: Known) -> None:
        with self._engine.connect() as connection:
            known.read(connection, stale=self._stale)

    def _recall(self, known: Known, source_ids: list[str]) -> None:
        with self._engine.connect() as connection:
            known.recall(connection, source_ids)

    def _recall_members(self, lists: Iterable[Iterable[str]]) -> None:
        """Of people of whom nothing is known beforehand: learn of those that sections name."""
        if self._people.is_partial:
            named = {source_id for each in lists for source_id in each}
            self._recall(self._people, sorted(each for each in named if each not in self._people))

    def _unlisted(self, section: Section) -> list[str]:
        unlisted = self._people.unlisted(members_of(section))
        if unlisted and not self._people.is_partial:
            self._named_missing.update(filter(self._people.was_listed, unlisted))
        return unlisted


def _unknown_person(section: Section, source_id: str) -> Problem:
    field = "teachers" if source_id in section.teachers else "students"
    return Problem("unknown-person-in-section", "section", section.source_id, field, source_id, section.school)
