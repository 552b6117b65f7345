"""Everything that the portal holds, as a file: JSON, or a OneRoster package for other systems and other portals (SPEC 12)."""

from collections.abc import Callable, Iterator

from flask import Blueprint, Response, request
from sqlalchemy import Connection, Engine

from sisportal.models.database import writing
from sisportal.syncing import notices
from sisportal.syncing.directory_export import export_json
from sisportal.syncing.oneroster_export import export_oneroster
from sisportal.syncing.settings import NAME, read_settings
from sisportal.web.access import Rule, access
from sisportal.web.acting import released_engine, who
from sisportal.web.portal import now
from sisportal.web.rendering import render_invalid, render_tab

blueprint = Blueprint("directory_export", __name__, url_prefix="/export")

PAGE = "directory_export/page.html"
FILES = {"oneroster": ("roster.zip", "application/zip"), "json": ("portal.json", "application/json")}


@blueprint.get("")
@access(Rule.WRITE)
def choose() -> Response:
    return render_tab(PAGE, format="oneroster", archived=False, error="")


@blueprint.post("")
@access(Rule.WRITE)
def download() -> Response:
    """The file as an attachment. A form asks for it, as the audit log notes who did."""
    chosen, archived = request.form.get("format", ""), "archived" in request.form
    if chosen not in FILES:
        return render_invalid(PAGE, format="", archived=archived, error="Choose what to export.")
    asker, engine = who(), released_engine()
    with writing(engine).begin() as connection:
        notices.record(
            connection, "directory-exported", FILES[chosen][0], now(), actor=asker.name, actor_id=asker.id,
            address=asker.address, archived="yes" if archived or chosen == "json" else "no",
        )  # fmt: skip
    if chosen == "json":
        return _attachment(chosen, engine, export_json)
    return _attachment(
        chosen, engine, lambda each: export_oneroster(each, read_settings(each)[NAME], archived=archived)
    )


def _attachment(chosen: str, engine: Engine, export: Callable[[Connection], Iterator[bytes]]) -> Response:
    name, mimetype = FILES[chosen]
    answer = Response(_pieces(engine, export), mimetype=mimetype)
    answer.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    answer.headers["Cache-Control"] = "no-store"
    return answer


def _pieces(engine: Engine, export: Callable[[Connection], Iterator[bytes]]) -> Iterator[bytes]:
    """The file, read after the view has returned: memory does not grow with the portal."""
    with engine.connect() as connection:
        yield from export(connection)
