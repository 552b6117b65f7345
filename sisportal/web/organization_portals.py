"""Front pages of organizations: name, welcome and colour, and signing in that leads back (SPEC 2.3)."""

from flask import Blueprint, Response, abort, url_for
from flask_login import current_user
from sqlalchemy import select

from sisportal.extensions import db
from sisportal.models import Organization
from sisportal.syncing.organizations import COLOURS
from sisportal.web.access import Rule, access, current
from sisportal.web.frame import person_name
from sisportal.web.portal import portal_name
from sisportal.web.rendering import render_bare

blueprint = Blueprint("organization_portals", __name__)


@blueprint.get("/o/<slug>")
@access(Rule.EVERYBODY)
def front(slug: str) -> Response:
    statement = select(Organization).where(Organization.slug == slug.lower(), Organization.archived_at.is_(None))
    organization = db.session.scalar(statement) or abort(404)
    return render_bare(
        "organization_portals/front.html",
        organization=organization,
        colour=organization.colour if organization.colour in COLOURS else "",
        portal_name=portal_name(),
        person=person_name(current()) if current_user.is_authenticated else "",
        sign_in_url=url_for("sign_in.sign_in", next=url_for(".front", slug=organization.slug)),
    )
