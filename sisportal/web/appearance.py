"""Chooses light or dark for this browser; works before anybody is signed in."""

from datetime import timedelta

from flask import Blueprint, Response, abort, request

from sisportal.web.access import Rule, access
from sisportal.web.rendering import THEME_COOKIE, THEMES, local_path, redirect_for

blueprint = Blueprint("appearance", __name__)


@blueprint.post("/appearance")
@access(Rule.EVERYBODY)
def choose_theme() -> Response:
    """Keeps the choice in a cookie and leads back to where the person was."""
    theme = request.form.get("theme", "")
    if theme not in THEMES:
        abort(422)
    response = redirect_for(local_path(request.form.get("next"), "/"))
    response.set_cookie(
        THEME_COOKIE,
        theme,
        max_age=timedelta(days=365),
        httponly=True,
        samesite="Lax",
        secure=request.is_secure,
    )
    return response
