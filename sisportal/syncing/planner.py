"""The plan: the mirror compared with the LMS side, by the thousand. Reads both, writes only actions and warnings."""

from collections.abc import Iterator, Sequence
from itertools import chain
from typing import Any, cast

import msgspec
from sqlalchemy import Connection, Engine, Select, Table, and_, exists, or_, select, true

from sisportal.roster.fields import Places, Values
from sisportal.roster.guards import GuardedAction, class_hold
from sisportal.roster.matching import UNDECIDED, Decision, Outcome, identity_check
from sisportal.roster.options import Change, Item, Options
from sisportal.roster.planning import Held, Planned, plan_delete, plan_person, plan_section, section_label
from sisportal.roster.records import Collection, Person, Problem, Role, Section
from sisportal.roster.text import Name
from sisportal.syncing.actions import Plan
from sisportal.syncing.among import among
from sisportal.syncing.compared import of_connection, people_gone, people_to_compare, sections_gone, sections_to_compare
from sisportal.syncing.connections import NAMES
from sisportal.syncing.doubted import Doubts
from sisportal.syncing.elsewhere import listing_people, listing_sections
from sisportal.syncing.held import (
    ACCOUNT_LINKS,
    ACCOUNTS,
    account_held,
    class_held,
    decode_values,
    held_name,
)
from sisportal.syncing.listed_twice import ListedTwice
from sisportal.syncing.local_edits import teaching_by_hand
from sisportal.syncing.made_twice import MadeTwice
from sisportal.syncing.matched import Incoming
from sisportal.syncing.matches import PersonMatches
from sisportal.syncing.matches_sections import SectionMatches
from sisportal.syncing.mirror import PEOPLE, SECTIONS
from sisportal.syncing.moved_ids import renamed
from sisportal.syncing.progress import Pulse
from sisportal.syncing.rows import chunks
from sisportal.syncing.version_change import changed_ids

AnyRow = Sequence[Any]
"""A row whose columns the query's docstring names."""

_PEOPLE_AT_ONCE = 2_000
_SECTIONS_AT_ONCE = 500


class Fetched(msgspec.Struct):
    """What the fetch proved: which collections are complete, and who was not listed in one that is not."""

    complete: frozenset[Collection]
    missing_people: frozenset[str] = frozenset()


