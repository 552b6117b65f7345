"""Guards on a stored plan: what is too much to be believed is held, apart from the rest, until a person releases it."""

from collections import Counter
from datetime import datetime
from typing import Any

from msgspec.structs import replace
from sqlalchemy import ColumnElement, Connection, Engine, and_, func, not_, select, update

from sisportal.models import ActionState, SisConnection, Sync, SyncMode, SyncState
from sisportal.models.database import writing
from sisportal.roster.catalogue import held_sentence
from sisportal.roster.guards import Counted, Guard, Hold, scope_holds
from sisportal.roster.options import Options
from sisportal.syncing.actions import ACTIONS, IS_HELD
from sisportal.syncing.changing_ids import ANOTHER_ID, Changing, Scope, read_changing
from sisportal.syncing.connections import stored_options
from sisportal.syncing.guarding_classes import judge_classes
from sisportal.syncing.held import ACCOUNT_LINKS, ACCOUNTS, CLASS_LINKS, CLASSES
from sisportal.syncing.mirror import PEOPLE, SECTIONS
from sisportal.syncing.releasing import IS_RELEASED, RELEASED, release_guards
from sisportal.syncing.review import Who, require_open
from sisportal.syncing.rows import chunks

Planned = Counter[tuple[str, str, str]]
"""How many actions there are of each type, school and verb."""
_VERBS = {Guard.DELETES: ("delete",), Guard.ADDS: ("add", "reactivate")}
_SCOPED = [str(each) for each in (*_VERBS, Guard.IDS)]
"""Guards that judge all of a school and type; the others hold single actions."""
IDS_LEAST = 3
"""Fewer ids that change in a school are what a person said of each: no reason to doubt the SIS."""
ANEW = "The SIS may have made its records anew: ask there before you decide."


def guard(
    connection: Connection,
    sync_id: int,
    connection_id: int,
    options: Options,
    *,
    first_sync: bool,
    again: bool = False,
    any_released: bool = False,
) -> list[dict[str, Any]]:
    """Hold what trips a guard, judged by what is ticked, and free what no longer does.

    Gives every hold, doubtful matches included, as the sync keeps them: type, scope, reason, sentence, count. ``again``: at a
    commit. ``any_released``: somebody released some of it, which counts as part of a whole, and is not held once more.

    A class that loses most of its students was held when its action was planned; it is freed once people unticked so many
    of the leavers that it no longer does.
    """
    _free(connection, sync_id, _SCOPED)
    judge_classes(connection, sync_id, connection_id, options, again=again)
    planned, ids = _planned(connection, sync_id), read_changing(connection, sync_id)
    released = _planned(connection, sync_id, IS_RELEASED) if any_released else Planned()
    active: Counter[Scope] = Counter()
    if ids.numbers or any(verb != "edit" for _, _, verb in planned):
        active = _active(connection, connection_id)
    found: list[Hold] = []
    for type_, school in sorted({(type_, school) for type_, school, _ in planned}):
        counted = _counted(planned, active, type_, school)
        found += scope_holds(type_, school, counted, options, first_sync=first_sync)
    fresh = [replace(hold, count=_number(planned, hold) - _number(released, hold)) for hold in found]
    found = [hold for hold in fresh if hold.count]
    for hold in found:
        _hold(connection, sync_id, hold)
    holds = [_described(hold) for hold in found] + _hold_ids(connection, ids, active, options)
    single = _single_holds(connection, sync_id)
    return holds + [_doubted(entry, ids, active, options) for entry in single]


def still_held(connection: Connection, sync_id: int, connection_id: int, options: Options) -> list[dict[str, Any]]:
    """What a sync keeps of its holds after a person decided something.

    Those of whole schools stay. The ids that change by what the person said are judged at once, so that everything that a
    guard holds can be seen, and released, before the commit. Single holds are counted as they are now.
    """
    verbs = [str(each) for each in _VERBS]
    held = connection.scalars(select(Sync.held).where(Sync.id == sync_id)).one()
    holds = [entry for entry in held if entry["reason"] in verbs]
    judge_classes(connection, sync_id, connection_id, options)
    _free(connection, sync_id, [str(Guard.IDS)])
    ids = read_changing(connection, sync_id)
    active = _active(connection, connection_id) if ids.numbers else Counter[Scope]()
    holds += _hold_ids(connection, ids, active, options)
    return holds + [_doubted(entry, ids, active, options) for entry in _single_holds(connection, sync_id)]


