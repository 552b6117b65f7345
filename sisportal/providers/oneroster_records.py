"""From OneRoster's objects to the records that the portal keeps, whether they came by REST or in a file."""

from typing import NamedTuple

from sisportal.providers import oneroster_own as own
from sisportal.providers.oneroster_calendar import Calendar
from sisportal.providers.oneroster_values import first, plain, ref, refs, texts, user_ids
from sisportal.providers.oneroster_wire import WireClass, WireCourse, WireOrg, WireRole, WireSession, WireUser
from sisportal.providers.wire_values import day
from sisportal.roster.records import PORTAL, Course, Person, Problem, Role, School, Section, Term

ROLES = {
    "student": Role.STUDENT,
    "teacher": Role.TEACHER,
    "administrator": Role.STAFF,
    "principal": Role.STAFF,
    "siteadministrator": Role.STAFF,
    "counselor": Role.STAFF,
    "aide": Role.STAFF,
    "proctor": Role.OTHER,
    "districtadministrator": Role.DISTRICT_ADMIN,
    "systemadministrator": Role.DISTRICT_ADMIN,
    "guardian": Role.CONTACT,
    "parent": Role.CONTACT,
    "relative": Role.CONTACT,
}
"""The roles of both versions in small letters. An extension (``ext:…``) is ``Role.OTHER``."""
PLANNED = (Role.TEACHER, Role.STUDENT)
_STRENGTH = {
    role: place for place, role in enumerate((*PLANNED, Role.STAFF, Role.DISTRICT_ADMIN, Role.CONTACT, Role.OTHER))
}
_SIS_IDS = frozenset({"sis", "sisid", "sisuserid"})
_STATE_IDS = frozenset({"state", "stateid", "ssid", "stateuniqueid", "statestudentid"})
_GENDERS = {"male": "M", "m": "M", "female": "F", "f": "F", "other": "X", "x": "X"}
ORG_KINDS = frozenset({"school", "district", "department", "local", "state", "national"})


class Demographic(NamedTuple):
    """Birth date and gender of a person."""

    birth_date: str = ""
    gender: str = ""


NOTHING_KNOWN = Demographic()


class Office(NamedTuple):
    """A role that somebody holds somewhere."""

    role: Role
    org: str
    primary: bool


def role_named(name: str) -> Role | None:
    """The role of that name, whatever its case; None where no such role exists."""
    known = ROLES.get(name)
    if known is None:
        lowered = name.lower()
        known = ROLES.get(lowered) or (Role.OTHER if lowered.startswith("ext:") else None)
    return known


def school_record(wire: WireOrg) -> School:
    """An organization. Its ``identifier`` is both what the SIS calls it and its number: OneRoster has only the one."""
    identifier = plain(wire.identifier)
    kind = plain(wire.type).lower()
    return School(
        wire.id,
        plain(wire.name),
        identifier,
        identifier,
        kind=PORTAL if own.mark(wire.whole_portal) else kind if kind in ORG_KINDS else "school",
        parent=ref(wire.parent),
        archived=own.mark(wire.archived),
    )


def term_record(wire: WireSession, problems: list[Problem]) -> Term:
    id_ = wire.id
    start = day(plain(wire.start_date), "term", id_, "start_date", problems)
    finish = day(plain(wire.end_date), "term", id_, "end_date", problems)
    return Term(id_, plain(wire.title), start, finish)


def course_record(wire: WireCourse) -> Course:
    return Course(
        wire.id,
        plain(wire.title),
        plain(wire.course_code),
        first(wire.subjects),
        parent=own.parent_class(wire.parent_class),
    )


def section_record(wire: WireClass, calendar: Calendar, only_school: str, problems: list[Problem]) -> Section | None:
    """A class without its people, with the time of its terms written in; None where it lies outside the school year.

    ``only_school`` is the school of a class that names none, where there is just one.
    """
    id_ = wire.id
    school = ref(wire.school) or only_school
    terms = refs(wire.terms)
    placed = calendar.place(terms)
    if placed is None:
        return None
    problems += [
        Problem("unknown-term", "section", id_, "term", term[:200], school) for term in calendar.unknown(terms)
    ]
    return Section(
        id_,
        plain(wire.title),
        plain(wire.class_code),
        plain(wire.sis_id),
        subject=first(wire.subjects),
        grade=first(wire.grades),
        period=", ".join(texts(wire.periods)),
        school=school,
        course=ref(wire.course),
        term_name=placed.name,
        start=placed.start,
        finish=placed.finish,
        archived=own.mark(wire.archived),
        exact=own.exact_class(wire.exact),
        style=own.style(wire.style),
        session=own.stated(wire.session),
    )


