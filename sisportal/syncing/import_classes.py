"""Classes from a file: found by their ids or by what they are called, compared with what is held, and written (SPEC 10)."""

import re
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, func, insert, select

from sisportal.models import Account, AccountRole, ClassLink, ClassStyle, Membership, RecordKind, SchoolClass, Source
from sisportal.roster.entered import CLASS_TEXTS, class_errors, says
from sisportal.roster.fields import Values
from sisportal.roster.text import folded
from sisportal.syncing import class_members, pins
from sisportal.syncing.accounts import Bounds
from sisportal.syncing.held import CLASSES, class_columns, class_held, class_search, column_name
from sisportal.syncing.import_rows import Connections, Places, Planned, Row, write_changes
from sisportal.syncing.review import Who
from sisportal.syncing.rows import chunks, reserve_ids

AT_ONCE = 500
BLANK: Values = dict.fromkeys(CLASS_TEXTS, "") | {"style": str(ClassStyle.INSTRUCTOR), "organization": None}
STYLES = {"instructor": "instructor", "instructor led": "instructor", "blended": "blended", "self paced": "self-paced"}
_LIST = re.compile(r"[;,|\n]")


class Known:
    """Every class of the portal, and what finds it."""

    def __init__(self, connection: Connection, links: Sequence[dict[int, str]]) -> None:
        columns = (SchoolClass.id, SchoolClass.style, SchoolClass.is_parent, *class_columns())
        self.values: dict[int, Values] = {}
        self.named: dict[str, list[int]] = {}
        self.sis_ids: dict[str, list[int]] = {}
        self.parents: set[int] = set()
        for row in connection.execute(select(*columns).order_by(SchoolClass.archived_at.is_not(None), SchoolClass.id)):
            values = {"style": row[1], **class_held(row[3:])}
            self.values[row[0]] = values
            self.named.setdefault(folded(values["name"]), []).append(row[0])
            if values["sis_id"]:
                self.sis_ids.setdefault(folded(values["sis_id"]), []).append(row[0])
            if row[2]:
                self.parents.add(row[0])
        self.linked, self.links = _links(connection, links)
        self.teachers = _teachers(connection)
        self.taken: dict[int, int] = {}

    def about(self, row: Row, links: dict[int, str], values: Values, teachers: list[int] | None) -> int | None:
        """The class that a row is about; None for a new one, and where the row does not say clearly."""
        by_link = {id_ for link in links.items() if (id_ := self.linked.get(link)) is not None}
        if len(by_link) > 1:
            row.fault("clever_id", "The ids of this row belong to two classes.")
        if by_link:
            return min(by_link)
        alike = self.named.get(folded(row.cells.get("name", "")), [])
        # Whatever is so already needs no finding: classes that are called alike are told apart by all that is said of them.
        for id_ in alike:
            if id_ not in self.taken and self.is_so(id_, values, teachers):
                return id_
        if sis_id := row.cells.get("sis_id"):
            alike = [*self.sis_ids.get(folded(sis_id), []), *(id_ for id_ in alike if not self.values[id_]["sis_id"])]
        return self._one(row, values, [id_ for id_ in dict.fromkeys(alike) if id_ not in self.parents])

    def is_so(self, class_id: int, values: Values, teachers: list[int] | None) -> bool:
        """Whether a class is as a row says already."""
        held = self.values[class_id]
        same = all(says(value, held[name]) for name, value in values.items())
        return same and (teachers is None or self.teachers.get(class_id, []) == teachers)

    def _one(self, row: Row, values: Values, alike: list[int]) -> int | None:
        if (sis_id := row.cells.get("sis_id")) and len(exact := self._with(alike, "sis_id", sis_id)) == 1:
            return exact[0]
        for field in ("organization", "code"):
            if field in values:
                alike = [id_ for id_ in alike if folded_or(self.values[id_][field]) == folded_or(values[field])]
        for field in ("period", "term", "start", "finish"):
            if len(alike) > 1 and field in values:
                alike = self._with(alike, field, values[field]) or alike
        if len(alike) > 1:
            row.fault("name", "Several classes are called this. Give its sis_id, clever_id or oneroster_id.")
        return alike[0] if len(alike) == 1 else None

    def _with(self, ids: list[int], field: str, value: str) -> list[int]:
        return [id_ for id_ in ids if folded(self.values[id_][field]) == folded(value)]


