"""Clever's events: what a version tells of a batch, nested as on the wire (Clever: Events API)."""

from collections.abc import Iterator
from typing import NamedTuple

import msgspec

from sisportal.sandbox.clever_routes import CleverVersion, Source
from sisportal.sandbox.clever_wire import Rendered, timestamp
from sisportal.sandbox.feed import Batch, Told, event_id

STAMPS = ("created", "last_modified")
"""What differs from sync to sync without any change of the record."""


class Draft(NamedTuple):
    """An event that has no place in the feed yet."""

    type: str
    object: Rendered
    previous: Rendered | None = None


def tell(version: CleverVersion, batch: Batch) -> list[Told]:
    """The batch's events: the district, then what came and changed, then what is gone, from its parts to the schools."""
    drafts = list(_district(version, batch))
    gone: list[list[Draft]] = []
    for collection, source in version.sources.items():
        by_verb: dict[str, list[Draft]] = {"created": [], "updated": [], "deleted": []}
        for draft in _drafts(source.event or collection, source, batch):
            by_verb[draft.type.rpartition(".")[2]].append(draft)
        drafts += by_verb["created"] + by_verb["updated"]
        gone.append(by_verb["deleted"])
    drafts += [draft for deleted in reversed(gone) for draft in deleted]
    return [_told(batch, place, draft) for place, draft in enumerate(drafts)]


def _district(version: CleverVersion, batch: Batch) -> Iterator[Draft]:
    """The heartbeat: ``last_sync`` moves with every reading of the SIS, in versions that show it."""
    before, after = version.district(batch.before), version.district(batch.after)
    if previous := _previous(before, after):
        yield Draft("districts.updated", after, previous)


def _drafts(type_: str, source: Source[object], batch: Batch) -> Iterator[Draft]:
    for change in source.changes(batch):
        before = None if change.before is None else source.about(source.shape(batch.before, change.before))
        after = None if change.after is None else source.about(source.shape(batch.after, change.after))
        if after is None:
            if before is not None:
                yield Draft(f"{type_}.deleted", before)
        elif before is None:
            yield Draft(f"{type_}.created", after)
        elif previous := _previous(before, after):
            yield Draft(f"{type_}.updated", after, previous)


def _previous(before: Rendered, after: Rendered) -> Rendered:
    """Only what changed, nested like the record, with the values from before; a list whole, blank for what was not there."""
    previous: Rendered = {}
    for key in (*before, *(key for key in after if key not in before)):
        old, new = before.get(key), after.get(key)
        if old == new or key in STAMPS:
            continue
        if isinstance(new, dict):
            if below := _previous(old or {}, new):
                previous[key] = below
        elif isinstance(new, list):
            previous[key] = old or []
        else:
            previous[key] = "" if old is None else old
    return previous


def _told(batch: Batch, place: int, draft: Draft) -> Told:
    shape = draft.object
    id_ = event_id(batch.after.id, batch, place)
    data = {"object": shape} | ({} if draft.previous is None else {"previous_attributes": draft.previous})
    event = {"created": timestamp(batch.moment), "data": data, "id": id_, "type": draft.type}
    return Told(id_, draft.type, shape["id"], _schools(draft.type, shape), msgspec.Raw(msgspec.json.encode(event)))


def _schools(type_: str, shape: Rendered) -> tuple[str, ...]:
    """The schools that a record belongs to, over all its roles."""
    if type_.startswith("schools."):
        return (shape["id"],)
    parts = [shape, *shape.get("roles", {}).values()]
    schools = {school for part in parts for school in (part.get("school"), *part.get("schools", ())) if school}
    return tuple(sorted(schools))
