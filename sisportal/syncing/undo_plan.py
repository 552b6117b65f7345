"""The plan of an undo: the inverse of every applied action, newest first; what changed since is kept, and said why (SPEC 7)."""

from collections.abc import Iterator
from typing import Any

import msgspec
from sqlalchemy import Engine

from sisportal.roster.fields import Values
from sisportal.roster.planning import Planned
from sisportal.roster.records import Problem
from sisportal.roster.undoing import Inverse, differing, inverse
from sisportal.syncing.actions import Plan
from sisportal.syncing.connections import NAMES
from sisportal.syncing.elsewhere import listing_people, listing_sections
from sisportal.syncing.held import ACCOUNT_LINKS, CLASS_LINKS
from sisportal.syncing.progress import Pulse
from sisportal.syncing.undo_changers import Changers
from sisportal.syncing.undo_found import (
    STUDENT,
    Found,
    Undone,
    find_accounts,
    find_classes,
    kind_of,
    linked_targets,
    places_of,
    undoing,
    undone_actions,
)
from sisportal.syncing.undo_log import Moved
from sisportal.syncing.undo_renamed import Renamed

RULE = "undo"
RETURNS = "returns"
"""In the *after* of an undo: the account that had the id before, which is active again."""
Place = tuple[int, int | None]
Places = dict[int, dict[int, Place]]
NO_LOG = "an older version applied it, which did not keep what undo needs"


class _Now(msgspec.Struct):
    """The records of one batch as they are now."""

    people: dict[int, Found]
    sections: dict[int, Found]
    accounts_of: dict[str, int]
    """``source_id`` -> account."""
    classes_of: dict[str, int]
    elsewhere: dict[tuple[str, int], str]
    """(``people`` or ``sections``, target) -> the kind of another connection that lists it."""
    places: Places


