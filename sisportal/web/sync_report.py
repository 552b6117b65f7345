"""The report of a sync: its numbers, what was proven and what was held back, and Commit, Discard and Cancel."""

from typing import Any

from flask import Blueprint, Response, current_app, flash, request, url_for
from sqlalchemy import func, select

from sisportal.extensions import db
from sisportal.models import ConnectionKind, Pin, SisConnection, Sync, SyncState
from sisportal.syncing import releasing, review, running
from sisportal.syncing.cases import ASKED
from sisportal.syncing.connections import NAMES
from sisportal.syncing.deciding_all import may_agree
from sisportal.syncing.explaining import seal_sentence
from sisportal.syncing.queue import QueueGone
from sisportal.syncing.since import mode_words
from sisportal.syncing.staleness import age, edited_since
from sisportal.syncing.states import NotAllowed
from sisportal.syncing.undo import UNDOABLE
from sisportal.syncing.words import total_of
from sisportal.web import sync_words
from sisportal.web.access import Rule, access, get_sync
from sisportal.web.acting import released_engine, who
from sisportal.web.formats import plural
from sisportal.web.portal import now
from sisportal.web.refused_rows import refused_rows
from sisportal.web.rendering import came_from, from_htmx, redirect_for, render_invalid, render_partial, render_tab
from sisportal.web.sync_causes import causes
from sisportal.web.sync_holds import doubts, guarded, releases
from sisportal.web.undo_words import undos_of

CONSEQUENCES = {
    "people": "Nobody who is missing from it is archived.",
    "sections": "No class that is missing from it is archived.",
    "schools": "No school counts as gone.",
    "terms": "Classes keep the dates that they have.",
    "courses": "Classes keep the codes that they have.",
}
"""What it means for the plan that a list is not proven to be whole."""
ALL = "all"
"""What a release is asked of where it is of everything that the guards hold."""

blueprint = Blueprint("sync_report", __name__, url_prefix="/syncs/<int:sync_id>")


@blueprint.get("")
@access(Rule.READ)
def report(sync_id: int) -> Response:
    return render_tab("sync_report/page.html", **_report(get_sync(sync_id)))


@blueprint.get("/progress")
@access(Rule.READ, polled=True)
def progress(sync_id: int) -> Response:
    """How far it is; when it has settled, stopped or begun again, the page loads anew with what can be done now."""
    sync = get_sync(sync_id)
    at = running.standing(sync, now())
    response = render_partial("sync_report/_progress.html", sync=sync, at=at)
    as_shown = at.silent if request.args.get("silent") else at.busy
    if not as_shown and from_htmx():
        response.headers["HX-Refresh"] = "true"
    return response


@blueprint.get("/commit")
@access(Rule.WRITE)
def confirm_commit(sync_id: int) -> Response:
    """Asks, with numbers: the page of the dialog."""
    return render_tab("sync_report/commit.html", **_report(get_sync(sync_id)))


@blueprint.post("/commit")
@access(Rule.WRITE)
def commit(sync_id: int) -> Response:
    """Commit what is ticked, or continue a commit that stopped half-way."""
    sync, asker = get_sync(sync_id), who()
    try:
        running.ask_commit(released_engine(), sync.id, asker, now())
        current_app.extensions["queue"].send_commit(sync_id)
    except (NotAllowed, QueueGone) as refusal:
        flash(str(refusal), "warning")
    return _back(sync_id)


@blueprint.post("/again")
@access(Rule.WRITE)
def again(sync_id: int) -> Response:
    """Prepare again from the beginning and keep what was unticked here, where it still means the same (SPEC 6.7)."""
    sync, asker = get_sync(sync_id), who()
    connection = db.session.get_one(SisConnection, sync.connection_id)
    kind, connection_id, undone_id = connection.kind, connection.id, sync.undoes_id
    try:
        if undone_id is not None:
            newer = running.start_undo(released_engine(), undone_id, asker, now(), keep_ticks_of=sync_id)
        else:
            newer = running.start(released_engine(), connection_id, asker, now(), keep_ticks_of=sync_id)
        current_app.extensions["queue"].send_prepare(newer)
    except (NotAllowed, QueueGone) as refusal:
        flash(str(refusal), "warning")
        return _back(sync_id)
    return redirect_for(url_for("sis_status.status", kind=kind))


