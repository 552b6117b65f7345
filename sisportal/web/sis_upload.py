"""OneRoster CSV: the school year that its files are of, and the page that takes a file."""

from pathlib import Path
from typing import Any

from flask import Blueprint, Response, current_app, flash, request, url_for

from sisportal.extensions import db
from sisportal.models import SisConnection
from sisportal.syncing import arrivals, packages, running
from sisportal.syncing.auto_commit import AUTO_COMMIT
from sisportal.syncing.connections import DAYS, NAMES
from sisportal.syncing.queue import QueueGone
from sisportal.syncing.states import NotAllowed
from sisportal.web import connection_forms
from sisportal.web.access import Rule, access, get_connection, may_write
from sisportal.web.acting import released_engine, who
from sisportal.web.connection_forms import ConnectForm
from sisportal.web.portal import now
from sisportal.web.rendering import redirect_for, render_invalid, render_tab

blueprint = Blueprint("sis_upload", __name__, url_prefix="/admin/sis/csv")

KIND = "csv"
LARGEST_FILE = 1024**3
"""Bytes of a zip: a district of a million people packs to less."""
_LONGEST_NAME = 200
_NO_FILE = "Choose the zip that the SIS made."
_DISK_FULL = "The file could not be kept: the disk of the server is full, or it cannot be written to."


@blueprint.url_value_preprocessor
def allow_files(endpoint: str | None, values: dict[str, Any] | None) -> None:  # noqa: ARG001 - as Flask calls it
    """Let an administrator's file in, and only there: before anything has looked at the form, which reads it."""
    if endpoint == "sis_upload.upload" and request.method == "POST" and may_write():
        request.max_content_length = LARGEST_FILE
        request.spool_folder = packages.folder(current_app.extensions["settings"].data_dir)  # type: ignore[attr-defined]
    db.session.rollback()  # a file may take minutes: nothing waits for it meanwhile


@blueprint.get("/connect", defaults={"kind": KIND})
@access(Rule.WRITE)
def connect(kind: str) -> Response:
    return render_tab("sis_setup/csv.html", **_context(kind, _stored()))


@blueprint.post("/connect", defaults={"kind": KIND})
@access(Rule.WRITE)
def save(kind: str) -> Response:
    """Keep the days, and lead to the first file."""
    form = ConnectForm(settings={name: request.form.get(name, "").strip() for name in DAYS})
    form.errors = connection_forms.wrong_days(form.settings)
    if form.errors:
        return render_invalid("sis_setup/csv.html", **_context(kind, form))
    held = connection_forms.connection_of(kind)
    if held is None:
        connection_forms.keep(kind, form)
        flash("OneRoster CSV is set up. The next step is the first file.", "success")
        return redirect_for(url_for(".show", kind=kind))
    if form.settings != _stored().settings:
        form.settings = held.settings | form.settings
        connection_forms.keep(kind, form)
        flash("The dates are stored. They count from the next file on.", "success")
    else:
        flash("Nothing was changed.", "info")
    return redirect_for(url_for("sis_configure.configure", kind=kind))


@blueprint.get("/upload", defaults={"kind": KIND})
@access(Rule.WRITE)
def show(kind: str) -> Response:
    """The page of the form; before the dates are entered it leads to them."""
    if connection_forms.connection_of(kind) is None:
        return redirect_for(url_for(".connect"))
    return render_tab("sis_upload/page.html", **_page(get_connection(kind)))


@blueprint.post("/upload", defaults={"kind": KIND})
@access(Rule.WRITE)
def upload(kind: str) -> Response:
    """Take a file: refused with the reason before anything is written, else prepared."""
    connection, asker = get_connection(kind), who()
    connection_id, file = connection.id, request.files.get("file")
    by_itself: dict[str, Any] = {AUTO_COMMIT: True} if request.form.get("auto_commit") == "yes" else {}
    portal, engine = current_app.extensions, released_engine()
    if file is None or not file.filename:
        return _refused(kind, _NO_FILE)
    name = file.filename[:_LONGEST_NAME]
    try:
        path = packages.keep(portal["settings"].data_dir, file.stream)
    except OSError:
        return _refused(kind, _DISK_FULL)
    try:
        may_start = arrivals.look_through(engine, connection_id, path, portal["open_provider"], portal["clock"])
    except arrivals.Refused as refusal:
        return _refused(kind, str(refusal))
    if not may_start:
        arrivals.keep_waiting(engine, connection_id, path, portal["clock"], name)
        flash("The file can be read. Say what its businesses become; then the first sync can start.", "success")
        return redirect_for(url_for("sis_mapping.schools", kind=kind))
    try:
        sync_id = running.start(engine, connection_id, asker, now(), file=str(path), file_name=name, **by_itself)
    except NotAllowed as refusal:
        path.unlink(missing_ok=True)
        return _refused(kind, str(refusal))
    try:
        portal["queue"].send_prepare(sync_id)
    except QueueGone as refusal:
        flash(str(refusal), "warning")
    return redirect_for(url_for("sis_status.status", kind=kind))


def _refused(kind: str, error: str) -> Response:
    return render_invalid("sis_upload/page.html", partial="sis_upload/_form.html", **_page(get_connection(kind), error))


def _page(connection: SisConnection, error: str = "") -> dict[str, Any]:
    return {
        "connection": connection,
        "source": NAMES[connection.kind],
        "error": error,
        "largest": LARGEST_FILE // 1024**2,
        "folder": _watched(),
    }


def _watched() -> Path:
    folder: Path = current_app.extensions["settings"].csv_folder
    return folder


def _context(kind: str, form: ConnectForm) -> dict[str, Any]:
    is_connected = connection_forms.connection_of(kind) is not None
    return {"kind": kind, "source": NAMES[kind], "form": form, "is_connected": is_connected}


def _stored() -> ConnectForm:
    held = connection_forms.connection_of(KIND)
    kept = held.settings if held else {}
    return ConnectForm(settings={name: kept.get(name, "") for name in DAYS})
