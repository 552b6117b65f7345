"""A small district as OneRoster's objects, and how it looks by REST 1.1, by REST 1.2 and as CSV packages."""

import csv
import io
import zipfile
from collections.abc import Iterable, Mapping
from copy import deepcopy
from pathlib import Path
from typing import Any

from sisportal.providers.oneroster_csv_columns import MANIFEST_FILES, TABLES

Row = dict[str, Any]
District = dict[str, list[Row]]

WHEN = "2026-08-01T00:00:00.000Z"
YEAR: dict[str, Any] = {
    "year_start": "2026-08-01",
    "year_end": "2027-06-30",
    "semester_start": "2026-08-15",
    "semester_end": "2026-12-20",
}
NOW = 1_790_000_000.0
"""In September 2026."""


def user(id_: str, role: str, orgs: str, first: str, last: str, **more: Any) -> Row:
    return {
        "id": id_, "role": role, "orgs": orgs.split(), "givenName": first, "familyName": last, "username": id_, **more,
    }  # fmt: skip


def enrollment(id_: str, class_: str, who: str, role: str = "student", *, primary: bool = False, **more: Any) -> Row:
    return {"id": id_, "class": class_, "user": who, "role": role, "primary": primary, "school": "s-1", **more}


def district() -> District:
    """Two schools, three teachers, eight students, four classes of this year and one of last year."""
    students = [
        user(
            f"st-{number}", "student", "s-1" if number < 6 else "s-2 s-1", f"Ada{number}", "Byron", identifier=f"10{number}",
            email=f"ada{number}@x.test", grades=["09", "10"], middleName="Q",
        )
        for number in range(1, 9)
    ]  # fmt: skip
    seats = [enrollment(f"e-{10 + number}", "c-1", f"st-{number}") for number in range(1, 9)]
    seats += [enrollment(f"e-{20 + number}", "c-2", f"st-{number}") for number in range(1, 4)]
    return {
        "orgs": [
            {"id": "d-1", "name": "Lovelace District", "type": "district", "identifier": "D1", "parent": ""},
            {"id": "s-1", "name": "North School", "type": "school", "identifier": "N1", "parent": "d-1"},
            {"id": "s-2", "name": "South School", "type": "school", "identifier": "", "parent": "d-1"},
        ],
        "academicSessions": [
            session("sy", "2026-27", "schoolYear", "2026-08-15", "2027-06-15"),
            session("t-1", "Fall", "semester", "2026-08-15", "2026-12-20"),
            session("t-2", "Spring", "semester", "2027-01-08", "2027-06-15"),
            session("old", "Spring 2026", "semester", "2026-01-08", "2026-06-15"),
        ],
        "courses": [
            {"id": "crs-1", "title": "Algebra", "courseCode": "ALG", "subjects": ["Mathematics", "More"], "org": "d-1"},
            {"id": "crs-2", "title": "Latin", "courseCode": "", "subjects": [], "org": "d-1"},
        ],
        "users": [
            user("tea-1", "teacher", "s-1", "Grace", "Hopper", identifier="T1", userIds=[("SIS", "900"), ("State", "77")]),
            user("tea-2", "teacher", "s-1 s-2", "Alan", "Turing", identifier="T2"),
            user("tea-3", "teacher", "s-2", "Edsger", "Dijkstra"),
            *students,
            user("g-1", "guardian", "s-1", "Anne", "Byron"),
            user("a-1", "aide", "s-1", "Ann", "Aide"),
        ],
        "classes": [
            class_("c-1", "Algebra, period 3", "ALG-3", "crs-1", "s-1", "t-1 t-2", grades=["09"], periods=["3", "4"]),
            class_("c-2", "Latin", "LAT", "crs-2", "s-1", "t-1", subjects=["Latin"]),
            class_("c-3", "Club", "", "crs-2", "s-2", ""),
            class_("c-4", "Reading", "", "crs-2", "s-2", "sy"),
            class_("c-old", "Algebra of last year", "", "crs-1", "s-1", "old"),
        ],
        "enrollments": [
            enrollment("e-1", "c-1", "tea-2", "teacher"),
            enrollment("e-2", "c-1", "tea-1", "teacher", primary=True),
            enrollment("e-3", "c-1", "a-1", "aide"),
            enrollment("e-9", "c-2", "tea-1", "teacher"),
            enrollment("e-10", "c-2", "tea-2", "teacher"),
            *seats,
            enrollment("e-31", "c-1", "st-1"),
            enrollment("e-40", "c-3", "tea-3", "teacher", primary=True),
            enrollment("e-41", "c-old", "st-1"),
        ],
        "demographics": [
            {"id": "st-1", "birthDate": "2011-05-06", "sex": "female"},
            {"id": "st-2", "birthDate": "", "sex": "male"},
        ],
    }  # fmt: skip


