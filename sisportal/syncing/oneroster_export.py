"""The LMS side as a OneRoster 1.1 CSV package, which this portal, too, can read (1EdTech: OneRoster CSV binding 1.1).

Without what is archived, for other systems would take it for active: the format knows it of nobody. A package that moves
everything to another portal has it, too, marked. What else the format has no room for (preferred names, graduation years,
further roles, styles, parents, SIS IDs of classes) always stands in columns of our own (``metadata.sisPortal.…``) behind the
specification's, which other readers pass over.
"""

import csv
import io
import tempfile
import zipfile
from collections.abc import Iterable, Iterator
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, Connection, Row, Select, exists, or_, select, true
from sqlalchemy.orm import aliased

from sisportal.models import Account, SchoolClass, Source
from sisportal.providers.oneroster_csv_columns import (
    MANIFEST,
    MANIFEST_FILES,
    MANIFEST_HEADER,
    OWN_CODE,
    OWN_COLUMNS,
    TABLES,
)
from sisportal.syncing.directory_export import CLASS_TEXTS, accounts, classes, organizations
from sisportal.syncing.oneroster_exact import exact_account, exact_class, sex_of

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
_CHUNK = 1 << 16
_LONGEST_ID = 255
Cells = dict[str, str]
Record = dict[str, Any]


def export_oneroster(connection: Connection, portal_name: str, *, archived: bool = False) -> Iterator[bytes]:
    """The package, piece by piece. ``archived``: with what is archived, for another portal alone."""
    with tempfile.TemporaryFile() as file:
        with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
            _Package(connection, portal_name, archived=archived).write(archive)
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
        id_ = next((each for each in known if _is_id(each) and each not in self._taken), own)
        self._taken.add(id_)
        self._ids[record["id"]] = id_
        return id_

    def get(self, id_: int | None) -> str:
        return self._ids.get(id_ or 0, "")


def _is_id(text: str) -> bool:
    """Whether the format can carry an id: lists of ids have commas between them."""
    return bool(text) and "," not in text and text == text.strip() and len(text) <= _LONGEST_ID


