"""The Setup screen: which integrations there are, and how one is connected and tested."""

from dataclasses import dataclass, field
from typing import Any

from flask import Blueprint, Response, abort, current_app, flash, request, url_for
from sqlalchemy import select

from sisportal.extensions import db
from sisportal.models import SisConnection
from sisportal.models.database import writing
from sisportal.roster.options import defaults
from sisportal.syncing import apps, connections, notices
from sisportal.syncing.connections import NAMES, ConnectionFacts
from sisportal.syncing.credentials import SecretsUnreadable
from sisportal.syncing.trials import Trial, address_error, read_schools, try_connection
from sisportal.web.access import Rule, access
from sisportal.web.acting import released_engine, who
from sisportal.web.portal import enabled_apps, now
from sisportal.web.rendering import from_htmx, redirect_for, render_invalid, render_partial, render_tab

blueprint = Blueprint("sis_setup", __name__, url_prefix="/admin/sis")

KINDS = ("clever",)
"""The integrations that this screen offers."""
LONGEST = 2_000
_ABOUT = {"clever": "Reads a district's schools, teachers, students and sections from Clever."}
_SECRETS = ("token", "client_secret")
_ALIKE = ("base_url", "login_url", "client_id")


@dataclass(slots=True)
class ConnectForm:
    """What was entered, and what is wrong with it by field."""

    base_url: str = ""
    login_url: str = ""
    client_id: str = ""
    secrets: dict[str, str] = field(default_factory=dict)
    """What the connection keeps: entered now, or stored before and left blank now."""
    stored: frozenset[str] = frozenset()
    errors: dict[str, str] = field(default_factory=dict)

    @property
    def settings(self) -> dict[str, str]:
        """What is not secret, as the connection keeps it."""
        return {name: getattr(self, name) for name in _ALIKE}


@blueprint.get("")
@access(Rule.READ)
def setup() -> Response:
    held = {row.kind: row for row in db.session.scalars(select(SisConnection))}
    installed = [kind for kind in KINDS if kind in enabled_apps()]
    cards = [
        {"kind": kind, "name": NAMES[kind], "about": _ABOUT[kind], "connection": held.get(kind)} for kind in installed
    ]
    return render_tab("sis_setup/page.html", cards=cards)


@blueprint.get("/<kind>/connect")
@access(Rule.WRITE)
def connect(kind: str) -> Response:
    return render_tab("sis_setup/connect.html", **_form_context(_known(kind), _stored(kind)))


@blueprint.post("/<kind>/connect")
@access(Rule.WRITE)
def save(kind: str) -> Response:
    """Test what was entered, or keep it and read the list of schools."""
    form = _entered(_known(kind))
    if request.form.get("test"):
        return _test(kind, form)
    if form.errors:
        return render_invalid("sis_setup/connect.html", **_form_context(kind, form))
    if not _changes(kind, form):  # or a plan that waits could no longer be committed
        flash("Nothing was changed.", "info")
        return redirect_for(url_for("sis_configure.configure", kind=kind))
    return _keep(kind, form)


def _test(kind: str, form: ConnectForm) -> Response:
    """What the SIS answers; for htmx without the form, which keeps what was typed into it."""
    if form.errors and from_htmx():
        return render_partial("sis_setup/_trial.html", trial=None, errors=list(form.errors.values()))
    if form.errors:
        return render_invalid("sis_setup/connect.html", **_form_context(kind, form))
    facts = _facts(kind, form)
    released_engine()
    trial = try_connection(current_app.extensions["open_provider"], facts)
    if from_htmx():
        return render_partial("sis_setup/_trial.html", trial=trial, errors=[])
    return render_tab("sis_setup/connect.html", **_form_context(kind, form, trial))


def _known(kind: str) -> str:
    return kind if kind in KINDS else abort(404)


def _form_context(kind: str, form: ConnectForm, trial: Trial | None = None) -> dict[str, Any]:
    return {
        "kind": kind,
        "source": NAMES[kind],
        "form": form,
        "trial": trial,
        "errors": [],
        "is_connected": _held(kind) is not None,
    }