def session(id_: str, title: str, kind: str, start: str, end: str) -> Row:
    return {"id": id_, "title": title, "type": kind, "startDate": start, "endDate": end, "schoolYear": "2027"}


def class_(id_: str, title: str, code: str, course: str, school: str, terms: str, **more: Any) -> Row:
    return {
        "id": id_, "title": title, "classCode": code, "course": course, "school": school, "terms": terms.split(),
        "classType": "scheduled", **more,
    }  # fmt: skip


# --- REST

_REFERENCES = ("parent", "course", "school", "class", "user", "org", "primaryOrg")
_LISTS = ("terms", "orgs")


def wire(kind: str, row: Row, version: str) -> Row:
    """An object as the specification of that version has it."""
    made: Row = {
        "sourcedId": row["id"],
        "status": row.get("status", "active"),
        "dateLastModified": row.get("when", WHEN),
    }
    for name, value in row.items():
        if name in {"id", "status", "when"}:
            continue
        if name in _REFERENCES:
            made |= {name: _ref(name, value)} if value else {}
        elif name in _LISTS:
            made[name] = [_ref("org", one) for one in value]
        elif name == "primary":
            made[name] = "true" if value else "false"
        elif name == "userIds":
            made[name] = [{"type": one, "identifier": identifier} for one, identifier in value]
        else:
            made[name] = value
    if kind == "users":
        made["enabledUser"] = "true"
        made["password"] = "secret"
        if version == "1.2":
            orgs, role = made.pop("orgs"), made.pop("role")
            made["roles"] = [{"roleType": "primary", "role": role, "org": org} for org in orgs]
    return made


def _ref(kind: str, id_: str) -> Row:
    return {"href": f"https://x.test/{kind}/{id_}", "sourcedId": id_, "type": kind}


# --- CSV

_COLUMNS = {
    "sourcedId": "id", "parentSourcedId": "parent", "courseSourcedId": "course", "schoolSourcedId": "school",
    "termSourcedIds": "terms", "orgSourcedIds": "orgs", "orgSourcedId": "org", "classSourcedId": "class",
    "userSourcedId": "user", "dateLastModified": "when",
}  # fmt: skip


def tables(content: Mapping[str, Iterable[Row]], version: str) -> dict[str, list[list[str]]]:
    """Files with their headers and rows."""
    content = {kind: list(rows) for kind, rows in content.items()}
    if version == "1.2" and "users" in content:
        content["roles"] = [
            {"id": f"r-{one['id']}-{org}", "user": one["id"], "roleType": "primary", "role": one["role"], "org": org}
            for one in content["users"]
            for org in one["orgs"]
        ]
    made: dict[str, list[list[str]]] = {}
    for kind, rows in content.items():
        columns = TABLES[version][kind].columns
        made[f"{kind}.csv"] = [list(columns), *([_cell(row, column) for column in columns] for row in rows)]
    return made


def _cell(row: Row, column: str) -> str:
    value = row.get(_COLUMNS.get(column, column), "true" if column == "enabledUser" else "")
    if column == "userIds" and value:
        return ",".join(f"{{{kind}:{identifier}}}" for kind, identifier in value)
    if isinstance(value, bool):
        return "true" if value else "false"
    return ",".join(value) if isinstance(value, list) else str(value)


def manifest(files: Iterable[str], version: str = "1.1", mode: str = "bulk", **modes: str) -> list[list[str]]:
    there = {file.removesuffix(".csv") for file in files}
    rows = [["propertyName", "value"], ["manifest.version", "1.0"], ["oneroster.version", version]]
    return rows + [
        [f"file.{name}", modes.get(name, mode) if name in there else "absent"] for name in MANIFEST_FILES[version]
    ]


def as_csv(rows: Iterable[Iterable[str]]) -> bytes:
    text = io.StringIO()
    csv.writer(text).writerows(rows)
    return text.getvalue().encode()


def package(
    path: Path,
    content: Mapping[str, Iterable[Row]] | None = None,
    version: str = "1.1",
    mode: str = "bulk",
    *,
    replaced: Mapping[str, bytes] | None = None,
    **modes: str,
) -> Path:
    """A zip of the content (the district), with files ``replaced``, added, or taken out where they are empty."""
    files = {name: as_csv(rows) for name, rows in tables(deepcopy(content or district()), version).items()}
    files["manifest.csv"] = as_csv(manifest(files, version, mode, **modes))
    files |= replaced or {}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            if data:
                archive.writestr(name, data)
    return path
