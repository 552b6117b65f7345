"""The SIS side: connections, and the mirror of what each of them last said."""

from enum import StrEnum
from typing import Any

from sqlalchemy import BigInteger, ForeignKey, Index, String, UniqueConstraint, text, true
from sqlalchemy.orm import Mapped, mapped_column

from sisportal.models.base import Base, Json, Key, Moment, Moment_, Name, Word


class ConnectionKind(StrEnum):
    """The SIS sources that can be configured (SPEC 1)."""

    CLEVER = "clever"
    ONEROSTER = "oneroster"
    CSV = "csv"


class Mapping(StrEnum):
    """What a person decided about a school of the SIS."""

    UNMAPPED = "unmapped"
    MAPPED = "mapped"
    IGNORED = "ignored"


class SisConnection(Base):
    """One configured SIS source."""

    __tablename__ = "connection"

    id: Mapped[Key]
    kind: Mapped[Word] = mapped_column(unique=True)
    enabled: Mapped[bool] = mapped_column(default=True)
    settings: Mapped[Any] = mapped_column(Json, default=dict)
    """What is not secret: base URL, client id, dates of the school year."""
    secrets: Mapped[str | None]
    """Encrypted JSON: tokens and client secrets."""
    options: Mapped[Any] = mapped_column(Json, default=dict)
    options_version: Mapped[int] = mapped_column(default=1)
    """Raised whenever options or the mapping of schools change: older plans are then stale (SPEC 6.7)."""
    district_id: Mapped[Name]
    district: Mapped[Any] = mapped_column(Json, default=dict)
    """What the provider last said of the district: name, state, error, last SIS sync."""
    others: Mapped[Any] = mapped_column(Json, default=dict)
    """How many people of roles that are not planned the provider listed."""
    cursor: Mapped[str | None]
    """Where the next quick sync reads on: kept with the last committed sync."""
    committed_sync_id: Mapped[int | None]
    mirror_stale: Mapped[bool] = mapped_column(default=False)
    """The mirror's fingerprints were made with another mapping: the next full fetch writes every record again."""
    created_at: Mapped[Moment]
    updated_at: Mapped[Moment]


class SisSchool(Base):
    """A school (OneRoster: a business) as the SIS lists it, and what a person mapped it to."""

    __tablename__ = "sis_school"
    __table_args__ = (UniqueConstraint("connection_id", "source_id"),)

    id: Mapped[Key]
    connection_id: Mapped[int] = mapped_column(ForeignKey("connection.id"))
    source_id: Mapped[str] = mapped_column(String(255))
    payload: Mapped[Any] = mapped_column(Json)
    name: Mapped[Name]
    sis_id: Mapped[Name]
    mapping: Mapped[Word] = mapped_column(default=Mapping.UNMAPPED)
    organization_id: Mapped[int | None] = mapped_column(ForeignKey("organization.id"))
    """Null for the one school of a single-school portal."""
    gone_at: Mapped[Moment_]


class SisReference(Base):
    """A term or course as the SIS lists it: what sections are resolved with."""

    __tablename__ = "sis_reference"
    __table_args__ = {"sqlite_with_rowid": False}

    connection_id: Mapped[int] = mapped_column(ForeignKey("connection.id"), primary_key=True)
    collection: Mapped[str] = mapped_column(String(20), primary_key=True)
    source_id: Mapped[str] = mapped_column(String(255), primary_key=True)
    payload: Mapped[Any] = mapped_column(Json)


class SisPerson(Base):
    """A student or teacher as the SIS last listed them."""

    __tablename__ = "sis_person"
    __table_args__ = (
        UniqueConstraint("connection_id", "source_id"),
        # With every column that lists filter by, so that counts and searches read the index alone.
        Index("ix_sis_person_list", "connection_id", "role", "search", "school", "gone_in_sync", "in_scope"),
        Index(
            "ix_sis_person_pending", "connection_id", sqlite_where=text("pending = 1"), postgresql_where=text("pending")
        ),
    )

    id: Mapped[Key]
    connection_id: Mapped[int] = mapped_column(ForeignKey("connection.id"))
    source_id: Mapped[str] = mapped_column(String(255))
    role: Mapped[Word]
    school: Mapped[str] = mapped_column(String(255), default="")
    """``source_id`` of the school they count for: the primary one, or the first that is mapped."""
    in_scope: Mapped[bool] = mapped_column(default=True)
    fingerprint: Mapped[int] = mapped_column(BigInteger)
    payload: Mapped[Any] = mapped_column(Json)
    """The ``Person`` record."""
    search: Mapped[Name]
    gone_in_sync: Mapped[int | None]
    """The sync whose proven fetch no longer listed them."""
    pending: Mapped[bool] = mapped_column(default=True, server_default=true())
    """Changed since it was last seen to agree with the portal: what a quick sync compares."""


