"""The schools of the SIS and the organizations that they are: chosen together, changed later, with what that archives.

OneRoster's pages call them businesses, say which stands under which, and make all of them at once: *Auto create* (SPEC 4).
"""

from dataclasses import dataclass, field
from typing import Any

from flask import Blueprint, Response, flash, request, url_for
from sqlalchemy import select

from sisportal.extensions import db
from sisportal.models import ConnectionKind, SisConnection, Sync, SyncState
from sisportal.models.database import writing
from sisportal.syncing import hierarchy, mapping, mapping_choices, notices
from sisportal.syncing.connections import NAMES
from sisportal.syncing.mapping_choices import CREATE, LEAVE_OUT, WHOLE
from sisportal.web.access import Rule, access, get_connection
from sisportal.web.acting import released_engine, who
from sisportal.web.portal import now
from sisportal.web.rendering import redirect_for, render_invalid, render_tab

blueprint = Blueprint("sis_mapping", __name__, url_prefix="/admin/sis/<kind>/configure/mapping")

TYPES = {
    "district": "District",
    "department": "Department",
    "local": "District",
    "state": "State",
    "national": "Nation",
    "portal": "Whole portal",
}


@dataclass(slots=True)
class Entered:
    """What was chosen for each listed school: what it becomes, and what it stands under."""

    choices: dict[str, str]
    parents: dict[str, str]
    archived: dict[str, int] = field(default_factory=dict)
    """Schools that would no longer be synced -> how many accounts that would archive."""
    error: str = ""


@blueprint.get("")
@access(Rule.READ)
def schools(kind: str) -> Response:
    return render_tab("sis_mapping/page.html", **_page(get_connection(kind)))


@blueprint.post("")
@access(Rule.WRITE)
def save(kind: str) -> Response:
    """Store the mapping; where it would archive people, first say how many, and ask."""
    connection, asker = get_connection(kind), who()
    connection_id, entered = connection.id, _entered(connection)
    is_first = not _has_syncs(connection_id)
    if entered.error or (entered.archived and request.form.get("sure") != "yes"):
        return render_invalid("sis_mapping/page.html", **_page(connection, entered))
    with writing(released_engine()).begin() as written:
        changed = mapping_choices.store(written, connection_id, entered.choices, now(), entered.parents)
        notices.record(
            written,
            "schools-mapped",
            f"{changed} schools",
            now(),
            actor=asker.name,
            actor_id=asker.id,
            address=asker.address,
        )
    flash(_stored(kind, changed, is_first=is_first), "success")
    if has_businesses(kind):
        return redirect_for(url_for("sis_configure.configure", kind=kind))
    return redirect_for(url_for("sis_status.status" if changed and is_first else ".schools", kind=kind))


def has_businesses(kind: str) -> bool:
    """Whether the SIS lists organizations that stand under one another, and not schools alone."""
    return kind != ConnectionKind.CLEVER


def _has_syncs(connection_id: int) -> bool:
    return db.session.scalar(select(Sync.id).where(Sync.connection_id == connection_id).limit(1)) is not None


def _stored(kind: str, changed: int, *, is_first: bool) -> str:
    if not changed:
        return "The mapping was so already."
    what = "The organizations are as chosen." if has_businesses(kind) else "The mapping is stored."
    return f"{what} {'The first sync can start now.' if is_first else 'The next sync compares every record again.'}"


def _entered(connection: SisConnection) -> Entered:
    """What was chosen for each listed school; one that the form does not name stays as it is."""
    database = db.session.connection()
    held = mapping_choices.mapped_now(database, connection.id)
    stood = _parents(connection)
    entered = Entered(
        {school: request.form.get(f"school-{school}", choice) for school, choice in held.items()},
        {school: request.form.get(f"parent-{school}", parent) for school, parent in stood.items()},
    )
    entered.error = _wrong(connection.id, entered)
    entered.archived = mapping_choices.would_archive(database, connection.id, entered.choices)
    return entered


