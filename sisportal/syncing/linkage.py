"""How the mirror stands to the portal: who is linked, changed, archived, gone; remembered between two changes.

Telling it takes a look at every record and its link (some 150 ms at 100,000 people): too long for each page. It changes
only when a sync ends or a person decides something, which the audit log then holds.
"""

from collections import defaultdict
from collections.abc import Hashable
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, Connection, Select, and_, exists, func, literal, or_, select

from sisportal.models import (
    Account,
    AccountLink,
    AuditEvent,
    ClassLink,
    SchoolClass,
    SisConnection,
    SisPerson,
    SisSection,
    Sync,
)

Mirrored = type[SisPerson] | type[SisSection]


class Linkage(msgspec.Struct):
    """How the records of one kind stand: the ordinary ones as numbers, the others by their ids in the mirror."""

    synced: dict[str, int] = msgspec.field(default_factory=lambda: defaultdict(int))
    """``source_id`` of a school that is synced -> how many records of it the SIS lists."""
    unsynced: dict[str, int] = msgspec.field(default_factory=lambda: defaultdict(int))
    """The same of the schools that are not."""
    gone: int = 0
    """No longer listed, of schools that are synced."""
    unmatched: list[int] = msgspec.field(default_factory=list)
    """Listed, synced and without a link."""
    changed: list[int] = msgspec.field(default_factory=list)
    """Listed, synced, linked, and no longer as they were when they were last written."""
    archived: list[int] = msgspec.field(default_factory=list)
    """Linked with an account or class that is archived, listed or not."""

    @property
    def listed(self) -> int:
        """How many records of synced schools the SIS lists."""
        return sum(self.synced.values())


class Linkages:
    """The linkage of every connection, as of the last change; one for each application."""

    def __init__(self) -> None:
        self._known: dict[tuple[int, Mirrored], tuple[Hashable, dict[str, Linkage]]] = {}

    def of(self, connection: Connection, connection_id: int, mirrored: Mirrored, role: str = "") -> Linkage:
        """Of the people of one role, or of the sections, of a connection. One query, where nothing has changed."""
        state = _state(connection, connection_id)
        known = self._known.get((connection_id, mirrored))
        if known is None or known[0] != state:
            known = (state, _read(connection, connection_id, mirrored))
            self._known[connection_id, mirrored] = known
        return known[1].get(role, Linkage())


def is_listed(mirrored: Mirrored) -> ColumnElement[bool]:
    """Whether the SIS lists the record now, in a school that is synced."""
    return and_(mirrored.in_scope, mirrored.gone_in_sync.is_(None))


def is_linked(mirrored: Mirrored) -> ColumnElement[bool]:
    """Whether a record has a link."""
    return exists().where(*_link_of(mirrored))


def is_changed(mirrored: Mirrored) -> ColumnElement[bool]:
    """Whether a record differs from what was last written of it."""
    link, _ = _tables(mirrored)
    return exists().where(*_link_of(mirrored), link.written_fingerprint != mirrored.fingerprint)


def is_archived(mirrored: Mirrored) -> ColumnElement[bool]:
    """Whether the account or class of a record is archived."""
    link, target = _tables(mirrored)
    is_target = target.id == (AccountLink.account_id if link is AccountLink else ClassLink.class_id)
    return exists().where(*_link_of(mirrored), is_target, target.archived_at.is_not(None))


def _tables(mirrored: Mirrored) -> tuple[type[AccountLink] | type[ClassLink], type[Account] | type[SchoolClass]]:
    return (AccountLink, Account) if mirrored is SisPerson else (ClassLink, SchoolClass)


def _link_of(mirrored: Mirrored) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    link, _ = _tables(mirrored)
    return link.connection_id == mirrored.connection_id, link.source_id == mirrored.source_id


def _state(connection: Connection, connection_id: int) -> Hashable:
    """What differs as soon as a sync has ended or a person has changed a record."""
    sync = select(Sync.id, Sync.state).where(Sync.connection_id == connection_id).order_by(Sync.id.desc()).limit(1)
    newest = sync.subquery()
    done = (
        select(AuditEvent.id)
        .where(AuditEvent.event.not_like("sign%"), AuditEvent.event.not_like("action-%"))
        .order_by(AuditEvent.id.desc())
        .limit(1)
    )
    row = connection.execute(
        select(
            SisConnection.updated_at,
            SisConnection.committed_sync_id,
            select(newest.c.id).scalar_subquery(),
            select(newest.c.state).scalar_subquery(),
            done.scalar_subquery(),
        ).where(SisConnection.id == connection_id)
    ).one_or_none()
    return None if row is None else tuple(row)


def _read(connection: Connection, connection_id: int, mirrored: Mirrored) -> dict[str, Linkage]:
    """By role; sections under a blank."""
    role: ColumnElement[str] = SisPerson.role.expression if mirrored is SisPerson else literal("")
    found: dict[str, Linkage] = defaultdict(Linkage)
    for role_, school, in_scope, gone, number in connection.execute(_numbers(connection_id, mirrored, role)):
        linkage = found[role_]
        if gone:
            linkage.gone += number if in_scope else 0
        else:
            (linkage.synced if in_scope else linkage.unsynced)[school] += number
    for role_, id_, unmatched in connection.execute(_differing(connection_id, mirrored, role)):
        linkage = found[role_]
        (linkage.unmatched if unmatched else linkage.changed).append(id_)
    for role_, id_ in connection.execute(_archived(connection_id, mirrored, role)):
        found[role_].archived.append(id_)
    return found


def _numbers(connection_id: int, mirrored: Mirrored, role: ColumnElement[str]) -> Select[*tuple[Any, ...]]:
    gone = mirrored.gone_in_sync.is_not(None)
    groups = [mirrored.school, mirrored.in_scope, gone]
    counted = select(role, *groups, func.count()).where(mirrored.connection_id == connection_id)
    if mirrored is SisSection:
        return counted.group_by(*groups)
    # The index of the list begins with the role.
    return counted.where(SisPerson.role.in_(("student", "teacher"))).group_by(role, *groups)


def _differing(connection_id: int, mirrored: Mirrored, role: ColumnElement[str]) -> Select[*tuple[Any, ...]]:
    """Listed records without a link, and those that are not as they were last written."""
    link, _ = _tables(mirrored)
    unmatched = link.source_id.is_(None)
    return (
        select(role, mirrored.id, unmatched)
        .select_from(mirrored)
        .outerjoin(link, and_(*_link_of(mirrored)))
        # The zero keeps SQLite from any index: in the order of the table, in which the links lie too, each link is the
        # next one, and in every other order it is sought anew, which takes five times as long.
        .where(mirrored.connection_id + 0 == connection_id, is_listed(mirrored))
        .where(or_(unmatched, link.written_fingerprint != mirrored.fingerprint))
    )


def _archived(connection_id: int, mirrored: Mirrored, role: ColumnElement[str]) -> Select[*tuple[Any, ...]]:
    """Records whose account or class is archived."""
    link, target = _tables(mirrored)
    target_id = AccountLink.account_id if link is AccountLink else ClassLink.class_id
    return (
        select(role, mirrored.id)
        .select_from(target)
        .join(link, target_id == target.id)
        # The same zero: from the few that are archived to their links, not from every record to its account.
        .join(mirrored, (mirrored.connection_id == link.connection_id + 0) & (mirrored.source_id == link.source_id))
        .where(link.connection_id + 0 == connection_id, target.archived_at.is_not(None))
    )
