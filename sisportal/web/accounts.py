"""Accounts: everybody whom the portal knows, and each of them with identifiers, classes and what syncs did."""

from collections.abc import Iterator, Mapping
from typing import Any

from flask import Blueprint, Response
from sqlalchemy import ColumnElement, Engine, Row, Select, func, or_, select

from sisportal.extensions import db
from sisportal.models import (
    Account,
    AccountLink,
    AccountRole,
    Membership,
    RecordKind,
    SchoolClass,
    SisConnection,
    SisPerson,
)
from sisportal.roster.fields import ACCOUNT_FIELDS
from sisportal.syncing.connections import NAMES
from sisportal.syncing.held import ACCOUNT_COLUMNS
from sisportal.syncing.organizations import last_committed
from sisportal.syncing.rows import read
from sisportal.web.access import Rule, access, current, reads_everything
from sisportal.web.csv_files import csv_file
from sisportal.web.directory_words import (
    CHANGED,
    SOURCE_CHOICES,
    STATES,
    identifiers,
    in_state,
    listed_name,
    organization_choices,
)
from sisportal.web.frame import ROLE_NAMES
from sisportal.web.lists import (
    asked_choice,
    asked_number,
    asked_search,
    asked_sort,
    containing,
    ordered,
    page_of,
)
from sisportal.web.pinned_fields import pinned_fields
from sisportal.web.record_words import SOURCES, fields_in_words, sync_history
from sisportal.web.rendering import render_tab
from sisportal.web.scope import get_account, may_manage_account, visible_accounts, visible_classes

blueprint = Blueprint("accounts", __name__)

SORTS: Mapping[str, list[Any]] = {
    "name": [Account.search, Account.role],
    "username": [func.lower(Account.username)],
    "newest": [Account.id],
}
HEADING = (
    "Role", "Last name", "First name", "Preferred name", "Username", "E-mail", "Student ID", "Teacher ID", "SIS ID",
    "Grade", "Organization", "State",
)  # fmt: skip


@blueprint.get("/accounts")
@access(Rule.LOOK)
def listing() -> Response:
    organizations = organization_choices()
    ids, pages = page_of(_asked())
    rows = {row.id: row for row in db.session.execute(select(*_shown()).where(Account.id.in_(ids)))}
    return render_tab(
        "accounts/accounts.html",
        pages=pages,
        rows=[rows[id_] for id_ in ids],
        organizations=organizations,
        roles=[("", "Any role"), *((str(role), ROLE_NAMES[role]) for role in AccountRole)],
        role_names=ROLE_NAMES,
        sources=SOURCE_CHOICES,
        states=[(name, label, None) for name, label in STATES.items()],
        changes=list(CHANGED.items()),
        listed_name=listed_name,
        sort=asked_sort(SORTS, "name"),
        **_filters(),
    )


@blueprint.get("/accounts.csv")
@access(Rule.LOOK)
def spreadsheet() -> Response:
    """Every account that the list would show on all its pages."""
    statement = _asked().with_only_columns(*_shown())
    return csv_file("accounts.csv", HEADING, _lines(db.engine, statement, organization_choices()))


@blueprint.get("/accounts/<int:account_id>")
@access(Rule.LOOK)
def account(account_id: int) -> Response:
    found = get_account(account_id)
    values = {field: getattr(found, column) for field, column in zip(ACCOUNT_FIELDS, ACCOUNT_COLUMNS, strict=True)}
    links = identifiers(AccountLink, AccountLink.account_id == account_id)
    known = [link.source_id for link in links] if reads_everything() else []
    history, pages = sync_history(("student", "teacher"), known)
    return render_tab(
        "accounts/account.html",
        account=found,
        name=listed_name(found),
        role=ROLE_NAMES[AccountRole(found.role)],
        source=SOURCES.get(found.source, found.source),
        fields=fields_in_words(values),
        may_reset_factor=found.has_second_factor and may_manage_account(found) and found.id != current().id,
        identifiers=[(NAMES[link.kind], link.kind, link.source_id) for link in links],
        gone_from=_gone_from(account_id) if links else [],
        pins=pinned_fields(RecordKind.ACCOUNT, account_id) if found.edited_at else [],
        classes=_classes(account_id),
        history=history,
        pages=pages,
    )


def _filters() -> dict[str, Any]:
    return {
        "search": asked_search(),
        "role": asked_choice("role", list(AccountRole)),
        "organization": asked_number("organization"),
        "state": asked_choice("state", STATES),
        "from_source": asked_choice("source", ("sync", "hand", "import")),
        "changed": asked_choice("changed", CHANGED),
    }


def _asked() -> Select[Any]:
    """The ids of every account that the URL asks for, in its order."""
    filters = _filters()
    conditions: list[ColumnElement[bool]] = visible_accounts() + in_state(filters["state"], Account)
    conditions += containing(Account.search, filters["search"])
    if filters["role"]:
        conditions.append(Account.role == filters["role"])
    if filters["organization"] is not None:
        conditions.append(Account.organization_id == filters["organization"])
    if filters["from_source"]:
        conditions.append(Account.source == filters["from_source"])
    if filters["changed"]:
        conditions.append(Account.changed_by_sync == (last_committed(db.session.connection()) or 0))
    return ordered(select(Account.id).where(*conditions), SORTS, asked_sort(SORTS, "name"))


def _shown() -> tuple[Any, ...]:
    return (
        Account.id, Account.role, Account.last_name, Account.first_name, Account.preferred_name, Account.username,
        Account.email, Account.student_id, Account.teacher_id, Account.sis_id, Account.grade, Account.organization_id,
        Account.archived_at,
    )  # fmt: skip


def _lines(engine: Engine, statement: Select[Any], organizations: Mapping[int, str]) -> Iterator[tuple[object, ...]]:
    with engine.connect() as connection:
        for row in read(connection, statement):
            yield (
                row.role, row.last_name, row.first_name, row.preferred_name, row.username, row.email, row.student_id,
                row.teacher_id, row.sis_id, row.grade, organizations.get(row.organization_id, ""),
                "archived" if row.archived_at else "active",
            )  # fmt: skip


def _gone_from(account_id: int) -> list[str]:
    """The connections that the account is linked to and that do not list the person any more."""
    person = (SisPerson.connection_id == AccountLink.connection_id) & (SisPerson.source_id == AccountLink.source_id)
    statement = (
        select(SisConnection.kind)
        .join(AccountLink, AccountLink.connection_id == SisConnection.id)
        .outerjoin(SisPerson, person)
        .where(AccountLink.account_id == account_id, or_(SisPerson.id.is_(None), SisPerson.gone_in_sync.is_not(None)))
        .order_by(SisConnection.id)
    )
    return [NAMES[kind] for kind in db.session.scalars(statement)]


def _classes(account_id: int) -> list[Row[Any]]:
    """The classes that somebody is in now, with their place; parents are not classes that people are in."""
    statement = (
        select(
            SchoolClass.id,
            SchoolClass.name,
            SchoolClass.code,
            SchoolClass.period,
            SchoolClass.term,
            SchoolClass.archived_at,
            Membership.position,
        )
        .join(Membership, Membership.class_id == SchoolClass.id)
        .where(Membership.account_id == account_id, Membership.ended_by_sync.is_(None), *visible_classes())
        .order_by(SchoolClass.archived_at.is_not(None), SchoolClass.search, SchoolClass.id)
    )
    return list(db.session.execute(statement))
