"""The mirror's tables, and what the pages and the stages find its rows by: search texts, marks, and who is archived."""

from typing import cast

from sqlalchemy import ColumnElement, Table, Text, type_coerce

from sisportal.models import SisEnrollment, SisSection
from sisportal.roster.records import Person, Section, fingerprint
from sisportal.roster.text import searchable
from sisportal.syncing.twins import PEOPLE, REFERENCES

__all__ = [
    "ENROLLMENTS", "PEOPLE", "REFERENCES", "SECTIONS", "is_mark_of", "listed_as_archived", "mark_of", "person_search",
    "section_search",
]  # fmt: skip

SECTIONS = cast(Table, SisSection.__table__)
ENROLLMENTS = cast(Table, SisEnrollment.__table__)

_SPREAD = 0x9E3779B97F4A7C15
"""Mixed into a section's fingerprint once for each of its people who is not listed: it changes when they appear."""


def listed_as_archived(table: Table) -> ColumnElement[bool]:
    """Whether the source lists a record of the mirror as archived (``Person.archived``)."""
    return type_coerce(table.c.payload, Text).contains('"archived":true')


def person_search(person: Person) -> str:
    """What lists of people sort by and search in: last name first."""
    return searchable(
        person.last_name,
        person.first_name,
        person.preferred_name,
        person.email,
        person.number,
        person.username,
        person.sis_id,
    )


def section_search(section: Section) -> str:
    """What lists of sections sort by and search in."""
    return searchable(
        section.name, section.course_name, section.course_number, section.number, section.period, section.sis_id
    )


def mark_of(payload: bytes, unlisted: int = 0) -> int:
    """What tells that a record changed; ``unlisted``: how many of its people are not listed."""
    plain = fingerprint(payload)
    return _mixed(plain, unlisted) if unlisted else plain


def is_mark_of(mark: int, payload: str) -> bool:
    """Whether a mark is that of a record as it is stored, whoever of its people was not listed then."""
    plain = fingerprint(payload.encode())
    return mark == plain or any(mark == _mixed(plain, number) for number in range(1, payload.count('","') + 3))


def _mixed(mark: int, unlisted: int) -> int:
    mixed = (mark ^ (_SPREAD * unlisted)) & 0xFFFFFFFFFFFFFFFF
    return mixed - (1 << 64) if mixed >> 63 else mixed
