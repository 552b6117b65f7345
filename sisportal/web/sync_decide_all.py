"""Deciding at once of everybody whose number and full name agree: whom it is about, and the number to type (SPEC 6.3)."""

from typing import Any

from flask import Blueprint, Response, flash, request, url_for

from sisportal.extensions import db
from sisportal.models import SisConnection, Sync
from sisportal.roster.planning import person_label
from sisportal.roster.text import folded, searchable
from sisportal.syncing import deciding_all, review
from sisportal.syncing.connections import NAMES, places, stored_options
from sisportal.syncing.deciding import DOUBTS
from sisportal.syncing.deciding_all import Agreeing
from sisportal.syncing.replanning import Known
from sisportal.syncing.staleness import why_stale
from sisportal.syncing.states import NotAllowed
from sisportal.web.access import Rule, access, get_sync, may_write
from sisportal.web.acting import released_engine, who
from sisportal.web.lists import asked_pages, asked_search
from sisportal.web.portal import now
from sisportal.web.rendering import redirect_for, render_invalid, render_tab

blueprint = Blueprint("sync_decide_all", __name__, url_prefix="/syncs/<int:sync_id>/decide/agreeing")


@blueprint.get("")
@access(Rule.READ)
def listing(sync_id: int) -> Response:
    """Everybody who can be decided at once."""
    return render_tab("sync_decide_all/page.html", **_page(get_sync(sync_id)))


@blueprint.post("")
@access(Rule.WRITE)
def answer(sync_id: int) -> Response:
    """Say of all of them that they are the same, once the person has typed how many they are."""
    sync, asker = get_sync(sync_id), who()
    typed = request.form.get("number", "").strip().replace(",", "")
    context = _page(sync)
    number = context["number"]
    if context["refusal"] or not number or typed != str(number):
        error = f"Type {number:,}: that is how many they are." if number else "There is nobody to decide at once."
        return render_invalid("sync_decide_all/page.html", **context | {"error": error})
    try:
        said = deciding_all.decide_agreeing(released_engine(), sync_id, number, asker, now())
        flash(f"{said:,} people are the same as before: their accounts go on under the new ids.", "success")
    except NotAllowed as refusal:
        flash(str(refusal), "warning")
        return redirect_for(url_for(".listing", sync_id=sync_id))
    return redirect_for(url_for("sync_report.report", sync_id=sync_id))


def _page(sync: Sync) -> dict[str, Any]:
    connection = db.session.connection()
    source = db.session.get_one(SisConnection, sync.connection_id)
    refusal = why_stale(connection, sync.id, now()) if sync.state in review.OPEN else ""
    options = stored_options(sync.options, source.kind)
    plan = Known(sync.id, source.id, source.kind, options, places(connection, source.id))
    found = deciding_all.agreeing(connection, plan) if sync.state in review.OPEN and not refusal else []
    search = asked_search()
    shown = [each for each in found if _matches(each, search)]
    pages = asked_pages(len(shown))
    return {
        "sync": sync,
        "connection": source,
        "source": NAMES[source.kind],
        "refusal": refusal,
        "error": "",
        "number": len(found),
        "of_type": [(type_, sum(each.type == type_ for each in found)) for type_ in ("student", "teacher")],
        "left": sum(held["count"] for held in sync.held if held["reason"] in DOUBTS) - len(found),
        "may_decide": may_write() and not refusal,
        "search": search,
        "pages": pages,
        "lines": [(each, person_label(each.incoming.record)) for each in shown[pages.offset : pages.last]],
    }


def _matches(each: Agreeing, search: str) -> bool:
    person = each.incoming.record
    text = searchable(person.last_name, person.first_name, person.number, person.source_id, each.held.linked_to)
    return all(word in text for word in folded(search).split())
