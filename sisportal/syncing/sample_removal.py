"""Removing the sample district: the one place where what a sync brought is removed for good, because nobody in it is real.

Everything by hand stays: accounts, classes and organizations that somebody made, the settings and the audit log.
"""

from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec
from sqlalchemy import (
    ColumnElement,
    Connection,
    Delete,
    Engine,
    Select,
    Update,
    delete,
    exists,
    or_,
    select,
    union,
    update,
)

from sisportal import sample
from sisportal.models import (
    Account,
    AccountLink,
    AccountRole,
    Action,
    ActionType,
    Alarm,
    Base,
    ClassLink,
    HandEdit,
    KeptBack,
    Mail,
    MatchDecision,
    Membership,
    Notification,
    Organization,
    OrganizationLink,
    Pin,
    RecordKind,
    Schedule,
    SchoolClass,
    SisConnection,
    SisEnrollment,
    SisPerson,
    SisReference,
    SisSchool,
    SisSection,
    Source,
    Sync,
    SyncWarning,
    Verb,
)
from sisportal.models.database import writing
from sisportal.syncing import notices
from sisportal.syncing.review import Who
from sisportal.syncing.rows import chunks
from sisportal.syncing.running import refuse_beside_another
from sisportal.syncing.sample_district import held, is_sample
from sisportal.syncing.states import NotAllowed
from sisportal.syncing.sync_numbers import keep_highest

PEOPLE = (AccountRole.TEACHER, AccountRole.STUDENT)
"""Whoever was given another role since is somebody's own account by now, and stays."""
_PEOPLE = (ActionType.STUDENT, ActionType.TEACHER)
_AT_ONCE = 500
_REFERRING = [
    key.parent for table in Base.metadata.sorted_tables for key in sorted(table.foreign_keys, key=str)
    if key.column is Account.__table__.c.id
]  # fmt: skip
"""Columns that name an account: where they may be null, the row says what somebody did, else it is theirs."""


class Brought(msgspec.Struct, frozen=True):
    """What the sample district has brought, and what of it goes with it: ids."""

    accounts: list[int]
    classes: list[int]
    organizations: list[int]
    syncs: list[int]
    staying: int = 0
    """Accounts that belong to a person of the sample and stay: made by hand, or with another role since."""


def brought(connection: Connection) -> Brought:
    """What *Remove* would take away. Raises ``NotAllowed`` where the sample is not connected."""
    connection_id = _sample(connection)
    syncs = list(connection.scalars(select(Sync.id).where(Sync.connection_id == connection_id)))
    people = _touched(AccountLink.account_id, AccountLink, connection_id, *_PEOPLE)
    elsewhere = exists().where(AccountLink.account_id == Account.id, AccountLink.connection_id != connection_id)
    own = (
        Account.source == Source.SYNC,
        Account.role.in_(PEOPLE),
        ~elsewhere,
        ~_came_before(Account.id, connection_id, *_PEOPLE),
    )
    accounts = list(connection.scalars(select(Account.id).where(Account.id.in_(people), *own)))
    linked = select(AccountLink.account_id).where(AccountLink.connection_id == connection_id).distinct()
    going = set(accounts)
    classes = _classes(connection, connection_id)
    return Brought(
        accounts,
        classes,
        _organizations(connection, connection_id, going, set(classes)),
        syncs,
        sum(id_ not in going for id_ in connection.scalars(linked)),
    )


def remove(engine: Engine, who: Who, now: datetime, data_dir: Path) -> Brought:
    """Remove all of it at once, its days in the data folder included; what it was.

    Raises ``NotAllowed``, also while a sync runs.
    """
    with writing(engine).begin() as connection:
        found = brought(connection)
        connection_id = _sample(connection)
        refuse_beside_another(connection, connection_id, now)
        keep_highest(connection)
        for statement in _in_order(connection_id, found):
            connection.execute(statement)
        notices.record(
            connection, "sample-removed", "sample district", now, actor=who.name, actor_id=who.id, address=who.address,
            accounts=len(found.accounts), classes=len(found.classes), organizations=len(found.organizations),
            syncs=len(found.syncs),
        )  # fmt: skip
    sample.forget(data_dir)
    return found


