"""OneRoster's classes and enrollments as sections with their people.

Read in full: every class of the school year, then all enrollments, then the sections. Read as changes: what a class had
before comes from the portal's mirror, for a changed enrollment says nothing about the others of its class.
"""

from collections.abc import Callable, Generator, Iterator, Mapping, Sequence

import msgspec

from sisportal.providers.base import Held, ProviderError
from sisportal.providers.completeness import Part, doubt, seal
from sisportal.providers.oneroster_calendar import Calendar
from sisportal.providers.oneroster_records import section_record
from sisportal.providers.oneroster_rosters import Roster, Rosters, filled, merged
from sisportal.providers.oneroster_source import Mode, Pull, Slice, Source
from sisportal.providers.oneroster_values import is_gone
from sisportal.providers.oneroster_wire import CLASSES, ENROLLMENTS
from sisportal.roster.records import Batch, Collection, Problem, Seal, Section

BATCH = 1_000
A_FEW = 10
"""Enrollments without class or user that every source may have; more of them, and more than one in a hundred, are too many."""


class SectionsFetch:
    """One reading of the sections. ``only_school`` is the school of classes without one, where there is just one."""

    def __init__(self, source: Source, calendar: Calendar, *, today: str, only_school: str, held: Held | None) -> None:
        self._source = source
        self._calendar = calendar
        self._today = today
        self._only_school = only_school
        self._held = held
        self._classes: dict[str, Section] = {}
        self._outside: set[str] = set()
        """Classes that are listed and do not count: outside the school year, to be deleted, or without a school."""
        self._kept_out = 0
        self._counted = 0
        """How many classes count."""

    def __iter__(self) -> Iterator[Batch | Seal]:
        if self._source.mode(CLASSES) is Mode.BULK and self._source.mode(ENROLLMENTS) is Mode.BULK:
            return self._full()
        return self._changes()

    # --- in full

    def _full(self) -> Iterator[Batch | Seal]:
        classes = self._source.pull(CLASSES)
        yield from self._read_classes(classes, removes=False)
        finishes = {id_: section.finish for id_, section in self._classes.items()}
        rosters = Rosters(today=self._today, finishes=finishes, skipped=self._outside)
        enrollments = self._source.pull(ENROLLMENTS)
        yield from self._read_enrollments(enrollments, rosters)
        if reason := self._enrollments_doubt(enrollments.part, rosters.broken):
            sealed = self._seal_of(classes.part)
            yield msgspec.structs.replace(sealed, complete=False, reason=f"{sealed.reason} {reason}".strip())
            return
        doubtful = self._doubtful()
        yield from self._batches(
            list(self._classes),
            lambda section: _filled_or_merged(section, rosters.pop(section.source_id), doubtful),
        )
        yield self._seal_of(classes.part)

    def _doubtful(self) -> Mapping[str, Section]:
        """What is held of the classes whose rosters could not be read whole."""
        ids = list(self._source.doubtful)
        return self._held.sections(ids) if self._held is not None and ids else {}

    def _enrollments_doubt(self, part: Part, broken: int) -> str:
        """Why no roster can be believed; blank where they can. With rows missing, people would look like leavers."""
        if not self._classes:
            return ""
        is_odd = not part.tally.distinct and not self._source.may_lack_everybody
        reason = "The SIS listed no enrollments at all." if is_odd else doubt(part)
        if not reason and broken > A_FEW and broken * 100 > part.tally.distinct:
            reason = f"{broken:,} of the {part.tally.distinct:,} enrollments name no class or no user."
        if not reason:
            return ""
        return f"{reason} Sections were left as they are, for their rosters would have lacked people."

    def _seal_of(self, part: Part) -> Seal:
        part.tally.unread += self._kept_out
        self._kept_out = 0
        sealed = seal(Collection.SECTIONS, [part])
        if sealed.complete and part.tally.distinct and not self._counted:
            reason = (
                f"None of the {part.tally.distinct:,} classes listed overlaps the school year. "
                "Check the dates of the school year on the Configure tab."
            )
            return msgspec.structs.replace(sealed, complete=False, reason=reason)
        return sealed

    # --- changes

    def _changes(self) -> Iterator[Batch | Seal]:
        """Sections that changed themselves or have a changed enrollment, each with all of its people."""
        is_bulk = self._source.mode(CLASSES) is Mode.BULK
        part: Part | None = None
        if self._source.mode(CLASSES) is not Mode.ABSENT:
            classes = self._source.pull(CLASSES)
            yield from self._read_classes(classes, removes=not is_bulk)
            part = classes.part
        changes = Rosters(today=self._today)
        if self._source.mode(ENROLLMENTS) is not Mode.ABSENT:
            enrollments = self._source.pull(ENROLLMENTS)
            yield from self._read_enrollments(enrollments, changes)
            part = part or enrollments.part
        touched = list(dict.fromkeys((*self._classes, *(id_ for id_ in changes.classes if id_ not in self._outside))))
        if touched:
            yield from self._changed_sections(touched, changes)
        if part is not None:
            rows, distinct = part.tally.rows, part.tally.distinct
            yield (
                self._seal_of(part)
                if is_bulk
                else Seal(Collection.SECTIONS, complete=False, rows=rows, distinct=distinct)
            )

    def _changed_sections(self, touched: list[str], changes: Rosters) -> Iterator[Batch]:
        held = self._held_sections(touched)
        replaces = self._source.mode(ENROLLMENTS) is Mode.BULK
        again = yield from self._rosters_again(touched, held, changes)

        def complete(section: Section) -> Section:
            id_ = section.source_id
            if again is not None and id_ in again:
                return filled(section, again[id_])
            roster = changes.pop(id_)
            return filled(section, roster) if replaces else merged(section, held.get(id_), roster)

        unknown = [id_ for id_ in touched if id_ not in self._classes and id_ not in held]
        if unknown and again is None:
            yield Batch(Collection.SECTIONS, [], [_unknown(id_) for id_ in unknown])
        for id_ in held:
            self._classes.setdefault(id_, held[id_])
        yield from self._batches([id_ for id_ in touched if id_ in self._classes], complete)

    def _rosters_again(
        self, touched: list[str], held: Mapping[str, Section], changes: Rosters
    ) -> Generator[Batch, None, dict[str, Roster] | None]:
        """Read the rosters that cannot be told from the changes: of classes new to us, and of those that somebody left.

        Whoever has one enrollment ended may have another one in the same class. Returns the rosters by class, or None where the
        source can only tell changes.
        """
        schools: dict[str, str] = {}
        for id_ in touched:
            known = self._classes.get(id_) or held.get(id_)
            if known is not None and (id_ not in held or changes.somebody_left(id_)):
                schools[id_] = known.school
        pull = self._source.rosters(schools)
        if pull is None:
            return None
        known_days = {id_: (self._classes.get(id_) or held[id_]).finish for id_ in schools}
        rosters = Rosters(today=self._today, finishes=known_days)
        for part in pull:
            rosters.take(part.objects, [])
            yield Batch(Collection.SECTIONS, [])
        again = {id_: rosters.pop(id_) for id_ in schools}
        if any(_is_empty(again[id_]) and id_ in held and len(held[id_].students) > 1 for id_ in again):
            raise ProviderError(
                "The SIS does not list the enrollments of single classes, so everything has to be read.",
                code="not-filtered",
            )
        return again

    def _held_sections(self, ids: Sequence[str]) -> Mapping[str, Section]:
        if self._held is None:
            raise ProviderError(
                "What changed in a roster can only be read by a portal that holds the roster. Read everything once first.",
                code="not-filtered",
            )
        return self._held.sections(ids)

    # --- both

    def _read_classes(self, pull: Pull, *, removes: bool) -> Iterator[Batch]:
        """Keep the classes that count; batches without sections tell what was odd and which are gone."""
        for part in pull:
            removed = self._keep_classes(part, removes=removes)
            yield Batch(Collection.SECTIONS, [], part.problems, removed=removed)

    def _keep_classes(self, part: Slice, *, removes: bool) -> list[str]:
        removed: list[str] = []
        for wire in part.objects:
            id_ = wire.id
            section = None
            if is_gone(wire.status):
                removed.append(id_)
            else:
                section = section_record(wire, self._calendar, self._only_school, part.problems)
                if section is None and removes:
                    removed.append(id_)  # it was moved out of the school year
            if section is None:
                self._outside.add(id_)
            elif section.school:
                self._classes[id_] = section
                self._counted += 1
            else:
                self._outside.add(id_)
                self._kept_out += 1
                part.problems.append(Problem("missing-school", "section", id_, "school"))
        return removed

    def _read_enrollments(self, pull: Pull, rosters: Rosters) -> Iterator[Batch]:
        """Take every enrollment; batches without sections show that work goes on."""
        for part in pull:
            problems = part.problems
            rosters.take(part.objects, problems)
            yield Batch(Collection.SECTIONS, [], problems, total=len(self._classes))

    def _batches(self, ids: list[str], complete: Callable[[Section], Section]) -> Iterator[Batch]:
        total = len(ids)
        for begin in range(0, total, BATCH):
            sections = [complete(self._classes.pop(id_)) for id_ in ids[begin : begin + BATCH]]
            yield Batch(Collection.SECTIONS, sections, total=total)


def _filled_or_merged(section: Section, roster: Roster, doubtful: Mapping[str, Section]) -> Section:
    held = doubtful.get(section.source_id)
    return filled(section, roster) if held is None else merged(section, held, roster)


def _is_empty(roster: Roster) -> bool:
    return not (roster.students or roster.teachers)


def _unknown(class_id: str) -> Problem:
    return Problem("unknown-section", "section", class_id, "class")
