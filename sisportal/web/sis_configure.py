"""Configure: the connection, the school that the portal is for, and the options of its syncs."""

from typing import Any

from flask import Blueprint, Response, current_app, flash, request, url_for
from sqlalchemy import select

from sisportal.extensions import db
from sisportal.models import ConnectionKind, SisConnection, Sync
from sisportal.models.database import writing
from sisportal.roster.option_catalogue import YES_NO, Entry
from sisportal.roster.options import OptionError, Options, as_text, catalogue, defaults, label, with_option
from sisportal.syncing import connections, mapping, notices, review
from sisportal.syncing.connections import NAMES
from sisportal.syncing.states import NotAllowed
from sisportal.syncing.trials import choose_school, read_schools
from sisportal.web.access import Rule, access, get_connection
from sisportal.web.acting import released_engine, who
from sisportal.web.portal import now
from sisportal.web.rendering import redirect_for, render_invalid, render_tab
from sisportal.web.sis_words import words_of

blueprint = Blueprint("sis_configure", __name__, url_prefix="/admin/sis/<kind>/configure")

GROUPS = (
    ("What is synced", ("api_version", "items", "changes", "blanks", "ignore_name_edits")),
    ("Which records are the same", ("match_students", "match_teachers", "match_sections", "match_within_30_days")),
    ("Identifiers", ("map_student_id", "map_teacher_id")),
    ("New classes", ("parent_child", "match_sessions", "self_paced", "blended")),
    ("New accounts and sign-in", ("email_on_create", "sso")),
    ("Running by itself", ("auto_sync", "auto_commit", "alarm_hours", "alarm_days")),
    (
        "Guards",
        (
            "guard_deletes_percent",
            "guard_deletes_count",
            "guard_deletes_from",
            "guard_deletes_least",
            "guard_adds_percent",
            "guard_adds_from",
            "guard_class_percent",
            "guard_class_from",
            "guard_ids_percent",
        ),
    ),
)
"""The options as the page groups them."""


@blueprint.get("")
@access(Rule.READ)
def configure(kind: str) -> Response:
    return render_tab("sis_configure/page.html", **_context(get_connection(kind)))


@blueprint.post("")
@access(Rule.WRITE)
def save(kind: str) -> Response:
    """Store the options; of those that are wrong, say what is possible, and store none."""
    connection = get_connection(kind)
    held = connections.stored_options(connection.options, kind)
    changed, errors = _entered(held, kind)
    if errors:
        return render_invalid("sis_configure/page.html", **_context(connection, errors))
    if changed == held:
        flash("The options were like this already.", "success")
        return redirect_for(url_for(".configure", kind=kind))
    connection_id, asker, engine = connection.id, who(), released_engine()
    connections.change_options(engine, connection_id, changed, now())
    names = [name for name in catalogue(kind) if as_text(changed, name) != as_text(held, name)]
    with writing(engine).begin() as written:
        notices.record(
            written,
            "options-changed",
            kind,
            now(),
            actor=asker.name,
            actor_id=asker.id,
            address=asker.address,
            **connections.option_texts(changed, names),
        )
    flash("The options are stored. They count from the next sync on.", "success")
    return redirect_for(url_for(".configure", kind=kind))


@blueprint.get("/school")
@access(Rule.READ)
def school(kind: str) -> Response:
    return render_tab("sis_configure/school.html", **_schools(get_connection(kind)))


@blueprint.post("/school")
@access(Rule.WRITE)
def choose(kind: str) -> Response:
    """Make the portal that of one school."""
    connection, asker, chosen = get_connection(kind), who(), request.form.get("school", "")
    connection_id = connection.id
    if not chosen:
        return render_invalid(
            "sis_configure/school.html", **_schools(connection) | {"error": "Choose one of the schools."}
        )
    try:
        name = choose_school(released_engine(), connection_id, chosen, asker, now())
    except NotAllowed as refusal:
        return render_invalid("sis_configure/school.html", **_schools(get_connection(kind)) | {"error": str(refusal)})
    flash(f"The portal is for {name}. The next step is the first sync.", "success")
    return redirect_for(url_for("sis_status.status", kind=kind))


@blueprint.post("/schools")
@access(Rule.WRITE)
def refresh_schools(kind: str) -> Response:
    """Read the list of schools again."""
    connection_id, portal = get_connection(kind).id, current_app.extensions
    error = read_schools(released_engine(), connection_id, portal["open_provider"], portal["clock"])
    flash(error or f"The list of {words_of(kind).schools} was read again.", "warning" if error else "success")
    return redirect_for(url_for("sis_mapping.schools" if kind == ConnectionKind.ONEROSTER else ".school", kind=kind))