def _sample(connection: Connection) -> int:
    row = held(connection)
    if row is None or not is_sample(row.settings):
        raise NotAllowed("The sample district is not connected.")
    return int(row.id)


def _touched(column: Any, link: Any, connection_id: int, *types: ActionType) -> Select[Any]:
    """Ids of what is linked, and of what a sync made and an undo took the link from again."""
    made = (
        select(Action.target_id)
        .join(Sync, Sync.id == Action.sync_id)
        .where(Sync.connection_id == connection_id, Action.type.in_(types), Action.verb == Verb.ADD)
        .where(Action.target_id.is_not(None))
    )
    both = union(select(column).where(link.connection_id == connection_id), made).subquery()
    return select(both.c[0])


def _came_before(id_: Any, connection_id: int, *types: ActionType) -> ColumnElement[bool]:
    """Whether a sync of another connection made it: of a real district, even where an undo took that link away since."""
    made = (Action.target_id == id_, Action.type.in_(types), Action.verb == Verb.ADD)
    return exists().where(Action.sync_id == Sync.id, Sync.connection_id != connection_id, *made)


def _classes(connection: Connection, connection_id: int) -> list[int]:
    """Sections' classes, and the parents that would be left without a session."""
    sections = _touched(ClassLink.class_id, ClassLink, connection_id, ActionType.SECTION)
    elsewhere = exists().where(ClassLink.class_id == SchoolClass.id, ClassLink.connection_id != connection_id)
    own = select(SchoolClass.id, SchoolClass.parent_id).where(
        SchoolClass.source == Source.SYNC, ~elsewhere, ~_came_before(SchoolClass.id, connection_id, ActionType.SECTION)
    )
    rows = connection.execute(own.where(SchoolClass.id.in_(sections))).all()
    classes, above = [row.id for row in rows], {row.parent_id for row in rows if row.parent_id}
    made = select(SchoolClass.id).where(SchoolClass.is_parent, SchoolClass.source == Source.SYNC)
    parents = [
        id_ for ids in chunks(above, _AT_ONCE) for id_ in connection.scalars(made.where(SchoolClass.id.in_(ids)))
    ]
    going = set(classes)
    kept = {
        row.parent_id
        for ids in chunks(parents, _AT_ONCE)
        for row in connection.execute(
            select(SchoolClass.id, SchoolClass.parent_id).where(SchoolClass.parent_id.in_(ids))
        )
        if row.id not in going
    }
    return classes + [id_ for id_ in parents if id_ not in kept]


def _organizations(connection: Connection, connection_id: int, accounts: set[int], classes: set[int]) -> list[int]:
    """Those made for its schools in which nobody and nothing else would be left."""
    both = union(
        select(OrganizationLink.organization_id).where(OrganizationLink.connection_id == connection_id),
        select(SisSchool.organization_id).where(
            SisSchool.connection_id == connection_id, SisSchool.organization_id.is_not(None)
        ),
    ).subquery()
    linked = select(both.c[0])
    elsewhere = exists().where(
        OrganizationLink.organization_id == Organization.id, OrganizationLink.connection_id != connection_id
    )
    own = select(Organization.id).where(
        Organization.id.in_(linked), Organization.source == Source.SYNC, Organization.edited_at.is_(None), ~elsewhere
    )
    found = set(connection.scalars(own))
    people = select(Account.id, Account.organization_id, Account.organizations)
    for row in connection.execute(people):
        if row.id not in accounts:
            found -= {row.organization_id, *row.organizations}
    places = select(SchoolClass.id, SchoolClass.organization_id).where(SchoolClass.organization_id.in_(linked))
    found -= {row.organization_id for row in connection.execute(places) if row.id not in classes}
    below = select(Organization.id, Organization.parent_id).where(Organization.parent_id.in_(linked))
    rows = connection.execute(below).all()
    while kept := {row.parent_id for row in rows if row.id not in found and row.parent_id in found}:
        found -= kept
    return sorted(found)