@blueprint.post("/discard")
@access(Rule.WRITE)
def discard(sync_id: int) -> Response:
    sync, asker = get_sync(sync_id), who()
    try:
        running.discard(released_engine(), sync.id, asker, now())
        flash("The plan is discarded. Nothing was changed in the portal.", "success")
    except NotAllowed as refusal:
        flash(str(refusal), "warning")
    return _back(sync_id)


@blueprint.post("/release")
@access(Rule.WRITE)
def release(sync_id: int) -> Response:
    """Free what a guard holds, or all of them, once the person has typed how many that is (SPEC 6.5)."""
    sync, asker = get_sync(sync_id), who()
    context = _report(sync)
    asked = request.form.get("hold", ALL)
    holds = {row.hold.key: row.hold for row in context["guarded"]}
    number = context["to_release"] if asked == ALL else holds[asked].ticked if asked in holds else 0
    if not number:
        flash("That is held no longer: somebody released it, or unticked it.", "warning")
        return _back(sync_id)
    if request.form.get("number", "").strip().replace(",", "") != str(number):
        error = f"Type {number:,}: that is how many ticked actions are held."
        return render_invalid("sync_report/page.html", **context | {"release_error": (asked, error)})
    try:
        released = releasing.release_guards(released_engine(), sync_id, asker, now(), holds.get(asked))
        flash(
            f"{plural(released, 'action is', 'actions are')} released: a commit applies those that are ticked.",
            "success",
        )
    except NotAllowed as refusal:
        flash(str(refusal), "warning")
    return _back(sync_id)


@blueprint.post("/cancel")
@access(Rule.WRITE)
def cancel(sync_id: int) -> Response:
    sync, asker = get_sync(sync_id), who()
    try:
        running.cancel(released_engine(), sync.id, asker, now())
        flash("The sync is being cancelled.", "success")
    except NotAllowed as refusal:
        flash(str(refusal), "warning")
    return redirect_for(came_from(url_for(".report", sync_id=sync_id)))


def _back(sync_id: int) -> Response:
    return redirect_for(url_for(".report", sync_id=sync_id))


def _report(sync: Sync) -> dict[str, Any]:
    connection = db.session.get_one(SisConnection, sync.connection_id)
    at, types = running.standing(sync, now()), sync_words.types_of(connection.kind)
    counted = _without_waiting(sync, review.counts(db.session.connection(), sync.id, sync.counts))
    warnings = sync_words.warnings_by_type(sync.id)
    people = sync_words.people_of(sync)
    ready, aged = review.total(counted, "ready"), age(db.session.connection(), sync.id, now())
    stale = aged.why
    undone = undos_of([connection.id]).get(sync.id) if sync.state in UNDOABLE else None
    return {
        "sync": sync,
        "connection": connection,
        "source": NAMES[connection.kind],
        "at": at,
        "causes": causes(sync.id, connection.kind) if warnings else [],
        "refused": refused_rows(sync.id) if connection.kind == ConnectionKind.CSV else None,
        "read": mode_words(sync.mode, sync.request),
        "rows": sync_words.count_rows(
            sync.id, sync.state, counted, warnings, url_for("sis_history.log", kind=connection.kind), types
        ),
        **{name: review.total(counted, name) for name in ("planned", "unticked", "held")},
        **_waiting(sync, types),
        "ready": ready,
        "would": sync_words.in_words(counted, types, "ready"),
        "did": sync_words.in_words(sync.counts, types, "applied"),
        "archives": any(verbs.get("delete", {}).get("ready") for verbs in counted.values()),
        "stale": stale,
        "edited": edited_since(db.session.connection(), sync.id) if aged.is_edited and not stale else [],
        "carried": [each for each in sync.request.get("carried", []) if _tells(each)],
        "started_by": sync_words.starter(sync, people),
        "committed_by": people.get(sync.committed_by or 0, ""),
        "left_out": _left_out(sync, types),
        "seals": [(seal_sentence(seal), seal["complete"], _unproven(seal)) for seal in sync.completeness],
        "types": types,
        "is_committed": sync.state in sync_words.COMMITTED,
        "undone": undone,
        "state": "undone" if undone and undone.stands else at.state,
        "kept_back": sum(number for verbs in sync.kept_back.values() for number in verbs.values()),
        "kept": sync.request.get("kept", 0),
        "apart": [] if total_of(sync.counts, "planned") else _apart(sync),
        "changed": sync_words.applied(sync),
        **_may(sync, at, ready=bool(ready), stale=bool(stale), undone=bool(undone and undone.stands)),
    }


