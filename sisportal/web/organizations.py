"""Organizations: the tree of schools that the portal holds, each with its learners, teachers and classes."""

from collections import defaultdict
from dataclasses import dataclass, field

from flask import Blueprint, Response
from sqlalchemy import ColumnElement, func, select

from sisportal.extensions import db
from sisportal.models import Account, AccountRole, Organization, SchoolClass
from sisportal.roster.text import folded
from sisportal.syncing.organizations import last_committed
from sisportal.web.access import Rule, access
from sisportal.web.csv_files import csv_file
from sisportal.web.directory_words import STATES
from sisportal.web.lists import asked_choice, asked_pages, asked_search
from sisportal.web.rendering import render_tab
from sisportal.web.scope import visible_organizations

blueprint = Blueprint("organizations", __name__)

VIEWS = {"": "List", "tree": "Tree"}
HEADING = (
    "Name", "Above it", "SIS ID", "Learners", "Teachers", "Classes", "State",
    "Learners changed", "Teachers changed", "Classes changed",
)  # fmt: skip
WANTED = {"": {"active"}, "archived": {"archived"}, "all": {"active", "archived"}}

Numbers = dict[tuple[int | None, str], int]
"""How many, by organization and role; classes stand beside the roles."""
CLASSES = "class"


@dataclass(frozen=True, slots=True)
class Line:
    """An organization as the list and the tree show it."""

    id: int
    name: str
    sis_id: str
    parent: str
    depth: int
    state: str
    learners: int
    teachers: int
    classes: int
    changed: dict[str, int]
    """How many of each the last commit changed: ``student``, ``teacher``, ``class``."""
    is_changed: bool
    """Whether the last commit changed the organization itself."""
    below: list["Line"] = field(default_factory=list)


@blueprint.get("/organizations")
@access(Rule.LOOK)
def listing() -> Response:
    lines = _lines()
    found, view = _asked(lines), asked_choice("view", VIEWS)
    pages = asked_pages(len(found))
    return render_tab(
        "organizations/organizations.html",
        organizations=found[pages.offset : pages.last],
        tops=[line for line in lines if line.depth == 0],
        pages=pages,
        search=asked_search(),
        state=asked_choice("state", STATES),
        states=[(name, label, None) for name, label in STATES.items()],
        view=view,
        views=[(name, label, None) for name, label in VIEWS.items()],
    )


@blueprint.get("/organizations.csv")
@access(Rule.LOOK)
def spreadsheet() -> Response:
    rows = [
        (
            line.name, line.parent, line.sis_id, line.learners, line.teachers, line.classes, line.state,
            line.changed.get(AccountRole.STUDENT, 0), line.changed.get(AccountRole.TEACHER, 0),
            line.changed.get(CLASSES, 0),
        )
        for line in _asked(_lines())
    ]  # fmt: skip
    return csv_file("organizations.csv", HEADING, rows)


def _asked(lines: list[Line]) -> list[Line]:
    """The organizations that the URL asks for, in the order of the tree; a district has hundreds of them at most."""
    words, wanted = folded(asked_search()).split(), WANTED[asked_choice("state", STATES)]
    return [
        line
        for line in lines
        if line.state in wanted and all(word in folded(f"{line.name} {line.sis_id}") for word in words)
    ]


def _lines() -> list[Line]:
    """Every organization that is seen, with its numbers: each before those below it, by name."""
    rows = {row.id: row for row in db.session.scalars(select(Organization).where(*visible_organizations()))}
    below: dict[int | None, list[Organization]] = defaultdict(list)
    for row in sorted(rows.values(), key=lambda each: (folded(each.name), each.id), reverse=True):
        below[row.parent_id if row.parent_id in rows else None].append(row)
    last = last_committed(db.session.connection())
    held = _numbers(Account.archived_at.is_(None), SchoolClass.archived_at.is_(None))
    changed = _numbers(Account.changed_by_sync == last, SchoolClass.changed_by_sync == last) if last else {}
    found: dict[int, Line] = {}
    waiting = [(row, 0) for row in below[None]]
    while waiting:
        row, depth = waiting.pop()
        waiting += [(child, depth + 1) for child in below[row.id]]
        above = found.get(row.parent_id) if row.parent_id is not None else None
        line = _line(row, depth, above.name if above else "", held, changed, last)
        found[row.id] = line
        if above:
            above.below.append(line)
    return list(found.values())


def _line(row: Organization, depth: int, parent: str, held: Numbers, changed: Numbers, last: int | None) -> Line:
    numbers = {name: changed.get((row.id, name), 0) for name in (AccountRole.STUDENT, AccountRole.TEACHER, CLASSES)}
    return Line(
        id=row.id,
        name=row.name or f"Organization {row.id}",
        sis_id=row.sis_id,
        parent=parent,
        depth=depth,
        state="archived" if row.archived_at else "active",
        learners=held.get((row.id, AccountRole.STUDENT), 0),
        teachers=held.get((row.id, AccountRole.TEACHER), 0),
        classes=held.get((row.id, CLASSES), 0),
        changed={str(name): number for name, number in numbers.items()},
        is_changed=last is not None and row.changed_by_sync == last,
    )


def _numbers(of_accounts: ColumnElement[bool], of_classes: ColumnElement[bool]) -> Numbers:
    """How many accounts of each role, and how many classes, each organization has under the conditions."""
    people = (
        select(Account.organization_id, Account.role, func.count())
        .where(Account.organization_id.is_not(None), of_accounts)
        .group_by(Account.organization_id, Account.role)
    )
    classes = (
        select(SchoolClass.organization_id, func.count())
        .where(SchoolClass.organization_id.is_not(None), of_classes)
        .group_by(SchoolClass.organization_id)
    )
    numbers: Numbers = {(row[0], row[1]): row[2] for row in db.session.execute(people)}
    numbers.update({(row[0], CLASSES): row[1] for row in db.session.execute(classes)})
    return numbers
