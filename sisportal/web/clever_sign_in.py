"""Signing in with Clever: the button, arrival from Clever's portal, and every way in which it can fail (SPEC 9)."""

from collections.abc import Sequence
from dataclasses import dataclass

from flask import Blueprint, Response, current_app, request

from sisportal.extensions import db
from sisportal.models.database import writing
from sisportal.syncing import notices, throttle
from sisportal.syncing.audit_events import Event
from sisportal.syncing.clever_sso import Linked, Standing, linked_account
from sisportal.web.access import Rule, access, end_session
from sisportal.web.clever_client import (
    AGAIN,
    Identity,
    NotSignedIn,
    begun,
    exchange,
    lead_to_clever,
    older_ids,
    sso,
)
from sisportal.web.entering import enter
from sisportal.web.portal import address, now, portal_name
from sisportal.web.rendering import local_path, render_bare

blueprint = Blueprint("clever_sign_in", __name__, url_prefix="/clever")


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why nobody was signed in: what the page says, and what to do about it."""

    title: str
    sentence: str
    advice: str
    status: int = 403
    again: bool = False
    """Whether trying once more may help."""


ASK = "Ask the office of your school, or an administrator of the portal."
REFUSALS = {
    "off": Refusal(
        "Signing in with Clever is switched off",
        "This portal does not take sign-ins from Clever just now.",
        "If you have a password here, use it. Otherwise ask an administrator of the portal.",
    ),
    "unshared": Refusal(
        "Your school does not share you with this portal",
        "Clever knows you, and your school has not chosen you for this portal.",
        f"{ASK} They can share you with it in Clever.",
    ),
    "denied": Refusal(
        "Clever did not sign you in",
        "The sign-in was cancelled, or Clever does not allow it for you.",
        "Try once more. If it happens again, tell an administrator of the portal.",
        again=True,
    ),
    "unknown": Refusal(
        "You have no account here yet",
        "Clever knows you, but this portal has no account that belongs to you there.",
        f"{ASK} Accounts come with the next sync after your school has listed you.",
    ),
    "archived": Refusal(
        "Your account here is archived",
        "Your school no longer lists you for this portal. Everything that belongs to the account is kept.",
        f"{ASK} It opens again when your school lists you again.",
    ),
    "district": Refusal(
        "You belong to another district",
        "This portal is for one district, and the person signed in to Clever is of another one.",
        "Sign out of Clever, then sign in with your account of this district.",
        again=True,
    ),
    "library": Refusal(
        "Your Clever account has no district",
        "You use Clever without your district, and this portal takes people of its own district only.",
        f"Sign in to Clever with the account that your district gave you. {ASK}",
    ),
    "lost": Refusal(
        "The sign-in could not be finished",
        "It was begun in another browser or took too long, or this browser keeps no cookies.",
        "Allow cookies for this site, close other tabs that sign in, and try once more.",
        400,
        again=True,
    ),
    "spent": Refusal(
        "The sign-in came too late",
        "What Clever sends along is good for a minute and for one time only, and it was used or too old twice in a row.",
        "Try once more. If it happens again, close the browser and begin anew.",
        400,
        again=True,
    ),
    "not-genuine": Refusal(
        "The sign-in could not be trusted",
        "What came back does not carry Clever's signature for this sign-in, so it was not used.",
        "Try once more. If it happens again, tell an administrator of the portal.",
        400,
        again=True,
    ),
    "away": Refusal(
        "Clever does not answer as it should",
        "The portal could not ask Clever who you are. Nothing is wrong with your account.",
        "Try again in a few minutes. If it stays, tell an administrator of the portal.",
        503,
        again=True,
    ),
}


@blueprint.get("/sign-in")
@access(Rule.EVERYBODY)
def sign_in() -> Response:
    """The button: over to Clever, with the district preset."""
    on = sso()
    following = local_path(request.args.get("next"), "")
    return lead_to_clever(on, following) if on.is_on else _refused("off")


@blueprint.get("/callback")
@access(Rule.EVERYBODY)
def callback() -> Response:
    """Where Clever leads back to.

    A code is exchanged only for a try that this very browser has begun. Whoever comes without one, from Clever's portal
    or by an Instant Login link, is sent to begin one, and is back at once (Clever: protecting Clever-initiated logins).
    """
    on, state, error = sso(), request.args.get("state", ""), request.args.get("error")
    if not on.is_on:
        return _refused("off")
    if error:
        return _failed("unshared" if error == "unauthorized-user" else "denied")
    if not state:
        return lead_to_clever(on)
    following = begun(on, state)
    return _once_more(on, state, "lost") if following is None else _arrived(on, state, following)


def _arrived(on: Standing, state: str, following: str) -> Response:
    """Back from Clever on a try of this browser."""
    db.session.rollback()  # no transaction is held while Clever is asked
    try:
        identity, account = _person(on)
    except NotSignedIn as problem:
        current_app.logger.warning("a sign-in with Clever failed, %s: %s", problem.reason, problem)
        if problem.reason == "spent":
            return _once_more(on, state, "spent", following)
        return _failed(problem.reason)
    if identity.district != on.district_id:
        return _turned_away("district" if identity.district else "library", identity)
    if account is None:
        return _turned_away("unknown", identity)
    if account.is_archived:
        return _turned_away("archived", identity, account)
    return enter(account.id, account.username, "clever", following)


def _person(on: Standing) -> tuple[Identity, Linked | None]:
    """Who it is, and the account that is linked to them, where they are of this district. Raises ``NotSignedIn``."""
    identity, token = exchange(on)
    if identity.district != on.district_id:
        return identity, None
    account = _account(on, [identity.id])
    if account is None and identity.type != "student":  # a student has one id in every version
        account = _account(on, older_ids(on, identity, token))
    return identity, account


def _account(on: Standing, ids: Sequence[str]) -> Linked | None:
    with db.engine.connect() as connection:
        return linked_account(connection, on.connection_id, ids)


def _once_more(on: Standing, state: str, reason: str, following: str = "") -> Response:
    """Begin anew, once: a second failure in a row gets its page."""
    if state.startswith(AGAIN):
        return _failed(reason)
    return lead_to_clever(on, following, again=True)


def _turned_away(reason: str, identity: Identity, account: Linked | None = None) -> Response:
    """Another person sits at this browser now, so whoever was signed in on it no longer is."""
    end_session()
    username = account.username if account else "unknown"
    _record(
        "sign-in-refused", username, account.id if account else None, way="clever", reason=reason, clever_id=identity.id
    )
    return _refused(reason)


def _failed(reason: str) -> Response:
    """Nobody is known to have come. Anybody can call such an address over and over: the audit log is told now and then."""
    db.session.rollback()
    if throttle.is_first_refusal(db.engine, f"{throttle.network(address())} clever {reason}", now()):
        _record("sign-in-refused", "unknown", None, way="clever", reason=reason)
    return _refused(reason)


def _refused(reason: str) -> Response:
    refusal = REFUSALS[reason]
    return render_bare("clever_sign_in/refused.html", status=refusal.status, refusal=refusal, portal_name=portal_name())


def _record(event: Event, username: str, account_id: int | None, **details: str) -> None:
    with writing(db.engine).begin() as connection:
        notices.record(
            connection, event, username, now(), actor=username, actor_id=account_id, address=address(), **details
        )
