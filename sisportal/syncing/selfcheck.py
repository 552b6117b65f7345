"""The store held against itself: what does not fit together, and what to do about it (SPEC 10, ``flask check``)."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import Connection, Engine, Select, exists, func, select, text

from sisportal.models import (
    Account,
    AccountLink,
    Action,
    ActionState,
    ClassLink,
    Membership,
    Organization,
    SchoolClass,
    SisConnection,
    Source,
    Sync,
    SyncState,
)
from sisportal.syncing.credentials import Cipher, SecretsUnreadable
from sisportal.syncing.states import dead_commits

SHOWN = 5
RESTORE = "Stop the portal, keep a copy of its data folder, and restore the last good backup."
REPORT_IT = "Sync again; if it stays, keep a copy of the data folder and report it with this line."


class Finding(msgspec.Struct, frozen=True):
    """Something that is wrong, and what to do."""

    what: str
    advice: str


def check_store(engine: Engine, cipher: Cipher, now: datetime) -> list[Finding]:
    """Everything that is wrong; nothing where all is well. Reads only."""
    checks: tuple[Callable[[Connection], Iterable[Finding]], ...] = (
        _file,
        lambda connection: _secrets(connection, cipher),
        _organizations,
        _classes,
        _links,
        _organizations_of_accounts,
        _counts,
        lambda connection: _stopped(connection, now),
    )
    with engine.connect() as connection:
        return [finding for check in checks for finding in check(connection)]


def _file(connection: Connection) -> Iterator[Finding]:
    """SQLite's own check of its file; PostgreSQL keeps its references by itself."""
    if connection.dialect.name != "sqlite":
        return
    for line in connection.scalars(text("PRAGMA integrity_check")):
        if line != "ok":
            yield Finding(f"The database file is damaged: {line}.", RESTORE)
    lost = Counter((row[0], row[2]) for row in connection.execute(text("PRAGMA foreign_key_check")))
    for (table, target), number in sorted(lost.items()):
        yield Finding(f"{number:,} rows of {table} refer to rows of {target} that are not there.", RESTORE)


def _secrets(connection: Connection, cipher: Cipher) -> Iterator[Finding]:
    for kind, secrets in connection.execute(select(SisConnection.kind, SisConnection.secrets)):
        try:
            cipher.decrypt(secrets)
        except SecretsUnreadable as error:
            yield Finding(f"{kind}: {error}", "Put the SECRET_KEY back that they were stored with, or connect again.")


def _organizations(connection: Connection) -> Iterator[Finding]:
    above: dict[int, int | None] = {
        row[0]: row[1] for row in connection.execute(select(Organization.id, Organization.parent_id))
    }
    for id_ in above:
        if id_ in _above(above, id_):
            yield Finding(f"Organization {id_} stands under itself.", "Give it another parent.")


def _above(parents: dict[int, int | None], id_: int) -> list[int]:
    """The organizations over one of them, the nearest first; each once, also where they go round."""
    line: list[int] = []
    next_ = parents.get(id_)
    while next_ is not None and next_ not in line:
        line.append(next_)
        next_ = parents.get(next_)
    return line


def _classes(connection: Connection) -> Iterator[Finding]:
    parent = SchoolClass.__table__.alias("parent")
    sessions = select(SchoolClass.id).join(parent, parent.c.id == SchoolClass.parent_id)
    no_parent = sessions.where(parent.c.is_parent.is_(False))
    yield from _listed(connection, no_parent, "classes are sessions of a class that is no parent", REPORT_IT)
    nested = select(SchoolClass.id).where(SchoolClass.is_parent, SchoolClass.parent_id.is_not(None))
    yield from _listed(connection, nested, "parent classes stand under another class", REPORT_IT)
    hidden = sessions.where(SchoolClass.archived_at.is_(None), parent.c.archived_at.is_not(None))
    yield from _listed(
        connection, hidden, "classes are active under an archived parent", "Reactivate the parent, or archive them."
    )
    yield from _parents(connection)


