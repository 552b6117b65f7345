"""What a plan reads of mirror and portal side by side: records that may differ, and linked ones that are gone."""

from typing import Any

from sqlalchemy import ColumnElement, Select, Table, Text, and_, or_, select, type_coerce

from sisportal.syncing.held import ACCOUNT_LINKS, ACCOUNTS, CLASS_LINKS, CLASSES, account_columns, class_columns
from sisportal.syncing.mirror import PEOPLE, SECTIONS
from sisportal.syncing.unindexed import unindexed


def people_to_compare(connection_id: int, *, few: bool) -> Select[*tuple[Any, ...]]:
    """Listed people in scope who have no link, or whose account may differ from what the SIS says; ``few``: of some of them.

    Columns: source_id, payload, fingerprint, account_id, written, archived_at, archived_by_sync, search, then
    ``account_columns``.
    """
    link = and_(ACCOUNT_LINKS.c.connection_id == connection_id, ACCOUNT_LINKS.c.source_id == PEOPLE.c.source_id)
    return (
        select(
            PEOPLE.c.source_id,
            type_coerce(PEOPLE.c.payload, Text),
            PEOPLE.c.fingerprint,
            ACCOUNT_LINKS.c.account_id,
            type_coerce(ACCOUNT_LINKS.c.written, Text),
            ACCOUNTS.c.archived_at,
            ACCOUNTS.c.archived_by_sync,
            PEOPLE.c.search,
            *account_columns(),
        )
        .select_from(
            PEOPLE.outerjoin(ACCOUNT_LINKS, link).outerjoin(ACCOUNTS, ACCOUNTS.c.id == ACCOUNT_LINKS.c.account_id)
        )
        .where(of_connection(PEOPLE, connection_id, few=few), PEOPLE.c.in_scope, PEOPLE.c.gone_in_sync.is_(None))
        .where(
            or_(
                ACCOUNT_LINKS.c.written_fingerprint.is_(None),
                ACCOUNT_LINKS.c.written_fingerprint != PEOPLE.c.fingerprint,
                ACCOUNTS.c.archived_at.is_not(None),
                ACCOUNTS.c.edited_at.is_not(None),
            )
        )
        .order_by(PEOPLE.c.id)
    )


def sections_to_compare(connection_id: int, *, few: bool) -> Select[*tuple[Any, ...]]:
    """As ``people_to_compare``, of sections and their classes.

    Columns: source_id, payload, fingerprint, class_id, written, archived_at, archived_by_sync, search, then
    ``class_columns``.
    """
    link = and_(CLASS_LINKS.c.connection_id == connection_id, CLASS_LINKS.c.source_id == SECTIONS.c.source_id)
    return (
        select(
            SECTIONS.c.source_id,
            type_coerce(SECTIONS.c.payload, Text),
            SECTIONS.c.fingerprint,
            CLASS_LINKS.c.class_id,
            type_coerce(CLASS_LINKS.c.written, Text),
            CLASSES.c.archived_at,
            CLASSES.c.archived_by_sync,
            SECTIONS.c.search,
            *class_columns(),
        )
        .select_from(SECTIONS.outerjoin(CLASS_LINKS, link).outerjoin(CLASSES, CLASSES.c.id == CLASS_LINKS.c.class_id))
        .where(of_connection(SECTIONS, connection_id, few=few), SECTIONS.c.in_scope, SECTIONS.c.gone_in_sync.is_(None))
        .where(
            or_(
                CLASS_LINKS.c.written_fingerprint.is_(None),
                CLASS_LINKS.c.written_fingerprint != SECTIONS.c.fingerprint,
                CLASSES.c.archived_at.is_not(None),
                CLASSES.c.edited_at.is_not(None),
            )
        )
        .order_by(SECTIONS.c.id)
    )


def people_gone(connection_id: int) -> Select[*tuple[Any, ...]]:
    """Active linked accounts whose person is gone, out of scope, or was never listed at all.

    Columns: source_id, account_id, role of the account, last_name, first_name, school, role of the person.
    """
    person = and_(PEOPLE.c.connection_id == connection_id, PEOPLE.c.source_id == ACCOUNT_LINKS.c.source_id)
    gone = or_(PEOPLE.c.gone_in_sync.is_not(None), PEOPLE.c.in_scope.is_(False))
    return (
        select(
            ACCOUNT_LINKS.c.source_id,
            ACCOUNT_LINKS.c.account_id,
            ACCOUNTS.c.role,
            ACCOUNTS.c.last_name,
            ACCOUNTS.c.first_name,
            PEOPLE.c.school,
            PEOPLE.c.role,
        )
        .select_from(
            ACCOUNT_LINKS.join(ACCOUNTS, ACCOUNTS.c.id == ACCOUNT_LINKS.c.account_id).outerjoin(PEOPLE, person)
        )
        .where(ACCOUNT_LINKS.c.connection_id == connection_id, ACCOUNTS.c.archived_at.is_(None))
        .where(or_(gone, PEOPLE.c.id.is_(None)))
        .order_by(ACCOUNT_LINKS.c.account_id)
    )


def sections_gone(connection_id: int) -> Select[*tuple[Any, ...]]:
    """As ``people_gone``, of classes: source_id, class_id, name, school."""
    section = and_(SECTIONS.c.connection_id == connection_id, SECTIONS.c.source_id == CLASS_LINKS.c.source_id)
    gone = or_(SECTIONS.c.gone_in_sync.is_not(None), SECTIONS.c.in_scope.is_(False))
    return (
        select(CLASS_LINKS.c.source_id, CLASS_LINKS.c.class_id, CLASSES.c.name, SECTIONS.c.school)
        .select_from(CLASS_LINKS.join(CLASSES, CLASSES.c.id == CLASS_LINKS.c.class_id).outerjoin(SECTIONS, section))
        .where(CLASS_LINKS.c.connection_id == connection_id, CLASSES.c.archived_at.is_(None))
        .where(or_(gone, SECTIONS.c.id.is_(None)))
        .order_by(CLASS_LINKS.c.class_id)
    )


def of_connection(records: Table, connection_id: int, *, few: bool) -> ColumnElement[bool]:
    """Whether they are the connection's; by an index only where few of them are wanted."""
    column = records.c.connection_id
    return (column if few else unindexed(column)) == connection_id
