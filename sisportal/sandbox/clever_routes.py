"""What the versions of Clever's Data API share: lists, single records, what lies below them, and events."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, NamedTuple, Protocol, TypeVar

from sisportal.sandbox.clever_wire import (
    Call,
    RefusedQueryError,
    Rendered,
    Reply,
    Window,
    json_reply,
    no_such_route,
    not_found,
    window,
)
from sisportal.sandbox.district import District
from sisportal.sandbox.entities import Section
from sisportal.sandbox.feed import Batch, Log, Scene, Told

R = TypeVar("R")
R_co = TypeVar("R_co", covariant=True)
Keep = Callable[[str], bool]


class Index(Protocol[R_co]):
    """Records by id."""

    @property
    def ids(self) -> list[str]: ...
    def get(self, id_: str, /) -> R_co | None: ...


class Change(NamedTuple, Generic[R]):
    """A record before and after a batch: None where it was not, or is no longer."""

    id: str
    before: R | None
    after: R | None


@dataclass(frozen=True)
class Source(Generic[R]):
    """One of a version's collections: where its records come from, how they look, where they lead, how they changed."""

    index: Callable[[District], Index[R]]
    shape: Callable[[Scene, R], Rendered]
    links: Callable[[R], Sequence[str]]
    changes: Callable[[Batch], Iterator[Change[R]]]
    event: str = ""
    """Its record type in events; blank where it is the collection's name."""
    about: Callable[[Rendered], Rendered] = lambda shape: shape
    """What an event shows of a record's shape."""
    wrapped: bool = True
    """Whether the rows of its list are ``{data, uri}``."""
    paged: bool = True
    """Whether its first page tells numbers, in a version that does."""


@dataclass(frozen=True)
class Listing:
    """Which records a list address names: a collection's name, its ids in ascending order, and a filter of them."""

    collection: str
    ids: Sequence[str]
    keep: Keep | None = None


Lister = Callable[[District, Call, str], Listing]
Named = Callable[[District, str], tuple[str, str | None]]