def _held(kind: str) -> SisConnection | None:
    return db.session.scalar(select(SisConnection).where(SisConnection.kind == kind))


def _stored(kind: str) -> ConnectForm:
    """The form as the connection stands; its secrets are only named."""
    held, settings = _held(kind), current_app.extensions["settings"]
    places = held.settings if held else {}
    return ConnectForm(
        base_url=places.get("base_url") or settings.clever_api_url,
        login_url=places.get("login_url") or settings.clever_login_url,
        client_id=places.get("client_id", ""),
        stored=frozenset(_secrets(held)),
    )


def _entered(kind: str) -> ConnectForm:
    stored = _stored(kind)
    form = ConnectForm(stored=stored.stored)
    for name in _ALIKE:
        setattr(form, name, request.form.get(name, "").strip())
    form.base_url, form.login_url = form.base_url or stored.base_url, form.login_url or stored.login_url
    form.secrets = {name: text for name in _SECRETS if (text := request.form.get(name, "").strip())}
    if (form.base_url, form.login_url) == (stored.base_url, stored.login_url):
        # Kept only for the address that they were entered for: else a changed address would be told them.
        kept = _secrets(_held(kind))
        if "client_secret" in form.secrets:  # entered instead of the token
            kept.pop("token", None)
        form.secrets = kept | form.secrets
    _check(form)
    return form


def _check(form: ConnectForm) -> None:
    for name in ("base_url", "login_url"):
        if error := address_error(getattr(form, name)):
            form.errors[name] = error
    for name in (*_ALIKE, *_SECRETS):
        if len(request.form.get(name, "")) > LONGEST:
            form.errors[name] = f"This is longer than {LONGEST:,} letters."
    if form.secrets.get("token"):
        return
    if form.client_id and not form.secrets.get("client_secret"):
        form.errors.setdefault("client_secret", "Enter the client secret that belongs to this client ID.")
    elif not form.client_id:
        form.errors.setdefault("token", "Enter the district's token, or a client ID and its secret below.")


def _secrets(held: SisConnection | None) -> dict[str, str]:
    """The secrets that a connection keeps; none where they cannot be read any more: they are then entered again."""
    try:
        kept: dict[str, str] = current_app.extensions["cipher"].decrypt(held.secrets if held else None)
    except SecretsUnreadable:
        return {}
    return kept


def _facts(kind: str, form: ConnectForm) -> ConnectionFacts:
    """A connection as it was entered, not kept yet."""
    held = _held(kind)
    options = connections.stored_options(held.options, kind) if held else defaults(kind)
    secrets = current_app.extensions["cipher"].encrypt(form.secrets)
    return ConnectionFacts(
        id=held.id if held else 0,
        kind=kind,
        settings=dict(form.settings),
        secrets=secrets,
        options=options,
        options_version=0,
        places={},
        mirror_stale=False,
        cursor=None,
        committed_sync_id=None,
        committed_options=None,
    )


def _changes(kind: str, form: ConnectForm) -> bool:
    """Whether what was entered differs from what the connection keeps; a secret that was entered counts as another one."""
    secret_entered = any(request.form.get(name, "").strip() for name in _SECRETS)
    return _held(kind) is None or secret_entered or form.settings != _stored(kind).settings


def _keep(kind: str, form: ConnectForm) -> Response:
    asker, engine, moment = who(), released_engine(), now()
    secrets = current_app.extensions["cipher"].encrypt(form.secrets)
    connection_id = connections.connect(engine, kind, dict(form.settings), secrets, moment)
    with writing(engine).begin() as connection:
        apps.install(connection, kind, moment)
        notices.record(
            connection,
            "connected",
            kind,
            moment,
            actor=asker.name,
            actor_id=asker.id,
            address=asker.address,
            **form.settings,
        )
    error = read_schools(
        engine, connection_id, current_app.extensions["open_provider"], current_app.extensions["clock"]
    )
    if error:
        flash(f"The connection is stored, but its schools could not be read. {error}", "warning")
        return redirect_for(url_for(".connect", kind=kind))
    flash(f"{NAMES[kind]} is connected.", "success")
    return redirect_for(url_for("sis_configure.school", kind=kind))
