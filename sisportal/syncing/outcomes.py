"""What becomes of the actions of a commit: read in batches, applied, and their outcome written in the same transaction."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import Connection, Engine, Text, not_, select, type_coerce, update

from sisportal.models import ActionState, Sync
from sisportal.models.database import writing
from sisportal.roster.records import Problem
from sisportal.syncing.actions import ACTIONS, warning_row, write_warnings
from sisportal.syncing.held import decode_values
from sisportal.syncing.progress import Pulse
from sisportal.syncing.rows import Row, json_text, update_rows


class Stored(msgspec.Struct, frozen=True, gc=False):
    """An action as it was reviewed."""

    id: int
    type: str
    verb: str
    source_id: str
    school: str
    label: str
    target_id: int | None
    before: dict[str, Any]
    """The values that the plan found."""
    after: dict[str, Any]
    """The values that the plan wants."""
    roster: dict[str, list[str]]
    """``join``, ``leave`` and perhaps ``unticked``."""
    search: str
    fingerprint: int | None


_IN_JSON = {"before", "after", "roster"}
_STORED_COLUMNS = [
    type_coerce(ACTIONS.c[name], Text) if name in _IN_JSON else ACTIONS.c[name] for name in Stored.__struct_fields__
]


def _stored(row: Sequence[Any]) -> Stored:
    """An action from a row of ``_STORED_COLUMNS``."""
    id_, type_, verb, source_id, school, label, target_id, before, after, roster, search, mark = row
    values = (_decoded(before), _decoded(after), _decoded(roster))
    return Stored(id_, type_, verb, source_id, school, label, target_id, *values, search, mark)


def _decoded(text: str) -> dict[str, Any]:
    return {} if text == "{}" else decode_values(text)  # an add has no before, a person no roster


class Results:
    """The outcomes of one batch, gathered while it is applied."""

    def __init__(self, sync_id: int) -> None:
        self._sync_id = sync_id
        self.rows: list[Row] = []
        self.counts: Counter[tuple[str, str, str]] = Counter()
        self._warnings: list[Row] = []
        self._logs: list[Row] = []

    def keep(self, action: Stored, log: Any) -> None:
        """What the undo of the action will need (``syncing.undo_log``)."""
        self._logs.append((json_text(log), action.id))

    def applied(self, action: Stored, target_id: int | None) -> None:
        """The action was done."""
        self._note(action, ActionState.APPLIED, target_id, "")

    def already_so(self, action: Stored, target_id: int | None, sentence: str) -> None:
        """Nothing had to be done: what the action wants was there."""
        self._note(action, ActionState.ALREADY_SO, target_id, sentence)

    def conflict(self, action: Stored, sentence: str) -> None:
        """Not done: the record is no longer as the plan found it."""
        self._note(action, ActionState.CONFLICT, action.target_id, sentence)
        self.warn(action, Problem("conflict", action.type, action.source_id, school=action.school, value=sentence))

    def warn(self, action: Stored, problem: Problem) -> None:
        """Something a person should know, tied to the action."""
        self._warnings.append(warning_row(self._sync_id, action.id, "commit", problem))

    def write(self, connection: Connection) -> None:
        """Store outcomes and warnings."""
        update_rows(connection, ACTIONS, ("target_id", "state", "outcome"), ("id",), self.rows)
        update_rows(connection, ACTIONS, ("undo",), ("id",), self._logs)
        write_warnings(connection, self._warnings)

    def _note(self, action: Stored, state: ActionState, target_id: int | None, sentence: str) -> None:
        self.rows.append((target_id, str(state), sentence, action.id))
        self.counts[action.type, action.verb, str(state)] += 1


Apply = Callable[[Connection, list[Stored], Results], None]


class Ledger:
    """The counts of a sync while it is committed, and the transactions in which its actions are applied."""

    def __init__(self, engine: Engine, sync_id: int, pulse: Pulse, clock: Callable[[], datetime]) -> None:
        self._engine, self.sync_id, self._pulse, self.clock = writing(engine), sync_id, pulse, clock
        with engine.connect() as connection:
            self.counts: dict[str, dict[str, dict[str, int]]] = connection.scalars(
                select(Sync.counts).where(Sync.id == sync_id)
            ).one()

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """A write transaction that ends the stage when the claim was lost."""
        with self._engine.begin() as connection:
            self._pulse.fence(connection)
            yield connection

    def apply_all(self, type_: str, verb: str, apply: Apply, size: int) -> None:
        """Apply the ticked actions of a type and verb that are not applied yet, ``size`` in a transaction."""
        last = 0
        while True:
            with self.transaction() as connection:
                actions = self._next(connection, type_, verb, last, size)
                if not actions:
                    return
                results = Results(self.sync_id)
                apply(connection, actions, results)
                results.write(connection)
                self._count(connection, results.counts)
            last = actions[-1].id
            self._pulse.advance(len(actions))

    def settle_unticked(self) -> None:
        """Give the actions that people unticked their outcome."""
        with self.transaction() as connection:
            where = (
                ACTIONS.c.sync_id == self.sync_id,
                ACTIONS.c.state == ActionState.PLANNED,
                not_(ACTIONS.c.ticked),
            )
            rows = connection.execute(select(ACTIONS.c.type, ACTIONS.c.verb).where(*where))
            counts = Counter((row[0], row[1], str(ActionState.UNTICKED)) for row in rows)
            connection.execute(update(ACTIONS).where(*where).values(state=ActionState.UNTICKED))
            self._count(connection, counts)

    def outcome(self, state: ActionState) -> int:
        """How many actions ended in a state."""
        return sum(verb.get(str(state), 0) for verbs in self.counts.values() for verb in verbs.values())

    def _next(self, connection: Connection, type_: str, verb: str, last: int, size: int) -> list[Stored]:
        statement = (
            select(*_STORED_COLUMNS)
            .where(
                ACTIONS.c.sync_id == self.sync_id,
                ACTIONS.c.type == type_,
                ACTIONS.c.verb == verb,
                ACTIONS.c.id > last,
                ACTIONS.c.state == ActionState.PLANNED,
                ACTIONS.c.ticked,
                ACTIONS.c.held == "",
            )
            .order_by(ACTIONS.c.id)
            .limit(size)
        )
        return [_stored(row) for row in connection.execute(statement).all()]

    def _count(self, connection: Connection, counts: Counter[tuple[str, str, str]]) -> None:
        for (type_, verb, state), number in counts.items():
            outcomes = self.counts.setdefault(type_, {}).setdefault(verb, {})
            outcomes[state] = outcomes.get(state, 0) + number
        connection.execute(update(Sync).where(Sync.id == self.sync_id).values(counts=self.counts))
