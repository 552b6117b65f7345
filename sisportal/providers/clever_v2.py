"""Clever's Data API 2.0 and 2.1: students and teachers in lists of their own, under ids that 3.0 calls ``legacy_id``.

What their records say is what the role's part of a user says from 3.0 on.
"""

from sisportal.providers.clever_v3 import (
    ONLY_STUDENT,
    ONLY_TEACHER,
    WireStudent,
    WireTeacher,
    student_person,
    teacher_person,
)
from sisportal.providers.clever_wire import WireName
from sisportal.roster.records import Person, Problem


class WireStudentRecord(WireStudent, gc=False):
    id: str = ""
    name: WireName | None = None
    email: str | None = None


class WireTeacherRecord(WireTeacher, gc=False):
    id: str = ""
    name: WireName | None = None
    email: str | None = None


def student_record(wire: WireStudentRecord, problems: list[Problem]) -> Person:
    return student_person(wire, wire, ONLY_STUDENT, problems)


def teacher_record(wire: WireTeacherRecord, problems: list[Problem]) -> Person:  # noqa: ARG001  # one signature for every converter
    return teacher_person(wire, wire, ONLY_TEACHER)
