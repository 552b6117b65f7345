"""What a provider says, in one shape whichever provider said it: the values that flow from provider to mirror to plan.

A blank is always the empty string: absent, null, empty and whitespace are alike (SPEC 3.3 option 9), so nothing
downstream ever asks which of them it was. Dates are ISO ``YYYY-MM-DD`` or blank. ``source_id`` is the provider's own
identifier (a Clever ID, a OneRoster ``sourcedId``), unique within a connection and a kind of record.
"""

from enum import StrEnum
from hashlib import blake2b

import msgspec
from msgspec import UNSET, UnsetType

PORTAL = "portal"
"""The ``School.kind`` that stands for a whole portal: whoever is of it is of none of its organizations."""
Exact = dict[str, str]
"""Fields of an account or a class by name, as the portal holds them that wrote the package."""


class Collection(StrEnum):
    """The kinds of record that a provider lists, in the order in which a full fetch reads them."""

    SCHOOLS = "schools"
    TERMS = "terms"
    COURSES = "courses"
    PEOPLE = "people"
    SECTIONS = "sections"


class Role(StrEnum):
    """Roles of people in the SIS. Only students and teachers are planned; the others are counted (SPEC 6.4)."""

    STUDENT = "student"
    TEACHER = "teacher"
    STAFF = "staff"
    DISTRICT_ADMIN = "district-admin"
    CONTACT = "contact"
    OTHER = "other"


class School(msgspec.Struct, frozen=True, gc=False):
    """A school of the district (Clever) or an organization that the SIS lists (OneRoster ``org``)."""

    source_id: str
    name: str
    sis_id: str = ""
    number: str = ""
    state_id: str = ""
    kind: str = "school"
    """``school``, ``PORTAL``, or the OneRoster type: ``district``, ``department``, ``local``, ``state``, ``national``."""
    parent: str = ""
    """``source_id`` of the organization above; blank at the top."""
    low_grade: str = ""
    high_grade: str = ""
    city: str = ""
    state: str = ""
    archived: bool | UnsetType = UNSET
    """As of ``Person``."""


class Term(msgspec.Struct, frozen=True, gc=False):
    """A term or academic session: a name and the days it runs from and to."""

    source_id: str
    name: str = ""
    start: str = ""
    finish: str = ""


class Course(msgspec.Struct, frozen=True, gc=False):
    """A course that sections are given of."""

    source_id: str
    name: str = ""
    number: str = ""
    subject: str = ""
    parent: Exact | UnsetType = UNSET
    """The parent class whose sessions are given of it, in a portal that wrote the package (``syncing.package_parents``)."""


class Person(msgspec.Struct, frozen=True, gc=False):
    """A student or a teacher as the SIS lists them."""

    source_id: str
    role: Role
    """The strongest of ``roles``: a person with a teacher role is a teacher, whatever else they are."""
    last_name: str = ""
    first_name: str = ""
    middle_name: str = ""
    preferred_name: str = ""
    email: str = ""
    username: str = ""
    number: str = ""
    """The SIS's ``student_number`` or ``teacher_number`` (OneRoster: ``identifier``)."""
    sis_id: str = ""
    state_id: str = ""
    grade: str = ""
    graduation_year: str = ""
    gender: str = ""
    birth_date: str = ""
    school: str = ""
    """``source_id`` of the primary school."""
    schools: tuple[str, ...] = ()
    """Every school, the primary one first, then as listed."""
    roles: tuple[Role, ...] = ()
    """Every role that the SIS lists, strongest first."""
    legacy_id: str = ""
    """The id that older versions of the provider's API use for this person (Clever v3 ``legacy_id``)."""
    archived: bool | UnsetType = UNSET
    """True where the source lists the record as archived; packages that a portal wrote do. Never in records of others, which
    are stored as if there were no such field."""
    exact: Exact | UnsetType = UNSET
    """What the source's format has no room for, of packages that a portal wrote; it goes before what the format says."""


