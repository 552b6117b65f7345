"""The bell and the page of notifications, each with a link to its report."""

from flask import Blueprint, Response

from sisportal.web.access import Rule, access
from sisportal.web.frame import bell as current_bell
from sisportal.web.rendering import render_partial, render_tab

blueprint = Blueprint("notifications", __name__)


@blueprint.get("/notifications")
@access(Rule.SIGNED_IN)
def listing() -> Response:
    return render_tab("notifications/notifications.html")


@blueprint.get("/notifications/bell")
@access(Rule.SIGNED_IN)
def bell() -> Response:
    return render_partial("notifications/_bell.html", bell=current_bell())
