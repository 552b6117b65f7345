"""People without a link: matched with what the portal holds, and planned as an add, a link or a held case (SPEC 6.3)."""

from collections.abc import Iterator

import msgspec
from sqlalchemy import ColumnElement, Connection, Engine, Text, and_, exists, select, type_coerce

from sisportal.models import MatchDecision
from sisportal.roster.fields import Places, home
from sisportal.roster.guards import Guard
from sisportal.roster.likeness import Traces, Wanted, or_alike
from sisportal.roster.matching import UNDECIDED, Claims, Decision, Match, Outcome, decisions, identity_check
from sisportal.roster.matching_people import Candidate, DuplicateIndex, KeyIndex, match_person, match_value
from sisportal.roster.options import Options
from sisportal.roster.planning import Held, Planned, person_label, plan_link, plan_person
from sisportal.roster.records import Person, Problem
from sisportal.roster.usernames import Usernames
from sisportal.syncing.among import among
from sisportal.syncing.doubted import Doubts
from sisportal.syncing.held import (
    ACCOUNT_LINKS,
    ACCOUNTS,
    account_columns,
    account_held,
    decode_values,
    held_name,
)
from sisportal.syncing.matched import (
    DECIDED_NEW,
    Incoming,
    free_targets,
    held_accounts,
    link_only,
    person_action,
    replacing,
)
from sisportal.syncing.mirror import PEOPLE
from sisportal.syncing.traces import account_traces, any_links
from sisportal.syncing.unindexed import unindexed

PlannedRecord = tuple[Planned, tuple[Problem, ...]]
_ROLES = ("student", "teacher")


