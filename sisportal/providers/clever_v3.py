"""Clever's Data API 3.0 and 3.1: users with roles, and sections that name them."""

from typing import Any

import msgspec

from sisportal.providers.wire_values import day, text
from sisportal.roster.records import Person, Problem, Role, Section

# --- users -----------------------------------------------------------------------------------------------------------


class WireName(msgspec.Struct, gc=False):
    first: str | None = None
    middle: str | None = None
    last: str | None = None


class WireCredentials(msgspec.Struct, gc=False):
    district_username: str | None = None


class WireStudent(msgspec.Struct, gc=False):
    school: str | None = None
    schools: list[str] | None = None
    sis_id: str | None = None
    state_id: str | None = None
    student_number: str | None = None
    grade: str | None = None
    graduation_year: str | None = None
    gender: str | None = None
    dob: str | None = None
    credentials: WireCredentials | None = None
    preferred_name: WireName | None = None
    legacy_id: str | None = None


class WireTeacher(msgspec.Struct, gc=False):
    school: str | None = None
    schools: list[str] | None = None
    sis_id: str | None = None
    state_id: str | None = None
    teacher_number: str | None = None
    credentials: WireCredentials | None = None
    legacy_id: str | None = None


class _Held(msgspec.Struct, gc=False):
    """A role that is only noted."""


class WireRoles(msgspec.Struct, gc=False):
    student: WireStudent | None = None
    teacher: WireTeacher | None = None
    staff: _Held | None = None
    district_admin: _Held | None = None
    contact: _Held | None = None


class WireUser(msgspec.Struct, gc=False):
    id: str = ""
    name: WireName | None = None
    email: str | None = None
    roles: WireRoles | None = None


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


_NO_ROLES = WireRoles()
_NO_NAME = WireName()
_STUDENT = (Role.STUDENT,)
_TEACHER = (Role.TEACHER,)


def roles_of(user: WireUser) -> tuple[Role, ...]:
    """Every role, the strongest first: whoever teaches is a teacher, whatever else they are."""
    held = user.roles or _NO_ROLES
    if held.staff is None and held.district_admin is None and held.contact is None:  # nearly everyone: no new tuple
        if held.teacher is None and held.student is not None:
            return _STUDENT
        if held.student is None and held.teacher is not None:
            return _TEACHER
    each: list[tuple[Role, Any]] = [
        (Role.TEACHER, held.teacher),
        (Role.STUDENT, held.student),
        (Role.STAFF, held.staff),
        (Role.DISTRICT_ADMIN, held.district_admin),
        (Role.CONTACT, held.contact),
    ]
    return tuple(role for role, value in each if value is not None)


def person_record(user: WireUser, roles: tuple[Role, ...], problems: list[Problem]) -> Person:
    """``roles`` are those of the user and begin with student or teacher."""
    held = user.roles or _NO_ROLES
    if roles[0] is Role.TEACHER:
        return _teacher(user, held.teacher or WireTeacher(), roles)
    return _student(user, held.student or WireStudent(), roles, problems)


def _student(user: WireUser, wire: WireStudent, roles: tuple[Role, ...], problems: list[Problem]) -> Person:
    name = user.name or _NO_NAME
    credentials = wire.credentials
    schools = _first_then_listed(wire.school, wire.schools)
    return Person(
        user.id,
        Role.STUDENT,
        text(name.last),
        text(name.first),
        text(name.middle),
        text(wire.preferred_name.first) if wire.preferred_name else "",
        text(user.email),
        text(credentials.district_username) if credentials else "",
        text(wire.student_number),
        text(wire.sis_id),
        text(wire.state_id),
        text(wire.grade),
        text(wire.graduation_year),
        text(wire.gender),
        day(wire.dob, "student", user.id, "dob", problems),
        schools[0] if schools else "",
        schools,
        roles,
        text(wire.legacy_id),
    )


def _teacher(user: WireUser, wire: WireTeacher, roles: tuple[Role, ...]) -> Person:
    name = user.name or _NO_NAME
    credentials = wire.credentials
    schools = _first_then_listed(wire.school, wire.schools)
    return Person(
        user.id,
        Role.TEACHER,
        text(name.last),
        text(name.first),
        text(name.middle),
        "",
        text(user.email),
        text(credentials.district_username) if credentials else "",
        text(wire.teacher_number),
        text(wire.sis_id),
        text(wire.state_id),
        "",
        "",
        "",
        "",
        schools[0] if schools else "",
        schools,
        roles,
        text(wire.legacy_id),
    )


def _first_then_listed(primary: str | None, listed: list[str] | None) -> tuple[str, ...]:
    """Every school once, the primary one first: on the wire the list is in order of id (Clever: users)."""
    if primary and (not listed or listed == [primary]):
        return (primary,)
    return tuple(dict.fromkeys(school for school in (primary, *(listed or ())) if school))


# --- sections --------------------------------------------------------------------------------------------------------


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
        teachers=_first_then_listed(wire.teacher, wire.teachers),
        students=_ascending(wire.students),
    )


def _ascending(ids: list[str] | None) -> tuple[str, ...]:
    if not ids:
        return ()
    ordered = sorted(ids)  # already in order on the wire, which makes this cheap
    if len(set(ordered)) != len(ordered) or not ordered[0]:
        ordered = sorted({one for one in ids if one})
    return tuple(ordered)
