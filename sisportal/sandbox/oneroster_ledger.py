"""Keeps when each OneRoster object last changed, and those that are gone for a while, as the district changes."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from typing import Protocol

from sisportal.sandbox.district import District
from sisportal.sandbox.entities import Milliseconds
from sisportal.sandbox.oneroster_draft import Dated, Draft, Names, Roster, oldest_told
from sisportal.sandbox.oneroster_objects import ENROLLMENTS, Entry, Listed, Seat

TOLD_DAYS = 30
"""How long what is gone is still listed as ``tobedeleted``."""


class Register(Protocol):
    """One collection."""

    @property
    def ordered(self) -> Sequence[Listed]:
        """Everything, those to be deleted included, ascending by id."""

    def get(self, id_: str) -> Listed | None:
        """One of them."""


class Entries:
    """Any collection but the enrollments."""

    def __init__(self) -> None:
        self._entries: dict[str, Entry] = {}
        self._ordered: list[Entry] | None = None

    @property
    def ordered(self) -> Sequence[Entry]:
        if self._ordered is None:
            self._ordered = [self._entries[id_] for id_ in sorted(self._entries)]
        return self._ordered

    def get(self, id_: str) -> Entry | None:
        return self._entries.get(id_)

    def take(self, items: Iterable[Dated], stamp: Milliseconds, oldest: Milliseconds) -> None:
        """What there is now; what is new or has changed gets the stamp (0: its own)."""
        entries, missing = self._entries, set(self._entries)
        for item, modified in items:
            known = entries.get(item.id)
            missing.discard(item.id)
            if known is None:
                entries[item.id] = Entry(item, stamp or modified)
            elif known.gone or known.item != item:
                entries[item.id] = Entry(item, stamp)
        for id_ in missing:
            if not entries[id_].gone:
                entries[id_] = Entry(entries[id_].item, stamp, gone=True)
            elif entries[id_].modified < oldest:
                del entries[id_]
        self._ordered = None


class Enrollments:
    """The enrollments, class by class: a class that did not change costs nothing."""

    def __init__(self) -> None:
        self._rosters: dict[str, Roster] = {}
        self._seats: dict[str, dict[str, Seat]] = {}
        self._with_gone: set[str] = set()
        """Classes with an enrollment that is to be deleted."""
        self._ordered: list[Seat] | None = None

    @property
    def ordered(self) -> Sequence[Seat]:
        if self._ordered is None:  # ids begin with the class's, so that they are in order class by class
            self._ordered = list(chain.from_iterable(map(self.of_class, sorted(self._seats))))
        return self._ordered

    def of_class(self, class_id: str) -> list[Seat]:
        """The enrollments of one class."""
        seats = self._seats.get(class_id, {})
        return [seats[user] for user in sorted(seats)]

    def get(self, id_: str) -> Seat | None:
        class_id, _, user = id_.partition("-")
        return self._seats.get(class_id, {}).get(user)

    def take(self, rosters: Iterator[Roster], stamp: Milliseconds, oldest: Milliseconds) -> None:
        """What there is now; see ``Entries.take``."""
        missing = set(self._rosters)
        for roster in rosters:
            missing.discard(roster.class_id)
            before = self._rosters.get(roster.class_id)
            if before is None or before[:4] != roster[:4]:
                self._change(roster, stamp)
            self._rosters[roster.class_id] = roster
        for class_id in missing:
            self._change(self._rosters.pop(class_id)._replace(teachers=(), students=()), stamp)
        for class_id in list(self._with_gone):
            self._forget(class_id, oldest)
        self._ordered = None

    def _change(self, roster: Roster, stamp: Milliseconds) -> None:
        class_id, school = roster.class_id, roster.school
        seats, missing = self._seats.setdefault(class_id, {}), set(self._seats.get(class_id, ()))
        places = [(user, "teacher", not place) for place, user in enumerate(roster.teachers)]
        places += [(user, "student", False) for user in roster.students]
        for user, role, primary in places:
            known = seats.get(user)
            missing.discard(user)
            if known is None or known.gone or (known.role, known.primary, known.school) != (role, primary, school):
                seats[user] = Seat(class_id, user, school, role, primary, stamp or roster.modified)
        for user in missing:
            known = seats[user]
            if not known.gone:
                self._with_gone.add(class_id)
                seats[user] = Seat(class_id, user, known.school, known.role, known.primary, stamp, gone=True)

    def _forget(self, class_id: str, oldest: Milliseconds) -> None:
        seats = self._seats[class_id]
        for user in [user for user, seat in seats.items() if seat.gone and seat.modified < oldest]:
            del seats[user]
        if not any(seat.gone for seat in seats.values()):
            self._with_gone.discard(class_id)
        if not seats and class_id not in self._rosters:
            del self._seats[class_id]


class Ledger:
    """A district's objects as of its last reading.

    It follows the district from when it was made: what the district was before then leaves no traces but its own dates.
    """

    def __init__(self, district: District) -> None:
        self.district = district
        self.enrollments = Enrollments()
        self.number = 0
        """Another one whenever anything may have changed."""
        self._names = Names()
        self._entries: dict[str, Entries] = {}
        self._taken = (-1, 0)
        """Revision and day of the district as it was last taken."""
        self._stamp: Milliseconds = 0
        self.take()
        district.watchers.append(self.take)

    def register(self, kind: str) -> Register:
        """One of the collections."""
        return self.enrollments if kind == ENROLLMENTS else self._entries[kind]

    def take(self) -> None:
        """Follow the district: a moment of its own for every time that it changed, later than any before."""
        district = self.district
        if self._taken == (district.revision, district.day):
            return
        begun = bool(self._entries)
        self._taken = district.revision, district.day
        self._stamp = max(district.last_sync, self._stamp + 1000)
        stamp, oldest = self._stamp if begun else 0, oldest_told(district, TOLD_DAYS)
        draft = Draft(district, self._names)
        for kind, items in draft.collections():
            self._entries.setdefault(kind, Entries()).take(items, stamp, oldest)
        self.enrollments.take(draft.rosters(), stamp, oldest)
        self.number += 1
