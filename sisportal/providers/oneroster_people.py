"""OneRoster's users as people: students and teachers with their schools; all others only counted."""

from collections import Counter
from collections.abc import Iterator, Mapping

import msgspec

from sisportal.providers.base import Held, ProviderError
from sisportal.providers.completeness import seal
from sisportal.providers.oneroster_records import (
    NOTHING_KNOWN,
    PLANNED,
    Demographic,
    gender_of,
    offices_of,
    person_record,
    strongest_first,
)
from sisportal.providers.oneroster_source import Mode, Slice, Source
from sisportal.providers.oneroster_values import is_gone, plain
from sisportal.providers.oneroster_wire import DEMOGRAPHICS, USERS, WireDemographics, WireUser
from sisportal.providers.wire_values import day
from sisportal.roster.records import Batch, Collection, Person, Problem, Seal

NOT_SHARED = frozenset({400, 401, 403, 404, 405, 501})
"""What a source answers that does not share its demographics."""


class PeopleFetch:
    """One reading of the people. ``only_school`` is the school of people without one, where there is just one."""

    def __init__(self, source: Source, *, today: str, only_school: str, held: Held | None) -> None:
        self._source = source
        self._today = today
        self._only_school = only_school
        self._held = held
        self._is_delta = source.mode(USERS) is not Mode.BULK
        self._known: dict[str, Demographic] = {}
        self._numbers: set[int] = set()

    def __iter__(self) -> Iterator[Batch | Seal]:
        yield from self._demographics()
        if self._source.mode(USERS) is Mode.ABSENT:
            yield from self._only_demographics()
            return
        pull = self._source.pull(USERS)
        left_out = 0
        for part in pull:
            batch, kept_out = self._batch(part, pull.total)
            left_out += kept_out
            yield batch
        pull.part.tally.unread += left_out
        if self._is_delta:
            yield from self._only_demographics()
            yield Seal(Collection.PEOPLE, complete=False, rows=pull.part.tally.rows, distinct=pull.part.tally.distinct)
        else:
            yield seal(Collection.PEOPLE, [pull.part])

    def _demographics(self) -> Iterator[Batch]:
        """Birth dates and genders, where they are shared; batches without records show that work goes on."""
        if self._source.mode(DEMOGRAPHICS) is Mode.ABSENT:
            return
        shared: dict[Demographic, Demographic] = {}
        try:
            for part in self._source.pull(DEMOGRAPHICS):
                problems: list[Problem] = []
                for one in part.objects:
                    known = _demographic(one, problems)
                    self._known[one.id] = shared.setdefault(known, known)
                yield Batch(Collection.PEOPLE, [], problems)
        except ProviderError as refusal:
            if refusal.status not in NOT_SHARED:
                raise

    def _batch(self, part: Slice, total: int | None) -> tuple[Batch, int]:
        """A slice as a batch, and how many of its people were kept out: they would look like leavers."""
        problems = part.problems
        people: list[Person] = []
        removed: list[str] = []
        others: Counter[str] = Counter()
        kept_out = 0
        held = self._held_people(part.objects)
        for user in part.objects:
            if is_gone(user.status):
                removed.append(user.id)
                self._known.pop(user.id, None)  # what is left there is taken for people who changed in nothing else
                continue
            offices = offices_of(user, self._today)
            roles = strongest_first(offices)
            if roles and roles[0] not in PLANNED:
                others[roles[0].value] += 1
                if self._is_delta:
                    removed.append(user.id)  # where it was a student's or a teacher's, it is not any more
                    self._known.pop(user.id, None)
                continue
            person = (
                person_record(user, offices, roles, self._known_of(user, held), self._only_school) if roles else None
            )
            if person is not None and person.school:
                people.append(person)
                self._look_for_twins(person, problems)
            else:
                kept_out += 1
                problems.append(_kept_out(user, person))
        counted = {} if self._is_delta else dict(others)
        return Batch(Collection.PEOPLE, people, problems, counted, removed, total), kept_out

    def _held_people(self, users: list[WireUser]) -> Mapping[str, Person]:
        if not self._is_delta or self._held is None:
            return {}
        return self._held.people([user.id for user in users])

    def _known_of(self, user: WireUser, held: Mapping[str, Person]) -> Demographic:
        """What is known of the user; of a changed user whose demographics did not change, what was known before."""
        known = self._known.pop(user.id, None)
        if known is None and (before := held.get(user.id)) is not None:
            known = Demographic(before.birth_date, before.gender)
        return known or NOTHING_KNOWN

    def _only_demographics(self) -> Iterator[Batch]:
        """People of whom nothing but the demographics changed."""
        left = list(self._known)
        if self._held is None or not left:
            return
        held = self._held.people(left)
        changed = [
            msgspec.structs.replace(person, birth_date=self._known[id_].birth_date, gender=self._known[id_].gender)
            for id_, person in held.items()
        ]
        yield Batch(Collection.PEOPLE, changed)

    def _look_for_twins(self, person: Person, problems: list[Problem]) -> None:
        """Some sources list one person as several users, one for each school: the same identifier tells."""
        if not person.number or person.archived:
            return
        mark = hash((person.role, person.number.casefold()))
        if mark in self._numbers:
            kind = person.role.value
            problems.append(
                Problem("duplicate-number", kind, person.source_id, "number", person.number[:200], person.school)
            )
        self._numbers.add(mark)


def _demographic(wire: WireDemographics, problems: list[Problem]) -> Demographic:
    if is_gone(wire.status):
        return NOTHING_KNOWN
    birth_date = day(plain(wire.birth_date), "", wire.id, "birth_date", problems)
    return Demographic(birth_date, gender_of(plain(wire.sex)))


def _kept_out(user: WireUser, person: Person | None) -> Problem:
    if person is not None:
        return Problem("missing-school", person.role.value, user.id, "school")
    listed = plain(user.role) or ", ".join(plain(one.role) for one in user.roles or ())
    return Problem("unknown-role", "", user.id, "roles", listed[:200])
