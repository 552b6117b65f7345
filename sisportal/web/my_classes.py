"""A class as those who are in it see it: teachers with its roster, students without."""

from flask import Blueprint, Response, abort

from sisportal.web.access import Rule, access, current
from sisportal.web.directory_words import listed_name
from sisportal.web.own_classes import own_classes, roster
from sisportal.web.rendering import render_tab

blueprint = Blueprint("my_classes", __name__, url_prefix="/my-classes")


@blueprint.get("/<int:class_id>")
@access(Rule.SIGNED_IN)
def my_class(class_id: int) -> Response:
    """404 for a class that the person is not in, whether or not there is one."""
    found = own_classes(current().id, class_id) or abort(404)
    shown = found[0]
    beside = [each for each in own_classes(current().id) if shown.parent_id and each.parent_id == shown.parent_id]
    return render_tab(
        "my_classes/my_class.html",
        class_=shown,
        beside=[each for each in beside if each.id != class_id],
        students=roster(class_id) if shown.teaches else [],
        listed_name=listed_name,
    )