def guard_again(connection: Connection, sync_id: int) -> None:
    """At commit: the guards on what is ticked now, apart from what a person released for this plan.

    Not on an undo: what it takes back was counted before the person asked for it, and it rests on nothing the SIS says.
    """
    row = connection.execute(
        select(
            Sync.connection_id,
            Sync.mode,
            Sync.options,
            Sync.request,
            SisConnection.kind,
            SisConnection.committed_sync_id,
        )
        .join(SisConnection, SisConnection.id == Sync.connection_id)
        .where(Sync.id == sync_id)
    ).one()
    if row.mode == SyncMode.UNDO:
        return
    options = stored_options(row.options, row.kind)
    first_sync, released = row.committed_sync_id is None, bool(row.request.get(RELEASED))
    held = guard(
        connection, sync_id, row.connection_id, options, first_sync=first_sync, again=True, any_released=released
    )
    connection.execute(update(Sync).where(Sync.id == sync_id).values(held=held))


def release_all(engine: Engine, sync_id: int, who: Who, now: datetime) -> int:
    """Release whatever the guards hold by what is ticked now, as a commit would find it; how many actions."""
    with writing(engine).begin() as connection:
        require_open(connection, sync_id)
        if connection.scalar(select(Sync.state).where(Sync.id == sync_id)) == SyncState.PREPARED:
            guard_again(connection, sync_id)
    return release_guards(engine, sync_id, who, now)


def _free(connection: Connection, sync_id: int, reasons: list[str]) -> None:
    connection.execute(
        update(ACTIONS)
        .where(
            ACTIONS.c.sync_id == sync_id, IS_HELD, ACTIONS.c.held.in_(reasons), ACTIONS.c.state == ActionState.PLANNED
        )
        .values(held="")
    )


def _hold_ids(connection: Connection, ids: Changing, active: Counter[Scope], options: Options) -> list[dict[str, Any]]:
    """Hold the links that change where too many do, those that a person decided too; the holds, as a sync keeps them."""
    holds = []
    for (type_, school), actions in sorted(ids.actions.items()):
        sentence = _too_many(ids, active, (type_, school), options)
        if sentence:
            for some in chunks(actions, 5_000):
                connection.execute(update(ACTIONS).where(ACTIONS.c.id.in_(some)).values(held=str(Guard.IDS)))
            hold = Hold(Guard.IDS, type_, school, sentence, len(actions))
            holds.append(_described(hold))
    return holds


def _too_many(ids: Changing, active: Counter[Scope], scope: Scope, options: Options) -> str:
    """What to say where so many ids would change that the SIS may have made its records anew; blank where it is not so."""
    number = ids.numbers[scope]
    if number < IDS_LEAST:
        return ""
    counted = Counted(active[scope], changed_ids=number)
    return next((f"{hold.reason} {ANEW}" for hold in scope_holds(*scope, counted, options)), "")


def _doubted(entry: dict[str, Any], ids: Changing, active: Counter[Scope], options: Options) -> dict[str, Any]:
    """The hold of doubts; where too many ids would change, it says so."""
    if entry["reason"] not in ANOTHER_ID:
        return entry
    for scope in sorted(ids.doubts):
        if scope[0] == entry["type"] and (sentence := _too_many(ids, active, scope, options)):
            return entry | {"scope": scope[1], "sentence": sentence}
    return entry


