"""Guards: the planned changes that are too many to be believed without a person (SPEC 6.5).

Evaluated when a plan is prepared, on everything planned, and again at its commit, on what is ticked.
"""

from collections.abc import Iterable, Mapping
from enum import StrEnum

import msgspec

from sisportal.roster.options import Options

_NOUNS = {"student": "students", "teacher": "teachers", "section": "classes", "organization": "organizations"}
_ADDS = frozenset({"add", "reactivate"})


class Guard(StrEnum):
    """Which rule holds; the word that a held action carries."""

    DELETES = "guard-deletes"
    ADDS = "guard-adds"
    CLASS = "guard-class"
    IDS = "guard-ids"
    ID_NAMES = "guard-id-names"


class Counted(msgspec.Struct, frozen=True):
    """What is planned for the records of one type in one school."""

    held: int
    """Active records that are linked to this connection, as the plan was prepared: the whole that shares are of."""
    deletes: int = 0
    adds: int = 0
    """Reactivations included."""
    changed_ids: int = 0
    """Edits of a link, apart from those that a change of API version explains."""


class GuardedAction(msgspec.Struct, frozen=True):
    """One planned action, as the guards see it."""

    index: int
    type: str
    verb: str
    school: str = ""
    changes_id: bool = False
    """Whether the link changes to another id, for a reason other than a change of API version."""
    names_disagree: bool = False
    """With ``changes_id``: whether the name of the new id's person disagrees with the account's."""
    students: int = 0
    """Of a section: how many students the class has."""
    leaving: int = 0
    """Of a section: how many of them the roster change takes out."""


class Hold(msgspec.Struct, frozen=True):
    """Actions that wait until somebody releases them by typing ``count``."""

    guard: Guard
    type: str
    scope: str
    """``source_id`` of the school, or of ``guard-class`` and ``guard-id-names`` the index of the one action."""
    reason: str
    count: int
    actions: tuple[int, ...] = ()
    """Indexes of the actions held; none from ``scope_holds``."""


def scope_holds(type_: str, school: str, counted: Counted, options: Options, *, first_sync: bool = False) -> list[Hold]:
    """What the guards of one school and type hold."""
    holds = [
        _deletes(type_, school, counted, options),
        None if first_sync else _adds(type_, school, counted, options),
        _changed_ids(type_, school, counted, options),
    ]
    return [hold for hold in holds if hold is not None]


def class_hold(action: GuardedAction, options: Options) -> Hold | None:
    """Whether a class loses too many of its students at once."""
    if action.students < options.guard_class_from:
        return None
    if not _above(action.leaving, action.students, options.guard_class_percent):
        return None
    reason = (
        f"{action.leaving:,} of the {action.students:,} students would leave the class, "
        f"more than {options.guard_class_percent} %."
    )
    return Hold(Guard.CLASS, action.type, str(action.index), reason, action.leaving, (action.index,))


def evaluate(
    actions: Iterable[GuardedAction],
    held: Mapping[tuple[str, str], int],
    options: Options,
    *,
    first_sync: bool = False,
) -> list[Hold]:
    """Every hold on the actions; ``held``: (type, school) -> number of active linked records there (see ``Counted``).

    An action may be under several holds: it waits for all of them.
    """
    scopes: dict[tuple[str, str], list[GuardedAction]] = {}
    holds: list[Hold] = []
    for action in actions:
        scopes.setdefault((action.type, action.school), []).append(action)
        holds += _single_holds(action, options)
    for (type_, school), planned in sorted(scopes.items()):
        indexes = _indexes(planned)
        counted = Counted(
            held.get((type_, school), 0),
            deletes=len(indexes[Guard.DELETES]),
            adds=len(indexes[Guard.ADDS]),
            changed_ids=len(indexes[Guard.IDS]),
        )
        for hold in scope_holds(type_, school, counted, options, first_sync=first_sync):
            holds.append(msgspec.structs.replace(hold, actions=indexes[hold.guard]))
    return holds


def _single_holds(action: GuardedAction, options: Options) -> list[Hold]:
    holds = []
    if action.leaving and action.verb != "delete" and (hold := class_hold(action, options)):
        holds.append(hold)
    if action.changes_id and action.names_disagree:
        reason = "The id changes to that of a person of another name."
        holds.append(Hold(Guard.ID_NAMES, action.type, str(action.index), reason, 1, (action.index,)))
    return holds


def _indexes(planned: list[GuardedAction]) -> dict[Guard, tuple[int, ...]]:
    return {
        Guard.DELETES: tuple(action.index for action in planned if action.verb == "delete"),
        Guard.ADDS: tuple(action.index for action in planned if action.verb in _ADDS),
        Guard.IDS: tuple(action.index for action in planned if action.changes_id),
    }


def _deletes(type_: str, school: str, counted: Counted, options: Options) -> Hold | None:
    if counted.held < options.guard_deletes_from or counted.deletes < max(1, options.guard_deletes_least):
        return None
    if _above(counted.deletes, counted.held, options.guard_deletes_percent):
        limit = f"{options.guard_deletes_percent} %"
    elif counted.deletes > options.guard_deletes_count:
        limit = f"{options.guard_deletes_count:,}"
    else:
        return None
    reason = f"{counted.deletes:,} of {counted.held:,} {_NOUNS[type_]} would be archived, more than {limit}."
    return Hold(Guard.DELETES, type_, school, reason, counted.deletes)


def _adds(type_: str, school: str, counted: Counted, options: Options) -> Hold | None:
    if counted.held < options.guard_adds_from or not _above(counted.adds, counted.held, options.guard_adds_percent):
        return None
    reason = f"{counted.adds:,} {_NOUNS[type_]} would be added to {counted.held:,}, more than {options.guard_adds_percent} %."
    return Hold(Guard.ADDS, type_, school, reason, counted.adds)


def _changed_ids(type_: str, school: str, counted: Counted, options: Options) -> Hold | None:
    if not _above(counted.changed_ids, counted.held, options.guard_ids_percent):
        return None
    reason = (
        f"The ids of {counted.changed_ids:,} of {counted.held:,} {_NOUNS[type_]} would change, "
        f"more than {options.guard_ids_percent} %."
    )
    return Hold(Guard.IDS, type_, school, reason, counted.changed_ids)


def _above(part: int, whole: int, percent: int) -> bool:
    """Whether the part is strictly more than the percentage of the whole; of nothing, no part is."""
    return whole > 0 and part * 100 > whole * percent
