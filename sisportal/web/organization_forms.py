"""Organizations as people make and change them: the form, archive and reactivate, and the options."""

from typing import Any

from flask import Blueprint, Response, abort, flash, request, url_for
from sqlalchemy import select

from sisportal.extensions import db
from sisportal.models import Organization
from sisportal.models.database import writing
from sisportal.syncing import notices, organizations
from sisportal.syncing.by_hand import Invalid, Refused
from sisportal.syncing.organizations import COLOURS, Entered
from sisportal.syncing.settings import PARTITION, write_setting
from sisportal.web.access import Rule, access
from sisportal.web.acting import released_engine, who
from sisportal.web.directory_words import organization_choices
from sisportal.web.lists import asked_number
from sisportal.web.portal import is_partitioned, now
from sisportal.web.rendering import redirect_for, render_invalid, render_tab
from sisportal.web.scope import get_organization, may_manage, seen_organizations

blueprint = Blueprint("organization_forms", __name__, url_prefix="/organizations")

COLOUR_CHOICES = [("", "None", ""), *((colour, colour.capitalize(), "") for colour in COLOURS)]


@blueprint.get("/new")
@access(Rule.MANAGE)
def new() -> Response:
    entered = Entered(name="", parent_id=asked_number("parent"))
    return render_tab("organization_forms/form.html", **_context(entered, None))


@blueprint.post("/new")
@access(Rule.MANAGE)
def make() -> Response:
    entered, asker = _entered(), who()
    if errors := _misplaced(entered, None):
        return _again(entered, None, errors)
    try:
        with writing(released_engine()).begin() as connection:
            made = organizations.make(connection, entered, asker, now())
    except Invalid as invalid:
        return _again(entered, None, invalid.errors)
    flash(f"{entered.name} is made.", "success")
    return redirect_for(url_for("organization_profile.profile", organization_id=made))


@blueprint.get("/<int:organization_id>/edit")
@access(Rule.MANAGE)
def edit(organization_id: int) -> Response:
    held = _managed(organization_id)
    entered = Entered(
        name=held.name,
        slug=held.slug,
        parent_id=held.parent_id,
        sis_id=held.sis_id,
        welcome=held.welcome,
        colour=held.colour,
    )
    return render_tab("organization_forms/form.html", **_context(entered, held))


@blueprint.post("/<int:organization_id>/edit")
@access(Rule.MANAGE)
def save(organization_id: int) -> Response:
    held, entered, asker = _managed(organization_id), _entered(), who()
    if errors := _misplaced(entered, held):
        return _again(entered, held, errors)
    try:
        with writing(released_engine()).begin() as connection:
            changed = organizations.change(connection, organization_id, entered, asker, now())
    except Invalid as invalid:
        return _again(entered, get_organization(organization_id), invalid.errors)
    flash("The organization is stored." if changed else "It was like this already.", "success")
    return _back(organization_id)


@blueprint.post("/<int:organization_id>/archive")
@access(Rule.MANAGE)
def archive(organization_id: int) -> Response:
    """Archive an organization; nobody archives the one that they are administrator of."""
    if not may_manage(_managed(organization_id).parent_id):
        abort(403)
    asker = who()
    try:
        with writing(released_engine()).begin() as connection:
            organizations.archive(connection, organization_id, asker, now())
        flash("The organization is archived. Its people and classes stay as they are.", "success")
    except Refused as refusal:
        flash(str(refusal), "warning")
    return _back(organization_id)


@blueprint.post("/<int:organization_id>/reactivate")
@access(Rule.MANAGE)
def reactivate(organization_id: int) -> Response:
    if not may_manage(_managed(organization_id).parent_id):
        abort(403)
    asker = who()
    try:
        with writing(released_engine()).begin() as connection:
            organizations.reactivate(connection, organization_id, asker, now())
        flash("The organization is active again.", "success")
    except Refused as refusal:
        flash(str(refusal), "warning")
    return _back(organization_id)


@blueprint.get("/options")
@access(Rule.READ)
def options() -> Response:
    return render_tab("organization_forms/options.html", partitioned=is_partitioned())


@blueprint.post("/options")
@access(Rule.WRITE)
def save_options() -> Response:
    wanted, asker, before = "partition" in request.form, who(), is_partitioned()
    if wanted != before:
        with writing(released_engine()).begin() as connection:
            write_setting(connection, PARTITION, wanted)
            notices.record(
                connection,
                "organizations-partitioned" if wanted else "organizations-not-partitioned",
                "organizations",
                now(),
                actor=asker.name,
                actor_id=asker.id,
                address=asker.address,
            )
    flash("Organizations are partitioned." if wanted else "Organizations are not partitioned.", "success")
    return redirect_for(url_for(".options"))


def _managed(organization_id: int) -> Organization:
    found = get_organization(organization_id)
    return found if may_manage(found.id) else abort(403)


def _entered() -> Entered:
    texts = {name: request.form.get(name, "").strip() for name in ("name", "slug", "sis_id", "welcome", "colour")}
    parent = request.form.get("parent", "")
    return Entered(**texts, parent_id=int(parent) if parent.isdecimal() and len(parent) < 10 else None)


def _misplaced(entered: Entered, held: Organization | None) -> dict[str, str]:
    """What is wrong with the place, for whoever manages only a part; their own organization stays where it is."""
    if held is not None and entered.parent_id == held.parent_id:
        return {}
    if not may_manage(entered.parent_id) or (held is not None and not may_manage(held.parent_id)):
        return {"parent": "Choose a place below an organization that you manage."}
    return {}


def _again(entered: Entered, held: Organization | None, errors: dict[str, str]) -> Response:
    return render_invalid("organization_forms/form.html", **_context(entered, held) | {"errors": errors})


def _context(entered: Entered, held: Organization | None) -> dict[str, Any]:
    return {
        "entered": entered,
        "organization": held,
        "parents": _parents(held),
        "colours": COLOUR_CHOICES,
        "errors": {},
        "may_move": held is None or may_manage(held.parent_id),
    }


def _parents(held: Organization | None) -> list[tuple[str, str]]:
    """Where the organization may stand: active ones that are managed and not below it, and where it is now."""
    refused = organizations.below(db.session.connection(), held.id) if held else set()
    archived = set(db.session.scalars(select(Organization.id).where(Organization.archived_at.is_not(None))))
    if held:
        archived -= {held.parent_id}
    places = [(str(id_), name) for id_, name in organization_choices().items() if id_ not in refused | archived]
    return places if seen_organizations() is not None else [("", "At the top"), *places]


def _back(organization_id: int) -> Response:
    return redirect_for(url_for("organization_profile.profile", organization_id=organization_id))
