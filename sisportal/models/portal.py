"""The portal itself: its settings, its apps, who did what, and failed sign-ins."""

from typing import Any

from sqlalchemy import ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from sisportal.models.base import Base, Json, Key, Moment, Moment_, Name, Word


class Setting(Base):
    """One setting of the portal: its name, its time zone, whether organizations are partitioned."""

    __tablename__ = "setting"

    name: Mapped[str] = mapped_column(String(60), primary_key=True)
    value: Mapped[Any] = mapped_column(Json)


class InstalledApp(Base):
    """An app of the App center that was installed, and whether it is enabled."""

    __tablename__ = "installed_app"

    name: Mapped[str] = mapped_column(String(40), primary_key=True)
    enabled: Mapped[bool] = mapped_column(default=True)
    installed_at: Mapped[Moment]


class AuditEvent(Base):
    """Who did what, when, from where (SPEC 2.5). Never a secret value."""

    __tablename__ = "audit_event"
    __table_args__ = (
        Index("ix_audit_event_at", "at"),
        # A person's lines: what they did and what was done to them; and those of one kind, which have their own keeping.
        Index("ix_audit_event_actor", "actor", "id"),
        Index("ix_audit_event_subject", "subject", "id"),
        Index("ix_audit_event_event", "event", "at"),
    )

    id: Mapped[Key]
    at: Mapped[Moment]
    actor_id: Mapped[int | None] = mapped_column(ForeignKey("account.id"))
    actor: Mapped[Name]
    """Who, in words that stay true when the account changes: a username, ``command line``, ``schedule``."""
    event: Mapped[Word]
    subject: Mapped[Name]
    details: Mapped[Any] = mapped_column(Json, default=dict)
    address: Mapped[Name]


class FailedSignIn(Base):
    """A password that did not fit: what throttling counts, by account and by address."""

    __tablename__ = "failed_sign_in"
    __table_args__ = (Index("ix_failed_sign_in_key", "key", "at"),)

    id: Mapped[Key]
    key: Mapped[str] = mapped_column(String(200))
    at: Mapped[Moment]


class SignedInBrowser(Base):
    """Somebody signed in on one browser. Without its row a session's cookie is worth nothing, wherever it was copied to."""

    __tablename__ = "signed_in_browser"
    __table_args__ = (
        Index("ix_signed_in_browser_account", "account_id"),
        Index("ix_signed_in_browser_at", "created_at"),
    )

    key: Mapped[str] = mapped_column(String(64), primary_key=True)
    """The hash of what the cookie holds."""
    account_id: Mapped[int] = mapped_column(ForeignKey("account.id"))
    session_version: Mapped[int]
    """The account's, when it signed in: raised since, the session has ended."""
    way: Mapped[Word]
    """``password`` or ``clever``."""
    created_at: Mapped[Moment]
    seen_at: Mapped[Moment_]
    """When the person last did something, to the minute; null where nothing since they signed in."""


class PasswordLink(Base):
    """A link with which somebody may choose the password of their account, once."""

    __tablename__ = "password_link"
    __table_args__ = (Index("ix_password_link_account", "account_id"),)

    key: Mapped[str] = mapped_column(String(64), primary_key=True)
    """The hash of what the link holds."""
    account_id: Mapped[int] = mapped_column(ForeignKey("account.id"))
    purpose: Mapped[Word]
    """``set`` for a first password, ``reset`` for another one, ``card`` of whoever has shown a login card."""
    made_by: Mapped[Name]
    created_at: Mapped[Moment]
    expires_at: Mapped[Moment]
    ended_at: Mapped[Moment_]
    """When it was used, or a newer one took its place."""
