"""The LMS side: the portal's own organizations, accounts, classes and rosters, and their links to the SIS."""

from enum import StrEnum
from typing import TYPE_CHECKING, Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    ForeignKey,
    Index,
    String,
    Text,
    false,
    func,
    literal_column,
    text,
    type_coerce,
)
from sqlalchemy.orm import Mapped, mapped_column

from sisportal.models.base import Base, Json, Key, Moment, Moment_, Name, Word

_SEVERAL = "replace(organizations, ',', '') <> organizations"
"""A list of more than one id has a comma."""
EDITED = "edited_at IS NOT NULL"
"""The few records that a person changed by hand."""


class AccountRole(StrEnum):
    """Who an account is in the portal (SPEC 0)."""

    ADMINISTRATOR = "administrator"
    VIEWER = "viewer"
    ORGANIZATION_ADMINISTRATOR = "organization-administrator"
    TEACHER = "teacher"
    STUDENT = "student"


class ClassStyle(StrEnum):
    """How a class is held (SPEC 2.4)."""

    INSTRUCTOR = "instructor"
    BLENDED = "blended"
    SELF_PACED = "self-paced"


class Source(StrEnum):
    """How a record came to be."""

    SYNC = "sync"
    HAND = "hand"
    IMPORT = "import"


class Organization(Base):
    """A school or a group of schools on the LMS side."""

    __tablename__ = "organization"

    id: Mapped[Key]
    parent_id: Mapped[int | None] = mapped_column(ForeignKey("organization.id"))
    name: Mapped[Name]
    slug: Mapped[str] = mapped_column(String(120), unique=True)
    sis_id: Mapped[Name]
    welcome: Mapped[Name]
    colour: Mapped[Name]
    source: Mapped[Word] = mapped_column(default=Source.HAND)
    archived_at: Mapped[Moment_]
    archived_by_sync: Mapped[int | None]
    edited_at: Mapped[Moment_]
    changed_by_sync: Mapped[int | None]
    created_at: Mapped[Moment]


class Account(Base):
    """A person who can sign in; students' and teachers' accounts are written by commits.

    E-mail is not unique, the username is, whatever its case (SPEC 10, "What is decided").
    """

    __tablename__ = "account"
    __table_args__ = (
        Index("uq_account_username", text("lower(username)"), unique=True),
        # With every column that lists filter by, so that counts and searches read the index alone.
        Index("ix_account_list", "search", "role", "organization_id", "archived_at", "source"),
        Index("ix_account_organization", "organization_id", "role", "archived_at"),
        # Only of those who sign in with a password, so that it costs a sync nothing.
        Index(
            "ix_account_sign_in_email",
            text("lower(email)"),
            sqlite_where=text("password_hash IS NOT NULL"),
            postgresql_where=text("password_hash IS NOT NULL"),
        ),
        # What the last commit changed, counted by organization without reading the rows.
        Index("ix_account_changed", "changed_by_sync", "organization_id", "role"),
        Index("ix_account_edited", "edited_at", sqlite_where=text(EDITED), postgresql_where=text(EDITED)),
        # Only of the few who belong to more than one.
        Index("ix_account_several", "id", sqlite_where=text(_SEVERAL), postgresql_where=text(_SEVERAL)),
    )

    id: Mapped[Key]
    role: Mapped[Word]
    roles: Mapped[Any] = mapped_column(Json, default=list)
    """Every role that the SIS lists, strongest first."""
    username: Mapped[str] = mapped_column(String(200))
    first_name: Mapped[Name]
    middle_name: Mapped[Name]
    last_name: Mapped[Name]
    preferred_name: Mapped[Name]
    email: Mapped[Name]
    student_id: Mapped[Name]
    teacher_id: Mapped[Name]
    sis_id: Mapped[Name]
    state_id: Mapped[Name]
    grade: Mapped[Name]
    graduation_year: Mapped[Name]
    gender: Mapped[Name]
    birth_date: Mapped[Name]
    organization_id: Mapped[int | None] = mapped_column(ForeignKey("organization.id"))
    organizations: Mapped[Any] = mapped_column(Json, default=list)
    """Ids of every organization that the account belongs to, ascending, the primary one included."""
    search: Mapped[Name]
    """Folded "last first username e-mail ids": what lists sort by and search in; written with the fields it is made of."""
    password_hash: Mapped[str | None]
    session_version: Mapped[int] = mapped_column(default=1, server_default="1")
    """Raised to end every session of the account."""
    source: Mapped[Word] = mapped_column(default=Source.HAND)
    archived_at: Mapped[Moment_]
    archived_by_sync: Mapped[int | None]
    """The sync that archived it; null when a person did, and then no sync revives it."""
    edited_at: Mapped[Moment_]
    """When a person last edited it by hand: such records are compared on every prepare."""
    changed_by_sync: Mapped[int | None]
    created_at: Mapped[Moment]
    if TYPE_CHECKING:
        has_second_factor: Mapped[bool]
        """Asked with the account; added to it where second factors are."""


