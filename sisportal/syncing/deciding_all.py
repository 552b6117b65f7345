"""Deciding at once of everybody whose number and full name agree: a SIS that remade its ids asks no thousand questions.

What is doubtful in any other way stays to be decided one by one. A few statements, however many they are.
"""

from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import Connection, Engine, Row, Text, and_, bindparam, delete, func, insert, select, type_coerce, update

from sisportal.models import Action, ActionState, MatchDecision, Sync
from sisportal.models.database import writing
from sisportal.roster.agreeing import agrees
from sisportal.roster.matching import Decision, Match, as_decided
from sisportal.roster.matching_people import Candidate
from sisportal.roster.planning import KIND_OF_VERB, Planned
from sisportal.roster.records import Person
from sisportal.syncing import kept_under, notices
from sisportal.syncing.actions import ACTIONS, IS_HELD, WARNINGS
from sisportal.syncing.among import among
from sisportal.syncing.changing_ids import ANOTHER_ID
from sisportal.syncing.deciding import DOUBTS, settle_held
from sisportal.syncing.held import ACCOUNTS
from sisportal.syncing.matched import Incoming, held_accounts, person_action
from sisportal.syncing.matches import account_candidates
from sisportal.syncing.mirror import PEOPLE
from sisportal.syncing.replanning import Known, known
from sisportal.syncing.review import Who, require_open
from sisportal.syncing.rows import json_text, update_rows
from sisportal.syncing.states import NotAllowed

_PEOPLE = ("student", "teacher")
_AS_PLANNED = ("verb", "label", "school", "target_id", "before", "after", "roster", "evidence", "fingerprint", "held")


class Agreeing(msgspec.Struct, frozen=True, gc=False):
    """One doubt that is none any more once somebody says so of all."""

    action_id: int
    type: str
    incoming: Incoming[Person]
    held: Candidate


def may_agree(held: list[dict[str, Any]]) -> bool:
    """Whether more than one person waits whose id may be another now, as a sync keeps its holds."""
    waiting: list[int] = [each["count"] for each in held if each["reason"] in ANOTHER_ID and each["type"] in _PEOPLE]
    return sum(waiting) > 1


def agreeing(connection: Connection, plan: Known) -> list[Agreeing]:
    """The doubts of a plan with one candidate each, who is the same by number, or the options' key, and full name.

    None whose account another record of the plan may be as well, or is linked to somebody whom the SIS lists still.
    """
    asked, wanted = _asked(connection, plan)
    ids = {candidate for _, candidate, _ in asked if wanted[candidate] == 1}
    taken = _linked_by_plan(connection, plan.sync_id, ids)
    found = account_candidates(connection, plan.connection_id, among(ACCOUNTS.c.id, ids - taken))
    held = {each.id: each for each in found if each.linked_to}
    listed = _listed(connection, plan, [each.linked_to for each in held.values()])
    return [
        Agreeing(row.id, row.type, incoming, account)
        for row, candidate, incoming in asked
        if (account := held.get(candidate)) is not None
        and account.linked_to not in listed
        and agrees(incoming.record, account, plan.options)
    ]


def decide_agreeing(engine: Engine, sync_id: int, number: int, who: Who, now: datetime) -> int:
    """Say of all of them that they are the same; how many. Raises ``NotAllowed`` where they are not so many, changing nothing.

    The guard on ids that change holds these changes like those that were decided one by one (SPEC 6.5).
    """
    with writing(engine).begin() as connection:
        require_open(connection, sync_id)
        plan = known(connection, sync_id)
        doubts = agreeing(connection, plan)
        if len(doubts) != number or not doubts:
            raise NotAllowed(
                f"They are {len(doubts):,} now: type that number."
                if doubts
                else "No number and name agree without doubt."
            )
        _remember(connection, plan, doubts, who, now)
        kept = list(_replanned(connection, plan, doubts))
        kept_under.still_proposed(connection, plan.connection_id, [planned for _, planned in kept])
        _store(connection, plan, kept, who)
        moved = {each.held.linked_to: each.incoming.record.source_id for each in doubts}
        kept_under.untick_joins(connection, plan.connection_id, sync_id, moved)
        gone = _drop_deletes(connection, plan, list(moved))
        _count(connection, plan, kept, gone)
        settle_held(connection, plan)
        notices.record(
            connection, "matches-decided", f"sync {sync_id}", now, actor=who.name, actor_id=who.id, address=who.address,
            same=len(doubts), students=sum(each.type == "student" for each in doubts),
            teachers=sum(each.type == "teacher" for each in doubts),
        )  # fmt: skip
    return len(doubts)