def _hold(connection: Connection, sync_id: int, hold: Hold) -> None:
    connection.execute(
        update(ACTIONS)
        .where(
            ACTIONS.c.sync_id == sync_id,
            ACTIONS.c.type == hold.type,
            ACTIONS.c.verb.in_(_VERBS[hold.guard]),
            ACTIONS.c.school == hold.scope,
            ACTIONS.c.held == "",
            not_(IS_RELEASED),
        )
        .values(held=str(hold.guard))
    )


def _planned(connection: Connection, sync_id: int, *which: ColumnElement[bool]) -> Planned:
    """How many actions of each type, school and verb are ticked and not held."""
    statement = (
        select(ACTIONS.c.type, ACTIONS.c.school, ACTIONS.c.verb, func.count())
        .where(
            ACTIONS.c.sync_id == sync_id,
            ACTIONS.c.state == ActionState.PLANNED,
            ACTIONS.c.ticked,
            ACTIONS.c.held == "",
            *which,
        )
        .group_by(ACTIONS.c.type, ACTIONS.c.school, ACTIONS.c.verb)
    )
    return Counter({(row[0], row[1], row[2]): row[3] for row in connection.execute(statement)})


def _number(planned: Planned, hold: Hold) -> int:
    """How many of the actions the hold is of."""
    return sum(planned[hold.type, hold.scope, verb] for verb in _VERBS[hold.guard])


def _counted(planned: Planned, active: Counter[Scope], type_: str, school: str) -> Counted:
    adds = planned[type_, school, "add"] + planned[type_, school, "reactivate"]
    return Counted(active[type_, school], deletes=planned[type_, school, "delete"], adds=adds)


def _active(connection: Connection, connection_id: int) -> Counter[Scope]:
    """How many active linked records each school has: the whole that shares are of."""
    person = and_(PEOPLE.c.connection_id == connection_id, PEOPLE.c.source_id == ACCOUNT_LINKS.c.source_id)
    people = (
        select(ACCOUNTS.c.role, PEOPLE.c.school, func.count())
        .select_from(
            ACCOUNT_LINKS.join(ACCOUNTS, ACCOUNTS.c.id == ACCOUNT_LINKS.c.account_id).outerjoin(PEOPLE, person)
        )
        .where(ACCOUNT_LINKS.c.connection_id == connection_id, ACCOUNTS.c.archived_at.is_(None))
        .group_by(ACCOUNTS.c.role, PEOPLE.c.school)
    )
    section = and_(SECTIONS.c.connection_id == connection_id, SECTIONS.c.source_id == CLASS_LINKS.c.source_id)
    classes = (
        select(SECTIONS.c.school, func.count())
        .select_from(CLASS_LINKS.join(CLASSES, CLASSES.c.id == CLASS_LINKS.c.class_id).outerjoin(SECTIONS, section))
        .where(CLASS_LINKS.c.connection_id == connection_id, CLASSES.c.archived_at.is_(None))
        .group_by(SECTIONS.c.school)
    )
    found: Counter[Scope] = Counter()
    for role, school, number in connection.execute(people):
        found[role, school or ""] += number
    for school, number in connection.execute(classes):
        found["section", school or ""] += number
    return found


def _described(hold: Hold) -> dict[str, Any]:
    return {
        "type": hold.type,
        "scope": hold.scope,
        "reason": str(hold.guard),
        "sentence": hold.reason,
        "count": hold.count,
    }


def _single_holds(connection: Connection, sync_id: int) -> list[dict[str, Any]]:
    """Actions held one by one (doubtful matches, a class that empties), counted by type and reason."""
    statement = (
        select(ACTIONS.c.type, ACTIONS.c.held, func.count())
        .where(ACTIONS.c.sync_id == sync_id, IS_HELD, ACTIONS.c.held.not_in(_SCOPED))
        .group_by(ACTIONS.c.type, ACTIONS.c.held)
        .order_by(ACTIONS.c.type, ACTIONS.c.held)
    )
    return [
        {"type": row[0], "scope": "", "reason": row[1], "sentence": held_sentence(row[1]), "count": row[2]}
        for row in connection.execute(statement)
    ]
