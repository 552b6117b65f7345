"""Signing in with a password, and signing out."""

import re
from datetime import datetime

from flask import Blueprint, Response, flash, url_for
from flask_login import current_user
from flask_wtf import FlaskForm
from htmx_flask import request
from sqlalchemy import select
from wtforms import PasswordField, StringField
from wtforms.validators import DataRequired, Length

from sisportal.extensions import db
from sisportal.models import Organization
from sisportal.models.database import writing
from sisportal.syncing import notices, throttle
from sisportal.syncing.administrators import LONGEST_PASSWORD, LONGEST_TEXT, SignIn, fits, refresh_hash, who_signs_in
from sisportal.syncing.audit_events import Event
from sisportal.syncing.throttle import network
from sisportal.web.access import Rule, access, current, end_session, has_ended
from sisportal.web.clever_client import sso
from sisportal.web.entering import enter
from sisportal.web.portal import address, enabled_apps, now, portal_name
from sisportal.web.rendering import local_path, redirect_for, render_bare

blueprint = Blueprint("sign_in", __name__)

TRIES_OF_ACCOUNT = 10
TRIES_OF_ADDRESS = 60
"""A whole school may stand behind one address."""
FRONT = re.compile(r"/o/([^/?#]+)")
"""Addresses of organizations' front pages."""
WRONG = "The username or the password is not right."
TOO_MANY = "Too many tries. Wait 15 minutes, then try again."


class SignInForm(FlaskForm):
    """Who, and the password."""

    class Meta:
        csrf = False  # the whole site checks the token

    username = StringField(
        "E-mail address or username",
        [DataRequired("Type it."), Length(max=LONGEST_TEXT, message=WRONG)],
        render_kw={"autocomplete": "username", "autofocus": True},
    )
    password = PasswordField(
        "Password",
        [DataRequired("Type it."), Length(max=LONGEST_PASSWORD, message=WRONG)],
        render_kw={"autocomplete": "current-password"},
    )


@blueprint.get("/sign-in")
@access(Rule.EVERYBODY)
def sign_in() -> Response:
    if current_user.is_authenticated:
        return redirect_for(_next())
    return _page(SignInForm())


@blueprint.post("/sign-in")
@access(Rule.EVERYBODY)
def do_sign_in() -> Response:
    """Signs in, or says the same sentence whether the account or the password is wrong."""
    form = SignInForm()
    if not form.validate():
        return _page(form, 422)
    moment, entered = now(), (form.username.data or "").strip()
    db.session.rollback()  # what follows writes in transactions of its own, and none is held while the password is checked
    with db.engine.connect() as connection:
        who = who_signs_in(connection, entered)
    named = (who.username if who else entered).lower()  # by username and by e-mail address one tries the same password
    limits = {f"account:{named}": TRIES_OF_ACCOUNT, f"address:{network(address())}": TRIES_OF_ADDRESS}
    if not throttle.may_try(db.engine, limits, moment):
        return _held_back(form, who, named, moment)
    if not fits(who.password_hash if who else None, form.password.data or "") or who is None:
        _record("sign-in-failed", who, moment)
        return _page(form, 422, WRONG)
    throttle.forget(db.engine, limits, moment)
    refresh_hash(db.engine, who.id, str(who.password_hash), form.password.data or "")
    return enter(who.id, who.username, "password", request.values.get("next", ""))


def _held_back(form: SignInForm, who: SignIn | None, named: str, moment: datetime) -> Response:
    """Too many tries: the password is not even looked at, and the audit log is told once."""
    if throttle.is_first_refusal(db.engine, f"{network(address())} {named}", moment):
        _record("sign-in-throttled", who, moment)
    return _page(form, 429, TOO_MANY)


@blueprint.post("/sign-out")
@access(Rule.EVERYBODY)
def sign_out() -> Response:
    """Ends the session on this browser."""
    if current_user.is_authenticated:
        account = current()
        db.session.rollback()  # what follows writes in transactions of its own
        with writing(db.engine).begin() as connection:
            notices.record(
                connection,
                "signed-out",
                account.username,
                now(),
                actor=account.username,
                actor_id=account.id,
                address=address(),
            )
    db.session.rollback()
    end_session()
    flash("You are signed out.", "success")
    answer = redirect_for(url_for("sign_in.sign_in"))
    answer.headers["Clear-Site-Data"] = '"cache"'  # on a shared computer the next person finds no page
    return answer


def _next() -> str:
    return local_path(request.values.get("next"), url_for("home.home"))


def _page(form: SignInForm, status: int = 200, error: str = "") -> Response:
    target = local_path(request.values.get("next"), "")
    page = render_bare(
        "sign_in/sign_in.html",
        status=status,
        form=form,
        error=error,
        has_ended=has_ended(),
        next=target,
        school=_school(target),
        clever_url=url_for("clever_sign_in.sign_in", next=target or None) if sso().is_on else "",
        portal_name=portal_name(),
    )
    if status == 429:
        page.headers["Retry-After"] = str(int(throttle.WINDOW.total_seconds()))
    return page


def _school(target: str) -> str:
    """Name of the organization whose front page one comes from and goes back to; blank for any other page."""
    found = FRONT.fullmatch(target)
    if found is None or "organization-portals" not in enabled_apps():
        return ""
    name = select(Organization.name).where(Organization.slug == found[1].lower(), Organization.archived_at.is_(None))
    return db.session.scalar(name) or ""


def _record(event: Event, who: SignIn | None, moment: datetime) -> None:
    """What was typed as a username is not kept where there is no such account: it may be a password."""
    username = who.username if who else "unknown"
    with writing(db.engine).begin() as connection:
        notices.record(
            connection, event, username, moment, actor=username, actor_id=who.id if who else None, address=address()
        )
