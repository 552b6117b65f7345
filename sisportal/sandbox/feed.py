"""What a district tells of its changes, one batch for each time its SIS is read, kept for thirty days.

The batches hold records as they were before and after, in no provider's shape: each version of an API makes its own
events of them when it is first asked (Clever: Events API).
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, NamedTuple, Protocol

import msgspec

from sisportal.sandbox.entities import Course, Milliseconds, Person, Section, Term, at

if TYPE_CHECKING:
    from sisportal.sandbox.district import Difference, District

RETENTION = timedelta(days=30)
AFTER_SYNC = 95_000
"""Milliseconds from the reading of the SIS to the events about it: a minute or two on the wire."""


class Lookup(Protocol):
    """Courses or terms by id."""

    def course(self, id_: str | None) -> Course | None: ...
    def term(self, id_: str | None) -> Term | None: ...
    def teacher_id(self, person: str) -> str: ...


class Scene(Lookup, Protocol):
    """What a record's shape depends on besides the record: the district as it is, or as it was at some batch."""

    @property
    def id(self) -> str: ...
    @property
    def name(self) -> str: ...
    @property
    def day(self) -> int: ...
    @property
    def state(self) -> str: ...
    @property
    def error(self) -> str: ...
    @property
    def last_sync(self) -> Milliseconds: ...
    @property
    def launched(self) -> str: ...
    @property
    def contact(self) -> Person | None: ...


@dataclass(frozen=True)
class Snapshot:
    """The district at one moment, without its people and sections."""

    id: str
    name: str
    day: int
    state: str
    error: str
    last_sync: Milliseconds
    launched: str
    contact: Person | None
    courses: dict[str, Course]
    terms: dict[str, Term]
    teacher_ids: dict[str, str]
    """Shared with the district: an id of an older version is never another person's."""

    @classmethod
    def of(cls, district: "District") -> "Snapshot":
        """The district now."""
        district.learn_teacher_ids()
        return cls(
            district.id, district.name, district.day, district.state, district.error, district.last_sync, district.launched,
            district.contact, {c.id: msgspec.structs.replace(c) for c in district.courses},
            {t.id: msgspec.structs.replace(t) for t in district.terms}, district.teacher_ids,
        )  # fmt: skip

    def course(self, id_: str | None) -> Course | None:
        """The course as it was then."""
        return self.courses.get(id_ or "")

    def term(self, id_: str | None) -> Term | None:
        """The term as it was then."""
        return self.terms.get(id_ or "")

    def teacher_id(self, person: str) -> str:
        """What versions before 3.0 call a teacher."""
        return self.teacher_ids.get(person, person)

    def told(self) -> tuple[str, str, str, Milliseconds]:
        """What a district says of itself that may change."""
        return self.name, self.state, self.error, self.last_sync


@dataclass(frozen=True)
class Batch:
    """The net changes that one reading of the SIS, or one change of what is shared, brought."""

    number: int
    moment: Milliseconds
    """A whole second, later than that of any batch before."""
    before: Snapshot
    after: Snapshot
    differences: list["Difference"]
    touched: list[Section]
    """Sections that did not change themselves but name a course or term that did."""

    def of(self, kind: str) -> Iterator["Difference"]:
        """The differences of one kind, ascending by id."""
        return iter(sorted((d for d in self.differences if d.kind == kind), key=lambda d: d.id))


class Told(NamedTuple):
    """One event as one version tells it."""

    id: str
    type: str
    subject: str
    """Id of the record that it is about."""
    schools: tuple[str, ...]
    body: msgspec.Raw

    @property
    def record_type(self) -> str:
        """``users`` of ``users.updated``."""
        return self.type.partition(".")[0]


@dataclass
class Log:
    """The events of one version, oldest first."""

    ids: list[str] = field(default_factory=list)
    events: dict[str, Told] = field(default_factory=dict)
    taken: int = 0
    """Number of the last batch that is in it."""

    def add(self, events: list[Told]) -> None:
        """Append a batch's events."""
        self.ids += [event.id for event in events]
        self.events |= {event.id: event for event in events}

    def trim(self, oldest: str) -> None:
        """Drop what is older, without a word, as Clever does."""
        kept = [id_ for id_ in self.ids if id_ >= oldest]
        if len(kept) != len(self.ids):
            self.ids, self.events = kept, {id_: self.events[id_] for id_ in kept}


@dataclass
class Feed:
    """The batches of a district, oldest first, and what each version made of them."""

    enabled: bool = True
    """Whether new batches are kept: a district's applications opt in. What is there already stays."""
    _batches: list[Batch] = field(default_factory=list)
    _logs: dict[str, Log] = field(default_factory=dict)
    _last: Snapshot | None = None
    _number: int = 0
    _moment: Milliseconds = 0

    def start(self, district: "District") -> None:
        """Take the district as it is for what is known already."""
        self._last = Snapshot.of(district)

    def take(self, district: "District", differences: list["Difference"]) -> None:
        """Make a batch of the differences and of what the district says of itself; none where both are as before."""
        before, now = self._last, Snapshot.of(district)
        if before is None or (not differences and before.told() == now.told()):
            self._last = now
            return
        self._last = now
        self._number += 1
        self._moment = max((now.last_sync + AFTER_SYNC) // 1000 * 1000, self._moment + 1000)
        if self.enabled:
            touched = _touched(district, differences)
            self._batches.append(Batch(self._number, self._moment, before, now, differences, touched))
        oldest = _oldest(district)
        self._batches = [batch for batch in self._batches if batch.moment >= oldest]

    def log(self, district: "District", version: str, tell: Callable[[Batch], list[Told]]) -> Log:
        """The events as one version tells them."""
        log = self._logs.setdefault(version, Log())
        for batch in self._batches:
            if batch.number > log.taken:
                log.add(tell(batch))
                log.taken = batch.number
        log.trim(f"{_oldest(district) // 1000:08x}")
        return log


def event_id(district: str, batch: Batch, place: int) -> str:
    """Event ids are contiguous within a batch and begin with its moment (Clever: ids are ObjectIds)."""
    first = batch.number * 0x01_F3_51 & 0x3F_FF_FF
    return f"{batch.moment // 1000:08x}{district[8:18]}{first + place:06x}"


def _oldest(district: "District") -> Milliseconds:
    return at(district.today - RETENTION)


def _touched(district: "District", differences: list["Difference"]) -> list[Section]:
    changed = {d.id for d in differences if d.kind in ("courses", "terms") and d.what == "updated"}
    if not changed:
        return []
    told = {d.id for d in differences if d.kind == "sections"}
    named = (s for s in district.sections if (s.course in changed or s.term in changed) and s.id not in told)
    return [msgspec.structs.replace(s, teachers=list(s.teachers), students=list(s.students)) for s in named]
