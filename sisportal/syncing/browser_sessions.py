"""Who is signed in on which browser: begun at sign-in, ended at sign-out, with a new password and when an account is archived."""

import hashlib
import secrets
from collections.abc import Iterable
from datetime import datetime, timedelta

from sqlalchemy import Connection, Engine, Row, Select, delete, func, insert, select, update

from sisportal.models import Account, SignedInBrowser
from sisportal.models.database import writing
from sisportal.syncing.rows import chunks

LIFETIME = timedelta(hours=12)
"""After this long people sign in again, whatever they did meanwhile."""
SEEN_EVERY = timedelta(minutes=1)
"""So much may pass before it is written down again that somebody does something: no page waits for a write of its own."""
_AT_ONCE = 500


def begin(engine: Engine, account_id: int, way: str, now: datetime) -> str:
    """Note that somebody signed in; what their browser's cookie has to hold. Only its hash is kept."""
    token = secrets.token_urlsafe(32)
    version = select(Account.session_version).where(Account.id == account_id).scalar_subquery()
    values = {"key": key_of(token), "account_id": account_id, "session_version": version, "way": way, "created_at": now}
    with writing(engine).begin() as connection:
        connection.execute(delete(SignedInBrowser).where(SignedInBrowser.created_at < now - LIFETIME))
        connection.execute(insert(SignedInBrowser).values(values))
    return token


def end(engine: Engine, token: str) -> None:
    """Sign one browser out: copies of its cookie are worth nothing from now on."""
    with writing(engine).begin() as connection:
        connection.execute(delete(SignedInBrowser).where(SignedInBrowser.key == key_of(token)))


def end_all(connection: Connection, account_ids: Iterable[int]) -> None:
    """Sign these accounts out everywhere. To be called by whatever archives accounts or changes their passwords."""
    for ids in chunks(account_ids, _AT_ONCE):
        connection.execute(delete(SignedInBrowser).where(SignedInBrowser.account_id.in_(ids)))


def signed_in(token: str, now: datetime) -> Select[Account, str, datetime]:
    """The account that is signed in by this token, in which way, and when the person last did something."""
    last = func.coalesce(SignedInBrowser.seen_at, SignedInBrowser.created_at, type_=SignedInBrowser.created_at.type)
    return (
        select(Account, SignedInBrowser.way, last.label("seen_at"))
        .join(SignedInBrowser, SignedInBrowser.account_id == Account.id)
        .where(
            SignedInBrowser.key == key_of(token),
            SignedInBrowser.created_at > now - LIFETIME,
            SignedInBrowser.session_version == Account.session_version,
            Account.archived_at.is_(None),
        )
    )


def seen(engine: Engine, token: str, now: datetime) -> None:
    """Note that somebody does something on this browser."""
    with writing(engine).begin() as connection:
        mine = update(SignedInBrowser).where(SignedInBrowser.key == key_of(token))
        connection.execute(mine.values(seen_at=now))


def browsers_of(connection: Connection, account_id: int, now: datetime) -> list[Row[str, str, datetime]]:
    """(key, way, since when) of each browser on which somebody is signed in, the newest first."""
    statement = (
        select(SignedInBrowser.key, SignedInBrowser.way, SignedInBrowser.created_at)
        .join(Account, Account.id == SignedInBrowser.account_id)
        .where(
            SignedInBrowser.account_id == account_id,
            SignedInBrowser.session_version == Account.session_version,
            SignedInBrowser.created_at > now - LIFETIME,
        )
        .order_by(SignedInBrowser.created_at.desc(), SignedInBrowser.key)
    )
    return list(connection.execute(statement).all())


def key_of(token: str) -> str:
    """The hash under which a token is kept: it is long and random, so that a quick one is enough."""
    return hashlib.sha256(token.encode()).hexdigest()
