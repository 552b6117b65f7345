"""History: every sync of a connection; and its log, every warning of every sync."""

from collections.abc import Iterator
from operator import itemgetter
from typing import Any

from flask import Blueprint, Response, request, url_for
from sqlalchemy import ColumnElement, Engine, Row, Select, func, select

from sisportal.extensions import db
from sisportal.models import Action, KeptBack, SisConnection, Sync, SyncState, SyncWarning
from sisportal.roster.catalogue import CATALOGUE, SEVERITY_WORDS, entry, sentence, title
from sisportal.syncing import running
from sisportal.syncing.connections import NAMES
from sisportal.syncing.reports import problem_of
from sisportal.syncing.rows import read
from sisportal.web import sync_words
from sisportal.web.access import Rule, access, get_connection
from sisportal.web.csv_files import csv_file
from sisportal.web.lists import asked_choice, asked_number, asked_pages, asked_search
from sisportal.web.portal import now
from sisportal.web.refused_rows import reason_of
from sisportal.web.rendering import render_tab
from sisportal.web.sis_words import words_of
from sisportal.web.undo_words import Undone, undos_of

blueprint = Blueprint("sis_history", __name__, url_prefix="/admin/sis/<kind>")

BARS = 12
_TONES = {"add": "success", "reactivate": "success", "edit": "info", "delete": "danger"}
_SEVERITIES = {"": "All severities", "error": "Left out", "warning": "Warnings", "info": "Good to know"}
HEADING = (
    "Sync", "Severity", "File", "Line", "Column", "Type", "ID", "Field", "Value", "What happened", "What to do",
)  # fmt: skip
_STAGES = {"": "Prepare and commit", "prepare": "Prepare", "commit": "Commit"}
_KINDS = {"": "All", "automatic": "Automatic", "manual": "Manual"}
_TYPES = ("student", "teacher", "section", "school", "term", "course", "organization")


@blueprint.get("/history")
@access(Rule.READ)
def history(kind: str) -> Response:
    connection = get_connection(kind)
    asked = asked_choice("type", _KINDS)
    mine = [Sync.connection_id == connection.id]
    if asked:
        mine.append(Sync.automatic.is_(asked == "automatic"))
    pages = asked_pages(db.session.scalar(select(func.count()).where(*mine)) or 0)
    statement = select(Sync).where(*mine).order_by(Sync.id.desc()).limit(pages.per_page).offset(pages.offset)
    syncs = list(db.session.scalars(statement))
    people = sync_words.people_of(*syncs)
    undos = undos_of([connection.id])
    lines = [_line(sync, people, undos) for sync in syncs]
    return render_tab(
        "sis_history/page.html",
        **_common(connection),
        pages=pages,
        lines=lines,
        type=asked,
        kinds=[(name, label, None) for name, label in _KINDS.items()],
        kept_back=db.session.scalar(select(KeptBack.source_id).where(KeptBack.connection_id == connection.id).limit(1)),
        bars=[_bar(sync) for sync in reversed(syncs[:BARS]) if sync.state in sync_words.COMMITTED]
        if pages.page == 1
        else [],
    )


@blueprint.get("/log")
@access(Rule.READ)
def log(kind: str) -> Response:
    connection = get_connection(kind)
    conditions = _log_conditions(connection)
    pages = asked_pages(db.session.scalar(select(func.count()).select_from(SyncWarning).where(*conditions)) or 0)
    statement = (
        select(SyncWarning.__table__, Sync.created_at).join(Sync, Sync.id == SyncWarning.sync_id).where(*conditions)
    )
    statement = statement.order_by(SyncWarning.id.desc()).limit(pages.per_page).offset(pages.offset)
    rows = list(db.session.execute(statement))
    actions = _actions_of(rows)
    return render_tab(
        "sis_history/log.html",
        **_common(connection),
        pages=pages,
        entries=[_entry(row, actions) for row in rows],
        stages=list(_STAGES.items()),
        types=_types(kind),
        severities=list(_SEVERITIES.items()),
        codes=[("", "All kinds"), *sorted(((code, title(code)) for code in CATALOGUE), key=itemgetter(1))],
        sync_id=asked_number("sync"),
        list_url=request.full_path.rstrip("?"),
        narrowed=bool(request.args),
    )


def _types(kind: str) -> list[tuple[str, str]]:
    words = words_of(kind)
    return [("", "All types"), *((each, words.many(each).capitalize()) for each in _TYPES)]