def folded_or(value: Any) -> Any:
    """Texts for comparison; other values as they are."""
    return folded(value) if isinstance(value, str) else value


def plan(connection: Connection, rows: Sequence[Row], bounds: Bounds) -> tuple[list[Planned], int]:
    """What the rows would do, and how many would do nothing."""
    connections, places = Connections(connection), Places(connection)
    links = [connections.links(row) for row in rows]
    known, people = Known(connection, links), Teachers(connection, rows)
    planned: list[Planned] = []
    unchanged = 0
    made: dict[Any, int] = {}
    for row, wanted in zip(rows, links, strict=True):
        values: Values = {name: row.cells[name] for name in CLASS_TEXTS if name in row.cells}
        if "style" in row.cells:
            values["style"] = STYLES.get(folded(row.cells["style"]).replace("-", " "), row.cells["style"])
        teachers = people.of(row)
        target = known.about(row, wanted, values | places.find(row, None, tell=False), teachers)
        held = BLANK if target is None else known.values[target]
        values |= places.find(row, held["organization"])
        if target is None and (line := made.setdefault(_key(values), row.number)) != row.number:
            row.fault("name", f"Line {line} makes the same class.")
        if target is not None and (line := known.taken.setdefault(target, row.number)) != row.number:
            row.fault("name", f"Line {line} is about the same class.")
        changed = {name: value for name, value in values.items() if not says(value, held[name])}
        has_teachers = teachers is None or known.teachers.get(target or 0, []) == teachers
        fresh = {} if target is None else known.links.get(target, {})
        new_links = {id_: source for id_, source in wanted.items() if fresh.get(id_) != source}
        _check(row, changed, held if target is not None else None, bounds, {*fresh} & {*new_links})
        if row.is_bad:
            continue
        if target is not None and not changed and not new_links and has_teachers:
            unchanged += 1
            continue
        label, before = (held | changed)["name"], {name: held[name] for name in changed}
        search, teaching = class_search(held | changed), None if has_teachers else teachers
        planned.append(Planned(row.number, label, changed, before, target, new_links, search, teaching))
    return planned, unchanged


def write(connection: Connection, planned: list[Planned], who: Who, now: datetime) -> None:
    """Write new classes, changes, links and teachers."""
    new = [each for each in planned if each.target_id is None]
    first = reserve_ids(connection, CLASSES, len(new))
    ids = {id(each): number for number, each in enumerate(new, first)}
    for some in chunks(new, AT_ONCE):
        connection.execute(insert(SchoolClass), [_new(ids[id(each)], each.after, now) for each in some])
    edited = write_changes(connection, CLASSES, planned)
    for each in planned:
        class_id = each.target_id if each.target_id is not None else ids[id(each)]
        if each.teachers is not None:
            class_members.set_teachers(connection, class_id, each.teachers)
            if each.target_id is not None:
                edited.setdefault(class_id, []).append("teachers")
        for connection_id, source_id in each.links.items():
            link = {"connection_id": connection_id, "source_id": source_id, "class_id": class_id, "written": {}}
            connection.execute(insert(ClassLink).values(link))
    pins.edited_many(connection, RecordKind.CLASS, edited, who, now)


