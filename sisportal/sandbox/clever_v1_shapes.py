"""How the district's records look in Clever's v1.1 JSON: 2.0 with fewer fields, and courses and terms inside sections."""

from sisportal.sandbox import clever_v2_shapes as later
from sisportal.sandbox.clever_wire import Rendered, present, shuffled, timestamp
from sisportal.sandbox.entities import Person, Section
from sisportal.sandbox.feed import Scene
from sisportal.sandbox.legacy import Relation

_STATES = {"error": "error", "pending": "pending", "paused": "pending"}
"""1.1 knows neither ``paused`` nor ``success``."""


def district(scene: Scene) -> Rendered:
    """The district about itself: hardly anything, see ``status``."""
    return {"name": scene.name, "id": scene.id}


def status(scene: Scene) -> Rendered:
    """How the district is doing, which later versions say of it directly."""
    return {
        "id": scene.id, "state": _STATES.get(scene.state, "running"), "error": scene.error, "sis_type": "sftp",
        "instant_login": True, "last_sync": timestamp(scene.last_sync),
    }  # fmt: skip


def student(scene: Scene, person: Person) -> Rendered:
    """A student, of one school. The last two fields are on the wire although the reference does not have them."""
    shape = _without(later.student(scene, person, newest=False), "schools", "graduation_year")
    role = person.as_student
    return shape | present({"frl_status": role.free_lunch, "iep_status": role.special_education})


def teacher(scene: Scene, person: Person) -> Rendered:
    """A teacher, of one school."""
    return _without(later.teacher(scene, person, newest=False), "schools")


def section(scene: Scene, section: Section) -> Rendered:
    """A section with its course and its term inside."""
    shape = _without(later.section(scene, section, newest=False), "course", "term_id")
    if course := scene.course(section.course):
        shape |= present({"course_name": course.name, "course_number": course.number})
    if term := scene.term(section.term):
        start, finish = (later.spelled(day, section.id) for day in (term.start, term.finish))
        shape["term"] = present({"name": term.name, "start_date": start, "end_date": finish})
    return shape


def contact(scene: Scene, relation: Relation) -> Rendered:
    """A contact of one student."""
    contact, relationship = relation.contact, relation.relationship
    return shuffled({
        "id": relation.id, "district": scene.id, "name": relation.person.last, "email": relation.person.email,
        "phone": contact.phone, "phone_type": contact.phone_type, "relationship": relationship.relationship,
        "student": relationship.student, "type": relationship.type,
    })  # fmt: skip


def _without(shape: Rendered, *names: str) -> Rendered:
    for name in names:
        shape.pop(name, None)
    return shape
