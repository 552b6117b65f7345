"""The LMS side as a OneRoster 1.1 CSV package, which this portal, too, can read (1EdTech: OneRoster CSV binding 1.1).

Active organizations, accounts, classes and places: what is archived is not listed. The format has no room for preferred
names, graduation years, further roles and SIS IDs of classes: they stand in columns of our own (``metadata.sisPortal.…``)
behind the specification's, which other readers pass over. Styles follow from the dates.
"""

import csv
import io
import tempfile
import zipfile
from collections.abc import Iterable, Iterator
from typing import Any

from sqlalchemy import Connection, exists, or_, select

from sisportal.models import Account, SchoolClass
from sisportal.providers.oneroster_csv_columns import (
    MANIFEST,
    MANIFEST_FILES,
    MANIFEST_HEADER,
    OWN_CODE,
    OWN_COLUMNS,
    TABLES,
)
from sisportal.syncing.directory_export import accounts, classes, organizations

VERSION = "1.1"
ROLES = {"student": "student", "teacher": "teacher", "administrator": "administrator"}
"""Roles of accounts that the format knows; accounts of others are left out."""
FURTHER_ROLES = {
    "student": "student", "teacher": "teacher", "staff": "administrator", "district-admin": "districtAdministrator",
    "contact": "relative", "other": "proctor",
}  # fmt: skip
"""What somebody is besides, as OneRoster's readers call it."""
PREFERENCE = ("csv", "oneroster", "clever")
"""Whose ids are kept, so that whoever gave them knows them again."""
WHOLE_PORTAL = "portal"
"""Id of the school of those who have no organization."""
_SEXES = {"M": "male", "F": "female", "X": "other"}
_CHUNK = 1 << 16
Cells = dict[str, str]
Record = dict[str, Any]


def export_oneroster(connection: Connection, portal_name: str) -> Iterator[bytes]:
    """The package, piece by piece."""
    with tempfile.TemporaryFile() as file:
        with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
            _Package(connection, portal_name).write(archive)
        file.seek(0)
        while piece := file.read(_CHUNK):
            yield piece


class _Ids:
    """The ids of one kind of record: that of a SIS, else one of the portal's own; no two are the same."""

    def __init__(self, kind: str) -> None:
        self._kind = kind
        self._ids: dict[int, str] = {}
        self._taken: set[str] = {WHOLE_PORTAL}

    def add(self, record: Record) -> str:
        own = f"{self._kind}-{record['id']}"
        known = [record["identifiers"].get(kind, "") for kind in PREFERENCE]
        id_ = next((each for each in known if each and each not in self._taken), own)
        self._taken.add(id_)
        self._ids[record["id"]] = id_
        return id_

    def get(self, id_: int | None) -> str:
        return self._ids.get(id_ or 0, "")