class UndoPlanner:
    """Plans the undo of one sync."""

    def __init__(self, engine: Engine, connection_id: int, undone_id: int, plan: Plan, pulse: Pulse) -> None:
        self._engine, self._connection_id, self._undone_id = engine, connection_id, undone_id
        self._plan, self._pulse = plan, pulse
        self.kept = 0
        """How many records stay as they are, as a whole or in part, because they changed since."""
        self.done = 0
        """How many are as they were before already."""
        with engine.connect() as connection:
            self._kind = kind_of(connection, connection_id)
            self._undos = undoing(connection, undone_id)
            self._ids = Renamed.since(connection, undone_id, self._kind)
        self._changers = Changers(engine, undone_id)

    def run(self) -> None:
        """Every action that the sync applied, newest first."""
        for some in undone_actions(self._engine, self._undone_id):
            undone = [self._ids.action(each) for each in some]
            now = self._find(undone)
            for action in undone:
                self._take(action, now)
            self._pulse.advance(len(undone))
        self._plan.flush()

    def _find(self, undone: list[Undone]) -> _Now:
        sections = [each for each in undone if each.collection == "sections"]
        people = [each for each in undone if each.collection == "people"]
        elsewhere = self._elsewhere(people, sections)
        with self._engine.connect() as connection:
            classes = {each.target_id for each in sections}
            classes |= {moved[0] for each in people if each.log for moved in each.log.places}
            return _Now(
                find_accounts(connection, self._connection_id, _accounts(people)),
                find_classes(connection, self._connection_id, {each.target_id for each in sections}),
                linked_targets(connection, self._connection_id, ACCOUNT_LINKS, _older_ids(people, self._kind)),
                linked_targets(connection, self._connection_id, CLASS_LINKS, _older_ids(sections, self._kind)),
                elsewhere,
                places_of(connection, classes),
            )

    def _elsewhere(self, people: list[Undone], sections: list[Undone]) -> dict[tuple[str, int], str]:
        accounts = listing_people(self._engine, self._connection_id, sorted({each.target_id for each in people}))
        classes = listing_sections(self._engine, self._connection_id, sorted({each.target_id for each in sections}))
        found = {("people", id_): kind for id_, kind in accounts.items()}
        return found | {("sections", id_): kind for id_, kind in classes.items()}

    def _take(self, action: Undone, now: _Now) -> None:
        found = (now.people if action.collection == "people" else now.sections).get(action.target_id)
        if found is None:
            return
        if action.verb == "add":
            planned, kept = self._unadd(action, found, now)
        else:
            planned, kept = self._restore(action, found, now)
        if kept:
            self.kept += 1
            problem = Problem(
                "undo-kept", action.type, action.source_id, value=f"{action.label}: {kept}", school=action.school
            )
            if planned is None:
                self._plan.warn([problem])
            else:
                self._plan.add(planned, problem)
        elif planned is None:
            self.done += 1
        else:
            self._plan.add(planned)

    def _unadd(self, action: Undone, found: Found, now: _Now) -> tuple[Planned | None, str]:
        """An account or class that the sync made is archived, and its id of the SIS is free again.

        One that it made as archived only loses its link.
        """
        if found.values["archived"] and action.source_id not in found.links:
            return None, ""
        if reasons := list(self._why_stays(action, found, now)):
            return None, "; ".join(reasons)
        planned = self._planned(action, "delete", whole=True)
        planned.before = {"archived": _came_archived(action), "identifiers": {self._kind: action.source_id}}
        planned.after = {"archived": True, "identifiers": {self._kind: ""}}
        if (returns := _returns(action)) is not None:
            planned.after[RETURNS] = returns
        return planned, ""

    def _why_stays(self, action: Undone, found: Found, now: _Now) -> Iterator[str]:
        """Why what the sync made is kept, where anything speaks for that."""
        if found.values["archived"] and not _came_archived(action):
            yield f"archived since, {self._changers.archiver(found)}"
            return
        if _came_archived(action) and not found.values["archived"]:
            yield f"made active since, {self._changers.reviver(action, found)}"
            return
        if action.source_id not in found.links:
            yield "no longer linked to this record of the SIS"
            return
        if other := now.elsewhere.get((action.collection, action.target_id)):
            yield f"{NAMES.get(other, other)} lists it, too"
        if fields := differing(action.after, found.values):
            yield self._changers.told(action, found, fields)
        if action.collection == "sections" and self._roster_changed(action, found, now.places):
            yield f"people joined or left the class since, {self._changers.mover(action, found)}"
        returns = _returns(action)
        if returns is not None and not self._waits(now.people.get(returns)):
            yield f"the account {returns}, which had its id before, changed since"

    def _waits(self, older: Found | None) -> bool:
        """Whether the account that made way is as it was left: archived, and linked to nothing."""
        return older is not None and older.archived_by == self._undone_id and not older.links

    def _roster_changed(self, action: Undone, found: Found, places: Places) -> bool:
        """Whether the people of a class that the sync made are others now, be it by a later sync or by hand."""
        written = found.links[action.source_id].written
        listed = msgspec.json.decode(written, type=dict[str, Any])
        here = [*listed.get("teachers", []), *listed.get("students", [])]
        if not set(here) <= set(action.roster.get("join", ())):
            return True
        own = places.get(found.id, {})
        active = sum(1 for _, ended in own.values() if ended is None)
        return active != len(here) or any(ended is not None and ended not in self._undos for _, ended in own.values())

    def _restore(self, action: Undone, found: Found, now: _Now) -> tuple[Planned | None, str]:
        """An edit, a reactivation or a delete, taken back field by field and place by place."""
        if action.verb != "delete" and action.log is None:
            return None, NO_LOG
        back = inverse(action.before, action.after, found.values, applied=action.applied)
        self._archived(found, back)
        self._identifiers(action, found, now, back)
        other = now.elsewhere.get((action.collection, action.target_id))
        if other and back.after.get("archived") is True:
            return None, f"{NAMES.get(other, other)} lists it, too"
        moved, stuck = _still(action.log.places if action.log else [], now.places)
        linked_only = "kept" in action.after
        kept = self._changers.told(action, found, back.changed) if back.changed else ""
        if stuck:
            kept = "; ".join(
                part for part in (kept, _stuck_words(len(stuck), self._changers.mover(action, found))) if part
            )
        if not (back.after or moved or linked_only):
            return None, kept
        whole = not kept and not self._changers.touched(action)
        planned = self._planned(action, _verb(back.after), whole=whole)
        planned.before, planned.after = back.before, back.after
        if (returns := _returns(action)) is not None and "identifiers" in back.after:
            if not self._waits(now.people.get(returns)):
                return None, f"the account {returns}, which had its id before, changed since"
            planned.after = back.after | {RETURNS: returns}
        elif RETURNS in action.after and "identifiers" in back.after:
            planned.before = back.before | {RETURNS: action.after[RETURNS]}
        if action.collection == "sections":
            self._roster(action, planned, moved)
        return planned, kept

    def _archived(self, found: Found, back: Inverse) -> None:
        """Who archived it last: a record that another sync or a person archived is not revived by this undo."""
        if back.before.get("archived") is True and found.archived_by != self._undone_id:
            del back.before["archived"], back.after["archived"]
            back.changed.append("archived")

    def _identifiers(self, action: Undone, found: Found, now: _Now, back: Inverse) -> None:
        if "identifiers" not in action.after:
            return
        new = action.after["identifiers"].get(self._kind, "")
        old = action.before.get("identifiers", {}).get(self._kind, "")
        here = next(iter(found.links), "")
        targets = now.accounts_of if action.collection == "people" else now.classes_of
        if here == old:
            return
        if here == new and targets.get(old, found.id) in {found.id, action.after.get(RETURNS)}:
            back.before["identifiers"], back.after["identifiers"] = {self._kind: new}, {self._kind: old}
        else:
            back.changed.append("identifiers")

    def _roster(self, action: Undone, planned: Planned, moved: list[Moved]) -> None:
        joins = [each[2] for each in moved if _joins(each)]
        leaves = [each[2] for each in moved if _leaves(each)]
        if joins or leaves:
            planned.roster = {"join": joins, "leave": leaves}
        if moved and "teachers" in action.after:
            planned.before["teachers"] = action.after["teachers"]
            planned.after["teachers"] = action.before.get("teachers", [])

    def _planned(self, action: Undone, verb: str, *, whole: bool) -> Planned:
        evidence: dict[str, Any] = {"rule": RULE, "sync": self._undone_id, "action": action.id, "whole": whole}
        return Planned(
            action.type,
            verb,
            self._ids.id_of(action),
            action.label,
            action.school,
            action.target_id,
            evidence=evidence,
            search=action.search,
        )


