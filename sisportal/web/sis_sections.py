"""Sync classes: the sections that the SIS lists, and each of them with its roster and what the portal holds beside it."""

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec
from flask import Blueprint, Response, abort
from sqlalchemy import Engine, Select, Text, select, type_coerce

from sisportal.extensions import db
from sisportal.models import (
    Account,
    AccountLink,
    Membership,
    SisConnection,
    SisPerson,
    SisSection,
)
from sisportal.roster.fields import class_values
from sisportal.roster.planning import person_label, section_label
from sisportal.roster.records import Person, Section
from sisportal.syncing import connections
from sisportal.syncing.held import class_columns, class_held
from sisportal.syncing.rows import read
from sisportal.web.access import Rule, access, get_connection
from sisportal.web.csv_files import csv_file
from sisportal.web.mirror_lists import MirrorList, link_state, rows_of, school_names, shown
from sisportal.web.record_words import side_by_side, sync_history
from sisportal.web.rendering import render_tab
from sisportal.web.sis_words import Words, words_of

blueprint = Blueprint("sis_sections", __name__)

HEADING = (
    "Name", "Course", "Course number", "Section number", "Subject", "Grade", "Period", "Term", "Start", "Finish",
    "Teachers", "Students", "SIS ID", "School", "ID", "State",
)  # fmt: skip
_decode = msgspec.json.Decoder(Section).decode
_decode_person = msgspec.json.Decoder(Person).decode


@blueprint.get("/admin/sis/<kind>/sections")
@access(Rule.READ)
def listing(kind: str) -> Response:
    connection = get_connection(kind)
    schools = school_names(connection)
    found = MirrorList(connection, SisSection).listing(schools)
    statement = shown(SisSection).where(SisSection.id.in_(found.ids))
    rows = {row["id"]: row for row in _rows(db.session.execute(statement), schools)}
    return render_tab(
        "sis_sections/sections.html",
        connection=connection,
        source=connections.NAMES[kind],
        schools=schools,
        found=found,
        rows=[rows[id_] for id_ in found.ids],
        teachers=_names(connection, [row["record"].teachers[0] for row in rows.values() if row["record"].teachers]),
    )


@blueprint.get("/admin/sis/<kind>/sections.csv")
@access(Rule.READ)
def spreadsheet(kind: str) -> Response:
    """Every section that the list would show on all its pages."""
    connection = get_connection(kind)
    schools = school_names(connection)
    statement = shown(SisSection, MirrorList(connection, SisSection).asked(schools))
    return csv_file(f"{kind}-sections.csv", HEADING, _lines(db.engine, statement, schools))


@blueprint.get("/admin/sis/<kind>/sections/<path:source_id>")
@access(Rule.READ)
def section(kind: str, source_id: str) -> Response:
    """One section: what the SIS says and what the portal holds, its roster, and every action ever planned for it."""
    connection = get_connection(kind)
    row = db.session.execute(
        shown(SisSection)
        .add_columns(SisSection.gone_in_sync, SisSection.in_scope, *class_columns())
        .where(SisSection.connection_id == connection.id, SisSection.source_id == source_id)
    ).one_or_none()
    if row is None:
        abort(404)
    record = _decode(row.payload)
    places = connections.places(db.session.connection(), connection.id)
    held = class_held(row[-len(class_columns()) :]) if row.class_id else None
    history, pages = sync_history(("section",), [source_id])
    return render_tab(
        "sis_sections/section.html",
        connection=connection,
        source=connections.NAMES[kind],
        record=record,
        label=section_label(record),
        row=row,
        state=link_state(row.class_id, row.archived_at),
        fields=side_by_side(class_values(record, places), held),
        schools=school_names(connection),
        roster=_roster(connection, record, row.class_id),
        history=history,
        pages=pages,
    )


def _rows(found: Any, schools: Mapping[str, str]) -> Iterator[dict[str, Any]]:
    return rows_of(found, _decode, section_label, schools)


def _lines(engine: Engine, statement: Select[Any], schools: Mapping[str, str]) -> Iterator[tuple[object, ...]]:
    with engine.connect() as connection:
        for row in _rows(read(connection, statement), schools):
            record: Section = row["record"]
            yield (
                record.name, record.course_name, record.course_number, record.number, record.subject, record.grade,
                record.period, record.term_name, record.start, record.finish, len(record.teachers), len(record.students),
                record.sis_id, row["school"], record.source_id, row["state"],
            )  # fmt: skip


def _names(connection: SisConnection, source_ids: list[str]) -> dict[str, str]:
    """Names of people by their ids in the SIS."""
    rows = db.session.execute(
        select(SisPerson.source_id, type_coerce(SisPerson.payload, Text)).where(
            SisPerson.connection_id == connection.id, SisPerson.source_id.in_(set(source_ids))
        )
    )
    return {row[0]: person_label(_decode_person(row[1])) for row in rows}


def _roster(connection: SisConnection, record: Section, class_id: int | None) -> list[dict[str, Any]]:
    """The people whom the SIS puts into a section, teachers first, and whether each is in the portal's class."""
    link = (AccountLink.connection_id == SisPerson.connection_id) & (AccountLink.source_id == SisPerson.source_id)
    place = (Membership.class_id == class_id) & (Membership.account_id == AccountLink.account_id)
    rows = db.session.execute(
        select(
            SisPerson.source_id,
            SisPerson.role,
            SisPerson.search,
            type_coerce(SisPerson.payload, Text).label("payload"),
            AccountLink.account_id,
            Account.archived_at,
            (Membership.account_id.is_not(None) & Membership.ended_by_sync.is_(None)).label("is_in"),
        )
        .outerjoin(AccountLink, link)
        .outerjoin(Account, Account.id == AccountLink.account_id)
        .outerjoin(Membership, place)
        .where(
            SisPerson.connection_id == connection.id,
            SisPerson.source_id.in_([*record.teachers, *record.students]),
        )
    )
    found, words = {row.source_id: row for row in rows}, words_of(connection.kind)
    students = sorted(record.students, key=lambda id_: found[id_].search if id_ in found else "\uffff")
    return [
        *(_member(id_, found.get(id_), words, number) for number, id_ in enumerate(record.teachers)),
        *(_member(id_, found.get(id_), words, None) for id_ in students if id_ not in record.teachers),
    ]


def _member(source_id: str, row: Any, words: Words, number: int | None) -> dict[str, Any]:
    teacher = f"Co-{words.teacher}" if number else f"Primary {words.teacher}"
    part = words.student.capitalize() if number is None else teacher
    if row is None:
        return {"source_id": source_id, "label": source_id, "part": part, "people": "", "state": "", "is_in": False}
    record = _decode_person(row.payload)
    return {
        "source_id": source_id,
        "label": person_label(record),
        "number": record.number,
        "part": part,
        "people": f"{row.role}s",
        "state": link_state(row.account_id, row.archived_at),
        "is_in": row.is_in,
    }
