"""An organization's profile: what it is, its users and its classes, those marked that the last commit changed."""

from collections.abc import Iterator, Mapping
from typing import Any

from flask import Blueprint, Response
from sqlalchemy import ColumnElement, Select, select

from sisportal.extensions import db
from sisportal.models import Account, AccountRole, Organization, SchoolClass, SisConnection, SisSchool
from sisportal.syncing.connections import NAMES
from sisportal.syncing.explaining import STYLES
from sisportal.syncing.organizations import last_committed
from sisportal.web.access import Rule, access
from sisportal.web.directory_words import CHANGED, STATES, in_state, listed_name
from sisportal.web.frame import ROLE_NAMES
from sisportal.web.lists import asked_choice, asked_search, asked_sort, containing, ordered, page_of
from sisportal.web.portal import enabled_apps
from sisportal.web.record_words import SOURCES
from sisportal.web.rendering import render_tab
from sisportal.web.scope import get_organization, seen_organizations

blueprint = Blueprint("organization_profile", __name__, url_prefix="/organizations/<int:organization_id>")

USER_SORTS: Mapping[str, list[Any]] = {"name": [Account.search, Account.role]}
CLASS_SORTS: Mapping[str, list[Any]] = {"name": [SchoolClass.search, SchoolClass.id]}


@blueprint.get("")
@access(Rule.LOOK)
def profile(organization_id: int) -> Response:
    organization = get_organization(organization_id)
    portals = "organization-portals" in enabled_apps() and not organization.archived_at
    return render_tab(
        "organization_profile/profile.html",
        organization=organization,
        above=list(_above(organization)),
        below=_below(organization_id),
        schools=_schools(organization_id),
        source=SOURCES.get(organization.source, organization.source),
        portal_url=f"/o/{organization.slug}" if portals else "",
        is_changed=_is_changed(organization),
        administrators=_administrators(organization_id),
        listed_name=listed_name,
    )


@blueprint.get("/users")
@access(Rule.LOOK)
def users(organization_id: int) -> Response:
    organization, last = get_organization(organization_id), last_committed(db.session.connection())
    role = asked_choice("role", list(AccountRole))
    # The zero keeps SQLite to the list's own index, which has all that is asked for in the order that is shown; what the
    # last commit changed has an index of its own.
    within = Account.organization_id if asked_choice("changed", CHANGED) else Account.organization_id + 0
    conditions = [within == organization_id, *_asked(Account, last)]
    if role:
        conditions.append(Account.role == role)
    ids, pages = page_of(ordered(select(Account.id).where(*conditions), USER_SORTS, asked_sort(USER_SORTS, "name")))
    rows = {row.id: row for row in db.session.execute(_users_shown().where(Account.id.in_(ids)))}
    return render_tab(
        "organization_profile/users.html",
        organization=organization,
        rows=[rows[id_] for id_ in ids],
        pages=pages,
        roles=[("", "Any role"), *((str(each), ROLE_NAMES[each]) for each in AccountRole)],
        role=role,
        role_names=ROLE_NAMES,
        listed_name=listed_name,
        **_filters(last),
    )


@blueprint.get("/classes")
@access(Rule.LOOK)
def classes(organization_id: int) -> Response:
    organization, last = get_organization(organization_id), last_committed(db.session.connection())
    conditions = [SchoolClass.organization_id == organization_id, *_asked(SchoolClass, last)]
    asked = ordered(select(SchoolClass.id).where(*conditions), CLASS_SORTS, asked_sort(CLASS_SORTS, "name"))
    ids, pages = page_of(asked)
    rows = {row.id: row for row in db.session.execute(_classes_shown().where(SchoolClass.id.in_(ids)))}
    return render_tab(
        "organization_profile/classes.html",
        organization=organization,
        rows=[rows[id_] for id_ in ids],
        pages=pages,
        styles=STYLES,
        **_filters(last),
    )


def _filters(last: int | None) -> dict[str, Any]:
    return {
        "last": last,
        "search": asked_search(),
        "state": asked_choice("state", STATES),
        "states": [(name, label, None) for name, label in STATES.items()],
        "changed": asked_choice("changed", CHANGED),
        "changes": list(CHANGED.items()),
    }


def _asked(table: type[Account] | type[SchoolClass], last: int | None) -> list[ColumnElement[bool]]:
    conditions = in_state(asked_choice("state", STATES), table) + containing(table.search, asked_search())
    if asked_choice("changed", CHANGED):
        conditions.append(table.changed_by_sync == (last or 0))
    return conditions


def _users_shown() -> Select[*tuple[Any, ...]]:
    return select(
        Account.id, Account.role, Account.last_name, Account.first_name, Account.preferred_name, Account.username,
        Account.email, Account.grade, Account.archived_at, Account.changed_by_sync,
    )  # fmt: skip


def _classes_shown() -> Select[*tuple[Any, ...]]:
    return select(
        SchoolClass.id, SchoolClass.name, SchoolClass.code, SchoolClass.period, SchoolClass.term, SchoolClass.style,
        SchoolClass.is_parent, SchoolClass.parent_id, SchoolClass.archived_at, SchoolClass.changed_by_sync,
    )  # fmt: skip


def _is_changed(organization: Organization) -> bool:
    last = last_committed(db.session.connection())
    return last is not None and organization.changed_by_sync == last


def _above(organization: Organization) -> Iterator[Organization]:
    """Those above it that are seen, the top first."""
    rows = {row.id: row for row in db.session.scalars(select(Organization))}
    seen, line = seen_organizations(), []
    above = rows.get(organization.parent_id or 0)
    while above is not None and above not in line and (seen is None or above.id in seen):
        line.append(above)
        above = rows.get(above.parent_id or 0)
    return reversed(line)


def _below(organization_id: int) -> list[Organization]:
    statement = select(Organization).where(Organization.parent_id == organization_id)
    return list(db.session.scalars(statement.order_by(Organization.archived_at.is_not(None), Organization.name)))


def _schools(organization_id: int) -> list[tuple[str, str, str, str]]:
    """(connection in words, its kind, ``source_id``, name) of the SIS's schools that are mapped to it."""
    statement = (
        select(SisConnection.kind, SisSchool.source_id, SisSchool.name)
        .join(SisConnection, SisConnection.id == SisSchool.connection_id)
        .where(SisSchool.organization_id == organization_id)
        .order_by(SisConnection.id, SisSchool.name)
    )
    return [(NAMES[row.kind], row.kind, row.source_id, row.name) for row in db.session.execute(statement)]


def _administrators(organization_id: int) -> list[Account]:
    """Its organization administrators who can sign in."""
    statement = select(Account).where(
        Account.organization_id == organization_id,
        Account.role == AccountRole.ORGANIZATION_ADMINISTRATOR,
        Account.archived_at.is_(None),
    )
    return list(db.session.scalars(statement.order_by(Account.search)))