def _waiting(sync: Sync, types: dict[str, str]) -> dict[str, Any]:
    """What of it is held, and how that is answered."""
    rows = guarded(db.session.connection(), sync, types)
    return {
        "doubts": doubts(sync, types),
        "doubtful": any(held["reason"] in ASKED for held in sync.held),
        "may_agree": may_agree(sync.held),
        "guarded": rows,
        "to_release": sum(row.hold.ticked for row in rows),
        "release_error": ("", ""),
        "releases": releases(db.session.connection(), sync, types),
    }


def _apart(sync: Sync) -> list[str]:
    """What of the SIS the portal does not hold although a sync plans nothing of it."""
    pins = db.session.scalar(select(func.count()).select_from(Pin).where(Pin.connection_id == sync.connection_id)) or 0
    parts = [
        "what was undone before" if sync.kept_back else "",
        plural(pins, "pinned field") if pins else "",
        "what the options leave out" if sync.left_out else "",
        "the deletes that are withheld" if sync.withheld else "",
    ]
    return [part for part in parts if part]


def _without_waiting(sync: Sync, counted: review.Counts) -> review.Counts:
    """Where a plan is partly committed and deletes of people are held, classes that only these would leave wait with them."""
    people = [counted.get(type_, {}).get("delete", {}) for type_ in ("student", "teacher")]
    sections = counted.get("section", {}).get("edit", {})
    waits = any(each.get("held") for each in people) and not any(each.get("ready") for each in people)
    if sync.state == SyncState.PARTLY_COMMITTED and sections and waits:
        sections["ready"] = 0
    return counted


def _tells(carried: dict[str, Any]) -> bool:
    """Whether something of an older plan went over, or did not."""
    return any(carried[name] for name in ("unticked", "places", "chosen", "released", "lost"))


def _may(sync: Sync, at: running.Standing, *, ready: bool, stale: bool, undone: bool) -> dict[str, bool]:
    """What can be done with the sync now."""
    restartable = {SyncState.FAILED, SyncState.INTERRUPTED, SyncState.CANCELLED, SyncState.EXPIRED}
    renewable = {*review.OPEN, SyncState.EXPIRED, SyncState.SUPERSEDED}
    return {
        "may_commit": sync.state in review.OPEN and ready and not stale and not at.busy,
        "may_discard": sync.state == SyncState.PREPARED and not at.busy,
        "may_prepare_again": sync.state in renewable and not at.busy,
        "may_undo": sync.state in UNDOABLE
        and not at.busy
        and not undone
        and not sync.details_removed_at
        and bool(sync_words.applied(sync)),
        "may_restart": at.state in restartable or stale,
    }


def _unproven(seal: dict[str, Any]) -> str:
    """Why a list is not proven to be whole, and what follows; blank where it is."""
    if seal["complete"] or not seal["reason"]:  # a list of changes is not the whole, and says itself what is gone
        return ""
    reason = seal["reason"].rstrip(".")
    return f"{reason}. {CONSEQUENCES.get(seal['collection'], '')}".strip(". ") + "."


def _left_out(sync: Sync, types: dict[str, str]) -> list[str]:
    return [
        f"{number:,} {types[type_].lower()} to {sync_words.VERBS[verb].lower()}"
        for type_, verbs in sync.left_out.items()
        for verb, number in verbs.items()
    ]