def _in_order(connection_id: int, found: Brought) -> Iterable[Delete | Update]:
    """Every statement, what refers to something before that."""
    mine = select(Sync.id).where(Sync.connection_id == connection_id)
    yield from _of_syncs(mine)
    for accounts in chunks(found.accounts, _AT_ONCE):
        yield from _of_accounts(accounts)
    for classes in chunks(found.classes, _AT_ONCE):
        yield from _of_classes(classes)
    for table in (AccountLink, ClassLink, OrganizationLink, Pin, MatchDecision, Schedule, Alarm):
        yield delete(table).where(table.connection_id == connection_id)
    for classes in chunks(found.classes, _AT_ONCE):
        yield update(SchoolClass).where(SchoolClass.parent_id.in_(classes)).values(parent_id=None)
    for classes in chunks(found.classes, _AT_ONCE):
        yield delete(SchoolClass).where(SchoolClass.id.in_(classes))
    for accounts in chunks(found.accounts, _AT_ONCE):
        yield delete(Account).where(Account.id.in_(accounts))
    for record in (Account, SchoolClass, Organization):  # no page is there any more that would explain it
        yield update(record).where(record.changed_by_sync.in_(mine)).values(changed_by_sync=None)
        yield update(record).where(record.archived_by_sync.in_(mine)).values(archived_by_sync=None)
    yield update(Membership).where(Membership.ended_by_sync.in_(mine)).values(ended_by_sync=0)
    yield from _of_mirror(connection_id)
    yield update(Organization).where(Organization.parent_id.in_(found.organizations)).values(parent_id=None)
    yield delete(Organization).where(Organization.id.in_(found.organizations))
    yield delete(Sync).where(Sync.connection_id == connection_id)
    yield delete(SisConnection).where(SisConnection.id == connection_id)


def _of_syncs(mine: Select[Any]) -> Iterable[Delete | Update]:
    for table in (Action, SyncWarning, Notification):
        yield delete(table).where(table.sync_id.in_(mine))
    yield delete(KeptBack).where(or_(KeptBack.undone_sync_id.in_(mine), KeptBack.undone_by_id.in_(mine)))
    yield update(Mail).where(Mail.sync_id.in_(mine)).values(sync_id=None)


def _of_accounts(ids: list[int]) -> Iterable[Delete | Update]:
    """What is theirs goes, whatever table it is in. What they did otherwise stays, and the audit log's lines name them in words."""
    yield delete(Membership).where(Membership.account_id.in_(ids))  # these two have no foreign keys
    yield delete(HandEdit).where(HandEdit.record == RecordKind.ACCOUNT, HandEdit.record_id.in_(ids))
    yield delete(HandEdit).where(HandEdit.member_id.in_(ids))
    for theirs in _REFERRING:
        of_them = theirs.in_(ids)
        yield (
            update(theirs.table).where(of_them).values({theirs.name: None})
            if theirs.nullable
            else delete(theirs.table).where(of_them)
        )


def _of_classes(ids: list[int]) -> Iterable[Delete | Update]:
    yield delete(Membership).where(Membership.class_id.in_(ids))
    yield delete(HandEdit).where(HandEdit.record == RecordKind.CLASS, HandEdit.record_id.in_(ids))


def _of_mirror(connection_id: int) -> Iterable[Delete | Update]:
    people = select(SisPerson.id).where(SisPerson.connection_id == connection_id)
    yield delete(SisEnrollment).where(SisEnrollment.person_id.in_(people))
    for table in (SisPerson, SisSection, SisSchool, SisReference):
        yield delete(table).where(table.connection_id == connection_id)