def _returns(action: Undone) -> int | None:
    """The account that had made way for this one, where the undo gives it its id back; not where it has it already."""
    if action.log is None or not action.log.replaced or RETURNS in action.after:
        return None
    return int(action.log.replaced["account"])


def _came_archived(action: Undone) -> bool:
    """Whether an add made a record that its source lists as archived."""
    return action.after.get("archived") is True


def _accounts(actions: list[Undone]) -> set[int]:
    return {each.target_id for each in actions} | {id_ for each in actions if (id_ := _returns(each)) is not None}


def _older_ids(actions: list[Undone], kind: str) -> set[str]:
    """The ids that links would go back to."""
    return {each.before["identifiers"].get(kind, "") for each in actions if "identifiers" in each.before} - {""}


def _still(places: list[Moved], now: Places) -> tuple[list[Moved], list[Moved]]:
    """Places that are as the action left them, and those that are not; those that are as before already are left out."""
    same: list[Moved] = []
    stuck: list[Moved] = []
    for moved in places:
        class_id, account_id, _, before, after = moved
        here = now.get(class_id, {}).get(account_id)
        if here is not None and here == tuple(after):
            same.append(moved)
        elif not _is(here, before):
            stuck.append(moved)
    return same, stuck


def _is(here: Place | None, before: list[int | None] | None) -> bool:
    """Whether a place is as it was before: one that never was and one that ended are alike."""
    if before is None:
        return here is None or here[1] is not None
    return here is not None and (here[0], here[1] is None) == (before[0], before[1] is None)


def _leaves(moved: Moved) -> bool:
    """Whether the undo takes the person out of the class."""
    before, after = moved[3:]
    return after[1] is None and (before is None or before[1] is not None)


def _joins(moved: Moved) -> bool:
    """Whether the undo puts the person into the class, or there in another role."""
    before, after = moved[3:]
    if before is None or before[1] is not None:
        return False
    return after[1] is not None or (before[0] >= STUDENT) != (after[0] >= STUDENT)


def _stuck_words(number: int, by: str) -> str:
    return f"{number:,} {'place' if number == 1 else 'places'} in the class changed since, {by}"


def _verb(after: Values) -> str:
    return {True: "delete", False: "reactivate"}.get(after.get("archived"), "edit")  # type: ignore[arg-type]
