"""Accounts by hand: made, changed, archived and reactivated; the portal never loses its last administrator (SPEC 0, 2.4)."""

from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import Connection, Row, func, or_, select, update
from sqlalchemy.exc import IntegrityError

from sisportal.models import Account, AccountRole, Organization, RecordKind, Source
from sisportal.roster.entered import Errors, account_errors
from sisportal.roster.fields import Values
from sisportal.roster.text import folded
from sisportal.syncing import browser_sessions, pins
from sisportal.syncing.by_hand import Invalid, Refused, check_mark, record
from sisportal.syncing.held import account_columns, account_held, account_search, column_name
from sisportal.syncing.review import Who
from sisportal.syncing.rows import insert_one
from sisportal.syncing.second_factor import STAFF

GONE = "There is no such account."
LAST_ADMINISTRATOR = "This is the last administrator who can sign in with a password. Make another one first."
TAKEN = "Another account has this username already."


class Bounds(msgspec.Struct, frozen=True):
    """How far whoever acts may go: which roles they may give, and in which organizations."""

    roles: frozenset[str] = frozenset(str(role) for role in AccountRole)
    organizations: frozenset[int] | None = None
    """None: everywhere, and nowhere."""

    def check(self, values: Values) -> Errors:
        """What of these values goes too far."""
        errors = {}
        if values.get("role", next(iter(self.roles))) not in self.roles:
            errors["role"] = "You cannot give this role."
        if self.organizations is not None and values.get("organization", 0) not in {*self.organizations, 0}:
            errors["organization"] = "Choose an organization that you manage."
        return errors


ANYTHING = Bounds()


def held(connection: Connection, account_id: int, *, lock: bool = False) -> Values | None:
    """What a person can change of an account, and ``archived``; None where there is no such account."""
    columns = select(Account.username, Account.archived_at, *account_columns()).where(Account.id == account_id)
    row = connection.execute(columns.with_for_update() if lock else columns).one_or_none()
    return None if row is None else {"username": row[0], **account_held(row[2:]), "archived": row[1] is not None}


def make(connection: Connection, values: Values, who: Who, now: datetime, bounds: Bounds = ANYTHING) -> int:
    """A new account without a password; its id. Fields that are absent are blank. Raises ``Invalid``."""
    given: Values = {"first_name": "", "last_name": "", "username": "", "organization": None}
    given |= values
    _check(connection, given, None, bounds)
    given = with_lists(given, {})
    row: Values = {column_name(name): value for name, value in given.items()}
    row |= {"search": account_search(given), "source": Source.HAND, "created_at": now, "edited_at": now}
    try:
        account_id = insert_one(connection, Account, row)
    except IntegrityError as error:  # somebody else took the username a moment ago
        raise Invalid({"username": TAKEN}) from error
    record(connection, "account-made", given["username"], who, now, role=given["role"])
    return account_id


def change(
    connection: Connection,
    account_id: int,
    values: Values,
    who: Who,
    now: datetime,
    bounds: Bounds = ANYTHING,
    seen: str | None = None,
) -> list[str]:
    """Change these fields of an account; the names of those that differ.

    ``seen`` is the mark of what the person saw of it. Whoever sees everybody's records from now on signs in again. Raises
    ``Invalid``, ``Refused`` and ``Changed``.
    """
    before = held(connection, account_id, lock=True)
    if before is None:
        raise Refused(GONE)
    check_mark(seen, before)
    _check(connection, values, account_id, bounds, before)
    wanted = before | with_lists(values, before)
    changed = {name: value for name, value in wanted.items() if value != before[name]}
    if not changed:
        return []
    if changed.get("role", AccountRole.ADMINISTRATOR) != AccountRole.ADMINISTRATOR:
        _keep_one_administrator(connection, account_id, before)
    columns = {column_name(name): value for name, value in changed.items()}
    columns |= {"search": account_search(wanted), "edited_at": now}
    try:
        connection.execute(update(Account).where(Account.id == account_id).values(columns))
    except IntegrityError as error:
        raise Invalid({"username": TAKEN}) from error
    if changed.get("role") in STAFF and before["role"] not in STAFF:
        browser_sessions.end_all(
            connection, [account_id]
        )  # they sign in again, with the code that others need not show
    pins.edited(connection, RecordKind.ACCOUNT, account_id, sorted(changed), who, now)
    roles = {"from_role": before["role"], "to_role": wanted["role"]} if "role" in changed else {}
    named = sorted(changed.keys() - {"roles"} if "role" in changed else changed.keys())
    record(connection, "account-changed", before["username"], who, now, fields=", ".join(named), **roles)
    return named


def archive(connection: Connection, account_id: int, who: Who, now: datetime) -> bool:
    """Archive an account and sign it out everywhere; whether it was active. No sync revives it. Raises ``Refused``."""
    before = held(connection, account_id, lock=True)
    if before is None:
        raise Refused(GONE)
    if before["archived"]:
        return False
    _keep_one_administrator(connection, account_id, before)
    values = {
        "archived_at": now, "archived_by_sync": None, "edited_at": now, "session_version": Account.session_version + 1
    }  # fmt: skip
    connection.execute(update(Account).where(Account.id == account_id).values(values))
    browser_sessions.end_all(connection, [account_id])
    pins.edited(connection, RecordKind.ACCOUNT, account_id, ["archived"], who, now)
    record(connection, "account-archived", before["username"], who, now)
    return True


