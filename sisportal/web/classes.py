"""Classes: those that the portal holds, and each of them with its people, its parent or sessions, and what syncs did."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Any

from flask import Blueprint, Response
from sqlalchemy import ColumnElement, Connection, Engine, Select, and_, func, select, true

from sisportal.extensions import db
from sisportal.models import Account, Membership, RecordKind, SchoolClass
from sisportal.roster.fields import CLASS_FIELDS
from sisportal.syncing import class_members
from sisportal.syncing.connections import NAMES
from sisportal.syncing.explaining import STYLES
from sisportal.syncing.held import column_name
from sisportal.syncing.organizations import last_committed
from sisportal.syncing.rows import chunks, read
from sisportal.web.access import Rule, access, reads_everything
from sisportal.web.csv_files import csv_file
from sisportal.web.directory_words import (
    CHANGED,
    SOURCE_CHOICES,
    STATES,
    in_state,
    listed_name,
    organization_choices,
)
from sisportal.web.lists import (
    asked_choice,
    asked_number,
    asked_search,
    asked_sort,
    containing,
    ordered,
    page_of,
)
from sisportal.web.pinned_fields import pinned_fields
from sisportal.web.record_words import SOURCES, fields_in_words, sync_history
from sisportal.web.rendering import render_tab
from sisportal.web.scope import get_class, visible_accounts, visible_classes

blueprint = Blueprint("classes", __name__)

SORTS: Mapping[str, list[Any]] = {
    "name": [SchoolClass.search, SchoolClass.id],
    "code": [SchoolClass.code, SchoolClass.search, SchoolClass.id],
    "term": [SchoolClass.start, SchoolClass.term, SchoolClass.search, SchoolClass.id],
    "newest": [SchoolClass.id],
}
AT_ONCE = 500
KINDS = {"": "Any kind", "alone": "Stand-alone", "parent": "Parents", "session": "Sessions"}
HEADING = (
    "Name", "Code", "Subject", "Grade", "Period", "Term", "Start", "Finish", "Style", "Teachers", "Students", "SIS ID",
    "Organization", "State",
)  # fmt: skip


@blueprint.get("/classes")
@access(Rule.LOOK)
def listing() -> Response:
    ids, pages = page_of(_asked())
    rows = {row.id: row for row in db.session.execute(select(*_shown()).where(SchoolClass.id.in_(ids)))}
    return render_tab(
        "classes/classes.html",
        pages=pages,
        rows=[rows[id_] for id_ in ids],
        teachers=_teachers(ids),
        students=_students(ids),
        organizations=organization_choices(),
        kinds=list(KINDS.items()),
        styles=STYLES,
        sources=SOURCE_CHOICES,
        states=[(name, label, None) for name, label in STATES.items()],
        changes=list(CHANGED.items()),
        sort=asked_sort(SORTS, "name"),
        **_filters(),
    )


@blueprint.get("/classes.csv")
@access(Rule.LOOK)
def spreadsheet() -> Response:
    """Every class that the list would show on all its pages."""
    statement = _asked().with_only_columns(*_shown(), _student_column())
    return csv_file("classes.csv", HEADING, _lines(db.engine, statement, organization_choices(), visible_accounts()))


@blueprint.get("/classes/<int:class_id>")
@access(Rule.LOOK)
def class_(class_id: int) -> Response:
    found = get_class(class_id)
    values = {name: getattr(found, column_name(name)) for name in (*CLASS_FIELDS, "style")}
    links = class_members.links_of(db.session.connection(), class_id)
    history, pages = sync_history(("section",), [link.source_id for link in links] if reads_everything() else [])
    teachers, students, left, hidden = _people(class_id)
    return render_tab(
        "classes/class.html",
        class_=found,
        name=found.name or f"Class {class_id}",
        source=SOURCES.get(found.source, found.source),
        fields=fields_in_words(values),
        identifiers=[(NAMES[link.kind], link.kind, link.source_id) for link in links],
        pins=pinned_fields(RecordKind.CLASS, class_id) if found.edited_at else [],
        parent=_parent(found),
        sessions=_sessions(class_id) if found.is_parent else [],
        teachers=teachers,
        students=students,
        left=left,
        hidden=hidden,
        origin=class_members.origin(db.session.connection(), class_id, links),
        gone_from=[NAMES[link.kind] for link in links if not link.listed],
        listed_name=listed_name,
        history=history,
        pages=pages,
    )


def _filters() -> dict[str, Any]:
    return {
        "search": asked_search(),
        "organization": asked_number("organization"),
        "kind": asked_choice("kind", KINDS),
        "state": asked_choice("state", STATES),
        "from_source": asked_choice("source", ("sync", "hand", "import")),
        "changed": asked_choice("changed", CHANGED),
    }


def _asked() -> Select[Any]:
    """The ids of every class that the URL asks for, in its order."""
    filters = _filters()
    conditions = visible_classes() + in_state(filters["state"], SchoolClass)
    conditions += containing(SchoolClass.search, filters["search"])
    if filters["organization"] is not None:
        conditions.append(SchoolClass.organization_id == filters["organization"])
    if filters["from_source"]:
        conditions.append(SchoolClass.source == filters["from_source"])
    if filters["changed"]:
        conditions.append(SchoolClass.changed_by_sync == (last_committed(db.session.connection()) or 0))
    conditions += _of_kind(filters["kind"])
    return ordered(select(SchoolClass.id).where(*conditions), SORTS, asked_sort(SORTS, "name"))


def _of_kind(kind: str) -> list[ColumnElement[bool]]:
    match kind:
        case "parent":
            return [SchoolClass.is_parent.is_(True)]
        case "session":
            return [SchoolClass.parent_id.is_not(None)]
        case "alone":
            return [SchoolClass.parent_id.is_(None), SchoolClass.is_parent.is_(False)]
    return []


def _shown() -> tuple[Any, ...]:
    return (
        SchoolClass.id, SchoolClass.name, SchoolClass.code, SchoolClass.subject, SchoolClass.grade, SchoolClass.period,
        SchoolClass.term, SchoolClass.start, SchoolClass.finish, SchoolClass.style, SchoolClass.sis_id,
        SchoolClass.organization_id, SchoolClass.parent_id, SchoolClass.is_parent, SchoolClass.archived_at,
    )  # fmt: skip


def _active(*conditions: ColumnElement[bool]) -> list[ColumnElement[bool]]:
    return [Membership.ended_by_sync.is_(None), Account.archived_at.is_(None), *conditions]


def _student_column() -> Any:
    return (
        select(func.count())
        .select_from(Membership)
        .join(Account, Account.id == Membership.account_id)
        .where(*_active(Membership.class_id == SchoolClass.id, Membership.position >= Membership.STUDENT))
        .scalar_subquery()
        .label("students")
    )


def _lines(
    engine: Engine, statement: Select[Any], organizations: Mapping[int, str], seen: list[ColumnElement[bool]]
) -> Iterator[tuple[object, ...]]:
    with engine.connect() as reading, engine.connect() as asking:
        for rows in chunks(read(reading, statement), AT_ONCE):
            teachers = _usernames(asking, [row.id for row in rows], seen)
            for row in rows:
                yield (
                    row.name, row.code, row.subject, row.grade, row.period, row.term, row.start, row.finish, row.style,
                    "; ".join(teachers.get(row.id, ())), row.students, row.sis_id,
                    organizations.get(row.organization_id, ""), "archived" if row.archived_at else "active",
                )  # fmt: skip


def _usernames(connection: Connection, ids: list[int], seen: list[ColumnElement[bool]]) -> dict[int, list[str]]:
    """The usernames of each class's teachers, in order, as an import reads them."""
    found: dict[int, list[str]] = defaultdict(list)
    statement = (
        select(Membership.class_id, Account.username)
        .join(Account, Account.id == Membership.account_id)
        .where(*_active(Membership.class_id.in_(ids), Membership.position < Membership.STUDENT), *seen)
        .order_by(Membership.class_id, Membership.position, Account.id)
    )
    for class_id, username in connection.execute(statement):
        found[class_id].append(username)
    return found


