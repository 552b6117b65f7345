"""The people of a class, by hand: put in from a search, taken out, and the order of the teachers (SPEC 2.4)."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from flask import Blueprint, Response, abort, flash, request, url_for
from sqlalchemy import Connection, Select, select

from sisportal.extensions import db
from sisportal.models import Account, AccountRole, Membership
from sisportal.models.database import writing
from sisportal.syncing import class_members
from sisportal.syncing.by_hand import Refused
from sisportal.syncing.class_members import Part
from sisportal.syncing.review import Who
from sisportal.web.access import Rule, access
from sisportal.web.acting import released_engine, who
from sisportal.web.directory_words import listed_name
from sisportal.web.form_words import number_of
from sisportal.web.lists import asked_choice, asked_search, containing
from sisportal.web.portal import now
from sisportal.web.rendering import redirect_for, render_tab, url_with
from sisportal.web.scope import get_account, managed_class, visible_accounts

blueprint = Blueprint("class_members", __name__, url_prefix="/classes/<int:class_id>/people")

SHOWN = 10
"""How many a search finds at once: the class below stays in sight."""
ROLES = {Part.STUDENT: Account.role == AccountRole.STUDENT, Part.TEACHER: Account.role != AccountRole.STUDENT}
PARTS = {"student": "Students", "teacher": "Teachers"}
NAMED = (
    Account.id, Account.last_name, Account.first_name, Account.preferred_name, Account.username, Account.email, Account.grade,
)  # fmt: skip


@blueprint.get("")
@access(Rule.MANAGE)
def people(class_id: int) -> Response:
    """Who is in the class, who left it, and whom a search finds to be put in."""
    class_ = managed_class(class_id)
    if class_.is_parent:
        abort(404)
    found_by = db.session.connection()
    members, part, search = _members(class_id), Part(asked_choice("part", PARTS, "student")), asked_search()
    found = list(db.session.scalars(_found(class_id, part, search).limit(SHOWN + 1))) if search else []
    rows = {row.id: row for row in db.session.execute(select(*NAMED).where(Account.id.in_(found)))} if found else {}
    return render_tab(
        "class_members/people.html",
        class_=class_,
        name=class_.name or f"Class {class_id}",
        members=[row for row in members if row.ended_by_sync is None and row.archived_at is None],
        left=[row for row in members if row.ended_by_sync is not None and row.archived_at is None],
        origin=class_members.origin(found_by, class_id, class_members.links_of(found_by, class_id)),
        part=part,
        parts=list(PARTS.items()),
        search=search,
        found=[rows[id_] for id_ in found[:SHOWN]],
        more=len(found) > SHOWN,
        listed_name=listed_name,
    )


@blueprint.post("/put-in")
@access(Rule.MANAGE)
def put_in(class_id: int) -> Response:
    part = Part.TEACHER if request.form.get("part") == Part.TEACHER else Part.STUDENT

    def change(connection: Connection, class_id: int, account_id: int, asker: Who, at: datetime) -> bool:
        return class_members.put_in(connection, class_id, account_id, part, asker, at)

    return _do(class_id, change, "{} is in the class now.")


@blueprint.post("/take-out")
@access(Rule.MANAGE)
def take_out(class_id: int) -> Response:
    return _do(class_id, class_members.take_out, "{} is out of the class now.")


@blueprint.post("/lead")
@access(Rule.MANAGE)
def lead(class_id: int) -> Response:
    return _do(class_id, class_members.lead, "{} is the primary teacher now.")


@blueprint.post("/move-up")
@access(Rule.MANAGE)
def move_up(class_id: int) -> Response:
    return _do(class_id, class_members.move_up, "{} is one place further up now.")


def _do(class_id: int, change: Callable[..., bool], done: str) -> Response:
    """Change one person's place in the class, and lead back to where the form was."""
    managed_class(class_id)
    account = get_account(number_of(request.form.get("account", "")) or 0)
    name, asker, account_id = listed_name(account), who(), account.id
    try:
        with writing(released_engine()).begin() as connection:
            changed = change(connection, class_id, account_id, asker, now())
        flash(done.format(name) if changed else "It was like this already.", "success")
    except Refused as refusal:
        flash(str(refusal), "warning")
    kept = {name: request.form.get(name, "") for name in ("q", "part")}
    return redirect_for(url_with(url_for(".people", class_id=class_id), **kept))


def _members(class_id: int) -> list[Any]:
    """Everybody who is or was in the class and is seen, teachers in order, students by name."""
    statement = (
        select(*NAMED, Account.role, Account.archived_at, Membership.position, Membership.ended_by_sync)
        .join(Membership, Membership.account_id == Account.id)
        .where(Membership.class_id == class_id, *visible_accounts())
        .order_by(Membership.position, Account.search, Account.id)
    )
    return list(db.session.execute(statement))


def _found(class_id: int, part: Part, search: str) -> Select[Any]:
    """Ids of those whom the search finds and who are not that in the class yet."""
    inside = (
        Membership.position >= Membership.STUDENT if part is Part.STUDENT else Membership.position < Membership.STUDENT
    )
    already = select(Membership.account_id).where(
        Membership.class_id == class_id, Membership.ended_by_sync.is_(None), inside
    )
    conditions = [Account.archived_at.is_(None), ROLES[part], Account.id.not_in(already), *visible_accounts()]
    statement = select(Account.id).where(*conditions, *containing(Account.search, search))
    return statement.order_by(Account.search, Account.role)
