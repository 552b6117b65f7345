"""The outbox of mails, who wants copies of notifications by mail, and login cards for those without an e-mail address."""

from enum import StrEnum
from typing import Any

from sqlalchemy import ForeignKey, Index, String, text
from sqlalchemy.orm import Mapped, mapped_column

from sisportal.models.base import Base, Json, Key, Moment, Moment_, Name, Word


class MailKind(StrEnum):
    """What a mail is about."""

    TEST = "test"
    PASSWORD_RESET = "password-reset"  # noqa: S105 - the name of a kind
    SIGN_IN = "sign-in"
    """The way in which the person signs in has changed."""
    NOTIFICATION = "notification"
    ACCOUNT_MADE = "account-made"


class MailState(StrEnum):
    """What became of a mail."""

    WAITING = "waiting"
    SENDING = "sending"
    """A worker has it. One that dies leaves it so; after a while it is taken up again."""
    SENT = "sent"
    """The mail server took it."""
    BOUNCED = "bounced"
    """The mail server refused the address."""
    FAILED = "failed"
    """It was refused for another reason, or given up after the last try."""
    DROPPED = "dropped"
    """There was no reason left to send it: the account was archived, or too much time had passed."""


class Mail(Base):
    """A mail that is to be sent or was, written in the transaction of what causes it.

    Its text is made when it is sent, and never kept: it may hold a link with which to choose a password.
    """

    __tablename__ = "mail"
    __table_args__ = (
        Index("ix_mail_due", "state", "kind", "next_at"),
        Index("ix_mail_account", "account_id"),
        # Whatever is killed, undone or done again: an account is told only once that it was made.
        Index(
            "uq_mail_account_made",
            "account_id",
            unique=True,
            sqlite_where=text("kind = 'account-made'"),
            postgresql_where=text("kind = 'account-made'"),
        ),
    )

    id: Mapped[Key]
    kind: Mapped[Word]
    account_id: Mapped[int] = mapped_column(ForeignKey("account.id"))
    """To whom."""
    sync_id: Mapped[int | None] = mapped_column(ForeignKey("sync.id"))
    """The sync that caused it."""
    recipient: Mapped[Name]
    """The address that it went to, or is to go to: the account's when it is sent."""
    details: Mapped[Any] = mapped_column(Json, default=dict)
    """What its text needs besides the account: of a notification its ``text``. Never a secret."""
    seed: Mapped[str] = mapped_column(String(64))
    """Random; its Message-ID and its link are made from it, so that a second try is the same mail again."""
    state: Mapped[Word] = mapped_column(default=MailState.WAITING)
    attempts: Mapped[int] = mapped_column(default=0)
    answer: Mapped[Name]
    """Why it was not sent, as a sentence."""
    created_at: Mapped[Moment]
    next_at: Mapped[Moment]
    """Not to be tried before."""
    claim: Mapped[str | None] = mapped_column(String(60))
    claimed_at: Mapped[Moment_]
    ended_at: Mapped[Moment_]


class NotificationCopy(Base):
    """A kind of notification that somebody wants a copy of by mail."""

    __tablename__ = "notification_copy"

    account_id: Mapped[int] = mapped_column(ForeignKey("account.id"), primary_key=True)
    kind: Mapped[str] = mapped_column(String(40), primary_key=True)


class LoginCard(Base):
    """A card that was printed: with its code somebody without an e-mail address chooses a password, once."""

    __tablename__ = "login_card"
    __table_args__ = (Index("ix_login_card_account", "account_id"),)

    id: Mapped[Key]
    account_id: Mapped[int] = mapped_column(ForeignKey("account.id"))
    key: Mapped[str] = mapped_column(String(64))
    """What is kept of the code: made with the portal's secret, for the code itself is short."""
    printed_by: Mapped[Name]
    printed_by_id: Mapped[int | None] = mapped_column(ForeignKey("account.id"))
    created_at: Mapped[Moment]
    expires_at: Mapped[Moment]
    ended_at: Mapped[Moment_]
    """When it was used, or a newer one took its place."""
    used: Mapped[bool] = mapped_column(default=False)
