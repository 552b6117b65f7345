"""Sending what the outbox holds: each mail claimed, written, handed to the mail server, and settled."""

import base64
import hashlib
import hmac
import logging
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from email.errors import MessageError
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import format_datetime
from typing import Any
from urllib.parse import urlsplit

import msgspec
from sqlalchemy import Connection, Engine, select

from sisportal.models import Account, Mail, MailKind, MailState, PasswordLink
from sisportal.models.database import writing
from sisportal.syncing import mail_warnings, outbox, password_links
from sisportal.syncing.browser_sessions import key_of
from sisportal.syncing.outbox import Claimed
from sisportal.syncing.password_links import Purpose
from sisportal.syncing.progress import Clock
from sisportal.syncing.review import Who
from sisportal.syncing.settings import NAME, TIMEZONE, read_setting, read_settings
from sisportal.syncing.smtp import (
    POLICY,
    AddressRefused,
    MailServer,
    MessageRefused,
    Post,
    ServerAway,
    ServerTrouble,
    TryLater,
)

logger = logging.getLogger(__name__)

SENDER = "mail-sender"
"""The setting that holds the address that mail comes from."""
AT_A_TIME = 45.0
"""Seconds that one job sends for; what is left is sent by the next."""
POISON = timedelta(minutes=5)
PURPOSES = {MailKind.ACCOUNT_MADE: Purpose.SET, MailKind.PASSWORD_RESET: Purpose.RESET}


class Letter(msgspec.Struct, frozen=True):
    """What a mail says, in its three parts."""

    subject: str
    text: str
    html: str


Compose = Callable[[MailKind, dict[str, Any]], Letter]
"""Writes a letter of a kind from what it needs: ``name``, ``username``, ``portal_name``, ``timezone``, ``base_url``; and ``link`` and
``until`` (a moment), or ``text`` and ``path`` (to where it is seen)."""


class NotNeeded(Exception):
    """There is no reason left to send a mail; the message is the sentence that says why."""


class Mailer(msgspec.Struct, frozen=True):
    """What mails are sent with."""

    engine: Engine
    clock: Clock
    server: MailServer | None
    secret_key: str
    base_url: str
    compose: Compose

    def __repr__(self) -> str:  # the secrets stay out of every log
        return f"Mailer({self.server})"


class Done(msgspec.Struct):
    """What a run of sending came to."""

    states: dict[MailState, int] = msgspec.field(default_factory=dict)
    """How many mails ended in each state; ``waiting`` are those to be tried again later."""
    trouble: str = ""
    """Why nothing more can be sent now, as a sentence."""
    next_id: int | None = None
    """The mail to go on with, where the time was up first."""


def send_due(
    mailer: Mailer, first: int | None = None, *, seconds: float = AT_A_TIME, force: bool = False, patience: float = 15.0
) -> Done:
    """Send what is due, the mail of id ``first`` before the others, for at most about ``seconds``.

    While the mail server is in trouble nothing is tried before its pause is over, unless ``force`` says so.
    """
    done, end = Done(), time.monotonic() + seconds
    if mailer.server is None:
        done.trouble = "SMTP_URL is not set, so no mail can be sent."
        return done
    if not force and (waits := _pause(mailer)):
        done.trouble = waits
        return done
    with Post(mailer.server, seconds=patience) as post:
        while mail := outbox.claim(mailer.engine, mailer.clock(), first):
            first = None
            state = _send(mailer, post, mail, done)
            done.states[state] = done.states.get(state, 0) + 1
            if done.trouble or time.monotonic() > end:
                break
    if not done.trouble:
        with mailer.engine.connect() as connection:
            done.next_id = outbox.next_due(connection, mailer.clock())
    return done


def send_test(mailer: Mailer, account_id: int, recipient: str) -> str:
    """Send a test mail at once; why that failed, as a sentence, or blank. The row says the same."""
    with writing(mailer.engine).begin() as connection:
        mail_id = outbox.put(connection, MailKind.TEST, account_id, recipient, mailer.clock())
    send_due(mailer, mail_id, seconds=0, force=True, patience=6.0)
    with mailer.engine.connect() as connection:
        row = connection.execute(select(Mail.state, Mail.answer).where(Mail.id == mail_id)).one()
    return "" if row.state == MailState.SENT else row.answer or "It is being sent."


