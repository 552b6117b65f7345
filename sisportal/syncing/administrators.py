"""Administrators and their passwords: the portal's set-up, and whoever forgot theirs."""

import re
from datetime import datetime
from zoneinfo import available_timezones

import msgspec
from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from sqlalchemy import Connection, Engine, Row, exists, func, insert, select, update

from sisportal.models import Account, AccountRole, Source
from sisportal.models.database import writing
from sisportal.roster.text import folded
from sisportal.syncing import notices, portal_settings

SHORTEST_PASSWORD = 12
LONGEST_PASSWORD = 200
LONGEST_TEXT = 200

_HASHER = PasswordHasher()
# What a password is held against where there is no account: so that the answer takes as long.
_NOBODY = _HASHER.hash("the password of nobody at all")
_EMAIL = re.compile(r"[^@\s]+@[^@\s.]+(\.[^@\s.]+)*")


class Refused(Exception):
    """A value cannot be used; ``field`` names it, and the message is a sentence for whoever entered it."""

    def __init__(self, field: str, sentence: str) -> None:
        super().__init__(sentence)
        self.field = field


class Person(msgspec.Struct, frozen=True, kw_only=True):
    """An administrator to be made. Values are as they were typed."""

    email: str
    password: str
    first_name: str = ""
    last_name: str = ""


class Origin(msgspec.Struct, frozen=True):
    """Who does something, and from where, for the audit log."""

    actor: str
    address: str = ""


COMMAND_LINE = Origin("command line")


def is_set_up(connection: Connection) -> bool:
    """Whether there is an administrator."""
    return bool(connection.scalar(select(exists().where(Account.role == AccountRole.ADMINISTRATOR))))


def set_up(
    engine: Engine, person: Person, now: datetime, origin: Origin, *, name: str = "", timezone: str = ""
) -> tuple[int, bool]:
    """Make an administrator, and name the portal and its time zone where they are given.

    Returns the account's id, and whether it was made now: an administrator who has that address already is left as
    they are, password included. Raises ``Refused``.
    """
    _check_settings(name, timezone)
    values = _checked(person)
    with writing(engine).begin() as connection:
        account_id, made = _made(connection, values, now, origin)
        _keep_settings(connection, name.strip(), timezone, now, origin)
    return account_id, made


def set_up_once(
    engine: Engine, person: Person, now: datetime, origin: Origin, *, name: str, timezone: str
) -> int | None:
    """As ``set_up``, unless the portal has an administrator by now: then None, and nothing is changed."""
    _check_settings(name, timezone)
    values = _checked(person)
    with writing(engine).begin() as connection:
        if is_set_up(connection):
            return None
        account_id, _ = _made(connection, values, now, origin)
        _keep_settings(connection, name.strip(), timezone, now, origin)
    return account_id


def reset_password(engine: Engine, username: str, password: str, now: datetime, origin: Origin) -> None:
    """Give an account another password and end its sessions. Raises ``Refused``."""
    check_password(password)
    hashed = _HASHER.hash(password)
    with writing(engine).begin() as connection:
        account = _by_username(connection, username) or _by_email(connection, username)
        if account is None:
            raise Refused(
                "email", f"No active account, or more than one, has the username or e-mail {username.strip()}."
            )
        values = {"password_hash": hashed, "session_version": Account.session_version + 1}
        connection.execute(update(Account).where(Account.id == account.id).values(values))
        notices.record(connection, "password-reset", account.username, now, actor=origin.actor, address=origin.address)


def check_password(password: str) -> None:
    """Raise ``Refused`` where a new password is too short or too long."""
    if len(password) < SHORTEST_PASSWORD:
        raise Refused("password", f"A password has at least {SHORTEST_PASSWORD} characters.")
    if len(password) > LONGEST_PASSWORD:
        raise Refused("password", f"A password has at most {LONGEST_PASSWORD} characters.")


