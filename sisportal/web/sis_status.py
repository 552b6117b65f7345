"""Status: what a connection is, how its last sync went, and Sync now, Enable and Disable."""

from typing import Any

from flask import Blueprint, Response, current_app, flash, request, url_for
from sqlalchemy import func, select

from sisportal.extensions import db
from sisportal.models import ConnectionKind, Mapping, SisConnection, SisSchool, Sync, SyncMode, SyncState
from sisportal.syncing import running, sample_district
from sisportal.syncing.auto_commit import AUTO_COMMIT
from sisportal.syncing.connections import NAMES
from sisportal.syncing.queue import QueueGone
from sisportal.syncing.since import BEGINNING, LAST, BadDay
from sisportal.syncing.staleness import why_stale
from sisportal.syncing.states import NotAllowed
from sisportal.syncing.words import total_of
from sisportal.web import sync_words
from sisportal.web.access import Rule, access, get_connection
from sisportal.web.acting import released_engine, who
from sisportal.web.clever_client import callback_url, instant_login_url, sso
from sisportal.web.connection_words import package_of
from sisportal.web.portal import now, time_zone
from sisportal.web.rendering import redirect_for, render_invalid, render_tab
from sisportal.web.schedule_words import by_itself

blueprint = Blueprint("sis_status", __name__, url_prefix="/admin/sis/<kind>")


@blueprint.get("/status")
@access(Rule.READ)
def status(kind: str) -> Response:
    return render_tab("sis_status/page.html", **_status(get_connection(kind)))


@blueprint.post("/sync")
@access(Rule.WRITE)
def sync_now(kind: str) -> Response:
    """Start a sync and lead to Status, where its progress is shown."""
    connection, asker = get_connection(kind), who()
    connection_id, ticked = connection.id, request.form.getlist("school")
    tickable = [school.source_id for school in _tickable(connection)]
    if "named" in request.form and not ticked:
        return render_invalid(
            "sis_status/page.html", **_status(connection) | {"error": "Tick at least one.", "ticked": []}
        )
    more = _asked_before(connection_id) or _asked_now(ticked, tickable) | {"since": _since()}
    try:
        sync_id = running.start(released_engine(), connection_id, asker, now(), **more)
        current_app.extensions["queue"].send_prepare(sync_id)
    except (BadDay, NotAllowed, QueueGone) as refusal:
        flash(str(refusal), "warning")
    return redirect_for(url_for(".status", kind=kind))


def _since() -> str:
    """What is read: as the dialog asks, or as Full Sync and Quick Sync say."""
    mode, since = request.form.get("mode", ""), request.form.get("since", BEGINNING)
    if mode:
        return LAST if mode == SyncMode.QUICK else BEGINNING
    return request.form.get("day", "") if since == "day" else since


def _asked_now(ticked: list[str], tickable: list[str]) -> dict[str, Any]:
    """The request of a new sync. With every school ticked it is about all, also about one that is mapped meanwhile."""
    asked: dict[str, Any] = {}
    if ticked and set(ticked) != set(tickable):
        asked["schools"] = ticked
    if request.form.get(f"auto-commit-{request.form.get('mode', '')}") == "yes":
        asked[AUTO_COMMIT] = True
    return asked


def _asked_before(connection_id: int) -> dict[str, Any]:
    """The request of the sync that is to be started again; blank where a new one is asked for."""
    again = request.form.get("again", type=int)
    if again is None:
        return {}
    mine = db.session.scalar(select(Sync.id).where(Sync.id == again, Sync.connection_id == connection_id))
    names = ("since", "schools", "file", AUTO_COMMIT)
    return running.asked_before(db.session.connection(), mine, *names) if mine else {}


@blueprint.post("/disable")
@access(Rule.WRITE)
def disable(kind: str) -> Response:
    return _set_enabled(kind, enabled=False)


@blueprint.post("/enable")
@access(Rule.WRITE)
def enable(kind: str) -> Response:
    return _set_enabled(kind, enabled=True)


