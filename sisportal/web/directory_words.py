"""What the lists of the LMS side share: states, names of people, organizations to choose from, identifiers."""

from typing import Any

from sqlalchemy import ColumnElement, Row, select

from sisportal.extensions import db
from sisportal.models import Account, AccountLink, ClassLink, Organization, SchoolClass, SisConnection, Source
from sisportal.web.record_words import SOURCES
from sisportal.web.scope import visible_organizations

CHANGED = {"": "Changed or not", "last": "Changed by the last commit"}
STATES = {"": "Active", "archived": "Archived", "all": "All"}
SOURCE_CHOICES = [("", "Any source"), *((str(source), SOURCES[source]) for source in Source)]


def in_state(state: str, table: type[Account] | type[SchoolClass]) -> list[ColumnElement[bool]]:
    """Conditions of a state of the LMS side's lists."""
    if state == "all":
        return []
    return [table.archived_at.is_not(None) if state == "archived" else table.archived_at.is_(None)]


def listed_name(row: Any) -> str:
    """How lists name an account: last name first, or its username."""
    first = row.preferred_name or row.first_name
    return ", ".join(name for name in (row.last_name, first) if name) or str(row.username)


def organization_choices() -> dict[int, str]:
    """Every organization that is seen, by its id, in the order of the names."""
    statement = select(Organization.id, Organization.name).where(*visible_organizations())
    rows = db.session.execute(statement.order_by(Organization.name, Organization.id))
    return {row.id: row.name for row in rows}


def places(held: int | None = None) -> dict[int, str]:
    """The organizations that something can be put into: active ones that are seen, and the one where it is."""
    active = Organization.archived_at.is_(None) | (Organization.id == held)
    statement = select(Organization.id, Organization.name).where(active, *visible_organizations())
    rows = db.session.execute(statement.order_by(Organization.name, Organization.id))
    return {row.id: row.name for row in rows}


def identifiers(link: type[AccountLink] | type[ClassLink], of_record: ColumnElement[bool]) -> list[Row[Any]]:
    """The links of one account or class: kind of the connection, source_id."""
    statement = (
        select(SisConnection.kind, link.source_id)
        .join(SisConnection, SisConnection.id == link.connection_id)
        .where(of_record)
        .order_by(SisConnection.id)
    )
    return list(db.session.execute(statement))
