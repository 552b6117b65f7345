"""Between the first step of a sign-in and its code: who has shown who they are is signed in to nothing yet."""

import secrets
from datetime import datetime, timedelta

from sqlalchemy import Connection, Engine, Row, delete, insert, select

from sisportal.models import Account, HalfSignIn
from sisportal.models.database import writing
from sisportal.syncing.browser_sessions import key_of

GOOD_FOR = timedelta(minutes=10)
Half = Row[int, str, str]
"""Id and username of the account, and the way in which it was shown."""


def begin(engine: Engine, account_id: int, way: str, now: datetime) -> str:
    """Note that somebody has shown who they are; what their browser's cookie has to hold. Only its hash is kept."""
    token = secrets.token_urlsafe(32)
    version = select(Account.session_version).where(Account.id == account_id).scalar_subquery()
    values = {"key": key_of(token), "account_id": account_id, "session_version": version, "way": way, "created_at": now}
    with writing(engine).begin() as connection:
        connection.execute(delete(HalfSignIn).where(HalfSignIn.created_at <= now - GOOD_FOR))
        connection.execute(insert(HalfSignIn).values(values))
    return token


def find(connection: Connection, token: str, now: datetime) -> Half | None:
    """Whose code is waited for; None where the token is unknown or too old, or the account changed its password or is archived."""
    statement = (
        select(Account.id, Account.username, HalfSignIn.way)
        .join(HalfSignIn, HalfSignIn.account_id == Account.id)
        .where(HalfSignIn.key == key_of(token), HalfSignIn.created_at > now - GOOD_FOR)
        .where(HalfSignIn.session_version == Account.session_version, Account.archived_at.is_(None))
    )
    return connection.execute(statement).one_or_none()


def end(engine: Engine, token: str) -> bool:
    """End it; whether it was there: of two who use it at once, one."""
    with writing(engine).begin() as connection:
        return connection.execute(delete(HalfSignIn).where(HalfSignIn.key == key_of(token))).rowcount == 1
