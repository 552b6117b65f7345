"""How the district's records look in Clever's v2.0 and v2.1 JSON, field by field; v1.1 is made from 2.0."""

from sisportal.sandbox.clever_v3_shapes import birth_date, created, credentials
from sisportal.sandbox.clever_wire import Rendered, present, shuffled, timestamp
from sisportal.sandbox.entities import Person, School, Section, Staff, Student, Teacher, Term
from sisportal.sandbox.feed import Scene

_FEWER_GRADES = {
    "InfantToddler": "PreKindergarten", "Preschool": "PreKindergarten", "TransitionalKindergarten": "Kindergarten",
    "13": "PostGraduate", "Ungraded": "Other",
}  # fmt: skip
"""Grades that came with 2.1, and what a district without them calls the same."""


def district(scene: Scene, *, newest: bool) -> Rendered:
    """The district about itself; ``newest`` is 2.1, here and below."""
    shape: Rendered = {
        "id": scene.id, "name": scene.name, "state": scene.state, "error": scene.error, "sis_type": "sftp",
        "last_sync": timestamp(scene.last_sync), "launch_date": scene.launched, "pause_start": "", "pause_end": "",
    }  # fmt: skip
    if newest:
        shape |= {
            "login_methods": ["Clever Badges", "Clever Passwords"],
            "portal_url": "https://clever.com/in/demo-sandbox",
        }
        if scene.contact is not None:
            shape["district_contact"] = district_admin(scene, scene.contact)
    return shuffled(shape)


def school(scene: Scene, school: School, *, newest: bool) -> Rendered:
    """A school."""
    return shuffled({
        "id": school.id, "created": created(scene, school.created), "last_modified": timestamp(school.modified),
        "district": scene.id, "name": school.name, "sis_id": school.sis_id, "school_number": school.number,
        "low_grade": _grade(school.low_grade, newest=newest), "high_grade": _grade(school.high_grade, newest=newest),
        "phone": school.phone, "state_id": school.state_id, "ext": school.extra if newest else None,
        "location": {"address": school.address, "city": school.city, "state": school.state, "zip": school.zip},
        "principal": {"name": school.principal[0], "email": school.principal[1]} if school.principal else None,
    })  # fmt: skip


def section(scene: Scene, section: Section, *, newest: bool) -> Rendered:
    """A section; its teachers have the older ids."""
    teachers = [scene.teacher_id(teacher) for teacher in section.teachers]
    return shuffled({
        "id": section.id, "created": created(scene, section.created), "last_modified": timestamp(section.modified),
        "district": scene.id, "school": section.school, "course": section.course, "term_id": section.term,
        "name": section.name, "sis_id": section.sis_id, "section_number": section.number, "period": section.period,
        "grade": _grade(section.grade, newest=newest), "subject": section.subject if newest else section.subject or None,
        "ext": section.extra if newest else None, "teacher": teachers[0] if teachers else None, "teachers": teachers,
        "students": section.students,
    })  # fmt: skip


def student(scene: Scene, person: Person, *, newest: bool) -> Rendered:
    """A student."""
    role = person.as_student
    shape: Rendered = _person(scene, person) | _role(role, newest=newest) | {
        "id": role.legacy_id, "dob": birth_date(role.birth_date), "ell_status": role.english_learner,
        "gender": role.gender if newest or role.gender != "X" else "", "grade": _grade(role.grade, newest=newest),
        "graduation_year": role.graduation_year, "hispanic_ethnicity": role.hispanic, "race": role.race,
        "location": {"address": "", "city": "", "state": "", "zip": role.zip or ""}, "student_number": role.number,
    }  # fmt: skip
    if newest:
        shape["enrollments"] = _enrollments(scene, role)
    return shuffled(shape)


def teacher(scene: Scene, person: Person, *, newest: bool) -> Rendered:
    """A teacher."""
    role = person.as_teacher
    return shuffled(
        _person(scene, person)
        | _role(role, newest=newest)
        | {"id": role.legacy_id, "teacher_number": role.number, "title": role.title}
    )


def school_admin(scene: Scene, person: Person, *, newest: bool) -> Rendered:
    """A member of the staff, whom these versions call a school administrator."""
    role = person.staff
    if not isinstance(role, Staff):
        raise TypeError(f"{person.id} is no staff")
    return shuffled({
        "id": role.legacy_id, "district": scene.id, "email": person.email, "staff_id": role.staff_id, "title": role.title,
        "name": present({"first": person.first, "last": person.last}), "schools": role.schools,
        "department": role.department if newest else None, "credentials": credentials(role.username),
        "ext": {} if newest else None,
    })  # fmt: skip


def district_admin(scene: Scene, person: Person) -> Rendered:
    """An administrator of the district."""
    role = person.administrator
    return shuffled({
        "id": role.legacy_id if role else person.id, "district": scene.id, "email": person.email,
        "name": present({"first": person.first, "last": person.last}), "title": role.title if role else "",
    })  # fmt: skip


def contact(scene: Scene, person: Person, *, newest: bool) -> Rendered:
    """A contact with all their students."""
    role = person.contact
    if role is None:
        raise TypeError(f"{person.id} is no contact")
    relation = role.relationships[0]
    return shuffled({
        "id": role.legacy_id, "district": scene.id, "name": person.last, "email": person.email, "phone": role.phone,
        "phone_type": role.phone_type, "relationship": relation.relationship, "sis_id": role.sis_id,
        "type": relation.type if newest else relation.type or None, "students": [r.student for r in role.relationships],
    })  # fmt: skip


def term(scene: Scene, term: Term, *, newest: bool) -> Rendered:
    """A term; before 2.1 its days are spelled in one of three ways."""
    start, finish = (
        (term.start, term.finish) if newest else (spelled(term.start, term.id), spelled(term.finish, term.id))
    )
    return shuffled({"id": term.id, "district": scene.id, "name": term.name, "start_date": start, "end_date": finish})


def spelled(day: str | None, id_: str) -> str | None:
    """An ISO day as it is, with a time of midnight, or as a database has it: always the same way for the same record."""
    if not day:
        return day
    return day + ("", "T00:00:00.000Z", " 00:00:00.000000")[int(id_[-2:], 16) % 3]


def _person(scene: Scene, person: Person) -> Rendered:
    return {
        "created": created(scene, person.created), "last_modified": timestamp(person.modified), "district": scene.id,
        "email": person.email, "name": present({"first": person.first, "last": person.last, "middle": person.middle}),
    }  # fmt: skip


def _role(role: Student | Teacher, *, newest: bool) -> Rendered:
    return {
        "credentials": credentials(role.username), "school": role.school, "schools": role.schools, "sis_id": role.sis_id,
        "state_id": role.state_id, "ext": role.extra if newest else None,
    }  # fmt: skip


def _grade(grade: str | None, *, newest: bool) -> str | None:
    """Before 2.1 there are fewer grades, and no blank one."""
    return grade if newest else _FEWER_GRADES.get(grade or "", grade) or None


def _enrollments(scene: Scene, role: Student) -> list[Rendered]:
    """Where somebody attends more than one school; most districts give none."""
    if len(role.schools) < 2:
        return []
    return [{"school": school, "start_date": scene.launched, "end_date": ""} for school in role.schools]
