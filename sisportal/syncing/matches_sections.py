"""Sections without a link: as ``matches`` has it of people (SPEC 6.3)."""

from collections.abc import Iterator
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, Connection, Engine, Select, Text, and_, select, type_coerce

from sisportal.roster.fields import Places
from sisportal.roster.likeness_sections import ClassTraces, or_alike_class
from sisportal.roster.matching import UNDECIDED, Claims, Match
from sisportal.roster.matching_sections import ClassCandidate, ClassIndex, match_section
from sisportal.roster.options import Options
from sisportal.roster.planning import Planned, section_label
from sisportal.roster.records import Problem, Section
from sisportal.syncing.doubted import Doubts
from sisportal.syncing.held import CLASS_LINKS, CLASSES
from sisportal.syncing.matched import Incoming, free_targets, held_classes, section_action
from sisportal.syncing.matches import PlannedRecord, read_decisions
from sisportal.syncing.mirror import SECTIONS
from sisportal.syncing.traces import class_traces
from sisportal.syncing.unindexed import unindexed


class SectionMatches:
    """Plans the sections of one connection that have no link yet."""

    def __init__(self, engine: Engine, connection_id: int, kind: str, options: Options, sync_id: int) -> None:
        """``sync_id``: the plan, whose people are written by now."""
        self._engine, self._connection_id, self._kind, self._options = engine, connection_id, kind, options
        self._sync_id = sync_id
        self.decisions = read_decisions(engine, connection_id, "sections")
        """As of ``PersonMatches``."""
        self.moved: set[str] = set()
        """As of ``PersonMatches``."""
        self._doubts = Doubts()
        self._opened = False
        self._index = ClassIndex([], options)
        self._traces = ClassTraces([])
        self._claims = Claims()

    def plan(self, new: list[Incoming[Section]], members: frozenset[str], places: Places) -> Iterator[PlannedRecord]:
        """The actions for some of them, in their order; ``members`` as ``plan_section`` takes them."""
        if not new:
            return
        self._open(places)
        matches = [self._claims.settle(self._found(each.record, places)) for each in new]
        with self._engine.connect() as connection:
            matches, links = free_targets(connection, self._connection_id, CLASS_LINKS, matches)
            targets = [match.target for match in matches if match.target is not None]
            held = held_classes(connection, self._connection_id, targets)
        self.moved.update(links.values())
        for each, match in zip(new, matches, strict=True):
            class_, was = held.get(match.target or 0), links.get(match.target or 0, "")
            planned = section_action(each, match, class_, was, members, self._kind, self._options, places)
            yield planned, self._duplicate(planned, each.record)

    def doubts(self, places: Places) -> Doubts:
        """As of ``PersonMatches``, of classes."""
        self._open(places)
        return self._doubts

    def _open(self, places: Places) -> None:
        if self._opened:
            return
        self._opened = True
        with self._engine.connect() as connection:
            any_new = connection.execute(self._unlinked().limit(1)).first()
            if any_new is not None:
                self._traces = class_traces(connection, self._connection_id, self._sync_id)
        if any_new is None:
            return
        self._index = ClassIndex(self._candidates(), self._options)
        for section in self._new_sections():
            match = self._found(section, places)
            self._claims.note(match)
            self._doubts.note(match, section.source_id, section_label(section))

    def _found(self, section: Section, places: Places) -> Match:
        decision = self.decisions.get(section.source_id, UNDECIDED)
        match = match_section(section, places.get(section.school), self._index, decision)
        if not self._traces:
            return match
        return or_alike_class(match, self._traces.missing(section, decision))

    def _duplicate(self, planned: Planned, section: Section) -> tuple[Problem, ...]:
        if not self._traces or planned.verb != "add" or planned.held:
            return ()
        found = self._traces.archived(section, self.decisions.get(section.source_id, UNDECIDED))
        if not found:
            return ()
        value = ", ".join(str(id_) for id_ in found)
        return (Problem("possible-duplicate", "section", section.source_id, "name", value, section.school),)

    def _new_sections(self) -> Iterator[Section]:
        decode = msgspec.json.Decoder(Section).decode
        with self._engine.connect() as connection:
            for payload in connection.scalars(self._unlinked().execution_options(yield_per=500)):
                yield decode(payload)

    def _unlinked(self) -> Select[str]:
        link = and_(CLASS_LINKS.c.connection_id == self._connection_id, CLASS_LINKS.c.source_id == SECTIONS.c.source_id)
        listed = (
            unindexed(SECTIONS.c.connection_id) == self._connection_id,
            SECTIONS.c.in_scope,
            SECTIONS.c.gone_in_sync.is_(None),
        )
        return (
            select(type_coerce(SECTIONS.c.payload, Text))
            .select_from(SECTIONS.outerjoin(CLASS_LINKS, link))
            .where(*listed, CLASS_LINKS.c.class_id.is_(None))
            .order_by(SECTIONS.c.id)
        )

    def _candidates(self) -> Iterator[ClassCandidate]:
        with self._engine.connect() as connection:
            yield from class_candidates(connection, self._connection_id, CLASSES.c.is_parent.is_(False))


def class_candidates(
    connection: Connection, connection_id: int, *which: ColumnElement[bool]
) -> Iterator[ClassCandidate]:
    """Classes as matching sees them, with what this connection has linked them to."""
    link = and_(CLASS_LINKS.c.connection_id == connection_id, CLASS_LINKS.c.class_id == CLASSES.c.id)
    columns = ("id", "name", "sis_id", "start", "finish")
    statement = (
        select(
            *(CLASSES.c[name] for name in columns),
            CLASSES.c.organization_id,
            CLASS_LINKS.c.source_id,
            CLASSES.c.archived_at,
        )
        .select_from(CLASSES.outerjoin(CLASS_LINKS, link))
        .where(*which)
    )
    for row in connection.execute(statement.execution_options(yield_per=2_000)):
        known: dict[str, Any] = dict(zip(columns, row, strict=False))
        yield ClassCandidate(**known, organization=row[5], linked_to=row[6] or "", archived=row[7] is not None)
