"""Clever's feed of events, read from a place on: what changed last of each record, or why that cannot be known.

Clever: Events API. A feed older than thirty days is cut off without a word, and one that is switched off just ends: both
look like a feed in which nothing happened, so every reading proves that it is neither.
"""

from collections.abc import Callable
from datetime import datetime

import msgspec

from sisportal.providers import faults
from sisportal.providers.base import DistrictFacts, ProviderError
from sisportal.providers.clever_api import CleverApi
from sisportal.providers.clever_families import Family
from sisportal.providers.paging import Link, Rows

EVENTS = "/events"
OLDEST_CURSOR = 25 * 24 * 3600
"""Seconds. Clever keeps events for thirty days; the rest is margin, for reading takes time."""
MOST_CHANGES = 50_000
"""Records. They are held in memory while the feed is read; with more of them a full fetch is no slower."""
VERBS = frozenset({"created", "updated", "deleted"})
_DISTRICTS = "districts"
_NO_EVENT = "0" * 16
"""What no event's id ends in: machine and counter of an ObjectId."""


class _Previous(msgspec.Struct, gc=False):
    last_sync: str | msgspec.UnsetType = msgspec.UNSET
    email: str | msgspec.UnsetType = msgspec.UNSET


class _About(msgspec.Struct, gc=False):
    object: msgspec.Raw = msgspec.Raw()
    previous_attributes: _Previous | None = None


class WireEvent(msgspec.Struct, gc=False):
    """An event as it is on the wire: ``previous_attributes`` stand beside the object."""

    id: str = ""
    type: str = ""
    data: _About = msgspec.field(default_factory=_About)


class _Row(msgspec.Struct, gc=False):
    data: WireEvent


class _Page(msgspec.Struct):
    data: list[_Row]
    links: list[Link] = []


class _Subject(msgspec.Struct, gc=False):
    id: str = ""


class Last(msgspec.Struct, gc=False):
    """The last event of a record: ``object`` is the record's JSON."""

    type: str
    id: str
    deleted: bool
    object: bytes


_decode_page = msgspec.json.Decoder(_Page).decode
_decode_subject = msgspec.json.Decoder(_Subject).decode


def newest_event(api: CleverApi) -> str:
    """The id of the newest event; blank where there is none."""
    events = api.peek(_read_page, EVENTS, {"ending_before": "last"}).records
    return events[-1].id if events else ""


