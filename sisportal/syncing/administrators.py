"""Administrators and their passwords: the portal's set-up, and whoever forgot theirs."""

import re
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from sqlalchemy import Connection, Engine, Row, exists, func, insert, select, update

from sisportal.models import Account, AccountRole, Source
from sisportal.models.database import writing
from sisportal.roster.passwords import is_easily_guessed
from sisportal.roster.text import folded
from sisportal.syncing import browser_sessions, notices, sign_in_notices
from sisportal.syncing.breached import IsBreached
from sisportal.syncing.common_passwords import common_words
from sisportal.syncing.password_ways import end_cards, end_links
from sisportal.syncing.review import Who
from sisportal.syncing.settings import NAME, SECOND_FACTOR, TIMEZONE, write_setting

SHORTEST_PASSWORD = 8
LONGEST_PASSWORD = 200
LONGEST_TEXT = 200

# OWASP ASVS 5.0, appendix C. Eight who sign in at once take 150 MB; with RFC 9106's 64 MB each, a class waited for seconds.
_HASHER = PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1)
# What a password is held against where there is no account, so that the answer takes as long: made by the same options.
_NOBODY = "$argon2id$v=19$m=19456,t=2,p=1$X1JzuG9YHZiHkZHcv8pxMw$YamQycm+2+cpozwIm387QzJjwHdAMLE5jjfxVMZmmwc"
_EMAIL = re.compile(r"[^@\s]+@[^@\s.]+(\.[^@\s.]+)*")


class Refused(Exception):
    """A value cannot be used; ``field`` names it, and the message is a sentence for whoever entered it."""

    def __init__(self, field: str, sentence: str) -> None:
        super().__init__(sentence)
        self.field = field


SignIn = Row[int, str, str | None, int]
"""Id, username, password hash and session version of an account."""


def is_set_up(connection: Connection) -> bool:
    """Whether there is an administrator."""
    return bool(connection.scalar(select(exists().where(Account.role == AccountRole.ADMINISTRATOR))))


def make_administrator(
    engine: Engine,
    email: str,
    password: str,
    now: datetime,
    *,
    actor: str,
    address: str = "",
    first_name: str = "",
    last_name: str = "",
) -> int:
    """Make an administrator who signs in with the e-mail address; the account's id.

    An administrator who has it already is left as they are, password included. Raises ``Refused``.
    """
    values = _checked(email, password, first_name, last_name)
    with writing(engine).begin() as connection:
        return _made(connection, values, now, actor, address)


def set_up(
    engine: Engine,
    *,
    email: str,
    password: str,
    first_name: str,
    last_name: str,
    name: str,
    timezone: str,
    now: datetime,
    address: str,
    is_breached: IsBreached,
    second_factor: str = "",
) -> int | None:
    """Make the first administrator, name the portal and its time zone; the account's id.

    ``second_factor``: who has to have one, as ``settings.SECOND_FACTOR`` keeps it; blank: nobody has to.

    None, and nothing is changed, where somebody else has done it in the meantime. Raises ``Refused``.
    """
    values = _checked(email, password, first_name, last_name)
    check_chosen(password, (*words_of(email, first_name, last_name), name), is_breached)
    with writing(engine).begin() as connection:
        if is_set_up(connection):
            return None
        account_id = _made(connection, values, now, "set-up", address)
        write_setting(connection, NAME, name)
        write_setting(connection, TIMEZONE, timezone)
        chosen: dict[str, Any] = {"name": name, "timezone": timezone}
        if second_factor:
            write_setting(connection, SECOND_FACTOR, second_factor)
            chosen["second_factor"] = second_factor
        notices.record(connection, "settings-changed", "portal", now, actor=email, address=address, **chosen)
    return account_id


def reset_password(engine: Engine, email: str, password: str, now: datetime, *, actor: str, address: str = "") -> None:
    """Give an account another password and end its sessions. Raises ``Refused``."""
    check_password(password)
    password_hash = hashed(password)
    with writing(engine).begin() as connection:
        account = _by_username(connection, email) or _by_email(connection, email)
        if account is None:
            raise Refused("email", f"No active account, or more than one, has the username or e-mail {email.strip()}.")
        values = {"password_hash": password_hash, "session_version": Account.session_version + 1}
        connection.execute(update(Account).where(Account.id == account.id).values(values))
        browser_sessions.end_all(connection, [account.id])
        end_links(connection, account.id, now)
        end_cards(connection, account.id, now)
        notices.record(connection, "password-reset", account.username, now, actor=actor, address=address)
        sign_in_notices.tell(connection, "password-reset", account.id, Who(actor, address=address), now)


