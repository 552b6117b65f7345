"""How long the portal keeps what it no longer needs, and the removal of what is older: by the clock, once a day.

Accounts, classes and rosters are kept for good, archived or not. What undoing the newest committed sync of a connection
needs is never removed, however old it is.
"""

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, Connection, Delete, Engine, Select, delete, exists, func, or_, select, update

from sisportal.models import (
    Account,
    AccountLink,
    Action,
    AuditEvent,
    ClassLink,
    LoginCard,
    Mail,
    MailState,
    Notification,
    PasswordLink,
    SchoolClass,
    SignedInBrowser,
    SisEnrollment,
    SisPerson,
    SisSection,
    Sync,
    SyncState,
    SyncWarning,
)
from sisportal.models.database import writing
from sisportal.syncing import browser_sessions, notices
from sisportal.syncing.audit_events import GROUPS
from sisportal.syncing.rows import AT_ONCE
from sisportal.syncing.settings import read_setting, write_setting

SETTING, LAST = "keep-days", "old-records-removed-at"
EVERY = timedelta(hours=20)
"""Less than a day, so that a clock that is looked at a little earlier does not skip one."""
FOR_EVER = 0
CHOICES: dict[int, str] = {
    90: "90 days", 180: "180 days", 365: "1 year", 730: "2 years", 1095: "3 years", 1825: "5 years", 2555: "7 years",
    3650: "10 years", FOR_EVER: "For ever",
}  # fmt: skip
"""Days, as the page offers them. Never fewer than a sync may wait to be committed."""
RUNNING = (SyncState.QUEUED, SyncState.PREPARING, SyncState.COMMITTING)
OUTGOING = (MailState.WAITING, MailState.SENDING)
APPLIED = (SyncState.COMMITTED, SyncState.PARTLY_COMMITTED)


class Kind(msgspec.Struct, frozen=True):
    """Something that is kept for a time: its name, what the page says of it, and the days that hold until someone chooses."""

    name: str
    label: str
    help: str
    days: int


KINDS = (
    Kind("sign-ins", "Sign-ins in the audit log", "Who signed in and out, and who was refused.", 730),
    Kind("audit", "The rest of the audit log", "Settings, reviews, commits, password links.", 2555),
    Kind(
        "plans",
        "Details of plans, and their warnings",
        "What a sync would have changed and did change, record by record. Its numbers stay. A sync without its details can no "
        "longer be undone, so the newest committed one keeps them whatever is chosen here.",
        1825,
    ),
    Kind(
        "gone",
        "What the SIS said of those it no longer lists",
        "People and sections of the SIS tabs whose account or class is archived. The account or class itself stays.",
        1825,
    ),
    Kind("notifications", "Notifications that were read", "Those that nobody has read stay.", 730),
    Kind(
        "links",
        "Password links that have ended",
        "Who made them and when they were used. They are good for days only.",
        365,
    ),
    Kind(
        "cards",
        "Login cards that have ended",
        "Who printed them, and whether they were used. They are good for weeks at most.",
        365,
    ),
    Kind(
        "mails",
        "Mails that were sent or given up",
        "To which address each went, about what and when; their text is never kept. Those that still wait stay.",
        365,
    ),
)


def kept_days(connection: Connection) -> dict[str, int]:
    """Kind -> days; ``FOR_EVER`` where nothing is removed."""
    chosen: Mapping[str, int] = read_setting(connection, SETTING, {})
    return {kind.name: chosen.get(kind.name, kind.days) for kind in KINDS}


def keep(connection: Connection, chosen: Mapping[str, int]) -> dict[str, int]:
    """Keep each kind for so many days; the kinds that changed. Raises ``ValueError`` for days that are not in ``CHOICES``."""
    before = kept_days(connection)
    changed = {name: days for name, days in chosen.items() if days != before[name]}
    if not set(changed.values()) <= CHOICES.keys():
        raise ValueError(f"not a choice: {changed}")
    if changed:
        write_setting(connection, SETTING, before | changed)
    return changed


def last_run(connection: Connection) -> datetime | None:
    """When old records were last looked for."""
    text = read_setting(connection, LAST)
    return datetime.fromisoformat(text) if text else None


def remove_when_due(engine: Engine, now: datetime) -> dict[str, int]:
    """Remove what is older than it is kept, unless that was done within ``EVERY``; what was removed, by kind."""
    with writing(engine).begin() as connection:
        last = last_run(connection)
        if last is not None and now - last < EVERY:
            return {}
        write_setting(connection, LAST, now.isoformat())
    return remove_old(engine, now)


def remove_old(engine: Engine, now: datetime) -> dict[str, int]:
    """Remove what is older than it is kept, a few thousand rows to a transaction; how many of which kind."""
    with engine.connect() as connection:
        days = kept_days(connection)
    removed = dict.fromkeys(days, 0)
    for kind, number in days.items():
        if number != FOR_EVER:
            removed[kind] = _REMOVERS[kind](engine, now - timedelta(days=number), now)
    _clear(engine, select(SignedInBrowser.key).where(SignedInBrowser.created_at < now - browser_sessions.LIFETIME),
           lambda keys: [delete(SignedInBrowser).where(SignedInBrowser.key.in_(keys))])  # fmt: skip
    told = {kind: number for kind, number in removed.items() if number}
    if told:
        with writing(engine).begin() as connection:
            notices.record(connection, "old-records-removed", "portal", now, actor="schedule", removed=told)
    return told


