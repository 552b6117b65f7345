"""When a class runs: its academic sessions, the school year, and the semester for classes that have no dates."""

from collections.abc import Iterable, Mapping

import msgspec

from sisportal.roster.records import Term


class SchoolYear(msgspec.Struct, frozen=True):
    """The dates that an administrator entered, ISO or blank; a blank one bounds nothing."""

    start: str = ""
    finish: str = ""
    semester_start: str = ""
    semester_finish: str = ""

    def holds(self, start: str, finish: str) -> bool:
        """Whether the days from ``start`` to ``finish`` overlap the school year; a blank end is open."""
        ends_before = bool(finish and self.start) and finish < self.start
        begins_after = bool(start and self.finish) and start > self.finish
        return not (ends_before or begins_after)

    @property
    def first_day(self) -> str:
        """Where a class begins whose terms do not say."""
        return self.semester_start or self.start

    @property
    def last_day(self) -> str:
        """Where a class ends whose terms do not say."""
        return self.semester_finish or self.finish


class Placed(msgspec.Struct, frozen=True):
    """When a class runs, and what that time is called."""

    name: str
    start: str
    finish: str


class Calendar:
    """The academic sessions by their ids."""

    def __init__(self, year: SchoolYear, terms: Mapping[str, Term] | None = None) -> None:
        self._year = year
        self._terms = dict(terms or {})
        self._known: dict[tuple[str, ...], Placed | None] = {}

    def take(self, terms: Iterable[Term]) -> None:
        """Know further sessions."""
        self._terms.update((term.source_id, term) for term in terms)
        self._known.clear()

    def unknown(self, ids: tuple[str, ...]) -> list[str]:
        """Those of the ids that are no session; none where no sessions are known at all."""
        return [id_ for id_ in ids if id_ not in self._terms] if self._terms else []

    def place(self, ids: tuple[str, ...]) -> Placed | None:
        """The time of a class of these sessions, or None where it lies outside the school year.

        Of several sessions only those that overlap the school year count: the class runs from the earliest start to the
        latest finish, and its time is named after the first and the last of them. A class without any dates takes the
        semester's.
        """
        if ids not in self._known:
            self._known[ids] = self._place(ids)
        return self._known[ids]

    def _place(self, ids: tuple[str, ...]) -> Placed | None:
        year = self._year
        listed = [self._terms[id_] for id_ in ids if id_ in self._terms]
        dated = [term for term in listed if term.start or term.finish]
        if not dated:
            return Placed(_name(listed), year.first_day, year.last_day)
        within = [term for term in dated if year.holds(term.start, term.finish)]
        if not within:
            return None
        start = min(term.start or year.first_day for term in within)
        finish = max(term.finish or year.last_day for term in within)
        return Placed(_name(sorted(within, key=_when)), start, finish)


def _when(term: Term) -> tuple[str, str, str]:
    return term.start, term.finish, term.source_id


def _name(terms: list[Term]) -> str:
    names = list(dict.fromkeys(term.name for term in terms if term.name))
    return f"{names[0]} - {names[-1]}" if len(names) > 1 else "".join(names)
