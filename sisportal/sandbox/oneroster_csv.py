"""The district as a OneRoster CSV package, 1.1 or 1.2: in full, or what changed since a moment (1EdTech: OneRoster CSV binding)."""

import csv
import io
import zipfile
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from typing import IO, Any

from sisportal.sandbox import oneroster_objects as objects
from sisportal.sandbox.district import District
from sisportal.sandbox.entities import Milliseconds
from sisportal.sandbox.oneroster_ledger import Ledger
from sisportal.sandbox.oneroster_objects import (
    CLASSES,
    COURSES,
    DEMOGRAPHICS,
    ENROLLMENTS,
    KINDS,
    ORGS,
    SESSIONS,
    USERS,
    Listed,
    Seat,
)
from sisportal.sandbox.oneroster_shapes import FLAGS, stamp

ROLES = "roles"
"""The file of 1.2 with what users.csv does not say any more."""
HEAD = "sourcedId,status,dateLastModified,"
COLUMNS = {
    SESSIONS: "title,type,startDate,endDate,parentSourcedId,schoolYear",
    ORGS: "name,type,identifier,parentSourcedId",
    COURSES: "schoolYearSourcedId,title,courseCode,grades,orgSourcedId,subjects,subjectCodes",
    CLASSES: "title,grades,courseSourcedId,classCode,classType,location,schoolSourcedId,termSourcedIds,subjects,subjectCodes,"
    "periods",
    ENROLLMENTS: "classSourcedId,schoolSourcedId,userSourcedId,role,primary,beginDate,endDate",
    DEMOGRAPHICS: f"birthDate,sex,{','.join(FLAGS)},hispanicOrLatinoEthnicity,countryOfBirthCode,stateOfBirthAbbreviation,"
    "cityOfBirth,publicSchoolResidenceStatus",
    ROLES: "userSourcedId,roleType,role,beginDate,endDate,orgSourcedId,userProfileSourcedId",
}
USER_COLUMNS = {
    "1.1": "enabledUser,orgSourcedIds,role,username,userIds,givenName,familyName,middleName,identifier,email,sms,phone,"
    "agentSourcedIds,grades,password",
    "1.2": "enabledUser,username,userIds,givenName,familyName,middleName,identifier,email,sms,phone,agentSourcedIds,grades,"
    "password,userMasterIdentifier,preferredGivenName,preferredMiddleName,preferredFamilyName,primaryOrgSourcedId,pronouns",
}
FILES_1_1 = (
    "academicSessions", "categories", "classes", "classResources", "courses", "courseResources", "demographics",
    "enrollments", "lineItems", "orgs", "resources", "results", "users",
)  # fmt: skip
FILES = {
    "1.1": FILES_1_1,
    "1.2": (
        *FILES_1_1, "lineItemLearningObjectiveIds", "lineItemScoreScales", "resultLearningObjectiveIds",
        "resultScoreScales", "roles", "scoreScales", "userProfiles", "userResources",
    ),
}  # fmt: skip
"""Every file that the manifest says something about."""
Cells = dict[str, str]


def write_package(
    district: District,
    out: IO[bytes],
    *,
    version: str = "1.1",
    mode: str = "bulk",
    modes: Mapping[str, str] | None = None,
    since: datetime | None = None,
    ledger: Ledger | None = None,
) -> None:
    """Write the zip. ``mode`` is ``bulk`` or ``delta``; ``modes`` says otherwise file by file, ``absent`` leaving one out.

    A file of changes holds what changed after ``since`` (aware), which needs a ``ledger`` that has followed the district.
    Raises KeyError for another version, ValueError for another mode, and for changes since no moment.
    """
    USER_COLUMNS[version]
    chosen = {kind: (modes or {}).get(kind, mode) for kind in (*KINDS, *((ROLES,) if version == "1.2" else ()))}
    if set(chosen.values()) - {"bulk", "delta", "absent"} or ("delta" in chosen.values() and since is None):
        raise ValueError("A file is bulk, delta (since a moment), or absent.")
    package = _Package(ledger or Ledger(district), version, round(since.timestamp() * 1000) if since else 0)
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        _write(archive, "manifest", _manifest(district, version, chosen))
        for kind, how in chosen.items():
            if how != "absent":
                _write(archive, kind, package.rows(kind, how))


def moment(text: str) -> datetime:
    """An ISO date or moment, UTC where it does not say."""
    found = datetime.fromisoformat(text)
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _manifest(district: District, version: str, chosen: Mapping[str, str]) -> Iterator[list[str]]:
    yield ["propertyName", "value"]
    yield ["manifest.version", "1.0"]
    yield ["oneroster.version", version]
    for name in FILES[version]:
        yield [f"file.{name}", chosen.get(name, "absent")]
    yield ["source.systemName", district.name]
    yield ["source.systemCode", district.id]


def _write(archive: zipfile.ZipFile, name: str, rows: Iterator[list[str]]) -> None:
    entry = zipfile.ZipInfo(f"{name}.csv", (2026, 1, 1, 0, 0, 0))  # the same district always makes the same bytes
    entry.compress_type = zipfile.ZIP_DEFLATED
    with archive.open(entry, "w") as binary, io.TextIOWrapper(binary, "utf-8", newline="") as text:
        csv.writer(text).writerows(rows)


