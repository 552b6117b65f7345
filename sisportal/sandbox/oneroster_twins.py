"""One user for each school of a person, as providers have it whose records are kept school by school."""

from collections.abc import Sequence

import msgspec

from sisportal.sandbox.oneroster_ledger import Ledger, Register
from sisportal.sandbox.oneroster_objects import ENROLLMENTS, USERS, Entry, Listed, Seat, User


class TwinUsers:
    """The users, several of whom are one person."""

    def __init__(self, users: list[Entry]) -> None:
        self.ordered: Sequence[Entry] = sorted(users, key=lambda one: one.id)
        self._by_id = {one.id: one for one in users}

    def get(self, id_: str) -> Entry | None:
        return self._by_id.get(id_)


class TwinEnrollments:
    """The enrollments of such users."""

    def __init__(self, seats: list[Seat]) -> None:
        self.ordered: Sequence[Seat] = sorted(seats, key=lambda one: one.id)
        self._by_id = {one.id: one for one in seats}
        self._classes: dict[str, list[Seat]] = {}
        for one in self.ordered:
            self._classes.setdefault(one.class_id, []).append(one)

    def get(self, id_: str) -> Seat | None:
        return self._by_id.get(id_)

    def of_class(self, class_id: str) -> list[Seat]:
        """Those of one class."""
        return self._classes.get(class_id, [])


class TwinLedger:
    """A ledger whose people have a user for each of their schools."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self.number = ledger.number
        users: list[Entry] = []
        schools: dict[str, tuple[str, ...]] = {}
        for entry in ledger.register(USERS).ordered:
            parts = _parts(entry)
            users += parts
            schools[entry.id] = tuple(part.item.home for part in parts if isinstance(part.item, User))
        self._users = TwinUsers(users)
        seats = (_moved(seat, schools.get(seat.user, ())) for seat in ledger.enrollments.ordered)
        self.enrollments = TwinEnrollments([*seats])

    def register(self, kind: str) -> Register:
        """One of the collections."""
        other: dict[str, Register] = {USERS: self._users, ENROLLMENTS: self.enrollments}
        return other.get(kind) or self._ledger.register(kind)


def _parts(entry: Listed) -> list[Entry]:
    user = entry.item
    if not isinstance(user, User) or not isinstance(entry, Entry):
        return []
    places = list(dict.fromkeys(office.org for office in user.offices))
    parts = [msgspec.structs.replace(user, offices=tuple(o for o in user.offices if o.org == org)) for org in places]
    return [
        Entry(
            part if not place else msgspec.structs.replace(part, id=f"{user.id}.{places[place]}"),
            entry.modified,
            entry.gone,
        )
        for place, part in enumerate(parts)
    ]


def _moved(seat: Seat, schools: tuple[str, ...]) -> Seat:
    if seat.school in schools[1:]:
        return msgspec.structs.replace(seat, user=f"{seat.user}.{seat.school}")
    return seat
