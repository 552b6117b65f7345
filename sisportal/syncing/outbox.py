"""The outbox: mails written in the transaction of what causes them, claimed one at a time, and what became of each."""

import secrets
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, cast

import msgspec
from sqlalchemy import ColumnElement, Connection, Engine, Table, func, insert, select, update

from sisportal.models import Account, Mail, MailKind, MailState, NotificationCopy
from sisportal.models.database import writing
from sisportal.syncing.rows import Row, chunks, insert_rows, stored_moment, update_rows
from sisportal.syncing.settings import read_setting, write_setting

MAILS = cast(Table, Mail.__table__)
PRIORITY = (MailKind.TEST, MailKind.PASSWORD_RESET, MailKind.SIGN_IN, MailKind.NOTIFICATION, MailKind.ACCOUNT_MADE)
"""Whoever waits before a screen is served before the thousands that a first sync has made."""
PAUSES = tuple(timedelta(minutes=minutes) for minutes in (1, 5, 15, 60, 240, 720, 1440))
"""How long after each try the next one comes; after the last one a mail has failed. Greylisting wants minutes."""
GOOD_FOR = {
    MailKind.TEST: timedelta(minutes=10),
    MailKind.PASSWORD_RESET: timedelta(hours=2),
    MailKind.SIGN_IN: timedelta(days=3),
    MailKind.NOTIFICATION: timedelta(days=1),
    MailKind.ACCOUNT_MADE: timedelta(days=60),
}
"""After this long without a chance to be sent, a mail would only confuse whoever gets it."""
LOST_AFTER = timedelta(minutes=5)
"""A mail whose worker said nothing for this long is taken up again: no exchange with a mail server takes as long."""
TROUBLE = "mail-trouble"
_SERVER_PAUSES = tuple(timedelta(seconds=seconds) for seconds in (15, 30, 60, 120, 300, 600, 900))
_WRITTEN = (
    "kind",
    "account_id",
    "sync_id",
    "recipient",
    "details",
    "seed",
    "state",
    "attempts",
    "created_at",
    "next_at",
)
_RENEWED = ("state", "attempts", "next_at", "created_at", "ended_at", "answer", "seed")
_AT_ONCE = 500
ENDED = (MailState.FAILED, MailState.BOUNCED, MailState.DROPPED)
"""What may be sent again by hand."""


class Claimed(msgspec.Struct, frozen=True):
    """A mail that is this worker's to send."""

    id: int
    kind: MailKind
    account_id: int
    sync_id: int | None
    details: dict[str, str]
    seed: str
    attempts: int
    """This one included."""
    created_at: datetime
    claim: str


class Trouble(msgspec.Struct, frozen=True):
    """What keeps the mail server from taking anything."""

    since: datetime
    until: datetime
    """When it is tried again."""
    tries: int
    sentence: str


def put(
    connection: Connection,
    kind: MailKind,
    account_id: int,
    recipient: str,
    now: datetime,
    *,
    sync_id: int | None = None,
    **details: str,
) -> int:
    """Write a mail to one person; its id."""
    values = {
        "kind": kind, "account_id": account_id, "sync_id": sync_id, "recipient": recipient, "details": details,
        "seed": _seed(), "state": MailState.WAITING, "attempts": 0, "created_at": now, "next_at": now,
    }  # fmt: skip
    return connection.execute(insert(Mail).values(values).returning(Mail.id)).scalar_one()


def put_account_made(
    connection: Connection, accounts: list[tuple[int, str]], sync_id: int | None, now: datetime
) -> None:
    """Write a mail for each (account id, e-mail address) that a commit has just made; those without an address get none."""
    moment = stored_moment(connection, now)
    rows: list[Row] = [
        (str(MailKind.ACCOUNT_MADE), id_, sync_id, email, "{}", _seed(), str(MailState.WAITING), 0, moment, moment)
        for id_, email in accounts
        if email
    ]
    insert_rows(connection, MAILS, _WRITTEN, rows)


