"""What holds for signing in: who has to have a second factor, and after how long of doing nothing people are signed out."""

from typing import Any
from urllib.parse import urlsplit

from flask import Blueprint, Response, current_app, flash, request, url_for
from sqlalchemy import Connection

from sisportal.extensions import db
from sisportal.models.database import writing
from sisportal.syncing import inactivity, notices, second_factor
from sisportal.web.access import Rule, access
from sisportal.web.acting import released_engine, who
from sisportal.web.chosen import WRONG, chosen_numbers
from sisportal.web.portal import now, portal_settings
from sisportal.web.rendering import redirect_for, render_invalid, render_tab

blueprint = Blueprint("sign_in_rules", __name__, url_prefix="/admin/signing-in")

TEMPLATE = "sign_in_rules/page.html"


@blueprint.get("")
@access(Rule.READ)
def page() -> Response:
    return render_tab(TEMPLATE, **_context(), errors={})


@blueprint.post("")
@access(Rule.WRITE)
def save() -> Response:
    """Keeps the choices, which hold at once: also for those who are signed in."""
    asker = who()
    chosen, errors = chosen_numbers((group.name for group in inactivity.GROUPS), inactivity.CHOICES)
    policy = request.form.get(second_factor.SETTING)
    if policy is not None and policy not in second_factor.CHOICES:
        errors[second_factor.SETTING] = WRONG
    if errors:
        return render_invalid(TEMPLATE, **_context(), errors=errors)
    with writing(released_engine()).begin() as connection:
        changed = _keep(connection, chosen, policy)
        if changed:
            notices.record(
                connection, "settings-changed", "signing in", now(),
                actor=asker.name, actor_id=asker.id, address=asker.address, **changed,
            )  # fmt: skip
    flash("It holds from now on." if changed else "Nothing was changed.", "success" if changed else "info")
    return redirect_for(url_for(".page"))


def _keep(connection: Connection, minutes: dict[str, int], policy: str | None) -> dict[str, Any]:
    """What was changed, in words for the audit log."""
    changed: dict[str, Any] = {}
    if limits := inactivity.choose(connection, minutes):
        changed["signed_out_after"] = {name: inactivity.CHOICES[number] for name, number in limits.items()}
    if policy is not None and second_factor.choose(connection, policy):
        changed["second_factor"] = second_factor.CHOICES[policy]
    return changed


def _context() -> dict[str, Any]:
    return {
        "groups": inactivity.GROUPS,
        "minutes": inactivity.minutes(db.session.connection()),
        "choices": list(inactivity.CHOICES.items()),
        "policy": second_factor.policy(portal_settings()),
        "policies": list(second_factor.CHOICES.items()),
        "breached": _breached(),
    }


def _breached() -> str:
    """Where passwords known from breaches are looked for: the setting's host or nothing of its path."""
    setting = str(current_app.extensions["settings"].breached_passwords)
    return (urlsplit(setting).hostname or "In a list on the portal's machine") if setting else ""
