"""One's own second factor: set up with a telephone, its recovery codes, and switched off."""

from typing import Any

import segno
from flask import Blueprint, Response, abort, current_app, flash, request, session, url_for
from flask_login import current_user
from flask_wtf import FlaskForm
from wtforms import PasswordField, StringField
from wtforms.validators import DataRequired, Length

from sisportal.extensions import db
from sisportal.models import Account
from sisportal.models.database import writing
from sisportal.syncing import second_factor, throttle
from sisportal.syncing.administrators import Refused, fits
from sisportal.syncing.credentials import Cipher
from sisportal.syncing.one_time_codes import enrolment, new_secret
from sisportal.syncing.own_password import NOT_YOURS
from sisportal.syncing.second_factor import STAFF, WITH_CODE
from sisportal.web.access import Rule, access, begin_session, current, has_to_set_up
from sisportal.web.acting import released_engine, who
from sisportal.web.code_fields import CODE, LONGEST
from sisportal.web.portal import now, portal_name, portal_settings
from sisportal.web.rendering import local_path, redirect_for, render_bare, render_tab

blueprint = Blueprint("second_factor", __name__, url_prefix="/my-account/second-factor")

FRESH = "new-factor"
"""Where the cookie holds, encrypted, the key of a second factor that is being set up."""
TRIES = 10
TOO_MANY = "Too many tries. Wait 15 minutes, then try again."


class SetUpForm(FlaskForm):
    """The first code, and the password where one has to be shown again."""

    class Meta:
        csrf = False  # the whole site checks the token

    code = StringField(
        "Code",
        [DataRequired("Type the six digits."), Length(max=LONGEST, message="A code has six digits.")],
        render_kw=CODE,
    )
    proof = PasswordField("Your password", render_kw={"autocomplete": "current-password"})


class ProofForm(FlaskForm):
    """What shows once more who it is: the password, or without one a code."""

    class Meta:
        csrf = False  # the whole site checks the token

    proof = PasswordField("Your password", [DataRequired("Type it.")], render_kw={"autocomplete": "current-password"})


@blueprint.get("")
@access(Rule.SIGNED_IN)
def page() -> Response:
    return _page()


@blueprint.post("")
@access(Rule.SIGNED_IN)
def set_up() -> Response:
    """From now on a code is asked for; this browser stays signed in, in a new session, and no other one does."""
    _check_allowed()
    form, asker, account, way = SetUpForm(), who(), current(), current_user.way
    secret = _secret()
    proof = "" if has_to_set_up() else account.password_hash
    tries, engine = _tries(account), released_engine()
    if not form.validate():
        return _page(form, status=422)
    if secret is None:
        form.code.errors = ["The key that you scanned is no longer good. Scan this one."]
        return _page(form, status=422)
    if not throttle.may_try(engine, tries, now()):
        form.code.errors = [TOO_MANY]
        return _page(form, status=429)
    if proof and not fits(proof, form.proof.data or ""):
        form.proof.errors = [NOT_YOURS]
        return _page(form, status=422)
    try:
        codes = second_factor.set_up(engine, _cipher(), asker, secret, form.code.data or "", now())
    except Refused as refused:
        form.code.errors = [str(refused)]
        return _page(form, status=422)
    throttle.forget(engine, tries, now())
    begin_session(asker.id or 0, way + WITH_CODE)
    return _codes(codes, is_new=True)


@blueprint.post("/recovery-codes")
@access(Rule.SIGNED_IN)
def renew_codes() -> Response:
    """Other recovery codes in the place of those that there are."""
    form, asker = ProofForm(), who()
    status = _refusal(form)
    if status:
        return _page(proof=form, status=status, wanted="codes")
    return _codes(second_factor.renew_codes(db.engine, asker, now()))


