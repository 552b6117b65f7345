"""Organizations: the tree of schools that the portal holds, each with its learners, teachers and classes."""

from collections import defaultdict
from typing import Any

from flask import Blueprint, Response
from sqlalchemy import func, select

from sisportal.extensions import db
from sisportal.models import Account, AccountRole, Organization, SchoolClass
from sisportal.roster.text import folded
from sisportal.web.access import Rule, access
from sisportal.web.csv_files import csv_file
from sisportal.web.directory_words import STATES
from sisportal.web.lists import asked_choice, asked_pages, asked_search
from sisportal.web.rendering import render_tab

blueprint = Blueprint("organizations", __name__)

HEADING = ("Name", "Above it", "SIS ID", "Learners", "Teachers", "Classes", "State")


@blueprint.get("/organizations")
@access(Rule.READ)
def listing() -> Response:
    found = _asked()
    pages = asked_pages(len(found))
    return render_tab(
        "organizations/organizations.html",
        organizations=found[pages.offset : pages.last],
        pages=pages,
        search=asked_search(),
        state=asked_choice("state", STATES),
        states=[(name, label, None) for name, label in STATES.items()],
    )


@blueprint.get("/organizations.csv")
@access(Rule.READ)
def spreadsheet() -> Response:
    rows = [
        (
            each["name"],
            each["parent"],
            each["sis_id"],
            each["learners"],
            each["teachers"],
            each["classes"],
            each["state"],
        )
        for each in _asked()
    ]
    return csv_file("organizations.csv", HEADING, rows)


def _asked() -> list[dict[str, Any]]:
    """The organizations that the URL asks for, in the order of the tree; a district has hundreds of them at most."""
    words, state = folded(asked_search()).split(), asked_choice("state", STATES)
    wanted = {"": {"active"}, "archived": {"archived"}, "all": {"active", "archived"}}[state]
    return [
        each
        for each in _tree()
        if each["state"] in wanted and all(word in folded(f"{each['name']} {each['sis_id']}") for word in words)
    ]


def _tree() -> list[dict[str, Any]]:
    """Every organization with its depth and its numbers, each before those below it, by name."""
    rows = {row.id: row for row in db.session.scalars(select(Organization))}
    below: dict[int | None, list[Organization]] = defaultdict(list)
    for row in sorted(rows.values(), key=lambda each: (folded(each.name), each.id)):
        below[row.parent_id if row.parent_id in rows else None].append(row)
    people, classes = _people(), _classes()
    found: list[dict[str, Any]] = []
    waiting = [(row, 0) for row in reversed(below[None])]
    while waiting:
        row, depth = waiting.pop()
        waiting += [(child, depth + 1) for child in reversed(below[row.id])]
        found.append(
            {
                "id": row.id,
                "name": row.name,
                "depth": depth,
                "parent": rows[row.parent_id].name if row.parent_id in rows else "",
                "sis_id": row.sis_id,
                "learners": people.get((row.id, AccountRole.STUDENT), 0),
                "teachers": people.get((row.id, AccountRole.TEACHER), 0),
                "classes": classes.get(row.id, 0),
                "state": "archived" if row.archived_at else "active",
            }
        )
    return found


def _people() -> dict[tuple[int | None, str], int]:
    """How many active accounts each organization has of each role."""
    statement = (
        select(Account.organization_id, Account.role, func.count())
        .where(Account.organization_id.is_not(None), Account.archived_at.is_(None))
        .group_by(Account.organization_id, Account.role)
    )
    return {(row[0], row[1]): row[2] for row in db.session.execute(statement)}


def _classes() -> dict[int | None, int]:
    statement = (
        select(SchoolClass.organization_id, func.count())
        .where(SchoolClass.organization_id.is_not(None), SchoolClass.archived_at.is_(None))
        .group_by(SchoolClass.organization_id)
    )
    return {row[0]: row[1] for row in db.session.execute(statement)}
