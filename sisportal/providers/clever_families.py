"""What the families of Clever's API versions have of their own: lists, records, and what events are about."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

from sisportal.providers.base import DistrictFacts
from sisportal.providers.clever_administrators import Administrators
from sisportal.providers.clever_api import CleverApi
from sisportal.providers.clever_lists import COURSES, SECTIONS, TERMS, VITAL_TO_SECTIONS, Listing
from sisportal.providers.clever_people import PeopleFetch, is_planned, user_record
from sisportal.providers.clever_role_people import RolePeopleFetch
from sisportal.providers.clever_v1 import WireInlineSection, inline_section_record, with_status
from sisportal.providers.clever_v2 import WireStudentRecord, WireTeacherRecord, student_record, teacher_record
from sisportal.providers.clever_v3 import WireUser
from sisportal.providers.clever_wire import (
    WireCourse,
    WireSchool,
    WireSection,
    WireTerm,
    course_record,
    school_record,
    section_record,
    term_record,
)
from sisportal.providers.paging import Item, Page
from sisportal.roster.records import Batch, Collection, Person, Problem, Seal

Tried = tuple[str, str, dict[str, str]]


class Subject(NamedTuple):
    """What one type of event is about."""

    collection: Collection
    kind: str
    """The ``Problem.type`` of its records."""
    wire: type[Any]
    convert: Callable[[Any, list[Problem]], Any]
    """Wire and problems to a record; None where it is kept out."""
    vital: frozenset[str] = frozenset()
    planned: Callable[[Any], bool] = lambda _wire: True
    """Whether the record belongs to the collection at all; one that does not counts as gone."""


class Family(NamedTuple):
    """Versions that are read in one way."""

    checked: tuple[Tried, ...]
    """What *Test connection* tries besides the district: what to call it, its path and query."""
    calendar: tuple[Listing[Any, Any], ...]
    """The lists of terms and courses; none where sections hold theirs."""
    sections: Listing[Any, Any]
    people: Callable[[CleverApi], Iterable[Batch | Seal]]
    subjects: Mapping[str, Subject]
    """What events are about, by their record type. Of other types nothing is kept."""
    recognizer: Callable[[CleverApi], Callable[[list[Person]], list[Person]]] = lambda _api: lambda people: people
    """Makes what adds to people from events that their own record does not say."""
    unsettling: frozenset[str] = frozenset()
    """Record types whose change may change people about whom there is no event."""
    describe: Callable[[CleverApi, DistrictFacts], DistrictFacts] = lambda _api, facts: facts
    """Adds to the district what is told at another address."""


def _recognizer(api: CleverApi) -> Callable[[list[Person]], list[Person]]:
    """Before 3.0 a teacher is known to be an administrator too by the address only."""
    return Administrators(api).recognized


_SCHOOLS: Tried = ("schools", "/schools", {})
_BY_ROLE: tuple[Tried, ...] = (("students", "/students", {}), ("teachers", "/teachers", {}))
_SECTIONS: Tried = ("sections", "/sections", {})
_CALENDAR: tuple[Tried, ...] = (("terms", "/terms", {}), ("courses", "/courses", {}))
_SCHOOL_SUBJECT = {"schools": Subject(Collection.SCHOOLS, "school", WireSchool, school_record)}
_CALENDAR_SUBJECTS = {
    "terms": Subject(Collection.TERMS, "term", WireTerm, term_record),
    "courses": Subject(Collection.COURSES, "course", WireCourse, course_record),
}
_ROLE_SUBJECTS = {
    "students": Subject(Collection.PEOPLE, "student", WireStudentRecord, student_record),
    "teachers": Subject(Collection.PEOPLE, "teacher", WireTeacherRecord, teacher_record),
}
_ADMINISTRATORS = frozenset({"schooladmins", "districtadmins"})
_INLINE_SECTIONS = Listing(
    Collection.SECTIONS,
    "/sections",
    "section",
    Page[WireInlineSection],
    Item[WireInlineSection],
    inline_section_record,
    vital=VITAL_TO_SECTIONS,
)

V1 = Family(
    checked=(_SCHOOLS, *_BY_ROLE, _SECTIONS),
    calendar=(),
    sections=_INLINE_SECTIONS,
    people=RolePeopleFetch,
    subjects=_SCHOOL_SUBJECT
    | _ROLE_SUBJECTS
    | {
        "sections": Subject(Collection.SECTIONS, "section", WireInlineSection, inline_section_record, VITAL_TO_SECTIONS)
    },
    recognizer=_recognizer,
    unsettling=_ADMINISTRATORS,
    describe=with_status,
)
_SECTION_SUBJECT = {"sections": Subject(Collection.SECTIONS, "section", WireSection, section_record, VITAL_TO_SECTIONS)}
V2 = Family(
    checked=(_SCHOOLS, *_BY_ROLE, _SECTIONS, *_CALENDAR),
    calendar=(TERMS, COURSES),
    sections=SECTIONS,
    people=RolePeopleFetch,
    subjects=_SCHOOL_SUBJECT | _CALENDAR_SUBJECTS | _ROLE_SUBJECTS | _SECTION_SUBJECT,
    recognizer=_recognizer,
    unsettling=_ADMINISTRATORS,
)
V3 = Family(
    checked=(
        _SCHOOLS,
        ("students", "/users", {"role": "student"}),
        ("teachers", "/users", {"role": "teacher"}),
        _SECTIONS,
        *_CALENDAR,
    ),
    calendar=(TERMS, COURSES),
    sections=SECTIONS,
    people=PeopleFetch,
    subjects=_SCHOOL_SUBJECT
    | _CALENDAR_SUBJECTS
    | _SECTION_SUBJECT
    | {"users": Subject(Collection.PEOPLE, "", WireUser, user_record, planned=is_planned)},
)
