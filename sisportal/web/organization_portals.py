"""Front pages of organizations: name, welcome and colour, and signing in that leads back (SPEC 2.3)."""

from flask import Blueprint, Response, url_for
from flask_login import current_user
from sqlalchemy import select

from sisportal.extensions import db
from sisportal.models import Organization
from sisportal.syncing.organizations import COLOURS
from sisportal.web.access import Rule, access, current
from sisportal.web.errors import ErrorText, Explained
from sisportal.web.frame import person_name
from sisportal.web.portal import portal_name
from sisportal.web.rendering import render_bare
from sisportal.web.scope import may_manage

blueprint = Blueprint("organization_portals", __name__)

NO_FRONT = ErrorText(
    "There is no school at this address",
    "The address is mistyped, or the school has no page here any more.",
    "Ask the school for the address of its page. Signing in works from the home page, too.",
)
"""The same for one that never was and one that is archived."""


@blueprint.get("/o/<slug>")
@access(Rule.EVERYBODY)
def front(slug: str) -> Response:
    statement = select(Organization).where(Organization.slug == slug.lower(), Organization.archived_at.is_(None))
    organization = db.session.scalar(statement)
    if organization is None:
        raise Explained(NO_FRONT)
    signed_in = current_user.is_authenticated
    return render_bare(
        "organization_portals/front.html",
        organization=organization,
        colour=organization.colour if organization.colour in COLOURS else "",
        portal_name=portal_name(),
        person=person_name(current()) if signed_in else "",
        may_edit=signed_in and may_manage(organization.id),
        sign_in_url=url_for("sign_in.sign_in", next=url_for(".front", slug=organization.slug)),
    )
