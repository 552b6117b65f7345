"""How the district's records look in Clever's v3.0 and v3.1 JSON, field by field as on the wire."""

from sisportal.sandbox.clever_wire import Rendered, present, shuffled, timestamp
from sisportal.sandbox.entities import (
    Administrator,
    Contact,
    Course,
    Person,
    School,
    Section,
    Staff,
    Student,
    Teacher,
    Term,
)
from sisportal.sandbox.feed import Scene


def district(district: Scene, *, extras: bool) -> Rendered:
    """The district about itself. ``pause_*``, ``nces_id`` and ``mdr_number`` are left out, as where nobody gave them."""
    contact = district.contact
    shape: Rendered = {
        "id": district.id, "name": district.name, "state": district.state, "error": district.error, "sis_type": "sftp",
        "last_sync": timestamp(district.last_sync), "launch_date": district.launched,
        "login_methods": ["Clever Badges", "Clever Passwords"], "portal_url": "https://clever.com/in/demo-sandbox",
    }  # fmt: skip
    if contact is not None:
        name = {"first": contact.first, "last": contact.last}
        shape["district_contact"] = {
            "district": district.id, "email": contact.email, "name": name, "title": "", "id": contact.id,
        }  # fmt: skip
    if extras:
        shape |= {"lms_state": "", "lms_type": ""}
    return shuffled(shape)


def school(district: Scene, school: School) -> Rendered:
    """A school."""
    return shuffled({
        "id": school.id, "created": created(district, school.created), "last_modified": timestamp(school.modified),
        "district": district.id, "name": school.name, "sis_id": school.sis_id, "school_number": school.number,
        "low_grade": school.low_grade, "high_grade": school.high_grade, "phone": school.phone,
        "state_id": school.state_id, "ext": school.extra,
        "location": {"address": school.address, "city": school.city, "state": school.state, "zip": school.zip},
        "principal": {"name": school.principal[0], "email": school.principal[1]} if school.principal else None,
    })  # fmt: skip


def section(district: Scene, section: Section) -> Rendered:
    """A section; its primary teacher is the first of its teachers and also stands alone."""
    return shuffled({
        "id": section.id, "created": created(district, section.created), "last_modified": timestamp(section.modified),
        "district": district.id, "school": section.school, "course": section.course, "term_id": section.term,
        "name": section.name, "sis_id": section.sis_id, "section_number": section.number, "period": section.period,
        "grade": section.grade, "subject": section.subject, "ext": section.extra,
        "teacher": section.teachers[0] if section.teachers else None,
        "teachers": section.teachers, "students": section.students,
    })  # fmt: skip


def course(district: Scene, course: Course) -> Rendered:
    """A course."""
    return shuffled({"id": course.id, "district": district.id, "name": course.name, "number": course.number})


def term(district: Scene, term: Term) -> Rendered:
    """A term."""
    return shuffled({
        "id": term.id, "district": district.id, "name": term.name, "start_date": term.start, "end_date": term.finish,
    })  # fmt: skip


def user(district: Scene, person: Person, *, extras: bool) -> Rendered:
    """Anybody, with a part for each of their roles."""
    roles: Rendered = {}
    if person.student is not None:
        roles["student"] = _student(person, person.student, extras=extras)
    if person.teacher is not None:
        roles["teacher"] = _teacher(person.teacher)
    if person.staff is not None:
        roles["staff"] = _staff(person.staff)
    if person.administrator is not None:
        roles["district_admin"] = _administrator(person.administrator)
    if person.contact is not None:
        roles["contact"] = _contact(person.contact)
    return shuffled({
        "id": person.id, "created": created(district, person.created), "last_modified": timestamp(person.modified),
        "district": district.id, "email": person.email,
        "name": present({"first": person.first, "last": person.last, "middle": person.middle}),
        "roles": roles,
    })  # fmt: skip


def created(district: Scene, moment: int) -> str:
    """Not the same from one sync to the next: nothing may be keyed on it."""
    return timestamp(moment + district.day * 1009)


def credentials(username: str | None) -> Rendered | None:
    """What somebody signs in with, where the SIS says."""
    return None if username is None else {"district_username": username}


def _student(person: Person, role: Student, *, extras: bool) -> Rendered:
    shape: Rendered = {
        "credentials": credentials(role.username), "dob": birth_date(role.birth_date), "enrollments": [],
        "ext": role.extra, "gender": role.gender, "grade": role.grade, "graduation_year": role.graduation_year,
        "hispanic_ethnicity": role.hispanic, "race": role.race, "school": role.school, "schools": role.schools,
        "location": {"address": "", "city": "", "state": "", "zip": role.zip or ""},
        "sis_id": role.sis_id, "state_id": role.state_id, "student_number": role.number, "email": person.email,
    }  # fmt: skip
    if extras:
        shape |= _student_extras(role)
    return present(shape)


def _student_extras(role: Student) -> Rendered:
    """The fields that came with 3.1."""
    language, code = role.home_language or ("", "")
    special = role.special_education or ""
    preferred = role.preferred_first
    return {
        "ell_status": role.english_learner, "frl_status": role.free_lunch, "iep_status": role.special_education,
        "gifted_status": role.extra.get("gifted_status"), "section_504_status": "N",
        "home_language": language, "home_language_code": code,
        "preferred_name": {"first": preferred, "middle": "", "last": ""} if preferred else None,
        "disability": {"disability_status": special, "disability_type": "", "disability_code": ""} if special else None,
    }  # fmt: skip


def birth_date(iso: str | None) -> str | None:
    """``2011-01-16`` as ``1/16/2011``."""
    if not iso:
        return iso
    year, month, day = iso.split("-")
    return f"{int(month)}/{int(day)}/{year}"


def _teacher(role: Teacher) -> Rendered:
    return present({
        "credentials": credentials(role.username), "ext": role.extra, "school": role.school, "schools": role.schools,
        "sis_id": role.sis_id, "state_id": role.state_id, "teacher_number": role.number, "title": role.title,
        "legacy_id": role.legacy_id,
    })  # fmt: skip


def _staff(role: Staff) -> Rendered:
    return present({
        "credentials": credentials(role.username), "ext": {}, "schools": role.schools, "staff_id": role.staff_id,
        "title": role.title, "department": role.department, "roles": role.roles, "legacy_id": role.legacy_id,
    })  # fmt: skip


def _administrator(role: Administrator) -> Rendered:
    return present({"title": role.title, "legacy_id": role.legacy_id})


def _contact(role: Contact) -> Rendered:
    relationships = [{"relationship": r.relationship, "student": r.student, "type": r.type} for r in role.relationships]
    return present({
        "phone": role.phone, "phone_type": role.phone_type, "sis_id": role.sis_id, "legacy_id": role.legacy_id,
        "student_relationships": relationships,
    })  # fmt: skip
