"""What the forms of connections share: what is kept already, secrets that are left blank, days, and keeping it all."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import msgspec
from flask import Response, current_app, request
from sqlalchemy import select

from sisportal.extensions import db
from sisportal.models import SisConnection
from sisportal.models.database import writing
from sisportal.roster.options import Options, defaults
from sisportal.syncing import apps, connections, notices
from sisportal.syncing.connections import DAYS, ConnectionFacts
from sisportal.syncing.credentials import SecretsUnreadable
from sisportal.syncing.sample_district import KIND, is_sample
from sisportal.syncing.trials import read_schools, try_connection
from sisportal.web.acting import released_engine, who
from sisportal.web.portal import now
from sisportal.web.rendering import from_htmx, render_invalid, render_partial, render_tab

LONGEST = 2_000


@dataclass(slots=True)
class ConnectForm:
    """What was entered, and what is wrong with it by field."""

    settings: dict[str, str] = field(default_factory=dict)
    """What is not secret, by field, as the connection keeps it."""
    secrets: dict[str, str] = field(default_factory=dict)
    """What the connection keeps: entered now, or stored before and left blank now."""
    stored: frozenset[str] = frozenset()
    """Names of the secrets that are kept: they are never shown again."""
    version: str = ""
    """Of OneRoster; blank: found out."""
    errors: dict[str, str] = field(default_factory=dict)


def connection_of(kind: str) -> SisConnection | None:
    """The connection of this kind, where there is one."""
    return db.session.scalar(select(SisConnection).where(SisConnection.kind == kind))


def reads_sample() -> bool:
    """Whether the sample district stands where a Clever district would be connected."""
    found = connection_of(KIND)
    return found is not None and is_sample(found.settings)


def kept_secrets(kind: str) -> dict[str, str]:
    """The secrets that a connection keeps; none where they cannot be read any more: they are then entered again."""
    held = connection_of(kind)
    try:
        kept: dict[str, str] = current_app.extensions["cipher"].decrypt(held.secrets if held else None)
    except SecretsUnreadable:
        return {}
    return kept


def entered(names: Iterable[str]) -> dict[str, str]:
    """What the fields of these names hold; of each that is not blank."""
    return {name: text for name in names if (text := request.form.get(name, "").strip())}


def too_long(names: Iterable[str]) -> dict[str, str]:
    """What to say of fields that hold more than any address or secret has."""
    wrong = (name for name in names if len(request.form.get(name, "")) > LONGEST)
    return dict.fromkeys(wrong, f"This is longer than {LONGEST:,} letters.")


def wrong_days(days: Mapping[str, str]) -> dict[str, str]:
    """What is wrong with the days of the school year and of the semester, by field."""
    errors = {"year_start": "Enter its first day."} if not days["year_start"] else {}
    errors |= {"year_end": "Enter its last day."} if not days["year_end"] else {}
    if bool(days["semester_start"]) != bool(days["semester_end"]):
        missing = "semester_end" if days["semester_start"] else "semester_start"
        errors[missing] = "Enter both days of the semester, or neither."
    errors |= {
        name: "This is no day. Write it like 2026-08-31." for name in DAYS if days[name] and not _is_day(days[name])
    }
    return errors or _disorder(days)


def _is_day(text: str) -> bool:
    try:
        return date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False


def _disorder(days: Mapping[str, str]) -> dict[str, str]:
    """ISO days sort as texts."""
    for what in ("year", "semester"):
        if days[f"{what}_end"] < days[f"{what}_start"]:
            return {f"{what}_end": "It ends before it starts."}
    if (
        days["semester_start"]
        and not days["year_start"] <= days["semester_start"] <= days["semester_end"] <= days["year_end"]
    ):
        return {"semester_start": "The semester is not within the school year."}
    return {}


def as_entered(kind: str, form: ConnectForm) -> ConnectionFacts:
    """A connection as it was entered, not kept yet."""
    held = connection_of(kind)
    options = connections.stored_options(held.options, kind) if held else defaults(kind)
    unsure = _looks_for_version(kind, form)
    return ConnectionFacts(
        id=held.id if held else 0,
        kind=kind,
        settings={**form.settings, "any_version": unsure},
        secrets=current_app.extensions["cipher"].encrypt(form.secrets),
        options=_of_version(options, kind, form.version, unsure=unsure),
        options_version=0,
        places={},
        mirror_stale=False,
        cursor=None,
        committed_sync_id=None,
        committed_options=None,
    )


def keep(kind: str, form: ConnectForm) -> int:
    """Store a connection and install its app; its id. The request's own transaction has ended then."""
    asker, engine, moment, unsure = who(), released_engine(), now(), _looks_for_version(kind, form)
    settings: dict[str, Any] = form.settings | ({"any_version": unsure} if kind == "oneroster" else {})
    secrets = current_app.extensions["cipher"].encrypt(form.secrets) if form.secrets else None
    version = defaults(kind).api_version if unsure else form.version
    connection_id = connections.connect(engine, kind, settings, secrets, moment, version=version)
    with writing(engine).begin() as connection:
        apps.install(connection, kind, moment)
        notices.record(
            connection, "connected", kind, moment,
            actor=asker.name, actor_id=asker.id, address=asker.address, **form.settings,
        )  # fmt: skip
    return connection_id


def _looks_for_version(kind: str, form: ConnectForm) -> bool:
    return kind == "oneroster" and not form.version


def _of_version(options: Options, kind: str, version: str, *, unsure: bool) -> Options:
    wanted = defaults(kind).api_version if unsure else version
    return msgspec.structs.replace(options, api_version=wanted) if wanted else options


def answer_test(template: str, kind: str, form: ConnectForm, context: Any) -> Response:
    """What the SIS answers; for htmx without the form, which keeps what was typed into it."""
    if form.errors and from_htmx():
        return render_partial("sis_setup/_trial.html", trial=None, errors=list(form.errors.values()))
    if form.errors:
        return render_invalid(template, **context(kind, form))
    facts = as_entered(kind, form)
    released_engine()
    trial = try_connection(current_app.extensions["open_provider"], facts)
    if from_htmx():
        return render_partial("sis_setup/_trial.html", trial=trial, errors=[])
    return render_tab(template, **context(kind, form, trial))


def changes(kind: str, form: ConnectForm, stored: ConnectForm, secrets: tuple[str, ...]) -> bool:
    """Whether what was entered differs from what is kept: else a plan that waits could no longer be committed.

    A secret that was entered counts as another one.
    """
    differs = (form.settings, form.version) != (stored.settings, stored.version)
    return connection_of(kind) is None or differs or bool(entered(secrets))


def keep_and_read(kind: str, form: ConnectForm) -> str:
    """Keep the connection and read its schools; why they could not be read, or blank."""
    connection_id, portal = keep(kind, form), current_app.extensions
    return read_schools(db.engine, connection_id, portal["open_provider"], portal["clock"])