def offices_of(wire: WireUser, today: str) -> list[Office]:
    """What the user is and where, as listed: ``roles`` (1.2), else ``role`` in each of ``orgs`` (1.1).

    Roles that ended before ``today`` do not count beside one that did not.
    """
    if wire.roles:
        current = [one for one in wire.roles if not _is_over(one, today)]
        return [
            Office(role, ref(one.org), plain(one.role_type).lower() == "primary")
            for one in current or wire.roles
            if (role := role_named(plain(one.role))) is not None
        ]
    role = role_named(plain(wire.role))
    if role is None:
        return []
    offices = [Office(role, org, primary=False) for org in refs(wire.orgs)] or [Office(role, "", primary=False)]
    if wire.further_roles:
        known = map(role_named, texts(wire.further_roles))
        offices += [Office(further, "", primary=False) for further in known if further is not None]
    return offices


def _is_over(role: WireRole, today: str) -> bool:
    end = plain(role.end_date)
    return bool(end) and end[:10] < today


def strongest_first(offices: list[Office]) -> tuple[Role, ...]:
    """Every role once: whoever teaches is a teacher, whatever else they are."""
    if len(offices) == 1:
        return (offices[0].role,)
    return tuple(sorted({office.role for office in offices}, key=_STRENGTH.__getitem__))


def person_record(
    wire: WireUser, offices: list[Office], roles: tuple[Role, ...], known: Demographic, only_school: str
) -> Person:
    """``roles`` are those of ``offices``, strongest first, and begin with student or teacher."""
    schools = _schools(wire, offices, roles[0]) or ((only_school,) if only_school else ())
    sis_id = state_id = ""
    if wire.user_ids:
        sis_id, state_id = _further_ids(wire)
    return Person(
        wire.id,
        roles[0],
        plain(wire.family_name),
        plain(wire.given_name),
        plain(wire.middle_name),
        plain(wire.preferred_first_name),
        plain(wire.email),
        plain(wire.username),
        plain(wire.identifier),
        sis_id,
        state_id,
        first(wire.grades) if roles[0] is Role.STUDENT else "",
        plain(wire.graduation_year),
        gender=known.gender,
        birth_date=known.birth_date,
        school=schools[0] if schools else "",
        schools=schools,
        roles=roles,
        archived=own.mark(wire.archived),
        exact=own.exact_account(wire.exact),
    )


def gender_of(sex: str) -> str:
    """``M``, ``F`` or ``X``; blank for what says nothing, and what it is where it is something else."""
    return _GENDERS.get(sex.lower(), "" if sex.lower() == "unspecified" else sex)


def _schools(wire: WireUser, offices: list[Office], strongest: Role) -> tuple[str, ...]:
    """Where the person studies or teaches: ``primaryOrg`` first, else where a primary role is, then as listed."""
    if len(offices) == 1:
        org = offices[0].org or ref(wire.primary_org)
        return (org,) if org else ()
    listed = [office for office in offices if office.role in PLANNED and office.org]
    heads = [one.org for one in listed if one.primary and one.role is strongest]
    heads += [one.org for one in listed if one.role is strongest]
    places = dict.fromkeys((*heads[:1], *(one.org for one in listed)))
    home = ref(wire.primary_org)
    if home in places or (home and not places):
        return tuple(dict.fromkeys((home, *places)))
    return tuple(places)


def _further_ids(wire: WireUser) -> tuple[str, str]:
    sis_id = state_id = ""
    for kind, identifier in user_ids(wire.user_ids):
        if kind in _SIS_IDS:
            sis_id = sis_id or identifier
        elif kind in _STATE_IDS:
            state_id = state_id or identifier
    return sis_id, state_id
