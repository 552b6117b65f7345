"""Choosing a password by a link: an administrator makes it, whoever holds it uses it once."""

from flask import Blueprint, Response, abort, current_app, flash, url_for
from flask_wtf import FlaskForm
from wtforms import PasswordField
from wtforms.validators import DataRequired, EqualTo

from sisportal.extensions import db
from sisportal.models.database import writing
from sisportal.syncing import notices, password_links, throttle
from sisportal.syncing.administrators import SHORTEST_PASSWORD, Refused, check_chosen, words_of
from sisportal.syncing.password_links import GOOD_FOR, Holder, Purpose
from sisportal.web.access import Rule, access, end_session
from sisportal.web.acting import released_engine, who
from sisportal.web.frame import person_name
from sisportal.web.portal import address, is_breached, now, portal_name
from sisportal.web.rendering import redirect_for, render_bare, render_tab
from sisportal.web.scope import get_account, may_manage_account

blueprint = Blueprint("password_links", __name__)

TRIES_OF_ADDRESS = 60
"""Links that are not good, of one address within a quarter of an hour."""
NEW = {"autocomplete": "new-password"}


class PasswordForm(FlaskForm):
    """A new password, typed twice."""

    class Meta:
        csrf = False  # the whole site checks the token

    password = PasswordField("New password", [DataRequired("Choose a password.")], render_kw=NEW | {"autofocus": True})
    again = PasswordField(
        "The same once more",
        [DataRequired("Type it once more."), EqualTo("password", "The two are not the same.")],
        render_kw=NEW,
    )


@blueprint.post("/accounts/<int:account_id>/password-link")
@access(Rule.MANAGE)
def make(account_id: int) -> Response:
    """A link for this account, shown once: only its hash is kept."""
    account = get_account(account_id)
    if not may_manage_account(account):
        abort(403)
    asker, purpose = who(), Purpose.RESET if account.password_hash else Purpose.SET
    with writing(released_engine()).begin() as connection:
        token = password_links.make(connection, account_id, purpose, asker, now())
    if token is None:
        flash("The account is archived: nobody can sign in with it.", "warning")
        return redirect_for(url_for("accounts.account", account_id=account_id))
    link = str(current_app.extensions["settings"].base_url) + url_for(".choose", token=token)
    page = render_tab(
        "password_links/made.html",
        account=account,
        name=person_name(account),
        link=link,
        until=now() + GOOD_FOR[purpose],
    )
    return _unreferred(page)


@blueprint.get("/choose-password/<token>")
@access(Rule.EVERYBODY)
def choose(token: str) -> Response:
    found = _holder(token)
    return _page(PasswordForm(), found) if found else _refused()


@blueprint.post("/choose-password/<token>")
@access(Rule.EVERYBODY)
def do_choose(token: str) -> Response:
    """Keeps the password, and leads to the sign-in page."""
    form, found = PasswordForm(), _holder(token)
    if found is None:
        return _refused()
    if not form.validate():
        return _page(form, found, 422)
    own_words = (*words_of(found.username, found.first_name, found.last_name), portal_name())
    db.session.rollback()  # what follows writes in transactions of its own
    try:
        check_chosen(form.password.data or "", own_words, is_breached())
        username = password_links.use(db.engine, token, form.password.data or "", now(), address=address())
    except Refused as refused:
        form.password.errors = [str(refused)]
        return _page(form, found, 422)
    if username is None:
        return _refused()
    end_session()
    flash(f"The password is kept. Sign in as {username}.", "success")
    return redirect_for(url_for("sign_in.sign_in"))


def _holder(token: str) -> Holder | None:
    return password_links.holder(db.session.connection(), token, now())


def _page(form: PasswordForm, found: Holder, status: int = 200) -> Response:
    page = render_bare(
        "password_links/choose.html",
        status=status,
        form=form,
        username=found.username,
        shortest=SHORTEST_PASSWORD,
        portal_name=portal_name(),
    )
    return _unreferred(page)


def _refused() -> Response:
    """The same page whether a link never was, was used or is too old."""
    db.session.rollback()
    guesses = {f"address:link:{throttle.network(address())}": TRIES_OF_ADDRESS}
    status = 404 if throttle.may_try(db.engine, guesses, now()) else 429
    if throttle.is_first_refusal(db.engine, next(iter(guesses)), now()):
        with writing(db.engine).begin() as connection:
            notices.record(connection, "password-link-refused", "unknown", now(), actor="unknown", address=address())
    return _unreferred(render_bare("password_links/refused.html", status=status, portal_name=portal_name()))


def _unreferred(page: Response) -> Response:
    """The page's address or text is a secret: no other page is told where its visitor came from."""
    page.headers["Referrer-Policy"] = "no-referrer"
    return page
