"""The second step of a sign-in: the code of a telephone, or a recovery code."""

from flask import Blueprint, Response, current_app, flash, request, session, url_for
from flask_wtf import FlaskForm
from wtforms import StringField
from wtforms.validators import Length

from sisportal.extensions import db
from sisportal.models.database import writing
from sisportal.syncing import half_sign_in, notices, second_factor, sign_in_notices, throttle
from sisportal.syncing.half_sign_in import Half
from sisportal.syncing.review import Who
from sisportal.web.access import Rule, access
from sisportal.web.code_fields import CODE, LONGEST, RECOVERY
from sisportal.web.entering import HALF, finish
from sisportal.web.portal import address, now, portal_name
from sisportal.web.rendering import local_path, redirect_for, render_bare

blueprint = Blueprint("second_step", __name__, url_prefix="/sign-in/code")

TRIES_OF_ACCOUNT = 10
TRIES_OF_ADDRESS = 60
BLANK = "Type the code, or a recovery code."
WRONG = "That code is not right, was used already or is too old. Wait for the next one, or use a recovery code."
TOO_MANY = "Too many tries. Wait 15 minutes, then try again."
TOO_LATE = "The sign-in took too long. Begin it again."


class CodeForm(FlaskForm):
    """A code of the telephone, or instead a recovery code."""

    class Meta:
        csrf = False  # the whole site checks the token

    code = StringField("Code", [Length(max=LONGEST, message=WRONG)])
    recovery = StringField("Recovery code", [Length(max=LONGEST, message=WRONG)])


@blueprint.get("")
@access(Rule.EVERYBODY)
def ask() -> Response:
    return _page(CodeForm()) if _half() else _too_late()


@blueprint.post("")
@access(Rule.EVERYBODY)
def check() -> Response:
    """Signs in, in a new session; or says the same sentence whatever was wrong with the code."""
    form, half, moment = CodeForm(), _half(), now()
    db.session.rollback()  # what follows writes in transactions of its own
    if half is None:
        return _too_late()
    entered = (form.recovery.data or "").strip() or (form.code.data or "").strip()
    if not entered or not form.validate():
        return _page(form, 422, WRONG if entered else BLANK)
    limits = {
        f"code:{half.id}": TRIES_OF_ACCOUNT,
        f"address:code:{throttle.network(address())}": TRIES_OF_ADDRESS,
    }
    if not throttle.may_try(db.engine, limits, moment):
        return _held_back(form, half)
    asker = Who(half.username, half.id, address())
    if not second_factor.fits(db.engine, current_app.extensions["cipher"], asker, entered, moment):
        return _page(form, 422, WRONG)
    throttle.forget(db.engine, limits, moment)
    if not half_sign_in.end(db.engine, str(session[HALF])):
        return _too_late()
    return finish(half.id, half.username, half.way + second_factor.WITH_CODE, request.values.get("next", ""))


def _half() -> Half | None:
    return half_sign_in.find(db.session.connection(), str(session[HALF]), now()) if HALF in session else None


def _held_back(form: CodeForm, half: Half) -> Response:
    """Too many tries: the code is not even looked at, and the audit log is told once."""
    if throttle.is_first_refusal(db.engine, f"code {half.id}", now()):
        with writing(db.engine).begin() as connection:
            notices.record(
                connection, "sign-in-throttled", half.username, now(), actor=half.username, actor_id=half.id,
                address=address(), step="code",
            )  # fmt: skip
            asker = Who(half.username, half.id, address())
            sign_in_notices.tell(connection, "sign-in-throttled", half.id, asker, now())
    return _page(form, 429, TOO_MANY)


def _too_late() -> Response:
    session.pop(HALF, None)
    flash(TOO_LATE, "info")
    return redirect_for(url_for("sign_in.sign_in", next=local_path(request.values.get("next"), "") or None))


def _page(form: CodeForm, status: int = 200, error: str = "") -> Response:
    page = render_bare(
        "second_step/ask.html",
        status=status,
        form=form,
        error=error,
        code_field=CODE | ({} if form.recovery.data else {"autofocus": True}),
        recovery_field=RECOVERY,
        next=local_path(request.values.get("next"), ""),
        portal_name=portal_name(),
    )
    if status == 429:
        page.headers["Retry-After"] = str(int(throttle.WINDOW.total_seconds()))
    return page