def _clear(engine: Engine, keys: Select[Any], deletes: Callable[[list[Any]], list[Delete]]) -> int:
    """Delete what belongs to the keys, the first ``AT_ONCE`` at a time until there are none left; how many keys."""
    total = 0
    while True:
        with writing(engine).begin() as connection:
            found = list(connection.scalars(keys.limit(AT_ONCE)))
            for statement in deletes(found) if found else ():
                connection.execute(statement)
        total += len(found)
        if len(found) < AT_ONCE:
            return total


def _audit(engine: Engine, *conditions: ColumnElement[bool]) -> int:
    keys = select(AuditEvent.id).where(*conditions)
    return _clear(engine, keys, lambda ids: [delete(AuditEvent).where(AuditEvent.id.in_(ids))])


def _sign_ins(engine: Engine, before: datetime, _now: datetime) -> int:
    return _audit(engine, AuditEvent.at < before, AuditEvent.event.in_(GROUPS["sign-ins"]))


def _rest_of_audit(engine: Engine, before: datetime, _now: datetime) -> int:
    return _audit(engine, AuditEvent.at < before, AuditEvent.event.not_in(GROUPS["sign-ins"]))


def _notifications(engine: Engine, before: datetime, _now: datetime) -> int:
    keys = select(Notification.id).where(Notification.created_at < before, Notification.read_at.is_not(None))
    return _clear(engine, keys, lambda ids: [delete(Notification).where(Notification.id.in_(ids))])


def _links(engine: Engine, before: datetime, _now: datetime) -> int:
    ended = or_(PasswordLink.expires_at < before, PasswordLink.ended_at < before)
    return _clear(
        engine,
        select(PasswordLink.key).where(ended),
        lambda keys: [delete(PasswordLink).where(PasswordLink.key.in_(keys))],
    )


def _cards(engine: Engine, before: datetime, _now: datetime) -> int:
    keys = select(LoginCard.id).where(or_(LoginCard.expires_at < before, LoginCard.ended_at < before))
    return _clear(engine, keys, lambda ids: [delete(LoginCard).where(LoginCard.id.in_(ids))])


def _mails(engine: Engine, before: datetime, _now: datetime) -> int:
    keys = select(Mail.id).where(Mail.state.not_in(OUTGOING), func.coalesce(Mail.ended_at, Mail.created_at) < before)
    return _clear(engine, keys, lambda ids: [delete(Mail).where(Mail.id.in_(ids))])


def _plans(engine: Engine, before: datetime, now: datetime) -> int:
    """Actions and warnings of old syncs; how many actions. The row of a sync, with its numbers, stays."""
    total = 0
    with engine.connect() as connection:
        old = list(_old_syncs(connection, before))
    for sync_id in old:
        _clear(engine, select(SyncWarning.id).where(SyncWarning.sync_id == sync_id),
               lambda ids: [delete(SyncWarning).where(SyncWarning.id.in_(ids))])  # fmt: skip
        total += _clear(engine, select(Action.id).where(Action.sync_id == sync_id),
                        lambda ids: [delete(Action).where(Action.id.in_(ids))])  # fmt: skip
        with writing(engine).begin() as connection:
            connection.execute(update(Sync).where(Sync.id == sync_id).values(details_removed_at=now))
    return total


def _old_syncs(connection: Connection, before: datetime) -> Iterator[int]:
    """Syncs that ended before then, but of each connection the newest that was committed and all that came after it."""
    last = select(Sync.connection_id, func.max(Sync.id)).where(Sync.state.in_(APPLIED)).group_by(Sync.connection_id)
    newest = {row[0]: row[1] for row in connection.execute(last)}
    ended = func.coalesce(Sync.finished_at, Sync.created_at) < before
    statement = select(Sync.id, Sync.connection_id).where(
        ended, Sync.state.not_in(RUNNING), Sync.details_removed_at.is_(None)
    )
    for row in connection.execute(statement.order_by(Sync.id)):
        if row.connection_id not in newest or row.id < newest[row.connection_id]:
            yield row.id


def _gone(engine: Engine, before: datetime, _now: datetime) -> int:
    """Rows of the mirror that a proven fetch no longer listed, unless their account or class is still active."""
    ended = select(Sync.id).where(func.coalesce(Sync.finished_at, Sync.created_at) < before)
    active_account = exists().where(
        AccountLink.connection_id == SisPerson.connection_id, AccountLink.source_id == SisPerson.source_id,
        Account.id == AccountLink.account_id, Account.archived_at.is_(None),
    )  # fmt: skip
    active_class = exists().where(
        ClassLink.connection_id == SisSection.connection_id, ClassLink.source_id == SisSection.source_id,
        SchoolClass.id == ClassLink.class_id, SchoolClass.archived_at.is_(None),
    )  # fmt: skip
    people = select(SisPerson.id).where(SisPerson.gone_in_sync.in_(ended), ~active_account)
    sections = select(SisSection.id).where(SisSection.gone_in_sync.in_(ended), ~active_class)
    return _clear(engine, people, _people) + _clear(engine, sections, _sections)


def _people(ids: list[Any]) -> list[Delete]:
    enrolled = delete(SisEnrollment).where(SisEnrollment.person_id.in_(ids))
    return [enrolled, delete(SisPerson).where(SisPerson.id.in_(ids))]


def _sections(ids: list[Any]) -> list[Delete]:
    enrolled = delete(SisEnrollment).where(SisEnrollment.section_id.in_(ids))
    return [enrolled, delete(SisSection).where(SisSection.id.in_(ids))]


_REMOVERS: dict[str, Callable[[Engine, datetime, datetime], int]] = {
    "sign-ins": _sign_ins,
    "audit": _rest_of_audit,
    "plans": _plans,
    "gone": _gone,
    "notifications": _notifications,
    "links": _links,
    "cards": _cards,
    "mails": _mails,
}
