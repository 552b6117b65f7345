"""The first page after signing in: what stands where, and what waits."""

from flask import Blueprint, Response

from sisportal.web.access import Rule, access
from sisportal.web.rendering import render_tab

blueprint = Blueprint("home", __name__)


@blueprint.get("/")
@access(Rule.SIGNED_IN)
def home() -> Response:
    return render_tab("home/home.html")
