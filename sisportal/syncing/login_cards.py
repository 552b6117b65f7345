"""Login cards: a code on paper with which somebody without an e-mail address chooses a password, once (SPEC 9)."""

import hashlib
import hmac
import secrets
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, Connection, Engine, Select, func, insert, select, update

from sisportal.models import Account, AccountRole, LoginCard
from sisportal.models.database import writing
from sisportal.syncing import notices, password_links
from sisportal.syncing.password_links import Purpose
from sisportal.syncing.review import Who
from sisportal.syncing.rows import chunks
from sisportal.syncing.settings import read_setting
from sisportal.syncing.setup_code import ALPHABET

DAYS = "login-card-days"
"""The setting that holds for how many days a card is good, where nobody says otherwise."""
USUAL_DAYS = 14
CHOICES = (1, 7, 14, 30, 60, 90)
LETTERS = 8
"""Forty bits: at ten tries in a quarter of an hour, of one account, thousands of years."""
ROLES = frozenset({AccountRole.STUDENT, AccountRole.TEACHER})
"""Whose accounts have cards: a lost piece of paper must not lead into the administration."""
_AT_ONCE = 500


class Card(msgspec.Struct, frozen=True):
    """A card as it is printed, once."""

    name: str
    username: str
    code: str
    expires_at: datetime


def days(connection: Connection) -> int:
    """For how many days a card is good, where nobody says otherwise."""
    stored = read_setting(connection, DAYS, USUAL_DAYS)
    return stored if stored in CHOICES else USUAL_DAYS


def make(
    connection: Connection, secret_key: str, accounts: Sequence[Any], who: Who, good_for: timedelta, now: datetime
) -> list[Card]:
    """A new card for each account (its id, name and username); earlier ones of theirs end. Only hashes are kept."""
    end(connection, [account.id for account in accounts], now)
    cards, rows = [], []
    for account in accounts:
        code = "".join(secrets.choice(ALPHABET) for _ in range(LETTERS))
        name = f"{account.preferred_name or account.first_name} {account.last_name}".strip() or account.username
        cards.append(Card(name, account.username, f"{code[:4]}-{code[4:]}", now + good_for))
        rows.append({
            "account_id": account.id, "key": key_of(secret_key, account.id, code), "printed_by": who.name,
            "printed_by_id": who.id, "created_at": now, "expires_at": now + good_for, "used": False,
        })  # fmt: skip
        notices.record(
            connection,
            "login-card-printed",
            account.username,
            now,
            actor=who.name,
            actor_id=who.id,
            address=who.address,
        )
    if rows:
        connection.execute(insert(LoginCard), rows)
    return cards


def end(connection: Connection, account_ids: Iterable[int], now: datetime) -> None:
    """End every card of these accounts that is still good."""
    for ids in chunks(account_ids, _AT_ONCE):
        good = update(LoginCard).where(LoginCard.account_id.in_(ids), LoginCard.ended_at.is_(None))
        connection.execute(good.values(ended_at=now))


def exchange(engine: Engine, secret_key: str, username: str, code: str, now: datetime, *, address: str) -> str | None:
    """A link to choose a password, for the code of that account's card; None where they do not belong together.

    The card stays good until a password was chosen: whoever closes the page in between may begin again.
    """
    with writing(engine).begin() as connection:
        active = select(Account.id, Account.username).where(Account.archived_at.is_(None), Account.role.in_(ROLES))
        account = connection.execute(
            active.where(func.lower(Account.username) == username.strip().lower())
        ).one_or_none()
        key = key_of(secret_key, account.id if account else 0, plain(code))
        good = select(LoginCard.id).where(
            LoginCard.account_id == (account.id if account else 0), LoginCard.key == key, LoginCard.ended_at.is_(None),
            LoginCard.expires_at > now,
        )  # fmt: skip
        if connection.scalar(good) is None or account is None:
            return None
        holder = Who(account.username, account.id, address)
        notices.record(
            connection, "login-card-used", account.username, now, actor=holder.name, actor_id=holder.id, address=address
        )
        return password_links.make(connection, account.id, Purpose.CARD, holder, now)


def plain(code: str) -> str:
    """A code as it was typed, without dashes, spaces and small letters."""
    return "".join(sign for sign in code.upper() if sign in ALPHABET)


def key_of(secret_key: str, account_id: int, code: str) -> str:
    """What is kept of a code. With the portal's secret, for whoever has only the database could try all short codes."""
    return hmac.new(
        secret_key.encode(), f"sisportal login card\0{account_id}\0{code}".encode(), hashlib.sha256
    ).hexdigest()


def of_account(connection: Connection, account_id: int, most: int = 5) -> list[Any]:
    """The newest cards of an account."""
    return list(connection.execute(listed(LoginCard.account_id == account_id).limit(most)))


def listed(*conditions: ColumnElement[bool]) -> Select[*tuple[Any, ...]]:
    """Cards, the newest first: when and by whom each was printed, how long it is good, and whether it was used."""
    columns = (
        LoginCard.id, LoginCard.account_id, LoginCard.printed_by, LoginCard.created_at, LoginCard.expires_at,
        LoginCard.ended_at, LoginCard.used,
    )  # fmt: skip
    return select(*columns).where(*conditions).order_by(LoginCard.id.desc())


def state(card: Any, now: datetime) -> str:
    """What became of a card: ``used``, ``replaced``, ``expired`` or ``good``."""
    if card.used:
        return "used"
    if card.ended_at is not None:
        return "replaced"
    return "good" if card.expires_at > now else "expired"
