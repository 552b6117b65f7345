"""OneRoster's objects as JSON has them: 1.1 and 1.2 (1EdTech: OneRoster rostering, information models)."""

from collections.abc import Callable
from functools import lru_cache
from typing import Any

from sisportal.sandbox import oneroster_objects as objects
from sisportal.sandbox.clever_wire import Rendered, timestamp
from sisportal.sandbox.oneroster_objects import (
    BLANKS,
    CLASSES,
    COURSES,
    DEMOGRAPHICS,
    ENROLLMENTS,
    ORGS,
    SESSIONS,
    USERS,
    Entry,
    Listed,
    Seat,
)

VERSIONS = ("1.1", "1.2")
FLAGS = (
    "americanIndianOrAlaskaNative", "asian", "blackOrAfricanAmerican", "nativeHawaiianOrOtherPacificIslander", "white",
    "demographicRaceTwoOrMoreRaces",
)  # fmt: skip
stamp = lru_cache(8192)(timestamp)
"""Very many objects change at the same moment."""


class Shapes:
    """Makes the rows of one version, with references below one address. A field that is None is not there."""

    def __init__(self, version: str, base: str) -> None:
        self.version = version
        self._base = base
        self._shapes: dict[str, Callable[[Any], Rendered]] = {
            ORGS: self._org, SESSIONS: self._session, COURSES: self._course, CLASSES: self._class,
            USERS: self._user if version == "1.1" else self._user_with_roles, ENROLLMENTS: self._enrollment,
            DEMOGRAPHICS: self._demographics,
        }  # fmt: skip

    def row(self, kind: str, entry: Listed) -> Rendered:
        """One object."""
        head = {
            "sourcedId": entry.id,
            "status": "tobedeleted" if entry.gone else "active",
            "dateLastModified": stamp(entry.modified),
        }
        return head | self._shapes[kind](entry.item)

    def _to(self, collection: str, type_: str, id_: str) -> Rendered | None:
        if not id_:
            return None
        return {"href": f"{self._base}/{collection}/{id_}", "sourcedId": id_, "type": type_}

    def _each(self, collection: str, type_: str, ids: tuple[str, ...]) -> list[Rendered | None]:
        return [self._to(collection, type_, id_) for id_ in ids]

    def _org(self, org: objects.Org) -> Rendered:
        return {
            "name": org.name, "type": org.type, "identifier": org.identifier or None,
            "parent": self._to(ORGS, "org", org.parent), "children": self._each(ORGS, "org", org.children),
        }  # fmt: skip

    def _session(self, session: objects.Session) -> Rendered:
        return {
            "title": session.title, "type": session.type, "startDate": session.start or None, "endDate": session.end or None,
            "parent": self._to(SESSIONS, "academicSession", session.parent),
            "children": self._each(SESSIONS, "academicSession", session.children), "schoolYear": session.school_year,
        }  # fmt: skip

    def _course(self, course: objects.Course) -> Rendered:
        return {
            "title": course.title, "schoolYear": self._to(SESSIONS, "academicSession", course.school_year),
            "courseCode": course.code, "grades": [], "subjects": [], "org": self._to(ORGS, "org", course.org),
            "subjectCodes": [],
        }  # fmt: skip

    def _class(self, class_: objects.Class) -> Rendered:
        return {
            "title": class_.title, "classCode": class_.code or None, "classType": class_.type,
            "location": class_.location or None, "grades": list(class_.grades), "subjects": list(class_.subjects),
            "course": self._to(COURSES, "course", class_.course), "school": self._to(ORGS, "org", class_.school),
            "terms": self._each(SESSIONS, "academicSession", class_.terms), "subjectCodes": [], "periods": list(class_.periods),
        }  # fmt: skip

    def _user(self, user: objects.User) -> Rendered:
        """1.1 knows one role only: the strongest, where it is held."""
        orgs = tuple(office.org for office in user.offices if office.role == user.role)
        row = self._names(user)
        row["role"] = objects.OLDER_ROLES.get(user.role, user.role)
        row["orgs"] = self._each(ORGS, "org", orgs)
        return row

    def _user_with_roles(self, user: objects.User) -> Rendered:
        row = self._names(user)
        row["preferredFirstName"] = user.preferred or None
        row["roles"] = [
            {
                "roleType": "secondary" if place else "primary",
                "role": office.role,
                "org": self._to(ORGS, "org", office.org),
            }
            for place, office in enumerate(user.offices)
        ]
        row["userProfiles"] = []
        row["primaryOrg"] = self._to(ORGS, "org", user.home)
        return row

    def _names(self, user: objects.User) -> Rendered:
        """What a user has in both versions."""
        ids = (("SIS", user.sis_id), ("State", user.state_id))
        return {
            "username": user.username, "userIds": [{"type": type_, "identifier": id_} for type_, id_ in ids if id_],
            "enabledUser": "true", "givenName": user.given, "familyName": user.family, "middleName": user.middle or None,
            "identifier": user.identifier or None, "email": user.email or None, "sms": None, "phone": user.phone or None,
            "agents": self._each(USERS, "user", user.agents), "grades": list(user.grades), "password": None,
        }  # fmt: skip

    def _enrollment(self, seat: Seat) -> Rendered:
        return {
            "user": self._to(USERS, "user", seat.user), "class": self._to(CLASSES, "class", seat.class_id),
            "school": self._to(ORGS, "org", seat.school), "role": seat.role, "primary": "true" if seat.primary else "false",
            "beginDate": None, "endDate": None,
        }  # fmt: skip

    def _demographics(self, known: objects.Demographics) -> Rendered:
        """1.1 knows two sexes only."""
        says = bool(known.race)
        sex = known.sex if self.version != "1.1" or known.sex != "other" else ""
        return {
            "birthDate": known.birth_date or None, "sex": sex or None,
            **{flag: ("true" if flag == known.race else "false") if says else None for flag in FLAGS},
            "hispanicOrLatinoEthnicity": known.hispanic or None, "countryOfBirthCode": None,
            "stateOfBirthAbbreviation": None, "cityOfBirth": None, "publicSchoolResidenceStatus": None,
        }  # fmt: skip


def fields_of(version: str, kind: str) -> frozenset[str]:
    """Every field that an object of the kind may have."""
    return _FIELDS[version][kind]


def _fields(version: str) -> dict[str, frozenset[str]]:
    shapes = Shapes(version, "")
    entries = {k: blank if isinstance(blank, Seat) else Entry(blank, 0) for k, blank in BLANKS.items()}
    return {kind: frozenset(shapes.row(kind, entry)) | {"metadata"} for kind, entry in entries.items()}


_FIELDS = {version: _fields(version) for version in VERSIONS}