def _context(connection: SisConnection, errors: dict[str, str] | None = None) -> dict[str, Any]:
    kind = connection.kind
    options, entries = connections.stored_options(connection.options, kind), catalogue(kind)
    listed = mapping.list_schools(db.session.connection(), connection.id)
    waiting = select(Sync.id).where(Sync.connection_id == connection.id, Sync.state.in_(review.OPEN))
    current = waiting.where(Sync.options_version == connection.options_version).order_by(Sync.id.desc()).limit(1)
    return {
        "connection": connection,
        "source": NAMES[kind],
        "schools": [each.name for each in listed if each.mapping == "mapped"],
        "businesses": [(each.name, each.organization) for each in listed if each.mapping == "mapped"]
        if kind != ConnectionKind.CLEVER
        else [],
        "facts": _facts(connection),
        "groups": [
            (title, [_option(entries[name], options, kind, errors or {}) for name in names if name in entries])
            for title, names in GROUPS
        ],
        "errors": errors or {},
        "waiting": db.session.scalar(current),
        "mails_wait": options.email_on_create and not current_app.extensions["settings"].smtp_url,
    }


def _facts(connection: SisConnection) -> list[tuple[str, str]]:
    """(label, value) of what the connection is, without its secrets."""
    settings, named = connection.settings, _days(connection.settings)
    district = [("District", connection.district.get("name", "")), ("District ID", connection.district_id)]
    kept = ("Credentials", "Stored encrypted" if connection.secrets else "")
    if connection.kind == ConnectionKind.CLEVER:
        return [("API base URL", settings.get("base_url", "")), *district, kept]
    if connection.kind == ConnectionKind.CSV:
        return [("Top of the last file", connection.district.get("name", "")), *named]
    signed = "Signed requests (OAuth 1.0a)" if settings.get("client_id") else "Fixed bearer token"
    way = settings.get("token_url") or signed
    version = connections.stored_options(connection.options, connection.kind).api_version
    where = [("Base URL", settings.get("base_url", "")), ("OneRoster version", version), ("Token URL", way)]
    return [*where, ("Client ID", settings.get("client_id", "")), kept, *named]


def _days(settings: dict[str, Any]) -> list[tuple[str, str]]:
    """The school year and the semester of a OneRoster connection, in words."""
    named = (("School year", "year"), ("Semester", "semester"))
    spans = [(label, settings.get(f"{what}_start", ""), settings.get(f"{what}_end", "")) for label, what in named]
    return [(label, f"{start} to {end}" if start or end else "") for label, start, end in spans]


def _option(entry: Entry, options: Options, kind: str, errors: dict[str, str]) -> dict[str, Any]:
    """An option as its field shows it: what was typed where that was wrong, else what is stored."""
    value = ",".join(request.form.getlist(entry.name)) if errors else as_text(options, entry.name)
    shape = "number" if entry.highest else "several" if entry.several else "choice" if entry.choices else "time"
    usual = as_text(defaults(kind), entry.name)
    return {
        "entry": entry,
        "shape": "switch" if entry.choices == YES_NO else shape,
        "value": value,
        "shown": label(options, entry.name, kind),
        "default": label(defaults(kind), entry.name, kind),
        "is_default": value == usual,
        "error": errors.get(entry.name, ""),
    }


def _entered(options: Options, kind: str) -> tuple[Options, dict[str, str]]:
    errors: dict[str, str] = {}
    for name in catalogue(kind):
        # A switch or a set of boxes that is all off sends nothing: only `named`, which lists what the form held.
        if name not in request.form and name not in request.form.getlist("named"):
            continue
        entry = catalogue(kind)[name]
        text = ",".join(request.form.getlist(name)) or ("no" if entry.choices == YES_NO else "")
        try:
            options = with_option(options, name, text, kind)
        except OptionError as error:
            errors[name] = str(error)
    return options, errors


def _schools(connection: SisConnection) -> dict[str, Any]:
    listed = [each for each in mapping.list_schools(db.session.connection(), connection.id) if not each.gone]
    chosen = [each.id for each in listed if each.mapping == "mapped"]
    return {
        "connection": connection,
        "source": NAMES[connection.kind],
        "choices": [(each.id, each.name or each.id, f"SIS ID {each.sis_id}" if each.sis_id else "") for each in listed],
        "chosen": chosen[0] if len(chosen) == 1 else "",
        "names": [each.name for each in listed if each.mapping == "mapped"],
        "error": "",
    }
