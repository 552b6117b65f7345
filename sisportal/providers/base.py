"""What every provider offers to the stages, and the one way in which it fails."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Protocol, runtime_checkable

import msgspec

from sisportal.roster.records import Batch, Collection, Person, School, Seal, Section, Term


class ProviderError(Exception):
    """The SIS could not be read: what happened, and what to check, as sentences for the administrator.

    ``code`` names the kind of failure (``unauthorized``, ``forbidden``, ``not-found``, ``rejected``, ``rate-limited``,
    ``server-error``, ``unreachable``, ``not-json``, ``truncated``, ``no-envelope``, ``repeated-page``,
    ``endless-paging``, ``foreign-link``, ``redirected``, ``too-large``, ``wrong-url``, ``no-district``,
    ``which-district``, ``unknown-version``, ``not-filtered``, ``revision-changed``; of files those that
    ``oneroster_package`` names). ``permanent`` is false where the same request may succeed later; ``wait`` is
    then how many seconds the server asks to be left alone, where it says. Messages hold neither secrets nor bodies.
    """

    def __init__(
        self,
        message: str,
        *,
        code: str,
        permanent: bool = True,
        status: int | None = None,
        path: str = "",
        wait: float | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.code = code
        self.permanent = permanent
        self.status = status
        self.path = path
        self.wait = wait


class DistrictFacts(msgspec.Struct, frozen=True):
    """What the SIS says about the district itself. Times are as the SIS gives them (ISO), unknown ones blank."""

    id: str
    name: str = ""
    state: str = ""
    """Clever: ``running``, ``success``, ``pending``, ``error``, ``paused`` or blank."""
    error: str = ""
    last_sync: str = ""
    sis_type: str = ""
    launch_date: str = ""
    pause_start: str = ""
    pause_end: str = ""


class Contents(msgspec.Struct, frozen=True):
    """What a package has: shown with the connection, and no part of any record."""

    version: str
    lists: str
    """``everything``, ``changes`` (in every file) or ``both``."""
    rows: dict[str, int]
    """By file, without its header."""


class Check(msgspec.Struct, frozen=True):
    """One line of *Test connection*: a thing, whether it works, and a sentence about it."""

    subject: str
    ok: bool
    sentence: str


class Provider(Protocol):
    """One SIS, ready to be read. Every method may raise ``ProviderError``."""

    def district(self) -> DistrictFacts:
        """The district that the credentials belong to."""

    def schools(self) -> list[School]:
        """Every school: for choosing and mapping, not for the mirror."""

    def fetch(self, *, items: frozenset[str]) -> Iterator[Batch | Seal]:
        """All records of ``items`` (``users``, ``sections``) in the order of ``Collection``, a page at a time.

        Schools always come; people with ``users``; terms, courses and sections with ``sections``. Each collection ends
        with one ``Seal``. A failure raises before the collection's seal, never after.
        """

    def test(self) -> list[Check]:
        """What works and what does not, thing by thing; raises nothing."""


class Cursor(msgspec.Struct, frozen=True):
    """The end of a stream of changes: where the next one goes on, and how many events were read."""

    value: str
    events: int = 0


@runtime_checkable
class FeedProvider(Provider, Protocol):
    """A SIS that also tells what changed since a place in its feed of events."""

    def cursor(self) -> str:
        """The newest place in the feed: to be taken before a full fetch, and kept with the sync once it is committed.

        Blank where the feed is empty, switched off or out of reach; raises nothing.
        """

    def place_at(self, moment: float) -> str:
        """The place in the feed at a unix second, to be used like a cursor where somebody asks for changes since a day.

        Changes between the last committed sync and a later place are never told: of the two, use the earlier.
        """

    def changes(self, cursor: str, *, items: frozenset[str]) -> Iterator[Batch | Cursor]:
        """What changed in ``items`` after ``cursor``, then one ``Cursor`` to keep in its place.

        Collections come in the order of ``Collection``, each only where something of it changed. Every record comes once,
        as it is now: among ``records``, which may be new, changed or the same (upsert them), or among ``removed``, which
        may never have been known. Nothing is said about the rest, so there are no seals. A term or course that changed
        comes by itself: sections that name it do not come for that. Records of schools out of scope come too.

        Whatever makes the feed unfit raises before the first batch, as a ``ProviderError`` whose message says why, with a
        code of ``FULL_SYNC_NEEDED``: then everything must be fetched.
        """


FULL_SYNC_NEEDED = frozenset(
    {
        "no-cursor", "cursor-expired", "events-off", "events-unreadable", "too-many-changes", "roles-changed",
        "not-filtered", "revision-changed",
    }
)  # fmt: skip
"""Why changes alone are not enough: nothing to go on from; too old a place, or one that is gone; no events, or a gap in
them; events that make no sense; more of them than a full fetch would be; people changed about whom there is no event; a
source that does not list changes alone, or that changed while it was read."""


class WireResponse(Protocol):
    """The part of a ``requests`` response that is used."""

    @property
    def status_code(self) -> int: ...
    @property
    def headers(self) -> Mapping[str, str]: ...
    @property
    def content(self) -> bytes: ...


class WireSession(Protocol):
    """The part of a ``requests`` session that is used, so that recorded pages can stand in for a server."""

    def get(
        self, url: str, *, headers: Mapping[str, str], timeout: tuple[float, float], allow_redirects: bool
    ) -> WireResponse: ...


class FormSession(WireSession, Protocol):
    """A session that can also send a form, as OAuth 2 token endpoints want it."""

    def post(
        self, url: str, *, headers: Mapping[str, str], data: str, timeout: tuple[float, float], allow_redirects: bool
    ) -> WireResponse: ...


class Held(Protocol):
    """What the portal's mirror holds: changes name only what changed, and a roster is more than its changes."""

    def people(self, ids: Sequence[str]) -> Mapping[str, Person]:
        """Those of the people that are held and not gone."""

    def sections(self, ids: Sequence[str]) -> Mapping[str, Section]:
        """Those of the sections that are held and not gone, as ``resolved`` left them."""

    def terms(self) -> Mapping[str, Term]:
        """Every term that is held."""


@runtime_checkable
class DatedProvider(Provider, Protocol):
    """A SIS that also tells by date what changed."""

    def changes_since(self, since: datetime, *, items: frozenset[str], held: Held) -> Iterator[Batch | Seal]:
        """What changed in ``items`` since a moment (aware), and perhaps somewhat before it, in the order of ``Collection``.

        Of seals only that of the schools says anything. What makes changes unfit raises, perhaps after some batches, as a
        ``ProviderError`` with a code of ``FULL_SYNC_NEEDED``: then everything must be fetched.
        """

    def newest_change(self) -> str:
        """When the newest of all that was read so far changed (ISO, as the SIS gives it); blank where nothing says."""


@runtime_checkable
class PackageProvider(Provider, Protocol):
    """A file that a SIS made, which need not list everything."""

    def partial(self) -> frozenset[Collection]:
        """The collections of which the file lists changes alone, or nothing: what it does not name is as it was."""

    def changed(self) -> frozenset[Collection]:
        """The collections of which the file lists changes alone: they say nothing without what they changed."""

    def contents(self) -> Contents:
        """What the file has."""

    def lists_once(self) -> bool:
        """Whether two users of the file are two people, whatever they have in common."""
