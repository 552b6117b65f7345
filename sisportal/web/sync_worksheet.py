"""Fix it in the SIS: what a sync found that is the SIS's to mend, by cause and school, to be worked off or printed."""

from collections.abc import Iterator, Mapping
from typing import Any

from flask import Blueprint, Response, request, url_for
from sqlalchemy import Engine, Select, select

from sisportal.extensions import db
from sisportal.models import SisConnection, SyncWarning
from sisportal.roster.catalogue import SEVERITY_WORDS, entry, title
from sisportal.syncing.connections import NAMES
from sisportal.syncing.worksheet import STANDINGS, Line, WorksheetFilter, all_lines, conditions, groups, in_order, lines
from sisportal.web.access import Rule, access, get_sync
from sisportal.web.csv_files import csv_file
from sisportal.web.lists import PER_PAGE, Pages, asked_choice, asked_search
from sisportal.web.mirror_lists import school_names
from sisportal.web.rendering import render_tab, url_with
from sisportal.web.sync_words import SEVERITY_TONES

blueprint = Blueprint("sync_worksheet", __name__, url_prefix="/syncs/<int:sync_id>")

PRINTED = 400
"""How many lines a page for printing has: some 150 kB."""
HEADING = (
    "Cause", "What to do", "School", "Type", "Name", "Number", "ID", "Field", "Now", "Should be", "File", "Since the last sync",
)  # fmt: skip


@blueprint.get("/worksheet")
@access(Rule.READ)
def worksheet(sync_id: int) -> Response:
    sync = get_sync(sync_id)
    source = db.session.get_one(SisConnection, sync.connection_id)
    schools = school_names(source)
    chosen = _chosen(schools)
    connection = db.session.connection()
    counted = groups(connection, sync_id, chosen)
    pages = _pages(sum(counted.values()))
    statement = _asked(sync_id, chosen).limit(pages.per_page).offset(pages.offset)
    found = list(lines(connection, source.id, list(db.session.execute(statement))))
    there = groups(connection, sync_id, WorksheetFilter(standing=chosen.standing))
    return render_tab(
        "sync_worksheet/page.html",
        sync=sync,
        connection=source,
        source=NAMES[source.kind],
        pages=pages,
        blocks=_blocks(found, counted, schools),
        schools=schools,
        causes=[("", "All causes"), *((code, title(code)) for code in sorted({code for code, _ in there}))],
        standings=_standings(sync.compared),
        chosen=chosen,
        only=_only(chosen, schools),
        printing=pages.per_page == PRINTED,
        list_url=request.full_path.rstrip("?"),
        csv_url=url_with(f"{url_for('.spreadsheet', sync_id=sync_id)}?{request.query_string.decode()}", rows=None),
    )


@blueprint.get("/worksheet.csv")
@access(Rule.READ)
def spreadsheet(sync_id: int) -> Response:
    """Every line that the page would show on all its pages."""
    sync = get_sync(sync_id)
    source = db.session.get_one(SisConnection, sync.connection_id)
    schools = school_names(source)
    rows = _rows(db.engine, source.id, _asked(sync_id, _chosen(schools)), schools)
    return csv_file(f"sync-{sync_id}-worksheet.csv", HEADING, rows)


def _chosen(schools: Mapping[str, str]) -> WorksheetFilter:
    cause = request.args.get("cause", "")
    school = asked_choice("school", schools)
    return WorksheetFilter(cause, school, asked_choice("standing", STANDINGS), asked_search())


def _only(chosen: WorksheetFilter, schools: Mapping[str, str]) -> list[str]:
    """What narrows the list, in words: paper has no filters to look at."""
    words = [title(chosen.cause) if chosen.cause else "", schools.get(chosen.school, "")]
    words += [STANDINGS[chosen.standing].lower() if chosen.standing else "", chosen.search]
    return [each for each in words if each]


def _pages(total: int) -> Pages:
    per_page = PRINTED if request.args.get("rows") == "print" else PER_PAGE
    page = request.args.get("page", 1, type=int)
    return Pages(max(1, min(page, -(-total // per_page))), total, per_page)


def _asked(sync_id: int, chosen: WorksheetFilter) -> Select[Any]:
    return in_order(select(SyncWarning.__table__).where(*conditions(sync_id, chosen)))


def _blocks(
    found: list[Line], counted: Mapping[tuple[str, str], int], schools: Mapping[str, str]
) -> list[dict[str, Any]]:
    """The lines by cause and school, each with its heading and how many there are on all pages."""
    blocks: list[dict[str, Any]] = []
    for line in found:
        key = (line.code, line.school)
        if not blocks or blocks[-1]["key"] != key:
            about = entry(line.code)
            blocks.append(
                {
                    "key": key,
                    "cause": title(line.code),
                    "school": schools.get(line.school, line.school),
                    "number": counted.get(key, 0),
                    "advice": about.advice,
                    "tone": SEVERITY_TONES[about.severity],
                    "severity": SEVERITY_WORDS[about.severity],
                    "lines": [],
                }
            )
        blocks[-1]["lines"].append(line)
    return blocks


def _standings(compared: Mapping[str, Any]) -> list[tuple[str, str, int | None]]:
    """The choices of the list: without a sync before there is nothing to choose."""
    if not compared.get("before"):
        return []
    return [(name, label, compared[name or "total"]) for name, label in STANDINGS.items()]


def _rows(
    engine: Engine, connection_id: int, statement: Select[Any], schools: Mapping[str, str]
) -> Iterator[tuple[object, ...]]:
    with engine.connect() as reading, engine.connect() as asking:
        for line in all_lines(reading, asking, connection_id, statement):
            yield (
                title(line.code), entry(line.code).advice, schools.get(line.school, line.school), line.type, line.record,
                line.number, line.external_id, line.field, line.now, line.expected, line.where, STANDINGS.get(line.standing or "-", ""),
            )  # fmt: skip
