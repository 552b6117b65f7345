"""Which class a section without a link is, within its organization (SPEC 6.3, options 13 and 15)."""

from collections.abc import Iterable
from typing import Any

import msgspec

from sisportal.roster.dates import dates_far_apart
from sisportal.roster.matching import NEW, UNDECIDED, Decision, Match, Outcome, Reason, as_decided
from sisportal.roster.options import Options, SectionKey
from sisportal.roster.records import Section
from sisportal.roster.text import folded


class ClassCandidate(msgspec.Struct, frozen=True, gc=False):
    """A class that the portal holds, as matching sees it; parents are none."""

    id: int
    name: str = ""
    sis_id: str = ""
    source_id: str = ""
    """The provider's identifier of the class where it is known without a link of this connection."""
    start: str = ""
    finish: str = ""
    organization: int | None = None
    linked_to: str = ""
    """``source_id`` of the section that this connection has linked to the class; blank when none."""
    archived: bool = False


class ClassIndex:
    """Classes by organization and the value that the options match by.

    By name, classes that are linked or archived do not count: names come back every year and in every period. A section
    that is listed as archived is none that is active here.
    """

    def __init__(self, candidates: Iterable[ClassCandidate], options: Options) -> None:
        self.options = options
        self._by_name = options.match_sections is SectionKey.CLASS_NAME
        self._held: dict[tuple[int | None, str], list[ClassCandidate]] = {}
        for held in candidates:
            value = _held_value(held, options)
            if value and not (self._by_name and held.linked_to):
                self._held.setdefault((held.organization, value), []).append(held)

    def __bool__(self) -> bool:
        return bool(self._held)

    def find(self, section: Section, organization: int | None) -> list[ClassCandidate]:
        """The classes that the section may be, in ascending order of id."""
        found = self._held.get((organization, section_value(section, self.options)), ())
        near = (held for held in found if not (self.options.match_within_30_days and _far_apart(section, held)))
        return sorted((held for held in near if self._counts(section, held)), key=lambda held: held.id)

    def _counts(self, section: Section, held: ClassCandidate) -> bool:
        return held.archived if section.archived else not (self._by_name and held.archived)


def section_value(section: Section, options: Options) -> str:
    """The folded value by which the section is looked for; a blank never matches."""
    if options.match_sections is SectionKey.SIS_ID:
        return folded(section.sis_id)
    if options.match_sections is SectionKey.SOURCE_ID:
        return folded(section.source_id)
    return folded(section.name)


def match_section(
    section: Section, organization: int | None, index: ClassIndex, decision: Decision = UNDECIDED
) -> Match:
    """What becomes of a section without a link, before any other's claim is known (see ``Claims``)."""
    decided = as_decided(decision)
    if decided is not None:
        return decided
    if not index:
        return NEW
    found = [held for held in index.find(section, organization) if held.id not in decision.not_same]
    if not found:
        return NEW
    evidence = {
        "rule": "key",
        "key": str(index.options.match_sections),
        "value": section_value(section, index.options),
        "candidates": [shown(held) for held in found],
    }
    ids = tuple(held.id for held in found)
    unlinked = [held.id for held in found if not held.linked_to]
    if len(unlinked) == 1:
        return Match(Outcome.LINK, unlinked[0], ids, None, evidence)
    reason = Reason.SEVERAL_CANDIDATES if unlinked else Reason.LINKED_ELSEWHERE
    return Match(Outcome.HELD, None, ids, reason, evidence)


def _held_value(held: ClassCandidate, options: Options) -> str:
    if options.match_sections is SectionKey.SIS_ID:
        return folded(held.sis_id)
    if options.match_sections is SectionKey.SOURCE_ID:
        return folded(held.source_id)
    return folded(held.name)


def _far_apart(section: Section, held: ClassCandidate) -> bool:
    return dates_far_apart(section.start, section.finish, held.start, held.finish)


def shown(held: ClassCandidate) -> dict[str, Any]:
    """A class as evidence names it."""
    return {
        "id": held.id,
        "name": held.name,
        "start": held.start,
        "finish": held.finish,
        "linked_to": held.linked_to,
        "archived": held.archived,
    }
