"""The two sides against each other: links, the mirror and its fingerprints, credentials."""

from collections.abc import Iterator
from typing import Any

from sqlalchemy import ColumnElement, Connection, Table, Text, and_, exists, func, or_, select, type_coerce

from sisportal.models import Account, SecondFactor, SisConnection, Sync, SyncMode, SyncState
from sisportal.syncing.among import among
from sisportal.syncing.class_members import BY_A_PERSON
from sisportal.syncing.credentials import Cipher, SecretsUnreadable
from sisportal.syncing.findings import REPORT_IT, Finding, found, listed
from sisportal.syncing.held import (
    ACCOUNT_LINKS,
    ACCOUNTS,
    CLASS_LINKS,
    CLASSES,
    MEMBERSHIPS,
    account_columns,
    account_held,
    class_columns,
    class_held,
    decode_values,
)
from sisportal.syncing.mirror import PEOPLE, SECTIONS, is_mark_of
from sisportal.syncing.rows import chunks, read

_SIDES: tuple[tuple[Table, Table, ColumnElement[int], Table, str], ...] = (
    (ACCOUNT_LINKS, ACCOUNTS, ACCOUNT_LINKS.c.account_id, PEOPLE, "accounts"),
    (CLASS_LINKS, CLASSES, CLASS_LINKS.c.class_id, SECTIONS, "classes"),
)
_CLASSES_AT_ONCE = 500
READ_AGAIN = "Prepare from the beginning, which reads every record again: flask sis prepare CONNECTION --full"


def secrets(connection: Connection, cipher: Cipher) -> Iterator[Finding]:
    """Credentials that were stored with another key."""
    for kind, stored in connection.execute(select(SisConnection.kind, SisConnection.secrets)):
        try:
            cipher.decrypt(stored)
        except SecretsUnreadable as error:
            yield Finding(f"{kind}: {error}", "Put the SECRET_KEY back that they were stored with, or connect again.")
    yield from _second_factors(connection, cipher)


def _second_factors(connection: Connection, cipher: Cipher) -> Iterator[Finding]:
    factors = select(Account.username, SecondFactor.secret).join(SecondFactor, SecondFactor.account_id == Account.id)
    for username, stored in connection.execute(factors.order_by(Account.id)):
        try:
            cipher.decrypt(stored)
        except SecretsUnreadable:
            yield Finding(
                f"{username}: the second factor was stored with another SECRET_KEY, so that no code of the telephone fits",
                "Put that SECRET_KEY back, or sign in with a recovery code; flask user reset-second-factor takes it off.",
            )


def links(connection: Connection) -> Iterator[Finding]:
    """Links that name two, or nobody, or somebody whom no sync would ever bring back."""
    for link, target, target_id, mirror, noun in _SIDES:
        twice = select(target_id).group_by(link.c.connection_id, target_id).having(func.count() > 1)
        sentence = f"{noun} are linked to more than one id of the same connection"
        yield from listed(connection, twice, sentence, "Look at their sync history and prepare again.")
        mirrored = and_(mirror.c.connection_id == link.c.connection_id, mirror.c.source_id == link.c.source_id)
        nobody = select(target_id).where(~exists().where(mirrored))
        yield from listed(connection, nobody, f"{noun} are linked to an id that the SIS never listed", READ_AGAIN)
        forgotten = (
            select(target.c.id)
            .select_from(link.join(target, target.c.id == target_id).join(mirror, mirrored))
            .join(Sync, Sync.id == target.c.archived_by_sync)
            .where(target.c.archived_at.is_not(None), Sync.mode != SyncMode.UNDO)
            .where(mirror.c.gone_in_sync.is_(None), mirror.c.in_scope, mirror.c.pending.is_(False))
        )
        sentence = f"{noun} are archived although the SIS lists them, and no quick sync would see it"
        yield from listed(connection, forgotten, sentence, READ_AGAIN)
        yield from _changed_unseen(connection, link, target, target_id, mirrored)


def _changed_unseen(
    connection: Connection, link: Table, target: Table, target_id: ColumnElement[int], mirrored: ColumnElement[bool]
) -> Iterator[Finding]:
    """Values that are not those that were written, where nobody edited the record and no sync would compare it."""
    mirror, is_account = (PEOPLE, True) if link is ACCOUNT_LINKS else (SECTIONS, False)
    columns, held = (account_columns(), account_held) if is_account else (class_columns(), class_held)
    other = link.alias("other")
    alone = ~exists().where(other.c[target_id.key or ""] == target_id, other.c.connection_id != link.c.connection_id)
    statement = (
        select(target.c.id, type_coerce(link.c.written, Text), *columns)
        .select_from(link.join(target, target.c.id == target_id).join(mirror, mirrored))
        .where(link.c.written_fingerprint == mirror.c.fingerprint, alone)
        .where(target.c.archived_at.is_(None), target.c.edited_at.is_(None))
    )
    wrong = [row[0] for row in read(connection, statement) if _differs(held(row[2:]), decode_values(row[1]))]
    noun = "accounts" if is_account else "classes"
    sentence = f"{noun} hold other values than were written to them, and nobody edited them"
    advice = "Look at them; edit and save each one once, so that the next sync compares it again."
    yield from found(wrong, sentence, advice)