class _Package:
    """The files of the package, written one after the other: each is one pass over its records."""

    def __init__(self, connection: Connection, portal_name: str) -> None:
        self._connection, self._portal_name = connection, portal_name
        self._organizations, self._accounts, self._classes = _Ids("organization"), _Ids("account"), _Ids("class")
        self._roles: dict[int, str] = {}
        self._terms: dict[tuple[str, str, str], str] = {}
        self._courses: dict[tuple[str, str], str] = {}
        self._names: dict[int, str] = {}
        """Of the parent classes."""
        self._top = WHOLE_PORTAL

    def write(self, archive: zipfile.ZipFile) -> None:
        """Write every file. Terms and courses are those that the classes name."""
        for name, rows in (
            ("orgs", self._orgs()),
            ("users", self._users()),
            ("demographics", self._demographics()),
            ("classes", self._class_rows()),
            ("enrollments", self._enrollments()),
            ("academicSessions", self._sessions()),
            ("courses", self._course_rows()),
        ):
            columns = (*TABLES[VERSION][name].columns, *OWN_COLUMNS.get(name, ()))
            _write(archive, f"{name}.csv", columns, ([cells.get(column, "") for column in columns] for cells in rows))
        _write(archive, MANIFEST, MANIFEST_HEADER, self._manifest())

    def _manifest(self) -> Iterator[list[str]]:
        yield ["manifest.version", "1.0"]
        yield ["oneroster.version", VERSION]
        for name in MANIFEST_FILES[VERSION]:
            yield [f"file.{name}", "bulk" if name in TABLES[VERSION] else "absent"]
        yield ["source.systemName", self._portal_name]
        yield ["source.systemCode", OWN_CODE]

    def _orgs(self) -> Iterator[Cells]:
        listed = [record for record in organizations(self._connection) if not record["archived"]]
        above = {record["parent"] for record in listed}
        for record in listed:
            self._organizations.add(record)
        for record in listed:
            is_top = record["parent"] is None and record["id"] in above
            yield {
                "sourcedId": self._organizations.get(record["id"]), "name": record["name"],
                "type": "district" if is_top else "school", "identifier": record["sis_id"],
                "parentSourcedId": self._organizations.get(record["parent"]),
            }  # fmt: skip
        tops = [self._organizations.get(record["id"]) for record in listed if record["parent"] is None]
        if not tops or self._is_anything_without():
            yield {"sourcedId": WHOLE_PORTAL, "name": self._portal_name, "type": "school"}
        else:
            self._top = tops[0]

    def _is_anything_without(self) -> bool:
        """Whether a class, or somebody who learns or teaches, has no organization."""
        active_class = exists().where(SchoolClass.organization_id.is_(None), SchoolClass.archived_at.is_(None))
        person = exists().where(Account.organization_id.is_(None), Account.archived_at.is_(None))
        learns_or_teaches = person.where(Account.role.in_(("student", "teacher")))
        return bool(self._connection.scalar(select(or_(active_class, learns_or_teaches))))

    def _school(self, organization_id: int | None) -> str:
        return self._organizations.get(organization_id) or self._top

    def _people(self) -> Iterator[Record]:
        return (each for each in accounts(self._connection) if each["role"] in ROLES and not each["archived"])

    def _users(self) -> Iterator[Cells]:
        for record in self._people():
            self._roles[record["id"]] = record["role"]
            number = record["student_id"] if record["role"] == "student" else record["teacher_id"]
            schools = dict.fromkeys(map(self._school, [record["organization"], *record["organizations"]]))
            ids = (("SIS", record["sis_id"]), ("State", record["state_id"]))
            yield {
                "sourcedId": self._accounts.add(record), "enabledUser": "true", "orgSourcedIds": ",".join(schools),
                "role": ROLES[record["role"]], "username": record["username"], "givenName": record["first_name"],
                "userIds": ",".join(f"{{{type_}:{id_}}}" for type_, id_ in ids if id_), "familyName": record["last_name"],
                "middleName": record["middle_name"], "identifier": number, "email": record["email"], "grades": record["grade"],
                "metadata.sisPortal.preferredName": record["preferred_name"],
                "metadata.sisPortal.graduationYear": record["graduation_year"],
                "metadata.sisPortal.furtherRoles": ",".join(_further_roles(record)),
            }  # fmt: skip

    def _demographics(self) -> Iterator[Cells]:
        for record in self._people():
            if record["birth_date"] or record["gender"]:
                sex: str = _SEXES.get(record["gender"]) or record["gender"]
                id_ = self._accounts.get(record["id"])
                yield {"sourcedId": id_, "birthDate": record["birth_date"], "sex": sex}

    def _active_classes(self) -> Iterator[Record]:
        """Every active class but the parents, which are made from their sessions."""
        parents = select(SchoolClass.id, SchoolClass.name).where(SchoolClass.is_parent)
        self._names = {row.id: row.name for row in self._connection.execute(parents)}
        return (each for each in classes(self._connection) if not each["archived"] and each["id"] not in self._names)

    def _class_rows(self) -> Iterator[Cells]:
        for record in self._active_classes():
            term = (record["term"], record["start"], record["finish"])
            # Sessions of one parent have its course: by that they find each other again.
            title: str = self._names[record["parent"]] if record["parent"] in self._names else record["name"]
            course = (title, record["code"])
            yield {
                "sourcedId": self._classes.add(record), "title": record["name"], "grades": record["grade"],
                "courseSourcedId": self._courses.setdefault(course, f"course-{len(self._courses) + 1}"),
                "classCode": record["code"], "classType": "scheduled", "subjects": record["subject"],
                "schoolSourcedId": self._school(record["organization"]),
                "termSourcedIds": self._terms.setdefault(term, f"term-{len(self._terms) + 1}") if any(term) else "",
                "periods": ",".join(part.strip() for part in record["period"].split(",")),
                "metadata.sisPortal.sisId": record["sis_id"],
            }  # fmt: skip

    def _enrollments(self) -> Iterator[Cells]:
        for record in self._active_classes():
            id_, school = self._classes.get(record["id"]), self._school(record["organization"])
            same = {"classSourcedId": id_, "schoolSourcedId": school}
            for place, teacher in enumerate(record["teachers"]):
                if user := self._accounts.get(teacher):
                    # Numbered: readers list co-teachers in the order of these ids.
                    yield same | {
                        "sourcedId": f"{id_}-teacher-{place:04}", "userSourcedId": user, "role": "teacher",
                        "primary": "false" if place else "true",
                    }  # fmt: skip
            for student in record["students"]:
                if user := self._accounts.get(student):
                    own = {"sourcedId": f"{id_}-{user}", "userSourcedId": user, "role": "student", "primary": "false"}
                    yield same | own

    def _sessions(self) -> Iterator[Cells]:
        for (name, start, finish), id_ in self._terms.items():
            yield {
                "sourcedId": id_, "title": name, "type": "term", "startDate": start, "endDate": finish,
                "schoolYear": (finish or start)[:4],
            }  # fmt: skip

    def _course_rows(self) -> Iterator[Cells]:
        for (title, code), id_ in self._courses.items():
            yield {"sourcedId": id_, "title": title, "courseCode": code, "orgSourcedId": self._top}


def _further_roles(record: Record) -> Iterator[str]:
    """What else somebody is, as the format calls it."""
    return (FURTHER_ROLES[role] for role in record["roles"] if role != record["role"] and role in FURTHER_ROLES)


def _write(archive: zipfile.ZipFile, name: str, header: Iterable[str], rows: Iterable[Iterable[str]]) -> None:
    with (
        archive.open(name, "w", force_zip64=True) as binary,
        io.TextIOWrapper(binary, "utf-8", newline="") as text,
    ):
        writer = csv.writer(text)
        writer.writerow(header)
        writer.writerows(rows)
