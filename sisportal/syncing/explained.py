"""One action explained: which record it came from, which rule, option and decision shaped it, and what came before (SPEC 7)."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import Connection, Row, func, select

from sisportal.models import Account, Action, MatchDecision, SisPerson, SisSchool, SisSection, Sync, SyncState
from sisportal.roster.options import Options
from sisportal.syncing.connections import NAMES, stored_options
from sisportal.syncing.explaining import STYLES, evidence_sentences, held_words, seal_sentence
from sisportal.syncing.mirror import listed_as_archived
from sisportal.syncing.undo_found import kind_of

_THEIRS = {"student": "student", "teacher": "teacher", "section": "section", "organization": "school"}
_OURS = {"student": "account", "teacher": "account", "section": "class", "organization": "organization"}
_KEYS = {
    "student_id": "student ID", "teacher_id": "teacher ID", "email": "e-mail address", "sis_id": "SIS ID",
    "source_id": "SIS's own ID", "class_name": "class name",
}  # fmt: skip
OVER = (SyncState.DISCARDED, SyncState.SUPERSEDED, SyncState.EXPIRED, SyncState.CANCELLED)


class Before(msgspec.Struct, frozen=True):
    """Something that a sync did, or planned, with the same record."""

    at: datetime
    sync_id: int
    action_id: int
    sentence: str


def history(connection: Connection, action: Any) -> list[Any]:
    """What syncs did and planned with the record of an action, that action and later ones included, newest first."""
    statement = (
        select(
            Action.id, Action.sync_id, Action.verb, Action.state, Action.outcome, Action.held, Action.target_id, Sync.mode,
            Sync.undoes_id, Sync.state.label("sync_state"),
            func.coalesce(Sync.finished_at, Sync.prepared_at, Sync.created_at).label("at"),
        )
        .join(Sync, Sync.id == Action.sync_id)
        .where(Action.source_id == action.source_id, Action.type == action.type)
        .order_by(Action.id.desc())
    )  # fmt: skip
    return list(connection.execute(statement))


class Around(msgspec.Struct, frozen=True):
    """What is around an action, as far as its explanation needs it."""

    kind: str
    """Of its connection."""
    school: str
    """The name of its school; blank where it has none."""
    past: Sequence[Any]
    """Its ``history``."""


def around(connection: Connection, sync: Any, action: Any) -> Around:
    """What is around an action, where nobody has read it yet."""
    here = (SisSchool.connection_id == sync.connection_id, SisSchool.source_id == action.school)
    name = connection.scalar(select(SisSchool.name).where(*here))
    return Around(kind_of(connection, sync.connection_id), name or "", history(connection, action))


def why(connection: Connection, sync: Any, action: Any, known: Around) -> list[str]:
    """Sentences that say where an action comes from and what shaped it. ``sync`` and ``action`` are rows or objects."""
    options = stored_options(sync.options, known.kind)
    found = list(_origin(connection, sync, action, known))
    if action.evidence.get("rule") != "undo":
        found += _rule(action, options, known.past)
        found += _options(action, options)
    found += _decisions(connection, sync, action)
    if undone := _undone_by(sync.id, known.past):
        found.append(f"Sync {undone} undid it.")
    return found


def before(action: Any, past: Sequence[Any], limit: int = 50) -> list[Before]:
    """What syncs did and planned with the same record until then, newest first. ``past``: its ``history``."""
    older = [row for row in past if row.id < action.id][:limit]
    return [Before(row.at, row.sync_id, row.id, _happened(row)) for row in older]


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
        yield (
            f"It takes back what sync {action.evidence['sync']} did with the {theirs} {action.source_id} of {source}: "
            "the values before are what the portal holds, those after what it held until then."
        )
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
    read = f": that list was proven to be whole, {seal_sentence(seals[0])}" if seals else ""
    yield f"{source} does not list it any more{read}."


def _rule(action: Any, options: Options, past: Sequence[Any]) -> Iterator[str]:
    """Why it concerns the account or class that it does."""
    ours, rule = _OURS.get(action.type, "record"), action.evidence.get("rule")
    if rule == "legacy-id":
        yield f"The {ours} was linked to the id {action.evidence['was']}, which an older version of the API gave the same record."
    elif rule == "key" and action.target_id is not None:
        yield f"It was matched by the {_KEYS.get(action.evidence.get('key', ''), 'key')}, as the options say."
    yield from evidence_sentences(action.evidence)
    if rule is not None or action.type == "organization":
        return
    if action.verb == "add":
        key = {"student": options.match_students, "teacher": options.match_teachers}.get(
            action.type, options.match_sections
        )
        yield f"No {ours} is linked to it, and none was found by the {_KEYS.get(str(key), str(key))}: a new one is made."
        return
    applied = [
        row for row in past if row.id < action.id and row.target_id == action.target_id and row.state == "applied"
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
        yield f"It is held. {held_words(action.held)}"
    if not action.ticked:
        yield f"{by or 'Somebody'} unticked it."
    elif by and not action.held:
        yield f"{by} decided on it in the review."
    if out := action.roster.get("unticked"):
        yield f"{len(out):,} of those who join or leave {'is' if len(out) == 1 else 'are'} unticked."
    if sync.request.get("released") and action.verb in {"delete", "add", "reactivate"}:
        yield "A person released what the guards of this plan held."
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


def _name(connection: Connection, account_id: int | None) -> str:
    if account_id is None:
        return ""
    columns = select(Account.first_name, Account.last_name, Account.username)
    row = connection.execute(columns.where(Account.id == account_id)).one_or_none()
    return "" if row is None else f"{row.first_name} {row.last_name}".strip() or str(row.username)


def _undone_by(sync_id: int, past: Sequence[Any]) -> int | None:
    """The newest undo that took the action back."""
    return next((row.sync_id for row in past if row.undoes_id == sync_id and row.state == "applied"), None)