def places(connection: Connection) -> Iterator[Finding]:
    """Classes without somebody whom a sync put there: no sync would, since nothing says that they are missing.

    Not who was taken out by a person, and not classes that several connections know.
    """
    other = CLASS_LINKS.alias("other")
    alone = ~exists().where(
        other.c.class_id == CLASS_LINKS.c.class_id, other.c.connection_id != CLASS_LINKS.c.connection_id
    )
    accounts = _active_accounts(connection)
    classes = (
        select(CLASS_LINKS.c.class_id, CLASS_LINKS.c.connection_id, type_coerce(CLASS_LINKS.c.written, Text))
        .join(CLASSES, CLASSES.c.id == CLASS_LINKS.c.class_id)
        .where(CLASSES.c.archived_at.is_(None), alone)
        .order_by(CLASS_LINKS.c.class_id)
    )
    wrong: list[int] = []
    for some in chunks(read(connection, classes), _CLASSES_AT_ONCE):
        there = _known_places(connection, [row[0] for row in some])
        for class_id, connection_id, text in some:
            written = decode_values(text)
            put = (
                accounts.get((connection_id, id_))
                for id_ in (*written.get("teachers", ()), *written.get("students", ()))
            )
            if any(account is not None and (class_id, account) not in there for account in put):
                wrong.append(class_id)
    advice = "Put them in again on the page of the class: the report of its last sync and Rosters say who is listed."
    yield from found(wrong, "classes have lost people whom a sync put there", advice)


def _active_accounts(connection: Connection) -> dict[tuple[int, str], int]:
    statement = select(ACCOUNT_LINKS.c.connection_id, ACCOUNT_LINKS.c.source_id, ACCOUNT_LINKS.c.account_id)
    active = statement.join(ACCOUNTS, ACCOUNTS.c.id == ACCOUNT_LINKS.c.account_id).where(
        ACCOUNTS.c.archived_at.is_(None)
    )
    return {(row[0], row[1]): row[2] for row in read(connection, active)}


def _known_places(connection: Connection, class_ids: list[int]) -> set[tuple[int, int]]:
    """(class, account) of whoever is in these classes, or was taken out by a person."""
    kept = or_(MEMBERSHIPS.c.ended_by_sync.is_(None), MEMBERSHIPS.c.ended_by_sync == BY_A_PERSON)
    statement = select(MEMBERSHIPS.c.class_id, MEMBERSHIPS.c.account_id).where(kept)
    return {(row[0], row[1]) for row in connection.execute(statement.where(among(MEMBERSHIPS.c.class_id, class_ids)))}


def _differs(held: dict[str, Any], written: dict[str, Any]) -> bool:
    return any(name in held and (held[name] or None) != (value or None) for name, value in written.items())


def mirror(connection: Connection) -> Iterator[Finding]:
    """Records of the SIS that are not what their fingerprint says: a sync would take them for unchanged."""
    for table, noun in ((PEOPLE, "people"), (SECTIONS, "sections")):
        columns = (table.c.id, table.c.fingerprint, type_coerce(table.c.payload, Text))
        wrong = [row[0] for row in read(connection, select(*columns)) if not is_mark_of(row[1], row[2])]
        yield from found(wrong, f"{noun} of the SIS side are not what their fingerprint says", READ_AGAIN)


def committed(connection: Connection) -> Iterator[Finding]:
    """What a connection calls its last commit is a commit of its own."""
    sync = Sync.__table__
    ended = sync.c.state.in_(
        [SyncState.COMMITTED, SyncState.PARTLY_COMMITTED, SyncState.COMMITTING, SyncState.SUPERSEDED, SyncState.EXPIRED]
    )
    statement = (
        select(SisConnection.kind)
        .join(sync, sync.c.id == SisConnection.committed_sync_id)
        .where(~and_(ended, sync.c.connection_id == SisConnection.id))
    )
    yield from listed(connection, statement, "connections name a last commit that was none of theirs", REPORT_IT)
