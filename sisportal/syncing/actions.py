"""Where planned actions go: stored by the thousand, counted as they come."""

from collections import Counter
from typing import Any, Protocol, cast

from sqlalchemy import Connection, Engine, Table, literal_column

from sisportal.models import Action, SyncWarning
from sisportal.models.database import writing
from sisportal.roster.options import Options
from sisportal.roster.planning import KIND_OF_VERB, Planned
from sisportal.roster.records import Problem
from sisportal.roster.text import searchable
from sisportal.syncing.progress import Pulse
from sisportal.syncing.rows import AT_ONCE, Row, insert_rows, json_text, reserve_ids

ACTIONS = cast(Table, Action.__table__)
WARNINGS = cast(Table, SyncWarning.__table__)
IS_HELD = ACTIONS.c.held != literal_column("''")
"""Written out, not bound: SQLite uses a partial index only where it sees its condition."""

_COLUMNS = (
    "id", "sync_id", "type", "verb", "source_id", "school", "label", "search", "target_id", "before", "after", "roster",
    "evidence", "fingerprint", "ticked", "held", "state",
)  # fmt: skip
_WARNING_COLUMNS = (
    "sync_id", "action_id", "stage", "code", "type", "external_id", "field", "value", "school", "file", "line", "column",
)  # fmt: skip
SHORT = 200


class KeepsBack(Protocol):
    """What was undone before (``syncing.left_out``)."""

    @property
    def away(self) -> frozenset[str]:
        """People without an active account because its making was undone."""

    @property
    def staying(self) -> frozenset[str]:
        """People whose new id was undone, by the older one."""

    def propose(self, planned: Planned) -> Planned | None:
        """What of an action is proposed; None: nothing."""


class Plan:
    """The plan of one sync while it is made: actions and warnings on their way into their tables."""

    def __init__(
        self, engine: Engine, sync_id: int, options: Options, pulse: Pulse, keeping: KeepsBack | None = None
    ) -> None:
        """``keeping``: knows what was undone before and is not proposed again."""
        self._keeping = keeping
        self._engine, self._sync_id, self._options, self._pulse = writing(engine), sync_id, options, pulse
        self._planned: list[tuple[Planned, tuple[Problem, ...]]] = []
        self._problems: list[Problem] = []
        self._counts: Counter[tuple[str, str]] = Counter()
        self._left_out: Counter[tuple[str, str]] = Counter()

    def add(self, planned: Planned | None, *problems: Problem) -> None:
        """Take an action with the warnings that belong to it, unless its kind of change is not to be synced.

        What was undone before is left out of it.
        """
        if planned is not None and self._keeping is not None:
            planned = self._keeping.propose(planned)
        if planned is None:
            return
        if KIND_OF_VERB[planned.verb] not in self._options.changes:
            self._left_out[planned.type, planned.verb] += 1
            return
        self._counts[planned.type, planned.verb] += 1
        self._planned.append((planned, problems))
        if len(self._planned) >= AT_ONCE:
            self.flush()

    def warn(self, problems: list[Problem]) -> None:
        """Take warnings that belong to no action."""
        self._problems += problems
        if len(self._problems) >= AT_ONCE:
            self.flush()

    def flush(self) -> None:
        """Write what has gathered."""
        if not (self._planned or self._problems):
            return
        with self._engine.begin() as connection:
            self._pulse.fence(connection)
            warnings = [warning_row(self._sync_id, None, "prepare", problem) for problem in self._problems]
            if self._planned:
                warnings += self._write_actions(connection)
            insert_rows(connection, WARNINGS, _WARNING_COLUMNS, warnings)
        self._planned, self._problems = [], []

    @property
    def sync_id(self) -> int:
        """Whose plan it is."""
        return self._sync_id

    @property
    def away(self) -> frozenset[str]:
        """People who have no account because that was undone, and get none until a person says so."""
        return frozenset() if self._keeping is None else self._keeping.away

    @property
    def staying(self) -> frozenset[str]:
        """People who keep their places under an id that is not listed: the newer one of theirs was undone."""
        return frozenset() if self._keeping is None else self._keeping.staying

    def counts(self) -> dict[str, dict[str, dict[str, int]]]:
        """``{type: {verb: {"planned": number}}}``, as the sync keeps it."""
        counts: dict[str, dict[str, dict[str, int]]] = {}
        for (type_, verb), number in sorted(self._counts.items()):
            counts.setdefault(type_, {})[verb] = {"planned": number}
        return counts

    def left_out(self) -> dict[str, dict[str, int]]:
        """``{type: {verb: number}}`` of actions that an option left out."""
        left_out: dict[str, dict[str, int]] = {}
        for (type_, verb), number in sorted(self._left_out.items()):
            left_out.setdefault(type_, {})[verb] = number
        return left_out

    def _write_actions(self, connection: Connection) -> list[Row]:
        first = reserve_ids(connection, ACTIONS, len(self._planned))
        rows = [_action_row(id_, self._sync_id, planned) for id_, (planned, _) in enumerate(self._planned, first)]
        insert_rows(connection, ACTIONS, _COLUMNS, rows)
        return [
            warning_row(self._sync_id, id_, "prepare", problem)
            for id_, (_, problems) in enumerate(self._planned, first)
            for problem in problems
        ]


def write_warnings(connection: Connection, rows: list[Row]) -> None:
    """Insert rows of ``warning_row``."""
    insert_rows(connection, WARNINGS, _WARNING_COLUMNS, rows)


def warning_row(sync_id: int, action_id: int | None, stage: str, problem: Problem) -> Row:
    """A problem as a row of the warnings table."""
    return (
        sync_id, action_id, stage, problem.code, problem.type, problem.external_id, problem.field, problem.value[:SHORT],
        problem.school, problem.file, problem.line, problem.column,
    )  # fmt: skip


def _action_row(id_: int, sync_id: int, planned: Planned) -> Row:
    return (
        id_, sync_id, planned.type, planned.verb, planned.source_id, planned.school, planned.label,
        planned.search or searchable(planned.label, planned.source_id), planned.target_id, _json(planned.before), _json(planned.after),
        _json(planned.roster), _json(planned.evidence), planned.fingerprint, True, planned.held, "planned",
    )  # fmt: skip


def _json(value: dict[str, Any]) -> str:
    return json_text(value) if value else "{}"