class Planner:
    """Plans one sync of one connection."""

    def __init__(
        self,
        engine: Engine,
        connection_id: int,
        kind: str,
        options: Options,
        places: Places,
        fetched: Fetched,
        plan: Plan,
        pulse: Pulse,
        *,
        only_pending: bool = False,
        schools: frozenset[str] = frozenset(),
    ) -> None:
        """``only_pending``: compare what changed in the mirror since the portal was last seen to agree with it.

        With ``schools``, the records of all others are neither planned nor deleted.
        """
        self._only_pending, self._schools = only_pending, schools
        self._engine, self._connection_id, self._kind = engine, connection_id, kind
        self._options, self._places, self._fetched = options, places, fetched
        self._plan, self._pulse = plan, pulse
        self._staying = fetched.missing_people | plan.staying
        self._decisions: dict[str, Decision] = {}
        self._kept_away: frozenset[str] | None = None
        self._ids: dict[str, str] = {}
        self._moved: set[str] = set()
        self._archived: dict[Collection, list[AnyRow]] = {Collection.PEOPLE: [], Collection.SECTIONS: []}
        """Linked records that the source lists as archived and that are active here: rows of ``people_gone``, ``sections_gone``."""
        self._people: PersonMatches | None = None
        self._sections: SectionMatches | None = None

    def run(self) -> None:
        """Plan people, then sections, then what is gone."""
        if not self._only_pending:  # a version of the API changes with a full sync
            self._ids = changed_ids(self._engine, self._connection_id)
        if Item.USERS in self._options.items:
            self._plan_people()
        if Item.SECTIONS in self._options.items:
            self._plan_sections()
        if Item.USERS in self._options.items:
            self._plan_gone_people()
        if Item.SECTIONS in self._options.items:
            self._plan_gone_sections()
        self._plan.flush()

    def _plan_people(self) -> None:
        matches = PersonMatches(self._engine, self._connection_id, self._kind, self._options, self._ids)
        self._people, self._decisions = matches, matches.decisions
        decode = msgspec.json.Decoder(Person).decode
        listed = self._chosen(PEOPLE, people_to_compare(self._connection_id, few=self._only_pending))
        for rows in self._read(listed, _PEOPLE_AT_ONCE):
            new: list[Incoming[Person]] = []
            for row in rows:
                person = decode(row[1])
                if row[3] is None:
                    new.append(Incoming(person, row[2], row[7]))
                else:
                    self._plan_known_person(person, row, matches)
            for planned, problems in matches.plan(new, self._places):
                self._plan.add(planned, *problems)
            self._pulse.advance(len(rows))
        self._moved |= matches.moved

    def _plan_known_person(self, person: Person, row: AnyRow, matches: PersonMatches) -> None:
        if person.archived:
            if row[5] is None:
                held_role = account_held(row[8:])["role"]
                known = (row[0], row[3], held_role, person.last_name, person.first_name, person.school, person.role)
                self._archived[Collection.PEOPLE].append(known)
            return
        if row[5] is not None and row[6] is None:
            self._plan.warn([Problem("archived-here", str(person.role), person.source_id, school=person.school)])
            return
        held = Held(row[3], account_held(row[8:]), decode_values(row[4]), row[5] is not None)
        planned = plan_person(person, row[2], held, self._options, self._places)
        if planned is None:
            return
        planned.search = row[7]
        decision = self._decisions.get(row[0], UNDECIDED)
        doubt = identity_check(held.id, _name(person), held_name(held.values), decision, held_name(held.written))
        if doubt is not None and doubt.outcome is Outcome.NEW:
            planned = matches.replacement(Incoming(person, row[2], row[7]), held.id, self._places)
        elif doubt is not None and not planned.held:
            planned.held, planned.evidence = str(doubt.reason), doubt.evidence
        self._plan.add(planned)

    def _plan_sections(self) -> None:
        self._plan.flush()  # what becomes of people is read where sections are matched
        sync_id = self._plan.sync_id
        matches = self._sections = SectionMatches(self._engine, self._connection_id, self._kind, self._options, sync_id)
        decode = msgspec.json.Decoder(Section).decode
        members: frozenset[str] | None = None
        listed = self._chosen(SECTIONS, sections_to_compare(self._connection_id, few=self._only_pending))
        for rows in self._read(listed, _SECTIONS_AT_ONCE):
            sections = [decode(row[1]) for row in rows]
            if members is None and len(rows) == _SECTIONS_AT_ONCE:
                members = self._plannable(None)
            known = members if members is not None else self._plannable(sections)
            elsewhere = self._out_of_scope(sections, known)
            by_hand = self._teaching_by_hand([row[3] for row in rows if row[3] is not None])
            new: list[Incoming[Section]] = []
            for section, row in zip(sections, rows, strict=True):
                self._plan.warn(_from_elsewhere(section, elsewhere))
                if row[3] is None:
                    new.append(Incoming(section, row[2], row[7]))
                else:
                    self._plan_known_section(section, row, known, by_hand.get(row[3]))
            for planned, problems in matches.plan(new, known, self._places):
                self._plan.add(planned, *problems)
            self._pulse.advance(len(rows))
        self._moved |= matches.moved

    def _plan_known_section(
        self, section: Section, row: AnyRow, members: frozenset[str], teaching: list[str] | None
    ) -> None:
        if section.archived:
            if row[5] is None:
                known = (row[0], row[3], section_label(section), section.school)
                self._archived[Collection.SECTIONS].append(known)
            return
        if row[5] is not None and row[6] is None:
            self._plan.warn([Problem("archived-here", "section", section.source_id, school=section.school)])
            return
        written = renamed(decode_values(row[4]), self._ids)
        held = Held(row[3], class_held(row[8:]), written, row[5] is not None)
        planned = plan_section(section, row[2], held, members, self._options, self._places, self._staying, teaching)
        if planned is None:
            return
        planned.search = row[7]
        if not planned.held and (hold := class_hold(_guarded(planned, held.written), self._options)):
            planned.held, planned.evidence = str(hold.guard), {"rule": "guard", "sentence": hold.reason}
        self._plan.add(planned)

    def _teaching_by_hand(self, class_ids: list[int]) -> dict[int, list[str]]:
        with self._engine.connect() as connection:
            found = teaching_by_hand(connection, self._connection_id, class_ids)
        return {class_id: [self._ids.get(name, name) for name in names] for class_id, names in found.items()}

    def _plannable(self, sections: list[Section] | None) -> frozenset[str]:
        """Who of the sections (of all, where None) has an active account, or will have one when all is committed."""
        statement = self._members(few=sections is not None)
        with self._engine.connect() as connection:
            if sections is None:
                return frozenset(connection.scalars(statement).all()) - self._kept_out(connection)
            named = {member for section in sections for member in (*section.teachers, *section.students)}
            found: set[str] = set()
            for ids in chunks(named, 5_000):
                found.update(connection.scalars(statement.where(among(PEOPLE.c.source_id, ids))).all())
            return frozenset(found) - self._kept_out(connection)

    def _members(self, *, few: bool) -> Select[str]:
        """Listed people in scope; where the options plan no new accounts, only those who have an active one."""
        mine = of_connection(PEOPLE, self._connection_id, few=few)
        statement = select(PEOPLE.c.source_id).where(mine, PEOPLE.c.in_scope, PEOPLE.c.gone_in_sync.is_(None))
        may_add = Item.USERS in self._options.items and Change.ADDS in self._options.changes
        if may_add and not self._schools:
            return statement
        link = and_(
            ACCOUNT_LINKS.c.connection_id == self._connection_id, ACCOUNT_LINKS.c.source_id == PEOPLE.c.source_id
        )
        if may_add:
            held = exists().where(link, ACCOUNTS.c.id == ACCOUNT_LINKS.c.account_id, ACCOUNTS.c.archived_at.is_(None))
            return statement.where(or_(PEOPLE.c.school.in_(self._schools), held))
        return (
            statement.join(ACCOUNT_LINKS, link)
            .join(ACCOUNTS, ACCOUNTS.c.id == ACCOUNT_LINKS.c.account_id)
            .where(ACCOUNTS.c.archived_at.is_(None))
        )

    def _kept_out(self, connection: Connection) -> frozenset[str]:
        """People whose accounts a person archived, or an undo: no sync revives them by itself, so no class waits for them."""
        if self._kept_away is None:
            statement = (
                select(ACCOUNT_LINKS.c.source_id)
                .join(ACCOUNTS, ACCOUNTS.c.id == ACCOUNT_LINKS.c.account_id)
                .where(ACCOUNT_LINKS.c.connection_id == self._connection_id)
                .where(ACCOUNTS.c.archived_at.is_not(None), ACCOUNTS.c.archived_by_sync.is_(None))
            )
            self._kept_away = frozenset(connection.scalars(statement)) | self._plan.away
        return self._kept_away

    def _out_of_scope(self, sections: list[Section], members: frozenset[str]) -> dict[str, str]:
        """Those whom the sections name and the SIS lists, but whose schools are not synced: ``source_id`` -> role."""
        absent = {m for section in sections for m in (*section.teachers, *section.students)} - members
        statement = select(PEOPLE.c.source_id, PEOPLE.c.role).where(
            PEOPLE.c.connection_id == self._connection_id, PEOPLE.c.in_scope.is_(False), PEOPLE.c.gone_in_sync.is_(None)
        )
        found: dict[str, str] = {}
        if absent:
            with self._engine.connect() as connection:
                for ids in chunks(sorted(absent), 5_000):
                    rows = connection.execute(statement.where(among(PEOPLE.c.source_id, ids)))
                    found.update((row[0], row[1]) for row in rows)
        return found

    def _plan_gone_people(self) -> None:
        if Collection.PEOPLE not in self._fetched.complete:
            return  # whoever an earlier fetch proved to be gone may be back in the part that this one did not see
        gone = self._read(self._chosen(PEOPLE, people_gone(self._connection_id)), _PEOPLE_AT_ONCE)
        for rows in chain(gone, chunks(self._archived[Collection.PEOPLE], _PEOPLE_AT_ONCE)):
            elsewhere = listing_people(self._engine, self._connection_id, [row[1] for row in rows])
            doubts = self._people.doubts(self._places) if self._people else Doubts()
            twice = ListedTwice(self._engine, self._connection_id, [row[1] for row in rows], self._decisions)
            for row in rows:
                if row[0] in self._ids or row[0] in self._moved:
                    continue  # listed, under the id of another version, or under one that a person said is theirs
                role = _planned_role(row[2], row[6])
                if row[1] in elsewhere:
                    self._keep(role, row[0], elsewhere[row[1]], row[5])
                    continue
                label = ", ".join(name for name in row[3:5] if name) or row[0]
                self._plan.add(twice.hold(doubts.hold(plan_delete(role, row[0], label, row[5] or "", row[1]))))
            self._pulse.advance(len(rows))

    def _plan_gone_sections(self) -> None:
        if Collection.SECTIONS not in self._fetched.complete:
            return
        gone = self._read(self._chosen(SECTIONS, sections_gone(self._connection_id)), _PEOPLE_AT_ONCE)
        for rows in chain(gone, chunks(self._archived[Collection.SECTIONS], _PEOPLE_AT_ONCE)):
            elsewhere = listing_sections(self._engine, self._connection_id, [row[1] for row in rows])
            doubts = self._sections.doubts(self._places) if self._sections else Doubts()
            said = self._sections.decisions if self._sections else {}
            ids = [row[1] for row in rows]
            twice = MadeTwice(self._engine, self._connection_id, self._plan.sync_id, ids, said)
            for row in rows:
                if row[0] in self._moved:
                    continue
                if row[1] in elsewhere:
                    self._keep("section", row[0], elsewhere[row[1]], row[3])
                    continue
                planned = plan_delete("section", row[0], row[2] or row[0], row[3] or "", row[1])
                self._plan.add(twice.hold(doubts.hold(planned)))
            self._pulse.advance(len(rows))

    def _keep(self, type_: str, source_id: str, kind: str, school: str | None) -> None:
        """Warn that somebody, or a class, is no longer listed here and stays, because another connection lists them."""
        listed_by = NAMES.get(kind, kind)
        self._plan.warn([Problem("listed-elsewhere", type_, source_id, value=listed_by, school=school or "")])

    def _chosen(self, table: Table, statement: Select[*tuple[Any, ...]]) -> Select[*tuple[Any, ...]]:
        if self._schools:
            statement = statement.where(table.c.school.in_(self._schools))
        return statement.where(table.c.pending == true()) if self._only_pending else statement

    def _read(self, statement: Select[*tuple[Any, ...]], size: int) -> Iterator[list[AnyRow]]:
        with self._engine.connect() as connection:
            try:
                yield from _partitions(connection, statement, size)
            except GeneratorExit:
                # The stage failed between two batches, perhaps because the database is away: nothing is to be rolled back.
                connection.invalidate()
                raise


