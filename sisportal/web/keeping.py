"""How long things are kept: a page for those who answer for people's data."""

from typing import Any

from flask import Blueprint, Response, flash, url_for

from sisportal.extensions import db
from sisportal.models.database import writing
from sisportal.syncing import keeping, notices
from sisportal.web.access import Rule, access
from sisportal.web.acting import released_engine, who
from sisportal.web.chosen import chosen_numbers
from sisportal.web.portal import now
from sisportal.web.rendering import redirect_for, render_invalid, render_tab

blueprint = Blueprint("keeping", __name__, url_prefix="/admin/keeping")

TEMPLATE = "keeping/page.html"


@blueprint.get("")
@access(Rule.READ)
def page() -> Response:
    return render_tab(TEMPLATE, **_context(), errors={})


@blueprint.post("")
@access(Rule.WRITE)
def save() -> Response:
    """Keeps the choices; what is then too old goes when the clock looks next, not at once."""
    asker = who()
    chosen, errors = chosen_numbers((kind.name for kind in keeping.KINDS), keeping.CHOICES)
    if errors:
        return render_invalid(TEMPLATE, **_context(), errors=errors)
    with writing(released_engine()).begin() as connection:
        changed = keeping.keep(connection, chosen)
        if changed:
            words = {name: keeping.CHOICES[days] for name, days in changed.items()}
            notices.record(
                connection, "settings-changed", "keeping", now(),
                actor=asker.name, actor_id=asker.id, address=asker.address, kept=words,
            )  # fmt: skip
    flash("It is kept like this from now on." if changed else "Nothing was changed.", "success" if changed else "info")
    return redirect_for(url_for(".page"))


def _context() -> dict[str, Any]:
    connection = db.session.connection()
    return {
        "kinds": keeping.KINDS,
        "days": keeping.kept_days(connection),
        "choices": list(keeping.CHOICES.items()),
        "last": keeping.last_run(connection),
    }