class PersonMatches:
    """Plans the people of one connection who have no link yet."""

    def __init__(self, engine: Engine, connection_id: int, kind: str, options: Options, ids: dict[str, str]) -> None:
        """``ids``: those that another version of the API explains, linked now -> listed now (``changed_ids``)."""
        self._engine, self._connection_id, self._kind, self._options = engine, connection_id, kind, options
        self._was, self._explained = {now: was for was, now in ids.items()}, frozenset(ids)
        self.decisions = read_decisions(engine, connection_id, "people")
        """What people said of this connection's people, by ``source_id``."""
        self.moved: set[str] = set()
        """Ids whose links move to others: nobody is archived for them."""
        self._doubts = Doubts()
        self._usernames = Usernames()
        self._opened = False
        self._index = KeyIndex([], options)
        self._duplicates = DuplicateIndex([])
        self._traces = Traces([], options)
        self._claims = Claims()

    def plan(self, new: list[Incoming[Person]], places: Places) -> Iterator[PlannedRecord]:
        """The actions for some of them, in their order."""
        if not new:
            return
        self._open(places)
        matches = [self._claims.settle(self._found(each.record, places)) for each in new]
        with self._engine.connect() as connection:
            matches, links = free_targets(connection, self._connection_id, ACCOUNT_LINKS, matches)
            targets = [match.target for match in matches if match.target is not None]
            held = held_accounts(connection, self._connection_id, targets)
            moved = self._linked_before(connection, [each.record.source_id for each in new])
        for each, match in zip(new, matches, strict=True):
            if (account := moved.get(each.record.source_id)) and (found := self._moved(each, account, places)):
                yield found, ()
            else:
                yield self._planned(each, match, held, links, places)

    def replacement(self, incoming: Incoming[Person], account_id: int, places: Places) -> Planned:
        """A new account for somebody who was said not to be the one that their id is linked to (SPEC 6.3)."""
        self._open(places)
        planned = person_action(incoming, DECIDED_NEW, None, "", self._kind, self._options, places)
        planned.after["username"] = self._usernames.allocate(incoming.record)
        return replacing(planned, account_id)

    def doubts(self, places: Places) -> Doubts:
        """Which accounts the records without a link may be, in the whole mirror, whatever of it is planned."""
        self._open(places)
        return self._doubts

    def _open(self, places: Places) -> None:
        if not self._opened:
            self._opened = True
            self._usernames = Usernames(self._taken())
            self._find_candidates(places)

    def _moved(self, incoming: Incoming[Person], account: Held, places: Places) -> Planned | None:
        """Somebody who is linked under the id that another version of the API gave them; None where a person said no.

        Where the names are wholly other ones, it waits: the SIS may say the older id of the wrong person (SPEC 6.5).
        """
        person = incoming.record
        names = [held_name(values) for values in (msgspec.structs.asdict(person), account.values, account.written)]
        decision = self.decisions.get(person.source_id, UNDECIDED)
        doubt = identity_check(account.id, names[0], names[1], decision, names[2])
        if doubt is not None and doubt.outcome is Outcome.NEW:
            return None
        planned = plan_person(person, incoming.fingerprint, account, self._options, places)
        if planned is None:
            planned = link_only(incoming, str(person.role), person_label(person), person.school)
        planned.search = incoming.search
        was = self._was[person.source_id]
        evidence = {"rule": "legacy-id", "was": was} | planned.evidence
        if doubt is not None:
            planned.held = str(Guard.ID_NAMES)
            evidence |= {name: doubt.evidence[name] for name in ("incoming", "held")}
        return plan_link(planned, account.id, self._kind, evidence, was)

    def _linked_before(self, connection: Connection, source_ids: list[str]) -> dict[str, Held]:
        """The accounts of those among them whose link has their id of before, by their id of now."""
        ids = {self._was[source_id]: source_id for source_id in source_ids if source_id in self._was}
        if not ids:
            return {}
        statement = (
            select(
                ACCOUNT_LINKS.c.source_id,
                ACCOUNTS.c.id,
                ACCOUNTS.c.archived_at,
                type_coerce(ACCOUNT_LINKS.c.written, Text),
                *account_columns(),
            )
            .join(ACCOUNTS, ACCOUNTS.c.id == ACCOUNT_LINKS.c.account_id)
            .where(ACCOUNT_LINKS.c.connection_id == self._connection_id, among(ACCOUNT_LINKS.c.source_id, ids))
        )
        return {
            ids[row[0]]: Held(row[1], account_held(row[4:]), decode_values(row[3]), row[2] is not None)
            for row in connection.execute(statement).all()
        }

    def _planned(
        self,
        incoming: Incoming[Person],
        match: Match,
        held: dict[int, Held],
        links: dict[int, str],
        places: Places,
    ) -> PlannedRecord:
        account = held.get(match.target or 0)
        was = links.get(match.target or 0, "")
        planned = person_action(incoming, match, account, was, self._kind, self._options, places)
        if was:
            self.moved.add(was)
        if planned.verb != "add" or planned.held:
            return planned, ()
        planned.after["username"] = self._usernames.allocate(incoming.record)
        return planned, self._duplicate(incoming.record, places)

    def _duplicate(self, person: Person, places: Places) -> tuple[Problem, ...]:
        if not (self._duplicates or self._traces):
            return ()
        organization = organization_of(person, places)
        decision = self.decisions.get(person.source_id, UNDECIDED)
        found = self._duplicates.find(person, organization, decision)
        found += self._traces.archived(person, organization, decision)
        if not found:
            return ()
        value = ", ".join(str(id_) for id_ in sorted(found))
        return (
            Problem(
                "possible-duplicate",
                str(person.role),
                person.source_id,
                "name",
                value,
                home(person.schools, person.school, places) or "",
            ),
        )

    def _found(self, person: Person, places: Places) -> Match:
        decision = self.decisions.get(person.source_id, UNDECIDED)
        match = match_person(person, self._index, decision)
        if not self._traces:
            return match
        return or_alike(match, self._traces.missing(person, organization_of(person, places), decision))

    def _taken(self) -> Iterator[str]:
        with self._engine.connect() as connection:
            yield from connection.scalars(select(ACCOUNTS.c.username).execution_options(yield_per=5_000))

    def _find_candidates(self, places: Places) -> None:
        """Gather what the new people may be; two passes over them, because two may claim one account."""
        with self._engine.connect() as connection:
            any_held = connection.scalar(select(exists().where(ACCOUNTS.c.role.in_(_ROLES))))
            linked = any_links(connection, self._connection_id)
        if not any_held:
            return
        wanted, traced = set[str](), Wanted()
        for person in self._new_people():
            wanted.add(match_value(person, self._options))
            if linked:
                traced.note(person, organization_of(person, places))
        if not wanted:
            return
        candidates = list(self._candidates())
        self._index = KeyIndex(candidates, self._options, wanted)
        self._duplicates = DuplicateIndex(candidates)
        if linked:
            self._trace(candidates, traced)
        for person in self._new_people():
            match = self._found(person, places)
            self._claims.note(match)
            self._doubts.note(match, person.source_id, person_label(person))

    def _trace(self, candidates: list[Candidate], wanted: Wanted) -> None:
        with self._engine.connect() as connection:
            self._traces = account_traces(
                connection, self._connection_id, candidates, self._options, wanted=wanted, explained=self._explained
            )

    def _new_people(self) -> Iterator[Person]:
        link = and_(
            ACCOUNT_LINKS.c.connection_id == self._connection_id, ACCOUNT_LINKS.c.source_id == PEOPLE.c.source_id
        )
        statement = (
            select(type_coerce(PEOPLE.c.payload, Text))
            .select_from(PEOPLE.outerjoin(ACCOUNT_LINKS, link))
            .where(unindexed(PEOPLE.c.connection_id) == self._connection_id)
            .where(PEOPLE.c.in_scope, PEOPLE.c.gone_in_sync.is_(None), ACCOUNT_LINKS.c.account_id.is_(None))
            .order_by(PEOPLE.c.id)
        )
        decode = msgspec.json.Decoder(Person).decode
        with self._engine.connect() as connection:
            for payload in connection.scalars(statement.execution_options(yield_per=2_000)):
                yield decode(payload)

    def _candidates(self) -> Iterator[Candidate]:
        with self._engine.connect() as connection:
            yield from account_candidates(connection, self._connection_id, ACCOUNTS.c.role.in_(_ROLES))


