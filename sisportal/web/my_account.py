"""One's own account: who one is here, one's password, and on which browsers one is signed in."""

from dataclasses import dataclass
from datetime import datetime

from flask import Blueprint, Response, abort, flash, url_for
from flask_login import current_user
from flask_wtf import FlaskForm
from wtforms import PasswordField
from wtforms.validators import DataRequired, EqualTo

from sisportal.extensions import db
from sisportal.models import AccountRole
from sisportal.models.database import writing
from sisportal.syncing import browser_sessions, inactivity, notices, own_password, throttle
from sisportal.syncing.administrators import SHORTEST_PASSWORD, Refused
from sisportal.syncing.second_factor import STAFF
from sisportal.web.access import Rule, access, begin_session, current, end_session
from sisportal.web.acting import released_engine, who
from sisportal.web.frame import ROLE_NAMES, person_name
from sisportal.web.portal import is_breached, now, portal_name, portal_settings
from sisportal.web.rendering import redirect_for, render_tab

blueprint = Blueprint("my_account", __name__, url_prefix="/my-account")

TRIES_OF_ACCOUNT = 10
WAYS = {
    "password": "With a password",
    "password+code": "With a password and a code",
    "clever": "With Clever",
    "clever+code": "With Clever and a code",
}


@dataclass(frozen=True, slots=True)
class Browser:
    """A browser on which one is signed in."""

    way: str
    since: datetime
    this: bool


class ChangeForm(FlaskForm):
    """The password that there is, and another one, typed twice."""

    class Meta:
        csrf = False  # the whole site checks the token

    current = PasswordField(
        "Your password now", [DataRequired("Type it.")], render_kw={"autocomplete": "current-password"}
    )
    password = PasswordField(
        "New password", [DataRequired("Choose a password.")], render_kw={"autocomplete": "new-password"}
    )
    again = PasswordField(
        "The new one once more",
        [DataRequired("Type it once more."), EqualTo("password", "The two are not the same.")],
        render_kw={"autocomplete": "new-password"},
    )


@blueprint.get("")
@access(Rule.SIGNED_IN)
def my_account() -> Response:
    return _page(ChangeForm())


@blueprint.post("/password")
@access(Rule.SIGNED_IN)
def change_password() -> Response:
    """Another password; this browser stays signed in, in a new session, and no other one does."""
    form, asker, account, way = ChangeForm(), who(), current(), current_user.way
    if account.password_hash is None:
        abort(404)
    if not form.validate():
        return _page(form, 422)
    name, engine = portal_name(), released_engine()
    tries = {f"account:{account.username.lower()}": TRIES_OF_ACCOUNT}
    if not throttle.may_try(engine, tries, now()):
        form.current.errors = ["Too many tries. Wait 15 minutes, then try again."]
        return _page(form, 429)
    try:
        own_password.change(
            engine, asker, form.current.data or "", form.password.data or "", name, now(), is_breached()
        )
    except Refused as refused:
        form[refused.field].errors = [str(refused)]
        return _page(form, 422)
    throttle.forget(engine, tries, now())
    begin_session(account.id, way)
    flash("Your password is changed. Every other browser is signed out.", "success")
    return redirect_for(url_for(".my_account"))


def _page(form: ChangeForm, status: int = 200) -> Response:
    account, here = current(), browser_sessions.key_of(current_user.token)
    rows = browser_sessions.browsers_of(db.session.connection(), account.id, now())
    return render_tab(
        "my_account/my_account.html",
        status=status,
        form=form,
        shortest=SHORTEST_PASSWORD,
        account=account,
        name=person_name(account),
        role=ROLE_NAMES[AccountRole(account.role)],
        may_have_factor=account.password_hash is not None or account.role in STAFF,
        idle=inactivity.in_words(portal_settings(), account.role),
        browsers=[Browser(WAYS.get(row.way, row.way), row.created_at, row.key == here) for row in rows],
    )


@blueprint.post("/sign-out-everywhere")
@access(Rule.SIGNED_IN)
def sign_out_everywhere() -> Response:
    """Ends every session of this account, the one on this browser included."""
    asker = who()
    with writing(released_engine()).begin() as connection:
        if asker.id is not None:
            browser_sessions.end_all(connection, [asker.id])
        notices.record(
            connection,
            "signed-out-everywhere",
            asker.name,
            now(),
            actor=asker.name,
            actor_id=asker.id,
            address=asker.address,
        )
    end_session()
    flash("You are signed out everywhere.", "success")
    return redirect_for(url_for("sign_in.sign_in"))
