"""Restore: the rows of a backup in tables of its own version, led up to this one, and put right for a new start."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any
from zipfile import ZipFile

import msgspec
from sqlalchemy import Connection, delete, func, inspect, select, text, update
from sqlalchemy.exc import DBAPIError

from sisportal.models import (
    HalfSignIn,
    LoginCard,
    Mail,
    MailState,
    NoticeKind,
    PasswordLink,
    Schedule,
    SecondFactor,
    SignedInBrowser,
    SisConnection,
    Sync,
    SyncState,
)
from sisportal.syncing import notices, outbox
from sisportal.syncing.backup_file import Manifest, Table, Unusable, rows_of
from sisportal.syncing.credentials import Cipher, SecretsUnreadable
from sisportal.syncing.states import ACTIVE

Migrate = Callable[[Connection, str], None]
"""Makes the tables of a revision, or leads tables up to it, inside the transaction of the connection."""

STOPPED = "Stopped: the portal was restored from a backup before this sync had ended. Nothing was lost; start it again."


MAIL_STOPPED = "The portal was restored from a backup: it may have been sent after that was made."


class Restored(msgspec.Struct, frozen=True):
    """What came of a restore."""

    made_at: datetime
    revision: str
    """The migration that the backup was made at."""
    rows: int
    interrupted: int
    """Syncs that waited or were being prepared, and have to be started again."""
    continued: int
    """Commits that were half-way, and go on where they stopped."""
    credentials: str
    """``kept``, ``left-out`` of the backup, ``unreadable`` (in the portal that made it already), or ``none``."""


def load(connection: Connection, archive: ZipFile, manifest: Manifest, migrate: Migrate, newest: str) -> None:
    """Make the tables, fill them and bring them up to this version, all in the connection's transaction.

    There must not be any tables yet, and on SQLite references must not be enforced. Raises ``Unusable``.
    """
    migrate(connection, manifest.revision)
    with _references_checked_at_the_end(connection):
        for table in manifest.tables:
            _fill(connection, archive, table)
    _count_on(connection, manifest)
    migrate(connection, newest)


def settle(connection: Connection, manifest: Manifest, cipher: Cipher, now: datetime, actor: str) -> Restored:
    """Put right what was true only of the portal that was backed up: sessions, links, stages, the key of credentials."""
    connection.execute(delete(SignedInBrowser))
    connection.execute(delete(HalfSignIn))
    connection.execute(update(PasswordLink).where(PasswordLink.ended_at.is_(None)).values(ended_at=now))
    connection.execute(update(LoginCard).where(LoginCard.ended_at.is_(None)).values(ended_at=now))
    outbox.drop_restored(connection, now)
    _drop_mail(connection, now)
    _begin_nothing(connection, now)
    _take_over_second_factors(connection, manifest, cipher)
    restored = Restored(
        made_at=manifest.made_at,
        revision=manifest.revision,
        rows=manifest.rows,
        interrupted=_interrupt(connection, now),
        continued=_let_go_on(connection),
        credentials=_take_over_credentials(connection, manifest, cipher),
    )
    made_at = f"{manifest.made_at:%Y-%m-%d %H:%M} UTC"
    notices.record(connection, "portal-restored", "portal", now, actor=actor, made_at=made_at, rows=manifest.rows)
    notices.notify(connection, None, NoticeKind.RESTORED, _sentence(restored), now)
    return restored


def _sentence(restored: Restored) -> str:
    said = f"The portal was restored from the backup of {restored.made_at:%d %B %Y, %H:%M} UTC."
    if restored.interrupted:
        said += f" {restored.interrupted:,} syncs that had not ended then have to be started again."
    if restored.continued:
        said += " A commit that was half-way then goes on where it stopped."
    return said


def _fill(connection: Connection, archive: ZipFile, table: Table) -> None:
    known = {column["name"] for column in inspect(connection).get_columns(table.name)}
    if not known.issuperset(column.name for column in table.columns):
        raise Unusable(f"The backup is damaged: table {table.name} has columns that nobody knows. Nothing was changed.")
    put = _copy if connection.dialect.name == "postgresql" else _insert
    try:
        for rows in rows_of(archive, table):
            put(connection, table, rows)
    except DBAPIError as error:
        raise _misfit(table.name, error) from error


def _copy(connection: Connection, table: Table, rows: list[list[Any]]) -> None:
    quote = connection.dialect.identifier_preparer.quote
    names = ", ".join(quote(column.name) for column in table.columns)
    driver: Any = connection.connection.driver_connection
    with driver.cursor().copy(f"COPY {quote(table.name)} ({names}) FROM STDIN") as copy:
        for row in rows:
            copy.write_row(row)


def _insert(connection: Connection, table: Table, rows: list[list[Any]]) -> None:
    quote = connection.dialect.identifier_preparer.quote
    names = ", ".join(quote(column.name) for column in table.columns)
    marks = ", ".join("?" for _ in table.columns)
    for index in (index for index, column in enumerate(table.columns) if column.moment):
        for row in rows:
            row[index] = _as_sqlite_keeps_it(row[index])
    statement = f"INSERT INTO {quote(table.name)} ({names}) VALUES ({marks})"  # noqa: S608 - names of our own tables
    connection.exec_driver_sql(statement, [tuple(row) for row in rows])


def _as_sqlite_keeps_it(moment: str | None) -> str | None:
    return None if moment is None else f"{datetime.fromisoformat(moment):%Y-%m-%d %H:%M:%S.%f}"


@contextmanager
def _references_checked_at_the_end(connection: Connection) -> Iterator[None]:
    """Rows may come before the rows that they refer to. Raises ``Unusable`` where some refer to nothing in the end."""
    if connection.dialect.name == "sqlite":
        yield
        if lost := connection.execute(text("PRAGMA foreign_key_check")).first():
            raise Unusable(
                f"The backup is damaged: rows of {lost[0]} refer to rows that are not there. Nothing was changed."
            )
        return
    references = connection.execute(
        text(
            "SELECT conrelid::regclass::text AS of_table, quote_ident(conname) AS name, pg_get_constraintdef(oid) AS definition "
            "FROM pg_constraint WHERE contype = 'f' AND connamespace = current_schema()::regnamespace"
        )
    ).all()
    for each in references:
        connection.execute(text(f"ALTER TABLE {each.of_table} DROP CONSTRAINT {each.name}"))
    yield
    for each in references:
        try:
            connection.execute(text(f"ALTER TABLE {each.of_table} ADD CONSTRAINT {each.name} {each.definition}"))
        except DBAPIError as error:
            raise _misfit(each.of_table, error) from error


def _count_on(connection: Connection, manifest: Manifest) -> None:
    """Have PostgreSQL's sequences go on after the ids that are there; SQLite does so by itself."""
    if connection.dialect.name != "postgresql":
        return
    for table in manifest.tables:
        if any(column.name == "id" for column in table.columns):
            name = connection.dialect.identifier_preparer.quote(table.name)
            highest = f"(SELECT coalesce(max(id), 0) + 1 FROM {name})"  # noqa: S608 - names of our own tables
            connection.execute(text(f"SELECT setval(pg_get_serial_sequence('{name}', 'id'), {highest}, false)"))


