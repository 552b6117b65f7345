"""Which organization administrators a sync concerns, and what they are told of it: about their part alone (SPEC 2.5)."""

from collections import Counter, defaultdict

from sqlalchemy import Connection, Row, func, select

from sisportal.models import Account, AccountRole, Action, ActionState, NoticeKind, Organization, SisSchool, Sync
from sisportal.syncing.words import part_sentence

Parts = dict[int, Counter[str]]
"""Organization -> type of action -> how many."""
_OUTCOMES = {
    NoticeKind.PREPARED: ActionState.PLANNED,
    NoticeKind.HELD: ActionState.PLANNED,
    NoticeKind.COMMITTED: ActionState.APPLIED,
    NoticeKind.PARTLY_COMMITTED: ActionState.APPLIED,
    NoticeKind.UNDONE: ActionState.APPLIED,
}


def organization_administrators(connection: Connection, sync_id: int, kind: NoticeKind) -> dict[int, tuple[str, str]]:
    """Account -> (sentence, path) of every active one of whose organizations, or those below, the sync has something to say.

    A sync that failed concerns everybody whose organizations it would have read.
    """
    columns = select(Account.id, Account.organization_id, Account.organizations)
    role = Account.role == AccountRole.ORGANIZATION_ADMINISTRATOR
    people = list(connection.execute(columns.where(role, Account.archived_at.is_(None)).order_by(Account.id)))
    if not people:
        return {}
    parts, below = _parts(connection, sync_id, kind), _below(connection)
    told = {}
    for person in people:
        own = _own(person)
        mine = [parts[each] for each in _and_below(own, below) if each in parts]
        if mine:
            told[person.id] = part_sentence(kind, sum(mine, Counter())), f"/organizations/{own[0]}"
    return told


def _parts(connection: Connection, sync_id: int, kind: NoticeKind) -> Parts:
    """What a sync has to say of each organization."""
    mapped = (SisSchool.connection_id == Sync.connection_id) & SisSchool.organization_id.is_not(None)
    if kind not in _OUTCOMES:
        read = select(SisSchool.organization_id).join(Sync, mapped).where(Sync.id == sync_id)
        return {organization: Counter() for organization in connection.scalars(read) if organization is not None}
    parts: Parts = defaultdict(Counter)
    changed = (
        select(SisSchool.organization_id, Action.type, func.count())
        .join(Sync, mapped)
        .join(Action, (Action.sync_id == Sync.id) & (Action.school == SisSchool.source_id))
        .where(Sync.id == sync_id, Action.state == _OUTCOMES[kind])
        .group_by(SisSchool.organization_id, Action.type)
    )
    for organization, type_, number in connection.execute(changed):
        if organization is not None:
            parts[organization][type_] += number
    return parts


def _own(person: Row[int, int | None, list[int]]) -> list[int]:
    own = [person.organization_id, *(person.organizations or [])]
    return list(dict.fromkeys(each for each in own if each is not None))


def _below(connection: Connection) -> dict[int | None, list[int]]:
    below: dict[int | None, list[int]] = defaultdict(list)
    for row in connection.execute(select(Organization.id, Organization.parent_id)):
        below[row.parent_id].append(row.id)
    return below


def _and_below(own: list[int], below: dict[int | None, list[int]]) -> set[int]:
    seen: set[int] = set()
    waiting = list(own)
    while waiting:
        if (each := waiting.pop()) not in seen:
            seen.add(each)
            waiting += below.get(each, [])
    return seen
