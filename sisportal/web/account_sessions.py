"""Signing somebody else out everywhere, and resetting their second factor: an account that is misused, a device that was lost."""

from flask import Blueprint, Response, abort, flash, url_for

from sisportal.models.database import writing
from sisportal.syncing import browser_sessions, notices, second_factor
from sisportal.web.access import Rule, access, current
from sisportal.web.acting import released_engine, who
from sisportal.web.portal import now
from sisportal.web.rendering import redirect_for
from sisportal.web.scope import get_account, may_manage_account

blueprint = Blueprint("account_sessions", __name__, url_prefix="/accounts/<int:account_id>")


@blueprint.post("/sign-out")
@access(Rule.MANAGE)
def sign_out(account_id: int) -> Response:
    """Ends every session of the account; its password stays."""
    account = get_account(account_id)
    if not may_manage_account(account):
        abort(403)
    asker, username = who(), account.username
    with writing(released_engine()).begin() as connection:
        browser_sessions.end_all(connection, [account_id])
        notices.record(
            connection, "signed-out-everywhere", username, now(),
            actor=asker.name, actor_id=asker.id, address=asker.address,
        )  # fmt: skip
    flash(f"{username} is signed out everywhere.", "success")
    return redirect_for(url_for("accounts.account", account_id=account_id))


@blueprint.post("/second-factor/reset")
@access(Rule.MANAGE)
def reset_second_factor(account_id: int) -> Response:
    """Takes somebody else's second factor off, whose telephone and recovery codes are lost; one's own asks for the password."""
    account = get_account(account_id)
    if not may_manage_account(account) or account_id == current().id:
        abort(403)
    asker, username = who(), account.username
    with writing(released_engine()).begin() as connection:
        done = second_factor.remove(connection, account_id, asker, now(), "second-factor-reset")
    if done:
        flash(
            f"{username} signs in without a second factor now, is signed out everywhere, and can set up another one.",
            "success",
        )
    else:
        flash(f"{username} has no second factor.", "info")
    return redirect_for(url_for("accounts.account", account_id=account_id))
