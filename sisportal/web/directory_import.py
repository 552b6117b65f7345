"""Importing accounts and classes from a file: chosen, shown row by row, and written only when a person says so (SPEC 10)."""

from pathlib import Path
from typing import Any

from flask import Blueprint, Response, current_app, flash, request, url_for

from sisportal.extensions import db
from sisportal.roster.fields import Values
from sisportal.syncing import import_files, importing
from sisportal.syncing.by_hand import Changed, Refused
from sisportal.syncing.explaining import field_rows
from sisportal.syncing.import_rows import Planned
from sisportal.syncing.import_table import COLUMNS, Sheet, Unreadable, read_sheet
from sisportal.syncing.importing import Import
from sisportal.web.access import Rule, access, current
from sisportal.web.acting import released_engine, who
from sisportal.web.lists import asked_choice, asked_pages
from sisportal.web.portal import now
from sisportal.web.record_words import organization_names, organizations_in
from sisportal.web.rendering import redirect_for, render_invalid, render_tab
from sisportal.web.scope import bounds

blueprint = Blueprint("directory_import", __name__, url_prefix="/import")

CHOOSE = "directory_import/choose.html"
GONE = "The file is not kept any more: an hour has passed, or it was imported. Choose it again."
SHOWS = ("bad", "add", "edit")


@blueprint.get("")
@access(Rule.MANAGE)
def choose() -> Response:
    return render_tab(CHOOSE, columns=COLUMNS, error="")


@blueprint.post("")
@access(Rule.MANAGE)
def upload() -> Response:
    """Keep the file for its preview; one that cannot be read is told at once."""
    file = request.files.get("file")
    content = file.read() if file else b""
    try:
        read_sheet(content)
    except Unreadable as error:
        sentence = str(error) if file and file.filename else "Choose a file."
        return render_invalid(CHOOSE, columns=COLUMNS, error=sentence)
    token = import_files.keep(_folder(), current().id, content, now())
    return redirect_for(url_for(".preview", upload=token))


@blueprint.get("/<upload>")
@access(Rule.MANAGE)
def preview(upload: str) -> Response:
    """What the file would do, by pages; nothing is written."""
    sheet = _sheet(upload)
    if sheet is None:
        return _gone()
    return _preview(upload, importing.plan(db.session.connection(), sheet, bounds()))


@blueprint.post("/<upload>")
@access(Rule.MANAGE)
def carry_out(upload: str) -> Response:
    """Write the import as it was shown; where it would be another one now, show it again."""
    sheet, asker, limits, account_id = _sheet(upload), who(), bounds(), current().id
    if sheet is None:
        return _gone()
    skip, seen = "skip_bad" in request.form, request.form.get("seen", "")
    engine = released_engine()
    try:
        done = importing.carry_out(engine, sheet, asker, now(), limits, skip_bad=skip, seen=seen)
    except Changed:
        flash(
            "The portal has changed since you were shown this, so nothing is written yet. Look at it again.", "warning"
        )
        return redirect_for(url_for(".preview", upload=upload))
    except Refused as refusal:
        flash(str(refusal), "warning")
        return redirect_for(url_for(".preview", upload=upload))
    import_files.drop(_folder(), account_id, upload)
    left = f" {len(done.bad):,} bad rows were left out." if done.bad else ""
    flash(f"{len(done.of('add')):,} {done.kind} are made and {len(done.of('edit')):,} changed.{left}", "success")
    return redirect_for(url_for(f"{done.kind}.listing", source="import" if done.of("add") else None))


@blueprint.post("/<upload>/drop")
@access(Rule.MANAGE)
def drop(upload: str) -> Response:
    import_files.drop(_folder(), current().id, upload)
    flash("Nothing was imported, and the file is removed.", "success")
    return redirect_for(url_for(".choose"))


def _folder() -> Path:
    folder: Path = current_app.extensions["settings"].data_dir
    return folder


def _sheet(upload: str) -> Sheet | None:
    content = import_files.load(_folder(), current().id, upload, now())
    return None if content is None else read_sheet(content)


def _gone() -> Response:
    flash(GONE, "warning")
    return redirect_for(url_for(".choose"))


def _preview(upload: str, found: Import) -> Response:
    numbers = {"bad": len(found.bad), "add": len(found.of("add")), "edit": len(found.of("edit"))}
    show = asked_choice("show", SHOWS, next((name for name in SHOWS if numbers[name]), "add"))
    rows: list[Any] = list(found.problems) if show == "bad" else found.of(show)
    pages = asked_pages(len(rows))
    return render_tab(
        "directory_import/preview.html",
        upload=upload,
        found=found,
        numbers=numbers,
        show=show,
        rows=rows[pages.offset : pages.last] if show == "bad" else _in_words(rows[pages.offset : pages.last]),
        pages=pages,
    )


def _in_words(planned: list[Planned]) -> list[tuple[Planned, list[tuple[str, str, str]]]]:
    """Each row with (field, before, after) of what it says."""
    names = organization_names(organizations_in(*(side for each in planned for side in (each.before, each.after))))
    return [(each, field_rows(_told(each.before, each), each.after, names, {})) for each in planned]


def _told(before: Values, each: Planned) -> Values:
    return {} if each.target_id is None else before
