"""Syncs against their actions: what they say of themselves, and who is said to run them."""

from collections import Counter
from collections.abc import Iterator
from datetime import datetime

from sqlalchemy import Connection, and_, exists, func, or_, select

from sisportal.models import Account, Action, ActionState, ActionType, Organization, SchoolClass, Sync, SyncState
from sisportal.syncing.findings import REPORT_IT, Finding, found, listed
from sisportal.syncing.states import ACTIVE, dead_commits

_SETTLED = (SyncState.PREPARED, SyncState.COMMITTED, SyncState.PARTLY_COMMITTED, SyncState.COMMITTING)
_TARGETS = (
    ((ActionType.STUDENT, ActionType.TEACHER), Account, "accounts"),
    ((ActionType.SECTION,), SchoolClass, "classes"),
    ((ActionType.ORGANIZATION,), Organization, "organizations"),
)


def counts(connection: Connection) -> Iterator[Finding]:
    """What a sync says of itself against its actions."""
    columns = (Action.sync_id, Action.type, Action.verb)
    actual: Counter[tuple[int, str, str]] = Counter()
    applied: Counter[tuple[int, str, str]] = Counter()
    for sync_id, type_, verb, state, number in connection.execute(
        select(*columns, Action.state, func.count()).group_by(*columns, Action.state)
    ):
        actual[sync_id, type_, verb] += number
        applied[sync_id, type_, verb] += number if state == ActionState.APPLIED else 0
    wrong: set[int] = set()
    for sync_id, told in connection.execute(
        select(Sync.id, Sync.counts).where(Sync.state.in_(_SETTLED), Sync.details_removed_at.is_(None))
    ):
        said = {
            (sync_id, type_, verb): (numbers.get("planned", 0), numbers.get("applied", 0))
            for type_, verbs in told.items()
            for verb, numbers in verbs.items()
        }
        silent = {key for key in actual if key[0] == sync_id} - said.keys()
        if silent or any(numbers != (actual[key], applied[key]) for key, numbers in said.items()):
            wrong.add(sync_id)
    yield from found(sorted(wrong), "syncs count other numbers of actions than they have", REPORT_IT)


def targets(connection: Connection) -> Iterator[Finding]:
    """What was applied was applied to a record that is there."""
    aimless = select(Action.id).where(Action.state == ActionState.APPLIED, Action.target_id.is_(None))
    yield from listed(connection, aimless, "actions were applied to no record", REPORT_IT)
    for types, target, noun in _TARGETS:
        gone = select(Action.id).where(
            Action.state == ActionState.APPLIED,
            Action.type.in_(types),
            Action.target_id.is_not(None),
            ~exists().where(target.id == Action.target_id),
        )
        yield from listed(connection, gone, f"actions were applied to {noun} that are not there", REPORT_IT)


def states(connection: Connection) -> Iterator[Finding]:
    """States that fit neither the actions nor whoever is said to run them."""
    waiting = select(Sync.id).where(
        Sync.state == SyncState.COMMITTED,
        exists().where(Action.sync_id == Sync.id, Action.state == ActionState.PLANNED),
    )
    yield from listed(connection, waiting, "syncs are committed although actions of theirs still wait", REPORT_IT)
    begun = [ActionState.APPLIED, ActionState.CONFLICT]
    early = select(Sync.id).where(
        Sync.state == SyncState.PREPARED, exists().where(Action.sync_id == Sync.id, Action.state.in_(begun))
    )
    yield from listed(connection, early, "syncs are not committed although actions of theirs were applied", REPORT_IT)
    other = Sync.__table__.alias("other")
    beside = exists().where(
        other.c.connection_id == Sync.connection_id, other.c.id != Sync.id, other.c.state.in_(ACTIVE)
    )
    both = select(Sync.id).where(Sync.state.in_(ACTIVE), beside)
    yield from listed(connection, both, "syncs of one connection run at the same time", "Cancel all but one of them.")
    unclaimed = and_(Sync.state == SyncState.PREPARING, or_(Sync.claim.is_(None), Sync.heartbeat_at.is_(None)))
    advice = "Start the portal, which marks them as interrupted, and sync again."
    yield from listed(connection, select(Sync.id).where(unclaimed), "syncs are being prepared by nobody", advice)
    held = select(Sync.id).where(Sync.state.not_in(ACTIVE), Sync.claim.is_not(None))
    yield from listed(connection, held, "syncs are held by a program although nothing of theirs runs", REPORT_IT)


def stopped(connection: Connection, now: datetime) -> Iterator[Finding]:
    """Commits that wait to be continued."""
    for sync_id in dead_commits(connection, now):
        yield Finding(f"The commit of sync {sync_id} stopped half-way.", f"Continue it: flask sis commit {sync_id}")
