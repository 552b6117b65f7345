"""What Clever's versions have in common on the wire (courses, terms and sections from 2.0 on), and the records made of it.

Only what the portal keeps is declared: whatever else a token may see is dropped while decoding. Every field may be
absent or null (Clever: guaranteed fields aside, data is as the SIS has it).
"""

import msgspec

from sisportal.providers.base import DistrictFacts
from sisportal.providers.wire_values import day, text
from sisportal.roster.records import Course, Problem, School, Section, Term


class WireDistrict(msgspec.Struct):
    id: str = ""
    name: str | None = None
    state: str | None = None
    error: str | None = None
    last_sync: str | None = None
    sis_type: str | None = None
    launch_date: str | None = None
    pause_start: str | None = None
    pause_end: str | None = None


class WireLocation(msgspec.Struct, gc=False):
    city: str | None = None
    state: str | None = None


class WireSchool(msgspec.Struct, gc=False):
    id: str = ""
    name: str | None = None
    sis_id: str | None = None
    school_number: str | None = None
    state_id: str | None = None
    low_grade: str | None = None
    high_grade: str | None = None
    location: WireLocation | None = None


class WireTerm(msgspec.Struct, gc=False):
    id: str = ""
    name: str | None = None
    start_date: str | None = None
    end_date: str | None = None


class WireCourse(msgspec.Struct, gc=False):
    id: str = ""
    name: str | None = None
    number: str | None = None


class WireName(msgspec.Struct, gc=False):
    first: str | None = None
    middle: str | None = None
    last: str | None = None


class WireCredentials(msgspec.Struct, gc=False):
    district_username: str | None = None


class WireSection(msgspec.Struct, gc=False):
    id: str = ""
    name: str | None = None
    section_number: str | None = None
    sis_id: str | None = None
    subject: str | None = None
    grade: str | None = None
    period: str | None = None
    school: str | None = None
    course: str | None = None
    term_id: str | None = None
    teacher: str | None = None
    teachers: list[str] | None = None
    students: list[str] | None = None


def district_facts(wire: WireDistrict) -> DistrictFacts:
    return DistrictFacts(
        wire.id,
        text(wire.name),
        text(wire.state),
        text(wire.error),
        text(wire.last_sync),
        text(wire.sis_type),
        text(wire.launch_date),
        text(wire.pause_start),
        text(wire.pause_end),
    )


def school_record(wire: WireSchool, problems: list[Problem]) -> School:  # noqa: ARG001  # one signature for every converter
    location = wire.location
    return School(
        wire.id,
        text(wire.name),
        text(wire.sis_id),
        text(wire.school_number),
        text(wire.state_id),
        low_grade=text(wire.low_grade),
        high_grade=text(wire.high_grade),
        city=text(location.city) if location else "",
        state=text(location.state) if location else "",
    )


def term_record(wire: WireTerm, problems: list[Problem]) -> Term:
    start = day(wire.start_date, "term", wire.id, "start_date", problems)
    finish = day(wire.end_date, "term", wire.id, "end_date", problems)
    return Term(wire.id, text(wire.name), start, finish)


def course_record(wire: WireCourse, problems: list[Problem]) -> Course:  # noqa: ARG001  # as above
    return Course(wire.id, text(wire.name), text(wire.number))


def section_record(wire: WireSection, problems: list[Problem]) -> Section:
    if not wire.school:
        problems.append(Problem("missing-school", "section", wire.id, "school"))
    return Section(
        wire.id,
        text(wire.name),
        text(wire.section_number),
        text(wire.sis_id),
        text(wire.subject),
        text(wire.grade),
        text(wire.period),
        wire.school or "",
        wire.course or "",
        wire.term_id or "",
        teachers=first_then_listed(wire.teacher, wire.teachers),
        students=ascending(wire.students),
    )


def ascending(ids: list[str] | None) -> tuple[str, ...]:
    if not ids:
        return ()
    ordered = sorted(ids)  # already in order on the wire, which makes this cheap
    if len(set(ordered)) != len(ordered) or not ordered[0]:
        ordered = sorted({one for one in ids if one})
    return tuple(ordered)


def first_then_listed(primary: str | None, listed: list[str] | None) -> tuple[str, ...]:
    """Every school once, the primary one first: on the wire the list is in order of id (Clever: users)."""
    if primary and (not listed or listed == [primary]):
        return (primary,)
    return tuple(dict.fromkeys(school for school in (primary, *(listed or ())) if school))