def _asked(connection: Connection, plan: Known) -> tuple[list[tuple[Row[Any], int, Incoming[Person]]], Counter[int]]:
    """Doubts with one candidate: the action, the candidate, and what the SIS says; and how many records may be each account."""
    record = and_(
        PEOPLE.c.connection_id == plan.connection_id, PEOPLE.c.source_id == ACTIONS.c.source_id,
        PEOPLE.c.gone_in_sync.is_(None), PEOPLE.c.in_scope, ACTIONS.c.held.in_(ANOTHER_ID), ACTIONS.c.verb == "add",
    )  # fmt: skip
    columns = (ACTIONS.c.id, ACTIONS.c.type, ACTIONS.c.evidence)
    statement = (
        select(*columns, type_coerce(PEOPLE.c.payload, Text), PEOPLE.c.fingerprint, PEOPLE.c.search)
        .select_from(ACTIONS.outerjoin(PEOPLE, record))
        .where(ACTIONS.c.sync_id == plan.sync_id, IS_HELD, ACTIONS.c.held.in_(DOUBTS), ACTIONS.c.verb != "delete")
        .where(ACTIONS.c.type.in_(_PEOPLE), ACTIONS.c.state == ActionState.PLANNED)
        .order_by(ACTIONS.c.id)
    )
    decode = msgspec.json.Decoder(Person).decode
    asked: list[tuple[Row[Any], int, Incoming[Person]]] = []
    wanted: Counter[int] = Counter()
    for row in connection.execute(statement):
        candidates = row.evidence.get("candidates", ())
        wanted.update(each["id"] for each in candidates)
        if row[3] is not None and len(candidates) == 1:
            asked.append((row, candidates[0]["id"], Incoming(decode(row[3]), row[4], row[5])))
    return asked, wanted


def _linked_by_plan(connection: Connection, sync_id: int, ids: set[int]) -> set[int]:
    """Those accounts that another action of the plan gives a link."""
    statement = select(ACTIONS.c.target_id).where(
        ACTIONS.c.sync_id == sync_id, ACTIONS.c.type.in_(_PEOPLE), ACTIONS.c.verb.in_(("edit", "reactivate")),
        among(ACTIONS.c.target_id, ids), type_coerce(ACTIONS.c.after, Text).like('%"identifiers"%'),
    )  # fmt: skip
    return set(connection.scalars(statement)) if ids else set()


def _listed(connection: Connection, plan: Known, source_ids: list[str]) -> set[str]:
    statement = select(PEOPLE.c.source_id).where(
        PEOPLE.c.connection_id == plan.connection_id, among(PEOPLE.c.source_id, source_ids),
        PEOPLE.c.gone_in_sync.is_(None), PEOPLE.c.in_scope,
    )  # fmt: skip
    return set(connection.scalars(statement))


def _remember(connection: Connection, plan: Known, doubts: list[Agreeing], who: Who, now: datetime) -> None:
    said = {"connection_id": plan.connection_id, "collection": "people", "decision": "same"}
    said |= {"decided_by": who.id, "decided_at": now}
    pairs = [{"source_id": each.incoming.record.source_id, "target_id": each.held.id} for each in doubts]
    earlier = delete(MatchDecision).where(
        MatchDecision.connection_id == plan.connection_id, MatchDecision.collection == "people",
        MatchDecision.source_id == bindparam("of_source"), MatchDecision.target_id == bindparam("of_target"),
    )  # fmt: skip
    connection.execute(earlier, [{"of_source": p["source_id"], "of_target": p["target_id"]} for p in pairs])
    connection.execute(insert(MatchDecision), [said | pair for pair in pairs])


