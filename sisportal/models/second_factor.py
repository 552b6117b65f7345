"""Second factors: whose telephone makes codes, the recovery codes beside it, and sign-ins that wait for one."""

from sqlalchemy import ForeignKey, Index, String, exists
from sqlalchemy.orm import Mapped, column_property, mapped_column

from sisportal.models.base import Base, Moment, Moment_, Word
from sisportal.models.directory import Account


class SecondFactor(Base):
    """The second factor of an account: its sign-in asks for a code."""

    __tablename__ = "second_factor"

    account_id: Mapped[int] = mapped_column(ForeignKey("account.id"), primary_key=True, autoincrement=False)
    secret: Mapped[str | None]
    """What codes are made from, encrypted; null where a backup left it out, and then only recovery codes fit."""
    last_step: Mapped[int]
    """Of the last code that was used: neither it nor an earlier one is taken again."""
    salt: Mapped[str] = mapped_column(String(32))
    """Of the hashes of the recovery codes, in hexadecimal digits."""
    set_up_at: Mapped[Moment]


class RecoveryCode(Base):
    """A code that stands in for the telephone, once."""

    __tablename__ = "recovery_code"

    account_id: Mapped[int] = mapped_column(ForeignKey("account.id"), primary_key=True, autoincrement=False)
    key: Mapped[str] = mapped_column(String(64), primary_key=True)
    """The hash of the code."""
    used_at: Mapped[Moment_]


class HalfSignIn(Base):
    """Somebody who has shown who they are, and not yet a code: signed in to nothing."""

    __tablename__ = "half_sign_in"
    __table_args__ = (Index("ix_half_sign_in_account", "account_id"), Index("ix_half_sign_in_at", "created_at"))

    key: Mapped[str] = mapped_column(String(64), primary_key=True)
    """The hash of what the cookie holds."""
    account_id: Mapped[int] = mapped_column(ForeignKey("account.id"))
    session_version: Mapped[int]
    """The account's, when it began: raised since, it has ended."""
    way: Mapped[Word]
    created_at: Mapped[Moment]


Account.has_second_factor = column_property(exists().where(SecondFactor.account_id == Account.id))