def _set_enabled(kind: str, *, enabled: bool) -> Response:
    connection_id, asker = get_connection(kind).id, who()
    running.set_enabled(released_engine(), connection_id, enabled, asker, now())
    sample_district.settle(db.engine, current_app.extensions["settings"].data_dir, now())
    name = NAMES[kind]
    flash(f"{name} is enabled." if enabled else f"{name} is disabled. Everything that it brought stays.", "success")
    return redirect_for(url_for(".status", kind=kind))


def _status(connection: SisConnection) -> dict[str, Any]:
    last, automatic = _newest(connection)
    committed = db.session.get(Sync, connection.committed_sync_id) if connection.committed_sync_id else None
    chosen = select(SisSchool.name).where(SisSchool.connection_id == connection.id, SisSchool.mapping == Mapping.MAPPED)
    schools = list(db.session.scalars(chosen.order_by(SisSchool.name).limit(21)))
    return {
        "connection": connection,
        "source": NAMES[connection.kind],
        "schools": schools,
        "tickable": (tickable := _tickable(connection)),
        "ticked": _ticked(tickable),
        "error": "",
        "package": package_of(connection),
        "waiting": connection.settings.get(running.WAITING_FILE, ""),
        "committed": committed,
        "first": committed is None,
        "tells_changes": connection.kind != ConnectionKind.CSV,
        "today": now().astimezone(time_zone()).date().isoformat(),
        "may_start": connection.enabled and bool(schools),
        "sync": None,
        "waits": False,
        "stale": "",
        "is_sample": sample_district.is_sample(connection.settings),
        "sso": _sign_in(connection.kind),
        "own": by_itself(connection, last, automatic),
        **(_last(connection, last, committed) if last else {}),
    }


def _newest(connection: SisConnection) -> tuple[Sync | None, Sync | None]:
    """The newest sync of a connection, and its newest automatic one."""
    newest = select(func.max(Sync.id)).where(Sync.connection_id == connection.id)
    either = (Sync.id == newest.scalar_subquery()) | (Sync.id == newest.where(Sync.automatic).scalar_subquery())
    found = list(db.session.scalars(select(Sync).where(either).order_by(Sync.id.desc())))
    return next(iter(found), None), next((sync for sync in found if sync.automatic), None)


def _tickable(connection: SisConnection) -> list[SisSchool]:
    """What *Sync schools* lists: of OneRoster, where people choose."""
    if connection.kind != ConnectionKind.ONEROSTER:
        return []
    mapped = (SisSchool.connection_id == connection.id, SisSchool.mapping == Mapping.MAPPED)
    return list(db.session.scalars(select(SisSchool).where(*mapped).order_by(SisSchool.name, SisSchool.source_id)))


def _ticked(tickable: list[SisSchool]) -> list[str]:
    """All of them, unless a link asked for none."""
    return [] if request.args.get("tick") == "none" else [school.source_id for school in tickable]


def _sign_in(kind: str) -> dict[str, str] | None:
    """How signing in with Clever stands, and what Clever or the school needs of it; None for other sources."""
    if kind != ConnectionKind.CLEVER:
        return None
    on = sso()
    link = instant_login_url(on) if on.district_id and on.application.is_registered else ""
    return {"state": on.state, "instant_login": link, "redirect_uri": callback_url()}


def _last(connection: SisConnection, sync: Sync, committed: Sync | None) -> dict[str, Any]:
    at = running.standing(sync, now())
    people = sync_words.people_of(*(each for each in (sync, committed) if each))
    return {
        "sync": sync,
        "at": at,
        "started_by": sync_words.starter(sync, people),
        "numbers": _numbers(sync, connection.kind),
        "stale": why_stale(db.session.connection(), sync.id, now()),
        "is_committed": sync.state in sync_words.COMMITTED,
        "may_start": connection.enabled and not at.busy and not at.silent,
        "waits": sync.state == SyncState.PREPARED and not at.busy,
    }


def _numbers(sync: Sync, kind: str) -> list[tuple[str, int, str]]:
    """(label, changes, URL of their list) of each type that the sync changes."""
    outcome = "applied" if sync.state in sync_words.COMMITTED else "planned"
    return [
        (
            label,
            total_of({type_: sync.counts[type_]}, outcome),
            url_for("sync_actions.actions", sync_id=sync.id, type=type_),
        )
        for type_, label in sync_words.types_of(kind).items()
        if type_ in sync.counts
    ]
