"""Who may do what: every view names its rule, and what has none is closed to everybody."""

from collections.abc import Callable
from datetime import datetime
from enum import StrEnum
from typing import Any, TypeVar, cast
from urllib.parse import urlsplit

from flask import Flask, Response, abort, current_app, flash, session, url_for
from flask_login import UserMixin, current_user
from htmx_flask import request
from sqlalchemy import select

from sisportal.extensions import db, login_manager
from sisportal.models import Account, AccountRole, SisConnection, Sync
from sisportal.syncing import browser_sessions, inactivity, second_factor
from sisportal.syncing.administrators import is_set_up
from sisportal.web.portal import is_partitioned, now, portal_settings
from sisportal.web.rendering import came_from, redirect_for

View = TypeVar("View", bound=Callable[..., Any])

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
OPEN_BEFORE_SETUP = frozenset({"setup", "appearance"})
OPEN_BEFORE_SECOND_FACTOR = frozenset({"second_factor.page", "second_factor.set_up"})
TOKEN = "_user_id"  # noqa: S105 - where flask-login keeps what names the person
UNSENT = "unsent"
"""Where it stands in the cookie that a form came after its session had ended."""
READERS = frozenset({AccountRole.ADMINISTRATOR, AccountRole.VIEWER})
LOOKERS = READERS | {AccountRole.ORGANIZATION_ADMINISTRATOR}
MANAGERS = frozenset({AccountRole.ADMINISTRATOR, AccountRole.ORGANIZATION_ADMINISTRATOR})


class Rule(StrEnum):
    """Whom a view lets in."""

    EVERYBODY = "everybody"
    SIGNED_IN = "signed-in"
    READ = "read"
    """Administrators and viewers, but for viewers who see only a part of the portal."""
    WRITE = "write"
    """Administrators."""
    LOOK = "look"
    """Readers of accounts, classes and organizations, as far as ``scope`` lets them: organization administrators, too."""
    MANAGE = "manage"
    """Administrators, and organization administrators in their own part: the view asks ``scope``."""


class SignedIn(UserMixin):
    """An account as flask-login carries it: its cookie holds the token of this browser."""

    def __init__(self, account: Account, token: str, way: str, seen_at: datetime) -> None:
        self.account, self.token, self.way, self.seen_at = account, token, way, seen_at

    def get_id(self) -> str:
        return self.token


def access(rule: Rule, *, polled: bool = False) -> Callable[[View], View]:
    """Marks a view with its rule; stands below the route. ``polled``: pages ask for it by themselves, nobody does anything."""

    def mark(view: View) -> View:
        vars(view)["__access__"] = rule
        vars(view)["__polled__"] = polled
        return view

    return mark


def rule_of(view: Callable[..., Any]) -> Rule | None:
    """The rule that a view was marked with."""
    return cast("Rule | None", vars(view).get("__access__"))


def current() -> Account:
    """Who is signed in; only in views whose rule asks for it."""
    return cast("Account", current_user.account)


def may_write() -> bool:
    """Whether whoever is signed in may change things: pages show others no buttons."""
    return bool(current_user.is_authenticated) and current().role == AccountRole.ADMINISTRATOR


def is_limited(account: Account) -> bool:
    """Whether the account sees only its own organization and below (SPEC 2.3).

    Administrators never; a viewer of an organization while organizations are partitioned; everybody else always.
    """
    if account.role == AccountRole.ADMINISTRATOR:
        return False
    if account.role == AccountRole.VIEWER:
        return account.organization_id is not None and is_partitioned()
    return True


def reads_everything() -> bool:
    """Whether whoever is signed in reads the whole portal: pages show others no way into the SIS side."""
    return bool(current_user.is_authenticated) and current().role in READERS and not is_limited(current())


def get_connection(kind: str) -> SisConnection:
    """The connection of this kind, or 404."""
    found = db.session.scalar(select(SisConnection).where(SisConnection.kind == kind))
    return found or abort(404)


def get_sync(sync_id: int) -> Sync:
    """The sync of this id, or 404."""
    found = db.session.get(Sync, sync_id)
    return found or abort(404)


def begin_session(account_id: int, way: str) -> None:
    """Sign an account in on this browser: in a new session, so that nothing of the one before is carried over.

    Writes in a transaction of its own: the request must hold none.
    """
    unsent = session.get(UNSENT)
    end_session()
    session.permanent = True
    session[TOKEN] = browser_sessions.begin(db.engine, account_id, way, now())
    if unsent:
        flash(
            "What you sent last came after your session had ended. Nothing was changed by it: send it again.", "warning"
        )


def end_session() -> None:
    """Sign whoever was signed in on this browser out of it; the request must hold no transaction."""
    if TOKEN in session:
        browser_sessions.end(db.engine, str(session[TOKEN]))
    session.clear()


