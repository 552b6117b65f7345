"""From the last event of each record to batches: the records as they are now, and the ids of those that are gone."""

from collections.abc import Iterator
from itertools import islice
from typing import Any

import msgspec

from sisportal.providers.base import Cursor
from sisportal.providers.clever_api import CleverApi
from sisportal.providers.clever_families import Family
from sisportal.providers.clever_feed import FeedReading, Last
from sisportal.providers.clever_lists import without_vital
from sisportal.providers.mending import Flaw, mend
from sisportal.roster.records import Batch, Collection, Person, Problem

BATCH = 1_000
"""Records a batch."""


class Changes:
    """What a reading of the feed comes to, for some of the collections."""

    def __init__(self, api: CleverApi, family: Family, reading: FeedReading, wanted: frozenset[Collection]) -> None:
        self._api = api
        self._family = family
        self._reading = reading
        self._wanted = wanted
        self._decoders = {name: msgspec.json.Decoder(subject.wire) for name, subject in family.subjects.items()}

    def __iter__(self) -> Iterator[Batch | Cursor]:
        by_collection: dict[Collection, list[Last]] = {}
        for last in self._reading.last.values():
            by_collection.setdefault(self._family.subjects[last.type].collection, []).append(last)
        for collection in Collection:
            if collection in self._wanted:
                yield from self._batches(collection, by_collection.get(collection, []))
        yield Cursor(self._reading.newest, self._reading.events)

    def _batches(self, collection: Collection, events: list[Last]) -> Iterator[Batch]:
        remaining = iter(events)
        recognize = self._family.recognizer(self._api) if collection is Collection.PEOPLE and events else None
        while part := list(islice(remaining, BATCH)):
            records: list[Any] = []
            problems: list[Problem] = []
            removed = [last.id for last in part if last.deleted or not self._is_taken(last, records, problems)]
            if recognize is not None:
                records = recognize(records)
            yield Batch(collection, records, problems, removed=removed, total=len(events))

    def _is_taken(self, last: Last, records: list[Any], problems: list[Problem]) -> bool:
        """Whether the record belongs to its collection. It joins ``records`` unless it has to be kept out."""
        subject = self._family.subjects[last.type]
        wire, flaws = self._wire(last)
        planned = wire is not None and subject.planned(wire)
        if not planned and not flaws:
            return False
        found: list[Problem] = []
        record = subject.convert(wire, found) if planned else None
        kind = record.role.value if isinstance(record, Person) else subject.kind
        found += [Problem("wrong-type", kind, last.id, flaw.field, flaw.value) for flaw in flaws]
        if isinstance(record, Person) and not record.school:
            found.append(Problem("missing-school", kind, last.id, "school"))
            record = None
        if record is not None and not without_vital(found, subject.vital):
            records.append(record)
        problems += found
        return True

    def _wire(self, last: Last) -> tuple[Any, list[Flaw]]:
        try:
            return self._decoders[last.type].decode(last.object), []
        except msgspec.ValidationError:
            return mend(msgspec.Raw(last.object), self._family.subjects[last.type].wire)
