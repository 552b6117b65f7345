"""Which account or class a record of the SIS without a link is: linked, new, or held for a person to decide (SPEC 6.3).

Stored links are the caller's business and always win; what comes here has none, apart from ``identity_check``.
Two passes settle a set of records, because two of them may claim one account::

    claims = Claims()
    for record in records: claims.note(match(record))
    for record in records: settled = claims.settle(match(record))
"""

from collections.abc import Iterable
from enum import StrEnum
from typing import Any

import msgspec

from sisportal.roster.text import Name, names_wholly_differ


class Outcome(StrEnum):
    """What becomes of a record without a link."""

    LINK = "link"
    NEW = "new"
    HELD = "held"


class Reason(StrEnum):
    """Why a match needs a person; the catalogue has a sentence for each."""

    SEVERAL_CANDIDATES = "several-candidates"
    LINKED_ELSEWHERE = "linked-elsewhere"
    LISTED_ANEW = "listed-anew"
    LISTED_TWICE = "listed-twice"
    """Of a delete: somebody like that is listed and has an account already."""
    NAMES_DISAGREE = "names-disagree"
    IDENTITY_CHANGED = "identity-changed"
    CLAIMED_TWICE = "claimed-twice"


class Decision(msgspec.Struct, frozen=True):
    """What people said of one record of the SIS, remembered for ever."""

    same: int | None = None
    """The account or class that it is."""
    not_same: frozenset[int] = frozenset()
    """The accounts or classes that it is not."""
    create: bool = False
    """It is none of those that the portal holds."""


UNDECIDED = Decision()


class Match(msgspec.Struct, frozen=True):
    """What a record turned out to be."""

    outcome: Outcome
    target: int | None = None
    """The account or class to link to."""
    candidates: tuple[int, ...] = ()
    """Ids that the key led to, ascending; those ruled out by a decision are not among them."""
    reason: Reason | None = None
    evidence: dict[str, Any] = {}
    """``rule`` (``key``, ``alike``, ``decided``, ``identity``) and what it saw: JSON for the action's page."""

    @property
    def decided(self) -> bool:
        """Whether a person said so."""
        return self.evidence.get("rule") == "decided"


NEW = Match(Outcome.NEW)


class Claims:
    """How many records want each account or class: two that want one are both held.

    What a person decided counts before what a rule found.
    """

    def __init__(self) -> None:
        self._found: dict[int, int] = {}
        self._decided: dict[int, int] = {}

    def note(self, match: Match) -> None:
        """Count what the match of one record wants."""
        if match.decided:
            if match.target is not None:
                self._decided[match.target] = self._decided.get(match.target, 0) + 1
            return
        for candidate in match.candidates:
            self._found[candidate] = self._found.get(candidate, 0) + 1

    def settle(self, match: Match) -> Match:
        """The match, or, where another record wants the same, the match as held."""
        if match.outcome is not Outcome.LINK or match.target is None:
            return match
        wanted = self._decided.get(match.target, 0)
        if not match.decided:
            wanted += self._found.get(match.target, 0)
        if wanted < 2:
            return match
        return msgspec.structs.replace(match, outcome=Outcome.HELD, target=None, reason=Reason.CLAIMED_TWICE)


def decisions(rows: Iterable[tuple[str, str, int]]) -> dict[str, Decision]:
    """Decisions by ``source_id`` from rows of (source_id, ``same`` | ``not-same`` | ``create``, target), oldest first.

    Of *same* and *create* the last one said counts; *not the same* goes on counting beside it.
    """
    found: dict[str, Decision] = {}
    for source_id, said, target in rows:
        earlier = found.get(source_id, UNDECIDED)
        if said == "not-same":
            same = None if earlier.same == target else earlier.same
            found[source_id] = Decision(same, earlier.not_same | {target}, earlier.create)
        elif said == "same":
            found[source_id] = Decision(target, earlier.not_same - {target})
        else:
            found[source_id] = Decision(None, earlier.not_same, create=True)
    return found


def as_decided(decision: Decision) -> Match | None:
    """The match that a decision makes by itself; None where it only rules some out."""
    if decision.same is not None:
        evidence = {"rule": "decided", "decision": "same"}
        return Match(Outcome.LINK, decision.same, (decision.same,), None, evidence)
    if decision.create:
        return Match(Outcome.NEW, evidence={"rule": "decided", "decision": "create"})
    return None


def identity_check(
    account: int, incoming: Name, held: Name, decision: Decision = UNDECIDED, written: Name | None = None
) -> Match | None:
    """Whether a linked person must wait: the id is the same and the name is wholly another; None when all is well.

    With ``written``, the name that was last written: where the SIS says that still, it was the portal that changed it.
    A decision that it is the same person lets the change through; one that it is not, or to create, makes it NEW.
    """
    if decision.same == account or incoming[:2] == held[:2] or not names_wholly_differ(incoming, held):
        return None
    if written is not None and incoming[:2] == written[:2]:
        return None
    if decision.create or account in decision.not_same:
        return as_decided(Decision(create=True))
    evidence = {"rule": "identity", "incoming": " ".join(incoming[:2]).strip(), "held": " ".join(held[:2]).strip()}
    return Match(Outcome.HELD, None, (account,), Reason.IDENTITY_CHANGED, evidence)
