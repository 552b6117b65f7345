"""Pins as people read them: what the field is called, and its three values."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, select

from sisportal.models import Organization
from sisportal.syncing.explaining import LABELS, value_text
from sisportal.syncing.local_edits import STUDENTS, TEACHERS
from sisportal.syncing.members import names

Texts = dict[str, str]
"""``field``, ``last``, ``here`` and ``sis``."""


def named(connection: Connection, connection_id: int, pins: Sequence[Any]) -> Iterator[tuple[Any, Texts]]:
    """Stored pins (or ``LocalEdit``) with their texts: two look-ups for all of them."""
    people = {source_id: name for source_id, (name, _) in names(connection, connection_id, _people(pins)).items()}
    organizations = _organizations(connection, pins)
    for pin in pins:
        yield pin, _texts(pin, organizations, people)


def _texts(pin: Any, organizations: Mapping[int, str], people: Mapping[str, str]) -> Texts:
    sides = {"last": pin.last, "here": pin.here, "sis": pin.sis}
    if pin.field == STUDENTS:
        name = people.get(pin.member, pin.member)
        return {"field": f"Student {name}"} | {side: _place(is_in) for side, is_in in sides.items()}
    texts = {side: value_text(pin.field, value, organizations, people) for side, value in sides.items()}
    if pin.field == TEACHERS:
        texts = {side: text or "Nobody" for side, text in texts.items()}
    return {"field": LABELS.get(pin.field, pin.field).partition(",")[0]} | texts


def _place(is_in: Any) -> str:
    return "In the class" if is_in else "Not in the class"


def _people(pins: Iterable[Any]) -> set[str]:
    found: set[str] = set()
    for pin in pins:
        found |= {pin.member} if pin.field == STUDENTS else set()
        found |= {*pin.last, *pin.here, *pin.sis} if pin.field == TEACHERS else set()
    return found


def _organizations(connection: Connection, pins: Iterable[Any]) -> dict[int, str]:
    ids: set[int] = set()
    for pin in pins:
        if pin.field in {"organization", "organizations"}:
            for side in (pin.last, pin.here, pin.sis):
                ids |= {*side} if isinstance(side, list) else {side} - {None}
    if not ids:
        return {}
    rows = connection.execute(select(Organization.id, Organization.name).where(Organization.id.in_(ids)))
    return {row.id: row.name for row in rows}