def check_password(password: str) -> None:
    """Raise ``Refused`` where a new password is too short or too long."""
    if len(password) < SHORTEST_PASSWORD:
        raise Refused("password", f"A password has at least {SHORTEST_PASSWORD} characters.")
    if len(password) > LONGEST_PASSWORD:
        raise Refused("password", f"A password has at most {LONGEST_PASSWORD} characters.")


def check_chosen(password: str, own_words: Iterable[str], is_breached: IsBreached) -> None:
    """Raise ``Refused`` where somebody chooses a password that cannot be used, is guessed first, or is known from a breach.

    Slow where a service is asked: to be called without a transaction.
    """
    check_password(password)
    if is_easily_guessed(password, own_words, common_words()):
        raise Refused(
            "password", "This one is guessed easily. Choose another: several words that only you put together."
        )
    if is_breached(password):
        raise Refused(
            "password",
            "This one was stolen somewhere and stands in lists that are tried. Choose another, and change it wherever else you use it.",
        )


def words_of(username: str, first_name: str, last_name: str) -> list[str]:
    """What a username or an e-mail address is made of, and the names in either order: none of it is a password."""
    names = [f"{first_name}{between}{last_name}" for between in ("", " ")]
    names += [f"{last_name}{between}{first_name}" for between in ("", " ")]
    return [username, *re.split(r"[^\w]+|_", username), first_name, last_name, *names]


def hashed(password: str) -> str:
    """What is kept of a password."""
    return _HASHER.hash(password)


def fits(password_hash: str | None, password: str) -> bool:
    """Whether the password is the one; takes as long where there is no hash to hold it against."""
    try:
        _HASHER.verify(password_hash or _NOBODY, password)
    except (VerificationError, InvalidHashError):
        return False
    return password_hash is not None


def refresh_hash(engine: Engine, account_id: int, password_hash: str, password: str) -> None:
    """Hash the password that has just fitted once more, where its hash was made with other parameters than today's."""
    if not _HASHER.check_needs_rehash(password_hash):
        return
    fresh = hashed(password)
    with writing(engine).begin() as connection:
        same = update(Account).where(Account.id == account_id, Account.password_hash == password_hash)
        connection.execute(same.values(password_hash=fresh))


def who_signs_in(connection: Connection, entered: str) -> SignIn | None:
    """(id, username, password hash, session version) of the active account with this username, or with this e-mail address.

    By e-mail only where it is unique among those who have a password (SPEC 10, "What is decided"). Both are always
    looked for, so that it takes as long whether they exist or not.
    """
    by_username, by_email = _by_username(connection, entered), _by_email(connection, entered, with_password=True)
    return by_username or by_email


_SIGN_IN = select(Account.id, Account.username, Account.password_hash, Account.session_version).where(
    Account.archived_at.is_(None)
)


def _by_username(connection: Connection, entered: str) -> SignIn | None:
    return connection.execute(_SIGN_IN.where(func.lower(Account.username) == entered.strip().lower())).one_or_none()


def _by_email(connection: Connection, entered: str, *, with_password: bool = False) -> SignIn | None:
    statement = _SIGN_IN.where(func.lower(Account.email) == entered.strip().lower(), Account.email != "").limit(2)
    if with_password:
        statement = statement.where(Account.password_hash.is_not(None))
    rows = connection.execute(statement).all()
    return rows[0] if len(rows) == 1 else None


def _checked(email: str, password: str, first_name: str, last_name: str) -> dict[str, object]:
    """The columns of a new administrator. Raises ``Refused``."""
    email, first_name, last_name = email.strip(), first_name.strip(), last_name.strip()
    if len(email) > LONGEST_TEXT or not _EMAIL.fullmatch(email):
        raise Refused("email", "That is no e-mail address; one looks like ada@example.org.")
    for field, value in (("first_name", first_name), ("last_name", last_name)):
        if len(value) > LONGEST_TEXT:
            raise Refused(field, f"A name has at most {LONGEST_TEXT} characters.")
    check_password(password)
    return {
        "role": AccountRole.ADMINISTRATOR,
        "roles": [AccountRole.ADMINISTRATOR],
        "username": email,
        "email": email,
        "first_name": first_name,
        "last_name": last_name,
        "search": folded(f"{last_name} {first_name} {email}"),
        "password_hash": hashed(password),
        "source": Source.HAND,
    }


def _made(connection: Connection, values: dict[str, object], now: datetime, actor: str, address: str) -> int:
    username = str(values["username"])
    held = connection.execute(
        select(Account.id, Account.role, Account.archived_at).where(func.lower(Account.username) == username.lower())
    ).one_or_none()
    if held and held.role == AccountRole.ADMINISTRATOR and held.archived_at is None:
        return int(held.id)
    if held:
        raise Refused("email", "Another account has this as its username already.")
    made = connection.execute(insert(Account).values(**values, created_at=now).returning(Account.id)).scalar_one()
    notices.record(connection, "administrator-made", username, now, actor=actor, address=address)
    return made