def fits(password_hash: str | None, password: str) -> bool:
    """Whether the password is the one; takes as long where there is no hash to hold it against."""
    try:
        return _HASHER.verify(password_hash or _NOBODY, password) and password_hash is not None
    except (VerificationError, InvalidHashError):
        return False


def who_signs_in(connection: Connection, entered: str) -> Row[tuple[int, str, str | None, int]] | None:
    """(id, username, password hash, session version) of the active account with this username, or with this e-mail address.

    By e-mail only where it is unique among those who have a password (SPEC 10, "What is decided"). Both are always
    looked for, so that it takes as long whether they exist or not.
    """
    by_username, by_email = _by_username(connection, entered), _by_email(connection, entered, with_password=True)
    return by_username or by_email


_SIGN_IN = select(Account.id, Account.username, Account.password_hash, Account.session_version).where(
    Account.archived_at.is_(None)
)


def _by_username(connection: Connection, entered: str) -> Row[tuple[int, str, str | None, int]] | None:
    return connection.execute(_SIGN_IN.where(func.lower(Account.username) == entered.strip().lower())).one_or_none()


def _by_email(
    connection: Connection, entered: str, *, with_password: bool = False
) -> Row[tuple[int, str, str | None, int]] | None:
    statement = _SIGN_IN.where(func.lower(Account.email) == entered.strip().lower(), Account.email != "").limit(2)
    if with_password:
        statement = statement.where(Account.password_hash.is_not(None))
    rows = connection.execute(statement).all()
    return rows[0] if len(rows) == 1 else None


def _checked(person: Person) -> dict[str, object]:
    email, first_name, last_name = person.email.strip(), person.first_name.strip(), person.last_name.strip()
    if len(email) > LONGEST_TEXT or not _EMAIL.fullmatch(email):
        raise Refused("email", "That is no e-mail address; one looks like ada@example.org.")
    for field, value in (("first_name", first_name), ("last_name", last_name)):
        if len(value) > LONGEST_TEXT:
            raise Refused(field, f"A name has at most {LONGEST_TEXT} characters.")
    check_password(person.password)
    return {
        "role": AccountRole.ADMINISTRATOR,
        "roles": [AccountRole.ADMINISTRATOR],
        "username": email,
        "email": email,
        "first_name": first_name,
        "last_name": last_name,
        "search": folded(f"{last_name} {first_name} {email}"),
        "password_hash": _HASHER.hash(person.password),
        "source": Source.HAND,
    }


def _made(connection: Connection, values: dict[str, object], now: datetime, origin: Origin) -> tuple[int, bool]:
    username = str(values["username"])
    held = connection.execute(
        select(Account.id, Account.role, Account.archived_at).where(func.lower(Account.username) == username.lower())
    ).one_or_none()
    if held and held.role == AccountRole.ADMINISTRATOR and held.archived_at is None:
        return int(held.id), False
    if held:
        raise Refused("email", "Another account has this as its username already.")
    made = connection.execute(insert(Account).values(**values, created_at=now)).inserted_primary_key
    notices.record(connection, "administrator-made", username, now, actor=origin.actor, address=origin.address)
    return int(made[0]), True


def _check_settings(name: str, timezone: str) -> None:
    if len(name) > LONGEST_TEXT:
        raise Refused("name", f"A name has at most {LONGEST_TEXT} characters.")
    if timezone and timezone not in available_timezones():
        raise Refused("timezone", "There is no such time zone; one is called Europe/Stockholm, for example.")


def _keep_settings(connection: Connection, name: str, timezone: str, now: datetime, origin: Origin) -> None:
    given = {portal_settings.NAME: name, portal_settings.TIMEZONE: timezone}
    held = portal_settings.read(connection)
    changed = {key: value for key, value in given.items() if value and value != held[key]}
    for key, value in changed.items():
        portal_settings.keep(connection, key, value)
    if changed:
        notices.record(
            connection, "settings-changed", "portal", now, actor=origin.actor, address=origin.address, **changed
        )