def _replanned(connection: Connection, plan: Known, doubts: list[Agreeing]) -> Iterator[tuple[Agreeing, Planned]]:
    """The action of each as the decision wants it."""
    accounts = held_accounts(connection, plan.connection_id, [each.held.id for each in doubts])
    for each in doubts:
        planned = person_action(
            each.incoming, _same(each.held.id), accounts[each.held.id], each.held.linked_to, plan.kind, plan.options,
            plan.places,
        )  # fmt: skip
        yield each, planned


def _same(account_id: int) -> Match:
    match = as_decided(Decision(same=account_id))
    assert match is not None  # noqa: S101 - a decision of whom it is always makes a match
    return match


def _store(connection: Connection, plan: Known, decided: list[tuple[Agreeing, Planned]], who: Who) -> None:
    """Put the new actions in the place of the old ones; out of the plan, where the options leave edits out."""
    about = (WARNINGS.c.sync_id == plan.sync_id, WARNINGS.c.code == "possible-duplicate")
    connection.execute(delete(WARNINGS).where(*about, among(WARNINGS.c.action_id, [e.action_id for e, _ in decided])))
    out = [each.action_id for each, planned in decided if KIND_OF_VERB[planned.verb] not in plan.options.changes]
    if out:
        connection.execute(delete(Action).where(among(ACTIONS.c.id, out)))
    rows = [
        (
            planned.verb, planned.label, planned.school, planned.target_id, json_text(planned.before), json_text(planned.after),
            json_text(planned.roster), json_text(planned.evidence), planned.fingerprint, planned.held, who.id, each.action_id,
        )
        for each, planned in decided
    ]  # fmt: skip
    update_rows(connection, ACTIONS, (*_AS_PLANNED, "decided_by"), ("id",), rows)


def _drop_deletes(connection: Connection, plan: Known, moved: list[str]) -> Counter[str]:
    """Nobody is archived whose account goes on under another id; how many deletes of each type are gone."""
    deletes = (
        ACTIONS.c.sync_id == plan.sync_id, ACTIONS.c.verb == "delete", ACTIONS.c.type.in_(_PEOPLE),
        ACTIONS.c.state == ActionState.PLANNED, among(ACTIONS.c.source_id, moved),
    )  # fmt: skip
    rows = connection.execute(select(ACTIONS.c.type, func.count()).where(*deletes).group_by(ACTIONS.c.type)).all()
    connection.execute(delete(ACTIONS).where(*deletes))
    return Counter({row[0]: row[1] for row in rows})


def _count(connection: Connection, plan: Known, decided: list[tuple[Agreeing, Planned]], gone: Counter[str]) -> None:
    """Count the actions under their new verbs."""
    moves: Counter[tuple[str, str]] = Counter({(type_, "delete"): -number for type_, number in gone.items()})
    for each, planned in decided:
        moves[each.type, "add"] -= 1
        if KIND_OF_VERB[planned.verb] in plan.options.changes:
            moves[each.type, planned.verb] += 1
    counts: dict[str, dict[str, dict[str, int]]] = connection.scalars(
        select(Sync.counts).where(Sync.id == plan.sync_id)
    ).one()
    for (type_, verb), change in moves.items():
        numbers = counts.setdefault(type_, {}).setdefault(verb, {})
        numbers["planned"] = numbers.get("planned", 0) + change
    counts = {
        type_: {verb: numbers for verb, numbers in verbs.items() if any(numbers.values())}
        for type_, verbs in counts.items()
    }
    values = {type_: verbs for type_, verbs in counts.items() if verbs}
    connection.execute(update(Sync).where(Sync.id == plan.sync_id).values(counts=values))
