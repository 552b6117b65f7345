"""What was undone and is not proposed again: the list, and what lets the next sync propose it (SPEC 7)."""

from typing import Any

from flask import Blueprint, Response, abort, flash, request, url_for
from sqlalchemy import func, select

from sisportal.extensions import db
from sisportal.models import KeptBack
from sisportal.syncing import kept_back
from sisportal.syncing.connections import NAMES
from sisportal.syncing.explaining import kept_back_words
from sisportal.syncing.kept_back import KeptFilter
from sisportal.web.access import Rule, access, get_connection
from sisportal.web.acting import released_engine, who
from sisportal.web.lists import asked_choice, asked_pages, asked_search
from sisportal.web.portal import now
from sisportal.web.rendering import came_from, redirect_for, render_tab
from sisportal.web.sis_words import words_of

blueprint = Blueprint("sis_kept_back", __name__, url_prefix="/admin/sis/<kind>")

TYPES = ("student", "teacher", "section")


@blueprint.get("/kept-back")
@access(Rule.READ)
def listing(kind: str) -> Response:
    connection, chosen = get_connection(kind), _chosen()
    conditions = kept_back.conditions(connection.id, chosen)
    pages = asked_pages(db.session.scalar(select(func.count()).select_from(KeptBack).where(*conditions)) or 0)
    statement = kept_back.kept_rows(connection.id, chosen).limit(pages.per_page).offset(pages.offset)
    words = words_of(kind)
    return render_tab(
        "sis_kept_back/page.html",
        connection=connection,
        source=NAMES[kind],
        pages=pages,
        lines=[(row, words.one(row.type).capitalize(), _what(row)) for row in db.session.execute(statement)],
        types=[("", "All types"), *((each, words.many(each).capitalize()) for each in TYPES)],
        chosen=chosen,
        narrowed=chosen != KeptFilter(),
        query=request.query_string.decode(),
    )


@blueprint.post("/kept-back/propose")
@access(Rule.WRITE)
def propose(kind: str) -> Response:
    """Propose one record again, or all that the filters of the URL find."""
    connection, asker = get_connection(kind), who()
    connection_id, back = connection.id, came_from(url_for(".listing", kind=kind))
    if "source_id" in request.form:
        wanted = [(request.form.get("collection", ""), request.form["source_id"])]
    else:
        rows = db.session.execute(kept_back.kept_rows(connection_id, _chosen()))
        wanted = [(row.collection, row.source_id) for row in rows]
    number = kept_back.propose_again(released_engine(), connection_id, wanted, asker, now())
    if not number:
        abort(404)
    what = "It is" if number == 1 else f"{number:,} records are"
    flash(f"{what} proposed again by the next sync. Nothing has changed yet.", "success")
    return redirect_for(back)


def _chosen() -> KeptFilter:
    return KeptFilter(asked_search(), asked_choice("type", TYPES))


def _what(row: Any) -> str:
    return kept_back_words(
        is_new=row.is_new, is_gone=row.is_gone, fields=row.fields, joins=row.joins, leaves=row.leaves
    )
