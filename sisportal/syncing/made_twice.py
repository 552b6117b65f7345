"""Deletes of classes whose section was made anew while it was listed still: as ``listed_twice`` has it of people (SPEC 6.3).

The newer one became a class of its own. Read only where a plan archives classes.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec
from sqlalchemy import Connection, Engine, Text, and_, select, type_coerce

from sisportal.roster.likeness_sections import by_every_id, twins
from sisportal.roster.matching import UNDECIDED, Decision, Reason
from sisportal.roster.matching_sections import ClassCandidate, shown
from sisportal.roster.planning import Planned
from sisportal.roster.records import Section
from sisportal.syncing.among import among
from sisportal.syncing.changing_ids import likely_ids
from sisportal.syncing.held import CLASS_LINKS, CLASSES, decode_values
from sisportal.syncing.mirror import SECTIONS
from sisportal.syncing.rows import AT_ONCE

_Known = tuple[ClassCandidate, Section]


class MadeTwice:
    """Some classes whose sections are gone, beside later ones that are listed and have the same teacher and students."""

    def __init__(
        self,
        engine: Engine,
        connection_id: int,
        sync_id: int,
        classes: Sequence[int],
        decisions: Mapping[str, Decision],
    ) -> None:
        """``decisions``: what people said of the connection's sections, by ``source_id``."""
        self._alike: dict[int, list[dict[str, Any]]] = {}
        with engine.connect() as connection:
            gone = _read_gone(connection, connection_id, sync_id, classes)
            by_teacher: dict[str, list[_Known]] = {}
            for one in gone:
                for teacher in one[1].teachers if one[1].students else ():
                    by_teacher.setdefault(teacher, []).append(one)
            if not by_teacher:
                return
            listed = (SECTIONS.c.gone_in_sync.is_(None), SECTIONS.c.in_scope, CLASSES.c.archived_at.is_(None))
            schools = SECTIONS.c.school.in_({section.school for _, section in gone})
            for other, section, _ in _read(connection, connection_id, schools, CLASSES.c.id > min(classes), *listed):
                near = {held.id: (held, said) for each in section.teachers for held, said in by_teacher.get(each, ())}
                for held, said in near.values():
                    if other.id > held.id and (agree := twins(said, section)) and not _said(decisions, held, other):
                        seen = shown(other) | {"agree": list(agree), "listed": True}
                        self._alike.setdefault(held.id, []).append(seen)

    def hold(self, planned: Planned) -> Planned:
        """The delete, held where a class like it is listed and nobody has said that they are two."""
        alike = self._alike.get(planned.target_id or 0)
        if alike and not planned.held:
            planned.held, planned.evidence = str(Reason.LISTED_TWICE), {"rule": "alike", "candidates": alike}
        return planned


def _said(decisions: Mapping[str, Decision], gone: ClassCandidate, listed: ClassCandidate) -> bool:
    of_gone = decisions.get(gone.linked_to, UNDECIDED)
    of_listed = decisions.get(listed.linked_to, UNDECIDED)
    return listed.id in of_gone.not_same or of_listed.create or gone.id in of_listed.not_same


def _read_gone(connection: Connection, connection_id: int, sync_id: int, classes: Sequence[int]) -> list[_Known]:
    rows = list(_read(connection, connection_id, among(CLASSES.c.id, classes)))
    ids = likely_ids(connection, sync_id) if rows else {}
    return [(held, by_every_id(said, decode_values(written), ids)) for held, said, written in rows]


def _read(connection: Connection, connection_id: int, *which: Any) -> Iterator[tuple[ClassCandidate, Section, str]]:
    """Linked classes with what the SIS last said of their sections, and the JSON of what a sync last wrote."""
    link = and_(CLASS_LINKS.c.connection_id == connection_id, CLASS_LINKS.c.source_id == SECTIONS.c.source_id)
    columns = (CLASSES.c.id, CLASSES.c.name, CLASSES.c.start, CLASSES.c.finish, CLASS_LINKS.c.source_id)
    statement = (
        select(*columns, type_coerce(SECTIONS.c.payload, Text), type_coerce(CLASS_LINKS.c.written, Text))
        .select_from(CLASS_LINKS.join(CLASSES, CLASSES.c.id == CLASS_LINKS.c.class_id).join(SECTIONS, link))
        .where(SECTIONS.c.connection_id == connection_id, *which)
        .order_by(CLASSES.c.id)
    )
    decode = msgspec.json.Decoder(Section).decode
    for id_, name, start, finish, source_id, payload, written in connection.execute(
        statement.execution_options(yield_per=AT_ONCE)
    ):
        yield ClassCandidate(id_, name, start=start, finish=finish, linked_to=source_id), decode(payload), written
