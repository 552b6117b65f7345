"""What a person decides of a doubtful match: remembered for ever, and the action planned anew in its place (SPEC 6.3)."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import Connection, Engine, Row, delete, insert, select, update

from sisportal.models import Action, ActionState, MatchDecision, Sync, SyncWarning
from sisportal.models.database import writing
from sisportal.roster.matching import UNDECIDED, Decision, Reason, decisions
from sisportal.roster.planning import KIND_OF_VERB, Planned
from sisportal.roster.records import Problem
from sisportal.syncing import kept_under, notices
from sisportal.syncing.actions import ACTIONS, warning_row, write_warnings
from sisportal.syncing.audit_events import Event
from sisportal.syncing.doubted import judge_delete
from sisportal.syncing.guarding import still_held
from sisportal.syncing.held import ACCOUNT_LINKS, ACCOUNTS, CLASSES
from sisportal.syncing.replanning import Known, is_listed, known, link_of, replan, wanting
from sisportal.syncing.review import Who, require_open
from sisportal.syncing.states import NotAllowed

DOUBTS = tuple(str(reason) for reason in Reason)
"""Why a match is held: what *same*, *not the same* and *create new* answer."""


class Said(msgspec.Struct, frozen=True):
    """What a person says: one of the three."""

    same: int | None = None
    not_same: tuple[int, ...] = ()
    create: bool = False


def decide(engine: Engine, sync_id: int, action_id: int, said: Said, who: Who, now: datetime) -> None:
    """Remember what a person said of one record, and plan that record again. Raises ``NotAllowed``, changing nothing."""
    with writing(engine).begin() as connection:
        require_open(connection, sync_id)
        action = decidable(connection, sync_id, action_id)
        plan = known(connection, sync_id)
        if action.verb == "delete":
            _decide_delete(connection, plan, action, said, who, now)
            return
        linked = _linked_to(connection, plan, action)
        if said.same is not None:
            _require_free(connection, plan, action, said.same, linked)
        elif linked is not None and said.create:
            said = Said(not_same=(linked,))  # for this account, not for every name that the id will have
        elif not said.create:
            _require_candidates(action, said.not_same, {linked} if linked else _warned_of(connection, action))
        _remember(connection, plan, action, said, who, now)
        moved = link_of(connection, plan, action.type, said.same) if said.same is not None else ""
        planned, problems = replan(connection, plan, action, _decision(connection, plan, action))
        kept_under.still_proposed(connection, plan.connection_id, [planned])
        _store(connection, plan, action, planned, problems, who)
        judge_delete(connection, sync_id, action, planned)
        if moved not in {"", action.source_id}:
            _drop_delete(connection, plan, action.type, moved)
            if action.type != "section":
                kept_under.untick_joins(connection, plan.connection_id, sync_id, {moved: action.source_id})
        settle_held(connection, plan)
        details = {name: value for name, value in msgspec.structs.asdict(said).items() if value}
        record_said(connection, sync_id, action, "match-decided", who, now, **details)


def _decide_delete(connection: Connection, plan: Known, action: Row[Any], said: Said, who: Who, now: datetime) -> None:
    """That somebody who is listed has another account, be they the same person or not: this one may be archived."""
    candidates: list[dict[str, Any]] = action.evidence.get("candidates", [])
    asked = tuple(each["id"] for each in candidates)
    about = asked if said.create else (said.same,) if said.same is not None else said.not_same
    _require_candidates(action, about, set())
    settled = asked if said.same is not None else about
    _remember(connection, plan, action, Said(not_same=settled), who, now)
    left = [each for each in candidates if each["id"] not in settled]
    evidence = action.evidence | {"candidates": left} if left else {"rule": "decided", "decision": "archive"}
    values = {"held": action.held if left else "", "evidence": evidence, "decided_by": who.id}
    connection.execute(update(Action).where(Action.id == action.id).values(values))
    settle_held(connection, plan)
    details = {name: value for name, value in msgspec.structs.asdict(said).items() if value}
    record_said(connection, plan.sync_id, action, "match-decided", who, now, **details)


def decidable(connection: Connection, sync_id: int, action_id: int) -> Row[Any]:
    """An action of which something is to be decided. Raises ``NotAllowed`` where nothing is."""
    action = connection.execute(
        select(ACTIONS).where(ACTIONS.c.sync_id == sync_id, ACTIONS.c.id == action_id)
    ).one_or_none()
    if action is None:
        raise NotAllowed(f"Sync {sync_id} has no action {action_id}.")
    if action.state != ActionState.PLANNED:
        raise NotAllowed(f"Action {action_id} ({action.label}) is {action.state} and cannot be changed any more.")
    if action.evidence.get("rule") == "undo":
        raise NotAllowed(f"Action {action_id} ({action.label}) takes back what a sync did: there is nothing to decide.")
    matched = action.verb == "add" or "identifiers" in action.after
    if not (action.held in {*DOUBTS, "changed-on-both"} or matched):
        raise NotAllowed(f"Action {action_id} ({action.label}) is no doubtful match: there is nothing to decide.")
    return action


def _linked_to(connection: Connection, plan: Known, action: Row[Any]) -> int | None:
    """The account that the record is linked to already."""
    if action.type == "section":
        return None
    mine = ACCOUNT_LINKS.c.connection_id == plan.connection_id
    return connection.scalar(
        select(ACCOUNT_LINKS.c.account_id).where(mine, ACCOUNT_LINKS.c.source_id == action.source_id)
    )


def _require_free(connection: Connection, plan: Known, action: Row[Any], target: int, linked: int | None) -> None:
    """Raise ``NotAllowed`` where the record cannot be this account or class."""
    noun = "class" if action.type == "section" else "account"
    if linked is not None and linked != target:
        raise NotAllowed(
            f"The id is linked to account {linked}. Say that it is not the same, and a new account is made."
        )
    if action.type == "section":
        fits = connection.scalar(select(CLASSES.c.id).where(CLASSES.c.id == target, CLASSES.c.is_parent.is_(False)))
    else:
        fits = connection.scalar(select(ACCOUNTS.c.id).where(ACCOUNTS.c.id == target, ACCOUNTS.c.role == action.type))
    if fits is None:
        raise NotAllowed(f"There is no {noun} {target} that a {action.type} could be.")
    was = link_of(connection, plan, action.type, target)
    if was not in {"", action.source_id} and is_listed(connection, plan, action.type, was):
        raise NotAllowed(f"The {noun} {target} is linked to {was}, which the SIS still lists: two cannot be one.")
    if other := wanting(connection, plan, action, target):
        raise NotAllowed(f"In this plan, the {noun} {target} is {other} already: two cannot be one.")


def _require_candidates(action: Row[Any], said: Iterable[int], others: set[int]) -> None:
    possible = {each["id"] for each in action.evidence.get("candidates", ())} | others
    possible |= {action.target_id} if action.target_id else set()
    for target in said:
        if target not in possible:
            raise NotAllowed(f"{target} is none of those that {action.label} could be.")


def _warned_of(connection: Connection, action: Row[Any]) -> set[int]:
    return {int(each) for value in possible_duplicates(connection, action.id) for each in value.split(", ")}


def possible_duplicates(connection: Connection, action_id: int) -> list[str]:
    """The accounts that a planned add may duplicate, as its warning names them."""
    statement = select(SyncWarning.value).where(
        SyncWarning.action_id == action_id, SyncWarning.code == "possible-duplicate"
    )
    return [value for value in connection.scalars(statement) if value]


def _remember(connection: Connection, plan: Known, action: Row[Any], said: Said, who: Who, now: datetime) -> None:
    rows = [("same", said.same)] if said.same is not None else [("not-same", each) for each in said.not_same]
    rows += [("create", 0)] if said.create else []
    mine = (MatchDecision.connection_id == plan.connection_id, MatchDecision.collection == _collection(action))
    for decision, target in rows:
        # The newest row counts, so one that was said before is said anew.
        about = (*mine, MatchDecision.source_id == action.source_id, MatchDecision.target_id == target)
        connection.execute(delete(MatchDecision).where(*about))
        values = {"connection_id": plan.connection_id, "collection": _collection(action), "source_id": action.source_id}
        values |= {"target_id": target, "decision": decision, "decided_by": who.id, "decided_at": now}
        connection.execute(insert(MatchDecision).values(values))


def _decision(connection: Connection, plan: Known, action: Row[Any]) -> Decision:
    rows = connection.execute(
        select(MatchDecision.source_id, MatchDecision.decision, MatchDecision.target_id)
        .where(
            MatchDecision.connection_id == plan.connection_id,
            MatchDecision.collection == _collection(action),
            MatchDecision.source_id == action.source_id,
        )
        .order_by(MatchDecision.id)
    )
    return decisions((row[0], row[1], row[2]) for row in rows).get(action.source_id, UNDECIDED)


def _collection(action: Row[Any]) -> str:
    return "sections" if action.type == "section" else "people"


def _store(
    connection: Connection, plan: Known, action: Row[Any], planned: Planned, problems: list[Problem], who: Who
) -> None:
    """Put the new action in the place of the old one; out of the plan, where the options leave its kind out."""
    about = (SyncWarning.action_id == action.id, SyncWarning.code == "possible-duplicate")
    connection.execute(delete(SyncWarning).where(*about))
    if KIND_OF_VERB[planned.verb] not in plan.options.changes:
        connection.execute(delete(Action).where(Action.id == action.id))
        _count(connection, plan.sync_id, action, None)
        return
    unticked = {"unticked": action.roster["unticked"]} if "unticked" in action.roster else {}
    values = {
        "verb": planned.verb,
        "label": planned.label,
        "school": planned.school,
        "target_id": planned.target_id,
        "before": planned.before,
        "after": planned.after,
        "roster": planned.roster | unticked if planned.roster else {},
        "evidence": planned.evidence,
        "fingerprint": planned.fingerprint,
        "held": planned.held,
        "decided_by": who.id,
    }
    connection.execute(update(Action).where(Action.id == action.id).values(values))
    write_warnings(connection, [warning_row(plan.sync_id, action.id, "prepare", problem) for problem in problems])
    _count(connection, plan.sync_id, action, planned.verb)


def _drop_delete(connection: Connection, plan: Known, type_: str, source_id: str) -> None:
    """Nobody is archived whose account or class goes on under another id."""
    statement = select(ACTIONS).where(
        ACTIONS.c.sync_id == plan.sync_id, ACTIONS.c.source_id == source_id, ACTIONS.c.verb == "delete",
        ACTIONS.c.state == ActionState.PLANNED,
    )  # fmt: skip
    for row in connection.execute(statement).all():
        if (row.type == "section") == (type_ == "section"):
            connection.execute(delete(Action).where(Action.id == row.id))
            _count(connection, plan.sync_id, row, None)


def _count(connection: Connection, sync_id: int, action: Row[Any], verb: str | None) -> None:
    """Count a planned action under its new verb; None: it is no longer planned."""
    if verb == action.verb:
        return
    counts: dict[str, dict[str, dict[str, int]]] = connection.scalars(
        select(Sync.counts).where(Sync.id == sync_id)
    ).one()
    of_type = counts.setdefault(action.type, {})
    of_type.setdefault(action.verb, {"planned": 0})["planned"] -= 1
    if verb is not None:
        numbers = of_type.setdefault(verb, {})
        numbers["planned"] = numbers.get("planned", 0) + 1
    kept = {name: numbers for name, numbers in of_type.items() if any(numbers.values())}
    counts = {name: (kept if name == action.type else verbs) for name, verbs in counts.items()}
    counts = {name: verbs for name, verbs in counts.items() if verbs}
    connection.execute(update(Sync).where(Sync.id == sync_id).values(counts=counts))


def settle_held(connection: Connection, plan: Known) -> None:
    """Say anew what of the plan is held."""
    held = still_held(connection, plan.sync_id, plan.connection_id, plan.options)
    connection.execute(update(Sync).where(Sync.id == plan.sync_id).values(held=held))


def record_said(
    connection: Connection, sync_id: int, action: Row[Any], event: Event, who: Who, now: datetime, **details: Any
) -> None:
    """Note in the audit log what was decided of an action."""
    notices.record(
        connection, event, f"sync {sync_id}", now, actor=who.name, actor_id=who.id, address=who.address,
        action=action.id, label=action.label, **details,
    )  # fmt: skip
