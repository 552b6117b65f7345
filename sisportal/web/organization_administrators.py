"""Adding an administrator of one organization."""

from flask import Blueprint, Response, flash, request, url_for

from sisportal.models.database import writing
from sisportal.syncing import organization_administrators
from sisportal.syncing.by_hand import Invalid
from sisportal.web.access import Rule, access
from sisportal.web.acting import released_engine, who
from sisportal.web.portal import now
from sisportal.web.rendering import redirect_for, render_invalid, render_tab
from sisportal.web.scope import get_organization

blueprint = Blueprint(
    "organization_administrators", __name__, url_prefix="/organizations/<int:organization_id>/administrators"
)

TEMPLATE = "organization_administrators/new.html"
FIELDS = ("first_name", "last_name", "email")


@blueprint.get("/new")
@access(Rule.WRITE)
def new(organization_id: int) -> Response:
    organization = get_organization(organization_id)
    return render_tab(TEMPLATE, organization=organization, entered=dict.fromkeys(FIELDS, ""), errors={})


@blueprint.post("/new")
@access(Rule.WRITE)
def make(organization_id: int) -> Response:
    """An account without a password: its page makes the link to choose one."""
    get_organization(organization_id)
    entered, asker = {name: request.form.get(name, "").strip() for name in FIELDS}, who()
    try:
        with writing(released_engine()).begin() as connection:
            account_id = organization_administrators.add(connection, organization_id, **entered, who=asker, now=now())
    except Invalid as invalid:
        organization = get_organization(organization_id)
        return render_invalid(TEMPLATE, organization=organization, entered=entered, errors=invalid.errors)
    flash("The account is made. Make a password link, and hand it on: with it they choose their password.", "success")
    return redirect_for(url_for("accounts.account", account_id=account_id))