def sender_of(connection: Connection, server: MailServer | None, base_url: str) -> str:
    """The address that mail comes from: the one that was set, else the user of ``SMTP_URL``, else one of the portal's host."""
    chosen = str(read_setting(connection, SENDER) or "")
    if chosen:
        return chosen
    if server and is_address(server.user):
        return server.user
    return f"portal@{_domain(base_url)}"


def is_address(text: str) -> bool:
    """Whether mail can be addressed to it: one address, with nothing in it that could become another header or command."""
    try:
        address = Address(addr_spec=text)
    except (MessageError, ValueError, IndexError):
        return False
    return bool(address.username and address.domain) and text == address.addr_spec and text.isprintable()


def _pause(mailer: Mailer) -> str:
    with mailer.engine.connect() as connection:
        found = outbox.trouble(connection)
    return found.sentence if found and mailer.clock() < found.until else ""


def _send(mailer: Mailer, post: Post, mail: Claimed, done: Done) -> MailState:
    """Send one mail; the state that it ends in."""
    try:
        message, sender, recipient = _written(mailer, mail)
        post.send(message, sender, recipient)
    except NotNeeded as reason:
        return _ended(mailer, mail, MailState.DROPPED, str(reason))
    except AddressRefused as refusal:
        return _ended(mailer, mail, MailState.BOUNCED, str(refusal))
    except MessageRefused as refusal:
        return _ended(mailer, mail, MailState.FAILED, str(refusal))
    except TryLater as refusal:
        return _later(mailer, mail, str(refusal))
    except ServerTrouble as refusal:
        done.trouble = str(refusal)
        return _waits_for_server(mailer, mail, refusal)
    return _ended(mailer, mail, MailState.SENT)


def _ended(mailer: Mailer, mail: Claimed, state: MailState, answer: str = "") -> MailState:
    now = mailer.clock()
    with writing(mailer.engine).begin() as connection:
        if outbox.settle(connection, mail, state, now, answer):
            mail_warnings.warn(connection, mail, state, answer)
        if state is not MailState.DROPPED:
            outbox.clear_trouble(connection)  # whatever it said of this mail, the server answers
    logger.info("mail %s: %s", mail.id, state)
    return state


def _later(mailer: Mailer, mail: Claimed, answer: str) -> MailState:
    pause = outbox.pause_after(mail.attempts)
    if pause is None or mail.kind is MailKind.TEST:
        return _ended(mailer, mail, MailState.FAILED, answer)
    with writing(mailer.engine).begin() as connection:
        outbox.try_later(connection, mail, mailer.clock() + pause, answer)
        outbox.clear_trouble(connection)
    logger.info("mail %s: later, after try %s", mail.id, mail.attempts)
    return MailState.WAITING


def _waits_for_server(mailer: Mailer, mail: Claimed, refusal: ServerTrouble) -> MailState:
    now = mailer.clock()
    with writing(mailer.engine).begin() as connection:
        found = outbox.note_trouble(connection, str(refusal), now)
        if mail.kind is MailKind.TEST:
            outbox.settle(connection, mail, MailState.FAILED, now, str(refusal))
        else:
            # Where the server talked before it refused, the mail itself may be why: others go before it next time.
            at = now if isinstance(refusal, ServerAway) else found.until + POISON
            outbox.try_later(connection, mail, at, str(refusal), counts=False)
    logger.warning("the mail server cannot be used; it is tried again at %s", found.until.isoformat(timespec="seconds"))
    return MailState.FAILED if mail.kind is MailKind.TEST else MailState.WAITING