def put_copies(
    connection: Connection, sync_id: int | None, kind: str, told: Mapping[int, tuple[str, str]], now: datetime
) -> None:
    """Write a mail to those who want a copy of this kind of notification; ``told``: account -> sentence and path."""
    wanted = (
        select(Account.id, Account.email)
        .join(NotificationCopy, NotificationCopy.account_id == Account.id)
        .where(NotificationCopy.kind == kind, Account.id.in_(told), Account.email != "")
    )
    for id_, email in connection.execute(wanted).all():
        text, path = told[id_]
        put(connection, MailKind.NOTIFICATION, id_, email, now, sync_id=sync_id, text=text, path=path)


def revive_account_made(connection: Connection, account_ids: list[int], now: datetime) -> None:
    """Accounts are back that were archived before they were told of: now they are."""
    for ids in chunks(account_ids, _AT_ONCE):
        _again(
            connection,
            now,
            Mail.kind == MailKind.ACCOUNT_MADE,
            Mail.state == MailState.DROPPED,
            Mail.account_id.in_(ids),
        )


def claim(engine: Engine, now: datetime, mail_id: int | None = None) -> Claimed | None:
    """Take the mail of this id if it is due, else the most urgent one that is; None where nothing is.

    Who takes it is settled by a conditional update, so a mail is in one worker's hands.
    """
    token = secrets.token_urlsafe(12)
    with writing(engine).begin() as connection:
        while (id_ := _due(connection, now, mail_id)) is not None:
            values = {
                "state": MailState.SENDING, "claim": token, "claimed_at": now, "attempts": Mail.attempts + 1,
            }  # fmt: skip
            mine = update(Mail).where(Mail.id == id_, Mail.state == MailState.WAITING)
            if connection.execute(mine.values(values)).rowcount == 1:
                row = connection.execute(select(Mail.__table__).where(Mail.id == id_)).one()
                return Claimed(
                    row.id, MailKind(row.kind), row.account_id, row.sync_id, row.details, row.seed, row.attempts,
                    row.created_at, token,
                )  # fmt: skip
            mail_id = None
    return None


def settle(connection: Connection, mail: Claimed, state: MailState, now: datetime, answer: str = "") -> bool:
    """Say what became of a mail; False where another worker has taken it up meanwhile."""
    return _release(connection, mail, {"state": state, "answer": answer, "ended_at": now})


def try_later(connection: Connection, mail: Claimed, at: datetime, answer: str, *, counts: bool = True) -> bool:
    """Give a mail back, to be tried again at a moment. A try that did not get as far as the mail does not count."""
    attempts = mail.attempts if counts else mail.attempts - 1
    values = {"state": MailState.WAITING, "next_at": at, "answer": answer, "attempts": attempts}
    return _release(connection, mail, values)


def note_recipient(connection: Connection, mail: Claimed, address: str) -> None:
    """The address that the mail goes to this time; the account's may have been corrected since it was written."""
    connection.execute(update(Mail).where(Mail.id == mail.id, Mail.recipient != address).values(recipient=address))


def pause_after(attempts: int) -> timedelta | None:
    """How long to wait after so many tries; None where there were enough."""
    return PAUSES[attempts - 1] if attempts <= len(PAUSES) else None


def next_due(connection: Connection, now: datetime) -> int | None:
    """The mail that is to be sent next."""
    return _due(connection, now, None)


def counts(connection: Connection) -> dict[MailState, int]:
    """How many mails are in each state."""
    rows = connection.execute(select(Mail.state, func.count()).group_by(Mail.state))
    found = {row[0]: row[1] for row in rows}
    return {state: found.get(state, 0) for state in MailState}


def waiting_of(connection: Connection, sync_id: int) -> int:
    """How many mails that a sync caused wait."""
    waiting = select(func.count()).where(Mail.state == MailState.WAITING, Mail.sync_id == sync_id)
    return connection.scalar(waiting) or 0