def account_candidates(connection: Connection, connection_id: int, *which: ColumnElement[bool]) -> Iterator[Candidate]:
    """Accounts as matching sees them, with what this connection has linked them to."""
    link = and_(ACCOUNT_LINKS.c.connection_id == connection_id, ACCOUNT_LINKS.c.account_id == ACCOUNTS.c.id)
    columns = (
        "id", "role", "first_name", "last_name", "preferred_name", "email", "student_id", "teacher_id", "sis_id",
        "birth_date", "grade", "state_id", "username",
    )  # fmt: skip
    statement = (
        select(
            *(ACCOUNTS.c[name] for name in columns),
            ACCOUNTS.c.organization_id,
            ACCOUNT_LINKS.c.source_id,
            ACCOUNTS.c.archived_at,
        )
        .select_from(ACCOUNTS.outerjoin(ACCOUNT_LINKS, link))
        .where(*which)
    )
    for row in connection.execute(statement.execution_options(yield_per=2_000)):
        known = dict(zip(columns, row, strict=False))
        yield Candidate(**known, organization=row[13], linked_to=row[14] or "", archived=row[15] is not None)


def read_decisions(engine: Engine, connection_id: int, collection: str) -> dict[str, Decision]:
    """What people decided about this connection's records, by ``source_id``."""
    statement = (
        select(MatchDecision.source_id, MatchDecision.decision, MatchDecision.target_id)
        .where(MatchDecision.connection_id == connection_id, MatchDecision.collection == collection)
        .order_by(MatchDecision.id)
    )
    with engine.connect() as connection:
        return decisions((row[0], row[1], row[2]) for row in connection.execute(statement))


def organization_of(person: Person, places: Places) -> int | None:
    """The organization that the SIS says somebody is of; None also where the portal is of one school."""
    school = home(person.schools, person.school, places)
    return places.get(school) if school else None