def has_to_set_up() -> bool:
    """Whether whoever is signed in has to set up a second factor, and reaches nothing else before."""
    return second_factor.has_to_set_up(portal_settings(), current().role, current_user.way)


def has_ended() -> bool:
    """Whether somebody was signed in on this browser until their session ended by itself."""
    return TOKEN in session and not current_user.is_authenticated


def sign_in_url() -> str:
    """The sign-in page, leading back to the page that was asked for, or that the form was on."""
    return url_for("sign_in.sign_in", next=_wanted())


def _wanted() -> str | None:
    """The page of this site that was asked for; None for the home page."""
    wanted = ""
    if request.htmx:
        parts = urlsplit(
            request.htmx.current_url or ""
        )  # the page that the person sees, not the part that it asked for
        wanted = f"{parts.path}?{parts.query}".rstrip("?")
    elif request.method in SAFE_METHODS:
        wanted = request.full_path.rstrip("?")
    else:
        wanted = came_from("")
    return wanted if wanted not in {"", "/"} else None


def init_access(app: Flask) -> None:
    """Puts the guard before every view of ``app``."""
    login_manager.init_app(app)
    login_manager.session_protection = None  # sessions are bound to the account's version, not to a changing address
    login_manager.user_loader(_load)
    app.before_request(_guard)
    app.jinja_env.globals.update(may_write=may_write, reads_everything=reads_everything)


def _load(token: str) -> SignedIn | None:
    moment = now()
    found = db.session.execute(browser_sessions.signed_in(token, moment)).one_or_none()
    if found is None or moment - found.seen_at >= inactivity.limit(portal_settings(), found.Account.role):
        return None
    return SignedIn(found.Account, token, found.way, found.seen_at)


def _guard() -> Response | None:
    """Answers in the view's place where its rule does not let the request in."""
    if request.endpoint == "static":
        return None
    if request.endpoint is None:  # no such address: before the set-up it leads there as every page does
        return redirect_for(url_for("setup.setup")) if needs_setup() else None
    rule = rule_of(current_app.view_functions[request.endpoint])
    if rule is None:
        current_app.logger.error("no access rule: %s", request.endpoint)
        abort(404)
    if rule is not Rule.EVERYBODY and TOKEN in session and request.method not in SAFE_METHODS:
        # Taken before anything is read: a transaction that reads first cannot write once another one has written.
        db.session.connection(execution_options={"writing": True})
    if request.blueprint not in OPEN_BEFORE_SETUP and not current_user.is_authenticated and needs_setup():
        return redirect_for(url_for("setup.setup"))
    if rule is Rule.EVERYBODY:
        return None
    refusal = _refusal(rule)
    if refusal is None and not vars(current_app.view_functions[request.endpoint]).get("__polled__"):
        _note_seen()
    return refusal


def _note_seen() -> None:
    """Writes down, now and then, that somebody does something; in a transaction of its own, before the view begins one."""
    moment = now()
    if moment - current_user.seen_at < browser_sessions.SEEN_EVERY:
        return
    db.session.rollback()
    browser_sessions.seen(db.engine, current_user.token, moment)
    if request.method not in SAFE_METHODS:
        db.session.connection(execution_options={"writing": True})


def _refusal(rule: Rule) -> Response | None:
    if not current_user.is_authenticated:
        _forget_ended()
        return redirect_for(sign_in_url())
    status = _status(rule, current().role)
    if status != 200:
        log, who = current_app.logger, current().id
        log.warning("%s %s is not for account %s: %s", request.method, request.endpoint, who, status)
        abort(status)
    if request.endpoint not in OPEN_BEFORE_SECOND_FACTOR and has_to_set_up():
        return redirect_for(url_for("second_factor.page", next=_wanted()))
    return None


def _forget_ended() -> None:
    """A session that has ended stays ended, whatever limit is chosen later. The cookie stays: other pages hold its form token."""
    if not has_ended():
        return
    db.session.rollback()
    browser_sessions.end(db.engine, str(session[TOKEN]))
    if request.method not in SAFE_METHODS and not session.get(UNSENT):
        session[UNSENT] = True


def _status(rule: Rule, role: str) -> int:
    """404 for those who are not to learn what is there, 403 for those who may see it and not do it."""
    if rule in {Rule.READ, Rule.WRITE} and not reads_everything():
        return 404
    if rule in {Rule.LOOK, Rule.MANAGE} and role not in LOOKERS:
        return 404
    if rule is Rule.WRITE and role != AccountRole.ADMINISTRATOR:
        return 403
    if rule is Rule.MANAGE and role not in MANAGERS:
        return 403
    return 200


def needs_setup() -> bool:
    """Whether nobody has set the portal up; asked of the database only until somebody has."""
    if not current_app.extensions.get("set_up"):
        current_app.extensions["set_up"] = is_set_up(db.session.connection())
    return not current_app.extensions["set_up"]
