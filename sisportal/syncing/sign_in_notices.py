"""What people are told when the way in which somebody signs in changes, or when wrong codes come again and again.

A password that is no longer secret shows itself so: whoever knows it sets up a factor of their own, or guesses at codes.
"""

from datetime import datetime

from sqlalchemy import Connection, Row, select

from sisportal.models import Account, AccountRole, MailKind, NoticeKind
from sisportal.syncing import notices, outbox
from sisportal.syncing.audit_events import Event
from sisportal.syncing.review import Who

WHAT: dict[Event, str] = {
    "second-factor-set-up": "A second factor was set up for {of}{how}.",
    "second-factor-switched-off": "The second factor of {of} was switched off{how}.",
    "second-factor-reset": "The second factor of {of} was taken off{how}.",
    "recovery-codes-made": "New recovery codes were made for {of}{how}.",
    "recovery-code-used": "A recovery code was used for {of}{how}.",
    "password-changed": "The password of {of} was changed{how}.",
    "password-chosen": "A password was chosen for {of} by a link or a login card{how}.",
    "password-reset": "The password of {of} was reset{how}.",
    "sign-in-throttled": "Ten wrong codes were typed for {of}{how}, after the right password: somebody else may know it by now.",
}
"""Event of the audit log -> what is said of it: of whom, and by whom and from where."""
_OF_PASSWORDS = frozenset({"password-changed", "password-chosen", "password-reset"})
_STAFF = frozenset({AccountRole.ADMINISTRATOR, AccountRole.ORGANIZATION_ADMINISTRATOR, AccountRole.VIEWER})


def tell(connection: Connection, event: Event, account_id: int | None, who: Who, now: datetime) -> None:
    """Tell of something in ``WHAT``: the person by mail, and of those who see everybody's records each other administrator.

    Of passwords only those who see everybody's records: a school's first day is thousands of passwords chosen.
    """
    columns = select(Account.id, Account.username, Account.role, Account.email)
    account = connection.execute(columns.where(Account.id == account_id)).one_or_none()
    if account is None or (event in _OF_PASSWORDS and account.role not in _STAFF):
        return
    how = _how(account, who)
    if account.email:
        text = WHAT[event].format(of=f"your account {account.username}", how=how)
        outbox.put(connection, MailKind.SIGN_IN, account.id, account.email, now, text=text)
    if account.role in _STAFF:
        _tell_administrators(connection, account, who, WHAT[event].format(of=account.username, how=how), now)


def _tell_administrators(
    connection: Connection, account: Row[int, str, str, str], who: Who, text: str, now: datetime
) -> None:
    """Each but the person, who gets a mail, and whoever did it."""
    told = select(Account.id).where(Account.role == AccountRole.ADMINISTRATOR, Account.archived_at.is_(None))
    text += " If they know nothing of it, give them another password and reset their second factor."
    link = f"/accounts/{account.id}"
    people = {id_: (text, link) for id_ in connection.scalars(told) if id_ not in {account.id, who.id}}
    notices.write_notifications(connection, None, NoticeKind.SIGN_IN, people, now)


def _how(account: Row[int, str, str, str], who: Who) -> str:
    """By whom, where it was somebody else, and from where."""
    by = f" by {who.name}" if who.name != account.username else ""
    return f"{by}, from {who.address}" if who.address else by
