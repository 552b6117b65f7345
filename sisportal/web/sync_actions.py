"""The actions of a sync: listed, opened, ticked one by one or all that match, and written to a CSV file."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from flask import Blueprint, Response, abort, flash, get_flashed_messages, request, url_for
from sqlalchemy import Engine, Row, select

from sisportal.extensions import db
from sisportal.models import Action, ActionState, Mapping, Organization, SisConnection, SisSchool, Sync
from sisportal.roster.catalogue import entry, sentence
from sisportal.syncing import doubted, explained, explaining, members, review
from sisportal.syncing.cases import ASKED
from sisportal.syncing.connections import NAMES
from sisportal.syncing.reports import problem_of
from sisportal.syncing.review import ActionFilter
from sisportal.syncing.states import NotAllowed
from sisportal.syncing.words import total_of
from sisportal.web import sync_words
from sisportal.web.access import Rule, access, get_sync, may_write
from sisportal.web.acting import released_engine, who
from sisportal.web.csv_files import csv_file
from sisportal.web.lists import PER_PAGE, Pages, asked_search
from sisportal.web.portal import now
from sisportal.web.rendering import came_from, from_htmx, redirect_for, render_invalid, render_partial, render_tab

blueprint = Blueprint("sync_actions", __name__, url_prefix="/syncs/<int:sync_id>")

MOST_PAGES = 1_000_000
MOST_MEMBERS = 500
"""As many of those who join or leave are shown at once; a class rarely has more than fifty."""
_HEADING = (
    "id", "type", "verb", "state", "ticked", "held", "external id", "name", "school", "changes", "joins", "leaves", "warnings",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Line:
    """An action as a line of the list."""

    action: Row[Any]
    summary: str
    warnings: int
    sections: int
    """Of an unticked person: in how many sections of the SIS they are."""


@blueprint.get("/actions")
@access(Rule.READ)
def actions(sync_id: int) -> Response:
    return render_tab("sync_actions/page.html", **_page(get_sync(sync_id)))


@blueprint.get("/actions/<int:action_id>")
@access(Rule.READ)
def action(sync_id: int, action_id: int) -> Response:
    """One action opened: a part of its row, or a page of its own."""
    sync = get_sync(sync_id)
    context = _opened(sync, _row(sync_id, action_id))
    if from_htmx():
        return render_partial("sync_actions/_detail.html", **context)
    return render_tab("sync_actions/action.html", **context)


@blueprint.post("/actions/<int:action_id>/tick")
@access(Rule.WRITE)
def tick(sync_id: int, action_id: int) -> Response:
    sync, asker, ticked = get_sync(sync_id), who(), "ticked" in request.form
    status = 200
    try:
        review.tick(released_engine(), sync.id, [action_id], ticked, asker, now())
    except NotAllowed as refusal:
        flash(str(refusal), "warning")
        status = 422
    if not from_htmx():
        return redirect_for(came_from(url_for(".actions", sync_id=sync_id)))
    row = _row(sync_id, action_id)
    sync = get_sync(sync_id)
    context = _common(sync) | _tally(sync) | {"line": _lines(sync, [row])[0], "messages": _messages()}
    return render_partial("sync_actions/_ticked.html", status=status, **context)


@blueprint.post("/actions/tick")
@access(Rule.WRITE)
def tick_many(sync_id: int) -> Response:
    """Tick or untick those of this page, or all that the filters of the URL find."""
    sync, asker, ticked = get_sync(sync_id), who(), request.form.get("ticked") == "yes"
    ids = [int(each) for each in request.form.get("ids", "").split(",") if each.isdecimal()]
    engine = released_engine()
    try:
        if request.form.get("which") == "matching":
            changed = review.tick_matching(engine, sync.id, chosen(), ticked, asker, now())
        else:
            changed = review.tick(engine, sync.id, ids, ticked, asker, now())
    except NotAllowed as refusal:
        flash(str(refusal), "warning")
        changed = -1
    if changed >= 0:
        flash(f"{changed:,} {'action' if changed == 1 else 'actions'} {'ticked' if ticked else 'unticked'}.", "success")
    if not from_htmx():
        return redirect_for(url_for(".actions", sync_id=sync_id, **_query()))
    context = _page(get_sync(sync_id)) | {"messages": _messages()}
    if changed < 0:
        return render_invalid("sync_actions/page.html", partial="sync_actions/_list_ticked.html", **context)
    return render_partial("sync_actions/_list_ticked.html", **context)


@blueprint.post("/actions/<int:action_id>/roster")
@access(Rule.WRITE)
def tick_member(sync_id: int, action_id: int) -> Response:
    """Tick or untick one of those who join or leave a class."""
    sync, asker, source_id = get_sync(sync_id), who(), request.form.get("member", "")
    status = 200
    try:
        review.tick_roster(released_engine(), sync.id, action_id, [source_id], "ticked" in request.form, asker, now())
    except NotAllowed as refusal:
        flash(str(refusal), "warning")
        status = 422
    if not from_htmx():
        return redirect_for(url_for(".action", sync_id=sync_id, action_id=action_id))
    context = _opened(get_sync(sync_id), _row(sync_id, action_id)) | {"messages": _messages()}
    return render_partial("sync_actions/_detail.html", status=status, **context)


@blueprint.get("/actions.csv")
@access(Rule.READ)
def csv(sync_id: int) -> Response:
    """Every action that the filters of the URL find."""
    sync, found = get_sync(sync_id), chosen()
    schools = {row.source_id: row.name for row in _schools(sync)}
    return csv_file(f"sync-{sync_id}-actions.csv", _HEADING, _csv_rows(db.engine, sync_id, found, schools))


def chosen() -> ActionFilter:
    """The filters of the URL."""
    args = request.args
    return ActionFilter(
        type=args.get("type", ""),
        verb=args.get("verb", ""),
        state=args.get("state", ""),
        school=args.get("school", ""),
        search=asked_search(),
        warned=args.get("warnings") == "yes",
        held=args.get("held") == "yes",
        unticked=args.get("unticked") == "yes",
    )


def _query() -> dict[str, Any]:
    return request.args.to_dict()


def _row(sync_id: int, action_id: int) -> Row[Any]:
    statement = select(Action.__table__).where(Action.sync_id == sync_id, Action.id == action_id)
    return db.session.execute(statement).one_or_none() or abort(404)


def _common(sync: Sync) -> dict[str, Any]:
    connection = db.session.get_one(SisConnection, sync.connection_id)
    schools = _schools(sync)
    return {
        "sync": sync,
        "connection": connection,
        "source": NAMES[connection.kind],
        "schools": {row.source_id: row.name for row in schools},
        "organizations": {row.id: row.organization for row in schools if row.id is not None},
        "types": sync_words.types_of(connection.kind),
        "one": sync_words.one_of(connection.kind),
        "verbs": sync_words.VERBS,
        "is_open": sync.state in review.OPEN and may_write(),
        "messages": [],
    }


def _tally(sync: Sync) -> dict[str, int]:
    planned = total_of(sync.counts, "planned")
    return {"planned": planned, "ticked": planned - review.count_unticked(db.session.connection(), sync.id)}


def _page(sync: Sync) -> dict[str, Any]:
    found, connection = chosen(), db.session.connection()
    asked = max(request.args.get("page", 1, type=int), 1)
    rows, total, page = review.action_page(connection, sync.id, found, page=min(asked, MOST_PAGES), per_page=PER_PAGE)
    query = _query()
    common = _common(sync) | _tally(sync)
    return common | {
        "found": found,
        "pages": Pages(page, total),
        "lines": _lines(sync, rows),
        "ids": ",".join(str(row.id) for row in rows if row.state == ActionState.PLANNED),
        "query": query,
        "list_url": url_for(".actions", sync_id=sync.id, **query),
        "tick_url": url_for(".tick_many", sync_id=sync.id, **query),
        "csv_url": url_for(".csv", sync_id=sync.id, **{name: value for name, value in query.items() if name != "page"}),
        "title": _title(sync, found, common["types"]),
    }


def _title(sync: Sync, found: ActionFilter, types: dict[str, str]) -> str:
    what = types.get(found.type, "Actions")
    verb = sync_words.VERBS.get(found.verb, "")
    if not verb:
        return what
    if sync.state not in sync_words.COMMITTED:
        return f"{what} to {verb.lower()}"
    return f"{what} {sync_words.BECOMES[found.verb]}" if found.state == ActionState.APPLIED else f"{what}: {verb}"


def _lines(sync: Sync, rows: Sequence[Row[Any]], warnings: dict[int, list[Row[Any]]] | None = None) -> list[Line]:
    """``warnings``: those of the rows, where somebody has read them already."""
    connection = db.session.connection()
    if warnings is None:
        warnings = review.warnings_of(connection, rows)
    alone = [row.source_id for row in rows if not row.ticked and row.type != "section"]
    sections = members.sections_of(connection, sync.connection_id, alone) if alone else {}
    return [
        Line(
            row,
            explaining.summary(row.type, row.verb, row.before, row.after, row.roster, _in_question(row)),
            len(warnings.get(row.id, ())),
            sections.get(row.source_id, 0) if not row.ticked else 0,
        )
        for row in rows
    ]


def _opened(sync: Sync, row: Row[Any]) -> dict[str, Any]:
    """What the parts of an opened action need."""
    common, connection = _common(sync), db.session.connection()
    moving = {part: row.roster[part] for part in ("join", "leave") if row.roster.get(part)}
    shown = {part: source_ids[:MOST_MEMBERS] for part, source_ids in moving.items()}
    listed = [side.get("teachers") for side in (row.before, row.after)] + row.evidence.get("both", {}).get(
        "teachers", []
    )
    named = [id_ for ids in listed for id_ in ids or ()]
    named += [id_ for source_ids in shown.values() for id_ in source_ids]
    people = members.known(connection, sync.connection_id, sync.id, named) if named else {}
    by_action = review.warnings_of(connection, [row])
    warnings = by_action.get(row.id, [])
    decide_label, decide_at = _decide(row, warnings)
    school, past = common["schools"].get(row.school, ""), explained.history(connection, row)
    organizations = _organization_names(row, common["organizations"])
    names = {id_: label for id_, (label, _, _) in people.items()}
    known = explained.Around(common["connection"].kind, school, past, organizations, names)
    return common | {
        "action": row,
        "line": _lines(sync, [row], by_action)[0],
        "fields": explaining.field_rows(row.before, row.after, organizations, names, row.evidence.get("both")),
        "which": {"add": "after", "delete": "both"}.get(row.verb, "both"),
        "roster": {part: members.members(people, ids, row.roster.get("unticked", ())) for part, ids in shown.items()},
        "more_members": {part: len(source_ids) - len(shown[part]) for part, source_ids in moving.items()},
        "why": explained.why(connection, sync, row, known),
        "events": _events(sync, row, past),
        "held_because": explaining.why_held(row, sync.held),
        "decide_label": decide_label,
        "decide_at": decide_at,
        "warnings": [(sentence(problem_of(each)), entry(each.code).advice) for each in warnings],
    }


def _events(sync: Sync, row: Row[Any], past: Sequence[Any]) -> list[dict[str, Any]]:
    """What happened to the same record until then, for the timeline."""
    return [
        {
            "at": each.at,
            "title": each.sentence,
            "url": url_for(".action", sync_id=each.sync_id, action_id=each.action_id) if each.action_id else "",
        }
        for each in explained.before(db.session.connection(), sync, row, past)
    ]


def _decide(row: Row[Any], warnings: Sequence[Row[Any]]) -> tuple[str, int]:
    """What leads to the page where a person says who it is, blank where nobody has to; and the action of which."""
    if row.held == doubted.DOUBTED:
        doubt = doubted.doubt_about(db.session.connection(), row)
        return ("Decide the new record", doubt) if doubt else ("", row.id)
    if row.held in ASKED:
        return "Decide", row.id
    return "Link instead" if any(each.code == "possible-duplicate" for each in warnings) else "", row.id


def _in_question(row: Row[Any]) -> Collection[str]:
    """Fields that were changed both here and in the SIS, and of which nobody has chosen yet."""
    return row.evidence.get("both", {}).keys() if row.held else ()


def _organization_names(row: Row[Any], known: dict[int, str]) -> dict[int, str]:
    """Names of the organizations that an action names, ``known`` being those of the schools in scope."""
    ids: set[int] = set()
    both: dict[str, list[Any]] = row.evidence.get("both", {})
    three = [{name: values[at] for name, values in both.items()} for at in range(3)]
    for side in (row.before, row.after, *three):
        ids |= {side["organization"]} if side.get("organization") else set()
        ids |= set(side.get("organizations") or ())
    if ids <= known.keys():
        return known
    statement = select(Organization.id, Organization.name).where(Organization.id.in_(ids))
    return {each.id: each.name for each in db.session.execute(statement)}


def _schools(sync: Sync) -> list[Row[Any]]:
    """The schools in scope: ``source_id``, ``name``, and ``id`` and name of their organization."""
    statement = (
        select(SisSchool.source_id, SisSchool.name, Organization.id, Organization.name.label("organization"))
        .outerjoin(Organization, Organization.id == SisSchool.organization_id)
        .where(SisSchool.connection_id == sync.connection_id, SisSchool.mapping == Mapping.MAPPED)
    )
    return list(db.session.execute(statement.order_by(SisSchool.name)))


def _messages() -> list[Any]:
    return get_flashed_messages(with_categories=True)


def _csv_rows(engine: Engine, sync_id: int, found: ActionFilter, schools: dict[str, str]) -> Iterator[Sequence[object]]:
    with engine.connect() as connection:
        for rows in review.all_rows(connection, sync_id, found):
            warnings = review.warnings_of(connection, rows)
            for row in rows:
                changes = explaining.field_rows(row.before, row.after, {}, {})
                yield (
                    row.id, row.type, row.verb, row.state, "yes" if row.ticked else "no", row.held, row.source_id, row.label,
                    schools.get(row.school, row.school),
                    "; ".join(f"{label}: {before or '-'} > {after or '-'}" for label, before, after in changes),
                    " ".join(row.roster.get("join", ())), " ".join(row.roster.get("leave", ())),
                    " ".join(sentence(problem_of(each)) for each in warnings.get(row.id, ())),
                )  # fmt: skip
