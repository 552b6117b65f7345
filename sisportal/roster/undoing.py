"""Undo: from an applied action and what the portal holds now to the action that puts things back (SPEC 7)."""

from typing import Any

import msgspec

from sisportal.roster.fields import Values, is_blank

_OUTSIDE = frozenset({"identifiers", "kept", "replaces", "teachers", "username", "style"})
"""What *before* and *after* name beside the fields of a record."""


class Inverse(msgspec.Struct):
    """What undo would do to one record: *before* as it is now, *after* as it was before the action."""

    before: Values = {}
    after: Values = {}
    changed: list[str] = []
    """Fields that are no longer as the action wrote them: they are kept as they are."""


def inverse(before: Values, after: Values, held: Values, *, applied: bool) -> Inverse:
    """The way back of an edit, a reactivation or a delete, field by field.

    ``before`` and ``after`` are the action's; ``held`` are the record's fields now, ``archived`` among them. ``applied``: not
    where the record was so already, for then its fields were not written by the action.
    """
    found = Inverse()
    if not applied:
        return found
    for name, wrote in after.items():
        if name in _OUTSIDE or name not in held:
            continue
        here, was = held[name], before.get(name)
        if _same(here, wrote):
            if not _same(here, was):
                found.before[name], found.after[name] = here, was
        elif not _same(here, was):
            found.changed.append(name)
    return found


def differing(added: Values, held: Values) -> list[str]:
    """The fields in which a record differs from what an add wrote; a field that the add left out was written as blank."""
    return [name for name, value in held.items() if name != "archived" and not _same(value, added.get(name))]


def written_back(now: Values, was: Values, names: set[str]) -> Values:
    """What was last written of a record: ``names`` as they were before, everything else as it is now."""
    kept = {name: value for name, value in now.items() if name not in names}
    return kept | {name: was[name] for name in names if name in was}


def without_members(written: Values, source_ids: set[str]) -> Values:
    """What was last written of a class, some people taken out of its lists."""
    return written | {
        name: [id_ for id_ in written.get(name, []) if id_ not in source_ids] for name in ("teachers", "students")
    }


def with_members(written: Values, joining: list[tuple[str, int]], student: int) -> Values:
    """What was last written of a class, people put into its lists: (``source_id``, position), ``student`` for students."""
    found = without_members(written, {source_id for source_id, _ in joining})
    for source_id, position in sorted(joining, key=lambda each: each[1]):
        if position >= student:
            found["students"] = [*found["students"], source_id]
        else:
            found["teachers"] = [*found["teachers"][:position], source_id, *found["teachers"][position:]]
    return found


def _same(one: Any, other: Any) -> bool:
    return bool(one == other) or (is_blank(one) and is_blank(other))