def _written(mailer: Mailer, mail: Claimed) -> tuple[EmailMessage, str, str]:
    """The message, who sends it, and to which address. Raises ``NotNeeded``, ``AddressRefused``."""
    now = mailer.clock()
    with writing(mailer.engine).begin() as connection:
        account = connection.execute(select(Account.__table__).where(Account.id == mail.account_id)).one()
        recipient = _recipient(connection, mail, account)
        settings = read_settings(connection)
        needs: dict[str, Any] = {
            "name": f"{account.preferred_name or account.first_name} {account.last_name}".strip() or account.username,
            "username": account.username,
            "portal_name": str(settings[NAME]),
            "timezone": str(settings[TIMEZONE]),
            "base_url": mailer.base_url,
        }
        needs |= _link(connection, mailer, mail, recipient, now) if mail.kind in PURPOSES else mail.details
        sender = sender_of(connection, mailer.server, mailer.base_url)
    letter = mailer.compose(mail.kind, needs)
    return _message(mailer, mail, letter, (needs["portal_name"], sender), (needs["name"], recipient)), sender, recipient


def _recipient(connection: Connection, mail: Claimed, account: Any) -> str:
    if account.archived_at is not None:
        raise NotNeeded("The account was archived before the mail was sent.")
    if mail.kind is MailKind.ACCOUNT_MADE and account.password_hash is not None:
        raise NotNeeded("They had chosen a password before the mail was sent.")
    address = str(account.email).strip()
    if not address:
        raise NotNeeded("The account has no e-mail address any more.")
    outbox.note_recipient(connection, mail, address)
    local, _, domain = address.rpartition("@")
    try:
        address = f"{local}@{domain.encode('idna').decode()}"
    except UnicodeError:
        raise AddressRefused("This is not an e-mail address.") from None
    if not is_address(address):
        raise AddressRefused("This is not an e-mail address.")
    return address


def _link(connection: Connection, mailer: Mailer, mail: Claimed, recipient: str, now: datetime) -> dict[str, Any]:
    """The link to choose a password with: a second try of the same mail has the same one."""
    token = link_token(mailer.secret_key, mail.seed, recipient)
    held = select(PasswordLink.ended_at, PasswordLink.expires_at).where(PasswordLink.key == key_of(token))
    row = connection.execute(held).one_or_none()
    if row is None:
        purpose = PURPOSES[mail.kind]
        password_links.make(connection, mail.account_id, purpose, Who("mail"), now, token=token)
        until = now + password_links.GOOD_FOR[purpose]
    elif row.ended_at is not None or row.expires_at <= now:
        raise NotNeeded("The link of an earlier try was used, was replaced or is too old.")
    else:
        until = row.expires_at
    return {"link": f"{mailer.base_url}/choose-password/{token}", "until": until}


def link_token(secret_key: str, seed: str, recipient: str) -> str:
    """What a mail's link holds: made anew for each try, from what the database alone does not tell."""
    digest = hmac.digest(secret_key.encode(), f"sisportal mail link\0{seed}\0{recipient}".encode(), hashlib.sha256)
    return base64.urlsafe_b64encode(digest).decode().rstrip("=")


def _message(
    mailer: Mailer, mail: Claimed, letter: Letter, sender: tuple[str, str], to: tuple[str, str]
) -> EmailMessage:
    """The mail as it travels. No header can hold a line break: the library refuses it, and names lose theirs here."""
    message = EmailMessage(POLICY)
    message["Subject"] = _line(letter.subject)
    message["From"] = Address(_line(sender[0]), addr_spec=sender[1])
    message["To"] = Address(_line(to[0]), addr_spec=to[1])
    message["Date"] = format_datetime(mailer.clock())
    message["Message-ID"] = message_id(mail.seed, mailer.base_url)
    message["Auto-Submitted"] = "auto-generated"  # so that absence notes are not sent back (RFC 3834)
    message["X-Auto-Response-Suppress"] = "All"
    message.set_content(letter.text)
    message.add_alternative(letter.html, subtype="html")
    return message


def message_id(seed: str, base_url: str) -> str:
    """The same for every try of a mail, so that whoever gets it twice can tell."""
    return f"<{seed}@{_domain(base_url)}>"


def _domain(base_url: str) -> str:
    host = urlsplit(base_url).hostname or ""
    return host if any(sign.isalpha() for sign in host) and ":" not in host else "localhost.localdomain"


def _line(text: str) -> str:
    return " ".join("".join(sign if sign.isprintable() else " " for sign in text).split())[:200]
