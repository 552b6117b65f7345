"""Sentences about a sync, for notifications and notes."""

from collections.abc import Mapping, Sequence
from typing import Any

Counts = Mapping[str, Mapping[str, Mapping[str, int]]]

_PARTS = {
    "prepared": "A sync is prepared. In your organizations it would change {listed}. An administrator reviews it.",
    "held": "A sync is prepared. In your organizations it would change {listed}. Some changes wait for an administrator.",
    "committed": "A sync was committed. In your organizations it changed {listed}.",
    "partly-committed": "A sync was partly committed. In your organizations it changed {listed}.",
    "undone": "A sync was undone. In your organizations that changed {listed}.",
    "failed": "A sync of your organizations failed. The administrators know; nothing was changed.",
}
_PLURALS = {"organization": "organizations", "student": "students", "teacher": "teachers", "section": "sections"}


def planned_sentence(counts: Counts, *, by_itself: bool = False) -> str:
    """What a prepared sync would change, and what follows: it is reviewed, or committed by itself."""
    total = sum(verb.get("planned", 0) for type_ in counts.values() for verb in type_.values())
    if not total:
        return "The sync is prepared: nothing has changed, there is nothing to commit."
    follows = "It is committed by itself." if by_itself else "Review the changes, then commit them."
    return f"The sync is prepared: {_listed(counts, 'planned')}. {follows}"


def held_sentences(held: Sequence[Mapping[str, Any]]) -> str:
    """Why a part of a plan is held: every reason once, in the words of the report; blank where nothing is."""
    return " ".join(dict.fromkeys(str(each["sentence"]) for each in held))


def held_sentence(held: Sequence[Mapping[str, Any]]) -> str:
    """How much of a plan is held, and why; blank where nothing is."""
    number = sum(each["count"] for each in held)
    return f"{number:,} held until a person decides: {held_sentences(held)}" if number else ""


def undo_sentence(undone_id: int, counts: Counts) -> str:
    """What a prepared undo would change."""
    listed = _listed(counts, "planned")
    if not listed:
        return f"The undo of sync {undone_id} is prepared: there is nothing that it could take back."
    return f"The undo of sync {undone_id} is prepared: {listed}. Review it, then commit it."


def undone_sentence(undone_id: int, counts: Counts) -> str:
    """What a committed undo changed."""
    listed = _listed(counts, "applied")
    return f"Sync {undone_id} is undone: {listed}." if listed else f"The undo of sync {undone_id} changed nothing."


def committed_sentence(counts: Counts, *, partly: bool = False) -> str:
    """What a commit changed."""
    done = "partly committed" if partly else "committed"
    return f"The sync is {done}: {_listed(counts, 'applied') or 'nothing changed'}."


def part_sentence(kind: str, numbers: Mapping[str, int]) -> str:
    """What an organization administrator is told of a sync: ``numbers`` of their part, by type of record."""
    listed = _of_types(numbers)
    return _PARTS.get(kind, "A sync of your organizations: {listed}.").format(listed=listed)


def total_of(counts: Counts, outcome: str) -> int:
    """How many actions have an outcome (``planned`` counts all of them)."""
    return sum(verb.get(outcome, 0) for type_ in counts.values() for verb in type_.values())


def _listed(counts: Counts, outcome: str) -> str:
    return _of_types({type_: sum(verb.get(outcome, 0) for verb in verbs.values()) for type_, verbs in counts.items()})


def _of_types(numbers: Mapping[str, int]) -> str:
    """``12 students, 1 section``, in the order of the report, whatever order the numbers are in."""
    parts = []
    for type_, plural in _PLURALS.items():
        if number := numbers.get(type_, 0):
            parts.append(f"{number:,} {type_ if number == 1 else plural}")
    return ", ".join(parts)
