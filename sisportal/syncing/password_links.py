"""Links with which somebody chooses the password of their account: good once, for a while, and kept as hashes only."""

import secrets
from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy import Connection, Engine, Row, insert, select, update

from sisportal.models import Account, PasswordLink
from sisportal.models.database import writing
from sisportal.syncing import browser_sessions, notices, sign_in_notices
from sisportal.syncing.administrators import check_password, hashed
from sisportal.syncing.browser_sessions import key_of
from sisportal.syncing.password_ways import end_cards, end_links
from sisportal.syncing.review import Who


class Purpose(StrEnum):
    """Why a link was made."""

    SET = "set"
    """A first password, for an account that has just been made."""
    RESET = "reset"
    CARD = "card"
    """Of somebody who has just shown a login card."""


GOOD_FOR = {Purpose.SET: timedelta(days=7), Purpose.RESET: timedelta(hours=24), Purpose.CARD: timedelta(minutes=30)}
Holder = Row[int, str, str, str, str]
"""Id, username, first and last name of the account that a link is for, and the purpose."""


def make(
    connection: Connection, account_id: int, purpose: Purpose, who: Who, now: datetime, *, token: str = ""
) -> str | None:
    """A new link's token; None for an account that is not there or archived. Earlier links of the account end.

    The token is random, unless the caller has one that nobody can guess either.
    """
    active = select(Account.username).where(Account.id == account_id, Account.archived_at.is_(None))
    username = connection.scalar(active)
    if username is None:
        return None
    token = token or secrets.token_urlsafe(32)
    end_links(connection, account_id, now)
    values = {
        "key": key_of(token), "account_id": account_id, "purpose": purpose, "made_by": who.name, "created_at": now,
        "expires_at": now + GOOD_FOR[purpose],
    }  # fmt: skip
    connection.execute(insert(PasswordLink).values(values))
    notices.record(
        connection, "password-link-made", username, now, actor=who.name, actor_id=who.id, address=who.address
    )
    return token


def holder(connection: Connection, token: str, now: datetime) -> Holder | None:
    """Whose password the token may choose now; None where it is unknown, used or too old, or the account is archived."""
    statement = (
        select(Account.id, Account.username, Account.first_name, Account.last_name, PasswordLink.purpose)
        .join(PasswordLink, PasswordLink.account_id == Account.id)
        .where(PasswordLink.key == key_of(token), PasswordLink.ended_at.is_(None), PasswordLink.expires_at > now)
        .where(Account.archived_at.is_(None))
    )
    return connection.execute(statement).one_or_none()


def use(engine: Engine, token: str, password: str, now: datetime, *, address: str = "") -> str | None:
    """Give the account this password and sign it out everywhere; its username, None where the link is no longer good.

    Raises ``Refused`` for a password that cannot be used; the link stays good then.
    """
    check_password(password)
    password_hash = hashed(password)  # slow on purpose, so before the transaction
    with writing(engine).begin() as connection:
        found = holder(connection, token, now)
        if found is None or not end_links(connection, found.id, now):
            return None
        values = {"password_hash": password_hash, "session_version": Account.session_version + 1}
        connection.execute(update(Account).where(Account.id == found.id).values(values))
        end_cards(connection, found.id, now, used=found.purpose == Purpose.CARD)
        browser_sessions.end_all(connection, [found.id])
        notices.record(
            connection, "password-chosen", found.username, now, actor=found.username, actor_id=found.id, address=address
        )
        sign_in_notices.tell(connection, "password-chosen", found.id, Who(found.username, found.id, address), now)
    return str(found.username)
