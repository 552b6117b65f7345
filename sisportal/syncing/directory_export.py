"""The LMS side as JSON: every organization, account and class, archived ones included, in the order of their ids (SPEC 10)."""

from collections.abc import Iterable, Iterator
from typing import Any

import msgspec
from sqlalchemy import Connection, Row, Select, and_, select

from sisportal.models import (
    Account,
    AccountLink,
    ClassLink,
    Membership,
    Organization,
    OrganizationLink,
    SchoolClass,
    SisConnection,
)

AT_ONCE = 1_000
Link = type[OrganizationLink] | type[AccountLink] | type[ClassLink]
Identifiers = dict[int, dict[str, str]]
"""Id of a record -> kind of connection -> the id that the SIS knows it by."""

ACCOUNT_TEXTS = (
    "username", "first_name", "middle_name", "last_name", "preferred_name", "email", "student_id", "teacher_id", "sis_id",
    "state_id", "grade", "graduation_year", "gender", "birth_date",
)  # fmt: skip
CLASS_TEXTS = ("name", "code", "subject", "grade", "period", "term", "start", "finish", "style", "sis_id")


def export_json(connection: Connection) -> Iterator[bytes]:
    """The export, piece by piece: a record a line. References are ids; teachers come primary first."""
    encode = msgspec.json.Encoder().encode
    lists = (("organizations", organizations), ("accounts", accounts), ("classes", classes))
    for number, (name, records) in enumerate(lists):
        yield b'%s"%s":[' % (b"," if number else b"{", name.encode())
        for index, record in enumerate(records(connection)):
            yield (b",\n" if index else b"\n") + encode(record)
        yield b"\n]"
    yield b"}\n"


def organizations(connection: Connection) -> Iterator[dict[str, Any]]:
    """Every organization."""
    for rows in _pages(connection, select(Organization.__table__), Organization.id):
        known = _identifiers(connection, OrganizationLink, OrganizationLink.organization_id, rows)
        for row in rows:
            yield {
                "id": row.id,
                "name": row.name,
                "parent": row.parent_id,
                "sis_id": row.sis_id,
                "archived": row.archived_at is not None,
                "identifiers": known.get(row.id, {}),
            }


def accounts(connection: Connection) -> Iterator[dict[str, Any]]:
    """Every account, administrators included; no passwords."""
    for rows in _pages(connection, select(Account.__table__), Account.id):
        known = _identifiers(connection, AccountLink, AccountLink.account_id, rows)
        for row in rows:
            yield {
                "id": row.id,
                "role": row.role,
                "roles": row.roles,
                **_texts(row, ACCOUNT_TEXTS),
                "organization": row.organization_id,
                "organizations": row.organizations,
                "archived": row.archived_at is not None,
                "identifiers": known.get(row.id, {}),
            }


def classes(connection: Connection) -> Iterator[dict[str, Any]]:
    """Every class with its active members."""
    for rows in _pages(connection, select(SchoolClass.__table__), SchoolClass.id):
        known = _identifiers(connection, ClassLink, ClassLink.class_id, rows)
        teachers, students = _members(connection, rows)
        for row in rows:
            yield {
                "id": row.id,
                **_texts(row, CLASS_TEXTS),
                "organization": row.organization_id,
                "parent": row.parent_id,
                "teachers": teachers.get(row.id, []),
                "students": students.get(row.id, []),
                "archived": row.archived_at is not None,
                "identifiers": known.get(row.id, {}),
            }


def _texts(row: Row[Any], names: Iterable[str]) -> dict[str, Any]:
    return {name: getattr(row, name) for name in names}


def _pages(connection: Connection, statement: Select[Any], key: Any) -> Iterator[list[Row[Any]]]:
    """The rows in the order of their ids, some at a time; each page a query, so that others may run in between."""
    last = 0
    while rows := list(connection.execute(statement.where(key > last).order_by(key).limit(AT_ONCE))):
        yield rows
        last = rows[-1].id


def _identifiers(connection: Connection, link: Link, key: Any, rows: list[Row[Any]]) -> Identifiers:
    """What connections know the records by; of several ids in one connection, the first."""
    statement = (
        select(key.label("record_id"), SisConnection.kind, link.source_id)
        .join(SisConnection, SisConnection.id == link.connection_id)
        .where(key.between(rows[0].id, rows[-1].id))
        .order_by(key, SisConnection.kind, link.source_id)
    )
    found: Identifiers = {}
    for record_id, kind, source_id in connection.execute(statement):
        found.setdefault(record_id, {}).setdefault(kind, source_id)
    return found


def _members(connection: Connection, rows: list[Row[Any]]) -> tuple[dict[int, list[int]], dict[int, list[int]]]:
    """Teachers in their order, and students by id, of each class: those who did not leave and are not archived."""
    active = and_(Account.id == Membership.account_id, Account.archived_at.is_(None))
    statement = (
        select(Membership.class_id, Membership.account_id, Membership.position)
        .join(Account, active)
        .where(Membership.class_id.between(rows[0].id, rows[-1].id), Membership.ended_by_sync.is_(None))
        .order_by(Membership.class_id, Membership.position, Membership.account_id)
    )
    teachers: dict[int, list[int]] = {}
    students: dict[int, list[int]] = {}
    for class_id, account_id, position in connection.execute(statement):
        kind = students if position == Membership.STUDENT else teachers
        kind.setdefault(class_id, []).append(account_id)
    return teachers, students