class SchoolClass(Base):
    """A class: a stand-alone one, a parent, or a session under a parent."""

    __tablename__ = "class"
    __table_args__ = (
        Index("ix_class_list", "search", "organization_id", "archived_at", "source"),
        Index("ix_class_organization", "organization_id", "archived_at"),
        Index("ix_class_changed", "changed_by_sync", "organization_id"),
        Index("ix_class_edited", "edited_at", sqlite_where=text(EDITED), postgresql_where=text(EDITED)),
        Index(
            "ix_class_session_key",
            "session_key",
            sqlite_where=text("session_key <> ''"),
            postgresql_where=text("session_key <> ''"),
        ),
    )

    id: Mapped[Key]
    name: Mapped[Name]
    code: Mapped[Name]
    subject: Mapped[Name]
    grade: Mapped[Name]
    period: Mapped[Name]
    term: Mapped[Name]
    start: Mapped[Name]
    finish: Mapped[Name]
    style: Mapped[Word] = mapped_column(default=ClassStyle.INSTRUCTOR)
    sis_id: Mapped[Name]
    organization_id: Mapped[int | None] = mapped_column(ForeignKey("organization.id"))
    parent_id: Mapped[int | None] = mapped_column(ForeignKey("class.id"), index=True)
    is_parent: Mapped[bool] = mapped_column(default=False, server_default=false())
    session_key: Mapped[Name]
    """Of classes and parents made by a sync: organization, primary teacher and key, as they were then (option 7)."""
    search: Mapped[Name]
    source: Mapped[Word] = mapped_column(default=Source.HAND)
    archived_at: Mapped[Moment_]
    archived_by_sync: Mapped[int | None]
    """As of accounts; 0 for a parent whose last session a person took away: it comes back with a session."""
    edited_at: Mapped[Moment_]
    changed_by_sync: Mapped[int | None]
    created_at: Mapped[Moment]


class Membership(Base):
    """Somebody's place in a class. Leaving ends it; the row stays."""

    __tablename__ = "membership"
    __table_args__ = {"sqlite_with_rowid": False}

    # No foreign keys: accounts and classes are never removed, and two look-ups for each place tripled its cost. ``flask check``
    # looks for places of nobody.
    class_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    account_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False, index=True)
    position: Mapped[int]
    """0 for the primary teacher, 1, 2, ... for co-teachers in order, ``STUDENT`` for a student."""
    ended_by_sync: Mapped[int | None]
    """The sync that took the person out; 0 when a person did; null while they are in."""

    STUDENT = 1000


class OrganizationLink(Base):
    """Which organization a school of a connection is."""

    __tablename__ = "organization_link"
    __table_args__ = {"sqlite_with_rowid": False}

    connection_id: Mapped[int] = mapped_column(ForeignKey("connection.id"), primary_key=True)
    source_id: Mapped[str] = mapped_column(String(255), primary_key=True)
    organization_id: Mapped[int] = mapped_column(ForeignKey("organization.id"), index=True)


class AccountLink(Base):
    """Which account a person of a connection is, and what a sync last wrote of them.

    ``written_fingerprint`` is the mirror's fingerprint of the record whose values were last written in full; null when
    the record has to be compared again whatever the mirror says (something was left out, or an option changed).
    ``released``: what had been written of fields whose pin was released since (``syncing.released``).
    """

    __tablename__ = "account_link"
    __table_args__ = {"sqlite_with_rowid": False}

    connection_id: Mapped[int] = mapped_column(ForeignKey("connection.id"), primary_key=True)
    source_id: Mapped[str] = mapped_column(String(255), primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("account.id"), index=True)
    written: Mapped[Any] = mapped_column(Json, default=dict)
    written_fingerprint: Mapped[int | None] = mapped_column(BigInteger)
    released: Mapped[Any | None] = mapped_column(Json)


class ClassLink(Base):
    """Which class a section of a connection is; as ``AccountLink``."""

    __tablename__ = "class_link"
    __table_args__ = {"sqlite_with_rowid": False}

    connection_id: Mapped[int] = mapped_column(ForeignKey("connection.id"), primary_key=True)
    source_id: Mapped[str] = mapped_column(String(255), primary_key=True)
    class_id: Mapped[int] = mapped_column(ForeignKey("class.id"), index=True)
    written: Mapped[Any] = mapped_column(Json, default=dict)
    written_fingerprint: Mapped[int | None] = mapped_column(BigInteger)
    released: Mapped[Any | None] = mapped_column(Json)


def in_several_organizations(account: type[Account]) -> ColumnElement[bool]:
    """The condition of ``ix_account_several``, word for word: a bound value would keep databases from using it."""
    listed = type_coerce(account.organizations, Text)
    return func.replace(listed, literal_column("','"), literal_column("''")) != listed
