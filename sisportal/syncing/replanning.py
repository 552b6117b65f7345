"""One record planned again after a person decided who it is: the rest of the plan stays as it is (SPEC 6.3)."""

from typing import Any

import msgspec
from sqlalchemy import Connection, Row, Text, and_, func, literal_column, select, type_coerce

from sisportal.models import Action, ActionState, SisConnection, Sync
from sisportal.roster.fields import Places
from sisportal.roster.likeness import or_alike
from sisportal.roster.likeness_sections import or_alike_class
from sisportal.roster.matching import UNDECIDED, Decision, Match, Outcome, Reason, as_decided, identity_check
from sisportal.roster.matching_people import DuplicateIndex, KeyIndex, match_person
from sisportal.roster.matching_sections import ClassIndex, match_section
from sisportal.roster.options import Options
from sisportal.roster.planning import Held, Planned, plan_person
from sisportal.roster.records import Person, Problem, Section
from sisportal.roster.text import folded, searchable
from sisportal.roster.usernames import Usernames
from sisportal.syncing.actions import ACTIONS
from sisportal.syncing.connections import places, stored_options
from sisportal.syncing.held import (
    ACCOUNT_LINKS,
    ACCOUNTS,
    CLASS_LINKS,
    CLASSES,
    account_columns,
    account_held,
    decode_values,
    held_name,
)
from sisportal.syncing.matched import (
    DECIDED_NEW,
    Incoming,
    held_accounts,
    held_classes,
    person_action,
    replacing,
    section_action,
)
from sisportal.syncing.matches import account_candidates, organization_of
from sisportal.syncing.matches_sections import class_candidates
from sisportal.syncing.mirror import PEOPLE, SECTIONS
from sisportal.syncing.states import NotAllowed
from sisportal.syncing.traces import account_traces, class_traces

GONE = "The SIS no longer lists this record as it was planned. Prepare again."


class Known(msgspec.Struct, frozen=True):
    """What the plan of a sync was made with."""

    sync_id: int
    connection_id: int
    kind: str
    options: Options
    places: Places


def known(connection: Connection, sync_id: int) -> Known:
    """Raises ``NotAllowed`` where the options or the mapping are no longer those of the plan."""
    row = connection.execute(
        select(
            Sync.connection_id, Sync.options, Sync.options_version, SisConnection.kind, SisConnection.options_version
        )
        .join(SisConnection, SisConnection.id == Sync.connection_id)
        .where(Sync.id == sync_id)
    ).one()
    if row[2] != row[4]:
        raise NotAllowed("The options or the mapping of schools changed after this sync was prepared. Prepare again.")
    return Known(sync_id, row[0], row[3], stored_options(row[1], row[3]), places(connection, row[0]))


def replan(connection: Connection, plan: Known, action: Row[Any], decision: Decision) -> tuple[Planned, list[Problem]]:
    """The action of the same record as the decision wants it. Raises ``NotAllowed`` where the record is gone."""
    if action.type == "section":
        return _replan_section(connection, plan, action, decision), []
    incoming = Incoming(*_mirrored(connection, plan, action, PEOPLE, Person))
    linked = _linked_account(connection, plan, action.source_id)
    if linked is not None:
        return _replan_linked(connection, plan, incoming, linked, decision), []
    match = _settled(connection, plan, action, _match_person(connection, plan, action, incoming.record, decision))
    ids = [match.target] if match.target else []
    account = next(iter(held_accounts(connection, plan.connection_id, ids).values()), None)
    was = link_of(connection, plan, action.type, match.target) if match.target else ""
    planned = person_action(incoming, match, account, was, plan.kind, plan.options, plan.places)
    if planned.verb != "add" or planned.held:
        return planned, []
    planned.after["username"] = _username(connection, plan, action, incoming.record)
    return planned, _duplicates(connection, plan, incoming.record, planned, decision)