class Teachers:
    """Those whom the rows name as teachers: by username, else e-mail address, else teacher ID."""

    def __init__(self, connection: Connection, rows: Sequence[Row]) -> None:
        named = {name for row in rows for name in _names(row)}
        self._found: dict[str, dict[str, list[int]]] = {"username": {}, "email": {}, "teacher_id": {}}
        for field, found in self._found.items():
            column = getattr(Account, field)
            for some in chunks(sorted({name.lower() for name in named}), AT_ONCE):
                statement = select(Account.id, column).where(
                    func.lower(column).in_(some), Account.role != AccountRole.STUDENT, Account.archived_at.is_(None)
                )
                for id_, value in connection.execute(statement.order_by(Account.id)):
                    found.setdefault(folded(value), []).append(id_)

    def of(self, row: Row) -> list[int] | None:
        """The accounts that teach the row's class, in order; None where it names none."""
        if "teachers" not in row.cells:
            return None
        found: list[int] = []
        for name in _names(row):
            ids = next((ids for field in self._found.values() if (ids := field.get(folded(name)))), [])
            if len(ids) == 1:
                found += ids
            else:
                what = "Nobody who could teach" if not ids else "More than one person"
                row.fault("teachers", f"{what} has the username, e-mail address or teacher ID {name}.")
        return list(dict.fromkeys(found))


def _key(values: Values) -> tuple[Any, ...]:
    """What no two new classes of a file have in common."""
    return tuple(folded_or(values.get(name, "")) for name in (*CLASS_TEXTS, "organization"))


def _names(row: Row) -> list[str]:
    return [name for part in _LIST.split(row.cells.get("teachers", "")) if (name := part.strip())]


def _check(row: Row, new: Values, held: Values | None, bounds: Bounds, linked_otherwise: set[int]) -> None:
    days = (
        {name: ((held or BLANK) | new)[name] for name in ("start", "finish")}
        if {"start", "finish"} & new.keys()
        else {}
    )
    errors = class_errors(days | new)
    if held is None and "name" not in new:
        errors["name"] = "Give the class a name."
    if new.get("style", ClassStyle.INSTRUCTOR) not in set(ClassStyle):
        errors["style"] = f"A style is one of {', '.join(ClassStyle)}."
    if bounds.organizations is not None:
        if held is not None and held["organization"] not in bounds.organizations:
            errors["name"] = "This class is not one that you manage."
        elif held is None and new.get("organization") is None:
            errors.setdefault("organization", "Name an organization that you manage.")
    row.faults(bounds.check(new) | errors)
    if linked_otherwise:
        row.fault("clever_id", "The class has another id there already.")


def _new(class_id: int, after: Values, now: datetime) -> dict[str, Any]:
    given = BLANK | after
    row = {column_name(name): value for name, value in given.items()}
    return row | {"id": class_id, "search": class_search(given), "source": Source.IMPORT, "created_at": now}


def _links(
    connection: Connection, links: Sequence[dict[int, str]]
) -> tuple[dict[tuple[int, str], int], dict[int, dict[int, str]]]:
    """(connection, id) -> class, and class -> connection -> id; nothing is read where no row gives an id."""
    linked: dict[tuple[int, str], int] = {}
    of_class: dict[int, dict[int, str]] = {}
    if any(links):
        for row in connection.execute(select(ClassLink.connection_id, ClassLink.source_id, ClassLink.class_id)):
            linked[row[0], row[1]] = row[2]
            of_class.setdefault(row[2], {})[row[0]] = row[1]
    return linked, of_class


def _teachers(connection: Connection) -> dict[int, list[int]]:
    """The active teachers of every class, in their order."""
    statement = (
        select(Membership.class_id, Membership.account_id)
        .join(Account, Account.id == Membership.account_id)
        .where(
            Membership.position < Membership.STUDENT, Membership.ended_by_sync.is_(None), Account.archived_at.is_(None)
        )
        .order_by(Membership.class_id, Membership.position, Membership.account_id)
    )
    found: dict[int, list[int]] = {}
    for class_id, account_id in connection.execute(statement):
        found.setdefault(class_id, []).append(account_id)
    return found
