"""Syncs, their planned actions and their warnings: the plan, the progress and the undo log."""

from enum import StrEnum
from typing import Any

from sqlalchemy import BigInteger, ForeignKey, Index, String, text
from sqlalchemy.orm import Mapped, mapped_column

from sisportal.models.base import Base, Json, Key, Moment, Moment_, Name, Word

MENDED = "mended_in IS NOT NULL"


class SyncState(StrEnum):
    """Where a sync stands; ``syncing.states`` has the one table of allowed moves."""

    QUEUED = "queued"
    PREPARING = "preparing"
    PREPARED = "prepared"
    COMMITTING = "committing"
    COMMITTED = "committed"
    PARTLY_COMMITTED = "partly-committed"
    FAILED = "failed"
    INTERRUPTED = "interrupted"
    CANCELLED = "cancelled"
    DISCARDED = "discarded"
    SUPERSEDED = "superseded"
    EXPIRED = "expired"


class SyncMode(StrEnum):
    """How much a sync reads."""

    FULL = "full"
    QUICK = "quick"
    UNDO = "undo"


class ActionType(StrEnum):
    """What an action is about, in the order in which reports list them."""

    ORGANIZATION = "organization"
    STUDENT = "student"
    TEACHER = "teacher"
    SECTION = "section"


class Verb(StrEnum):
    """What an action does. A delete archives; a reactivate is the add of a record that was archived."""

    ADD = "add"
    EDIT = "edit"
    DELETE = "delete"
    REACTIVATE = "reactivate"


class ActionState(StrEnum):
    """What became of an action."""

    PLANNED = "planned"
    APPLIED = "applied"
    UNTICKED = "unticked"
    CONFLICT = "conflict"
    FAILED = "failed"
    ALREADY_SO = "already-so"


class NoticeKind(StrEnum):
    """What a notification tells of: how a stage ended, or that nothing happens where something should (SPEC 2.5, 8.4)."""

    PREPARED = "prepared"
    HELD = "held"
    COMMITTED = "committed"
    PARTLY_COMMITTED = "partly-committed"
    FAILED = "failed"
    UNDONE = "undone"
    SWITCHED_OFF = "switched-off"
    """Automatic sync was switched off."""
    SILENT = "silent"
    """Nothing has come for too long."""
    RESTORED = "restored"
    """The portal was restored from a backup."""
    SIGN_IN = "sign-in"
    """The way in which somebody who sees everybody's records signs in has changed."""


class Sync(Base):
    """One run: a prepare, then perhaps a commit. The row is the truth about both (DESIGN 2)."""

    __tablename__ = "sync"
    __table_args__ = (Index("ix_sync_connection", "connection_id", "id"),)

    id: Mapped[Key]
    connection_id: Mapped[int] = mapped_column(ForeignKey("connection.id"))
    mode: Mapped[Word]
    automatic: Mapped[bool] = mapped_column(default=False)
    state: Mapped[Word] = mapped_column(default=SyncState.QUEUED)
    note: Mapped[Name]
    """A sentence for people: why it failed, what was left out, who discarded it."""
    error_code: Mapped[Name]
    request: Mapped[Any] = mapped_column(Json, default=dict)
    """What was asked for: since when, which schools, which file, commit by itself."""
    options: Mapped[Any] = mapped_column(Json, default=dict)
    options_version: Mapped[int] = mapped_column(default=1)
    undoes_id: Mapped[int | None] = mapped_column(ForeignKey("sync.id"))
    cursor: Mapped[str | None]

    claim: Mapped[str | None] = mapped_column(String(60))
    """Token of the worker that runs a stage now: every batch writes only while it is still its own."""
    heartbeat_at: Mapped[Moment_]
    cancel_asked: Mapped[bool] = mapped_column(default=False)
    stage: Mapped[Name]
    stage_started_at: Mapped[Moment_]
    done: Mapped[int] = mapped_column(default=0)
    total: Mapped[int] = mapped_column(default=0)

    counts: Mapped[Any] = mapped_column(Json, default=dict)
    """``{type: {verb: {state or "planned": number}}}``: planned at prepare, the outcomes as commit writes them."""
    left_out: Mapped[Any] = mapped_column(Json, default=dict)
    kept_back: Mapped[Any] = mapped_column(Json, default=dict, server_default="{}")
    """``{type: {verb: number}}`` of what was not planned because it was undone before (``KeptBack``)."""
    withheld: Mapped[Any] = mapped_column(Json, default=list)
    held: Mapped[Any] = mapped_column(Json, default=list)
    completeness: Mapped[Any] = mapped_column(Json, default=list)
    """The ``Seal`` of each collection."""
    details_removed_at: Mapped[Moment_]
    """When its actions and warnings were removed, being older than they are kept; its numbers stay."""
    compared: Mapped[Any] = mapped_column(Json, default=dict, server_default="{}")
    """How the warnings stand to those of the sync before: a ``Compared``."""

    started_by: Mapped[int | None] = mapped_column(ForeignKey("account.id"))
    committed_by: Mapped[int | None] = mapped_column(ForeignKey("account.id"))
    created_at: Mapped[Moment]
    started_at: Mapped[Moment_]
    prepared_at: Mapped[Moment_]
    finished_at: Mapped[Moment_]


