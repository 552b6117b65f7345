"""What people changed by hand, and the fields in which the portal therefore differs from the SIS (SPEC 6.6)."""

from enum import StrEnum
from typing import Any

from sqlalchemy import ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from sisportal.models.base import Base, Json, Key, Moment, Moment_, Name, Word


class RecordKind(StrEnum):
    """Which table a record of the LMS side is in."""

    ACCOUNT = "account"
    CLASS = "class"


class HandEdit(Base):
    """Who last changed a field by hand, and when: one row for each field, whatever became of the value since."""

    __tablename__ = "hand_edit"
    __table_args__ = {"sqlite_with_rowid": False}

    record: Mapped[str] = mapped_column(String(40), primary_key=True)
    record_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    field: Mapped[str] = mapped_column(String(40), primary_key=True)
    member_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False, default=0)
    """Of ``students``: the account that was put into the class or taken out of it; else 0."""
    edited_at: Mapped[Moment]
    editor: Mapped[Name]
    """Who, in words that stay true when their account changes."""


class Pin(Base):
    """A field in which the portal keeps a value of its own although the SIS says another.

    Computed by ``syncing.pins`` whenever either side may have changed, so that pages need not compare every record.
    """

    __tablename__ = "pin"
    __table_args__ = (
        Index("uq_pin_field", "connection_id", "record", "record_id", "field", "member", unique=True),
        Index("ix_pin_list", "connection_id", "search", "type", "school", "field"),
    )

    id: Mapped[Key]
    connection_id: Mapped[int] = mapped_column(ForeignKey("connection.id"))
    record: Mapped[Word]
    record_id: Mapped[int]
    source_id: Mapped[str] = mapped_column(String(255))
    type: Mapped[Word]
    """``student``, ``teacher`` or ``section``."""
    school: Mapped[str] = mapped_column(String(255), default="")
    """``source_id`` of the school that the record counts for."""
    label: Mapped[Name]
    search: Mapped[Name]
    field: Mapped[Word]
    """As in ``roster.fields``; also ``archived``, ``teachers``, and ``students``, of which each person is a pin."""
    member: Mapped[str] = mapped_column(String(255), default="")
    """Of ``students``: ``source_id`` of the person."""
    last: Mapped[Any] = mapped_column(Json)
    """What was last written by a sync."""
    here: Mapped[Any] = mapped_column(Json)
    sis: Mapped[Any] = mapped_column(Json)
    both: Mapped[bool] = mapped_column(default=False)
    """Whether the SIS has changed the field since, too: the next plan asks a person."""
    since: Mapped[Moment_]
    editor: Mapped[Name]
