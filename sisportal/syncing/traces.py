"""Linked accounts and classes whose records the SIS lists no more: whom, and what, a new record may be (SPEC 6.3).

Read only where there are new records and the connection has links: a first sync and an unchanged one never ask.
"""

from collections.abc import Container, Iterable, Iterator
from datetime import timedelta

import msgspec
from sqlalchemy import ColumnElement, Connection, Select, Text, and_, exists, func, or_, select, type_coerce

from sisportal.models import Sync, SyncState
from sisportal.roster.likeness import Trace, Traces, Wanted
from sisportal.roster.likeness_sections import ClassTrace, ClassTraces, by_every_id
from sisportal.roster.matching_people import Candidate
from sisportal.roster.matching_sections import ClassCandidate
from sisportal.roster.options import Options
from sisportal.roster.records import Person, Section
from sisportal.syncing.changing_ids import likely_ids
from sisportal.syncing.held import ACCOUNT_LINKS, CLASS_LINKS, CLASSES, decode_values
from sisportal.syncing.mirror import PEOPLE, SECTIONS
from sisportal.syncing.rows import AT_ONCE

SYNCS_BACK = 5
DAYS_BACK = timedelta(days=60)
"""Archived classes count that a sync archived so lately, or one of so many of the last commits, whenever that was.

Names of classes come back every year, and what a section was is read to compare it: those of all years would be too many.
"""


def any_links(connection: Connection, connection_id: int) -> bool:
    """Whether anybody is linked to the connection at all."""
    return bool(connection.scalar(select(exists().where(ACCOUNT_LINKS.c.connection_id == connection_id))))


def account_traces(
    connection: Connection,
    connection_id: int,
    candidates: Iterable[Candidate],
    options: Options,
    *,
    wanted: Wanted | None = None,
    explained: Container[str] = (),
) -> Traces:
    """The traces of those candidates that are linked; ``explained``: ids of links that a version of the API explains."""
    gone = _gone_people(connection, connection_id)

    def traces() -> Iterator[Trace]:
        for held in candidates:
            if not held.linked_to or held.linked_to in explained:
                continue
            if held.id in gone:
                yield Trace(held, gone[held.id])
            elif not held.archived and (wanted is None or wanted.may_name(held)):
                yield Trace(held, listed=True)

    return Traces(traces(), options, wanted)


def class_traces(
    connection: Connection, connection_id: int, sync_id: int, *which: ColumnElement[bool], recent: bool = True
) -> ClassTraces:
    """The traces of classes whose section is gone; of archived ones only those of late, unless not ``recent``.

    Their people are known by the ids that the plan of ``sync_id`` may give them, too.
    """
    statement = _gone_sections(connection_id).where(*which)
    if recent:
        statement = statement.where(or_(CLASSES.c.archived_at.is_(None), _archived_lately(connection, connection_id)))
    decode = msgspec.json.Decoder(Section).decode
    ids = likely_ids(connection, sync_id)

    def traces() -> Iterator[ClassTrace]:
        rows = connection.execute(statement.execution_options(yield_per=AT_ONCE))
        for id_, source_id, archived, payload, written in rows:
            said = by_every_id(decode(payload), decode_values(written), ids)
            held = ClassCandidate(
                id_, said.name or said.course_name, start=said.start, finish=said.finish, linked_to=source_id,
                archived=bool(archived),
            )  # fmt: skip
            yield ClassTrace(held, said)

    return ClassTraces(traces())


def _gone_sections(connection_id: int) -> Select[int, str, bool, str, str]:
    """Linked classes whose section is gone: id, source_id, whether archived, what was last said of the section, and written."""
    link = and_(CLASS_LINKS.c.connection_id == connection_id, CLASS_LINKS.c.source_id == SECTIONS.c.source_id)
    return (
        select(
            CLASSES.c.id,
            CLASS_LINKS.c.source_id,
            CLASSES.c.archived_at.is_not(None),
            type_coerce(SECTIONS.c.payload, Text),
            type_coerce(CLASS_LINKS.c.written, Text),
        )
        .select_from(CLASS_LINKS.join(CLASSES, CLASSES.c.id == CLASS_LINKS.c.class_id).join(SECTIONS, link))
        .where(SECTIONS.c.connection_id == connection_id)
        .where(or_(SECTIONS.c.gone_in_sync.is_not(None), SECTIONS.c.in_scope.is_(False)))
    )


def _archived_lately(connection: Connection, connection_id: int) -> ColumnElement[bool]:
    committed = (
        select(Sync.id)
        .where(Sync.connection_id == connection_id, Sync.state.in_((SyncState.COMMITTED, SyncState.PARTLY_COMMITTED)))
        .order_by(Sync.id.desc())
        .limit(SYNCS_BACK)
    )
    late: ColumnElement[bool] = CLASSES.c.archived_by_sync.in_(committed)
    now = connection.scalar(select(func.max(Sync.created_at)).where(Sync.connection_id == connection_id))
    if now is None:
        return late
    return or_(late, and_(CLASSES.c.archived_by_sync.is_not(None), CLASSES.c.archived_at >= now - DAYS_BACK))


def _gone_people(connection: Connection, connection_id: int) -> dict[int, Person | None]:
    """Accounts whose record is not listed, or in no school that is synced, with what was last said of it, if anything."""
    person = and_(PEOPLE.c.connection_id == connection_id, PEOPLE.c.source_id == ACCOUNT_LINKS.c.source_id)
    statement = (
        select(ACCOUNT_LINKS.c.account_id, type_coerce(PEOPLE.c.payload, Text))
        .select_from(ACCOUNT_LINKS.outerjoin(PEOPLE, person))
        .where(ACCOUNT_LINKS.c.connection_id == connection_id)
        .where(or_(PEOPLE.c.gone_in_sync.is_not(None), PEOPLE.c.in_scope.is_(False), PEOPLE.c.id.is_(None)))
    )
    decode = msgspec.json.Decoder(Person).decode
    rows = connection.execute(statement.execution_options(yield_per=AT_ONCE))
    return {row[0]: decode(row[1]) if row[1] else None for row in rows}
