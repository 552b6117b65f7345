"""OneRoster's replies: a single object, or the page of a list that is asked for, as the profile has them."""

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

import msgspec

from sisportal.sandbox.clever_wire import Call, Rendered, Reply, json_reply
from sisportal.sandbox.oneroster_objects import Listed
from sisportal.sandbox.oneroster_profiles import Profile
from sisportal.sandbox.oneroster_query import (
    Filter,
    Window,
    address,
    fields_asked,
    links,
    parse_filter,
    sort_key,
    window_asked,
)
from sisportal.sandbox.oneroster_quirks import bent
from sisportal.sandbox.oneroster_refusals import RefusedError
from sisportal.sandbox.oneroster_routes import ENDPOINTS, Lists
from sisportal.sandbox.oneroster_shapes import Shapes, fields_of


@dataclass
class Asked:
    """A request for a list, or for one object."""

    call: Call
    version: str
    base: str
    """The address of the service, without a slash at the end."""
    endpoint: str
    key: tuple[str, ...]
    """Names the list, for keeping what was made of it."""
    entries: Sequence[Listed]
    single: Listed | None = None

    @property
    def kind(self) -> str:
        return ENDPOINTS[self.endpoint].kind

    @property
    def known_fields(self) -> frozenset[str]:
        return fields_of(self.version, self.kind)


class Pages:
    """Makes the reply to one request, which has a number of its own."""

    def __init__(self, profile: Profile, lists: Lists, number: int) -> None:
        self._profile = profile
        self._lists = lists
        self._number = number

    def reply(self, asked: Asked) -> Reply:
        """Raises RefusedError for parameters that are refused."""
        if asked.single is None:
            return self._page(asked)
        row = next(self._rows(asked, [asked.single]))
        match self._profile.envelope:
            case "bare":
                return json_reply(row)
            case "endpoint":
                return json_reply({asked.endpoint.removesuffix("s"): row})
        return json_reply({ENDPOINTS[asked.endpoint].single: row})

    def _rows(self, asked: Asked, entries: Sequence[Listed]) -> Iterator[Rendered]:
        fields, shapes = fields_asked(asked.call, asked.known_fields), Shapes(asked.version, asked.base)
        for entry in entries:
            row = shapes.row(asked.kind, entry)
            chosen = row if fields is None else {name: value for name, value in row.items() if name in fields}
            yield bent(asked.kind, chosen, self._profile)

    def _page(self, asked: Asked) -> Reply:
        profile, wanted = self._profile, window_asked(asked.call)
        if profile.refuses_above and wanted.limit > profile.refuses_above:
            raise RefusedError("invaliddata", f"limit must not be larger than {profile.refuses_above}.")
        everything = self._listed(asked)
        entries = self._sorted(asked, self._filtered(asked, everything))
        given = wanted._replace(limit=min(wanted.limit, profile.most or wanted.limit))
        part = entries[given.offset : given.offset + given.limit] if profile.pages else entries
        rows = list(self._rows(asked, part))
        reply = Reply(200, msgspec.json.encode(self._enveloped(asked, rows)))
        total = len(everything if profile.totals == "unfiltered" else entries)
        if profile.totals != "none":
            reply.headers["X-Total-Count"] = str(total)
        if profile.revisions:
            reply.headers["x-count"] = str(len(rows))
        reply.headers |= self._links(asked, wanted if profile.links == "leaping" else given, total)
        return reply

    def _enveloped(self, asked: Asked, rows: list[Rendered]) -> object:
        match self._profile.envelope:
            case "bare":
                return rows
            case "endpoint":
                return {asked.endpoint: rows}
        return {ENDPOINTS[asked.endpoint].envelope: rows}

    def _listed(self, asked: Asked) -> Sequence[Listed]:
        """What the profile lists of it."""
        if self._profile.keeps_gone and not self._profile.planned_only:
            return asked.entries
        return self._keep(("listed", *asked.key), lambda: [one for one in asked.entries if self._lists_one(one)])

    def _lists_one(self, entry: Listed) -> bool:
        if entry.gone and not self._profile.keeps_gone:
            return False
        offices = getattr(entry.item, "offices", ())
        return not (self._profile.planned_only and offices and offices[0].role not in ("student", "teacher"))

    def _filtered(self, asked: Asked, entries: Sequence[Listed]) -> Sequence[Listed]:
        text, way = asked.call.value("filter"), self._profile.filters
        if not text or way == "ignored":
            return entries
        if way == "nothing":
            return []
        if way == "refused":
            raise RefusedError("invalid_filter_field", "Filters are not supported.")
        try:
            found = parse_filter(text, asked.known_fields)
        except RefusedError:
            if way == "lenient":
                return entries
            raise
        return self._keep(("filtered", *asked.key, asked.version, text), lambda: self._passing(asked, entries, found))

    def _passing(self, asked: Asked, entries: Sequence[Listed], found: Filter) -> list[Listed]:
        test = found.test(partial(Shapes(asked.version, asked.base).row, asked.kind))
        return [one for one in entries if test(one)]

    def _sorted(self, asked: Asked, entries: Sequence[Listed]) -> Sequence[Listed]:
        """In the order asked for; in that of the ids where none is, or one that is unknown (the request still succeeds)."""
        field, direction = asked.call.value("sort"), asked.call.value("orderBy") or "asc"
        if field and not self._profile.sorts:
            raise RefusedError("invalid_sort_field", "Sorting is not supported.")
        if direction not in ("asc", "desc"):
            raise RefusedError("invaliddata", "orderBy must be asc or desc.")
        if self._profile.order == "unsorted" or (self._profile.order == "unstable" and not field):
            return random.Random(self._number).sample(entries, len(entries))
        down = direction == "desc" and self._profile.descends
        if field.partition(".")[0] not in asked.known_fields or (field == "sourcedId" and not down):
            return entries
        key = sort_key(field, partial(Shapes(asked.version, asked.base).row, asked.kind))
        name = ("sorted", *asked.key, asked.version, asked.call.value("filter"), field, str(down))
        return self._keep(name, lambda: sorted(entries, key=key, reverse=down))

    def _keep(self, key: tuple[str, ...], make: Callable[[], list[Listed]]) -> list[Listed]:
        kept: list[Listed] = self._lists.kept(key, make)
        return kept

    def _links(self, asked: Asked, window: Window, total: int) -> dict[str, str]:
        where = partial(address, asked.call, f"http://{asked.call.host}{asked.call.raw_path}")
        around = links(window, total)
        match self._profile.links:
            case "none":
                return {}
            case "next":
                following = window._replace(offset=window.offset + window.limit)
                return {"Link": f'<{where(following)}>; rel="next",'}
            case "headers":
                names = {"next": "Next", "prev": "Previous"}
                return {names[rel]: where(part) for rel, part in around if rel in names}
        return {"Link": ", ".join(f'<{where(part)}>; rel="{rel}"' for rel, part in around)} if around else {}