@blueprint.get("/log.csv")
@access(Rule.READ)
def spreadsheet(kind: str) -> Response:
    """Every warning that the log would show on all its pages."""
    connection = get_connection(kind)
    statement = select(SyncWarning.__table__).where(*_log_conditions(connection)).order_by(SyncWarning.id.desc())
    return csv_file(f"{kind}-log.csv", HEADING, _csv_lines(db.engine, statement))


def _csv_lines(engine: Engine, statement: Select[Any]) -> Iterator[tuple[object, ...]]:
    with engine.connect() as connection:
        for row in read(connection, statement):
            about = entry(row.code)
            yield (
                row.sync_id, SEVERITY_WORDS[about.severity], row.file, row.line or "", row.column, row.type,
                row.external_id, row.field, row.value, reason_of(row), about.advice,
            )  # fmt: skip


def _common(connection: SisConnection) -> dict[str, Any]:
    return {"connection": connection, "source": NAMES[connection.kind]}


def _line(sync: Sync, people: dict[int, str], undos: dict[int, Undone]) -> dict[str, Any]:
    at = running.standing(sync, now())
    undone = undos.get(sync.id)
    word = "Held" if at.state is SyncState.PREPARED and sync.held else sync_words.NOTES[at.state]
    return {
        "sync": sync,
        "state": "undone" if undone and undone.stands else at.state,
        "changes": sync_words.changes(sync),
        "who": sync_words.starter(sync, people),
        "note": " ".join(part for part in (_said(word, sync.note), str(undone) if undone else "", sync.note) if part),
        "settled": at.state not in {SyncState.FAILED, SyncState.INTERRUPTED},
    }


def _said(word: str, note: str) -> str:
    """What a sync has come to, where its note does not begin with that."""
    return "" if note.startswith(word) else f"{word}."


def _bar(sync: Sync) -> tuple[str, dict[str, int]]:
    parts = {"success": 0, "info": 0, "danger": 0}
    for verbs in sync.counts.values():
        for verb, numbers in verbs.items():
            parts[_TONES[verb]] += numbers.get("applied", 0)
    return f"{sync.created_at.day} {sync.created_at:%b}", parts


def _log_conditions(connection: SisConnection) -> list[ColumnElement[bool]]:
    sync_id = asked_number("sync")
    mine = select(Sync.id).where(Sync.connection_id == connection.id, *([Sync.id == sync_id] if sync_id else []))
    conditions: list[ColumnElement[bool]] = [SyncWarning.sync_id.in_(mine)]
    if severity := asked_choice("severity", _SEVERITIES):
        conditions.append(SyncWarning.code.in_([code for code, each in CATALOGUE.items() if each.severity == severity]))
    for name, column, choices in (
        ("code", SyncWarning.code, CATALOGUE),
        ("type", SyncWarning.type, _TYPES),
        ("stage", SyncWarning.stage, _STAGES),
    ):
        if value := asked_choice(name, choices):
            conditions.append(column == value)
    if request.args.get("rows"):
        conditions.append(SyncWarning.file != "")
    if search := asked_search():
        conditions.append(
            SyncWarning.external_id.contains(search, autoescape=True)
            | SyncWarning.value.contains(search, autoescape=True)
        )
    return conditions


def _actions_of(rows: list[Row[Any]]) -> dict[tuple[int, str, str], tuple[int, str]]:
    """(sync, type, ``source_id``) -> id and label of the actions that some warnings are about."""
    records = {row.external_id for row in rows if row.external_id}
    statement = select(Action.sync_id, Action.type, Action.source_id, Action.id, Action.label).where(
        Action.source_id.in_(records), Action.sync_id.in_({row.sync_id for row in rows})
    )
    return {(row[0], row[1], row[2]): (row[3], row[4]) for row in db.session.execute(statement)}


def _entry(row: Row[Any], actions: dict[tuple[int, str, str], tuple[int, str]]) -> dict[str, Any]:
    about = entry(row.code)
    action_id, label = actions.get((row.sync_id, row.type, row.external_id), (row.action_id, ""))
    return {
        "row": row,
        "label": label,
        "sentence": sentence(problem_of(row)),
        "advice": about.advice,
        "tone": sync_words.SEVERITY_TONES[about.severity],
        "severity": SEVERITY_WORDS[about.severity],
        "action_url": url_for("sync_actions.action", sync_id=row.sync_id, action_id=action_id) if action_id else "",
    }
