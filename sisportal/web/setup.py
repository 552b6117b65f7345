"""The first start: the one-time code, the first administrator, the portal's name and time zone."""

from flask import Blueprint, Response

from sisportal.web.access import Rule, access
from sisportal.web.rendering import render_bare

blueprint = Blueprint("setup", __name__)


@blueprint.get("/setup")
@access(Rule.EVERYBODY)
def setup() -> Response:
    return render_bare("setup/setup.html")