class Section(msgspec.Struct, frozen=True, gc=False):
    """A section as the SIS lists it.

    ``course_*``, ``term_name``, ``start`` and ``finish`` are blank until ``resolved`` where the provider keeps courses and
    terms in collections of their own.
    """

    source_id: str
    name: str = ""
    number: str = ""
    """The section number."""
    sis_id: str = ""
    subject: str = ""
    grade: str = ""
    period: str = ""
    school: str = ""
    course: str = ""
    """``source_id`` of the course, where the provider has one."""
    term: str = ""
    """``source_id`` of the term, where the provider has one."""
    course_name: str = ""
    course_number: str = ""
    term_name: str = ""
    start: str = ""
    finish: str = ""
    teachers: tuple[str, ...] = ()
    """``source_id`` of each teacher, the primary one first, then as listed."""
    students: tuple[str, ...] = ()
    """``source_id`` of each student, ascending, each once."""
    archived: bool | UnsetType = UNSET
    """As of ``Person``; so is ``exact``."""
    exact: Exact | UnsetType = UNSET
    style: str | UnsetType = UNSET
    """How the class is held, where the source says: it goes before the options (8 and 16)."""
    session: bool | UnsetType = UNSET
    """Where the source says: whether it stands under the parent that its course is, or alone (instead of option 7)."""


Record = School | Term | Course | Person | Section


class Problem(msgspec.Struct, frozen=True, gc=False):
    """Something in the SIS's records that a person should know: never an exception (DESIGN 5).

    ``code`` is a key of the warning catalogue (``roster.catalogue``), which holds the sentence and what to do.
    """

    code: str
    type: str = ""
    """``school``, ``student``, ``teacher``, ``section``, ``term``, ``course`` or blank."""
    external_id: str = ""
    field: str = ""
    value: str = ""
    """What was found, shortened to 200 characters by whoever made the problem."""
    school: str = ""
    """``source_id`` of the school concerned, where known."""
    file: str = ""
    line: int = 0
    column: str = ""


class Batch(msgspec.Struct, frozen=True):
    """Some records of one collection, as they came: about one page's worth, so that memory does not grow."""

    collection: Collection
    records: list[School] | list[Term] | list[Course] | list[Person] | list[Section]
    problems: list[Problem] = msgspec.field(default_factory=list)
    others: dict[str, int] = msgspec.field(default_factory=dict)
    """People read past because of their role: how many of each ``Role`` (SPEC 6.4)."""
    removed: list[str] = msgspec.field(default_factory=list)
    """``source_id`` of records the provider says are gone (events, ``tobedeleted``, delta files)."""
    total: int | None = None
    """How many rows the provider claims the collection has, where it says so: for the progress bar."""


class Seal(msgspec.Struct, frozen=True):
    """The end of one collection: what was seen of it, and whether that is proven to be all (SPEC 5, step 2)."""

    collection: Collection
    complete: bool
    reason: str = ""
    """Why it is not proven complete, as a sentence for the report; blank when it is."""
    pages: int = 0
    rows: int = 0
    distinct: int = 0
    claimed: int | None = None
    """The total that the provider claimed, where it did."""
    among: dict[str, int] = {}
    """Of people: how many of them are students, and teachers."""


def resolved(section: Section, courses: dict[str, Course], terms: dict[str, Term]) -> Section:
    """The section with the values of its course and term written in: what the fingerprint and the plan see.

    A course or term that is not listed leaves the values as they are (blank): the caller warns.
    """
    course = courses.get(section.course)
    term = terms.get(section.term)
    if course is None and term is None:
        return section
    changes: dict[str, str] = {}
    if course is not None:
        changes |= {"course_name": course.name, "course_number": course.number}
        if not section.subject:
            changes["subject"] = course.subject
    if term is not None:
        changes |= {"term_name": term.name, "start": term.start, "finish": term.finish}
    return msgspec.structs.replace(section, **changes)


_encoder = msgspec.json.Encoder()


def encoded(record: Record) -> bytes:
    """The record as JSON, always the same bytes for the same values."""
    return _encoder.encode(record)


def fingerprint(encoded_record: bytes) -> int:
    """64 bits that tell whether a record changed; signed, as databases keep whole numbers."""
    return int.from_bytes(blake2b(encoded_record, digest_size=8).digest(), "big", signed=True)