def link_of(connection: Connection, plan: Known, type_: str, target_id: int) -> str:
    """``source_id`` that an account or class is linked to; blank for none."""
    links = CLASS_LINKS if type_ == "section" else ACCOUNT_LINKS
    target = links.c.class_id if type_ == "section" else links.c.account_id
    statement = select(links.c.source_id).where(links.c.connection_id == plan.connection_id, target == target_id)
    return connection.scalar(statement) or ""


def is_listed(connection: Connection, plan: Known, type_: str, source_id: str) -> bool:
    """Whether the SIS lists the record now, in a school that is synced."""
    table = SECTIONS if type_ == "section" else PEOPLE
    mine = (table.c.connection_id == plan.connection_id, table.c.source_id == source_id)
    return (
        connection.scalar(select(table.c.id).where(*mine, table.c.gone_in_sync.is_(None), table.c.in_scope)) is not None
    )


def wanting(connection: Connection, plan: Known, action: Row[Any], target_id: int) -> str:
    """The label of another action of the plan that gives the account or class a link; blank where there is none."""
    types = ("section",) if action.type == "section" else ("student", "teacher")
    statement = select(ACTIONS.c.label, ACTIONS.c.after).where(
        ACTIONS.c.sync_id == plan.sync_id,
        ACTIONS.c.id != action.id,
        ACTIONS.c.type.in_(types),
        ACTIONS.c.verb.in_(("edit", "reactivate")),
        ACTIONS.c.target_id == target_id,
    )
    return next((row.label for row in connection.execute(statement) if "identifiers" in row.after), "")


def _mirrored(connection: Connection, plan: Known, action: Row[Any], table: Any, shape: Any) -> tuple[Any, int, str]:
    """Record, fingerprint and text to search in, as the mirror has them."""
    row = connection.execute(
        select(type_coerce(table.c.payload, Text), table.c.fingerprint, table.c.search).where(
            table.c.connection_id == plan.connection_id,
            table.c.source_id == action.source_id,
            table.c.gone_in_sync.is_(None),
            table.c.in_scope,
        )
    ).one_or_none()
    if row is None:
        raise NotAllowed(GONE)
    return msgspec.json.decode(row[0], type=shape), row[1], row[2]


def _linked_account(connection: Connection, plan: Known, source_id: str) -> Held | None:
    statement = (
        select(ACCOUNTS.c.id, ACCOUNTS.c.archived_at, type_coerce(ACCOUNT_LINKS.c.written, Text), *account_columns())
        .join(ACCOUNT_LINKS, and_(ACCOUNT_LINKS.c.account_id == ACCOUNTS.c.id))
        .where(ACCOUNT_LINKS.c.connection_id == plan.connection_id, ACCOUNT_LINKS.c.source_id == source_id)
    )
    row = connection.execute(statement).one_or_none()
    return None if row is None else Held(row[0], account_held(row[3:]), decode_values(row[2]), row[1] is not None)


def _replan_linked(
    connection: Connection, plan: Known, incoming: Incoming[Person], account: Held, decision: Decision
) -> Planned:
    """Somebody who has a link: the edit, unless a person says that the id is somebody else now."""
    person = incoming.record
    names = [held_name(values) for values in (msgspec.structs.asdict(person), account.values, account.written)]
    doubt = identity_check(account.id, names[0], names[1], decision, names[2])
    if doubt is not None and doubt.outcome is Outcome.NEW:
        planned = person_action(incoming, DECIDED_NEW, None, "", plan.kind, plan.options, plan.places)
        planned.after["username"] = _username(connection, plan, None, person)
        return replacing(planned, account.id)
    found = plan_person(person, incoming.fingerprint, account, plan.options, plan.places)
    if found is None:
        raise NotAllowed("The account is like this already. Prepare again.")
    found.search = incoming.search
    if doubt is not None and not found.held:
        found.held, found.evidence = str(doubt.reason), doubt.evidence
    elif not found.held:
        found.evidence = {"rule": "decided", "decision": "same"}
    return found


