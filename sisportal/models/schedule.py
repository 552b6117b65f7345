"""What runs by itself: up to when each connection's daily syncs are dealt with, and what was said about silence."""

from sqlalchemy import ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from sisportal.models.base import Base, Moment, Moment_, Name, Word


class Schedule(Base):
    """The daily sync of one connection. Its time and what it may do are options; this is how far it has come."""

    __tablename__ = "schedule"

    connection_id: Mapped[int] = mapped_column(ForeignKey("connection.id"), primary_key=True)
    setting: Mapped[Name]
    """What the moments here were worked out with, ``04:30 Europe/Stockholm``; blank while automatic sync is off."""
    set_at: Mapped[Moment]
    """Since when it runs like this: runs before that are nobody's concern."""
    handled_until: Mapped[Moment]
    """Every run that was due up to here was started or let pass."""
    restarts: Mapped[int] = mapped_column(default=0)
    """How often the run of that moment was started again because its worker died."""
    off_because: Mapped[Name]
    """Why the portal itself switched automatic sync off; blank where a person did, and while it is on."""


class Alarm(Base):
    """One thing about a connection that is silent where something should happen; told once for each occasion (SPEC 8.4)."""

    __tablename__ = "alarm"

    connection_id: Mapped[int] = mapped_column(ForeignKey("connection.id"), primary_key=True)
    kind: Mapped[Word] = mapped_column(primary_key=True)
    """``late`` or ``old``."""
    occasion: Mapped[Name]
    """What it was told about: of the same, nobody is told again."""
    text: Mapped[Name]
    raised_at: Mapped[Moment]
    ended_at: Mapped[Moment_]
