"""What was undone is not proposed again: the part of a planned action that says the same once more is left out (SPEC 7)."""

from collections.abc import Mapping
from typing import Any

import msgspec

from sisportal.roster.matching import Reason
from sisportal.roster.planning import Planned

_BESIDE = frozenset({"archived", "identifiers"})
_COMES = frozenset({"add", "reactivate"})
_ASKS = frozenset({str(Reason.LISTED_ANEW), str(Reason.LINKED_ELSEWHERE)})
"""Questions that an older record's going, or its key, raises anew: its delete waits until they are answered."""


class Kept(msgspec.Struct):
    """What was undone of one record."""

    is_new: bool = False
    """Its account or class, or the link to it: nothing but its delete is proposed."""
    is_gone: bool = False
    """Its delete."""
    fields: dict[str, Any] = {}
    """Values that were written: other values of these fields are proposed."""
    joins: list[str] = []
    leaves: list[str] = []
    """Of a section: ``source_id`` of people whose joining or leaving was undone."""

    def __bool__(self) -> bool:
        return self.is_new or self.is_gone or bool(self.fields or self.joins or self.leaves)


def kept_of(verb: str, before: Mapping[str, Any], after: Mapping[str, Any], roster: Mapping[str, list[str]]) -> Kept:
    """What an action does, as what would be kept back of it."""
    linked = after.get("identifiers", {}) != before.get("identifiers", {})
    if verb in _COMES or linked:
        return Kept(is_new=True)
    if verb == "delete":
        return Kept(is_gone=True)
    fields = {name: value for name, value in after.items() if name not in _BESIDE}
    unticked = set(roster.get("unticked", ()))
    joins, leaves = ([id_ for id_ in roster.get(part, ()) if id_ not in unticked] for part in ("join", "leave"))
    return Kept(fields=fields, joins=joins, leaves=leaves)


def kept_by_undo(
    verb: str, before: Mapping[str, Any], after: Mapping[str, Any], roster: Mapping[str, list[str]]
) -> Kept:
    """What the next sync would propose again once this action of an undo is applied: the way back of it."""
    way_back = {"delete": "reactivate", "reactivate": "delete"}.get(verb, verb)
    return kept_of(way_back, after, before, {"join": roster.get("leave", []), "leave": roster.get("join", [])})


def merged(one: Kept, other: Kept) -> Kept:
    """Both together; of a field the later value, ``other``'s."""
    joins, leaves = ([*one.joins, *other.joins], [*one.leaves, *other.leaves])
    return Kept(
        one.is_new or other.is_new,
        one.is_gone or other.is_gone,
        one.fields | other.fields,
        list(dict.fromkeys(joins)),
        list(dict.fromkeys(leaves)),
    )


def without(kept: Kept, done: Kept) -> Kept:
    """What is left once some of it was proposed and applied after all, or once its undo was undone."""
    return Kept(
        kept.is_new and not done.is_new,
        kept.is_gone and not done.is_gone,
        {name: value for name, value in kept.fields.items() if name not in done.fields},
        [each for each in kept.joins if each not in done.joins],
        [each for each in kept.leaves if each not in done.leaves],
    )


def older_id(before: Mapping[str, Any], source_id: str) -> str:
    """The id that a record's link has until an action moves it to ``source_id``; blank where it does not."""
    ids: Mapping[str, str] = before.get("identifiers", {})
    return next((id_ for id_ in ids.values() if id_ and id_ != source_id), "")


def renamed_places(names: list[str], ids: Mapping[str, str]) -> list[str]:
    """People of a class by their ids of now; ``ids``: those that moved, old -> new."""
    return list(dict.fromkeys(ids.get(id_, id_) for id_ in names))


def split(planned: Planned, kept: Kept) -> tuple[Planned | None, Kept]:
    """What of a planned action is left to propose (None: nothing), and what of it was left out.

    What is left does not write the record in full, so it loses the fingerprint: the record is compared again next time.
    """
    if planned.verb == "delete":
        return (None, Kept(is_gone=True)) if kept.is_gone else (planned, Kept())
    if kept.is_new and (planned.verb in _COMES or "identifiers" in planned.after) and planned.held not in _ASKS:
        return None, Kept(is_new=True)
    _drop_conflicts(planned, kept)
    fields = {
        name: value for name, value in kept.fields.items() if name in planned.after and planned.after[name] == value
    }
    joins = [each for each in planned.roster.get("join", ()) if each in set(kept.joins)]
    leaves = [each for each in planned.roster.get("leave", ()) if each in set(kept.leaves)]
    left_out = Kept(fields=fields, joins=joins, leaves=leaves)
    if planned.verb in _COMES or not left_out:
        return (planned if _says_something(planned) else None), left_out
    planned.before = {name: value for name, value in planned.before.items() if name not in fields}
    planned.after = {name: value for name, value in planned.after.items() if name not in fields}
    if planned.roster:
        planned.roster = {
            "join": [each for each in planned.roster["join"] if each not in joins],
            "leave": [each for each in planned.roster["leave"] if each not in leaves],
        }
    _drop_order(planned, joins)
    if not _says_something(planned):
        return None, left_out
    if planned.held == "guard-class" and not planned.roster.get("leave"):
        planned.held, planned.evidence = "", {}
    planned.fingerprint = None
    return planned, left_out


def _says_something(planned: Planned) -> bool:
    roster = planned.roster.get("join") or planned.roster.get("leave")
    return bool(planned.verb in _COMES or planned.after or roster or planned.held == "changed-on-both")


def _drop_conflicts(planned: Planned, kept: Kept) -> None:
    """A choice between two values that was undone is not asked again."""
    if planned.held != "changed-on-both":
        return
    both = planned.evidence.get("both", {})
    left = {name: values for name, values in both.items() if name not in kept.fields or kept.fields[name] != values[2]}
    if len(left) < len(both):
        planned.fingerprint = None
        planned.evidence = {"both": left} if left else {}
        planned.held = "changed-on-both" if left else ""


def _drop_order(planned: Planned, joins: list[str]) -> None:
    """The order of the teachers changes only where it does so without those who are left out.

    One who neither leaves nor is listed stays under an id that was undone, and does not count (``plan_section``).
    """
    if "teachers" not in planned.after:
        return
    will = [each for each in planned.after["teachers"] if each not in joins]
    moving = {*will, *planned.roster.get("join", ()), *planned.roster.get("leave", ())}
    if [each for each in planned.before.get("teachers", []) if each in moving] == will:
        planned.before = {name: value for name, value in planned.before.items() if name != "teachers"}
        planned.after = {name: value for name, value in planned.after.items() if name != "teachers"}
