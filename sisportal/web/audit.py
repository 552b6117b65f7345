"""The audit log: who did what, when and from where; for administrators."""

from collections.abc import Iterator
from typing import Any

from flask import Blueprint, Response
from sqlalchemy import ColumnElement, Engine, Select, Text, cast, func, or_, select

from sisportal.extensions import db
from sisportal.models import AuditEvent
from sisportal.syncing.rows import read
from sisportal.web.access import Rule, access
from sisportal.web.csv_files import csv_file
from sisportal.web.lists import asked_search, page_of
from sisportal.web.rendering import render_tab

blueprint = Blueprint("audit", __name__)

HEADING = ("When (UTC)", "Who", "What", "Of what", "Details", "From where")
SEARCHED = (AuditEvent.actor, AuditEvent.event, AuditEvent.subject, AuditEvent.address, cast(AuditEvent.details, Text))


@blueprint.get("/audit")
@access(Rule.WRITE)
def listing() -> Response:
    ids, pages = page_of(_asked())
    rows = db.session.scalars(select(AuditEvent).where(AuditEvent.id.in_(ids)).order_by(AuditEvent.id.desc()))
    return render_tab("audit/audit.html", events=list(rows), pages=pages, search=asked_search(), in_words=in_words)


@blueprint.get("/audit.csv")
@access(Rule.WRITE)
def spreadsheet() -> Response:
    """Every event that the list would show on all its pages."""
    columns = (
        AuditEvent.at,
        AuditEvent.actor,
        AuditEvent.event,
        AuditEvent.subject,
        AuditEvent.details,
        AuditEvent.address,
    )
    return csv_file("audit.csv", HEADING, _lines(db.engine, _asked().with_only_columns(*columns)))


def in_words(details: Any) -> str:
    """Details as people read them: ``role: viewer, from: 1.2.3.4``."""
    if not isinstance(details, dict):
        return "" if details is None else str(details)
    return ", ".join(f"{name.replace('_', ' ')}: {value}" for name, value in details.items())


def _asked() -> Select[Any]:
    conditions: list[ColumnElement[bool]] = [
        or_(*(func.lower(column).contains(word, autoescape=True) for column in SEARCHED))
        for word in asked_search().lower().split()
    ]
    return select(AuditEvent.id).where(*conditions).order_by(AuditEvent.id.desc())


def _lines(engine: Engine, statement: Select[Any]) -> Iterator[tuple[object, ...]]:
    with engine.connect() as connection:
        for row in read(connection, statement):
            yield (
                row.at.isoformat(timespec="seconds"),
                row.actor,
                row.event,
                row.subject,
                in_words(row.details),
                row.address,
            )
