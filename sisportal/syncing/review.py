"""Reviewing a plan: what of it is listed, counted and ticked; shared by the pages and the command line."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import (
    ColumnElement,
    Connection,
    Engine,
    Row,
    Select,
    func,
    literal_column,
    not_,
    select,
    tuple_,
    union_all,
    update,
)
from sqlalchemy.orm import QueryableAttribute, aliased

from sisportal.models import Action, ActionState, Sync, SyncState, SyncWarning
from sisportal.models.database import writing
from sisportal.roster.text import folded
from sisportal.syncing.actions import ACTIONS
from sisportal.syncing.audit_events import Event
from sisportal.syncing.audit_lines import record_summed
from sisportal.syncing.rows import chunks
from sisportal.syncing.states import NotAllowed

OPEN = frozenset({SyncState.PREPARED, SyncState.PARTLY_COMMITTED})
"""The states in which actions that are not applied yet can be ticked and unticked."""
AT_ONCE = 500


def _is_held(action: type[Action]) -> ColumnElement[bool]:
    # Written out, not bound: SQLite uses a partial index only where it sees its condition.
    return action.held != literal_column("''")


_HELD: ColumnElement[bool] = _is_held(Action)
_UNTICKED: ColumnElement[bool] = not_(Action.ticked)
_PLANNED: ColumnElement[bool] = Action.state == ActionState.PLANNED

Counts = dict[str, dict[str, dict[str, int]]]


class Who(msgspec.Struct, frozen=True):
    """Who does something, for the audit log: a name that stays true, and where there is one the account and address."""

    name: str
    id: int | None = None
    address: str = ""


class ActionFilter(msgspec.Struct, frozen=True):
    """Which actions of a sync: every part that is set narrows the list."""

    type: str = ""
    verb: str = ""
    state: str = ""
    school: str = ""
    """``source_id`` of the school."""
    search: str = ""
    warned: bool = False
    held: bool = False
    unticked: bool = False

    @property
    def by_counts(self) -> bool:
        """Whether the counts of the sync tell already how many actions it finds."""
        return not (self.school or self.search or self.warned or self.held or self.unticked)


def counts(connection: Connection, sync_id: int, stored: Counts | None = None) -> Counts:
    """``{type: {verb: numbers}}``: ``planned``, ``ticked``, ``unticked``, ``held`` and ``ready`` always, and each outcome.

    ``ready`` is what a commit would apply now: ticked, not held, not applied yet. Only what a person unticked and what is
    held is counted; the rest is known from the sync's own counts, ``stored``, which are read where they are not given.
    """
    if stored is None:
        stored = connection.scalars(select(Sync.counts).where(Sync.id == sync_id)).one()
    found = {
        type_: {verb: _with_outcomes(numbers) for verb, numbers in verbs.items()}
        for type_, verbs in (stored or {}).items()
    }
    for type_, verb, state, number in _grouped(connection, sync_id, Action.state, _UNTICKED):
        numbers = found[type_][verb]
        numbers["unticked"] += number
        numbers["ticked"] -= number
        numbers["ready"] -= number if state == ActionState.PLANNED else 0
    for type_, verb, waits, number in _grouped(connection, sync_id, Action.ticked & _PLANNED, _HELD):
        numbers = found[type_][verb]
        numbers["held"] += number
        numbers["ready"] -= number if waits else 0
    return found


def count_unticked(connection: Connection, sync_id: int) -> int:
    """How many actions a person unticked."""
    return connection.scalar(select(func.count()).where(Action.sync_id == sync_id, _UNTICKED)) or 0


def total(counted: Counts, name: str) -> int:
    """The sum of one of the numbers over all types and verbs."""
    return sum(numbers.get(name, 0) for verbs in counted.values() for numbers in verbs.values())


def action_held(connection: Connection, sync_id: int, action_id: int) -> str:
    """Why an action waits for a person; blank where it does not, or is not there any more."""
    return connection.scalar(select(Action.held).where(Action.sync_id == sync_id, Action.id == action_id)) or ""


def action_page(
    connection: Connection, sync_id: int, chosen: ActionFilter, *, page: int = 1, per_page: int = 50
) -> tuple[list[Row[Any]], int, int]:
    """One page of the actions that ``chosen`` finds, how many it finds in all, and which page it is: past the end, the last.

    Rows have every column, in the order of types and verbs as planned.
    """
    rows = action_rows(connection, sync_id, chosen, page=page, per_page=per_page, more=1)
    if len(rows) <= per_page and (rows or page == 1):
        # The end was seen: no second search of the whole plan to count.
        return rows, (page - 1) * per_page + len(rows), page
    total = count_rows(connection, sync_id, chosen)
    last = max(-(-total // per_page), 1)
    if not rows and page > last:
        return action_rows(connection, sync_id, chosen, page=last, per_page=per_page), total, last
    return rows[:per_page], total, page


def action_rows(
    connection: Connection, sync_id: int, chosen: ActionFilter, *, page: int = 1, per_page: int = 50, more: int = 0
) -> list[Row[Any]]:
    """The actions of a page, and as many ``more`` as follow it."""
    statement = _listed(select(ACTIONS), sync_id, chosen).limit(per_page + more).offset((page - 1) * per_page)
    return list(connection.execute(statement))


def count_rows(connection: Connection, sync_id: int, chosen: ActionFilter) -> int:
    """How many actions ``chosen`` finds."""
    if chosen.by_counts and chosen.state != ActionState.PLANNED:
        stored: Counts = connection.scalars(select(Sync.counts).where(Sync.id == sync_id)).one()
        return _counted(stored, chosen)
    statement = select(func.count()).select_from(ACTIONS).where(*_conditions(sync_id, chosen))
    return connection.scalar(statement) or 0


def all_rows(connection: Connection, sync_id: int, chosen: ActionFilter) -> Iterator[Sequence[Row[Any]]]:
    """Every action that ``chosen`` finds, some hundred at a time: for files, which must not grow in memory."""
    result = connection.execution_options(yield_per=AT_ONCE).execute(_listed(select(ACTIONS), sync_id, chosen))
    yield from result.partitions()


def warnings_of(connection: Connection, rows: Sequence[Row[Any]]) -> dict[int, list[Row[Any]]]:
    """The warnings of some actions of one sync, by action, in the order in which they were given.

    What was noticed of a record before its action was planned belongs to the action, too.
    """
    found: dict[int, list[Row[Any]]] = {}
    for some in chunks(rows, AT_ONCE):
        by_record = {(row.type, row.source_id): row.id for row in some}
        tied = SyncWarning.action_id.in_([row.id for row in some])
        loose = SyncWarning.action_id.is_(None) & SyncWarning.external_id.in_([row.source_id for row in some])
        statement = select(SyncWarning.__table__).where(SyncWarning.sync_id == some[0].sync_id, tied | loose)
        for row in connection.execute(statement.order_by(SyncWarning.id)):
            action_id = row.action_id or by_record.get((row.type, row.external_id))
            if action_id is not None:
                found.setdefault(action_id, []).append(row)
    return found


def tick(engine: Engine, sync_id: int, action_ids: Iterable[int], ticked: bool, who: Who, now: datetime) -> int:  # noqa: FBT001 - it is what is asked
    """Tick or untick actions; how many changed.

    Raises ``NotAllowed`` and changes nothing where the sync cannot be reviewed any more, or one of them is no action of
    it or is applied already.
    """
    wanted = sorted(set(action_ids))
    with writing(engine).begin() as connection:
        require_open(connection, sync_id)
        labels = _require_planned(connection, sync_id, wanted)
        changed = 0
        for ids in chunks(wanted, AT_ONCE):
            changed += _set(connection, [Action.sync_id == sync_id, Action.id.in_(ids)], ticked, who)
        if changed:
            one = {"action": wanted[0], "label": labels[wanted[0]]} if len(wanted) == 1 else {}
            _record(connection, sync_id, ticked, who, now, actions=changed, **one)
    return changed


def tick_matching(
    engine: Engine,
    sync_id: int,
    chosen: ActionFilter,
    ticked: bool,  # noqa: FBT001 - it is what is asked
    who: Who,
    now: datetime,
) -> int:
    """Tick or untick every action that ``chosen`` finds and that is not applied yet; how many changed.

    Raises ``NotAllowed`` where the sync cannot be reviewed any more.
    """
    with writing(engine).begin() as connection:
        require_open(connection, sync_id)
        changed = _set(connection, _conditions(sync_id, chosen), ticked, who)
        if changed:
            words = {name: value for name, value in msgspec.structs.asdict(chosen).items() if value}
            _record(connection, sync_id, ticked, who, now, actions=changed, matching=words)
    return changed


def tick_roster(
    engine: Engine,
    sync_id: int,
    action_id: int,
    source_ids: Iterable[str],
    ticked: bool,  # noqa: FBT001 - it is what is asked
    who: Who,
    now: datetime,
) -> int:
    """Tick or untick some of those who join or leave a class; how many changed.

    Raises ``NotAllowed`` as ``tick`` does, and where somebody is not in the roster change of the action.
    """
    with writing(engine).begin() as connection:
        require_open(connection, sync_id)
        labels = _require_planned(connection, sync_id, [action_id])
        roster: dict[str, list[str]] = connection.scalars(select(Action.roster).where(Action.id == action_id)).one()
        wanted, before = set(source_ids), set(roster.get("unticked", ()))
        if unknown := wanted - {*roster.get("join", ()), *roster.get("leave", ())}:
            raise NotAllowed(f"Action {action_id} has no roster change of {min(unknown)}.")
        after = before - wanted if ticked else before | wanted
        if after == before:
            return 0
        kept = {name: value for name, value in roster.items() if name != "unticked"}
        values = kept | ({"unticked": sorted(after)} if after else {})
        connection.execute(update(Action).where(Action.id == action_id).values(roster=values, decided_by=who.id))
        changed = len(before ^ after)
        _record(connection, sync_id, ticked, who, now, action=action_id, label=labels[action_id], roster=changed)
    return changed


def require_open(connection: Connection, sync_id: int) -> None:
    """Raise ``NotAllowed`` where the sync cannot be reviewed; a commit that begins meanwhile waits for this transaction."""
    row = connection.execute(select(Sync.state).where(Sync.id == sync_id).with_for_update(read=True)).one_or_none()
    if row is None:
        raise NotAllowed(f"There is no sync {sync_id}.")
    if row.state not in OPEN:
        raise NotAllowed(
            f"Sync {sync_id} is {row.state} now, so its actions cannot be ticked or unticked any more. Nothing was changed."
        )


def _require_planned(connection: Connection, sync_id: int, action_ids: list[int]) -> dict[int, str]:
    found: dict[int, tuple[str, str]] = {}
    for ids in chunks(action_ids, AT_ONCE):
        statement = select(Action.id, Action.state, Action.label).where(Action.sync_id == sync_id, Action.id.in_(ids))
        found.update((row[0], (row[1], row[2])) for row in connection.execute(statement))
    for id_ in action_ids:
        if id_ not in found:
            raise NotAllowed(f"Sync {sync_id} has no action {id_}.")
        if found[id_][0] != ActionState.PLANNED:
            raise NotAllowed(f"Action {id_} ({found[id_][1]}) is {found[id_][0]} and cannot be changed any more.")
    return {id_: label for id_, (_, label) in found.items()}


def _set(connection: Connection, where: list[ColumnElement[bool]], ticked: bool, who: Who) -> int:  # noqa: FBT001
    others = _UNTICKED if ticked else Action.ticked
    statement = update(Action).where(*where, others, _PLANNED)
    return connection.execute(statement.values(ticked=ticked, decided_by=who.id)).rowcount


def _record(connection: Connection, sync_id: int, ticked: bool, who: Who, now: datetime, **details: Any) -> None:  # noqa: FBT001
    event: Event = "action-ticked" if ticked else "action-unticked"
    record_summed(
        connection, event, f"sync {sync_id}", now, actor=who.name, actor_id=who.id, address=who.address, **details
    )


def _listed(statement: Select[Any], sync_id: int, chosen: ActionFilter) -> Select[Any]:
    return statement.where(*_conditions(sync_id, chosen)).order_by(ACTIONS.c.type, ACTIONS.c.verb, ACTIONS.c.id)


def _conditions(sync_id: int, chosen: ActionFilter) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = [Action.sync_id == sync_id]
    for column, value in (
        (Action.type, chosen.type),
        (Action.verb, chosen.verb),
        (Action.state, chosen.state),
        (Action.school, chosen.school),
    ):
        if value:
            conditions.append(column == value)
    # By ids: so SQLite reads the few from their own index, and of the rest only the index of the list.
    few = aliased(Action)
    if chosen.held:
        conditions.append(Action.id.in_(select(few.id).where(few.sync_id == sync_id, _is_held(few))))
    if chosen.unticked:
        conditions.append(Action.id.in_(select(few.id).where(few.sync_id == sync_id, not_(few.ticked))))
    if chosen.warned:
        conditions.append(_is_warned(sync_id))
    conditions += [Action.search.contains(term, autoescape=True) for term in folded(chosen.search).split()]
    return conditions


def _is_warned(sync_id: int) -> ColumnElement[bool]:
    about = aliased(Action)
    tied = select(SyncWarning.action_id).where(SyncWarning.sync_id == sync_id, SyncWarning.action_id.is_not(None))
    noticed = (SyncWarning.sync_id == sync_id, SyncWarning.action_id.is_(None), SyncWarning.external_id != "")
    loose = select(about.id).where(
        about.source_id.in_(select(SyncWarning.external_id).where(*noticed)),
        tuple_(about.source_id, about.type).in_(select(SyncWarning.external_id, SyncWarning.type).where(*noticed)),
        about.sync_id + 0 == sync_id,  # as a sum, so that SQLite looks the few ids up instead of reading the whole plan
    )
    return Action.id.in_(union_all(tied, loose))


def _with_outcomes(numbers: dict[str, int]) -> dict[str, int]:
    planned = numbers.get("planned", 0)
    settled = sum(number for name, number in numbers.items() if name != "planned")
    return {"planned": 0, **numbers, "ticked": planned, "unticked": 0, "held": 0, "ready": planned - settled}


def _grouped(
    connection: Connection, sync_id: int, what: ColumnElement[Any] | QueryableAttribute[Any], which: ColumnElement[bool]
) -> list[tuple[str, str, Any, int]]:
    # Grouped from the right: in the order of the list's index, SQLite would read all of that instead of the few.
    # By its name: PostgreSQL takes an expression with a parameter, written twice, for two.
    columns = (Action.type, Action.verb, what.label("grouped"), func.count())
    statement = select(*columns).where(Action.sync_id == sync_id, which)
    rows = connection.execute(statement.group_by(literal_column("grouped"), Action.verb, Action.type))
    return [(row[0], row[1], row[2], row[3]) for row in rows]


def _counted(stored: Counts, chosen: ActionFilter) -> int:
    return sum(
        numbers.get(chosen.state or "planned", 0)
        for type_, verbs in stored.items()
        for verb, numbers in verbs.items()
        if chosen.type in {"", type_} and chosen.verb in {"", verb}
    )
