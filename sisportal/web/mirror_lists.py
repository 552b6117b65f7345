"""The lists of what the SIS says: which records of the mirror a URL asks for, and how many there are in each state."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from flask import current_app, request
from sqlalchemy import ColumnElement, Select, Text, select, type_coerce

from sisportal.extensions import db
from sisportal.models import Account, AccountLink, ClassLink, SchoolClass, SisConnection, SisPerson, SisSchool
from sisportal.syncing.linkage import (
    Linkage,
    Linkages,
    Mirrored,
    is_archived,
    is_changed,
    is_linked,
    is_listed,
)
from sisportal.web.lists import Pages, asked_choice, asked_search, asked_sort, containing, ordered, page_of

FEW = 1_000
"""So many ids can stand in a statement; for more of them the links themselves are asked."""
STATES = {
    "": "All",
    "linked": "Linked",
    "unmatched": "Unmatched",
    "changed": "Changed",
    "archived": "Archived",
    "gone": "No longer listed",
}


@dataclass(frozen=True, slots=True)
class Listing:
    """One page of a list, and what it was asked with."""

    ids: list[int]
    pages: Pages
    search: str
    school: str
    state: str
    sort: str
    states: list[tuple[str, str, int | None]]
    """State, label, and how many there are where nothing narrows the list."""

    @property
    def narrowed(self) -> bool:
        return bool(self.search or self.school or self.state)

    @property
    def carried(self) -> dict[str, str]:
        """What the filter form sends along."""
        return {"sort": request.args.get("sort", ""), "state": self.state}


class MirrorList:
    """People of one role, or the sections, of one connection."""

    def __init__(self, connection: SisConnection, mirrored: Mirrored, role: str = "") -> None:
        self._connection_id, self._mirrored, self._role = connection.id, mirrored, role
        self._sorts = {"name": [mirrored.search, mirrored.school]}

    def listing(self, schools: Mapping[str, str]) -> Listing:
        """The page that the URL asks for. Four queries at most, and as many for one row as for fifty."""
        counts = self.counts
        state, search, school = asked_choice("state", STATES), asked_search(), asked_choice("school", schools)
        ids, pages = page_of(self.asked(schools), None if search or school else counts[state])
        return Listing(
            ids,
            pages,
            search,
            school,
            state,
            asked_sort(self._sorts, "name"),
            [
                (name, label, None if search or school else counts[name])
                for name, label in STATES.items()
                if counts[name] or name in {"", "linked", "unmatched", state}
            ],
        )

    def asked(self, schools: Mapping[str, str]) -> Select[Any]:
        """The ids of every record that the URL asks for, in its order."""
        conditions = containing(self._mirrored.search, asked_search())
        if school := asked_choice("school", schools):
            conditions.insert(0, self._mirrored.school == school)
        conditions += self._in_state(asked_choice("state", STATES))
        return ordered(select(self._mirrored.id).where(*conditions), self._sorts, asked_sort(self._sorts, "name"))

    @cached_property
    def linkage(self) -> Linkage:
        """How the records stand to the portal."""
        linkages: Linkages = current_app.extensions.setdefault("linkages", Linkages())
        return linkages.of(db.session.connection(), self._connection_id, self._mirrored, self._role)

    @property
    def counts(self) -> dict[str, int]:
        """How many records are in each state."""
        linkage = self.linkage
        return {
            "": linkage.listed,
            "linked": linkage.listed - len(linkage.unmatched),
            "unmatched": len(linkage.unmatched),
            "changed": len(linkage.changed),
            "archived": len(linkage.archived),
            "gone": linkage.gone,
        }

    def _in_state(self, state: str) -> list[ColumnElement[bool]]:
        mirrored, linkage = self._mirrored, self.linkage
        unusual = {"unmatched": linkage.unmatched, "changed": linkage.changed, "archived": linkage.archived}
        if len(unusual.get(state, ())) <= FEW and state in unusual:
            # These ids say by themselves whose they are: further conditions would make SQLite walk through the list.
            return [mirrored.id.in_(unusual[state])]
        if state == "linked" and len(linkage.unmatched) <= FEW:
            return [*self._listed(), mirrored.id.not_in(linkage.unmatched)]
        conditions: dict[str, list[ColumnElement[bool]]] = {
            "": self._listed(),
            "linked": [*self._listed(), is_linked(mirrored)],
            "unmatched": [*self._listed(), ~is_linked(mirrored)],
            "changed": [*self._listed(), is_changed(mirrored)],
            "archived": [*self._base(), is_archived(mirrored)],
            "gone": [*self._base(), mirrored.gone_in_sync.is_not(None), mirrored.in_scope.is_(True)],
        }
        return conditions[state]

    def _base(self) -> list[ColumnElement[bool]]:
        conditions: list[ColumnElement[bool]] = [self._mirrored.connection_id == self._connection_id]
        if self._mirrored is SisPerson:
            conditions.append(SisPerson.role == self._role)
        return conditions

    def _listed(self) -> list[ColumnElement[bool]]:
        return [*self._base(), is_listed(self._mirrored)]


def shown(mirrored: Mirrored, asked: Any = None) -> Any:
    """What lists show of a record: id, source_id, payload as text, school, account_id or class_id, archived_at.

    ``asked`` selects the ids of the records; None selects all.
    """
    link: Any = AccountLink if mirrored is SisPerson else ClassLink
    target: Any = Account if mirrored is SisPerson else SchoolClass
    target_id = AccountLink.account_id if mirrored is SisPerson else ClassLink.class_id
    payload = type_coerce(mirrored.payload, Text).label("payload")
    columns = (mirrored.id, mirrored.source_id, payload, mirrored.school, target_id, target.archived_at)
    statement = select(*columns) if asked is None else asked.with_only_columns(*columns)
    of_record = (link.connection_id == mirrored.connection_id) & (link.source_id == mirrored.source_id)
    return statement.outerjoin(link, of_record).outerjoin(target, target.id == target_id)


def rows_of(
    found: Any, decode: Callable[[str], Any], label: Callable[[Any], str], schools: Mapping[str, str]
) -> Iterator[dict[str, Any]]:
    """Rows of ``shown`` as a list's template needs them: id, record, label, school by name, state."""
    for id_, _, payload, school, target_id, archived_at in found:
        record = decode(payload)
        yield {
            "id": id_,
            "record": record,
            "label": label(record),
            "school": schools.get(school, ""),
            "state": link_state(target_id, archived_at),
        }


def school_names(connection: SisConnection) -> dict[str, str]:
    """The names of a connection's schools by their ids, in the order of the names."""
    rows = db.session.execute(
        select(SisSchool.source_id, SisSchool.name)
        .where(SisSchool.connection_id == connection.id)
        .order_by(SisSchool.name, SisSchool.source_id)
    )
    return {row.source_id: row.name or row.source_id for row in rows}


def link_state(link_id: int | None, archived_at: object) -> str:
    """The state of a record as its badge shows it."""
    if link_id is None:
        return "unmatched"
    return "archived" if archived_at is not None else "linked"
