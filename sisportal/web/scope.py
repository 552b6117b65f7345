"""What whoever is signed in sees and manages of the LMS side: asked by every list, page, search and export (SPEC 2.3)."""

from collections import defaultdict
from typing import cast

from flask import Flask, abort, g
from sqlalchemy import ColumnElement, Integer, false, func, or_, select
from sqlalchemy import cast as sql_cast
from sqlalchemy.orm import aliased

from sisportal.extensions import db
from sisportal.models import Account, AccountRole, Organization, SchoolClass
from sisportal.models.directory import in_several_organizations
from sisportal.syncing.accounts import ANYTHING, Bounds
from sisportal.web.access import MANAGERS, current, is_limited

MANAGED_ROLES = frozenset({str(AccountRole.STUDENT), str(AccountRole.TEACHER)})
"""Whose accounts an organization administrator manages: nobody who may do as much as they, or more."""


def seen_organizations() -> frozenset[int] | None:
    """The organizations of whoever is signed in and all below them; None for those who see everything."""
    if not is_limited(current()):
        return None
    if "seen_organizations" not in g:
        g.seen_organizations = _own_and_below()
    return cast("frozenset[int]", g.seen_organizations)


def visible_accounts() -> list[ColumnElement[bool]]:
    """Conditions of the accounts that are seen: one belongs to each of its organizations."""
    seen = seen_organizations()
    if seen is None:
        return []
    if not seen:
        return [false()]
    return [or_(Account.organization_id.in_(seen), Account.id.in_(_in_several(seen)))]


def visible_classes() -> list[ColumnElement[bool]]:
    """Conditions of the classes that are seen."""
    seen = seen_organizations()
    return [] if seen is None else [SchoolClass.organization_id.in_(seen)]


def visible_organizations() -> list[ColumnElement[bool]]:
    """Conditions of the organizations that are seen."""
    seen = seen_organizations()
    return [] if seen is None else [Organization.id.in_(seen)]


def get_account(account_id: int) -> Account:
    """The account of this id where it is seen, or 404."""
    return db.session.scalar(select(Account).where(Account.id == account_id, *visible_accounts())) or abort(404)


def get_class(class_id: int) -> SchoolClass:
    """The class of this id where it is seen, or 404."""
    found = select(SchoolClass).where(SchoolClass.id == class_id, *visible_classes())
    return db.session.scalar(found) or abort(404)


def managed_class(class_id: int) -> SchoolClass:
    """The class of this id where it may be changed; 404 where it is not seen, else 403."""
    found = get_class(class_id)
    return found if may_manage_class(found) else abort(403)


def get_organization(organization_id: int) -> Organization:
    """The organization of this id where it is seen, or 404."""
    found = select(Organization).where(Organization.id == organization_id, *visible_organizations())
    return db.session.scalar(found) or abort(404)


def own_organizations() -> list[int]:
    """Ids of the organizations that whoever is signed in belongs to, the primary one first."""
    account = current()
    own = [account.organization_id, *(account.organizations or [])]
    return list(dict.fromkeys(id_ for id_ in own if id_ is not None))


def may_manage(organization_id: int | None) -> bool:
    """Whether whoever is signed in may change this organization; None stands for the top of the tree."""
    return current().role == AccountRole.ADMINISTRATOR or _manages(organization_id)


def may_manage_account(account: Account) -> bool:
    """Whether whoever is signed in may change this account, which they see.

    Its own organization counts, not others that it belongs to as well: those are managed by somebody else.
    """
    if current().role == AccountRole.ADMINISTRATOR:
        return True
    return account.role in MANAGED_ROLES and _manages(account.organization_id)


def may_manage_class(class_: SchoolClass) -> bool:
    """Whether whoever is signed in may change this class, which they see."""
    return current().role == AccountRole.ADMINISTRATOR or _manages(class_.organization_id)


def bounds() -> Bounds:
    """How far whoever is signed in may go with accounts and classes."""
    return ANYTHING if current().role == AccountRole.ADMINISTRATOR else Bounds(MANAGED_ROLES, seen_organizations())


def _manages(organization_id: int | None) -> bool:
    seen = seen_organizations()
    return current().role == AccountRole.ORGANIZATION_ADMINISTRATOR and seen is not None and organization_id in seen


def init_scope(app: Flask) -> None:
    """Lets templates ask what may be managed."""
    app.jinja_env.globals.update(
        may_manage=may_manage,
        may_manage_account=may_manage_account,
        may_manage_class=may_manage_class,
        manages_something=lambda: current().role in MANAGERS,
    )


def _own_and_below() -> frozenset[int]:
    below: dict[int | None, list[int]] = defaultdict(list)
    for row in db.session.execute(select(Organization.id, Organization.parent_id)):
        below[row.parent_id].append(row.id)
    seen: set[int] = set()
    waiting = own_organizations()
    while waiting:
        if (id_ := waiting.pop()) not in seen:
            seen.add(id_)
            waiting += below[id_]
    return frozenset(seen)


def _in_several(seen: frozenset[int]) -> ColumnElement[int]:
    """Ids of the accounts that belong to several organizations, one of these among them; an index holds those few."""
    several = aliased(Account)
    if db.engine.dialect.name == "postgresql":
        listed = func.json_array_elements_text(sql_cast(several.organizations, db.JSON)).table_valued("value")
    else:
        listed = func.json_each(several.organizations).table_valued("value")
    one = select(listed.c.value).where(sql_cast(listed.c.value, Integer).in_(seen)).exists()
    found = select(several.id).where(in_several_organizations(several), one)
    return cast("ColumnElement[int]", found.scalar_subquery())
