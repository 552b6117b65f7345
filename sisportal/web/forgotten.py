"""A forgotten password: asking for a link by mail. The answer is the same whether there is such an account or not."""

from flask import Blueprint, Response, current_app
from flask_wtf import FlaskForm
from wtforms import StringField
from wtforms.validators import DataRequired, Length

from sisportal.extensions import db
from sisportal.syncing import forgotten, throttle
from sisportal.syncing.administrators import LONGEST_TEXT
from sisportal.syncing.queue import QueueGone
from sisportal.web.access import Rule, access
from sisportal.web.portal import address, now, portal_name
from sisportal.web.rendering import render_bare

blueprint = Blueprint("forgotten", __name__, url_prefix="/forgotten-password")

TRIES_OF_ACCOUNT = 5
TRIES_OF_ADDRESS = 30
TRIES = 600
"""A school of people who forgot theirs over the summer may ask within a quarter of an hour, and no more."""
TOO_MANY = "Too many tries. Wait 15 minutes, then try again."
NOBODY = 0
"""The id of no mail: what the queue is sent where there is none, so that it takes as long."""


class ForgottenForm(FlaskForm):
    """Whose password."""

    class Meta:
        csrf = False  # the whole site checks the token

    username = StringField(
        "E-mail address or username",
        [DataRequired("Type it."), Length(max=LONGEST_TEXT, message=f"At most {LONGEST_TEXT} characters.")],
        render_kw={"autocomplete": "username", "autofocus": True},
    )


@blueprint.get("")
@access(Rule.EVERYBODY)
def ask() -> Response:
    return _page(ForgottenForm())


@blueprint.post("")
@access(Rule.EVERYBODY)
def do_ask() -> Response:
    """Has a link mailed to the account, if there is one that can get it, and says the same in any case."""
    form, moment = ForgottenForm(), now()
    if not _sends_mail() or not form.validate():
        return _page(form, 422)
    entered = (form.username.data or "").strip()
    limits = {
        f"forgotten:{entered.lower()}": TRIES_OF_ACCOUNT,
        f"address:forgotten:{throttle.network(address())}": TRIES_OF_ADDRESS,
        "forgotten": TRIES,
    }
    db.session.rollback()  # what follows writes in transactions of its own
    if not throttle.may_try(db.engine, limits, moment):
        return _page(form, 429, TOO_MANY)
    mail_id = forgotten.ask(db.engine, entered, moment, address())
    try:
        current_app.extensions["queue"].send_mail(mail_id or NOBODY)
    except QueueGone:
        current_app.logger.warning("the queue does not answer: a mail waits for it")
    return render_bare("forgotten/asked.html", portal_name=portal_name())


def _sends_mail() -> bool:
    return bool(current_app.extensions["settings"].smtp_url)


def _page(form: ForgottenForm, status: int = 200, error: str = "") -> Response:
    page = render_bare(
        "forgotten/forgotten.html",
        status=status,
        form=form,
        error=error,
        sends_mail=_sends_mail(),
        portal_name=portal_name(),
    )
    if status == 429:
        page.headers["Retry-After"] = str(int(throttle.WINDOW.total_seconds()))
    return page
