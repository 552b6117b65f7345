"""Field rules: what a record of the SIS means in the portal's own fields, and how two sets of values differ (SPEC 6.4, 6.6).

Values are flat dicts of JSON-able values, keyed by the names that the export uses. ``organization`` is an id or None,
``organizations`` a list of ids, ``roles`` a list of words, everything else text.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

import msgspec

from sisportal.roster.options import Blanks, Options, StudentIdTarget, TeacherIdTarget
from sisportal.roster.records import Person, Role, Section

Values = dict[str, Any]
Places = Mapping[str, int | None]
"""``source_id`` of each mapped school -> id of its organization; None where the portal is of that one school."""

ACCOUNT_FIELDS = (
    "role",
    "roles",
    "first_name",
    "middle_name",
    "last_name",
    "preferred_name",
    "email",
    "student_id",
    "teacher_id",
    "sis_id",
    "state_id",
    "grade",
    "graduation_year",
    "gender",
    "birth_date",
    "organization",
    "organizations",
)
CLASS_FIELDS = (
    "name",
    "code",
    "subject",
    "grade",
    "period",
    "term",
    "start",
    "finish",
    "sis_id",
    "organization",
)


_NO_TEXTS = frozenset({"role", "roles", "organization", "organizations"})
ACCOUNT_TEXTS = frozenset(ACCOUNT_FIELDS) - _NO_TEXTS
CLASS_TEXTS = frozenset(CLASS_FIELDS) - _NO_TEXTS


class Difference(msgspec.Struct, frozen=True):
    """How held values and incoming ones differ, by field, judged with what was last written (SPEC 6.6)."""

    before: Values
    after: Values
    kept: Values
    """Changed in the portal and not in the SIS since the last write: the portal's value stands."""
    both: dict[str, tuple[Any, Any, Any]]
    """Changed on both sides: what was written, what is held, what comes in. A person decides."""


def home(schools: tuple[str, ...], primary: str, places: Places) -> str | None:
    """The school somebody counts for: the primary one where it is mapped, else the first mapped one, else None."""
    if primary in places:
        return primary
    return next((school for school in schools if school in places), None)


def account_values(person: Person, options: Options, places: Places) -> Values:
    """The fields of an account as this person of the SIS would have them; ids that an option maps elsewhere are absent."""
    school = home(person.schools, person.school, places)
    organization = None if school is None else places[school]
    values: Values = {
        "role": str(person.role),
        "roles": [str(role) for role in person.roles] or [str(person.role)],
        "first_name": person.first_name,
        "middle_name": person.middle_name,
        "last_name": person.last_name,
        "preferred_name": person.preferred_name,
        "email": person.email,
        "state_id": person.state_id,
        "gender": person.gender,
        "birth_date": person.birth_date,
        "organization": organization,
        "organizations": _organizations(person, organization, places),
    }
    if person.role is Role.STUDENT:
        onto_sis_id = options.map_student_id is StudentIdTarget.SIS_ID
        values |= {"grade": person.grade, "graduation_year": person.graduation_year}
        number_field = "student_id"
    else:
        onto_sis_id = options.map_teacher_id is TeacherIdTarget.SIS_ID
        number_field = "teacher_id"
    # Where the number goes to SIS ID, the SIS's own id is not written at all (options 17 and 18).
    if onto_sis_id:
        values["sis_id"] = person.number
    else:
        values[number_field] = person.number
        values["sis_id"] = person.sis_id
    return values | (person.exact or {})


def _organizations(person: Person, primary: int | None, places: Places) -> list[int]:
    if len(person.schools) <= 1:
        return [] if primary is None else [primary]
    ids = {places[school] for school in person.schools if school in places} | {primary}
    return sorted(id_ for id_ in ids if id_ is not None)


def class_values(section: Section, places: Places) -> Values:
    """The fields of a class as this section of the SIS would have them, without its style and its people.

    The class code is the course number, else the section number (option 14).
    """
    values: Values = {
        "name": section.name or section.course_name,
        "code": section.course_number or section.number,
        "subject": section.subject,
        "grade": section.grade,
        "period": section.period,
        "term": section.term_name,
        "start": section.start,
        "finish": section.finish,
        "sis_id": section.sis_id,
        "organization": places.get(section.school),
    }
    return values | (section.exact or {})


def class_style(section: Section, options: Options) -> str:
    """The style of a class at its creation: what the source says, else options 8 and 16."""
    if section.style:
        return section.style
    if not section.start and not section.finish:
        return "self-paced" if options.self_paced else "instructor"
    if section.start and section.finish and options.blended:
        return "blended"
    return "instructor"


def is_blank(value: Any) -> bool:
    """Whether a value says nothing: absent, null, empty and whitespace are alike."""
    return value is None or value == [] or (isinstance(value, str) and not value.strip())


def without_blanks(values: Values) -> Values:
    """The values that say something: what an add writes and shows."""
    return {name: value for name, value in values.items() if value}


def difference(incoming: Values, held: Values, written: Values, blanks: Blanks) -> Difference:
    """What of ``incoming`` would change ``held``.

    ``written`` is what was last written, without its blanks; where it is empty no sync has written the record yet, and the
    SIS's values win.
    """
    before: Values = {}
    after: Values = {}
    kept: Values = {}
    both: dict[str, tuple[Any, Any, Any]] = {}
    for name, value in incoming.items():
        here = held.get(name)
        if value == here or (is_blank(value) and (is_blank(here) or blanks is Blanks.IGNORE)):
            continue
        last = written.get(name) if written else here
        if _says_the_same(last, here):
            before[name], after[name] = here, value
        elif _says_the_same(last, value):
            kept[name] = value
        else:
            both[name] = (last, here, value)
    return Difference(before, after, kept, both)


def _says_the_same(one: Any, other: Any) -> bool:
    return one == other or (is_blank(one) and is_blank(other))


class Standing(StrEnum):
    """How a record that is about to be written compares with the plan (SPEC 7)."""

    AS_PLANNED = "as-planned"
    ALREADY_SO = "already-so"
    CONFLICT = "conflict"


def standing(held: Values, before: Values, after: Values) -> Standing:
    """Whether ``held`` is still as the plan found it, already as the plan wants it, or neither.

    Only the fields that the plan names count, and of these only those that ``held`` has.
    """
    if all(held[name] == value for name, value in before.items() if name in held):
        return Standing.AS_PLANNED
    if all(held[name] == value for name, value in after.items() if name in held):
        return Standing.ALREADY_SO
    return Standing.CONFLICT