def check_age(cursor: str, now: float) -> None:
    """Raises ``ProviderError`` for a cursor that is none, or that may be older than the feed. ``now`` in unix seconds."""
    if not cursor:
        raise _full_sync(
            "no-cursor", "The last committed sync found no events to go on from: the feed was empty or switched off"
        )
    moment = moment_of(cursor)
    if moment is None:
        raise _full_sync("cursor-expired", "The place kept from the last committed sync is not one of Clever's feed")
    if now - moment > OLDEST_CURSOR:
        days = int((now - moment) // 86_400)
        raise _full_sync(
            "cursor-expired",
            f"The changes asked for begin {days} days ago, and Clever keeps events for thirty days only",
        )


class FeedReading:
    """One reading of the feed after ``cursor``. After ``run``: ``last`` and ``newest`` are whole."""

    def __init__(self, api: CleverApi, family: Family, cursor: str) -> None:
        self._api = api
        self._family = family
        self._cursor = cursor
        self.newest = cursor
        """The id of the newest event read."""
        self.events = 0
        self.last: dict[tuple[str, str], Last] = {}
        """The last event of each record, by record type and id, in the order in which they were first met."""

    def run(self, district: Callable[[], DistrictFacts]) -> None:
        """Read to the end; raises ``ProviderError`` where changes may be missing. ``district`` is asked after the events."""
        try:
            self._read()
        except ProviderError as refusal:
            if refusal.status not in (400, 403, 404, 501):
                raise
            raise _full_sync(
                "events-off", f"Clever does not give its events to this application ({refusal.status})"
            ) from refusal
        last_sync = _seconds(district().last_sync)
        if last_sync is not None and last_sync > (moment_of(self.newest) or 0):
            raise _full_sync(
                "events-off",
                "Clever read the district's SIS after the newest of its events: events are switched off or not out yet",
            )

    def _read(self) -> None:
        walk = self._api.walk(_read_page, EVENTS, {"starting_after": just_before(self._cursor)})
        found = is_a_moment(self._cursor)
        for haul in walk:
            for event in haul.records:
                if found:
                    self._take(event)
                elif event.id == self._cursor:  # as long as the newest of then is kept, so is all that came after it
                    found = True
                else:
                    raise _gone()
        if walk.tally.unread or walk.tally.doubts:
            raise unreadable("Some of Clever's events could not be read")
        if not found:
            raise _gone()

    def _take(self, event: WireEvent) -> None:
        if event.id <= self.newest:
            raise unreadable("Clever's events do not come in their order")
        record_type, _, verb = event.type.partition(".")
        if record_type == _DISTRICTS:
            self._check_heartbeat(event)
        elif record_type in self._family.unsettling:
            _check_administrator(event, verb)
        elif record_type in self._family.subjects:
            self._keep(event, record_type, verb)
        self.newest = event.id
        self.events += 1

    def _keep(self, event: WireEvent, record_type: str, verb: str) -> None:
        try:
            id_ = _decode_subject(event.data.object).id
        except msgspec.DecodeError:
            id_ = ""
        if not id_ or verb not in VERBS:
            raise unreadable(f"An event ({event.type[:60]}) does not say what happened to which record")
        self.last[record_type, id_] = Last(record_type, id_, verb == "deleted", bytes(event.data.object))
        if len(self.last) > MOST_CHANGES:
            raise _full_sync("too-many-changes", f"More than {MOST_CHANGES:,} records changed")

    def _check_heartbeat(self, event: WireEvent) -> None:
        """Every reading of the SIS makes an event that names the reading before: that one must have had its events."""
        previous = event.data.previous_attributes
        before = _seconds(previous.last_sync) if previous is not None and previous.last_sync else None
        if before is not None and before > (moment_of(self.newest) or 0):
            raise _full_sync("events-off", "Events were switched off for a while, so changes of that time are missing")


def _check_administrator(event: WireEvent, verb: str) -> None:
    """Before 3.0 only an administrator's address tells which teacher has that role too, and nothing tells of the teacher."""
    previous = event.data.previous_attributes
    if verb == "updated" and previous is not None and previous.email is msgspec.UNSET:
        return
    raise _full_sync(
        "roles-changed",
        "Administrators changed, and in this version of Clever's API only a full sync tells who teaches too",
    )


def moment_of(id_: str) -> int | None:
    """The unix second in which an ObjectId was made; None for what is none."""
    try:
        return int(id_[:8], 16) if len(id_) == 24 and int(id_, 16) >= 0 else None
    except ValueError:
        return None


def id_at(moment: float) -> str:
    """Less than every id that is made from the unix second on, greater than all before."""
    return f"{max(0, int(moment)):08x}{_NO_EVENT}"


def is_a_moment(cursor: str) -> bool:
    """Whether it stands for a moment rather than for an event."""
    return cursor.endswith(_NO_EVENT)


def just_before(cursor: str) -> str:
    """The greatest id that is less: ids after it begin with ``cursor`` itself. A cursor need not exist (Clever: paging)."""
    return f"{max(0, int(cursor, 16) - 1):024x}"


def unreadable(sentence: str) -> ProviderError:
    """The error for events of which it is not sure what they say."""
    return _full_sync("events-unreadable", sentence)


def _gone() -> ProviderError:
    return _full_sync("cursor-expired", "The last event of the last committed sync is no longer in Clever's feed")


def _full_sync(code: str, sentence: str) -> ProviderError:
    return ProviderError(f"{sentence}.", code=code, path=EVENTS)


def _seconds(moment: str | msgspec.UnsetType) -> int | None:
    """Unix seconds of an ISO moment; None for a blank or anything else."""
    if not isinstance(moment, str):
        return None
    try:
        read = datetime.fromisoformat(moment)
    except ValueError:
        return None
    return int(read.timestamp()) if read.tzinfo is not None else None


def _read_page(content: bytes) -> Rows[WireEvent]:
    try:
        page = _decode_page(content)
    except msgspec.ValidationError:
        raise faults.no_envelope(EVENTS) from None
    return Rows([row.data for row in page.data], page.links)
