"""Accounts as people make and change them: the form, archive and reactivate (SPEC 2.4)."""

from typing import Any

from flask import Blueprint, Response, abort, flash, request, url_for

from sisportal.extensions import db
from sisportal.models import Account, AccountRole
from sisportal.models.database import writing
from sisportal.roster.entered import ACCOUNT_TEXTS, tidied
from sisportal.roster.fields import Values
from sisportal.syncing import accounts
from sisportal.syncing.by_hand import Changed, Invalid, Refused, mark
from sisportal.web.access import Rule, access
from sisportal.web.acting import released_engine, who
from sisportal.web.directory_words import listed_name, places
from sisportal.web.form_words import chosen, differences, number_of
from sisportal.web.frame import ROLE_NAMES
from sisportal.web.lists import asked_number
from sisportal.web.portal import now
from sisportal.web.rendering import redirect_for, render_invalid, render_tab
from sisportal.web.scope import bounds, get_account, may_manage_account, own_organizations

blueprint = Blueprint("account_forms", __name__, url_prefix="/accounts")

TEMPLATE = "account_forms/form.html"
BLANK: Values = dict.fromkeys(ACCOUNT_TEXTS, "") | {"role": "student", "organization": None, "organizations": []}


@blueprint.get("/new")
@access(Rule.MANAGE)
def new() -> Response:
    own = own_organizations()[:1] if bounds().organizations is not None else []
    entered = BLANK | {"organization": asked_number("organization") or next(iter(own), None)}
    return render_tab(TEMPLATE, **_context(entered, None))


@blueprint.post("/new")
@access(Rule.MANAGE)
def make() -> Response:
    """An account without a password: its page makes the link to choose one."""
    entered, asker, limits = _entered(None), who(), bounds()
    try:
        with writing(released_engine()).begin() as connection:
            account_id = accounts.make(connection, entered, asker, now(), limits)
    except Invalid as invalid:
        return render_invalid(TEMPLATE, **_context(BLANK | entered, None, invalid.errors))
    flash("The account is made. Make a password link, and hand it on: with it they choose their password.", "success")
    return redirect_for(url_for("accounts.account", account_id=account_id))


@blueprint.get("/<int:account_id>/edit")
@access(Rule.MANAGE)
def edit(account_id: int) -> Response:
    return render_tab(TEMPLATE, **_context(_held(_managed(account_id)), get_account(account_id)))


@blueprint.post("/<int:account_id>/edit")
@access(Rule.MANAGE)
def save(account_id: int) -> Response:
    """Keep what was entered, where nobody else changed the account after the form was shown."""
    account = _managed(account_id)
    entered, asker, limits, seen = _entered(account), who(), bounds(), request.form.get("seen", "")
    try:
        with writing(released_engine()).begin() as connection:
            changed = accounts.change(connection, account_id, entered, asker, now(), limits, seen)
    except Invalid as invalid:
        account = get_account(account_id)
        return render_invalid(TEMPLATE, **_context(_held(account) | entered, account, invalid.errors, seen=seen))
    except Changed:
        return _meanwhile(account_id, entered)
    except Refused as refusal:
        flash(str(refusal), "warning")
        return _back(account_id)
    flash("The account is stored." if changed else "It was like this already.", "success")
    return _back(account_id)


@blueprint.post("/<int:account_id>/archive")
@access(Rule.MANAGE)
def archive(account_id: int) -> Response:
    """Archive an account, which signs it out everywhere."""
    _managed(account_id)
    asker = who()
    try:
        with writing(released_engine()).begin() as connection:
            done = accounts.archive(connection, account_id, asker, now())
        flash("The account is archived, and signed out everywhere." if done else "It was archived already.", "success")
    except Refused as refusal:
        flash(str(refusal), "warning")
    return _back(account_id)


@blueprint.post("/<int:account_id>/reactivate")
@access(Rule.MANAGE)
def reactivate(account_id: int) -> Response:
    _managed(account_id)
    asker = who()
    with writing(released_engine()).begin() as connection:
        accounts.reactivate(connection, account_id, asker, now())
    flash("The account is active again.", "success")
    return _back(account_id)


def _managed(account_id: int) -> Account:
    found = get_account(account_id)
    return found if may_manage_account(found) else abort(403)


def _held(account: Account) -> Values:
    """What the form shows and remembers of an account; read by itself, as the mark is made of it."""
    return accounts.held(db.session.connection(), account.id) or abort(404)


def _entered(account: Account | None) -> Values:
    """What the form sends; organizations that the person does not see stay as they are."""
    texts = tidied({name: request.form.get(name, "") for name in ACCOUNT_TEXTS if name in request.form})
    entered: Values = {**texts, "role": request.form.get("role", "")}
    seen = places(account.organization_id if account else None)
    if "organization" in request.form:
        entered["organization"] = number_of(request.form["organization"])
    elif account is None and bounds().organizations is not None:
        entered["organization"] = next(iter(own_organizations()), None)
    if "several" in request.form:
        unseen = [id_ for id_ in (account.organizations or [] if account else []) if id_ not in seen]
        entered["organizations"] = sorted({*unseen, *(chosen("organizations") & seen.keys())})
    return entered


def _meanwhile(account_id: int, entered: Values) -> Response:
    """409: the form as it was sent, beside what the account is now; sent once more, it counts."""
    account = get_account(account_id)
    held = _held(account)
    flash("The account was changed after you opened this form, so nothing is stored yet.", "warning")
    return render_tab(
        TEMPLATE, status=409, **_context(held | entered, account) | {"differs": differences(held, entered)}
    )


def _context(
    entered: Values, account: Account | None, errors: dict[str, str] | None = None, seen: str = ""
) -> dict[str, Any]:
    roles, shown = bounds().roles, places(account.organization_id if account else None)
    offered = [(str(role), ROLE_NAMES[role]) for role in AccountRole if role in roles]
    anywhere = bounds().organizations is None
    return {
        "entered": entered,
        "account": account,
        "name": listed_name(account) if account else "",
        "roles": list(reversed(offered)),
        "places": ([("", "None")] if anywhere else []) + [(str(id_), name) for id_, name in shown.items()],
        "errors": errors or {},
        "seen": seen or (mark(_held(account)) if account else ""),
        "differs": [],
    }


def _back(account_id: int) -> Response:
    return redirect_for(url_for("accounts.account", account_id=account_id))