class Action(Base):
    """One planned change to one record; applied ones are the undo log."""

    __tablename__ = "action"
    __table_args__ = (
        Index("ix_action_list", "sync_id", "type", "verb", "id"),
        Index("ix_action_unticked", "sync_id", sqlite_where=text("ticked = 0"), postgresql_where=text("not ticked")),
        Index("ix_action_held", "sync_id", sqlite_where=text("held <> ''"), postgresql_where=text("held <> ''")),
        Index("ix_action_source", "source_id"),
    )

    id: Mapped[Key]
    sync_id: Mapped[int] = mapped_column(ForeignKey("sync.id"))
    type: Mapped[Word]
    verb: Mapped[Word]
    source_id: Mapped[str] = mapped_column(String(255))
    school: Mapped[str] = mapped_column(String(255), default="")
    label: Mapped[Name]
    search: Mapped[Name]
    target_id: Mapped[int | None]
    """The account, class or organization: of an add, once it exists."""
    before: Mapped[Any] = mapped_column(Json, default=dict)
    after: Mapped[Any] = mapped_column(Json, default=dict)
    roster: Mapped[Any] = mapped_column(Json, default=dict)
    """Of a section: ``join`` and ``leave``, lists of ``source_id``; ``unticked``, those of them a person took out."""
    evidence: Mapped[Any] = mapped_column(Json, default=dict)
    fingerprint: Mapped[int | None] = mapped_column(BigInteger)
    """The mirror's fingerprint of the record that this was planned from."""
    ticked: Mapped[bool] = mapped_column(default=True)
    held: Mapped[Word] = mapped_column(default="", server_default="")
    """Why a person must decide first; blank when nothing holds it."""
    decided_by: Mapped[int | None]
    state: Mapped[Word] = mapped_column(default=ActionState.PLANNED)
    outcome: Mapped[Name]
    """A sentence when the state alone does not say it."""
    undo: Mapped[Any | None] = mapped_column(Json)
    """Of an applied one: what undo needs beside before and after (``syncing.undo_log``); null where it needs no more."""


class SyncWarning(Base):
    """Something a person should know of a sync, tied to an action where there is one."""

    __tablename__ = "warning"
    __table_args__ = (
        Index("ix_warning_sync", "sync_id", "code"),
        Index("ix_warning_action", "action_id"),
        Index("ix_warning_mended", "mended_in", sqlite_where=text(MENDED), postgresql_where=text(MENDED)),
    )

    id: Mapped[Key]
    sync_id: Mapped[int] = mapped_column(ForeignKey("sync.id"))
    action_id: Mapped[int | None]
    stage: Mapped[Word] = mapped_column(default="prepare")
    code: Mapped[Word]
    type: Mapped[Word] = mapped_column(default="")
    external_id: Mapped[Name]
    field: Mapped[Name]
    value: Mapped[Name]
    school: Mapped[Name]
    file: Mapped[Name]
    line: Mapped[int] = mapped_column(default=0)
    column: Mapped[Name]
    is_new: Mapped[bool | None]
    """Of those that are the SIS's to mend: whether the syncs before had it not; null where there was none before."""
    mended_in: Mapped[int | None]
    """The later sync that no longer found it."""


class Notification(Base):
    """A row for one person: what happened, and where it is seen."""

    __tablename__ = "notification"
    __table_args__ = (Index("ix_notification_account", "account_id", "id"),)

    id: Mapped[Key]
    account_id: Mapped[int] = mapped_column(ForeignKey("account.id"))
    sync_id: Mapped[int | None] = mapped_column(ForeignKey("sync.id"))
    kind: Mapped[Word]
    text: Mapped[Name]
    link: Mapped[Name]
    """The path that it leads to: the report of its sync, for whoever may read that."""
    created_at: Mapped[Moment]
    read_at: Mapped[Moment_]
