"""The mirror: what the SIS said in this fetch against what it said before. Only what changed is written."""

from collections.abc import Callable, Iterable
from typing import TypeVar, cast

import msgspec
from sqlalchemy import (
    ColumnElement,
    Connection,
    Engine,
    Table,
    Text,
    and_,
    delete,
    exists,
    or_,
    select,
    true,
    tuple_,
    type_coerce,
    update,
)

from sisportal.models import SisEnrollment, SisSection
from sisportal.models.database import writing
from sisportal.roster.fields import Places, home
from sisportal.roster.records import (
    Collection,
    Course,
    Person,
    Problem,
    Section,
    Term,
    encoded,
    fingerprint,
    resolved,
)
from sisportal.roster.text import searchable
from sisportal.syncing.among import among
from sisportal.syncing.held import ACCOUNT_LINKS, ACCOUNTS, CLASS_LINKS, CLASSES
from sisportal.syncing.progress import Pulse
from sisportal.syncing.rows import Row, chunks, insert_rows, read, reserve_ids, update_rows
from sisportal.syncing.twins import PEOPLE, REFERENCES, Twins
from sisportal.syncing.unindexed import unindexed

__all__ = [
    "ENROLLMENTS", "PEOPLE", "REFERENCES", "SECTIONS", "Mirror", "listed_as_archived", "person_search", "section_search",
    "settle",
]  # fmt: skip

SECTIONS = cast(Table, SisSection.__table__)
ENROLLMENTS = cast(Table, SisEnrollment.__table__)

_COLUMNS = ("school", "in_scope", "fingerprint", "payload", "search", "gone_in_sync", "pending")
_SPREAD = 0x9E3779B97F4A7C15
"""Mixed into a section's fingerprint once for each of its people who is not listed: it changes when they appear."""

T = TypeVar("T", Term, Course)
Known = dict[str, "tuple[int, int, bool] | int"]
"""``source_id`` -> (id, fingerprint, gone) as the mirror had it; the id alone once this fetch has listed it."""


