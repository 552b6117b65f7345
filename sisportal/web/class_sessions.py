"""Parents and sessions by hand: a class under a parent, a parent of its own, a session that stands alone (SPEC 2.4)."""

from collections.abc import Callable
from typing import Any

from flask import Blueprint, Response, abort, flash, request, url_for
from sqlalchemy import Select, select

from sisportal.extensions import db
from sisportal.models import SchoolClass
from sisportal.models.database import writing
from sisportal.syncing import classes
from sisportal.syncing.by_hand import Refused
from sisportal.web.access import Rule, access
from sisportal.web.acting import released_engine, who
from sisportal.web.form_words import number_of
from sisportal.web.lists import asked_search, containing, page_of
from sisportal.web.portal import now
from sisportal.web.rendering import redirect_for, render_tab
from sisportal.web.scope import managed_class, visible_classes

blueprint = Blueprint("class_sessions", __name__, url_prefix="/classes/<int:class_id>")

NAMED = (SchoolClass.id, SchoolClass.name, SchoolClass.code, SchoolClass.period, SchoolClass.term)


@blueprint.get("/family")
@access(Rule.MANAGE)
def family(class_id: int) -> Response:
    """Of a parent: the classes that could be its sessions. Of another class: the parents that it could come under."""
    class_ = managed_class(class_id)
    ids, pages = page_of(_possible(class_, asked_search()))
    rows = {row.id: row for row in db.session.execute(select(*NAMED).where(SchoolClass.id.in_(ids)))}
    return render_tab(
        "class_sessions/family.html",
        class_=class_,
        name=class_.name or f"Class {class_id}",
        rows=[rows[id_] for id_ in ids],
        pages=pages,
        search=asked_search(),
    )


@blueprint.post("/attach")
@access(Rule.MANAGE)
def attach(class_id: int) -> Response:
    """Put this class under the ``other``, or the other under this one, whichever is the parent."""
    here, other = managed_class(class_id), managed_class(number_of(request.form.get("other", "")) or 0)
    session_id, parent_id = (other.id, here.id) if here.is_parent else (here.id, other.id)
    return _do(
        class_id, lambda *given: classes.attach(given[0], session_id, parent_id, *given[1:]), "It is a session now."
    )


@blueprint.post("/detach")
@access(Rule.MANAGE)
def detach(class_id: int) -> Response:
    managed_class(class_id)
    back = number_of(request.form.get("back", "")) or class_id
    return _do(back, lambda *given: classes.detach(given[0], class_id, *given[1:]), "The session stands alone now.")


@blueprint.post("/make-parent")
@access(Rule.MANAGE)
def make_parent(class_id: int) -> Response:
    managed_class(class_id)
    return _do(class_id, lambda *given: classes.make_parent(given[0], class_id, *given[1:]), "It has a parent now.")


def _do(back: int, change: Callable[..., Any], done: str) -> Response:
    asker = who()
    try:
        with writing(released_engine()).begin() as connection:
            change(connection, asker, now())
        flash(done, "success")
    except Refused as refusal:
        flash(str(refusal), "warning")
    return redirect_for(url_for("classes.class_", class_id=back))


def _possible(class_: SchoolClass, search: str) -> Select[Any]:
    """Ids of the active classes of the same organization that could be its parent, or of a parent its sessions."""
    if class_.parent_id is not None or class_.archived_at is not None:
        abort(404)
    alone = (SchoolClass.is_parent.is_(False), SchoolClass.parent_id.is_(None))
    kind = alone if class_.is_parent else (SchoolClass.is_parent.is_(True),)
    same = (
        SchoolClass.organization_id.is_(None)
        if class_.organization_id is None
        else (SchoolClass.organization_id == class_.organization_id)
    )
    conditions = [*kind, same, SchoolClass.archived_at.is_(None), *visible_classes()]
    statement = select(SchoolClass.id).where(*conditions, *containing(SchoolClass.search, search))
    return statement.order_by(SchoolClass.search, SchoolClass.id)
