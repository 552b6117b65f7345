"""Clever's Data API 3.0 and 3.1: users with roles."""

from typing import Any, Protocol

import msgspec

from sisportal.providers.clever_wire import WireCredentials, WireName, first_then_listed
from sisportal.providers.wire_values import day, text
from sisportal.roster.records import Person, Problem, Role


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


class Named(Protocol):
    """What every version says at the top of a person."""

    @property
    def id(self) -> str: ...
    @property
    def name(self) -> WireName | None: ...
    @property
    def email(self) -> str | None: ...


_NO_ROLES = WireRoles()
_NO_NAME = WireName()
ONLY_STUDENT = (Role.STUDENT,)
ONLY_TEACHER = (Role.TEACHER,)


def roles_of(user: WireUser) -> tuple[Role, ...]:
    """Every role, the strongest first: whoever teaches is a teacher, whatever else they are."""
    held = user.roles or _NO_ROLES
    if held.staff is None and held.district_admin is None and held.contact is None:  # nearly everyone: no new tuple
        if held.teacher is None and held.student is not None:
            return ONLY_STUDENT
        if held.student is None and held.teacher is not None:
            return ONLY_TEACHER
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
        return teacher_person(user, held.teacher or WireTeacher(), roles)
    return student_person(user, held.student or WireStudent(), roles, problems)


def student_person(user: Named, wire: WireStudent, roles: tuple[Role, ...], problems: list[Problem]) -> Person:
    """``wire`` is the student's part of the user; before 3.0 it is the whole."""
    name = user.name or _NO_NAME
    credentials = wire.credentials
    schools = first_then_listed(wire.school, wire.schools)
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


def teacher_person(user: Named, wire: WireTeacher, roles: tuple[Role, ...]) -> Person:
    """``wire`` is the teacher's part of the user; before 3.0 it is the whole."""
    name = user.name or _NO_NAME
    credentials = wire.credentials
    schools = first_then_listed(wire.school, wire.schools)
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
