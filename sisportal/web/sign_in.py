"""Signing in with a password, and signing out."""

from flask import Blueprint, Response, url_for
from flask_login import logout_user

from sisportal.web.access import Rule, access
from sisportal.web.rendering import redirect_for, render_bare

blueprint = Blueprint("sign_in", __name__)


@blueprint.get("/sign-in")
@access(Rule.EVERYBODY)
def sign_in() -> Response:
    return render_bare("sign_in/sign_in.html")


@blueprint.post("/sign-out")
@access(Rule.EVERYBODY)
def sign_out() -> Response:
    logout_user()
    return redirect_for(url_for("sign_in.sign_in"))