def _misfit(table: str, error: DBAPIError) -> Unusable:
    reason = re.sub(r"\s+", " ", str(error.orig).splitlines()[0])
    return Unusable(f"The backup cannot be restored: rows of {table} do not fit ({reason}). Nothing was changed.")


def _interrupt(connection: Connection, now: datetime) -> int:
    """Prepares, and what was asked for and had not begun, do not begin by themselves in a restored portal."""
    running = update(Sync).where(Sync.state.in_([SyncState.QUEUED, SyncState.PREPARING]))
    values = {"state": SyncState.INTERRUPTED, "note": STOPPED, "finished_at": now, "claim": None, "stage": ""}
    connection.execute(
        update(Sync)
        .where(Sync.stage != "", Sync.state.in_([SyncState.PREPARED, SyncState.PARTLY_COMMITTED]))
        .values(stage="")
    )
    return connection.execute(running.values(values)).rowcount


def _begin_nothing(connection: Connection, now: datetime) -> None:
    """A daily sync that was missed since is not made up at once: whoever restores wants to look first."""
    connection.execute(update(Schedule).values(handled_until=now, restarts=0))


def _drop_mail(connection: Connection, now: datetime) -> None:
    """Mail that waited then may have been sent since: none goes out twice by itself, and each can be sent by hand."""
    waiting = update(Mail).where(Mail.state.in_([MailState.WAITING, MailState.SENDING]))
    connection.execute(waiting.values(state=MailState.DROPPED, answer=MAIL_STOPPED, claim=None, ended_at=now))


def _let_go_on(connection: Connection) -> int:
    """Commits that were half-way belong to nobody: the first worker, or a person, continues them."""
    half_way = update(Sync).where(Sync.state == SyncState.COMMITTING)
    return connection.execute(half_way.values(claim=None, heartbeat_at=None)).rowcount


def _take_over_credentials(connection: Connection, manifest: Manifest, cipher: Cipher) -> str:
    rows = connection.execute(
        select(SisConnection.id, SisConnection.secrets).where(SisConnection.secrets.is_not(None))
    ).all()
    if manifest.credentials_key is None:
        return "left-out" if connection.scalar(select(func.count()).select_from(SisConnection)) else "none"
    result = "kept" if rows else "none"
    for id_, secrets in rows:
        fresh = _under(cipher, manifest.credentials_key, secrets)
        if fresh is None:
            result = "unreadable"
        else:
            connection.execute(update(SisConnection).where(SisConnection.id == id_).values(secrets=fresh))
    return result


def _take_over_second_factors(connection: Connection, manifest: Manifest, cipher: Cipher) -> None:
    """What cannot be read is taken away: recovery codes still fit, and the sign-in still asks for one."""
    rows = connection.execute(
        select(SecondFactor.account_id, SecondFactor.secret).where(SecondFactor.secret.is_not(None))
    ).all()
    for account_id, secret in rows:
        fresh = _under(cipher, manifest.credentials_key, secret)
        mine = update(SecondFactor).where(SecondFactor.account_id == account_id)
        connection.execute(mine.values(secret=fresh))


def _under(cipher: Cipher, key: str | None, stored: str | None) -> str | None:
    """What was encrypted with the key of a backup, encrypted with this portal's; None where it cannot be read."""
    if key is None:
        return None
    try:
        return cipher.encrypt(Cipher.of_key(key).decrypt(stored))
    except (SecretsUnreadable, ValueError):
        return None


def is_empty(connection: Connection, tables: list[str]) -> bool:
    """Whether none of these tables has a row."""
    quote = connection.dialect.identifier_preparer.quote
    return not any(connection.scalar(text(f"SELECT 1 FROM {quote(name)} LIMIT 1")) for name in tables)  # noqa: S608 - likewise


def running_stage(connection: Connection, since: datetime) -> int | None:
    """The id of a sync whose stage gave a sign of life since then."""
    return connection.scalar(select(Sync.id).where(Sync.state.in_(ACTIVE), Sync.heartbeat_at > since).limit(1))