def _parents(connection: SisConnection) -> dict[str, str]:
    """What each listed business stands under; schools alone stand under nothing."""
    if not has_businesses(connection.kind):
        return {}
    return hierarchy.parents_now(db.session.connection(), connection.id)


def _wrong(connection_id: int, entered: Entered) -> str:
    choices = entered.choices
    database = db.session.connection()
    organizations = _organizations(mapping.suggestions(database, connection_id))
    known = {LEAVE_OUT, CREATE, WHOLE, *(str(id_) for id_, _ in organizations)}
    if not set(choices.values()) <= known:
        return "One of the organizations is not there any more. Choose again."
    portals = mapping_choices.whole_portals(database, connection_id)
    of_others = {choice for school, choice in choices.items() if school not in portals}
    if WHOLE in of_others and not of_others <= {LEAVE_OUT, WHOLE}:
        return (
            "Beside an organization no school can be the whole portal: choose an organization for it, or leave it out."
        )
    used = [choice for choice in choices.values() if choice not in {LEAVE_OUT, CREATE, WHOLE}]
    if len(used) != len(set(used)):
        return "Two schools cannot be one organization."
    if not set(entered.parents.values()) <= {hierarchy.TOP, *choices}:
        return "One of the businesses is not there any more. Choose again."
    if hierarchy.below_themselves(entered.parents):
        return "One of them would stand below itself. Choose what stands under what again."
    return ""


def _organizations(suggested: dict[str, int]) -> list[tuple[int, str]]:
    return mapping_choices.organizations(db.session.connection(), suggested.values())


def _what_changing_does(connection: SisConnection) -> str:
    """What another mapping does to the plan that waits, where one does, and to the next sync, where there was one before."""
    waits = select(Sync.id).where(Sync.connection_id == connection.id, Sync.state == SyncState.PREPARED)
    sync_id = db.session.scalar(waits.order_by(Sync.id.desc()).limit(1))
    if sync_id is not None:
        return (
            f"Sync {sync_id} waits for review. With another mapping it can no longer be committed: "
            "start a new sync then, which compares every record again."
        )
    if connection.committed_sync_id is not None:
        return "With another mapping, the next sync compares every record again, so it takes longer."
    return ""


def _page(connection: SisConnection, entered: Entered | None = None) -> dict[str, Any]:
    database = db.session.connection()
    listed = [each for each in mapping.list_schools(database, connection.id) if not each.gone]
    held = {each.id: mapping_choices.chosen(each.organization_id, each.mapping) for each in listed}
    suggested = mapping.suggestions(database, connection.id)
    portals = {each.id for each in listed if each.whole_portal}
    asked = {each.id: each.mapping == "unmapped" for each in listed}
    shown = (entered and entered.choices) or {
        school: str(suggested.get(school, WHOLE if school in portals else CREATE)) if asked[school] else choice
        for school, choice in held.items()
    }
    names = {each.id: each.name or each.id for each in listed}
    return {
        "connection": connection,
        "source": NAMES[connection.kind],
        "single": any(
            each.mapping == "mapped" and each.organization is None and each.id not in portals for each in listed
        ),
        "portals": portals,
        "begins": all(asked.values()),
        "changing": "" if all(asked.values()) else _what_changing_does(connection),
        "has_businesses": has_businesses(connection.kind),
        "listed": [(each, shown[each.id], each.id in suggested and asked[each.id]) for each in listed],
        "kinds": {each.id: TYPES.get(each.kind, each.kind.capitalize()) for each in listed},
        "names": names,
        "parents": (entered and entered.parents) or _parents(connection),
        "organizations": [(str(id_), name) for id_, name in _organizations(suggested)],
        "archived": [(names.get(school, school), number) for school, number in entered.archived.items()]
        if entered
        else [],
        "error": entered.error if entered else "",
    }