@dataclass(frozen=True, kw_only=True)
class CleverVersion:
    """One version, as tables of what it has."""

    name: str
    """``v3.1``."""
    sources: dict[str, Source[Any]]
    """By collection, in the order in which a batch of events tells them."""
    lists: dict[tuple[str, str], Lister] = field(default_factory=dict)
    """By collection and what stands below a record of it."""
    singles: dict[tuple[str, str], Named] = field(default_factory=dict)
    district: Callable[[Scene], Rendered]
    tell: Callable[["CleverVersion", Batch], list[Told]]
    counts: bool = True
    """Whether ``count=true`` is understood."""
    marked: bool = False
    """Whether the link of an events page to itself ends in a question mark where there are no parameters."""

    @property
    def prefix(self) -> str:
        """``/v3.1``."""
        return f"/{self.name}"

    def reply(self, district: District, call: Call) -> Reply:
        """The answer to a GET below the prefix."""
        parts = call.path.removeprefix(self.prefix).strip("/").split("/")
        try:
            match parts:
                case [collection]:
                    return self.root(district, call, collection)
                case [collection, id_]:
                    return self.single(district, call, collection, id_)
                case [collection, id_, below]:
                    return self.below(district, call, collection, id_, below.lower())
        except RefusedQueryError as refused:
            return refused.reply
        return no_such_route(call)

    def root(self, district: District, call: Call, collection: str) -> Reply:
        """A whole collection."""
        if collection == "districts":
            return self._districts(district, call)
        if collection == "events":
            return self.event_list(call, self.log(district))
        if collection not in self.sources:
            return no_such_route(call)
        listing = Listing(
            collection, self.sources[collection].index(district).ids, self.keep(district, call, collection)
        )
        if self.counts and call.value("count") == "true":
            count = sum(map(listing.keep, listing.ids)) if listing.keep else len(listing.ids)
            return json_reply({"count": count, "links": [{"rel": "self", "uri": call.target}]})
        return self.listed(district, call, listing)

    def keep(self, district: District, call: Call, collection: str) -> Keep | None:  # noqa: ARG002  # versions have filters
        """The filter of a collection that the query asks for."""
        return None

    def _districts(self, district: District, call: Call) -> Reply:
        links = [{"rel": "self", "uri": call.target}]
        if self.counts and call.value("count") == "true":
            return json_reply({"count": 1, "links": links})
        item = {"data": self.district(district), "uri": f"{self.prefix}/districts/{district.id}"}
        return json_reply(
            self.envelope([item], Window([district.id], links), Listing("districts", [district.id]), call)
        )

    def listed(self, district: District, call: Call, listing: Listing) -> Reply:
        """One page of a list."""
        page = window(call, listing.ids, listing.keep)
        source = self.sources[listing.collection]
        get, shape, stem = source.index(district).get, source.shape, f"{self.prefix}/{listing.collection}/"
        items = [shape(district, record) for record in map(get, page.ids) if record is not None]
        if source.wrapped:
            items = [{"data": item, "uri": stem + item["id"]} for item in items]
        return json_reply(self.envelope(items, page, listing, call))

    def envelope(self, items: list[Rendered], page: Window, listing: Listing, call: Call) -> Rendered:  # noqa: ARG002  # v1 needs them
        """What a list's rows come in."""
        return {"data": items, "links": page.links}

    def single(self, district: District, call: Call, collection: str, id_: str) -> Reply:
        """One record with links to what belongs to it."""
        if collection == "districts" and id_ == district.id:
            return self.one(district, collection, id_)
        if collection not in (*self.sources, "districts", "events") or not looks_like_an_id(id_):
            return no_such_route(call)
        if collection == "events":
            return self._event(call, self.log(district), id_)
        if collection == "districts" or self.sources[collection].index(district).get(id_) is None:
            return not_found()
        return self.one(district, collection, id_, links=True)

    def one(self, district: District, collection: str, id_: str, *, links: bool = False) -> Reply:
        """A record that is there, at its own address."""
        address = f"{self.prefix}/{collection}/{id_}"
        related = [{"rel": "self", "uri": address}]
        if collection == "districts":
            return json_reply({"data": self.district(district), "links": related + self.district_links(address)})
        source = self.sources[collection]
        record = source.index(district).get(id_)
        if links:
            related += [{"rel": name, "uri": f"{address}/{name}"} for name in source.links(record)]
        return json_reply({"data": source.shape(district, record), "links": related})

    def district_links(self, address: str) -> list[dict[str, str]]:  # noqa: ARG002  # v1 has some
        """Where a single district leads to."""
        return []

    def below(self, district: District, call: Call, collection: str, id_: str, below: str) -> Reply:
        """What belongs to a record: a list, or one record that it names."""
        address = (collection, below)
        if collection not in self.sources or not (
            below == "district" or address in self.lists or address in self.singles
        ):
            return no_such_route(call)
        if self.sources[collection].index(district).get(id_) is None:
            return not_found()
        if address in self.lists:
            return self.listed(district, call, self.lists[address](district, call, id_))
        if below == "district":
            return self.one(district, "districts", district.id)
        target, other = self.singles[address](district, id_)
        if not other or self.sources[target].index(district).get(other) is None:
            return not_found()
        return self.one(district, target, other)

    # --- events ---

    def log(self, district: District) -> Log:
        """This version's events."""
        return district.feed.log(district, self.name, lambda batch: self.tell(self, batch))

    def event_list(self, call: Call, log: Log, keep: Keep | None = None) -> Reply:
        """Events from the oldest to the newest, of those that ``keep`` allows."""
        page = window(call, log.ids, keep or self.event_filter(call, log))
        if self.marked and not call.query_string:
            page.links[0]["uri"] += "?"
        items: list[Rendered] = [
            {"data": log.events[id_].body, "uri": f"{self.prefix}/events/{id_}"} for id_ in page.ids
        ]
        return json_reply({"data": items, "links": page.links})

    def event_filter(self, call: Call, log: Log) -> Keep | None:
        """``school`` and ``record_type``, of which the second may be repeated (from 2.0 on)."""
        school, types = call.value("school"), {value for key, value in call.query if key == "record_type"}
        if not school and not types:
            return None
        events = log.events
        return lambda id_: (
            (not types or events[id_].record_type in types) and (not school or school in events[id_].schools)
        )

    def _event(self, call: Call, log: Log, id_: str) -> Reply:
        if id_ not in log.events:
            return not_found()
        return json_reply({"data": log.events[id_].body, "links": [{"rel": "self", "uri": call.path}]})


def looks_like_an_id(text: str) -> bool:
    """Whether it could be an id of a record."""
    return len(text) == 24 and all(c in "0123456789abcdef" for c in text)


# --- listers that versions share ---


def sections_where(test: Callable[[Section, str], bool]) -> Lister:
    """The sections that have to do with a record."""

    def lister(district: District, _call: Call, id_: str) -> Listing:
        sections = district.sections
        return Listing("sections", sections.ids, lambda section: test(sections[section], id_))

    return lister


def differences(kind: str) -> Callable[[Batch], Iterator[Change[Any]]]:
    """The changes of a kind of record that has the same ids in every version."""

    def changes(batch: Batch) -> Iterator[Change[Any]]:
        return (Change(d.id, d.before, d.after) for d in batch.of(kind))

    return changes


def shelf(kind: str) -> Callable[[District], Index[Any]]:
    """The district's own shelf of a kind."""
    return lambda district: district.shelf(kind)
