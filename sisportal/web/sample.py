"""The sample district: tried with one click, a day passes in it, and it is removed without a trace (SPEC 2.1)."""

from flask import Blueprint, Response, abort, current_app, flash, url_for

from sisportal.extensions import db
from sisportal.models import SisConnection
from sisportal.syncing import sample_district, sample_removal
from sisportal.syncing.connections import load
from sisportal.syncing.explaining import day
from sisportal.syncing.sample_district import KIND, is_sample
from sisportal.syncing.states import NotAllowed
from sisportal.syncing.trials import try_connection
from sisportal.web import sample_start
from sisportal.web.access import Rule, access
from sisportal.web.acting import released_engine, who
from sisportal.web.connection_forms import connection_of, reads_sample
from sisportal.web.portal import now
from sisportal.web.rendering import redirect_for, render_tab

blueprint = Blueprint("sample", __name__, url_prefix="/admin/sis/sample")


@blueprint.get("")
@access(Rule.READ)
def page() -> Response:
    """What the sample is; once it is connected, whether it answers, and how to go on."""
    held = connection_of(KIND)
    if held is None or not is_sample(held.settings):
        return render_tab("sample/page.html", held=held, trial=None, errors=[], by_hand=sample_district.BY_HAND)
    facts = load(db.session.connection(), held.id)
    released_engine()
    trial = try_connection(current_app.extensions["open_provider"], facts)
    return render_tab("sample/connected.html", held=connection_of(KIND), trial=trial, errors=[])


@blueprint.post("/start")
@access(Rule.WRITE)
def start() -> Response:
    asker = who()
    released_engine()
    error = sample_start.start_sample(asker)
    flash(error or "The sample district is connected. Everybody in it is made up.", "warning" if error else "success")
    return redirect_for(url_for(".page"))


@blueprint.post("/day")
@access(Rule.WRITE)
def pass_day() -> Response:
    """Let a day pass, so that the next sync has something to show."""
    url, asker = _held().settings["base_url"], who()
    try:
        today = sample_district.pass_day(released_engine(), url, asker, now())
        flash(
            f"A day has passed in the sample district: it is {day(today)} there. The next sync shows what changed.",
            "success",
        )
    except NotAllowed as refusal:
        flash(str(refusal), "warning")
    return redirect_for(url_for("sis_status.status", kind=KIND))


@blueprint.get("/remove")
@access(Rule.WRITE)
def ask_removal() -> Response:
    """Says what goes and what stays before anything does."""
    if not reads_sample():
        return redirect_for(url_for(".page"))
    return render_tab("sample/remove.html", found=sample_removal.brought(db.session.connection()))


@blueprint.post("/remove")
@access(Rule.WRITE)
def remove() -> Response:
    _held()
    asker, settings = who(), current_app.extensions["settings"]
    try:
        sample_removal.remove(released_engine(), asker, now(), settings.data_dir)
    except NotAllowed as refusal:
        flash(str(refusal), "warning")
        return redirect_for(url_for(".ask_removal"))
    flash("The sample district is removed, with everybody and everything that it brought.", "success")
    return redirect_for(url_for("home.home"))


def _held() -> SisConnection:
    """The connection that reads the sample, or 404."""
    found = connection_of(KIND)
    return found if found and is_sample(found.settings) else abort(404)