class Changes(msgspec.Struct):
    """What a batch means for the mirror: rows to insert, rows to rewrite."""

    added: list[list[object]] = []
    changed: list[list[object]] = []


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
        self._engine, self._connection_id, self._sync_id = writing(engine), connection_id, sync_id
        self._places, self._pulse, self._stale = places, pulse, stale
        self._courses: dict[str, Course] = {}
        self._terms: dict[str, Term] = {}
        self._people: Known = {}
        self._sections: Known = {}
        self._named_missing: set[str] = set()
        self._partial_people = Collection.PEOPLE in partial
        self._partial_sections = Collection.SECTIONS in partial
        self._changed_references: set[str] = set()
        self._twins = Twins(engine, connection_id, pulse, partial=self._partial_people) if merges_twins else None

    def open(self, collection: Collection) -> None:
        """Read what the mirror knows of a collection, before its first batch."""
        match collection:
            case Collection.PEOPLE if not self._partial_people:
                self._people = self._known(PEOPLE)
            case Collection.SECTIONS:
                self._open_sections()
            case Collection.TERMS:
                self._terms = self._references(Collection.TERMS, Term)
            case Collection.COURSES:
                self._courses = self._references(Collection.COURSES, Course)

    def close_people(self) -> None:
        """Everybody was listed: write those anew who were listed as several users."""
        if self._twins is None:
            return
        merged = self._twins.merged()
        for person in merged:
            # As if this fetch had not listed them: what was written of them is a part.
            self._people.pop(person.source_id, None)
        self._recall(PEOPLE, self._people, [person.source_id for person in merged], anyway=True)
        twins, self._twins = self._twins, None
        self.take_people(merged)
        self._twins = twins

    def _open_sections(self) -> None:
        # A package may come without its terms or courses: they are as they were.
        self._terms = self._terms or self._references(Collection.TERMS, Term)
        self._courses = self._courses or self._references(Collection.COURSES, Course)
        if not self._partial_people:
            self._people = self._people or self._listed(self._known(PEOPLE))
        if not self._partial_sections:
            self._sections = self._known(SECTIONS)

    def take_terms(self, terms: list[Term]) -> None:
        """Keep terms for the sections that name them."""
        changed = [(term.source_id, term) for term in terms if self._terms.get(term.source_id) != term]
        self._take_references(Collection.TERMS, changed)
        self._terms.update((term.source_id, term) for term in terms)

    def take_courses(self, courses: list[Course]) -> None:
        """Keep courses for the sections that name them."""
        changed = [(course.source_id, course) for course in courses if self._courses.get(course.source_id) != course]
        self._take_references(Collection.COURSES, changed)
        self._courses.update((course.source_id, course) for course in courses)

    def take_people(self, people: list[Person]) -> None:
        """Write the people of a batch that are new, changed or back."""
        changes = Changes()
        if self._twins is not None:
            people = self._twins.sort_out(people)
        self._recall(PEOPLE, self._people, [person.source_id for person in people])
        for person in people:
            payload = encoded(person)
            mark = fingerprint(payload)
            row = self._compare(self._people, person.source_id, mark, changes)
            if row is not None:
                school = home(person.schools, person.school, self._places)
                row.extend(
                    (
                        school or person.school,
                        school is not None,
                        mark,
                        payload.decode(),
                        person_search(person),
                        None,
                        True,
                        str(person.role),
                    )
                )
        self._write(PEOPLE, self._people, changes, (*_COLUMNS, "role"))

    def take_sections(self, sections: list[Section]) -> list[Problem]:
        """Write the sections of a batch that are new, changed or back; what they name that is not listed comes back."""
        changes = Changes()
        problems: list[Problem] = []
        members: dict[str, Section] = {}
        self._recall(SECTIONS, self._sections, [section.source_id for section in sections])
        if self._twins is not None:
            sections = [self._twins.renamed(section) for section in sections]
        self._recall_members((*section.teachers, *section.students) for section in sections)
        for listed in sections:
            section = self._resolve(listed, problems)
            unknown = self._unlisted(section)
            payload = encoded(section)
            mark = fingerprint(payload) if not unknown else _mixed(fingerprint(payload), len(unknown))
            problems += [_unknown_person(section, source_id) for source_id in unknown]
            row = self._compare(self._sections, section.source_id, mark, changes)
            if row is not None:
                members[section.source_id] = section
                in_scope = section.school in self._places
                row.extend((section.school, in_scope, mark, payload.decode(), section_search(section), None, True))
        if members:
            before = self._members_before(changes.changed)
            self._recall_members(before.values())
            self._write(SECTIONS, self._sections, changes, _COLUMNS, lambda c: self._index(c, members, before))
        return problems

    def seal(self, collection: Collection) -> int:
        """Mark as gone what a proven fetch no longer listed; how many those are."""
        known, table = (self._people, PEOPLE) if collection is Collection.PEOPLE else (self._sections, SECTIONS)
        vanished = [entry[0] for entry in known.values() if not isinstance(entry, int) and not entry[2]]
        for ids in chunks(vanished):
            with self._engine.begin() as connection:
                self._pulse.fence(connection)
                rows: list[Row] = [(self._sync_id, True, id_) for id_ in ids]
                update_rows(connection, table, ("gone_in_sync", "pending"), ("id",), rows)
        return len(vanished)

    def missing_people(self) -> frozenset[str]:
        """Known people whom this fetch has not listed, those that an earlier one proved to be gone included.

        None where it lists changes only, or no people at all.
        """
        if self._partial_people:
            return frozenset()
        return frozenset(source_id for source_id, entry in self._people.items() if not isinstance(entry, int))

    def missing_but_named(self) -> int:
        """How many known people this fetch has not listed although sections of this fetch name them.

        A live SIS may drop somebody between two pages; more than a few say that the list of people was not whole.
        """
        named = len(self._named_missing)
        missing = sum(1 for entry in self._people.values() if not isinstance(entry, int) and not entry[2])
        return named if named > max(1, missing // 5) else 0

    def _known(self, table: Table) -> Known:
        columns = select(table.c.source_id, table.c.id, table.c.fingerprint, table.c.gone_in_sync)
        with self._engine.connect() as connection:
            statement = columns.where(unindexed(table.c.connection_id) == self._connection_id)
            # With a stale mirror (another mapping of schools) no fingerprint counts, so that every row is written again.
            return {
                source_id: (id_, 0 if self._stale else mark, gone is not None)
                for source_id, id_, mark, gone in read(connection, statement)
            }

    @staticmethod
    def _listed(known: Known) -> Known:
        """The people as if this fetch had listed them: of a fetch that reads sections only."""
        return {source_id: entry[0] for source_id, entry in known.items() if isinstance(entry, tuple) and not entry[2]}

    def _references(self, collection: Collection, type_: type[T]) -> dict[str, T]:
        statement = select(REFERENCES.c.source_id, type_coerce(REFERENCES.c.payload, Text)).where(
            REFERENCES.c.connection_id == self._connection_id, REFERENCES.c.collection == collection
        )
        decoder = msgspec.json.Decoder(type_)
        with self._engine.connect() as connection:
            return {row[0]: decoder.decode(row[1]) for row in connection.execute(statement)}

    def remove(self, collection: Collection, source_ids: list[str]) -> None:
        """Mark as gone what the provider says is gone. Terms and courses stay for the sections that name them."""
        table = {Collection.PEOPLE: PEOPLE, Collection.SECTIONS: SECTIONS}.get(collection)
        if table is None:
            return
        known = self._people if collection is Collection.PEOPLE else self._sections
        for ids in chunks(source_ids, 1_000):
            for source_id in ids:
                known.pop(source_id, None)
            gone = update(table).where(
                table.c.connection_id == self._connection_id,
                among(table.c.source_id, ids),
                table.c.gone_in_sync.is_(None),
            )
            with self._engine.begin() as connection:
                self._pulse.fence(connection)
                connection.execute(gone.values(gone_in_sync=self._sync_id, pending=True))

    def refresh(self) -> list[Problem]:
        """Write the sections again whose term or course changed, where the provider names only what changed itself."""
        if not (self._partial_sections and self._changed_references):
            return []
        self.open(Collection.SECTIONS)
        decode = msgspec.json.Decoder(Section).decode
        payload = type_coerce(SECTIONS.c.payload, Text)
        statement = select(payload).where(
            SECTIONS.c.connection_id == self._connection_id, SECTIONS.c.gone_in_sync.is_(None)
        )
        found: dict[str, Section] = {}
        with self._engine.connect() as connection:
            for ids in chunks(sorted(self._changed_references), 50):
                naming = or_(
                    *(
                        payload.contains(f'"{name}":"{id_}"', autoescape=True)
                        for id_ in ids
                        for name in ("course", "term")
                    )
                )
                for text in connection.scalars(statement.where(naming)):
                    section = decode(text)
                    found[section.source_id] = section
        return [problem for some in chunks(found.values(), 1_000) for problem in self.take_sections(some)]

    def _recall(self, table: Table, known: Known, source_ids: list[str], *, anyway: bool = False) -> None:
        """Read what the mirror knows of some records of a partial collection: it knows none of them beforehand."""
        if not anyway and not (self._partial_people if table is PEOPLE else self._partial_sections):
            return
        statement = select(table.c.source_id, table.c.id, table.c.fingerprint, table.c.gone_in_sync).where(
            table.c.connection_id == self._connection_id
        )
        with self._engine.connect() as connection:
            for ids in chunks(source_ids, 5_000):
                for source_id, id_, mark, gone in connection.execute(
                    statement.where(among(table.c.source_id, ids))
                ).all():
                    known[source_id] = (id_, mark, gone is not None)

    def _recall_members(self, lists: Iterable[Iterable[str]]) -> None:
        if self._partial_people:
            named = {source_id for each in lists for source_id in each}
            self._recall(PEOPLE, self._people, sorted(named - self._people.keys()))

    def _listed_id(self, source_id: str) -> int | None:
        """The id of somebody whom the SIS lists: in this fetch, or, of partial people, as far as the mirror knows."""
        entry = self._people.get(source_id)
        if isinstance(entry, tuple):
            return entry[0] if self._partial_people and not entry[2] else None
        return entry

    def _take_references(self, collection: Collection, changed: Iterable[tuple[str, Term | Course]]) -> None:
        changed = list(changed)
        self._changed_references.update(source_id for source_id, _ in changed)
        if not changed:
            return
        key = tuple_(REFERENCES.c.connection_id, REFERENCES.c.collection, REFERENCES.c.source_id)
        rows = [
            (self._connection_id, str(collection), source_id, encoded(record).decode()) for source_id, record in changed
        ]
        with self._engine.begin() as connection:
            self._pulse.fence(connection)
            for chunk in chunks(rows, 300):
                connection.execute(delete(REFERENCES).where(key.in_([row[:3] for row in chunk])))
            insert_rows(connection, REFERENCES, ("connection_id", "collection", "source_id", "payload"), rows)

    def _compare(self, known: Known, source_id: str, mark: int, changes: Changes) -> list[object] | None:
        """Note that the fetch listed a record; a row to fill in where it has to be written, else None.

        A row that is listed twice is written once: the provider warns of repeated rows.
        """
        was = known.get(source_id)
        if was is None:
            row: list[object] = [source_id]
            changes.added.append(row)
            known[source_id] = 0  # its id follows when it is written
            return row
        if isinstance(was, int):
            return None
        known[source_id] = was[0]
        if was[1] == mark and not was[2]:
            return None
        row = [was[0]]
        changes.changed.append(row)
        return row

    def _write(
        self,
        table: Table,
        known: Known,
        changes: Changes,
        columns: tuple[str, ...],
        also: Callable[[Connection], None] | None = None,
    ) -> None:
        if not (changes.added or changes.changed):
            return
        with self._engine.begin() as connection:
            self._pulse.fence(connection)
            first = reserve_ids(connection, table, len(changes.added)) if changes.added else 0
            rows: list[Row] = []
            for number, row in enumerate(changes.added, first):
                known[cast(str, row[0])] = number
                rows.append((number, self._connection_id, *row))
            insert_rows(connection, table, ("id", "connection_id", "source_id", *columns), rows)
            update_rows(connection, table, columns, ("id",), [(*row[1:], row[0]) for row in changes.changed])
            if also is not None:
                also(connection)

    def _resolve(self, section: Section, problems: list[Problem]) -> Section:
        if section.course and section.course not in self._courses:
            problems.append(
                Problem("unknown-course", "section", section.source_id, "course", section.course, section.school)
            )
        if section.term and section.term not in self._terms:
            problems.append(Problem("unknown-term", "section", section.source_id, "term", section.term, section.school))
        return resolved(section, self._courses, self._terms)

    def _unlisted(self, section: Section) -> list[str]:
        people = self._people
        unlisted = [m for m in (*section.teachers, *section.students) if not isinstance(people.get(m), int)]
        if self._partial_people:
            return [source_id for source_id in unlisted if self._listed_id(source_id) is None]
        for source_id in unlisted:
            entry = people.get(source_id)
            if isinstance(entry, tuple) and not entry[2]:
                self._named_missing.add(source_id)
        return unlisted

    def _members_before(self, changed: list[list[object]]) -> dict[int, set[str]]:
        """The people of the sections that will be rewritten, as the mirror had them."""
        decoder = msgspec.json.Decoder(Section)
        before: dict[int, set[str]] = {}
        with self._engine.connect() as connection:
            ids = [cast(int, row[0]) for row in changed]
            statement = select(SECTIONS.c.id, type_coerce(SECTIONS.c.payload, Text)).where(among(SECTIONS.c.id, ids))
            for id_, payload in connection.execute(statement):
                section = decoder.decode(payload)
                before[id_] = {*section.teachers, *section.students}
        return before

    def _index(self, connection: Connection, members: dict[str, Section], before: dict[int, set[str]]) -> None:
        """Bring the index of who is in which section in line with the sections just written."""
        added: list[Row] = []
        removed: list[Row] = []
        for source_id, section in members.items():
            section_id = cast(int, self._sections[source_id])
            ids = {self._listed_id(member) for member in (*section.teachers, *section.students)}
            added += [(id_, section_id) for id_ in ids if id_ is not None]
            was = (_id_of(self._people.get(member)) for member in before.get(section_id, ()))
            removed += ((id_, section_id) for id_ in was if id_)
        self._replace_index(connection, added, removed, fresh=not before)

    def _replace_index(self, connection: Connection, added: list[Row], removed: list[Row], *, fresh: bool) -> None:
        pair = tuple_(ENROLLMENTS.c.person_id, ENROLLMENTS.c.section_id)
        if not fresh:
            for chunk in chunks(removed + added, 400):
                connection.execute(delete(ENROLLMENTS).where(pair.in_(chunk)))
        for chunk in chunks(sorted(added)):
            insert_rows(connection, ENROLLMENTS, ("person_id", "section_id"), chunk)


def settle(connection: Connection, connection_id: int) -> None:
    """Take off the list of pending records those that the portal agrees with by now: a commit wrote them in full."""
    for table, link, target in ((PEOPLE, ACCOUNT_LINKS, ACCOUNTS), (SECTIONS, CLASS_LINKS, CLASSES)):
        target_id = link.c.account_id if link is ACCOUNT_LINKS else link.c.class_id
        linked = (
            exists()
            .where(link.c.connection_id == connection_id, link.c.source_id == table.c.source_id)
            .where(target.c.id == target_id)
        )
        agrees = linked.where(link.c.written_fingerprint == table.c.fingerprint, target.c.archived_at.is_(None))
        active = linked.where(target.c.archived_at.is_(None))
        listed = and_(table.c.gone_in_sync.is_(None), table.c.in_scope)
        settled = or_(and_(listed, agrees), and_(~listed, ~active))
        mine = and_(table.c.connection_id == connection_id, table.c.pending == true())
        connection.execute(update(table).where(mine, settled).values(pending=False))


def listed_as_archived(table: Table) -> ColumnElement[bool]:
    """Whether the source lists a record of the mirror as archived (``Person.archived``)."""
    return type_coerce(table.c.payload, Text).contains('"archived":true')


def person_search(person: Person) -> str:
    """What lists of people sort by and search in: last name first."""
    return searchable(
        person.last_name,
        person.first_name,
        person.preferred_name,
        person.email,
        person.number,
        person.username,
        person.sis_id,
    )


def section_search(section: Section) -> str:
    """What lists of sections sort by and search in."""
    return searchable(
        section.name, section.course_name, section.course_number, section.number, section.period, section.sis_id
    )


def _mixed(mark: int, unlisted: int) -> int:
    mixed = (mark ^ (_SPREAD * unlisted)) & 0xFFFFFFFFFFFFFFFF
    return mixed - (1 << 64) if mixed >> 63 else mixed


def is_mark_of(mark: int, payload: str) -> bool:
    """Whether a mark is that of a record as it is stored, whoever of its people was not listed then."""
    plain = fingerprint(payload.encode())
    return mark == plain or any(mark == _mixed(plain, number) for number in range(1, payload.count('","') + 3))


def _id_of(entry: tuple[int, int, bool] | int | None) -> int | None:
    return entry[0] if isinstance(entry, tuple) else entry


def _unknown_person(section: Section, source_id: str) -> Problem:
    field = "teachers" if source_id in section.teachers else "students"
    return Problem("unknown-person-in-section", "section", section.source_id, field, source_id, section.school)
