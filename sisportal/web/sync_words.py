"""A sync as pages show it: what types and verbs are called, the table of its numbers, its note, and who ran it."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from flask import url_for
from sqlalchemy import func, select

from sisportal.extensions import db
from sisportal.models import Account, Sync, SyncState, SyncWarning
from sisportal.roster.catalogue import Severity
from sisportal.syncing.review import Counts
from sisportal.syncing.words import total_of
from sisportal.web.rendering import url_with
from sisportal.web.sis_words import words_of

TYPES = ("organization", "student", "teacher", "section")
"""In the order of the report."""
VERBS = {"add": "Add", "reactivate": "Reactivate", "edit": "Edit", "delete": "Delete"}
BECOMES = {"add": "added", "reactivate": "brought back", "edit": "edited", "delete": "archived"}
"""What becomes of a record by each verb."""
COMMITTED = frozenset({SyncState.COMMITTING, SyncState.COMMITTED, SyncState.PARTLY_COMMITTED})
NOTES = {
    "queued": "Waiting",
    "preparing": "Being prepared",
    "prepared": "Not committed",
    "committing": "Being committed",
    "committed": "Committed",
    "partly-committed": "Partly committed",
    "failed": "Failed",
    "interrupted": "Interrupted",
    "cancelled": "Cancelled",
    "discarded": "Discarded",
    "superseded": "Not committed",
    "expired": "Not committed",
}
SEVERITY_TONES = {Severity.ERROR: "danger", Severity.WARNING: "warning", Severity.INFO: "info"}
_PAST = {"reactivate": "reactivated"}
_OUTCOMES = {
    "conflict": ("conflict", "conflicts", "danger"),
    "failed": ("failed", "failed", "danger"),
    "already-so": ("was so already", "were so already", ""),
    "unticked": ("unticked", "unticked", ""),
}


@dataclass(frozen=True, slots=True)
class Part:
    """A number of a cell and the list that it leads to."""

    text: str
    url: str
    tone: str = ""


@dataclass(slots=True)
class Cell:
    """One number of the table, with what belongs to it in small print."""

    number: int
    url: str
    parts: list[Part] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class CountRow:
    """One line of the table."""

    label: str
    cells: list[Cell]
    warnings: Cell


def types_of(kind: str) -> dict[str, str]:
    """What the types of actions are called on pages of a connection, in the order of the report."""
    return {type_: words_of(kind).many(type_).capitalize() for type_ in TYPES}


def applied(sync: Sync) -> dict[str, int]:
    """How many records of each type a sync changed."""
    found = {type_: total_of({type_: sync.counts.get(type_, {})}, "applied") for type_ in TYPES}
    return {type_: number for type_, number in found.items() if number}


def one_of(kind: str) -> dict[str, str]:
    """What one record of each type is called on pages of a connection."""
    return {type_: words_of(kind).one(type_) for type_ in TYPES}


def count_rows(
    sync_id: int, state: str, counted: Counts, warnings: Mapping[str, int], log_url: str, types: Mapping[str, str]
) -> list[CountRow]:
    """The table of a sync: a line for each type that has actions or warnings, the numbers linked to their lists."""
    rows = []
    for type_, label in types.items():
        verbs = counted.get(type_, {})
        if verbs or warnings.get(type_) or type_ != "organization":
            cells = [
                _cell(sync_id, state, type_, verbs, ("add", "reactivate")),
                _cell(sync_id, state, type_, verbs, ("edit",)),
                _cell(sync_id, state, type_, verbs, ("delete",)),
            ]
            warned = Cell(warnings.get(type_, 0), url_with(log_url, sync=sync_id, type=type_))
            rows.append(CountRow(label, cells, warned))
    if rest := sum(number for type_, number in warnings.items() if type_ not in TYPES):
        rows.append(CountRow("Others", [], Cell(rest, url_with(log_url, sync=sync_id))))
    return rows


def in_words(counted: Counts, types: Mapping[str, str], which: str) -> list[tuple[str, str]]:
    """``("Students", "141 added, 3 edited, 2 archived")`` for each type of which there are some.

    ``which`` of the numbers: ``ready`` for what a commit would do now, ``applied`` for what one did.
    """
    rows = []
    for type_, label in types.items():
        numbers = {verb: counted.get(type_, {}).get(verb, {}).get(which, 0) for verb in BECOMES}
        if said := ", ".join(f"{number:,} {BECOMES[verb]}" for verb, number in numbers.items() if number):
            rows.append((label, said))
    return rows


def warnings_by_type(sync_id: int) -> dict[str, int]:
    """How many warnings a sync has for each type of record; those of none are under a blank."""
    statement = select(SyncWarning.type, func.count()).where(SyncWarning.sync_id == sync_id).group_by(SyncWarning.type)
    return {row[0]: row[1] for row in db.session.execute(statement)}


def people_of(*syncs: Sync) -> dict[int, str]:
    """Names of those who started or committed some syncs, by account."""
    ids = {id_ for sync in syncs for id_ in (sync.started_by, sync.committed_by) if id_ is not None}
    if not ids:
        return {}
    columns = select(Account.id, Account.first_name, Account.last_name, Account.username)
    rows = db.session.execute(columns.where(Account.id.in_(ids)))
    return {row.id: f"{row.first_name} {row.last_name}".strip() or row.username for row in rows}


def starter(sync: Sync, people: Mapping[int, str]) -> str:
    """Who started a sync, in words."""
    if sync.started_by is not None:
        return people.get(sync.started_by, "somebody")
    return "the schedule" if sync.automatic else "the command line"


def changes(sync: Sync) -> int:
    """How many changes a sync made, or would make while it is not committed."""
    return total_of(sync.counts, "applied" if sync.state in COMMITTED else "planned")


def _cell(sync_id: int, state: str, type_: str, verbs: Mapping[str, Mapping[str, int]], names: tuple[str, ...]) -> Cell:
    """The number of the first verb; one that stands in the same column follows in small print."""
    outcome = "applied" if state in COMMITTED else "planned"
    urls = {
        verb: url_for(
            "sync_actions.actions",
            sync_id=sync_id,
            type=type_,
            verb=verb,
            state=outcome if state in COMMITTED else None,
        )
        for verb in names
    }
    parts: list[Part] = []
    for verb in names:
        numbers = verbs.get(verb, {})
        if verb != names[0] and numbers.get(outcome):
            parts.append(Part(f"{numbers[outcome]:,} {_PAST[verb]}", urls[verb]))
        parts += _outcomes(numbers, urls[verb]) if state in COMMITTED else _waiting(numbers, urls[verb], state)
    return Cell(verbs.get(names[0], {}).get(outcome, 0), urls[names[0]], parts)


def _outcomes(numbers: Mapping[str, int], url: str) -> list[Part]:
    parts = []
    for state, (one, many, tone) in _OUTCOMES.items():
        if number := numbers.get(state):
            parts.append(Part(f"{number:,} {one if number == 1 else many}", url_with(url, state=state), tone))
    if number := numbers.get("held"):
        parts.append(Part(f"{number:,} held", url_with(url, held="yes", state=None), "warning"))
    return parts


def _waiting(numbers: Mapping[str, int], url: str, state: str) -> list[Part]:
    parts = []
    if state == SyncState.PREPARED and (number := numbers.get("unticked")):
        parts.append(Part(f"{numbers['ticked']:,} ticked, {number:,} not", url_with(url, unticked="yes")))
    elif state == SyncState.PREPARED and numbers.get("planned"):
        parts.append(Part("all ticked", ""))
    if number := numbers.get("held"):
        parts.append(Part(f"{number:,} held", url_with(url, held="yes"), "warning"))
    return parts