def _teachers(ids: list[int]) -> dict[int, str]:
    """The first teacher of each class."""
    statement = (
        select(Membership.class_id, Account.last_name, Account.first_name, Account.preferred_name, Account.username)
        .join(Account, Account.id == Membership.account_id)
        .where(*_active(Membership.class_id.in_(ids), Membership.position < Membership.STUDENT))
        .where(*visible_accounts())
        .order_by(Membership.class_id, Membership.position.desc())
    )
    return {row.class_id: listed_name(row) for row in db.session.execute(statement)}


def _students(ids: list[int]) -> dict[int, int]:
    """How many students each class has; without those whose account is archived."""
    statement = (
        select(Membership.class_id, func.count())
        .join(Account, Account.id == Membership.account_id)
        .where(*_active(Membership.class_id.in_(ids), Membership.position >= Membership.STUDENT))
        .group_by(Membership.class_id)
    )
    return {row[0]: row[1] for row in db.session.execute(statement)}


def _people(class_id: int) -> tuple[list[Any], list[Any], int, int]:
    """Teachers in order, students by name; how many more were in the class once, and how many are but are not seen."""
    rows = db.session.execute(
        select(
            Account.id,
            Account.last_name,
            Account.first_name,
            Account.preferred_name,
            Account.username,
            Account.email,
            Account.student_id,
            Account.grade,
            Membership.position,
            (Membership.ended_by_sync.is_(None) & Account.archived_at.is_(None)).label("is_in"),
            and_(true(), *visible_accounts()).label("is_seen"),
        )
        .join(Account, Account.id == Membership.account_id)
        .where(Membership.class_id == class_id)
        .order_by(Membership.position, Account.search, Account.id)
    )
    found: dict[str, list[Any]] = defaultdict(list)
    for row in rows:
        if not row.is_in or not row.is_seen:
            part = "left" if not row.is_in else "hidden"
        else:
            part = "students" if row.position >= Membership.STUDENT else "teachers"
        found[part].append(row)
    return found["teachers"], found["students"], len(found["left"]), len(found["hidden"])


def _parent(class_: SchoolClass) -> SchoolClass | None:
    statement = select(SchoolClass).where(SchoolClass.id == class_.parent_id, *visible_classes())
    return db.session.scalar(statement) if class_.parent_id else None


def _sessions(class_id: int) -> list[SchoolClass]:
    statement = select(SchoolClass).where(SchoolClass.parent_id == class_id, *visible_classes())
    return list(db.session.scalars(statement.order_by(SchoolClass.archived_at.is_not(None), SchoolClass.search)))