def tidy(connection: Connection, now: datetime) -> None:
    """Take up what a worker that died had in its hands, and drop what has waited too long to be of use."""
    lost = update(Mail).where(Mail.state == MailState.SENDING, Mail.claimed_at < now - LOST_AFTER)
    connection.execute(lost.values(state=MailState.WAITING, claim=None, next_at=now))
    for kind, limit in GOOD_FOR.items():
        old = update(Mail).where(Mail.state == MailState.WAITING, Mail.kind == kind, Mail.created_at < now - limit)
        values = {"state": MailState.DROPPED, "ended_at": now, "answer": "It had waited too long to be of use."}
        connection.execute(old.values(values))


def retry(connection: Connection, now: datetime, mail_id: int | None = None) -> int:
    """Send again what bounced, failed or was dropped: one mail, or every one that failed; how many there are.

    Not tests, and not links that somebody asked for a while ago: those are asked for again.
    """
    kinds = Mail.kind.in_((MailKind.ACCOUNT_MADE, MailKind.NOTIFICATION))
    if mail_id is None:
        return _again(connection, now, kinds, Mail.state == MailState.FAILED)
    return _again(connection, now, kinds, Mail.id == mail_id, Mail.state.in_(ENDED))


def drop_waiting(connection: Connection, now: datetime, by: str) -> int:
    """Give up every mail that waits; how many."""
    values = {"state": MailState.DROPPED, "ended_at": now, "answer": f"Given up by {by}."}
    return connection.execute(update(Mail).where(Mail.state == MailState.WAITING).values(values)).rowcount


def drop_restored(connection: Connection, now: datetime) -> None:
    """What waited when a backup was made may have been sent since: a person decides whether it goes again."""
    waits = update(Mail).where(Mail.state.in_((MailState.WAITING, MailState.SENDING)))
    answer = "It waited in the backup that was restored, and may have been sent since. Send it again where it was not."
    connection.execute(waits.values(state=MailState.DROPPED, claim=None, ended_at=now, answer=answer))


def trouble(connection: Connection) -> Trouble | None:
    """What keeps the mail server from taking anything; None where the last exchange went well."""
    stored = read_setting(connection, TROUBLE)
    return msgspec.convert(stored, Trouble) if stored else None


def note_trouble(connection: Connection, sentence: str, now: datetime) -> Trouble:
    """The mail server cannot be used: wait for it, longer each time."""
    before = trouble(connection)
    tries = before.tries + 1 if before else 1
    pause = _SERVER_PAUSES[min(tries, len(_SERVER_PAUSES)) - 1]
    found = Trouble(before.since if before else now, now + pause, tries, sentence)
    write_setting(connection, TROUBLE, found)
    return found


def clear_trouble(connection: Connection) -> None:
    """The mail server can be used."""
    if trouble(connection):
        write_setting(connection, TROUBLE, "")


def _due(connection: Connection, now: datetime, mail_id: int | None) -> int | None:
    due = select(Mail.id).where(Mail.state == MailState.WAITING, Mail.next_at <= now).limit(1)
    if mail_id is not None and (wanted := connection.scalar(due.where(Mail.id == mail_id))) is not None:
        return wanted
    for kind in PRIORITY:
        found = connection.scalar(due.where(Mail.kind == kind).order_by(Mail.next_at, Mail.id))
        if found is not None:
            return found
    return None


def _again(connection: Connection, now: datetime, *conditions: ColumnElement[bool]) -> int:
    """Have mails sent anew, as other mails with links of their own: those of earlier tries may be used or too old."""
    ids = list(connection.scalars(select(Mail.id).where(*conditions).with_for_update()))
    moment = stored_moment(connection, now)
    rows: list[Row] = [(str(MailState.WAITING), 0, moment, moment, None, "", _seed(), id_) for id_ in ids]
    update_rows(connection, MAILS, _RENEWED, ("id",), rows)
    return len(ids)


def _release(connection: Connection, mail: Claimed, values: dict[str, Any]) -> bool:
    mine = update(Mail).where(Mail.id == mail.id, Mail.claim == mail.claim)
    return connection.execute(mine.values(claim=None, **values)).rowcount == 1


def _seed() -> str:
    return secrets.token_hex(16)
