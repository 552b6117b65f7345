"""The classes that somebody is in, as their home page and the pages of these classes show them."""

import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, func, select

from sisportal.extensions import db
from sisportal.models import Account, Membership, Organization, SchoolClass
from sisportal.web.portal import now, time_zone

_NUMBERS = re.compile(r"([0-9]+)")


class When(StrEnum):
    """Where today stands to a class's dates; without dates it is always now."""

    NOW = "now"
    LATER = "later"
    EARLIER = "earlier"


@dataclass(frozen=True, slots=True)
class OwnClass:
    """A class that somebody is in."""

    id: int
    name: str
    code: str
    subject: str
    grade: str
    period: str
    term: str
    start: str
    finish: str
    organization: str
    parent_id: int | None
    parent: str
    """Name of the parent class, blank for a class of its own."""
    teaches: bool
    """Whether the person teaches it; else they attend it."""
    teachers: tuple[str, ...]
    """Names in reading order, the primary teacher first."""
    students: int
    when: When

    @property
    def parent_key(self) -> tuple[str, int]:
        """What the sessions of one parent have in common, and no other class."""
        return (self.parent or self.name).casefold(), self.parent_id or -self.id


def own_classes(account_id: int, class_id: int | None = None) -> list[OwnClass]:
    """The active classes that an account is in now, or the one of them with this id; sessions of one parent together."""
    parent = SchoolClass.__table__.alias("parent")
    statement = (
        select(SchoolClass, Membership.position, Organization.name.label("organization"), parent.c.name.label("parent"))
        .join(Membership, Membership.class_id == SchoolClass.id)
        .outerjoin(Organization, Organization.id == SchoolClass.organization_id)
        .outerjoin(parent, parent.c.id == SchoolClass.parent_id)
        .where(Membership.account_id == account_id, Membership.ended_by_sync.is_(None))
        .where(SchoolClass.archived_at.is_(None))
        .order_by(
            func.coalesce(parent.c.search, SchoolClass.search),
            SchoolClass.parent_id,
            SchoolClass.search,
            SchoolClass.id,
        )
    )
    if class_id is not None:
        statement = statement.where(SchoolClass.id == class_id)
    rows = db.session.execute(statement).all()
    ids = [row.SchoolClass.id for row in rows]
    teachers, students, today = _teachers(ids), _students(ids), now().astimezone(time_zone()).date()
    return [_own(row, teachers[row.SchoolClass.id], students.get(row.SchoolClass.id, 0), today) for row in rows]


def by_period(classes: list[OwnClass]) -> list[OwnClass]:
    """The classes as they come in a day: period 2 before period 10, those without one last."""
    return sorted(classes, key=lambda each: (not each.period, _parts(each.period), each.name.casefold(), each.id))


def _parts(period: str) -> list[tuple[int, str]]:
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in _NUMBERS.split(period.casefold()) if part]


def roster(class_id: int) -> list[Any]:
    """The students who are in a class now, by name."""
    statement = (
        select(
            Account.id, Account.first_name, Account.preferred_name, Account.last_name, Account.username,
            Account.student_id, Account.grade,
        )
        .join(Membership, Membership.account_id == Account.id)
        .where(*_in_class([class_id]), Membership.position >= Membership.STUDENT)
        .order_by(Account.search, Account.id)
    )  # fmt: skip
    return list(db.session.execute(statement))


def _own(row: Any, teachers: Iterable[str], students: int, today: date) -> OwnClass:
    held = row.SchoolClass
    return OwnClass(
        id=held.id,
        name=held.name or f"Class {held.id}",
        code=held.code,
        subject=held.subject,
        grade=held.grade,
        period=held.period,
        term=held.term,
        start=held.start,
        finish=held.finish,
        organization=row.organization or "",
        parent_id=held.parent_id,
        parent=row.parent or "",
        teaches=row.position < Membership.STUDENT,
        teachers=tuple(teachers),
        students=students,
        when=when(held.start, held.finish, today),
    )


def when(start: str, finish: str, today: date) -> When:
    """Where today stands to a class that has these dates, ISO or blank; the first and the last day are part of it."""
    day = today.isoformat()
    if start and day < start:
        return When.LATER
    return When.EARLIER if finish and finish < day else When.NOW


def _in_class(ids: list[int]) -> tuple[ColumnElement[bool], ...]:
    return Membership.class_id.in_(ids), Membership.ended_by_sync.is_(None), Account.archived_at.is_(None)


def _teachers(ids: list[int]) -> dict[int, list[str]]:
    names: dict[int, list[str]] = defaultdict(list)
    statement = (
        select(Membership.class_id, Account.first_name, Account.preferred_name, Account.last_name, Account.username)
        .join(Account, Account.id == Membership.account_id)
        .where(*_in_class(ids), Membership.position < Membership.STUDENT)
        .order_by(Membership.class_id, Membership.position, Account.id)
    )
    for row in db.session.execute(statement):
        name = f"{row.preferred_name or row.first_name} {row.last_name}".strip()
        names[row.class_id].append(name or row.username)
    return names


def _students(ids: list[int]) -> dict[int, int]:
    statement = (
        select(Membership.class_id, func.count())
        .join(Account, Account.id == Membership.account_id)
        .where(*_in_class(ids), Membership.position >= Membership.STUDENT)
        .group_by(Membership.class_id)
    )
    return {row[0]: row[1] for row in db.session.execute(statement)}