def _from_elsewhere(section: Section, roles: dict[str, str]) -> list[Problem]:
    """A warning for each of the section's people who is of a school that is not synced."""
    if not roles:
        return []
    return [
        Problem(
            "student-out-of-scope" if roles[member] == Role.STUDENT else "teacher-from-another-school",
            "section",
            section.source_id,
            "students" if roles[member] == Role.STUDENT else "teachers",
            member,
            section.school,
        )
        for member in (*section.teachers, *section.students)
        if member in roles
    ]


def _name(person: Person) -> Name:
    return Name(person.first_name, person.last_name, person.preferred_name)


def _planned_role(of_account: str, of_person: str | None) -> str:
    """The type of action: an account may have been given a role that no sync plans."""
    planned = (Role.STUDENT, Role.TEACHER)
    return next((role for role in (of_account, of_person) if role in planned), Role.TEACHER)


def _guarded(planned: Planned, written: Values) -> GuardedAction:
    students = set(written.get("students", ()))
    leaving = sum(1 for source_id in planned.roster.get("leave", ()) if source_id in students)
    return GuardedAction(0, planned.type, planned.verb, planned.school, students=len(students), leaving=leaving)


def _partitions(connection: Connection, statement: Select[*tuple[Any, ...]], size: int) -> Iterator[list[AnyRow]]:
    result = connection.execution_options(yield_per=size).execute(statement)
    for rows in result.partitions():
        yield cast("list[AnyRow]", rows)
