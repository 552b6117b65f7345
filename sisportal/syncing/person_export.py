"""Everything that the portal holds of one person, for that person or their family: what a school must be able to hand over."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Select, Table, Text, and_, or_, select, type_coerce

from sisportal.models import (
    Account,
    AccountLink,
    Action,
    ActionType,
    AuditEvent,
    FailedSignIn,
    HandEdit,
    KeptBack,
    MatchDecision,
    Membership,
    Organization,
    Pin,
    RecordKind,
    SchoolClass,
    SisConnection,
    SisEnrollment,
    SisPerson,
    SisSection,
    SyncWarning,
)
from sisportal.models.base import Base
from sisportal.syncing import notices
from sisportal.syncing.review import Who

SECRET = frozenset({"key", "password_hash", "session_version", "salt", "secret", "seed", "secrets", "claim"})
"""Columns that nobody is told: what signs in, and hashes of it."""
INNER = frozenset({"search", "written_fingerprint", "fingerprint"})
"""Columns that repeat others, for the portal's own use."""
NOT_ABOUT = frozenset({"decided_by", "started_by", "committed_by", "actor_id", "printed_by_id"})
"""Columns that name whoever did something to somebody else: those rows are about the other one."""
PEOPLE = (ActionType.STUDENT, ActionType.TEACHER)


def export_person(connection: Connection, account_id: int, who: Who, now: datetime) -> dict[str, Any] | None:
    """``{account, organizations, links, sis, classes, changes, rosters, warnings, decisions, audit, ...}``; noted in the audit log.

    None where there is no such account. Further keys are the tables that refer to accounts, each with its rows of this one.
    """
    account = connection.execute(select(Account.__table__).where(Account.id == account_id)).one_or_none()
    if account is None:
        return None
    links = connection.execute(select(AccountLink.__table__).where(AccountLink.account_id == account_id)).all()
    ids = [link.source_id for link in links]
    found: dict[str, Any] = {
        "exported_at": now,
        "account": _told(account) | {"has_password": account.password_hash is not None},
        "organizations": _organizations(connection, account),
        "links": _links(connection, links),
        "sis": _mirror(connection, links),
        "classes": _classes(connection, account_id),
        "changes": _changes(connection, account_id, ids),
        "rosters": _rosters(connection, ids),
        "warnings": _rows(connection, select(SyncWarning.__table__).where(SyncWarning.external_id.in_(ids))),
        "decisions": _rows(connection, _decisions(account_id, ids)),
        "edited_by_hand": _rows(connection, _by_hand(account_id)),
        "pinned": _rows(connection, _pinned(account_id, ids)),
        "kept_back": _rows(connection, _kept_back(account_id, ids)),
        "audit": _rows(connection, _audit(account)),
        "failed_sign_ins": _failed(connection, account),
    }
    found |= {table.name: _rows(connection, statement) for table, statement in _others(account_id)}
    notices.record(
        connection, "person-exported", account.username, now, actor=who.name, actor_id=who.id, address=who.address
    )
    return found


def _others(account_id: int) -> Iterator[tuple[Table, Select[Any]]]:
    """Every table that refers to accounts and is not told of already: what comes to be later is not forgotten."""
    told = {model.__table__ for model in (Account, AccountLink, AuditEvent, Membership, MatchDecision)}
    for table in Base.metadata.sorted_tables:
        columns = [
            column for column in table.columns
            if column.name not in NOT_ABOUT and any(key.column.table.name == "account" for key in column.foreign_keys)
        ]  # fmt: skip
        if columns and table not in told:
            yield table, select(table).where(or_(*(column == account_id for column in columns)))


def _told(row: Row[Any]) -> dict[str, Any]:
    return {name: value for name, value in row._asdict().items() if name not in SECRET | INNER}


def _rows(connection: Connection, statement: Select[*tuple[Any, ...]]) -> list[dict[str, Any]]:
    return [_told(row) for row in connection.execute(statement)]


def _organizations(connection: Connection, account: Row[Any]) -> list[dict[str, Any]]:
    ids = {account.organization_id, *(account.organizations or [])} - {None}
    return _rows(connection, select(Organization.id, Organization.name).where(Organization.id.in_(ids)))


def _links(connection: Connection, links: Sequence[Row[Any]]) -> list[dict[str, Any]]:
    kinds = dict(iter((row[0], row[1]) for row in connection.execute(select(SisConnection.id, SisConnection.kind))))
    return [
        {"connection": kinds[link.connection_id], "id": link.source_id, "last_written": link.written} for link in links
    ]