def _parents(connection: Connection) -> Iterator[Finding]:
    """Parents hold sessions, not people; those that a sync made are archived with their last session (SPEC 10)."""
    peopled = (
        select(SchoolClass.id)
        .join(Membership, Membership.class_id == SchoolClass.id)
        .where(SchoolClass.is_parent, Membership.ended_by_sync.is_(None))
        .distinct()
    )
    yield from _listed(connection, peopled, "parent classes have people of their own", REPORT_IT)
    session = SchoolClass.__table__.alias("session")
    has_session = exists().where(session.c.parent_id == SchoolClass.id, session.c.archived_at.is_(None))
    left = select(SchoolClass.id).where(
        SchoolClass.is_parent, SchoolClass.source == Source.SYNC, SchoolClass.archived_at.is_(None), ~has_session
    )
    yield from _listed(connection, left, "parent classes are active without an active session", REPORT_IT)


def _links(connection: Connection) -> Iterator[Finding]:
    for link, target, noun in (
        (AccountLink, AccountLink.account_id, "accounts"),
        (ClassLink, ClassLink.class_id, "classes"),
    ):
        statement = select(target).group_by(link.connection_id, target).having(func.count() > 1)
        sentence = f"{noun} are linked to more than one id of the same connection"
        yield from _listed(connection, statement, sentence, "Look at their sync history and prepare again.")


def _organizations_of_accounts(connection: Connection) -> Iterator[Finding]:
    known = set(connection.scalars(select(Organization.id)))
    statement = select(Account.id, Account.organization_id, Account.organizations).where(
        Account.organization_id.is_not(None)
    )
    wrong: list[int] = [
        row[0]
        for row in connection.execution_options(yield_per=5_000).execute(statement)
        if row[1] not in row[2] or not known.issuperset(row[2])
    ]
    yield from _found(wrong, "accounts do not list their own organization, or list one that is not there", REPORT_IT)


def _counts(connection: Connection) -> Iterator[Finding]:
    """What a sync says of itself against its actions."""
    columns = (Action.sync_id, Action.type, Action.verb)
    actual: Counter[tuple[int, str, str]] = Counter()
    applied: Counter[tuple[int, str, str]] = Counter()
    for sync_id, type_, verb, state, number in connection.execute(
        select(*columns, Action.state, func.count()).group_by(*columns, Action.state)
    ):
        actual[sync_id, type_, verb] += number
        applied[sync_id, type_, verb] += number if state == ActionState.APPLIED else 0
    settled = (SyncState.PREPARED, SyncState.COMMITTED, SyncState.PARTLY_COMMITTED, SyncState.COMMITTING)
    wrong: set[int] = set()
    for sync_id, counts in connection.execute(select(Sync.id, Sync.counts).where(Sync.state.in_(settled))):
        for type_, verbs in counts.items():
            for verb, numbers in verbs.items():
                key = (sync_id, type_, verb)
                if (numbers.get("planned", 0), numbers.get("applied", 0)) != (actual[key], applied[key]):
                    wrong.add(sync_id)
    yield from _found(sorted(wrong), "syncs count other numbers of actions than they have", REPORT_IT)
    aimless = select(Action.id).where(Action.state == ActionState.APPLIED, Action.target_id.is_(None))
    yield from _listed(connection, aimless, "actions were applied to no record", REPORT_IT)


def _stopped(connection: Connection, now: datetime) -> Iterator[Finding]:
    for sync_id in dead_commits(connection, now):
        yield Finding(f"The commit of sync {sync_id} stopped half-way.", f"Continue it: flask sis commit {sync_id}")


def _listed(connection: Connection, statement: Select[Any], sentence: str, advice: str) -> Iterator[Finding]:
    yield from _found(sorted(connection.scalars(statement)), sentence, advice)


def _found(ids: list[int], sentence: str, advice: str) -> Iterator[Finding]:
    if ids:
        some = ", ".join(map(str, ids[:SHOWN])) + (", ..." if len(ids) > SHOWN else "")
        yield Finding(f"{len(ids):,} {sentence} ({some}).", advice)
