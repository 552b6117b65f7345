"""Configure OneRoster: where the SIS is read from, with which credentials, and when the school year is."""

from typing import Any

from flask import Blueprint, Response, flash, request, url_for
from sqlalchemy import select

from sisportal.extensions import db
from sisportal.models import Mapping, SisSchool
from sisportal.roster.option_catalogue import ONEROSTER_VERSIONS
from sisportal.syncing.connections import DAYS, NAMES, stored_options
from sisportal.syncing.trials import Trial, address_error, kept_address
from sisportal.web import connection_forms
from sisportal.web.access import Rule, access
from sisportal.web.connection_forms import ConnectForm
from sisportal.web.rendering import redirect_for, render_invalid, render_tab

blueprint = Blueprint("sis_oneroster", __name__, url_prefix="/admin/sis/oneroster")

KIND = "oneroster"
SIGNATURES = ("sha256", "sha1")
_SECRETS = ("client_secret", "bearer")
_PLACES = ("base_url", "token_url")
_PLAIN = (*_PLACES, "client_id", "signature", *DAYS)
_NO_ADDRESS = "This is no address that can be read. It should look like https://sis.example.org/ims/oneroster/v1p1."


@blueprint.get("/connect", defaults={"kind": KIND})
@access(Rule.WRITE)
def connect(kind: str) -> Response:
    return render_tab("sis_setup/oneroster.html", **_context(kind, _stored()))


@blueprint.post("/connect", defaults={"kind": KIND})
@access(Rule.WRITE)
def save(kind: str) -> Response:
    """Test what was entered, or keep it, read the organizations and lead to them."""
    form = _entered()
    if request.form.get("test"):
        return connection_forms.answer_test("sis_setup/oneroster.html", kind, form, _context)
    if form.errors:
        return render_invalid("sis_setup/oneroster.html", **_context(kind, form))
    if not connection_forms.changes(kind, form, _stored(), _SECRETS):
        flash("Nothing was changed.", "info")
        return redirect_for(url_for("sis_configure.configure", kind=kind))
    if error := connection_forms.keep_and_read(kind, form):
        flash(f"The connection is stored, but its organizations could not be read. {error}", "warning")
        return redirect_for(url_for(".connect"))
    flash("OneRoster is connected.", "success")
    return redirect_for(url_for("sis_configure.configure" if _is_mapped() else "sis_mapping.schools", kind=kind))


def _is_mapped() -> bool:
    """Whether a person has said what the organizations become: then only the connection was edited."""
    held = connection_forms.connection_of(KIND)
    mapped = (SisSchool.connection_id == held.id, SisSchool.mapping == Mapping.MAPPED) if held else (False,)
    return db.session.scalar(select(SisSchool.id).where(*mapped).limit(1)) is not None


def _context(kind: str, form: ConnectForm, trial: Trial | None = None) -> dict[str, Any]:
    return {
        "kind": kind,
        "source": NAMES[kind],
        "form": form,
        "trial": trial,
        "errors": [],
        "is_connected": connection_forms.connection_of(kind) is not None,
        "versions": [("", "Find it out"), *((version, version) for version in ONEROSTER_VERSIONS)],
        "signatures": [("sha256", "HMAC-SHA256 first, then HMAC-SHA1"), ("sha1", "HMAC-SHA1 first, then HMAC-SHA256")],
    }


def _stored() -> ConnectForm:
    """The form as the connection stands; its secrets are only named."""
    held = connection_forms.connection_of(KIND)
    kept = held.settings if held else {}
    known = held is not None and not kept.get("any_version")
    return ConnectForm(
        settings={name: kept.get(name) or ("sha256" if name == "signature" else "") for name in _PLAIN},
        stored=frozenset(connection_forms.kept_secrets(KIND)),
        version=stored_options(held.options, KIND).api_version if held and known else "",
    )


def _entered() -> ConnectForm:
    stored = _stored()
    form = ConnectForm(stored=stored.stored, secrets=connection_forms.entered(_SECRETS))
    form.settings = {name: request.form.get(name, "").strip() for name in _PLAIN}
    form.version = request.form.get("version", "")
    _check_places(form)
    if all(form.settings[name] == stored.settings[name] for name in _PLACES):
        # Kept only for the addresses that they were entered for: else another one would be told them.
        kept = connection_forms.kept_secrets(KIND)
        for entered, instead_of in (_SECRETS, _SECRETS[::-1]):
            if entered in form.secrets:
                kept.pop(instead_of, None)
        form.secrets = kept | form.secrets
    _check(form)
    return form


def _check_places(form: ConnectForm) -> None:
    """Addresses as they are kept; or what is wrong with them."""
    for name in _PLACES:
        entered = form.settings[name]
        if not entered:
            continue
        if address_error(entered):
            form.errors[name] = _NO_ADDRESS
        else:
            form.settings[name] = kept_address(entered, with_query=name == "token_url")


def _check(form: ConnectForm) -> None:
    form.errors |= connection_forms.too_long((*_PLAIN, *_SECRETS))
    if not form.settings["base_url"]:
        form.errors["base_url"] = "Enter the address that the SIS gives for OneRoster."
    if form.version not in ("", *ONEROSTER_VERSIONS):
        form.errors["version"] = "Choose one of these."
    if form.settings["signature"] not in SIGNATURES:
        form.settings["signature"] = SIGNATURES[0]
    if not form.secrets.get("bearer"):
        if not form.settings["client_id"]:
            form.errors.setdefault("client_id", "Enter the client ID, or a bearer token below.")
        if not form.secrets.get("client_secret"):
            form.errors.setdefault("client_secret", "Enter the client secret that belongs to this client ID.")
    form.errors |= connection_forms.wrong_days({name: form.settings[name] for name in DAYS})
