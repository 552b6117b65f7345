"""Deletes of people whom the SIS may list a second time: somebody like them has an active account of their own (SPEC 6.3).

A SIS that gives somebody a new id may list both for a while, and both become accounts. When the older one goes, a person
says whether it may be archived. Read only where a plan archives people.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, Engine, and_, exists, func, or_

from sisportal.roster.likeness import agreement, telling
from sisportal.roster.matching import UNDECIDED, Decision, Reason
from sisportal.roster.matching_people import Candidate, shown
from sisportal.roster.planning import Planned
from sisportal.syncing.held import ACCOUNT_LINKS, ACCOUNTS
from sisportal.syncing.matches import account_candidates
from sisportal.syncing.mirror import PEOPLE
from sisportal.syncing.rows import chunks

_NUMBERS = ("student_id", "teacher_id", "sis_id", "state_id")
_AT_ONCE = 1_000


class ListedTwice:
    """Some accounts whose records are gone, beside those like them whose records are listed."""

    def __init__(
        self, engine: Engine, connection_id: int, accounts: Sequence[int], decisions: Mapping[str, Decision]
    ) -> None:
        """``decisions``: what people said of the connection's records, by ``source_id``."""
        self._decisions = decisions
        self._alike: dict[int, list[dict[str, Any]]] = {}
        with engine.connect() as connection:
            for some in chunks(accounts, _AT_ONCE):
                self._compare(connection, connection_id, some)

    def hold(self, planned: Planned) -> Planned:
        """The delete, held where somebody like its account is listed and nobody has said that they are two."""
        alike = self._alike.get(planned.target_id or 0)
        if alike and not planned.held:
            planned.held, planned.evidence = str(Reason.LISTED_TWICE), {"rule": "alike", "candidates": alike}
        return planned

    def _compare(self, connection: Connection, connection_id: int, ids: list[int]) -> None:
        gone = list(account_candidates(connection, connection_id, ACCOUNTS.c.id.in_(ids)))
        by_value: dict[tuple[str, str], list[Candidate]] = {}
        for held in account_candidates(connection, connection_id, *_listed(connection_id), _near(gone)):
            for key in telling(held):
                by_value.setdefault(key, []).append(held)
        for one in gone:
            near = {held.id: held for key in telling(one) for held in by_value.get(key, ())}
            for _, other in sorted(near.items()):
                if other.id != one.id and (agree := agreement(one, other)) and not self._said(one, other):
                    seen = shown(other, "name" in agree) | {"agree": list(agree), "listed": True}
                    self._alike.setdefault(one.id, []).append(seen)

    def _said(self, gone: Candidate, listed: Candidate) -> bool:
        of_gone = self._decisions.get(gone.linked_to, UNDECIDED)
        of_listed = self._decisions.get(listed.linked_to, UNDECIDED)
        return listed.id in of_gone.not_same or of_listed.create or gone.id in of_listed.not_same


def _listed(connection_id: int) -> tuple[ColumnElement[bool], ...]:
    record = and_(PEOPLE.c.connection_id == connection_id, PEOPLE.c.source_id == ACCOUNT_LINKS.c.source_id)
    listed = exists().where(record, PEOPLE.c.gone_in_sync.is_(None), PEOPLE.c.in_scope)
    return (ACCOUNTS.c.archived_at.is_(None), listed)


def _near(gone: Sequence[Candidate]) -> ColumnElement[bool]:
    names = {each.last_name for each in gone if each.last_name}
    conditions = [ACCOUNTS.c.last_name.in_(names), func.lower(ACCOUNTS.c.last_name).in_({n.lower() for n in names})]
    for field in _NUMBERS:
        values = {value for each in gone if (value := getattr(each, field))}
        if values:
            conditions.append(ACCOUNTS.c[field].in_(values))
    return or_(*conditions)
