"""The first start: the one-time code, the first administrator, the portal's name and time zone."""

from pathlib import Path
from typing import cast

from flask import Blueprint, Flask, Response, current_app, flash, url_for
from flask_wtf import FlaskForm
from wtforms import BooleanField, EmailField, PasswordField, SelectField, StringField
from wtforms.validators import DataRequired, Length

from sisportal.config import Settings
from sisportal.extensions import db
from sisportal.syncing import throttle
from sisportal.syncing.administrators import LONGEST_TEXT, SHORTEST_PASSWORD, Refused, set_up
from sisportal.syncing.apps import APPS
from sisportal.syncing.review import Who
from sisportal.syncing.sample_district import SAMPLE
from sisportal.syncing.settings import time_zone_choices
from sisportal.syncing.setup_code import forget_setup_code, is_setup_code, setup_code
from sisportal.web.access import Rule, access, begin_session, needs_setup
from sisportal.web.portal import address, is_breached, now
from sisportal.web.rendering import redirect_for, render_bare
from sisportal.web.sample_start import start_sample

blueprint = Blueprint("setup", __name__)

TRIES_OF_ADDRESS = 10
TRIES = 200
BEGINNINGS = [
    ("", "Decide later"), ("clever", "Connect Clever"), ("oneroster", "Connect OneRoster"),
    ("csv", "Upload OneRoster CSV"), (SAMPLE, "Try a sample district"),
]  # fmt: skip
"""What the page offers (SPEC 2.1)."""
NO_HELP = {"autocomplete": "off"}
SHORT_TEXT = Length(max=LONGEST_TEXT, message=f"At most {LONGEST_TEXT} characters.")
WRONG_CODE = "That is not the code. It stands on the console that the portal was started from."
TOO_MANY = "Too many wrong codes. Wait 15 minutes, then try again."


def needed(sentence: str) -> DataRequired:
    """A field that must not be blank, and what to say where it is."""
    return DataRequired(sentence)


def _beginnings() -> list[tuple[str, str]]:
    return BEGINNINGS


class SetupForm(FlaskForm):
    """What the first start asks for."""

    class Meta:
        csrf = False  # the whole site checks the token

    code = StringField(
        "One-time code", [needed("Type the code."), Length(max=40, message=WRONG_CODE)], render_kw=NO_HELP
    )
    name = StringField(
        "Name of the portal", [needed("Name the portal."), SHORT_TEXT], render_kw={"autocomplete": "organization"}
    )
    timezone = SelectField(
        "Time zone",
        [needed("Choose a time zone.")],
        choices=time_zone_choices,
        default="UTC",
        render_kw={"data-own-zone": True},
    )
    first_name = StringField("First name", [SHORT_TEXT], render_kw={"autocomplete": "given-name"})
    last_name = StringField(
        "Last name", [needed("Type your last name."), SHORT_TEXT], render_kw={"autocomplete": "family-name"}
    )
    email = EmailField(
        "E-mail address", [needed("Type your e-mail address."), SHORT_TEXT], render_kw={"autocomplete": "username"}
    )
    second_factor = BooleanField("Administrators have to have a second factor")
    begin = SelectField("How to begin", choices=_beginnings, default="")
    password = PasswordField("Password", [needed("Choose a password.")], render_kw={"autocomplete": "new-password"})


def announce(app: Flask) -> None:
    """Print the one-time code where nobody has set the portal up."""
    with app.app_context():
        if needs_setup():
            code, where = setup_code(_folder()), _settings().base_url
            print(f"\n  To set this portal up, open {where}/setup and enter the code {code}\n", flush=True)  # noqa: T201


@blueprint.get("/setup")
@access(Rule.EVERYBODY)
def setup() -> Response:
    if not needs_setup():
        return redirect_for(url_for("home.home"))
    setup_code(_folder())
    return _page(SetupForm())


@blueprint.post("/setup")
@access(Rule.EVERYBODY)
def do_setup() -> Response:
    """Makes the first administrator and signs them in."""
    if not needs_setup():
        return redirect_for(url_for("home.home"))
    form = SetupForm()
    valid = form.validate()
    db.session.rollback()  # what follows writes in transactions of its own
    limits = {f"address:{throttle.network(address())}": TRIES_OF_ADDRESS, "setup": TRIES}
    if not throttle.may_try(db.engine, limits, now()):
        form.code.errors = [TOO_MANY]
        return _page(form, 429)
    if not is_setup_code(_folder(), form.code.data or ""):
        form.code.errors = [*form.code.errors, WRONG_CODE][:1]
        return _page(form, 422)
    throttle.forget(db.engine, limits, now())
    return _finished(form) if valid else _page(form, 422)


def _finished(form: SetupForm) -> Response:
    values = {
        field: value.strip()
        for field, value in form.data.items()
        if isinstance(value, str) and field not in {"code", "password", "begin"}
    }
    try:
        account_id = set_up(
            db.engine,
            **values,
            password=form.password.data or "",
            now=now(),
            address=address(),
            is_breached=is_breached(),
            second_factor="administrators" if form.second_factor.data else "",
        )
    except Refused as refused:
        form[refused.field].errors = [str(refused)]
        return _page(form, 422)
    forget_setup_code(_folder())
    if account_id is None:
        flash("Somebody else has just set the portal up. Sign in.", "info")
        return redirect_for(url_for("sign_in.sign_in"))
    begin_session(account_id, "password")
    flash("The portal is set up, and you are signed in.", "success")
    return redirect_for(_leads_to(form.begin.data or "", Who(values["email"], account_id, address())))


def _leads_to(begin: str, asker: Who) -> str:
    """Where the chosen beginning goes on; the sample district is started right away."""
    if begin in APPS:
        return url_for("app_center.ask_install", name=begin)
    if begin != SAMPLE:
        return url_for("home.home")
    if error := start_sample(asker):
        flash(error, "warning")
    return url_for("sample.page")


def _page(form: SetupForm, status: int = 200) -> Response:
    return render_bare("setup/setup.html", status=status, form=form, shortest=SHORTEST_PASSWORD)


def _settings() -> Settings:
    return cast("Settings", current_app.extensions["settings"])


def _folder() -> Path:
    return _settings().data_dir
