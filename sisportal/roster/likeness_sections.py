"""Which class a section without a link may be although its key leads to none: one whose section was made anew (SPEC 6.3).

Names come back every year and in every period, so a name alone tells nothing. Two sections are alike where they are of one
school and one time, in the same period as far as both say it, and enough of name, course, teachers and students is the same.
"""

from collections.abc import Iterable, Mapping

import msgspec

from sisportal.roster.dates import LONGEST_GAP, dates_far_apart, days_apart
from sisportal.roster.fields import Values
from sisportal.roster.matching import UNDECIDED, Decision, Match, Outcome, Reason
from sisportal.roster.matching_sections import ClassCandidate, shown
from sisportal.roster.records import Section
from sisportal.roster.text import folded

KINDS = ("class_name", "course", "teacher", "period", "students", "sis_id")
"""What may agree; ``students``: more than half of the smaller of two rosters. An empty one does not speak against it."""
_ENOUGH = (
    {"class_name", "teacher"}, {"class_name", "students"}, {"class_name", "course", "period"},
    {"class_name", "courseless", "period"},
    {"course", "teacher", "students"}, {"course", "teacher", "period", "nobody"}, {"teacher", "period", "students"}, {"sis_id", "teacher"}, {"sis_id", "students"}, {"sis_id", "class_name"},
)  # fmt: skip


class ClassTrace(msgspec.Struct, frozen=True, gc=False):
    """A class that is linked to a section which the SIS lists no more, with what the SIS last said of that."""

    held: ClassCandidate
    said: Section


class AlikeClass(msgspec.Struct, frozen=True):
    """A class that a section may be."""

    held: ClassCandidate
    agree: tuple[str, ...]
    """What agrees, of ``KINDS``."""


class ClassTraces:
    """Classes whose sections are gone, by school and whatever may tell that a new section is one of them."""

    def __init__(self, traces: Iterable[ClassTrace]) -> None:
        self._held: dict[tuple[str, str, str], list[ClassTrace]] = {}
        for trace in traces:
            for key in _keys(trace.said):
                self._held.setdefault(key, []).append(trace)

    def __bool__(self) -> bool:
        return bool(self._held)

    def missing(self, section: Section, decision: Decision = UNDECIDED) -> list[AlikeClass]:
        """Active classes that the section may be, ascending by id: of those alike, the ones that most agrees of."""
        found = [each for each in self._find(section, decision) if not each.held.archived]
        most = max((len(each.agree) for each in found), default=0)
        return [each for each in found if len(each.agree) == most]

    def archived(self, section: Section, decision: Decision = UNDECIDED) -> tuple[int, ...]:
        """Ids of archived classes that the section may be."""
        return tuple(each.held.id for each in self._find(section, decision) if each.held.archived)

    def _find(self, section: Section, decision: Decision) -> list[AlikeClass]:
        if not self._held or decision.create:
            return []
        near = {trace.held.id: trace for key in _keys(section) for trace in self._held.get(key, ())}
        return [
            AlikeClass(trace.held, agree)
            for id_, trace in sorted(near.items())
            if id_ not in decision.not_same and (agree := _agreement(section, trace.said))
        ]


def by_every_id(gone: Section, written: Values, ids: Mapping[str, str]) -> Section:
    """What was last said of a section that is gone, its people by each id that they may be listed under by now.

    ``written``: what a sync last wrote of its class, people by the ids of their links; ``ids``: those that may be others now.
    """

    def every(said: Iterable[str], known: Iterable[str]) -> tuple[str, ...]:
        names = dict.fromkeys([*said, *known])
        return tuple(dict.fromkeys([*names, *(ids[name] for name in names if name in ids)]))

    return msgspec.structs.replace(
        gone,
        teachers=every(gone.teachers, written.get("teachers", ())),
        students=every(gone.students, written.get("students", ())),
    )


def or_alike_class(match: Match, alike: list[AlikeClass]) -> Match:
    """The match by the key, held where the section may be one of the classes alike as well."""
    known = set(match.candidates)
    more = [each for each in alike if each.held.id not in known]
    if not more or match.decided:
        return match
    reason = {Outcome.LINK: Reason.SEVERAL_CANDIDATES, Outcome.NEW: Reason.LISTED_ANEW}.get(match.outcome, match.reason)
    candidates = [
        *match.evidence.get("candidates", ()),
        *(shown(each.held) | {"agree": list(each.agree)} for each in more),
    ]
    evidence = {"rule": "alike"} | match.evidence | {"candidates": candidates}
    ids = (*match.candidates, *(each.held.id for each in more))
    return Match(Outcome.HELD, None, tuple(sorted(ids)), reason, evidence)


def twins(gone: Section, listed: Section) -> tuple[str, ...]:
    """What two sections that were listed side by side have in common; nothing where they may well be two classes.

    The same teacher and most of the students, beside what makes sections alike, and no other term: else a class would be
    the one that follows it.
    """
    if gone.school != listed.school or _differ(gone.term_name, listed.term_name):
        return ()
    agree = _agreement(gone, listed)
    return agree if {"teacher", "students"} <= set(agree) else ()


def _agreement(one: Section, other: Section) -> tuple[str, ...]:
    """What two sections have in common; nothing where they cannot be one class."""
    if dates_far_apart(one.start, one.finish, other.start, other.finish) or _differ(one.period, other.period):
        return ()
    attending, attended = set(one.students), set(other.students)
    agree = {
        "class_name": _same(_title(one), _title(other)),
        "course": _same(one.course_number, other.course_number) or _same(one.course_name, other.course_name),
        "courseless": not any((one.course_number, one.course_name, other.course_number, other.course_name)),
        "teacher": not set(one.teachers).isdisjoint(other.teachers),
        "period": _same(one.period, other.period),
        "students": len(attending & attended) * 2 > min(len(attending), len(attended)),
        "nobody": not (attending and attended),
        "sis_id": _same(one.sis_id, other.sis_id),
    }
    kinds = {kind for kind, same in agree.items() if same}
    # Where nothing says when they are held, last year's sections go as this year's come: other students, another class.
    timeless = not _one_time(one, other) and attending and attended and "students" not in kinds
    if timeless or not any(enough <= kinds for enough in _ENOUGH):
        return ()
    return tuple(kind for kind in KINDS if kind in kinds)


def _one_time(one: Section, other: Section) -> bool:
    gaps = (days_apart(one.start, other.start), days_apart(one.finish, other.finish))
    return any(gap is not None and gap <= LONGEST_GAP for gap in gaps)


def _keys(section: Section) -> list[tuple[str, str, str]]:
    values = [
        ("class_name", folded(_title(section))),
        ("course", folded(section.course_number)),
        ("course_name", folded(section.course_name)),
        ("sis_id", folded(section.sis_id)),
        *(("teacher", source_id) for source_id in section.teachers),
    ]
    return [(section.school, kind, value) for kind, value in values if value]


def _title(section: Section) -> str:
    return section.name or section.course_name


def _same(one: str, other: str) -> bool:
    return bool(one) and folded(one) == folded(other)


def _differ(one: str, other: str) -> bool:
    return bool(one and other) and folded(one) != folded(other)