class _Package:
    """The rows of one package."""

    def __init__(self, ledger: Ledger, version: str, since: Milliseconds) -> None:
        ledger.take()
        self._ledger = ledger
        self._version = version
        self._since = since
        self._cells: dict[str, Callable[[Any], Cells]] = {
            ORGS: _org, SESSIONS: _session, COURSES: _course, CLASSES: _class, ENROLLMENTS: _enrollment,
            USERS: _user if version == "1.1" else _user_without_roles,
            DEMOGRAPHICS: _demographics if version == "1.1" else _demographics_with_other,
        }  # fmt: skip

    def rows(self, kind: str, mode: str) -> Iterator[list[str]]:
        """A file with its header. In full, rows say neither status nor date; changes must say both."""
        header = (HEAD + (USER_COLUMNS[self._version] if kind == USERS else COLUMNS[kind])).split(",")
        yield header
        listed = self._ledger.register(USERS if kind == ROLES else kind).ordered
        for entry in listed:
            if entry.gone if mode == "bulk" else entry.modified <= self._since:
                continue
            status, changed = "tobedeleted" if entry.gone else "active", stamp(entry.modified)
            head = {"status": status, "dateLastModified": changed} if mode == "delta" else {}
            for cells in self._lines(kind, entry):
                whole = {"sourcedId": entry.id} | head | cells
                yield [whole.get(column, "") for column in header]

    def _lines(self, kind: str, entry: Listed) -> list[Cells]:
        if kind == ROLES:
            return _roles(entry)
        return [self._cells[kind](entry.item)]


def _org(org: objects.Org) -> Cells:
    return {"name": org.name, "type": org.type, "identifier": org.identifier, "parentSourcedId": org.parent}


def _session(session: objects.Session) -> Cells:
    return {
        "title": session.title, "type": session.type, "startDate": session.start, "endDate": session.end,
        "parentSourcedId": session.parent, "schoolYear": session.school_year,
    }  # fmt: skip


def _course(course: objects.Course) -> Cells:
    return {
        "schoolYearSourcedId": course.school_year, "title": course.title, "courseCode": course.code,
        "orgSourcedId": course.org,
    }  # fmt: skip


def _class(class_: objects.Class) -> Cells:
    return {
        "title": class_.title, "grades": ",".join(class_.grades), "courseSourcedId": class_.course,
        "classCode": class_.code, "classType": class_.type, "location": class_.location, "schoolSourcedId": class_.school,
        "termSourcedIds": ",".join(class_.terms), "subjects": ",".join(class_.subjects), "periods": ",".join(class_.periods),
    }  # fmt: skip


def _enrollment(seat: Seat) -> Cells:
    return {
        "classSourcedId": seat.class_id, "schoolSourcedId": seat.school, "userSourcedId": seat.user, "role": seat.role,
        "primary": "true" if seat.primary else "false",
    }  # fmt: skip


def _user(user: objects.User) -> Cells:
    orgs = [office.org for office in user.offices if office.role == user.role]
    role = objects.OLDER_ROLES.get(user.role, user.role)
    return _names(user) | {"orgSourcedIds": ",".join(orgs), "role": role}


def _user_without_roles(user: objects.User) -> Cells:
    return _names(user) | {"preferredGivenName": user.preferred, "primaryOrgSourcedId": user.home}


def _names(user: objects.User) -> Cells:
    """What users.csv says in both versions."""
    ids = (("SIS", user.sis_id), ("State", user.state_id))
    return {
        "enabledUser": "true", "username": user.username, "givenName": user.given, "familyName": user.family,
        "userIds": ",".join(f"{{{type_}:{id_}}}" for type_, id_ in ids if id_), "middleName": user.middle,
        "identifier": user.identifier, "email": user.email, "phone": user.phone, "agentSourcedIds": ",".join(user.agents),
        "grades": ",".join(user.grades),
    }  # fmt: skip


def _roles(entry: Listed) -> list[Cells]:
    """The rows of a user in roles.csv."""
    return [
        {
            "sourcedId": f"{entry.id}-{place}", "userSourcedId": entry.id, "role": office.role, "orgSourcedId": office.org,
            "roleType": "secondary" if place > 1 else "primary",
        }
        for place, office in enumerate(getattr(entry.item, "offices", ()), 1)
    ]  # fmt: skip


def _demographics(known: objects.Demographics) -> Cells:
    """1.1 knows two sexes only."""
    return _demographics_with_other(known) | ({"sex": ""} if known.sex == "other" else {})


def _demographics_with_other(known: objects.Demographics) -> Cells:
    flags = {flag: "true" if flag == known.race else "false" for flag in FLAGS} if known.race else {}
    return {
        "birthDate": known.birth_date, "sex": known.sex, "hispanicOrLatinoEthnicity": known.hispanic, **flags,
    }  # fmt: skip
