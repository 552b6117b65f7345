"""Undo of a committed sync: asks with numbers, and has the way back prepared as a plan to review (SPEC 7)."""

from typing import Any

from flask import Blueprint, Response, current_app, flash, url_for

from sisportal.extensions import db
from sisportal.models import SisConnection, Sync
from sisportal.syncing import running, undo
from sisportal.syncing.connections import NAMES
from sisportal.syncing.queue import QueueGone
from sisportal.syncing.states import NotAllowed
from sisportal.web import sync_words
from sisportal.web.access import Rule, access, get_sync
from sisportal.web.acting import released_engine, who
from sisportal.web.portal import now
from sisportal.web.rendering import redirect_for, render_tab

blueprint = Blueprint("sync_undo", __name__, url_prefix="/syncs/<int:sync_id>")


@blueprint.get("/undo")
@access(Rule.WRITE)
def ask(sync_id: int) -> Response:
    """Asks, with numbers: the page of the dialog."""
    sync = get_sync(sync_id)
    return render_tab("sync_undo/page.html", **_asked(sync))


@blueprint.post("/undo")
@access(Rule.WRITE)
def start(sync_id: int) -> Response:
    """Have the undo prepared, and lead to its report."""
    sync, asker = get_sync(sync_id), who()
    undone_id = sync.id
    try:
        undo_id = running.start_undo(released_engine(), undone_id, asker, now())
    except NotAllowed as refusal:
        flash(str(refusal), "warning")
        return redirect_for(url_for("sync_report.report", sync_id=sync_id))
    try:
        current_app.extensions["queue"].send_prepare(undo_id)
    except QueueGone as refusal:
        flash(str(refusal), "warning")
    return redirect_for(url_for("sync_report.report", sync_id=undo_id))


def _asked(sync: Sync) -> dict[str, Any]:
    connection = db.session.get_one(SisConnection, sync.connection_id)
    refusal = ""
    try:
        undo.require_undoable(db.session.connection(), sync.id)
    except NotAllowed as error:
        refusal = str(error)
    return {
        "sync": sync,
        "connection": connection,
        "source": NAMES[connection.kind],
        "refusal": refusal,
        "did": sync_words.in_words(sync.counts, sync_words.types_of(connection.kind), "applied"),
    }
