"""Districts as each version of Clever's API shows them, gathered for comparing."""

from collections.abc import Iterable
from typing import Any

import msgspec

from sisportal.providers.base import Cursor
from sisportal.providers.clever import CleverProvider
from sisportal.providers.opening import open_clever
from sisportal.roster.records import Batch, Collection, Person, Seal, Section, resolved
from sisportal.sandbox.entities import at
from sisportal.sandbox.serving import Served
from tests.providers.canned import BOTH

Records = dict[tuple[Collection, str], Any]


def provider(served: Served, version: str, *, page_size: int = 50) -> CleverProvider:
    """The district by one version, in the evening of its day."""
    district = served.sandbox.district
    return open_clever(
        base_url=served.url,
        token=served.sandbox.token,
        version=version,
        clock=lambda: at(district.today, 20) / 1000,
        page_size=page_size,
    )


def held(steps: Iterable[Batch | Seal | Cursor], before: Records | None = None) -> tuple[Records, str]:
    """The records after every batch was applied to ``before``, and the cursor that came last."""
    records, cursor = dict(before or {}), ""
    for step in steps:
        if isinstance(step, Cursor):
            cursor = step.value
        elif isinstance(step, Batch):
            records |= {(step.collection, record.source_id): record for record in step.records}
            for gone in step.removed:
                records.pop((step.collection, gone), None)
    return records, cursor


def everything(source: CleverProvider, items: frozenset[str] = BOTH) -> Records:
    """A full fetch."""
    return held(source.fetch(items=items))[0]


def without_ids(records: Records) -> set[Any]:
    """What all versions agree on: older ids instead of newer ones, sections with their course and term written in.

    Left out is what only some of them know: 1.1 has one school a person and no graduation year, preferred names came
    with 3.1.
    """
    older = {p.source_id: p.legacy_id or p.source_id for p in records.values() if isinstance(p, Person)}
    courses = {c.source_id: c for (kind, _), c in records.items() if kind is Collection.COURSES}
    terms = {t.source_id: t for (kind, _), t in records.items() if kind is Collection.TERMS}
    alike: set[Any] = set()
    for (kind, _), record in records.items():
        if isinstance(record, Person):
            alike.add(
                msgspec.structs.replace(
                    record,
                    source_id=older[record.source_id],
                    legacy_id="",
                    preferred_name="",
                    graduation_year="",
                    schools=(),
                )
            )
        elif isinstance(record, Section):
            whole = resolved(record, courses, terms)
            teachers = tuple(older[teacher] for teacher in record.teachers)
            alike.add(msgspec.structs.replace(whole, course="", term="", teachers=teachers))
        elif kind is Collection.SCHOOLS:
            alike.add(record)
    return alike
