"""The index over the sections' lists of people, for the pages: brought in line with the sections that were just written."""

from collections.abc import Mapping

import msgspec
from sqlalchemy import Connection, Text, delete, select, tuple_, type_coerce

from sisportal.roster.records import Section
from sisportal.syncing.among import among
from sisportal.syncing.mirror_known import Known
from sisportal.syncing.mirror_rows import ENROLLMENTS, SECTIONS
from sisportal.syncing.rows import Row, chunks, insert_rows

Members = Mapping[int, tuple[str, ...]]
"""The id of a section -> ``source_id`` of its people."""


def members_of(section: Section) -> tuple[str, ...]:
    """``source_id`` of everybody in it."""
    return (*section.teachers, *section.students)


def members_held(connection: Connection, section_ids: list[int]) -> Members:
    """The people of sections as the mirror has them."""
    decode = msgspec.json.Decoder(Section).decode
    statement = select(SECTIONS.c.id, type_coerce(SECTIONS.c.payload, Text)).where(among(SECTIONS.c.id, section_ids))
    return {id_: members_of(decode(payload)) for id_, payload in connection.execute(statement)}


def index_members(connection: Connection, people: Known, before: Members, now: Members) -> None:
    """Write who is in the sections ``now``; ``before``: of those that were there already, who was."""
    added: list[Row] = [(id_, section_id) for section_id, named in now.items() for id_ in people.listed_ids(named)]
    if before:
        removed: list[Row] = [(id_, section_id) for section_id, named in before.items() for id_ in people.ids(named)]
        pair = tuple_(ENROLLMENTS.c.person_id, ENROLLMENTS.c.section_id)
        for chunk in chunks(removed + added, 400):
            connection.execute(delete(ENROLLMENTS).where(pair.in_(chunk)))
    for chunk in chunks(sorted(added)):
        insert_rows(connection, ENROLLMENTS, ("person_id", "section_id"), chunk)
