"""Records as pages show them: what fields are called, values in words, and what syncs planned for a record over time."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import func, select

from sisportal.extensions import db
from sisportal.models import Action, Organization, Sync
from sisportal.roster.fields import Values
from sisportal.syncing.explaining import LABELS, value_text
from sisportal.web.formats import plural
from sisportal.web.lists import Pages, asked_pages

SOURCES = {"sync": "Sync", "hand": "Made by hand", "import": "Import"}
DONE = {"add": "Added", "edit": "Edited", "delete": "Archived", "reactivate": "Reactivated"}
PLANNED = {"add": "Add", "edit": "Edit", "delete": "Archive", "reactivate": "Reactivate"}
LOOKS = {
    "applied": ("success", "check"),
    "conflict": ("danger", "alert-triangle"),
    "failed": ("danger", "x"),
    "planned": ("info", "list-check"),
}
OUTCOMES = {
    "planned": "Waits for a commit.",
    "unticked": "Unticked: not applied.",
    "conflict": "Not applied: the record had changed in the portal.",
    "failed": "Could not be applied.",
    "already-so": "Was so already.",
    "applied": "",
}
NEVER = "The plan was {state}: not applied."
OVER = frozenset({"discarded", "superseded", "expired", "cancelled", "failed", "interrupted"})


@dataclass(frozen=True, slots=True)
class Event:
    """One action that a sync planned for a record, for the timeline."""

    at: Any
    title: str
    text: str
    url: str
    tone: str
    icon: str


def organization_names(ids: Sequence[int]) -> dict[int, str]:
    """Names of organizations by their ids."""
    if not ids:
        return {}
    rows = db.session.execute(select(Organization.id, Organization.name).where(Organization.id.in_(ids)))
    return {row.id: row.name for row in rows}


def organizations_in(*records: Values) -> list[int]:
    """The ids of every organization that some values name."""
    ids = {id_ for values in records for id_ in (values.get("organization"), *(values.get("organizations") or []))}
    return sorted(id_ for id_ in ids if id_ is not None)


def fields_in_words(values: Values) -> list[tuple[str, str]]:
    """(label, value) of the fields that say something; e-mail always, for its lack says something too."""
    organizations = organization_names(organizations_in(values))
    shown = [(name, value_text(name, value, organizations, {})) for name, value in values.items() if _adds(name, value)]
    return [(LABELS[name], text) for name, text in shown if text or name == "email"]


def side_by_side(incoming: Values, held: Values | None) -> list[tuple[str, list[str]]]:
    """Rows of (label, [what the SIS says, what the portal holds]); fields that are blank on both sides are left out."""
    sides = [incoming] if held is None else [incoming, held]
    organizations = organization_names(organizations_in(*sides))
    rows = []
    for name in dict.fromkeys(name for side in reversed(sides) for name in side):
        values = [value_text(name, side.get(name), organizations, {}) for side in sides]
        if any(values) and any(_adds(name, side.get(name)) for side in sides):
            rows.append((LABELS[name], values))
    return rows


def _adds(name: str, value: Any) -> bool:
    """Whether a field adds to the others: a list of one role or organization only repeats it."""
    return name not in {"roles", "organizations"} or len(value or []) > 1


def sync_history(types: Sequence[str], source_ids: Sequence[str]) -> tuple[list[Event], Pages]:
    """A page of every action ever planned for a record, newest first, with its outcome."""
    of_record = (Action.source_id.in_(source_ids), Action.type.in_(types))
    total = db.session.scalar(select(func.count()).select_from(Action).where(*of_record)) if source_ids else 0
    pages = asked_pages(total or 0)
    if not total:
        return [], pages
    rows = db.session.execute(
        select(
            Action.id,
            Action.sync_id,
            Action.verb,
            Action.state,
            Action.outcome,
            Action.held,
            Action.after,
            Action.roster,
            Sync.state.label("sync_state"),
            func.coalesce(Sync.finished_at, Sync.prepared_at, Sync.started_at, Sync.created_at).label("at"),
        )
        .join(Sync, Sync.id == Action.sync_id)
        .where(*of_record)
        .order_by(Action.id.desc())
        .limit(pages.per_page)
        .offset(pages.offset)
    )
    return [_event(row) for row in rows], pages


def _event(row: Any) -> Event:
    tone, icon = LOOKS.get(row.state, ("neutral", "point"))
    if row.state == "planned" and row.sync_state in OVER:
        tone, icon = "neutral", "point"
    url = f"/syncs/{row.sync_id}/actions/{row.id}"
    return Event(row.at, _title(row), _outcome(row), url, tone, icon)


def _title(row: Any) -> str:
    words = DONE if row.state == "applied" else PLANNED
    fields = [LABELS.get(name, name).lower() for name in row.after if name not in {"archived", "identifiers"}]
    what = f"{words.get(row.verb, row.verb)}: {', '.join(fields)}" if row.verb == "edit" and fields else words[row.verb]
    people = [
        f"{plural(len(row.roster[part]), 'person', 'people')} {verb}"
        for part, verb in (("join", "in"), ("leave", "out"))
        if row.roster.get(part)
    ]
    return f"{what} ({', '.join(people)})" if people else what


def _outcome(row: Any) -> str:
    if row.outcome:
        return str(row.outcome)
    if row.state == "planned" and row.sync_state in OVER:
        return NEVER.format(state=row.sync_state)
    if row.held and row.state == "planned":
        return "Held: a person must decide."
    return OUTCOMES.get(row.state, "")