def reactivate(connection: Connection, account_id: int, who: Who, now: datetime) -> bool:
    """Take an account out of the archive; whether it was there. Raises ``Refused``."""
    before = held(connection, account_id, lock=True)
    if before is None:
        raise Refused(GONE)
    if not before["archived"]:
        return False
    values = {"archived_at": None, "archived_by_sync": None, "edited_at": now}
    connection.execute(update(Account).where(Account.id == account_id).values(values))
    pins.edited(connection, RecordKind.ACCOUNT, account_id, ["archived"], who, now)
    record(connection, "account-reactivated", before["username"], who, now)
    return True


def find(connection: Connection, named: str) -> int:
    """The id of the account that a number, a username, or an e-mail address that only one has, names. Raises ``Refused``."""
    statement = select(Account.id).order_by(Account.id)
    wanted = [func.lower(Account.username) == named.strip().lower(), func.lower(Account.email) == named.strip().lower()]
    if named.isdecimal() and len(named) < 10:
        wanted.append(Account.id == int(named))
    for condition in wanted:
        ids = list(connection.scalars(statement.where(condition).limit(2)))
        if len(ids) == 1:
            return ids[0]
        if ids:
            raise Refused(f"More than one account has {named}. Give the username.")
    raise Refused(f"No account has the username or e-mail address {named}.")


def holder_of(connection: Connection, username: str) -> int | None:
    """The account that has a username, whatever its case."""
    key = folded(username)
    alike = or_(func.lower(Account.username) == username.lower(), Account.search.contains(key, autoescape=True))
    rows = connection.execute(select(Account.id, Account.username).where(alike))
    return next((row.id for row in rows if folded(row.username) == key), None)


def _check(
    connection: Connection, values: Values, account_id: int | None, bounds: Bounds, before: Values | None = None
) -> None:
    """Raise ``Invalid`` where the values cannot be kept; what an account has already may stay."""
    new = {name: value for name, value in values.items() if before is None or value != before[name]}
    errors = bounds.check(new) | account_errors(_with_both_names(new, before))
    if (role := new.get("role")) and role not in set(AccountRole):
        errors["role"] = "Choose a role."
    if before is None and not role:
        errors["role"] = "Choose a role."
    if (
        "username" in new
        and "username" not in errors
        and holder_of(connection, new["username"]) not in {None, account_id}
    ):
        errors["username"] = TAKEN
    after = (before or {}) | values
    if after.get("role") == AccountRole.ORGANIZATION_ADMINISTRATOR and after.get("organization") is None:
        errors.setdefault("organization", "An organization administrator belongs to an organization.")
    errors |= {name: text for name, text in _place_errors(connection, new, before).items() if name not in errors}
    if errors:
        raise Invalid(errors)


def _with_both_names(new: Values, before: Values | None) -> Values:
    """One name may be blank where the other is not, so that they are looked at together."""
    both = ("first_name", "last_name")
    return new if before is None or not set(both) & new.keys() else {name: before[name] for name in both} | new


def _place_errors(connection: Connection, new: Values, before: Values | None) -> Errors:
    known = set((before or {}).get("organizations") or ())
    for name in ("organization", "organizations"):
        value = new.get(name)
        wanted = set(value if isinstance(value, list) else [value]) - {None} - known
        if wanted:
            active = select(Organization.id).where(Organization.id.in_(wanted), Organization.archived_at.is_(None))
            if wanted - set(connection.scalars(active)):
                return {name: "There is no such organization, or it is archived."}
    return {}


def with_lists(values: Values, before: Values) -> Values:
    """The values with the lists that go with them: the role first of the roles, the organization among the organizations."""
    lists: Values = {}
    if "role" in values and values["role"] != before.get("role"):
        others = [role for role in before.get("roles", ()) if role not in {before.get("role"), values["role"]}]
        lists["roles"] = [values["role"], *others]
    if "organization" in values or "organizations" in values:
        place = values.get("organization", before.get("organization"))
        stayed = [id_ for id_ in before.get("organizations", ()) if id_ != before.get("organization")]
        places = {*values.get("organizations", stayed), place} - {None}
        lists["organizations"] = sorted(places)
    return values | lists


def _keep_one_administrator(connection: Connection, account_id: int, before: Values) -> None:
    if before["role"] != AccountRole.ADMINISTRATOR or before["archived"]:
        return
    others = select(Account.id).where(Account.role == AccountRole.ADMINISTRATOR, Account.archived_at.is_(None))
    rows: list[Row[Any]] = list(connection.execute(others.add_columns(Account.password_hash).with_for_update()))
    if not any(row.id != account_id and row.password_hash for row in rows):
        raise Refused(LAST_ADMINISTRATOR)
