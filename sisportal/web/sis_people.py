"""Teachers and Students: who the SIS lists, and each person with what the portal holds of them beside it."""

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec
from flask import Blueprint, Response, abort
from sqlalchemy import Engine, Select, Text, select, type_coerce

from sisportal.extensions import db
from sisportal.models import (
    ClassLink,
    SchoolClass,
    SisConnection,
    SisEnrollment,
    SisPerson,
    SisSection,
)
from sisportal.roster.fields import account_values
from sisportal.roster.planning import person_label
from sisportal.roster.records import Person, Section
from sisportal.syncing import connections
from sisportal.syncing.held import account_columns, account_held
from sisportal.syncing.rows import read
from sisportal.web.access import Rule, access, get_connection
from sisportal.web.csv_files import csv_file
from sisportal.web.mirror_lists import MirrorList, link_state, rows_of, school_names, shown
from sisportal.web.record_words import side_by_side, sync_history
from sisportal.web.rendering import render_tab

blueprint = Blueprint("sis_people", __name__, url_prefix="/admin/sis/<kind>")

ROLES = {"teachers": "teacher", "students": "student"}
HEADING = ("Last name", "First name", "Preferred name", "E-mail", "Number", "SIS ID", "Grade", "School", "ID", "State")
_decode = msgspec.json.Decoder(Person).decode
_decode_section = msgspec.json.Decoder(Section).decode


@blueprint.get("/teachers", defaults={"people": "teachers"})
@blueprint.get("/students", defaults={"people": "students"})
@access(Rule.READ)
def listing(kind: str, people: str) -> Response:
    connection = get_connection(kind)
    schools = school_names(connection)
    found = MirrorList(connection, SisPerson, ROLES[people]).listing(schools)
    rows = {
        row["id"]: row
        for row in _rows(db.session.execute(shown(SisPerson).where(SisPerson.id.in_(found.ids))), schools)
    }
    return render_tab(
        "sis_people/people.html",
        connection=connection,
        source=connections.NAMES[kind],
        people=people,
        schools=schools,
        found=found,
        rows=[rows[id_] for id_ in found.ids],
    )


@blueprint.get("/teachers.csv", defaults={"people": "teachers"})
@blueprint.get("/students.csv", defaults={"people": "students"})
@access(Rule.READ)
def spreadsheet(kind: str, people: str) -> Response:
    """Everybody whom the list would show on all its pages."""
    connection = get_connection(kind)
    schools = school_names(connection)
    asked = MirrorList(connection, SisPerson, ROLES[people]).asked(schools)
    return csv_file(f"{kind}-{people}.csv", HEADING, _lines(db.engine, shown(SisPerson, asked), schools))


@blueprint.get("/<any(teachers, students):people>/<path:source_id>")
@access(Rule.READ)
def person(kind: str, people: str, source_id: str) -> Response:
    """One person: what the SIS says and what the portal holds, their sections, and every action ever planned for them."""
    connection = get_connection(kind)
    row = db.session.execute(
        shown(SisPerson)
        .add_columns(SisPerson.gone_in_sync, SisPerson.in_scope, *account_columns())
        .where(
            SisPerson.connection_id == connection.id,
            SisPerson.source_id == source_id,
            SisPerson.role == ROLES[people],
        )
    ).one_or_none()
    if row is None:
        abort(404)
    record = _decode(row.payload)
    options = connections.stored_options(connection.options, kind)
    incoming = account_values(record, options, connections.places(db.session.connection(), connection.id))
    held = account_held(row[-len(account_columns()) :]) if row.account_id else None
    history, pages = sync_history(("student", "teacher"), [source_id])
    return render_tab(
        "sis_people/person.html",
        connection=connection,
        source=connections.NAMES[kind],
        people=people,
        record=record,
        label=person_label(record),
        row=row,
        state=link_state(row.account_id, row.archived_at),
        fields=side_by_side(incoming, held),
        schools=school_names(connection),
        sections=_sections(connection, row.id),
        history=history,
        pages=pages,
    )


def _rows(found: Any, schools: Mapping[str, str]) -> Iterator[dict[str, Any]]:
    return rows_of(found, _decode, person_label, schools)


def _lines(engine: Engine, statement: Select[Any], schools: Mapping[str, str]) -> Iterator[tuple[str, ...]]:
    with engine.connect() as connection:
        for row in _rows(read(connection, statement), schools):
            record: Person = row["record"]
            yield (
                record.last_name,
                record.first_name,
                record.preferred_name,
                record.email,
                record.number,
                record.sis_id,
                record.grade,
                row["school"],
                record.source_id,
                row["state"],
            )


def _sections(connection: SisConnection, person_id: int) -> list[dict[str, Any]]:
    """The sections that list a person now."""
    link = (ClassLink.connection_id == SisSection.connection_id) & (ClassLink.source_id == SisSection.source_id)
    rows = db.session.execute(
        select(
            type_coerce(SisSection.payload, Text).label("payload"),
            SisSection.in_scope,
            ClassLink.class_id,
            SchoolClass.archived_at,
        )
        .join(SisEnrollment, SisEnrollment.section_id == SisSection.id)
        .outerjoin(ClassLink, link)
        .outerjoin(SchoolClass, SchoolClass.id == ClassLink.class_id)
        .where(SisEnrollment.person_id == person_id, SisSection.connection_id == connection.id)
        .where(SisSection.gone_in_sync.is_(None))
        .order_by(SisSection.search, SisSection.id)
    )
    return [
        {
            "record": _decode_section(row.payload),
            "in_scope": row.in_scope,
            "state": link_state(row.class_id, row.archived_at),
        }
        for row in rows
    ]