def _mirror(connection: Connection, links: Sequence[Row[Any]]) -> list[dict[str, Any]]:
    """What each SIS said of the person last, and the sections that it lists them in."""
    found = []
    for link in links:
        of_link = (SisPerson.connection_id == link.connection_id, SisPerson.source_id == link.source_id)
        for person in connection.execute(select(SisPerson.__table__).where(*of_link)):
            sections = (
                select(SisSection.source_id, SisSection.payload)
                .join(SisEnrollment, SisEnrollment.section_id == SisSection.id)
                .where(SisEnrollment.person_id == person.id)
            )
            listed = [
                {"id": row.source_id, "name": row.payload.get("name", "")} for row in connection.execute(sections)
            ]
            found.append({"record": person.payload, "gone_in_sync": person.gone_in_sync, "sections": listed})
    return found


def _classes(connection: Connection, account_id: int) -> list[dict[str, Any]]:
    statement = (
        select(SchoolClass.id, SchoolClass.name, SchoolClass.code, SchoolClass.term, Membership.position, Membership.ended_by_sync)
        .join(Membership, Membership.class_id == SchoolClass.id)
        .where(Membership.account_id == account_id)
        .order_by(SchoolClass.id)
    )  # fmt: skip
    return [
        {
            "id": row.id, "name": row.name, "code": row.code, "term": row.term,
            "part": "student" if row.position == Membership.STUDENT else "teacher", "ended_by_sync": row.ended_by_sync,
        }
        for row in connection.execute(statement)
    ]  # fmt: skip


def _changes(connection: Connection, account_id: int, ids: list[str]) -> list[dict[str, Any]]:
    """Every action that was ever planned for the person, with its outcome."""
    about = or_(Action.source_id.in_(ids), Action.target_id == account_id)
    return _rows(connection, select(Action.__table__).where(Action.type.in_(PEOPLE), about).order_by(Action.id))


def _rosters(connection: Connection, ids: list[str]) -> list[dict[str, Any]]:
    """The actions of sections that would bring the person in or take them out: only what they say of this person."""
    named: list[ColumnElement[bool]] = [
        type_coerce(Action.roster, Text).contains(f'"{id_}"', autoescape=True) for id_ in ids
    ]
    if not named:
        return []
    statement = select(Action.id, Action.sync_id, Action.label, Action.state, Action.roster)
    rows = connection.execute(statement.where(Action.type == ActionType.SECTION, or_(*named)).order_by(Action.id))
    return [
        {
            "action": row.id, "sync_id": row.sync_id, "class": row.label, "state": row.state,
            "said": [way for way, people in row.roster.items() if not {*ids}.isdisjoint(people)],
        }
        for row in rows
    ]  # fmt: skip


def _decisions(account_id: int, ids: list[str]) -> Select[Any]:
    about = or_(MatchDecision.source_id.in_(ids), MatchDecision.target_id == account_id)
    return select(MatchDecision.__table__).where(MatchDecision.collection == "people", about)


def _by_hand(account_id: int) -> Select[Any]:
    """Fields that a person changed, of the account and of its places in classes."""
    own = and_(HandEdit.record == RecordKind.ACCOUNT, HandEdit.record_id == account_id)
    return select(HandEdit.__table__).where(or_(own, HandEdit.member_id == account_id))


def _pinned(account_id: int, ids: list[str]) -> Select[Any]:
    own = and_(Pin.record == RecordKind.ACCOUNT, Pin.record_id == account_id)
    return select(Pin.__table__).where(or_(own, Pin.member.in_(ids)))


def _kept_back(account_id: int, ids: list[str]) -> Select[Any]:
    about = or_(KeptBack.source_id.in_(ids), KeptBack.target_id == account_id)
    return select(KeptBack.__table__).where(KeptBack.collection == "people", about)


def _audit(account: Row[Any]) -> Select[Any]:
    about = (
        AuditEvent.actor_id == account.id,
        AuditEvent.actor == account.username,
        AuditEvent.subject == account.username,
    )
    return select(AuditEvent.__table__).where(or_(*about)).order_by(AuditEvent.id)


def _failed(connection: Connection, account: Row[Any]) -> list[datetime]:
    keys = [f"account:{text.lower()}" for text in (account.username, account.email) if text]
    return list(connection.scalars(select(FailedSignIn.at).where(FailedSignIn.key.in_(keys)).order_by(FailedSignIn.id)))
