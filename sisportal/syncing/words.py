"""Sentences about a sync, for notifications and notes."""

from collections.abc import Mapping

Counts = Mapping[str, Mapping[str, Mapping[str, int]]]

_PLURALS = {"organization": "organizations", "student": "students", "teacher": "teachers", "section": "sections"}


def planned_sentence(counts: Counts, *, by_itself: bool = False) -> str:
    """What a prepared sync would change, and what follows: it is reviewed, or committed by itself."""
    total = sum(verb.get("planned", 0) for type_ in counts.values() for verb in type_.values())
    if not total:
        return "The sync is prepared: nothing has changed, there is nothing to commit."
    follows = "It is committed by itself." if by_itself else "Review the changes, then commit them."
    return f"The sync is prepared: {_listed(counts, 'planned')}. {follows}"


def committed_sentence(counts: Counts) -> str:
    """What a commit changed."""
    total = sum(verb.get("applied", 0) for type_ in counts.values() for verb in type_.values())
    return (
        f"The sync is committed: {_listed(counts, 'applied')}." if total else "The sync is committed: nothing changed."
    )


def total_of(counts: Counts, outcome: str) -> int:
    """How many actions have an outcome (``planned`` counts all of them)."""
    return sum(verb.get(outcome, 0) for type_ in counts.values() for verb in type_.values())


def _listed(counts: Counts, outcome: str) -> str:
    parts = []
    for type_, plural in _PLURALS.items():  # in the order of the report, whatever order the counts are in
        number = sum(verb.get(outcome, 0) for verb in counts.get(type_, {}).values())
        if number:
            parts.append(f"{number:,} {type_ if number == 1 else plural}")
    return ", ".join(parts)
