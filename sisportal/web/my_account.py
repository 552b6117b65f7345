"""One's own account: who one is here, and on which browsers one is signed in."""

from dataclasses import dataclass
from datetime import datetime

from flask import Blueprint, Response, flash, url_for
from flask_login import current_user

from sisportal.extensions import db
from sisportal.models import AccountRole
from sisportal.models.database import writing
from sisportal.syncing import browser_sessions, notices
from sisportal.web.access import Rule, access, current, end_session
from sisportal.web.acting import released_engine, who
from sisportal.web.frame import ROLE_NAMES, person_name
from sisportal.web.portal import now
from sisportal.web.rendering import redirect_for, render_tab

blueprint = Blueprint("my_account", __name__, url_prefix="/my-account")

WAYS = {"password": "With a password", "clever": "With Clever"}


@dataclass(frozen=True, slots=True)
class Browser:
    """A browser on which one is signed in."""

    way: str
    since: datetime
    this: bool


@blueprint.get("")
@access(Rule.SIGNED_IN)
def my_account() -> Response:
    account, here = current(), browser_sessions.key_of(current_user.token)
    rows = browser_sessions.browsers_of(db.session.connection(), account.id, now())
    return render_tab(
        "my_account/my_account.html",
        account=account,
        name=person_name(account),
        role=ROLE_NAMES[AccountRole(account.role)],
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