class _Package:
    """The files of the package, written one after the other: each is one pass over its records."""

    def __init__(self, connection: Connection, portal_name: str, *, archived: bool) -> None:
        self._connection, self._portal_name, self._archived = connection, portal_name, archived
        self._organizations, self._accounts, self._classes = _Ids("organization"), _Ids("account"), _Ids("class")
        self._roles: dict[int, str] = {}
        self._terms: dict[tuple[str, str, str], str] = {}
        self._courses: dict[tuple[str, str], str] = {}
        self._parents = {row.id: row for row in connection.execute(_parents(archived=archived))}
        self._named: dict[int, str] = {}
        """The parents that classes of the package stand under, by their ids: the ids of the courses that they are."""
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
        listed = [record for record in organizations(self._connection) if self._is_listed(record)]
        above = {record["parent"] for record in listed}
        for record in listed:
            self._organizations.add(record)
        for record in listed:
            is_top = record["parent"] is None and record["id"] in above
            yield {
                "sourcedId": self._organizations.get(record["id"]), "name": record["name"],
                "type": "district" if is_top else "school", "identifier": record["sis_id"],
                "parentSourcedId": self._organizations.get(record["parent"]), "metadata.sisPortal.archived": _mark(record),
            }  # fmt: skip
        tops = [
            self._organizations.get(each["id"]) for each in listed if each["parent"] is None and not each["archived"]
        ]
        if not tops or self._is_anything_without():
            yield {
                "sourcedId": WHOLE_PORTAL, "name": self._portal_name, "type": "school",
                "metadata.sisPortal.wholePortal": "true",
            }  # fmt: skip
        else:
            self._top = tops[0]

    def _is_anything_without(self) -> bool:
        """Whether a class, or somebody who learns or teaches, has no organization."""
        active_class = exists().where(SchoolClass.organization_id.is_(None), self._counts(SchoolClass))
        person = exists().where(Account.organization_id.is_(None), self._counts(Account))
        learns_or_teaches = person.where(Account.role.in_(("student", "teacher")))
        return bool(self._connection.scalar(select(or_(active_class, learns_or_teaches))))

    def _counts(self, model: type[Account] | type[SchoolClass]) -> ColumnElement[bool]:
        return true() if self._archived else model.archived_at.is_(None)

    def _is_listed(self, record: Record) -> bool:
        return self._archived or not record["archived"]

    def _school(self, organization_id: int | None) -> str:
        return self._organizations.get(organization_id) or self._top

    def _people(self) -> Iterator[Record]:
        return (each for each in accounts(self._connection) if each["role"] in ROLES and self._is_listed(each))

    def _users(self) -> Iterator[Cells]:
        for record in self._people():
            self._roles[record["id"]] = record["role"]
            number = record["student_id"] if record["role"] == "student" else record["teacher_id"]
            schools = dict.fromkeys(map(self._school, [record["organization"], *record["organizations"]]))
            ids = (("SIS", record["sis_id"]), ("State", record["state_id"]))
            cells = {
                "sourcedId": self._accounts.add(record), "enabledUser": "false" if record["archived"] else "true", "orgSourcedIds": ",".join(schools),
                "role": ROLES[record["role"]], "username": record["username"], "givenName": record["first_name"],
                "userIds": ",".join(f"{{{type_}:{id_}}}" for type_, id_ in ids if id_), "familyName": record["last_name"],
                "middleName": record["middle_name"], "identifier": number, "email": record["email"], "grades": record["grade"],
                "metadata.sisPortal.preferredName": record["preferred_name"],
                "metadata.sisPortal.graduationYear": record["graduation_year"],
                "metadata.sisPortal.furtherRoles": ",".join(_further_roles(record)),
                "metadata.sisPortal.archived": _mark(record),
            }  # fmt: skip
            yield cells | {"metadata.sisPortal.exact": exact_account(record, cells)}

    def _demographics(self) -> Iterator[Cells]:
        for record in self._people():
            if record["birth_date"] or record["gender"]:
                yield {
                    "sourcedId": self._accounts.get(record["id"]), "birthDate": record["birth_date"],
                    "sex": sex_of(record["gender"]),
                }  # fmt: skip

    def _listed_classes(self) -> Iterator[Record]:
        """Every class but the parents of some of them, which are courses: their sessions are given of them."""
        listed = (each for each in classes(self._connection) if self._is_listed(each))
        return (each for each in listed if each["id"] not in self._parents)

    def _course(self, record: Record) -> tuple[str, str]:
        """The id and the code of the course of a class."""
        if (parent := self._parents.get(record["parent"])) is not None:
            return self._named.setdefault(parent.id, f"parent-{parent.id}"), parent.code
        course = (record["name"], record["code"])
        return self._courses.setdefault(course, f"course-{len(self._courses) + 1}"), record["code"]

    def _class_rows(self) -> Iterator[Cells]:
        for record in self._listed_classes():
            term = (record["term"], record["start"], record["finish"])
            course, code = self._course(record)
            yield {
                "sourcedId": self._classes.add(record), "title": record["name"], "grades": record["grade"],
                "courseSourcedId": course,
                "classCode": record["code"], "classType": "scheduled", "subjects": record["subject"],
                "schoolSourcedId": self._school(record["organization"]),
                "termSourcedIds": self._terms.setdefault(term, f"term-{len(self._terms) + 1}") if any(term) else "",
                "periods": ",".join(part.strip() for part in record["period"].split(",")),
                "metadata.sisPortal.sisId": record["sis_id"], "metadata.sisPortal.style": record["style"],
                "metadata.sisPortal.session": "true" if record["parent"] in self._parents else "false",
                "metadata.sisPortal.archived": _mark(record), "metadata.sisPortal.exact": exact_class(record, code),
            }  # fmt: skip

    def _enrollments(self) -> Iterator[Cells]:
        for record in self._listed_classes():
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
        for parent, id_ in self._named.items():
            row = self._parents[parent]
            yield {
                "sourcedId": id_, "title": row.name, "courseCode": row.code, "orgSourcedId": self._top,
                "metadata.sisPortal.parentClass": _parent_class(row),
            }  # fmt: skip


def _mark(record: Record) -> str:
    return "true" if record["archived"] else ""


def _parents(*, archived: bool) -> Select[Any]:
    """The parents of classes that the package holds. One without sessions goes as a class of its own: nothing is given of it."""
    columns = (*CLASS_TEXTS, "id", "source", "archived_at")
    session = aliased(SchoolClass)
    held = exists().where(session.parent_id == SchoolClass.id, true() if archived else session.archived_at.is_(None))
    return select(*(getattr(SchoolClass, name) for name in columns)).where(SchoolClass.is_parent, held)


def _parent_class(row: Row[Any]) -> str:
    """The fields of a parent as JSON (``oneroster_own.PARENT_FIELDS``), blank ones left out; its name and code, too."""
    found = {
        name: value for name in CLASS_TEXTS if (value := getattr(row, name)) or name in {"name", "code", "subject"}
    }
    found |= {"archived": "true"} if row.archived_at is not None else {}
    found |= {"by_hand": "true"} if row.source == Source.HAND else {}
    return msgspec.json.encode(found).decode()


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
