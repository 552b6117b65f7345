"""Everything that is held of one person, as a file: for whoever has a right to ask for it."""

import msgspec
from flask import Blueprint, Response, abort

from sisportal.models.database import writing
from sisportal.syncing.person_export import export_person
from sisportal.web.access import Rule, access
from sisportal.web.acting import released_engine, who
from sisportal.web.portal import now
from sisportal.web.scope import get_account

blueprint = Blueprint("person_export", __name__, url_prefix="/accounts/<int:account_id>")


@blueprint.post("/export")
@access(Rule.WRITE)
def export(account_id: int) -> Response:
    """JSON, as an attachment. A form asks for it, as the audit log notes who did."""
    get_account(account_id)
    asker = who()
    with writing(released_engine()).begin() as connection:
        found = export_person(connection, account_id, asker, now()) or abort(404)
    answer = Response(msgspec.json.format(msgspec.json.encode(found), indent=2), mimetype="application/json")
    answer.headers["Content-Disposition"] = f'attachment; filename="account-{account_id}.json"'
    answer.headers["Cache-Control"] = "no-store"
    return answer
