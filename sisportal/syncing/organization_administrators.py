"""Administrators of one organization: accounts that manage it and all below it (SPEC 0, 2.3)."""

from datetime import datetime

from sqlalchemy import Connection, func, select

from sisportal.models import Account, AccountRole, Organization, Source
from sisportal.roster.text import folded
from sisportal.syncing import notices
from sisportal.syncing.administrators import LONGEST_TEXT
from sisportal.syncing.by_hand import Invalid
from sisportal.syncing.review import Who
from sisportal.syncing.rows import insert_one


def add(
    connection: Connection, organization_id: int, first_name: str, last_name: str, email: str, who: Who, now: datetime
) -> int:
    """An account that manages the organization, without a password; its id. Raises ``Invalid``."""
    names = {"first_name": first_name.strip(), "last_name": last_name.strip(), "email": email.strip()}
    if errors := _check(connection, names):
        raise Invalid(errors)
    values = names | {
        "role": AccountRole.ORGANIZATION_ADMINISTRATOR,
        "roles": [AccountRole.ORGANIZATION_ADMINISTRATOR],
        "username": names["email"],
        "organization_id": organization_id,
        "organizations": [organization_id],
        "search": folded(f"{names['last_name']} {names['first_name']} {names['email']}"),
        "source": Source.HAND,
        "created_at": now,
        "edited_at": now,
    }
    account_id = insert_one(connection, Account, values)
    organization = connection.scalar(select(Organization.name).where(Organization.id == organization_id))
    notices.record(
        connection,
        "account-made",
        names["email"],
        now,
        actor=who.name,
        actor_id=who.id,
        address=who.address,
        role=AccountRole.ORGANIZATION_ADMINISTRATOR,
        organization=organization or "",
    )
    return account_id


def _check(connection: Connection, names: dict[str, str]) -> dict[str, str]:
    errors = {name: "Type it." for name, value in names.items() if not value}
    errors |= {
        name: f"This is longer than {LONGEST_TEXT} letters."
        for name, value in names.items()
        if len(value) > LONGEST_TEXT
    }
    email = names["email"]
    if email and not all(part and " " not in part for part in (*email.partition("@")[::2],)):
        errors.setdefault("email", "This is not an e-mail address.")
    taken = select(Account.id).where(func.lower(Account.username) == email.lower())
    if connection.scalar(taken) is not None:
        errors.setdefault("email", "An account has this address as its username already.")
    return errors
