"""Classes as people make and change them: the form, archive and reactivate (SPEC 2.4)."""

from typing import Any

from flask import Blueprint, Response, abort, flash, request, url_for

from sisportal.extensions import db
from sisportal.models import SchoolClass
from sisportal.models.database import writing
from sisportal.roster.entered import CLASS_TEXTS, tidied
from sisportal.roster.fields import Values
from sisportal.syncing import classes
from sisportal.syncing.by_hand import Changed, Invalid, Refused, mark
from sisportal.syncing.explaining import STYLES
from sisportal.web.access import Rule, access
from sisportal.web.acting import released_engine, who
from sisportal.web.directory_words import places
from sisportal.web.form_words import differences, number_of
from sisportal.web.lists import asked_number
from sisportal.web.portal import now
from sisportal.web.rendering import redirect_for, render_invalid, render_tab
from sisportal.web.scope import bounds, get_class, managed_class, own_organizations

blueprint = Blueprint("class_forms", __name__, url_prefix="/classes")

TEMPLATE = "class_forms/form.html"
BLANK: Values = dict.fromkeys(CLASS_TEXTS, "") | {"style": "instructor", "organization": None}
OF_PARENT = ("name", "code", "subject", "grade", "style", "organization")
"""What a new session takes from its parent."""


@blueprint.get("/new")
@access(Rule.MANAGE)
def new() -> Response:
    """The blank form; ``parent`` in the URL makes it one of a session."""
    own = own_organizations()[:1] if bounds().organizations is not None else []
    entered = BLANK | {"organization": asked_number("organization") or next(iter(own), None)}
    parent = _parent(asked_number("parent"))
    if parent is not None:
        entered |= {name: value for name, value in _held(parent).items() if name in OF_PARENT}
    return render_tab(TEMPLATE, **_context(entered, None, parent=parent))


@blueprint.post("/new")
@access(Rule.MANAGE)
def make() -> Response:
    parent = _parent(number_of(request.form.get("parent", "")))
    entered, asker, limits = _entered(None), who(), bounds()
    parent_id = parent.id if parent else None
    try:
        with writing(released_engine()).begin() as connection:
            class_id = classes.make(connection, entered, asker, now(), limits, parent_id)
    except Invalid as invalid:
        again = _context(BLANK | entered, None, invalid.errors, parent=_parent(parent_id))
        return render_invalid(TEMPLATE, **again)
    except Refused as refusal:
        again = _context(BLANK | entered, None, {"organization": str(refusal)}, parent=_parent(parent_id))
        return render_invalid(TEMPLATE, **again)
    flash("The class is made. Now put its people into it.", "success")
    return redirect_for(url_for("class_members.people", class_id=class_id))


@blueprint.get("/<int:class_id>/edit")
@access(Rule.MANAGE)
def edit(class_id: int) -> Response:
    found = managed_class(class_id)
    return render_tab(TEMPLATE, **_context(_held(found), found))


@blueprint.post("/<int:class_id>/edit")
@access(Rule.MANAGE)
def save(class_id: int) -> Response:
    """Keep what was entered, where nobody else changed the class after the form was shown."""
    managed_class(class_id)
    entered, asker, limits, seen = _entered(class_id), who(), bounds(), request.form.get("seen", "")
    try:
        with writing(released_engine()).begin() as connection:
            changed = classes.change(connection, class_id, entered, asker, now(), limits, seen)
    except Invalid as invalid:
        found = get_class(class_id)
        return render_invalid(TEMPLATE, **_context(_held(found) | entered, found, invalid.errors, seen=seen))
    except Changed:
        return _meanwhile(class_id, entered)
    flash("The class is stored." if changed else "It was like this already.", "success")
    return _back(class_id)


@blueprint.post("/<int:class_id>/archive")
@access(Rule.MANAGE)
def archive(class_id: int) -> Response:
    managed_class(class_id)
    asker = who()
    try:
        with writing(released_engine()).begin() as connection:
            done = classes.archive(connection, class_id, asker, now())
        flash("The class is archived." if done else "It was archived already.", "success")
    except Refused as refusal:
        flash(str(refusal), "warning")
    return _back(class_id)


@blueprint.post("/<int:class_id>/reactivate")
@access(Rule.MANAGE)
def reactivate(class_id: int) -> Response:
    managed_class(class_id)
    asker = who()
    with writing(released_engine()).begin() as connection:
        classes.reactivate(connection, class_id, asker, now())
    flash("The class is active again.", "success")
    return _back(class_id)


def _parent(class_id: int | None) -> SchoolClass | None:
    """The parent under which a new class is to stand."""
    if class_id is None:
        return None
    found = managed_class(class_id)
    return found if found.is_parent and found.archived_at is None else abort(404)


def _held(class_: SchoolClass) -> Values:
    """What the form shows and remembers of a class; read by itself, as the mark is made of it."""
    return classes.held(db.session.connection(), class_.id) or abort(404)


def _entered(class_id: int | None) -> Values:
    entered: Values = dict(tidied({name: request.form.get(name, "") for name in CLASS_TEXTS if name in request.form}))
    entered["style"] = request.form.get("style", "")
    if "organization" in request.form:
        entered["organization"] = number_of(request.form["organization"])
    elif class_id is None and bounds().organizations is not None:
        entered["organization"] = next(iter(own_organizations()), None)
    return entered


def _meanwhile(class_id: int, entered: Values) -> Response:
    """409: the form as it was sent, beside what the class is now; sent once more, it counts."""
    found = get_class(class_id)
    held = _held(found)
    flash("The class was changed after you opened this form, so nothing is stored yet.", "warning")
    context = _context(held | entered, found) | {"differs": differences(held, entered)}
    return render_tab(TEMPLATE, status=409, **context)


def _context(
    entered: Values,
    class_: SchoolClass | None,
    errors: dict[str, str] | None = None,
    seen: str = "",
    parent: SchoolClass | None = None,
) -> dict[str, Any]:
    shown, anywhere = places(class_.organization_id if class_ else None), bounds().organizations is None
    return {
        "entered": entered,
        "class_": class_,
        "parent": parent,
        "styles": [(name, label, "") for name, label in STYLES.items()],
        "places": ([("", "None")] if anywhere else []) + [(str(id_), name) for id_, name in shown.items()],
        "errors": errors or {},
        "seen": seen or (mark(_held(class_)) if class_ else ""),
        "differs": [],
    }


def _back(class_id: int) -> Response:
    return redirect_for(url_for("classes.class_", class_id=class_id))
