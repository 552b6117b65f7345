"""The audit log: who did what, when and from where; for administrators and viewers of the whole portal."""

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

from flask import Blueprint, Response, request, url_for
from sqlalchemy import ColumnElement, Engine, Select, Text, cast, func, or_, select

from sisportal.extensions import db
from sisportal.models import Account, AuditEvent, Sync
from sisportal.roster.catalogue import field_name
from sisportal.roster.option_catalogue import ENTRIES
from sisportal.syncing.audit_events import GROUPS, NAMES
from sisportal.syncing.rows import read
from sisportal.web.access import Rule, access
from sisportal.web.csv_files import csv_file
from sisportal.web.lists import LONGEST_SEARCH, asked_choice, asked_search, page_of
from sisportal.web.portal import time_zone
from sisportal.web.rendering import render_tab

blueprint = Blueprint("audit", __name__)

_OPTIONS = {entry.name: entry.label for entry in ENTRIES}
_SYNC = re.compile(r"sync (\d{1,9})")

HEADING = ("When (UTC)", "Who", "What", "Of what", "Details", "From where")
SEARCHED = (AuditEvent.actor, AuditEvent.event, AuditEvent.subject, AuditEvent.address, cast(AuditEvent.details, Text))


@blueprint.get("/audit")
@access(Rule.READ)
def listing() -> Response:
    ids, pages = page_of(_asked())
    rows = list(db.session.scalars(select(AuditEvent).where(AuditEvent.id.in_(ids)).order_by(AuditEvent.id.desc())))
    return render_tab(
        "audit/audit.html",
        events=rows,
        reports=_reports({row.subject for row in rows}),
        pages=pages,
        search=asked_search(),
        what=_what(),
        choices=_choices(),
        who=_who(),
        since=_day("since"),
        until=_day("until"),
        is_filtered=any(request.args.get(name) for name in ("q", "what", "who", "since", "until")),
        in_words=in_words,
        event_name=event_name,
    )


@blueprint.get("/audit.csv")
@access(Rule.READ)
def spreadsheet() -> Response:
    """Every event that the list would show on all its pages."""
    columns = (
        AuditEvent.at,
        AuditEvent.actor,
        AuditEvent.event,
        AuditEvent.subject,
        AuditEvent.details,
        AuditEvent.address,
    )
    return csv_file("audit.csv", HEADING, _lines(db.engine, _asked().with_only_columns(*columns)))


def event_name(event: str) -> str:
    """``Sign-in failed``, ``Options changed``."""
    return event.replace("-", " ").replace("sign in", "sign-in").capitalize()


def in_words(event: str, details: Any) -> str:
    """Details as people read them: ``role: viewer, from: 1.2.3.4``; options by the names that *Configure* gives them.

    Of a commit what became of how many is told, and whether something is left.
    """
    if event == "options-changed" and isinstance(details, dict):
        chosen = {**details, **details.get("options", {})}
        chosen.pop("options", None)
        return ", ".join(f"{_OPTIONS.get(name, name)}: {value}" for name, value in chosen.items())
    if event == "sync-committed" and isinstance(details, dict) and details.get("outcomes"):
        became = _value({outcome: number for outcome, number in details["outcomes"].items() if outcome != "planned"})
        return became if details.get("state") == "committed" else f"in part: {became}"
    if isinstance(details, dict):
        return ", ".join(f"{name.replace('_', ' ')}: {_detail(name, value)}" for name, value in details.items())
    return _value(details)


def _detail(name: str, value: Any) -> str:
    if name == "fields" and isinstance(value, list):
        return ", ".join(field_name(str(each)) for each in value)
    return _value(value)


def _reports(subjects: set[str]) -> dict[str, str]:
    """``sync 3`` -> its report, of those that are there: the ones of the sample district go with it."""
    named = {int(each.group(1)): each.string for subject in subjects if (each := _SYNC.fullmatch(subject))}
    found = db.session.scalars(select(Sync.id).where(Sync.id.in_(named))) if named else ()
    return {named[id_]: url_for("sync_report.report", sync_id=id_) for id_ in found}


def _value(value: Any) -> str:
    """``Abel, Mia; Chen, Ben`` of a list, ``3 applied, 1 conflict`` of numbers by their names."""
    if isinstance(value, list):
        return "; ".join(_value(each) for each in value)
    if isinstance(value, dict):
        pairs = value.items()
        return ", ".join(
            f"{number} {name}" if isinstance(number, int) else f"{name} {_value(number)}" for name, number in pairs
        )
    return "" if value is None else str(value)


def _asked() -> Select[Any]:
    conditions: list[ColumnElement[bool]] = [
        or_(*(func.lower(column).contains(word, autoescape=True) for column in SEARCHED))
        for word in asked_search().lower().split()
    ]
    if what := _what():
        conditions.append(AuditEvent.event.in_(GROUPS.get(what, (what,))))
    if who := _who():
        named = _as_stored(who)
        conditions.append(or_(AuditEvent.actor == named, AuditEvent.subject == named))
    if since := _day("since"):
        conditions.append(AuditEvent.at >= _midnight(since))
    if until := _day("until"):
        conditions.append(AuditEvent.at < _midnight(until + timedelta(days=1)))
    return select(AuditEvent.id).where(*conditions).order_by(AuditEvent.id.desc())


def _what() -> str:
    """A group of events, or one event; blank for all."""
    return asked_choice("what", {*GROUPS, *NAMES})


def _choices() -> list[tuple[str, str]]:
    """(value, label) of each group, its events behind it."""
    choices = [("", "Everything")]
    for group, events in GROUPS.items():
        choices.append((group, f"All {group}"))
        choices += [(event, f"· {event_name(event)}") for event in events]
    return choices


def _who() -> str:
    return request.args.get("who", "").strip()[:LONGEST_SEARCH]


def _as_stored(who: str) -> str:
    """A username as its account spells it: so the index finds it; anything else, such as ``command line``, as it is typed."""
    return db.session.scalar(select(Account.username).where(func.lower(Account.username) == who.lower())) or who


def _day(name: str) -> date | None:
    """A day that the URL names; None where it names none that there is."""
    try:
        day = date.fromisoformat(request.args.get(name, ""))
    except ValueError:
        return None
    return day if 1970 <= day.year <= 9000 else None


def _midnight(day: date) -> datetime:
    """When a day begins at the portal, in UTC."""
    return datetime(day.year, day.month, day.day, tzinfo=time_zone()).astimezone(UTC)


def _lines(engine: Engine, statement: Select[Any]) -> Iterator[tuple[object, ...]]:
    with engine.connect() as connection:
        for row in read(connection, statement):
            yield (
                row.at.isoformat(timespec="seconds"),
                row.actor,
                row.event,
                row.subject,
                in_words(row.event, row.details),
                row.address,
            )
