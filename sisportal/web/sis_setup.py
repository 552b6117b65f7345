"""The Setup screen: which integrations there are; and how Clever is connected and tested."""

from typing import Any

from flask import Blueprint, Response, abort, current_app, flash, request, url_for
from sqlalchemy import select

from sisportal.extensions import db
from sisportal.models import SisConnection
from sisportal.syncing.connections import NAMES
from sisportal.syncing.sample_district import KIND, is_sample
from sisportal.syncing.trials import Trial, address_error
from sisportal.web import connection_forms
from sisportal.web.access import Rule, access
from sisportal.web.connection_forms import ConnectForm
from sisportal.web.portal import enabled_apps
from sisportal.web.rendering import redirect_for, render_invalid, render_tab

blueprint = Blueprint("sis_setup", __name__, url_prefix="/admin/sis")

ABOUT = {
    "clever": "Reads a district's schools, teachers, students and sections from Clever.",
    "oneroster": "Reads organizations, people and classes from a SIS that speaks OneRoster 1.1 or 1.2.",
    "csv": "Reads the OneRoster zip that the SIS exports: uploaded here, or dropped into a folder on the server.",
}
"""The integrations that this screen offers, where their app is installed."""
_SECRETS = ("token", "client_secret")
_PLACES = ("base_url", "login_url")
_ALIKE = (*_PLACES, "client_id")


@blueprint.get("")
@access(Rule.READ)
def setup() -> Response:
    held = {row.kind: row for row in db.session.scalars(select(SisConnection))}
    installed = [kind for kind in ABOUT if kind in enabled_apps()]
    cards = [
        {
            "kind": kind,
            "name": NAMES[kind],
            "about": ABOUT[kind],
            "connection": held.get(kind),
            "is_sample": kind in held and is_sample(held[kind].settings),
        }
        for kind in installed
    ]
    return render_tab("sis_setup/page.html", cards=cards, offers_sample=not held)


@blueprint.get("/<kind>/connect")
@access(Rule.WRITE)
def connect(kind: str) -> Response:
    if kind == KIND and connection_forms.reads_sample():
        return _not_beside_the_sample()
    return render_tab("sis_setup/connect.html", **_form_context(_known(kind), _stored(kind)))


@blueprint.post("/<kind>/connect")
@access(Rule.WRITE)
def save(kind: str) -> Response:
    """Test what was entered, or keep it and read the list of schools."""
    if kind == KIND and connection_forms.reads_sample():
        return _not_beside_the_sample()
    form = _entered(_known(kind))
    if request.form.get("test"):
        return connection_forms.answer_test("sis_setup/connect.html", kind, form, _form_context)
    if form.errors:
        return render_invalid("sis_setup/connect.html", **_form_context(kind, form))
    if not connection_forms.changes(kind, form, _stored(kind), _SECRETS):
        flash("Nothing was changed.", "info")
        return redirect_for(url_for("sis_configure.configure", kind=kind))
    error = connection_forms.keep_and_read(kind, form)
    if error:
        flash(f"The connection is stored, but its schools could not be read. {error}", "warning")
        return redirect_for(url_for(".connect", kind=kind))
    flash(f"{NAMES[kind]} is connected.", "success")
    return redirect_for(url_for("sis_configure.school", kind=kind))


def _not_beside_the_sample() -> Response:
    flash("The sample district stands in this place. Remove it, then connect your own district.", "info")
    return redirect_for(url_for("sample.page"))


def _known(kind: str) -> str:
    return kind if kind == "clever" else abort(404)


def _form_context(kind: str, form: ConnectForm, trial: Trial | None = None) -> dict[str, Any]:
    return {
        "kind": kind,
        "source": NAMES[kind],
        "form": form,
        "trial": trial,
        "errors": [],
        "is_connected": connection_forms.connection_of(kind) is not None,
    }


def _stored(kind: str) -> ConnectForm:
    """The form as the connection stands; its secrets are only named."""
    held, settings = connection_forms.connection_of(kind), current_app.extensions["settings"]
    kept = held.settings if held else {}
    usual = {"base_url": settings.clever_api_url, "login_url": settings.clever_login_url, "client_id": ""}
    return ConnectForm(
        settings={name: kept.get(name) or usual[name] for name in _ALIKE},
        stored=frozenset(connection_forms.kept_secrets(kind)),
    )


def _entered(kind: str) -> ConnectForm:
    stored = _stored(kind)
    form = ConnectForm(stored=stored.stored, secrets=connection_forms.entered(_SECRETS))
    form.settings = {name: request.form.get(name, "").strip() for name in _ALIKE}
    form.settings |= {name: form.settings[name] or stored.settings[name] for name in _PLACES}
    if all(form.settings[name] == stored.settings[name] for name in _PLACES):
        # Kept only for the address that they were entered for: else a changed address would be told them.
        kept = connection_forms.kept_secrets(kind)
        if "client_secret" in form.secrets:  # entered instead of the token
            kept.pop("token", None)
        form.secrets = kept | form.secrets
    _check(form)
    return form


def _check(form: ConnectForm) -> None:
    for name in _PLACES:
        if error := address_error(form.settings[name]):
            form.errors[name] = error
    form.errors |= connection_forms.too_long((*_ALIKE, *_SECRETS))
    if form.secrets.get("token"):
        return
    if form.settings["client_id"] and not form.secrets.get("client_secret"):
        form.errors.setdefault("client_secret", "Enter the client secret that belongs to this client ID.")
    elif not form.settings["client_id"]:
        form.errors.setdefault("token", "Enter the district's token, or a client ID and its secret below.")
