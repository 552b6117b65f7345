"""Schools: those that the SIS lists, what each is mapped to, and how many people and sections it has."""

from typing import Any

from flask import Blueprint, Response, abort
from sqlalchemy import select

from sisportal.extensions import db
from sisportal.models import Mapping, Organization, SisConnection, SisPerson, SisSchool, SisSection
from sisportal.roster.text import folded
from sisportal.syncing import connections
from sisportal.syncing.linkage import Mirrored
from sisportal.web.access import Rule, access, get_connection
from sisportal.web.csv_files import csv_file
from sisportal.web.lists import asked_choice, asked_pages, asked_search, asked_sort
from sisportal.web.mirror_lists import MirrorList
from sisportal.web.rendering import render_tab

blueprint = Blueprint("sis_schools", __name__)

SORTS = ("name", "users", "sections", "organization")
STATES = {"": "All", "mapped": "Synced", "unmapped": "Not mapped", "ignored": "Ignored", "gone": "No longer listed"}
HEADING = ("Name", "SIS ID", "State", "Users", "Sections", "Organization", "ID")


@blueprint.get("/admin/sis/<kind>/schools")
@access(Rule.READ)
def listing(kind: str) -> Response:
    connection = get_connection(kind)
    found = _asked(_schools(connection))
    pages = asked_pages(len(found))
    return render_tab(
        "sis_schools/schools.html",
        connection=connection,
        source=connections.NAMES[kind],
        schools=found[pages.offset : pages.last],
        pages=pages,
        search=asked_search(),
        state=asked_choice("state", STATES),
        states=[(name, label, None) for name, label in STATES.items()],
        sort=asked_sort(dict.fromkeys(SORTS), "name"),
    )


@blueprint.get("/admin/sis/<kind>/schools.csv")
@access(Rule.READ)
def spreadsheet(kind: str) -> Response:
    """Every school that the list would show on all its pages."""
    rows = [
        (
            each["name"],
            each["sis_id"],
            STATES[each["state"]],
            each["users"],
            each["sections"],
            each["organization"],
            each["source_id"],
        )
        for each in _asked(_schools(get_connection(kind)))
    ]
    return csv_file(f"{kind}-schools.csv", HEADING, rows)


@blueprint.get("/admin/sis/<kind>/schools/<path:source_id>")
@access(Rule.READ)
def school(kind: str, source_id: str) -> Response:
    connection = get_connection(kind)
    row = db.session.execute(
        select(SisSchool, Organization.name)
        .outerjoin(Organization, Organization.id == SisSchool.organization_id)
        .where(SisSchool.connection_id == connection.id, SisSchool.source_id == source_id)
    ).one_or_none()
    if row is None:
        abort(404)
    return render_tab(
        "sis_schools/school.html",
        connection=connection,
        source=connections.NAMES[kind],
        school=row[0],
        organization=row[1],
        state=STATES[_state(row[0])],
        students=_numbers(connection, SisPerson, "student").get(source_id, 0),
        teachers=_numbers(connection, SisPerson, "teacher").get(source_id, 0),
        sections=_numbers(connection, SisSection).get(source_id, 0),
    )


def _schools(connection: SisConnection) -> list[dict[str, Any]]:
    """Every school of the connection with its numbers; a district has hundreds of schools at most."""
    students, teachers = (_numbers(connection, SisPerson, role) for role in ("student", "teacher"))
    sections = _numbers(connection, SisSection)
    rows = db.session.execute(
        select(SisSchool, Organization.name)
        .outerjoin(Organization, Organization.id == SisSchool.organization_id)
        .where(SisSchool.connection_id == connection.id)
        .order_by(SisSchool.source_id)
    )
    return [
        {
            "source_id": each.source_id,
            "name": each.name or each.source_id,
            "sis_id": each.sis_id,
            "state": _state(each),
            "users": students.get(each.source_id, 0) + teachers.get(each.source_id, 0),
            "sections": sections.get(each.source_id, 0),
            "organization": organization or "",
            "organization_id": each.organization_id,
        }
        for each, organization in rows
    ]


def _asked(schools: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Those that the URL asks for, in its order."""
    words, state = folded(asked_search()).split(), asked_choice("state", STATES)
    sort = asked_sort(dict.fromkeys(SORTS), "name")
    key = sort.removeprefix("-")
    found = [
        each
        for each in schools
        if (not state or each["state"] == state)
        and all(word in folded(f"{each['name']} {each['sis_id']} {each['source_id']}") for word in words)
    ]
    found.sort(key=lambda each: folded(each[key]) if isinstance(each[key], str) else each[key])
    return found[::-1] if sort.startswith("-") else found


def _state(school: SisSchool) -> str:
    return "gone" if school.gone_at is not None else Mapping(school.mapping).value


def _numbers(connection: SisConnection, mirrored: Mirrored, role: str = "") -> dict[str, int]:
    """How many listed records each school has."""
    linkage = MirrorList(connection, mirrored, role).linkage
    return {**linkage.unsynced, **linkage.synced}
