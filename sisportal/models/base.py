"""The declarative base of every table, and the column kinds that recur."""

from datetime import UTC, datetime
from typing import Annotated, Any

import msgspec
from sqlalchemy import DateTime, Dialect, Integer, MetaData, String, Text, TypeDecorator
from sqlalchemy.orm import DeclarativeBase, mapped_column, registry

NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}


class UTCDateTime(TypeDecorator[datetime]):
    """An aware moment, kept in UTC on every database (SQLite has no time zones)."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a moment without a time zone cannot be stored")
        value = value.astimezone(UTC)
        return value.replace(tzinfo=None) if dialect.name == "sqlite" else value

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002  # the interface's
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class Json(TypeDecorator[Any]):
    """A JSON value kept as text, so that the stages can write and read it without a detour through objects."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> str | None:  # noqa: ARG002  # likewise
        return None if value is None else msgspec.json.encode(value).decode()

    def process_result_value(self, value: str | None, dialect: Dialect) -> Any:  # noqa: ARG002  # likewise
        return None if value is None else msgspec.json.decode(value)


Name = Annotated[str, mapped_column(Text, default="", server_default="")]
"""Text that people or the SIS wrote; blank when there is none."""
Word = Annotated[str, mapped_column(String(40))]
"""One of a few words: a state, a kind, a verb."""
Moment = Annotated[datetime, mapped_column(UTCDateTime)]
Moment_ = Annotated[datetime | None, mapped_column(UTCDateTime)]
Key = Annotated[int, mapped_column(Integer, primary_key=True)]


class Base(DeclarativeBase):
    """What every table derives from; named constraints make migrations the same on both databases."""

    registry = registry(metadata=MetaData(naming_convention=NAMING))