def _replan_section(connection: Connection, plan: Known, action: Row[Any], decision: Decision) -> Planned:
    incoming = Incoming(*_mirrored(connection, plan, action, SECTIONS, Section))
    match = as_decided(decision)
    if match is None:
        among = CLASSES.c.id.in_(_candidates(action))
        index = ClassIndex(class_candidates(connection, plan.connection_id, among), plan.options)
        match = match_section(incoming.record, plan.places.get(incoming.record.school), index, decision)
        alike = class_traces(connection, plan.connection_id, plan.sync_id, among).missing(incoming.record, decision)
        match = or_alike_class(match, alike)
    match = _settled(connection, plan, action, match)
    class_ = held_classes(connection, plan.connection_id, [match.target]).get(match.target) if match.target else None
    was = link_of(connection, plan, "section", match.target) if match.target else ""
    members = frozenset(action.roster.get("join", ()))  # of a section without a class everybody who can be in it joins
    return section_action(incoming, match, class_, was, members, plan.kind, plan.options, plan.places)


def _match_person(connection: Connection, plan: Known, action: Row[Any], person: Person, decision: Decision) -> Match:
    decided = as_decided(decision)
    if decided is not None:
        return decided
    found = list(account_candidates(connection, plan.connection_id, ACCOUNTS.c.id.in_(_candidates(action))))
    match = match_person(person, KeyIndex(found, plan.options), decision)
    traces = account_traces(connection, plan.connection_id, found, plan.options)
    return or_alike(match, traces.missing(person, organization_of(person, plan.places), decision))


def _candidates(action: Row[Any]) -> list[int]:
    return [each["id"] for each in action.evidence.get("candidates", ())]


def _settled(connection: Connection, plan: Known, action: Row[Any], match: Match) -> Match:
    """The match, or, where another record of the plan may be the same account or class, the match as held."""
    if match.outcome is not Outcome.LINK or match.target is None or match.decided:
        return match
    rivals = select(func.count()).where(
        ACTIONS.c.sync_id == plan.sync_id,
        ACTIONS.c.held != literal_column("''"),
        ACTIONS.c.id != action.id,
        ACTIONS.c.type == action.type,
        ACTIONS.c.state == ActionState.PLANNED,
        type_coerce(ACTIONS.c.evidence, Text).contains(f'"id":{match.target},'),
    )
    if connection.scalar(rivals) or wanting(connection, plan, action, match.target):
        return msgspec.structs.replace(match, outcome=Outcome.HELD, target=None, reason=Reason.CLAIMED_TWICE)
    return match


def _username(connection: Connection, plan: Known, action: Row[Any] | None, person: Person) -> str:
    """A username that no account has and no other action of the plan gives."""
    if action is not None and "username" in action.after:
        return str(action.after["username"])
    names = Usernames()
    while True:
        chosen = names.allocate(person)
        account = select(ACCOUNTS.c.id).where(func.lower(ACCOUNTS.c.username) == chosen.lower())
        planned = select(Action.id).where(
            Action.sync_id == plan.sync_id,
            Action.verb == "add",
            Action.type.in_(("student", "teacher")),
            type_coerce(Action.after, Text).contains(
                f'"username":{msgspec.json.encode(chosen).decode()}', autoescape=True
            ),
        )
        if connection.scalar(account.limit(1)) is None and connection.scalar(planned.limit(1)) is None:
            return chosen


def _duplicates(
    connection: Connection, plan: Known, person: Person, planned: Planned, decision: Decision = UNDECIDED
) -> list[Problem]:
    named = ACCOUNTS.c.search.startswith(searchable(person.last_name, person.first_name), autoescape=True)
    same_role = ACCOUNTS.c.role == str(person.role)
    if not folded(person.last_name + person.first_name):
        return []
    candidates = list(account_candidates(connection, plan.connection_id, named, same_role))
    organization = plan.places.get(planned.school)
    found = DuplicateIndex(candidates).find(person, organization, decision)
    traces = account_traces(connection, plan.connection_id, candidates, plan.options)
    found += traces.archived(person, organization, decision)
    if not found:
        return []
    value = ", ".join(str(id_) for id_ in sorted(found))
    return [Problem("possible-duplicate", str(person.role), person.source_id, "name", value, planned.school)]
