"""Backup: every row of the portal as it stood in one moment, whatever is written meanwhile (SPEC 7, 10)."""

import hashlib
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import IO, Any
from zipfile import ZIP_DEFLATED, ZipFile

import msgspec
from sqlalchemy import Connection, DateTime, Engine, Select, column, inspect, select, table

from sisportal.models.base import Base
from sisportal.syncing.backup_file import MANIFEST, Column, Manifest, Table, table_file
from sisportal.syncing.settings import NAME, read_setting

AT_ONCE = 2_000
QUICK = 1
"""The level of compression: the higher ones take several times as long and save a tenth."""
SECRETS = frozenset({("connection", "secrets"), ("second_factor", "secret")})
"""Where the encrypted credentials are, those of the SIS and those of second factors."""


def write_backup(
    engine: Engine, file: IO[bytes], now: datetime, revision: str, credentials_key: str | None
) -> Manifest:
    """Write a backup of the tables, which are at ``revision``; what it says of itself.

    One transaction reads all of it: a commit that runs is in it up to its last finished batch, and with the state that
    lets it be continued. ``credentials_key`` None leaves the credentials of connections out.
    """
    snapshot = engine.execution_options(**_one_moment(engine))
    with snapshot.connect() as connection, ZipFile(file, "w", ZIP_DEFLATED, compresslevel=QUICK) as archive:
        names = [name for name in sorted(Base.metadata.tables) if inspect(connection).has_table(name)]
        tables = [_write_table(connection, archive, name, credentials_key is not None) for name in names]
        manifest = Manifest(
            made_at=now,
            revision=revision,
            portal=str(read_setting(connection, NAME, "")) if "setting" in names else "",
            database=connection.dialect.name,
            credentials_key=credentials_key,
            tables=tuple(tables),
        )
        archive.writestr(MANIFEST, msgspec.json.format(msgspec.json.encode(manifest)))
    return manifest


def _one_moment(engine: Engine) -> dict[str, Any]:
    """Options under which a transaction sees one moment; SQLite's do so anyway."""
    if engine.dialect.name == "postgresql":
        return {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
    return {}


def _write_table(connection: Connection, archive: ZipFile, name: str, with_credentials: bool) -> Table:  # noqa: FBT001
    columns = inspect(connection).get_columns(name)
    moments = [index for index, each in enumerate(columns) if isinstance(each["type"], DateTime)]
    secret = [i for i, each in enumerate(columns) if (name, each["name"]) in SECRETS and not with_credentials]
    source = table(name, *(column(each["name"], each["type"]) for each in columns))
    encode, digest, number = msgspec.json.Encoder().encode_lines, hashlib.sha256(), 0
    with archive.open(table_file(name), "w", force_zip64=True) as file:
        for rows in _rows(connection, select(source)):
            for row in rows:
                for index in moments:
                    row[index] = _in_utc(row[index])
                for index in secret:
                    row[index] = None
            lines = encode(rows)
            digest.update(lines)
            number += len(rows)
            file.write(lines)
    described = (Column(each["name"], moment=index in moments) for index, each in enumerate(columns))
    return Table(name, tuple(described), number, digest.hexdigest())


def _rows(connection: Connection, statement: Select[Any]) -> Iterator[list[list[Any]]]:
    for part in connection.execution_options(yield_per=AT_ONCE).execute(statement).partitions():
        yield [list(row) for row in part]


def _in_utc(moment: datetime | None) -> datetime | None:
    if moment is None:
        return None
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
