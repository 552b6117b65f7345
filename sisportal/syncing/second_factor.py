"""A second factor for signing in: set up by a code, asked for at the sign-in, switched off or reset; and who has to have one."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import Connection, Engine, delete, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from sisportal.models import Account, AccountRole, RecoveryCode, SecondFactor
from sisportal.models.database import writing
from sisportal.syncing import browser_sessions, notices, sign_in_notices
from sisportal.syncing.administrators import Refused
from sisportal.syncing.audit_events import Event
from sisportal.syncing.credentials import Cipher, SecretsUnreadable
from sisportal.syncing.one_time_codes import DIGITS, new_recovery_codes, new_salt, plain, recovery_key, step_of
from sisportal.syncing.review import Who
from sisportal.syncing.settings import SECOND_FACTOR, read_setting, write_setting

SETTING = SECOND_FACTOR
CHOICES = {
    "optional": "Whoever wants one",
    "administrators": "Administrators have to",
    "staff": "Administrators, organization administrators and viewers have to",
}
STAFF = frozenset({AccountRole.ADMINISTRATOR, AccountRole.ORGANIZATION_ADMINISTRATOR, AccountRole.VIEWER})
REQUIRED = {
    "optional": frozenset[AccountRole](),
    "administrators": frozenset({AccountRole.ADMINISTRATOR}),
    "staff": STAFF,
}
WITH_CODE = "+code"
"""What the way of a session ends with that a code was shown for: ``password+code``."""
WRONG = "That is not the code just now. Wait for the next one, and look that the telephone's clock is right."
ALREADY = "You have a second factor already. Switch it off first."


class Standing(msgspec.Struct, frozen=True):
    """What a person has: since when, and how many recovery codes are left."""

    since: datetime
    left: int


def standing(connection: Connection, account_id: int) -> Standing | None:
    """What an account has; None where it has none."""
    left = select(func.count()).where(RecoveryCode.account_id == account_id, RecoveryCode.used_at.is_(None))
    row = connection.execute(
        select(SecondFactor.set_up_at, left.scalar_subquery()).where(SecondFactor.account_id == account_id)
    ).one_or_none()
    return None if row is None else Standing(row[0], row[1])


def is_asked(connection: Connection, account_id: int, way: str) -> bool:
    """Whether this account's sign-in waits for a code.

    After a password always, where there is a second factor. After Clever only of those who see everybody's records: else
    whoever gets hold of a Clever password goes round it. A pupil's or a teacher's sign-in there is the district's matter.
    """
    row = connection.execute(
        select(Account.role).join(SecondFactor, SecondFactor.account_id == Account.id).where(Account.id == account_id)
    ).one_or_none()
    return row is not None and (way == "password" or row.role in STAFF)


def policy(settings: Mapping[str, Any]) -> str:
    """Who has to have one, of ``CHOICES``."""
    return str(settings.get(SETTING, "optional"))


def choose(connection: Connection, chosen: str) -> bool:
    """Let this policy hold; whether it is another one. Raises ``ValueError`` where it is not in ``CHOICES``."""
    if chosen not in CHOICES:
        raise ValueError(f"not a choice: {chosen}")
    if read_setting(connection, SETTING, "optional") == chosen:
        return False
    write_setting(connection, SETTING, chosen)
    return True


def has_to_set_up(settings: Mapping[str, Any], role: str, way: str) -> bool:
    """Whether somebody who is signed in in this way has to set one up before anything else."""
    return role in REQUIRED[policy(settings)] and not way.endswith(WITH_CODE)


def set_up(engine: Engine, cipher: Cipher, who: Who, secret: str, code: str, now: datetime) -> list[str]:
    """Ask for a code at this account's sign-in from now on, and sign it out everywhere; its recovery codes, shown once.

    Raises ``Refused`` for a code that the secret does not make now, and where there is a second factor already.
    """
    step = step_of(secret, "".join(code.split()), now, 0)
    if step is None:
        raise Refused("code", WRONG)
    codes, salt, keys = _fresh_codes()
    values = {
        "account_id": who.id, "secret": cipher.encrypt({"totp": secret}), "last_step": step, "salt": salt, "set_up_at": now
    }  # fmt: skip
    try:
        with writing(engine).begin() as connection:
            connection.execute(insert(SecondFactor).values(values))
            _keep_codes(connection, who.id, keys)
            _sign_out(connection, who.id)
            _record(connection, "second-factor-set-up", who.name, who, now)
            sign_in_notices.tell(connection, "second-factor-set-up", who.id, who, now)
    except IntegrityError as error:
        raise Refused("code", ALREADY) from error
    return codes


def renew_codes(engine: Engine, who: Who, now: datetime) -> list[str]:
    """Other recovery codes in the place of those that there are; shown once."""
    codes, salt, keys = _fresh_codes()
    with writing(engine).begin() as connection:
        mine = update(SecondFactor).where(SecondFactor.account_id == who.id)
        if connection.execute(mine.values(salt=salt)).rowcount != 1:
            raise Refused("proof", "You have no second factor.")
        _keep_codes(connection, who.id, keys)
        _record(connection, "recovery-codes-made", who.name, who, now)
        sign_in_notices.tell(connection, "recovery-codes-made", who.id, who, now)
    return codes


def remove(connection: Connection, account_id: int, who: Who, now: datetime, event: Event) -> bool:
    """Ask for no code any more, and sign the account out everywhere; whether there was a second factor."""
    username = connection.scalar(select(Account.username).where(Account.id == account_id))
    connection.execute(delete(RecoveryCode).where(RecoveryCode.account_id == account_id))
    if connection.execute(delete(SecondFactor).where(SecondFactor.account_id == account_id)).rowcount != 1:
        return False
    _sign_out(connection, account_id)
    _record(connection, event, username or "", who, now)
    sign_in_notices.tell(connection, event, account_id, who, now)
    return True


def fits(engine: Engine, cipher: Cipher, who: Who, entered: str, now: datetime) -> bool:
    """Whether this is a code of the account's telephone now, or one of its recovery codes; no code fits twice.

    Both are in the audit log: a recovery code that was used, and a code that did not fit.
    """
    entered = plain(entered)
    good = (
        _is_telephones(engine, cipher, who, entered, now)
        if _looks_telephones(entered)
        else _is_recovery(engine, who, entered, now)
    )
    if not good:
        with writing(engine).begin() as connection:
            _record(connection, "second-factor-failed", who.name, who, now)
    return good


def _looks_telephones(entered: str) -> bool:
    return len(entered) == DIGITS and entered.isascii() and entered.isdigit()


def _is_telephones(engine: Engine, cipher: Cipher, who: Who, code: str, now: datetime) -> bool:
    with engine.connect() as connection:
        row = connection.execute(
            select(SecondFactor.secret, SecondFactor.last_step).where(SecondFactor.account_id == who.id)
        ).one_or_none()
    try:
        secret = cipher.decrypt(row.secret if row else None).get("totp")
    except SecretsUnreadable:  # `flask check` tells of it; recovery codes still fit
        secret = None
    step = step_of(secret, code, now, row.last_step) if row and secret else None
    if step is None:
        return False
    with writing(engine).begin() as connection:
        unused = update(SecondFactor).where(SecondFactor.account_id == who.id, SecondFactor.last_step < step)
        return connection.execute(unused.values(last_step=step)).rowcount == 1


def _is_recovery(engine: Engine, who: Who, code: str, now: datetime) -> bool:
    with engine.connect() as connection:
        salt = connection.scalar(select(SecondFactor.salt).where(SecondFactor.account_id == who.id))
    if salt is None:
        return False
    key = recovery_key(salt, code)  # slow on purpose, so before the transaction
    with writing(engine).begin() as connection:
        unused = update(RecoveryCode).where(
            RecoveryCode.account_id == who.id, RecoveryCode.key == key, RecoveryCode.used_at.is_(None)
        )
        if connection.execute(unused.values(used_at=now)).rowcount != 1:
            return False
        _record(connection, "recovery-code-used", who.name, who, now)
        sign_in_notices.tell(connection, "recovery-code-used", who.id, who, now)
    return True


def _fresh_codes() -> tuple[list[str], str, list[str]]:
    """Codes, their salt and their keys; slow on purpose, so before a transaction."""
    codes, salt = new_recovery_codes(), new_salt()
    return codes, salt, [recovery_key(salt, code) for code in codes]


def _keep_codes(connection: Connection, account_id: int | None, keys: list[str]) -> None:
    connection.execute(delete(RecoveryCode).where(RecoveryCode.account_id == account_id))
    connection.execute(insert(RecoveryCode), [{"account_id": account_id, "key": key} for key in keys])


def _sign_out(connection: Connection, account_id: int | None) -> None:
    """Of every browser, and of sign-ins that wait for a code."""
    raised = update(Account).where(Account.id == account_id)
    connection.execute(raised.values(session_version=Account.session_version + 1))
    browser_sessions.end_all(connection, [] if account_id is None else [account_id])


def _record(connection: Connection, event: Event, subject: str, who: Who, now: datetime) -> None:
    notices.record(connection, event, subject, now, actor=who.name, actor_id=who.id, address=who.address)
