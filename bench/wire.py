"""Clever's records with every field that a district may send (Clever: Data API 3.1), and each of them as a flat row."""

from typing import Any

import msgspec

Row = tuple[Any, ...]
Text = str | None


class Name(msgspec.Struct, frozen=True, gc=False):
    first: Text = None
    middle: Text = None
    last: Text = None


class Credentials(msgspec.Struct, frozen=True, gc=False):
    district_username: Text = None


class Location(msgspec.Struct, frozen=True, gc=False):
    address: Text = None
    city: Text = None
    state: Text = None
    zip: Text = None


class Disability(msgspec.Struct, frozen=True, gc=False):
    disability_status: Text = None
    disability_type: Text = None
    disability_code: Text = None


class Student(msgspec.Struct, frozen=True, gc=False):
    dob: Text = None
    ell_status: Text = None
    email: Text = None
    frl_status: Text = None
    gender: Text = None
    gifted_status: Text = None
    grade: Text = None
    graduation_year: Text = None
    hispanic_ethnicity: Text = None
    home_language: Text = None
    home_language_code: Text = None
    iep_status: Text = None
    race: Text = None
    school: Text = None
    section_504_status: Text = None
    sis_id: Text = None
    state_id: Text = None
    student_number: Text = None
    legacy_id: Text = None
    enrollments: tuple[Any, ...] = ()
    schools: tuple[str, ...] = ()
    ext: dict[str, Any] = {}
    credentials: Credentials = Credentials()
    location: Location = Location()
    preferred_name: Name = Name()
    disability: Disability = Disability()


class Teacher(msgspec.Struct, frozen=True, gc=False):
    school: Text = None
    sis_id: Text = None
    state_id: Text = None
    teacher_number: Text = None
    title: Text = None
    legacy_id: Text = None
    schools: tuple[str, ...] = ()
    ext: dict[str, Any] = {}
    credentials: Credentials = Credentials()


class Roles(msgspec.Struct, frozen=True, gc=False):
    student: Student = Student()
    teacher: Teacher = Teacher()


class User(msgspec.Struct, frozen=True, gc=False):
    id: str
    created: Text = None
    district: Text = None
    email: Text = None
    last_modified: Text = None
    name: Name = Name()
    roles: Roles = Roles()

    COLUMNS = (
        "id", "created", "district", "email", "last_modified", "first", "middle", "last",
        "dob", "ell_status", "student_email", "frl_status", "gender", "gifted_status", "grade", "graduation_year",
        "hispanic_ethnicity", "home_language", "home_language_code", "iep_status", "race", "school", "section_504_status",
        "sis_id", "state_id", "student_number", "legacy_id", "enrollments", "schools", "ext", "username",
        "address", "city", "state", "zip", "preferred_first", "preferred_middle", "preferred_last",
        "disability_status", "disability_type", "disability_code",
        "teacher_school", "teacher_sis_id", "teacher_state_id", "teacher_number", "title", "teacher_legacy_id",
        "teacher_schools", "teacher_ext", "teacher_username",
    )  # fmt: skip

    def row(self) -> Row:
        """Every field, nested ones too, in the order of ``COLUMNS``."""
        name, one, other = self.name, self.roles.student, self.roles.teacher
        place, nick, need = one.location, one.preferred_name, one.disability
        return (
            self.id, self.created, self.district, self.email, self.last_modified, name.first, name.middle, name.last,
            one.dob, one.ell_status, one.email, one.frl_status, one.gender, one.gifted_status, one.grade, one.graduation_year,
            one.hispanic_ethnicity, one.home_language, one.home_language_code, one.iep_status, one.race, one.school,
            one.section_504_status, one.sis_id, one.state_id, one.student_number, one.legacy_id, _json(one.enrollments),
            " ".join(one.schools), _json(one.ext), one.credentials.district_username,
            place.address, place.city, place.state, place.zip, nick.first, nick.middle, nick.last,
            need.disability_status, need.disability_type, need.disability_code,
            other.school, other.sis_id, other.state_id, other.teacher_number, other.title, other.legacy_id,
            " ".join(other.schools), _json(other.ext), other.credentials.district_username,
        )  # fmt: skip


class Section(msgspec.Struct, frozen=True, gc=False):
    id: str
    course: Text = None
    created: Text = None
    district: Text = None
    grade: Text = None
    last_modified: Text = None
    name: Text = None
    period: Text = None
    school: Text = None
    section_number: Text = None
    sis_id: Text = None
    subject: Text = None
    teacher: Text = None
    term_id: Text = None
    ext: dict[str, Any] = {}
    teachers: tuple[str, ...] = ()
    students: tuple[str, ...] = ()

    COLUMNS = (
        "id", "course", "created", "district", "grade", "last_modified", "name", "period", "school", "section_number", "sis_id",
        "subject", "teacher", "term_id", "ext",
    )  # fmt: skip

    def row(self) -> Row:
        """Every field but the people, in the order of ``COLUMNS``."""
        return (
            self.id, self.course, self.created, self.district, self.grade, self.last_modified, self.name, self.period,
            self.school, self.section_number, self.sis_id, self.subject, self.teacher, self.term_id, _json(self.ext),
        )  # fmt: skip


class Other(msgspec.Struct, frozen=True, gc=False):
    """A school, term or course: some dozens in a district, so that their shape does not matter."""

    id: str
    name: Text = None
    number: Text = None
    subject: Text = None
    start_date: Text = None
    end_date: Text = None

    COLUMNS = ("id", "name", "number", "subject", "start_date", "end_date")

    def row(self) -> Row:
        """Every field, in the order of ``COLUMNS``."""
        return (self.id, self.name, self.number, self.subject, self.start_date, self.end_date)


def _json(value: Any) -> str | None:
    return msgspec.json.encode(value).decode() if value else None
