"""The schools of the SIS and the organizations that they are: chosen together, changed later, with what that archives."""

from typing import Any

from flask import Blueprint, Response, flash, request, url_for

from sisportal.extensions import db
from sisportal.models import SisConnection
from sisportal.models.database import writing
from sisportal.syncing import mapping, mapping_choices, notices
from sisportal.syncing.connections import NAMES
from sisportal.syncing.mapping_choices import CREATE, LEAVE_OUT, WHOLE
from sisportal.web.access import Rule, access, get_connection
from sisportal.web.acting import released_engine, who
from sisportal.web.portal import now
from sisportal.web.rendering import redirect_for, render_invalid, render_tab

blueprint = Blueprint("sis_mapping", __name__, url_prefix="/admin/sis/<kind>/configure/mapping")


@blueprint.get("")
@access(Rule.READ)
def schools(kind: str) -> Response:
    return render_tab("sis_mapping/page.html", **_page(get_connection(kind)))


@blueprint.post("")
@access(Rule.WRITE)
def save(kind: str) -> Response:
    """Store the mapping; where it would archive people, first say how many, and ask."""
    connection, asker = get_connection(kind), who()
    connection_id, choices = connection.id, _entered(connection)
    wrong = _wrong(choices)
    archived = mapping_choices.would_archive(db.session.connection(), connection_id, choices)
    if wrong or (archived and request.form.get("sure") != "yes"):
        return render_invalid("sis_mapping/page.html", **_page(connection, choices, archived, wrong))
    with writing(released_engine()).begin() as written:
        changed = mapping_choices.store(written, connection_id, choices, now())
        notices.record(
            written,
            "schools-mapped",
            f"{changed} schools",
            now(),
            actor=asker.name,
            actor_id=asker.id,
            address=asker.address,
        )
    flash(
        "The mapping is stored. The next sync compares every record again."
        if changed
        else "The mapping was so already.",
        "success",
    )
    return redirect_for(url_for(".schools", kind=kind))


def _entered(connection: SisConnection) -> dict[str, str]:
    """What was chosen for each listed school; one that the form does not name stays as it is."""
    held = mapping_choices.mapped_now(db.session.connection(), connection.id)
    return {school: request.form.get(f"school-{school}", choice) for school, choice in held.items()}


def _wrong(choices: dict[str, str]) -> str:
    known = {LEAVE_OUT, CREATE, WHOLE, *(str(id_) for id_, _ in mapping_choices.organizations(db.session.connection()))}
    if not set(choices.values()) <= known:
        return "One of the organizations is not there any more. Choose again."
    if WHOLE in choices.values() and not set(choices.values()) <= {LEAVE_OUT, WHOLE}:
        return (
            "Beside an organization no school can be the whole portal: choose an organization for it, or leave it out."
        )
    used = [choice for choice in choices.values() if choice not in {LEAVE_OUT, CREATE, WHOLE}]
    return "Two schools cannot be one organization." if len(used) != len(set(used)) else ""


def _page(
    connection: SisConnection,
    choices: dict[str, str] | None = None,
    archived: dict[str, int] | None = None,
    error: str = "",
) -> dict[str, Any]:
    listed = [each for each in mapping.list_schools(db.session.connection(), connection.id) if not each.gone]
    held = mapping_choices.mapped_now(db.session.connection(), connection.id)
    suggested = mapping.suggestions(db.session.connection(), connection.id)
    asked = {each.id: each.mapping == "unmapped" for each in listed}
    shown = choices or {
        school: str(suggested.get(school, CREATE)) if asked[school] else choice for school, choice in held.items()
    }
    names = {each.id: each.name or each.id for each in listed}
    return {
        "connection": connection,
        "source": NAMES[connection.kind],
        "single": any(each.mapping == "mapped" and each.organization is None for each in listed),
        "listed": [(each, shown[each.id], each.id in suggested and asked[each.id]) for each in listed],
        "organizations": [(str(id_), name) for id_, name in mapping_choices.organizations(db.session.connection())],
        "archived": [(names.get(school, school), number) for school, number in (archived or {}).items()],
        "error": error,
    }