class SisSection(Base):
    """A section as the SIS last listed it, its course and term written in."""

    __tablename__ = "sis_section"
    __table_args__ = (
        UniqueConstraint("connection_id", "source_id"),
        Index("ix_sis_section_list", "connection_id", "search", "school", "gone_in_sync", "in_scope"),
        Index(
            "ix_sis_section_pending",
            "connection_id",
            sqlite_where=text("pending = 1"),
            postgresql_where=text("pending"),
        ),
    )

    id: Mapped[Key]
    connection_id: Mapped[int] = mapped_column(ForeignKey("connection.id"))
    source_id: Mapped[str] = mapped_column(String(255))
    school: Mapped[str] = mapped_column(String(255), default="")
    in_scope: Mapped[bool] = mapped_column(default=True)
    fingerprint: Mapped[int] = mapped_column(BigInteger)
    payload: Mapped[Any] = mapped_column(Json)
    """The ``Section`` record, resolved: its lists of people are what the plan compares."""
    search: Mapped[Name]
    gone_in_sync: Mapped[int | None]
    pending: Mapped[bool] = mapped_column(default=True, server_default=true())


class SisEnrollment(Base):
    """An index over the sections' lists of people, for the pages: which sections somebody is in."""

    __tablename__ = "sis_enrollment"
    __table_args__ = {"sqlite_with_rowid": False}

    # No foreign keys: rows of the mirror are never removed, and two look-ups for each enrolment would double its cost.
    person_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    section_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)


class MatchDecision(Base):
    """What a person said of a doubtful match; remembered for ever (SPEC 6.3)."""

    __tablename__ = "match_decision"
    __table_args__ = (UniqueConstraint("connection_id", "collection", "source_id", "target_id"),)

    id: Mapped[Key]
    connection_id: Mapped[int] = mapped_column(ForeignKey("connection.id"))
    collection: Mapped[str] = mapped_column(String(20))
    source_id: Mapped[str] = mapped_column(String(255))
    target_id: Mapped[int]
    """The account or class concerned; 0 with ``create``."""
    decision: Mapped[Word]
    """``same``, ``not-same`` or ``create``."""
    decided_by: Mapped[int | None] = mapped_column(ForeignKey("account.id"))
    decided_at: Mapped[Moment]


class KeptBack(Base):
    """What was undone of one record and is not proposed again until a person says so (SPEC 7)."""

    __tablename__ = "kept_back"
    __table_args__ = {"sqlite_with_rowid": False}

    connection_id: Mapped[int] = mapped_column(ForeignKey("connection.id"), primary_key=True)
    collection: Mapped[str] = mapped_column(String(20), primary_key=True)
    """``people`` or ``sections``."""
    source_id: Mapped[str] = mapped_column(String(255), primary_key=True)
    target_id: Mapped[int]
    """The account or class that the undone sync wrote."""
    type: Mapped[Word]
    label: Mapped[Name]
    search: Mapped[Name]
    is_new: Mapped[bool]
    """Its account or class, or the link to it, was undone: nothing but its delete is proposed."""
    is_gone: Mapped[bool]
    """Its delete was undone."""
    fields: Mapped[Any] = mapped_column(Json, default=dict)
    """Values whose write was undone, by field: other values of these fields are proposed."""
    joins: Mapped[Any] = mapped_column(Json, default=list)
    leaves: Mapped[Any] = mapped_column(Json, default=list)
    """Of a section: ``source_id`` of those whose joining or leaving was undone."""
    undone_sync_id: Mapped[int] = mapped_column(ForeignKey("sync.id"))
    undone_by_id: Mapped[int] = mapped_column(ForeignKey("sync.id"))
    at: Mapped[Moment]
