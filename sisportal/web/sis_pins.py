"""Pinned fields: where the portal keeps a value of its own although the SIS says another, and their release (SPEC 6.6)."""

from collections.abc import Iterator, Mapping
from typing import Any

from flask import Blueprint, Response, abort, flash, request, url_for
from sqlalchemy import Engine, Select, select

from sisportal.extensions import db
from sisportal.models import Pin, SisConnection
from sisportal.syncing import pins
from sisportal.syncing.connections import NAMES
from sisportal.syncing.explaining import LABELS
from sisportal.syncing.pin_words import named
from sisportal.syncing.pins import PinFilter
from sisportal.syncing.rows import chunks, read
from sisportal.syncing.states import NotAllowed
from sisportal.syncing.unpinning import release, release_matching
from sisportal.web.access import Rule, access, get_connection
from sisportal.web.acting import released_engine, who
from sisportal.web.csv_files import csv_file
from sisportal.web.lists import asked_choice, asked_search, asked_sort, ordered, page_of
from sisportal.web.mirror_lists import school_names
from sisportal.web.portal import now
from sisportal.web.rendering import came_from, redirect_for, render_tab

blueprint = Blueprint("sis_pins", __name__, url_prefix="/admin/sis/<kind>")

TYPES = {"": "All types", "student": "Students", "teacher": "Teachers", "section": "Classes"}
SORTS: Mapping[str, list[Any]] = {
    "name": [Pin.search, Pin.id],
    "field": [Pin.field, Pin.search, Pin.id],
    "since": [Pin.since, Pin.id],
}
"""The search text begins with the name."""
HEADING = ("Type", "Name", "ID", "School", "Field", "In the portal", "In the SIS", "Last synced", "Changed in both", "Since (UTC)", "By")  # fmt: skip
AT_ONCE = 500


@blueprint.get("/pins")
@access(Rule.READ)
def listing(kind: str) -> Response:
    connection = get_connection(kind)
    schools, fields = school_names(connection), _fields(connection.id)
    chosen = _chosen(schools, fields)
    ids, pages = page_of(_asked(connection.id, chosen))
    found = {row.id: row for row in db.session.execute(select(Pin.__table__).where(Pin.id.in_(ids)))}
    return render_tab(
        "sis_pins/page.html",
        connection=connection,
        source=NAMES[kind],
        pages=pages,
        lines=list(named(db.session.connection(), connection.id, [found[id_] for id_ in ids])),
        schools=schools,
        fields=fields,
        types=list(TYPES.items()),
        chosen=chosen,
        narrowed=chosen != PinFilter(),
        sort=asked_sort(SORTS, "name"),
        query=request.query_string.decode(),
    )


@blueprint.get("/pins.csv")
@access(Rule.READ)
def spreadsheet(kind: str) -> Response:
    """Every pin that the list would show on all its pages."""
    connection = get_connection(kind)
    schools = school_names(connection)
    statement = _asked(connection.id, _chosen(schools, _fields(connection.id))).with_only_columns(Pin.__table__)
    return csv_file(f"{kind}-pins.csv", HEADING, _rows(db.engine, connection.id, statement, schools))


@blueprint.post("/pins/<int:pin_id>/release")
@access(Rule.WRITE)
def release_one(kind: str, pin_id: int) -> Response:
    connection, asker = get_connection(kind), who()
    if db.session.scalar(select(Pin.id).where(Pin.id == pin_id, Pin.connection_id == connection.id)) is None:
        abort(404)
    return _released(kind, lambda engine, id_: release(engine, id_, [pin_id], asker, now()), connection)


@blueprint.post("/pins/release")
@access(Rule.WRITE)
def release_many(kind: str) -> Response:
    """Release every pin that the list would show on all its pages."""
    connection, asker = get_connection(kind), who()
    chosen = _chosen(school_names(connection), _fields(connection.id))
    return _released(kind, lambda engine, id_: release_matching(engine, id_, chosen, asker, now()), connection)


def _released(kind: str, do: Any, connection: SisConnection) -> Response:
    connection_id, back = connection.id, came_from(url_for(".listing", kind=kind))
    try:
        number = do(released_engine(), connection_id)
        what = "The field is" if number == 1 else f"{number:,} fields are"
        flash(f"{what} released. The next sync proposes what {NAMES[kind]} says; nothing has changed yet.", "success")
    except NotAllowed as refusal:
        flash(str(refusal), "warning")
    return redirect_for(back)


def _fields(connection_id: int) -> dict[str, str]:
    """The fields of which there are pins, as pages call them."""
    names = db.session.scalars(select(Pin.field).where(Pin.connection_id == connection_id).distinct())
    return {name: label for label, name in sorted((LABELS.get(name, name).partition(",")[0], name) for name in names)}


def _chosen(schools: Mapping[str, str], fields: Mapping[str, str]) -> PinFilter:
    return PinFilter(
        asked_search(),
        asked_choice("field", fields),
        asked_choice("type", TYPES),
        asked_choice("school", schools),
        both=request.args.get("both") == "yes",
    )


def _asked(connection_id: int, chosen: PinFilter) -> Select[Any]:
    statement = select(Pin.id).where(*pins.conditions(connection_id, chosen))
    return ordered(statement, SORTS, asked_sort(SORTS, "name"))


def _rows(
    engine: Engine, connection_id: int, statement: Select[Any], schools: Mapping[str, str]
) -> Iterator[tuple[object, ...]]:
    with engine.connect() as reading, engine.connect() as asking:
        for some in chunks(read(reading, statement), AT_ONCE):
            for pin, texts in named(asking, connection_id, some):
                since = f"{pin.since:%Y-%m-%d %H:%M}" if pin.since else ""
                yield (
                    pin.type, pin.label, pin.source_id, schools.get(pin.school, pin.school), texts["field"], texts["here"],
                    texts["sis"], texts["last"], "yes" if pin.both else "no", since, pin.editor,
                )  # fmt: skip
