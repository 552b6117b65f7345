"""A forgotten password: a link by mail, for whoever can be told apart by their e-mail address (SPEC 10, "What is decided")."""

from datetime import datetime, timedelta

from sqlalchemy import Connection, Engine, func, select

from sisportal.models import Account, Mail, MailKind
from sisportal.models.database import writing
from sisportal.syncing import notices, outbox

NOT_AGAIN_FOR = timedelta(minutes=5)
"""Whoever asks twice gets one mail: nobody's mailbox is to be filled by a stranger."""


def ask(engine: Engine, entered: str, now: datetime, address: str) -> int | None:
    """Write a mail with a link for the account of this username or e-mail address; the mail's id, None where there is none.

    Only an active account whose address no other active one has. Whoever it is or is not, the same is looked for and a
    line of the audit log is written, so that it takes as long.
    """
    with writing(engine).begin() as connection:
        account = _account(connection, entered.strip().lower())
        username, id_ = (account.username, account.id) if account else ("unknown", None)
        notices.record(connection, "password-reset-asked", username, now, actor=username, actor_id=id_, address=address)
        if account is None or _has_one_already(connection, account.id, now):
            return None
        return outbox.put(connection, MailKind.PASSWORD_RESET, account.id, account.email, now)


def _account(connection: Connection, entered: str) -> Account | None:
    active = select(Account.__table__).where(Account.archived_at.is_(None))
    by_username = connection.execute(active.where(func.lower(Account.username) == entered)).one_or_none()
    # The address of the account found, or what was typed: looked for once, whether there is an account or not.
    email = (by_username.email if by_username else "").lower() or entered
    by_email = connection.execute(active.where(func.lower(Account.email) == email).limit(2)).all()
    if len(by_email) != 1 or (by_username is not None and by_username.id != by_email[0].id):
        return None
    return by_email[0]  # type: ignore[return-value]  # a row with the account's columns


def _has_one_already(connection: Connection, account_id: int, now: datetime) -> bool:
    recent = select(Mail.id).where(Mail.account_id == account_id, Mail.kind == MailKind.PASSWORD_RESET)
    return connection.scalar(recent.where(Mail.created_at > now - NOT_AGAIN_FOR).limit(1)) is not None