@blueprint.post("/off")
@access(Rule.SIGNED_IN)
def switch_off() -> Response:
    """From now on no code is asked for; this browser stays signed in, in a new session, and no other one does."""
    form, asker, way = ProofForm(), who(), current_user.way.removesuffix(WITH_CODE)
    status = _refusal(form)
    if status:
        return _page(proof=form, status=status, wanted="off")
    with writing(db.engine).begin() as connection:
        second_factor.remove(connection, asker.id or 0, asker, now(), "second-factor-switched-off")
    begin_session(asker.id or 0, way)
    flash("The second factor is switched off. Every other browser is signed out.", "success")
    return redirect_for(url_for("my_account.my_account"))


def _refusal(form: ProofForm) -> int:
    """The status of a refusal, with its sentence on the form; 0 where it was shown once more who it is. Ends the transaction."""
    account, asker = current(), who()
    if not account.has_second_factor:
        abort(404)
    password_hash, tries, engine = account.password_hash, _tries(account), released_engine()
    if not form.validate():
        return 422
    if not throttle.may_try(engine, tries, now()):
        form.proof.errors = [TOO_MANY]
        return 429
    entered = form.proof.data or ""
    if password_hash and not fits(password_hash, entered):
        form.proof.errors = [NOT_YOURS]
        return 422
    if not password_hash and not second_factor.fits(engine, _cipher(), asker, entered, now()):
        form.proof.errors = [second_factor.WRONG]
        return 422
    throttle.forget(engine, tries, now())
    return 0


def _check_allowed() -> None:
    """Those whose sign-in never asks for a code have nothing to set up."""
    account = current()
    if account.password_hash is None and account.role not in STAFF:
        abort(404)


def _tries(account: Account) -> dict[str, int]:
    """Counted with the tries at the sign-in: what is asked for is the same there."""
    return {f"account:{account.username.lower()}" if account.password_hash else f"code:{account.id}": TRIES}


def _cipher() -> Cipher:
    cipher: Cipher = current_app.extensions["cipher"]
    return cipher


def _secret() -> str | None:
    """The key that is being set up on this browser."""
    return _cipher().decrypt(session.get(FRESH)).get("totp")


def _page(
    form: SetUpForm | None = None, proof: ProofForm | None = None, status: int = 200, wanted: str = ""
) -> Response:
    _check_allowed()
    account = current()
    found = second_factor.standing(db.session.connection(), account.id)
    asked = {"has_password": account.password_hash is not None, "next": local_path(request.values.get("next"), "")}
    if found is None:
        return _shown("second_factor/set_up.html", status, form=form or SetUpForm(), **asked, **_new_key())
    forms = {name: proof if proof and wanted == name else ProofForm() for name in ("codes", "off")}
    return _shown("second_factor/page.html", status, standing=found, forms=forms, must_have=_must_have(), **asked)


def _must_have() -> bool:
    return second_factor.has_to_set_up(portal_settings(), current().role, "")


def _new_key() -> dict[str, Any]:
    """The key that a telephone takes, as a picture and in letters: the same for as long as this browser sets it up."""
    secret = _secret()
    if secret is None:
        secret = new_secret()
        session[FRESH] = _cipher().encrypt({"totp": secret})
    address = enrolment(secret, current().username, portal_name())
    picture = segno.make(address, error="m").svg_data_uri(scale=4, border=2, light="#fff", omitsize=False)
    letters = " ".join(secret[start : start + 4] for start in range(0, len(secret), 4))
    return {"picture": picture, "letters": letters}


def _codes(codes: list[str], *, is_new: bool = False) -> Response:
    following = local_path(request.values.get("next"), url_for("my_account.my_account"))
    return _shown("second_factor/codes.html", 200, codes=codes, is_new=is_new, next=following)


def _shown(template: str, status: int, **context: Any) -> Response:
    """Without the frame for whoever may open nothing else yet."""
    if has_to_set_up():
        return render_bare(template, status=status, portal_name=portal_name(), is_required=True, **context)
    return render_tab(template, status=status, is_required=False, **context)
