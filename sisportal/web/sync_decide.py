"""Deciding held matches one after another: the SIS's record beside each account or class that it may be (SPEC 6.3)."""

from typing import Any

from flask import Blueprint, Response, flash, request, url_for
from sqlalchemy import select

from sisportal.extensions import db
from sisportal.models import Organization, SisConnection, Sync
from sisportal.syncing import cases, explaining, members, review
from sisportal.syncing.choosing import SAID, choose_value
from sisportal.syncing.connections import NAMES, places, stored_options
from sisportal.syncing.deciding import Said, decide
from sisportal.syncing.deciding_all import may_agree
from sisportal.syncing.replanning import Known
from sisportal.syncing.staleness import why_stale
from sisportal.syncing.states import NotAllowed
from sisportal.web.access import Rule, access, get_sync, may_write
from sisportal.web.acting import released_engine, who
from sisportal.web.portal import now
from sisportal.web.rendering import redirect_for, render_tab

blueprint = Blueprint("sync_decide", __name__, url_prefix="/syncs/<int:sync_id>/decide")

_FIELDS = (
    "first_name", "middle_name", "last_name", "preferred_name", "email", "username", "student_id", "teacher_id", "sis_id",
    "state_id", "birth_date", "grade", "gender", "name", "code", "subject", "period", "term", "start", "finish",
    "organization", "linked", "archived",
)  # fmt: skip


@blueprint.get("")
@access(Rule.READ)
def case(sync_id: int) -> Response:
    """The next held record, or the one that the URL names."""
    sync, connection = get_sync(sync_id), db.session.connection()
    at, after = request.args.get("action", 0, type=int), request.args.get("after", 0, type=int)
    action = cases.next_case(connection, sync_id, after, at=at)
    source = db.session.get_one(SisConnection, sync.connection_id)
    context = _common(sync, source) | {"action": action}
    if action is None:
        return render_tab("sync_decide/page.html", **context)
    if stale := why_stale(connection, sync.id, now()):
        return render_tab("sync_decide/page.html", **context | {"action": None, "refusal": stale})
    options = stored_options(sync.options, source.kind)
    plan = Known(sync.id, source.id, source.kind, options, places(connection, source.id))
    found = cases.read_case(connection, plan, action)
    return render_tab("sync_decide/page.html", **context | _shown(sync, found))


@blueprint.post("/<int:action_id>")
@access(Rule.WRITE)
def answer(sync_id: int, action_id: int) -> Response:
    """Remember the answer and lead to the next record."""
    sync, asker = get_sync(sync_id), who()
    word, _, number = request.form.get("said", "").partition(":")
    target = int(number) if number.isdecimal() else 0
    engine = released_engine()
    try:
        if word in {"sis", "portal"}:
            choose_value(engine, sync.id, action_id, word == "sis", asker, now())
        elif word == "each":
            taken = frozenset(name.removeprefix("of-") for name, value in request.form.items() if value == "sis")
            choose_value(engine, sync.id, action_id, taken, asker, now())
        elif word == "create":
            decide(engine, sync.id, action_id, Said(create=True), asker, now())
        elif word == "same":
            decide(engine, sync.id, action_id, Said(same=target), asker, now())
        else:
            decide(engine, sync.id, action_id, Said(not_same=(target,)), asker, now())
    except NotAllowed as refusal:
        flash(str(refusal), "warning")
        return redirect_for(url_for(".case", sync_id=sync_id, action=action_id))
    return redirect_for(_next(sync_id, action_id))


def _next(sync_id: int, action_id: int) -> str:
    """The same record where more remains to be said of it, else the next."""
    held = review.action_held(db.session.connection(), sync_id, action_id)
    if held in cases.ASKED:
        return url_for(".case", sync_id=sync_id, action=action_id)
    return url_for(".case", sync_id=sync_id, after=action_id)


def _common(sync: Sync, connection: SisConnection) -> dict[str, Any]:
    return {
        "sync": sync,
        "connection": connection,
        "source": NAMES[connection.kind],
        "refusal": "",
        "waiting": sum(held["count"] for held in sync.held if held["reason"] in cases.ASKED),
        "may_decide": may_write() and sync.state in review.OPEN,
        "may_agree": sync.state in review.OPEN and may_agree(sync.held),
    }


def _shown(sync: Sync, found: cases.Case) -> dict[str, Any]:
    action = found.action
    organizations = _organization_names(found)
    columns = [found.record, *(each.values for each in found.candidates)]
    rows = []
    for field in _FIELDS:
        texts = [_text(field, values, organizations) for values in columns]
        if any(texts):
            rows.append((_label(field), texts))
    linked = _linked(found)
    names = members.names(db.session.connection(), sync.connection_id, linked) if linked else {}
    return {
        "case": found,
        "both": _both(action, organizations),
        "is_person": action.type != "section",
        "named": [(each.id, _name(each.values)) for each in found.candidates],
        "rows": rows,
        "why": explaining.held_words(action.held),
        "evidence": explaining.evidence_sentences(action.evidence),
        "linked_names": [(id_, name) for id_, (name, _) in names.items()],
    }


def _both(action: Any, organizations: dict[int, str]) -> list[tuple[str, str, list[str], str]]:
    """(field, label, [at the last sync, in the portal, in the SIS], whose is chosen) of what was changed on both sides."""
    if action.held != "changed-on-both":
        return []
    people = {name for values in action.evidence["both"].get("teachers", []) for name in values or ()}
    names = members.names(db.session.connection(), get_sync(action.sync_id).connection_id, people) if people else {}
    known = {source_id: name for source_id, (name, _) in names.items()}
    return [
        (
            field,
            _label(field),
            [explaining.value_text(field, value, organizations, known) for value in values],
            action.evidence.get(SAID, {}).get(field, "portal"),
        )
        for field, values in action.evidence["both"].items()
    ]


def _label(field: str) -> str:
    return {"linked": "ID in the SIS"}.get(field) or explaining.LABELS[field].partition(",")[0]


def _text(field: str, values: dict[str, Any], organizations: dict[int, str]) -> str:
    if field == "archived":
        return explaining.value_text(field, values[field], organizations, {}) if field in values else ""
    return explaining.value_text(field, values.get(field), organizations, {})


def _name(values: dict[str, Any]) -> str:
    if "last_name" in values:
        return f"{values.get('first_name') or ''} {values.get('last_name') or ''}".strip() or str(values["username"])
    return str(values.get("name") or "a class without a name")


def _linked(found: cases.Case) -> list[str]:
    return [each.values["linked"] for each in found.candidates if each.values["linked"]]


def _organization_names(found: cases.Case) -> dict[int, str]:
    ids = {values.get("organization") for values in (found.record, *(each.values for each in found.candidates))}
    both = found.action.evidence.get("both", {})
    ids |= set(both.get("organization", ()))
    ids |= {id_ for value in both.get("organizations", ()) for id_ in value or ()}
    ids -= {None}
    if not ids:
        return {}
    statement = select(Organization.id, Organization.name).where(Organization.id.in_(ids))
    return {row.id: row.name for row in db.session.execute(statement)}
