"""One action explained: which record it came from, which rule, option and decision shaped it, and what came before (SPEC 7)."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import Connection, Row, func, select

from sisportal.models import (
    Account,
    Action,
    MatchDecision,
    Organization,
    SisPerson,
    SisSchool,
    SisSection,
    Sync,
    SyncState,
)
from sisportal.roster.options import Options
from sisportal.syncing.connections import NAMES, stored_options
from sisportal.syncing.explaining import STYLES, evidence_sentences, field_names, seal_sentence, why_held, why_released
from sisportal.syncing.hand_history import deeds
from sisportal.syncing.members import names
from sisportal.syncing.mirror import listed_as_archived
from sisportal.syncing.review import OPEN
from sisportal.syncing.undo_found import kind_of

_THEIRS = {"student": "student", "teacher": "teacher", "section": "section", "organization": "school"}
_OURS = {"student": "account", "teacher": "account", "section": "class", "organization": "organization"}
_KEYS = {
    "student_id": "student ID", "teacher_id": "teacher ID", "email": "e-mail address", "sis_id": "SIS ID",
    "source_id": "SIS's own ID", "class_name": "class name",
}  # fmt: skip
_PLACES = {"organization", "organizations"}
OVER = (SyncState.DISCARDED, SyncState.SUPERSEDED, SyncState.EXPIRED, SyncState.CANCELLED)


class Before(msgspec.Struct, frozen=True):
    """Something that happened to the same record: what a sync did or planned, or a person by hand."""

    at: datetime
    sentence: str
    sync_id: int | None = None
    """None of what a person did."""
    action_id: int | None = None


def history(connection: Connection, action: Any) -> list[Any]:
    """What syncs did and planned with the record of an action, that action and later ones included, newest first.

    What they did under ids that the same account or class had before belongs to it.
    """
    found: dict[int, Any] = {}
    ids, known = {action.source_id}, set[str]()
    while ids:
        rows = _of_ids(connection, ids, action.type)
        found |= {row.id: row for row in rows if row.source_id == action.source_id or row.target_id == action.target_id}
        known |= ids
        ids = {older for row in rows if row.id in found and (older := _older_id(row))} - known
    return [found[id_] for id_ in sorted(found, reverse=True)]


def _older_id(row: Any) -> str:
    """The id of the SIS that the action took from its record, where it gave it another one."""
    was, now = (side.get("identifiers") or {} for side in (row.before, row.after))
    return next((str(id_) for kind, id_ in was.items() if id_ and now.get(kind) not in {"", None, id_}), "")


def _of_ids(connection: Connection, ids: Iterable[str], type_: str) -> Sequence[Any]:
    types = (type_,) if type_ in {"section", "organization"} else ("student", "teacher")
    statement = (
        select(
            Action.id, Action.sync_id, Action.source_id, Action.verb, Action.state, Action.outcome, Action.held,
            Action.target_id, Action.before, Action.after, Sync.mode, Sync.undoes_id, Sync.state.label("sync_state"),
            func.coalesce(Sync.finished_at, Sync.prepared_at, Sync.created_at).label("at"),
        )
        .join(Sync, Sync.id == Action.sync_id)
        .where(Action.source_id.in_(list(ids)), Action.type.in_(types))
    )  # fmt: skip
    return connection.execute(statement).all()


class Around(msgspec.Struct, frozen=True):
    """What is around an action, as far as its explanation needs it."""

    kind: str
    """Of its connection."""
    school: str
    """The name of its school; blank where it has none."""
    past: Sequence[Any]
    """Its ``history``."""
    organizations: Mapping[int, str] = {}
    """Names of those that the action names, by id."""
    people: Mapping[str, str] = {}
    """Names of those that it names, by ``source_id``."""


def around(connection: Connection, sync: Any, action: Any) -> Around:
    """What is around an action, where nobody has read it yet."""
    here = (SisSchool.connection_id == sync.connection_id, SisSchool.source_id == action.school)
    name = connection.scalar(select(SisSchool.name).where(*here))
    both: dict[str, list[Any]] = action.evidence.get("both", {})
    teachers = {id_ for ids in both.get("teachers", ()) for id_ in ids or ()}
    people = {id_: row[0] for id_, row in names(connection, sync.connection_id, teachers).items()} if teachers else {}
    rows = connection.execute(select(Organization.id, Organization.name)) if both.keys() & _PLACES else ()
    organizations = {row[0]: row[1] for row in rows}
    past = history(connection, action)
    return Around(kind_of(connection, sync.connection_id), name or "", past, organizations, people)


def why(connection: Connection, sync: Any, action: Any, known: Around) -> list[str]:
    """Sentences that say where an action comes from and what shaped it. ``sync`` and ``action`` are rows or objects."""
    options = stored_options(sync.options, known.kind)
    found = list(_origin(connection, sync, action, known))
    if action.evidence.get("rule") != "undo":
        found += _rule(action, options, known)
        found += _options(action, options)
    found += _decisions(connection, sync, action)
    if undone := _undone_by(sync.id, known.past):
        found.append(f"Sync {undone} undid it.")
    return found


def before(connection: Connection, sync: Any, action: Any, past: Sequence[Any], limit: int = 50) -> list[Before]:
    """What syncs did and planned with the same record until then, and people by hand, newest first.

    ``past``: its ``history``.
    """
    found = [Before(row.at, _happened(row), row.sync_id, row.id) for row in past if row.id < action.id]
    until = None if sync.state in OPEN else sync.finished_at
    by_hand = [each for each in deeds(connection, action) if until is None or each.at <= until]
    found += [Before(each.at, each.sentence) for each in by_hand]
    return sorted(found, key=lambda each: (each.at, each.action_id or 0), reverse=True)[:limit]


_DID = {"add": "added", "edit": "changed", "delete": "archived", "reactivate": "made active again"}
_DONE = {"add": "added it", "edit": "changed it", "delete": "archived it", "reactivate": "made it active again"}
_MEANT = {"add": "add it", "edit": "change it", "delete": "archive it", "reactivate": "make it active again"}


def _happened(row: Any) -> str:
    who = f"Sync {row.sync_id}" + (f", the undo of sync {row.undoes_id}," if row.undoes_id else "")
    if row.state == "applied":
        return f"{who} {_DONE[row.verb]}."
    meant = f"{who} planned to {_MEANT[row.verb]}"
    if row.state == "already-so":
        return f"{meant}; it was so already."
    if row.state == "conflict":
        return f"{meant}, and did not: {row.outcome}"
    if row.state == "unticked":
        return f"{meant}; somebody unticked that."
    if row.sync_state in OVER:
        return f"{meant}; the plan was {row.sync_state}."
    return f"{meant}; {'it is held until a person decides' if row.held else 'it waits for a commit'}."


def _origin(connection: Connection, sync: Any, action: Any, known: Around) -> Iterator[str]:
    """Which record of the SIS it is about, and, of a delete, how the SIS lists it now."""
    source, theirs = NAMES[known.kind], _THEIRS.get(action.type, action.type)
    if action.evidence.get("rule") == "undo":
        did = next((_DID[row.verb] for row in known.past if row.id == action.evidence["action"]), "changed")
        yield f"It takes back that sync {action.evidence['sync']} {did} the {theirs} {action.source_id} of {source}."
        if action.verb == "edit":
            yield "Before is what the portal holds now, after is what it held until that sync."
        return
    at = f" at {known.school}" if known.school else ""
    yield f"It comes from the {theirs} {action.source_id} of {source}{at}."
    if action.verb == "delete":
        table: Any = SisSection if action.type == "section" else SisPerson
        mine = (table.connection_id == sync.connection_id, table.source_id == action.source_id)
        columns = (table.gone_in_sync, table.in_scope, listed_as_archived(table.__table__).label("archived"))
        row = connection.execute(select(*columns).where(*mine)).one_or_none()
        yield from _absence(sync, action, row, source)


def _absence(sync: Any, action: Any, row: Row[Any] | None, source: str) -> Iterator[str]:
    if row is not None and row.gone_in_sync is None and not row.in_scope:
        yield f"{source} lists it in a school that is not synced."
        return
    if row is not None and row.gone_in_sync is None and row.archived:
        yield f"{source} lists it as archived in the portal that wrote the package."
        return
    collection = "sections" if action.type == "section" else "people"
    seals = [seal for seal in sync.completeness if seal["collection"] == collection and seal["complete"]]
    yield f"{source} does not list it any more."
    if seals:
        yield f"Its list was proven to be whole. {seal_sentence(seals[0])}."


def _rule(action: Any, options: Options, known: Around) -> Iterator[str]:
    """Why it concerns the account or class that it does."""
    ours, rule = _OURS.get(action.type, "record"), action.evidence.get("rule")
    if rule == "legacy-id":
        yield f"The {ours} was linked to the id {action.evidence['was']}, which an older version of the API gave the same record."
    elif rule == "key" and action.target_id is not None:
        yield f"It was matched by the {_KEYS.get(action.evidence.get('key', ''), 'key')}, as the options say."
    yield from evidence_sentences(action.evidence, known.organizations, known.people)
    if rule not in {None, "guard", "chosen"} or action.type == "organization":
        return
    if action.verb == "add":
        key = {"student": options.match_students, "teacher": options.match_teachers}.get(
            action.type, options.match_sections
        )
        yield f"No {ours} is linked to it, and none was found by the {_KEYS.get(str(key), str(key))}: a new one is made."
        return
    applied = [
        row for row in known.past if row.id < action.id and row.target_id == action.target_id and row.state == "applied"
    ]
    since = applied[-1].sync_id if applied and action.target_id is not None else None
    yield f"The {ours} is linked to it{f' since sync {since}' if since else ''}."


def _options(action: Any, options: Options) -> Iterator[str]:
    """Options that made it what it is."""
    after, before_ = action.after, action.before
    blanked = [name for name, value in after.items() if value in ("", None, []) and before_.get(name)]
    if blanked:
        yield "The SIS gives a blank there, and the options say that a blank replaces a value."
    if action.verb == "add" and after.get("archived"):
        yield "It is archived in the portal that wrote the package, so it comes here as archived, too."
    if action.type == "section" and action.verb == "add":
        yield from _of_new_class(action, options)
    if action.type == "section" and action.verb == "edit" and options.ignore_name_edits:
        yield "The options ignore a new name of a section, so that is no part of it."
    for type_, field, chosen in (
        ("student", "student_id", options.map_student_id),
        ("teacher", "teacher_id", options.map_teacher_id),
    ):
        if action.type == type_ and "sis_id" in after and str(chosen) == "sis_id":
            yield f"The options write the {_KEYS[field]} of the SIS into SIS ID."


def _of_new_class(action: Any, options: Options) -> Iterator[str]:
    """What decided how a new class is held and what it stands under: the package of a portal, else options."""
    stated, style = action.evidence.get("stated", {}), action.after.get("style")
    if "style" in stated:
        yield f"It is {STYLES[style].lower()} as in the portal that wrote the package; that goes before the options."
    elif style == "self-paced":
        yield "It has no start and no finish in the SIS, and the options make such classes self-paced."
    elif style == "blended":
        yield "It has both dates, and the options make such classes blended."
    if "parent" in stated:
        place = f"stands under the parent class {stated['parent']}" if stated["parent"] else "stands alone"
        yield f"It {place}, as in the portal that wrote the package; that goes before the options."
    elif options.parent_child:
        yield "The options put it under one parent with other new classes of the same teacher and session key."


def _decisions(connection: Connection, sync: Any, action: Any) -> Iterator[str]:
    """What people decided of it."""
    by = _name(connection, action.decided_by)
    if action.held:
        yield f"It is held. {why_held(action, sync.held)}"
    elif guard := why_released(action):
        yield f"{by or 'A person'} released it, although a guard had held it: {guard}"
    if action.evidence.get("rule") == "chosen":
        yield from _chosen(action.evidence, by)
    if not action.ticked:
        yield f"{by or 'Somebody'} unticked it."
    elif by and not (action.held or action.evidence.keys() & {"released", "value"}):
        yield f"{by} decided on it in the review."
    if out := action.roster.get("unticked"):
        yield f"{len(out):,} of those who join or leave {'is' if len(out) == 1 else 'are'} unticked."
    collection = "sections" if action.type == "section" else "people"
    said = select(MatchDecision.decision, MatchDecision.target_id, MatchDecision.decided_by).where(
        MatchDecision.connection_id == sync.connection_id, MatchDecision.collection == collection,
        MatchDecision.source_id == action.source_id,
    )  # fmt: skip
    for decision, target, account in connection.execute(said.order_by(MatchDecision.id)):
        who = _name(connection, account) or "A person"
        ours = f"{_OURS.get(action.type, 'record')} {target}"
        yield {
            "same": f"{who} said that it is the {ours}.",
            "not-same": f"{who} said that it is not the {ours}.",
        }.get(decision, f"{who} said to make a new one.")


def _chosen(evidence: dict[str, Any], by: str) -> Iterator[str]:
    """Which values a person chose of fields that were changed both here and in the SIS."""
    taken = evidence["sis"]
    kept = [field for field in evidence["both"] if field not in taken]
    if kept:
        yield f"{by or 'A person'} chose to keep what the portal holds: {field_names(kept)}."
    if taken:
        yield f"{by or 'A person'} chose to take what the SIS says: {field_names(taken)}."


def _name(connection: Connection, account_id: int | None) -> str:
    if account_id is None:
        return ""
    columns = select(Account.first_name, Account.last_name, Account.username)
    row = connection.execute(columns.where(Account.id == account_id)).one_or_none()
    return "" if row is None else f"{row.first_name} {row.last_name}".strip() or str(row.username)


def _undone_by(sync_id: int, past: Sequence[Any]) -> int | None:
    """The newest undo that took the action back."""
    return next((row.sync_id for row in past if row.undoes_id == sync_id and row.state == "applied"), None)
