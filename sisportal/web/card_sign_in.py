"""*I have a login card*: username and code lead to choosing a password."""

from flask import Blueprint, Response, current_app, url_for
from flask_wtf import FlaskForm
from wtforms import StringField
from wtforms.validators import DataRequired, Length

from sisportal.extensions import db
from sisportal.syncing import login_cards, throttle
from sisportal.syncing.administrators import LONGEST_TEXT
from sisportal.web.access import Rule, access
from sisportal.web.portal import address, now, portal_name
from sisportal.web.rendering import redirect_for, render_bare

blueprint = Blueprint("card_sign_in", __name__, url_prefix="/login-card")

TRIES_OF_ACCOUNT = 10
TRIES_OF_ADDRESS = 100
"""A class sits behind one address, and small fingers mistype."""
WRONG = "The username and the code do not belong together, or the card is no longer good. Look at the card, or ask for a new one."
TOO_MANY = "Too many tries. Wait 15 minutes, then try again."


class CardForm(FlaskForm):
    """What stands on a card."""

    class Meta:
        csrf = False  # the whole site checks the token

    username = StringField(
        "Username",
        [DataRequired("Type the username from the card."), Length(max=LONGEST_TEXT, message=WRONG)],
        render_kw={"autocomplete": "username", "autocapitalize": "none", "spellcheck": "false", "autofocus": True},
    )
    code = StringField(
        "Code",
        [DataRequired("Type the code from the card."), Length(max=40, message=WRONG)],
        render_kw={"autocomplete": "off", "autocapitalize": "characters", "spellcheck": "false"},
    )


@blueprint.get("")
@access(Rule.EVERYBODY)
def ask() -> Response:
    return _page(CardForm())


@blueprint.post("")
@access(Rule.EVERYBODY)
def show() -> Response:
    """Leads to choosing a password, or says the same sentence whatever of it was wrong."""
    form, moment = CardForm(), now()
    if not form.validate():
        return _page(form, 422)
    username = (form.username.data or "").strip()
    limits = {
        f"card:{username.lower()}": TRIES_OF_ACCOUNT,
        f"address:card:{throttle.network(address())}": TRIES_OF_ADDRESS,
    }
    db.session.rollback()  # what follows writes in transactions of its own
    if not throttle.may_try(db.engine, limits, moment):
        return _page(form, 429, TOO_MANY)
    secret = current_app.extensions["settings"].secret_key
    token = login_cards.exchange(db.engine, secret, username, form.code.data or "", moment, address=address())
    if token is None:
        return _page(form, 422, WRONG)
    throttle.forget(db.engine, limits, moment)
    page = redirect_for(url_for("password_links.choose", token=token))
    page.headers["Referrer-Policy"] = "no-referrer"
    return page


def _page(form: CardForm, status: int = 200, error: str = "") -> Response:
    page = render_bare("login_cards/enter.html", status=status, form=form, error=error, portal_name=portal_name())
    if status == 429:
        page.headers["Retry-After"] = str(int(throttle.WINDOW.total_seconds()))
    return page
