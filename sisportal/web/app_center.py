"""The App center: what each app does, and Install, Configure and Disable (SPEC 2.2)."""

from dataclasses import dataclass

from flask import Blueprint, Response, abort, flash, request, url_for
from sqlalchemy import select

from sisportal.extensions import db
from sisportal.models import SisConnection
from sisportal.models.database import writing
from sisportal.roster.text import folded
from sisportal.syncing import apps, notices
from sisportal.syncing.apps import APPS, App
from sisportal.syncing.connections import NAMES
from sisportal.web.access import Rule, access
from sisportal.web.acting import released_engine, who
from sisportal.web.lists import asked_search
from sisportal.web.portal import enabled_apps, now
from sisportal.web.rendering import local_path, redirect_for, render_tab

blueprint = Blueprint("app_center", __name__, url_prefix="/admin/apps")

PAGES = {"organizations": "/organizations/options", "organization-portals": "/organizations"}
SETUP = "/admin/sis"


@dataclass(frozen=True, slots=True)
class Card:
    """An app as the page shows it."""

    app: App
    enabled: bool
    disabled: bool
    """Whether it was installed once and is disabled now."""
    page: str
    """Where Configure leads."""
    begin: str
    """Where installing leads: the connection's own form while it is not connected."""
    missing: list[str]
    """Labels of the apps that it needs and that are not enabled."""
    needing: list[str]
    """Labels of the enabled apps that need it."""


@blueprint.get("")
@access(Rule.READ)
def listing() -> Response:
    wanted = folded(asked_search()).split()
    cards = [card for card in _cards() if all(word in folded(f"{card.app.label} {card.app.about}") for word in wanted)]
    return render_tab("app_center/page.html", cards=cards, search=asked_search())


@blueprint.get("/<name>/install")
@access(Rule.WRITE)
def ask_install(name: str) -> Response:
    """Asks, for pages that lead here; the cards ask by themselves."""
    card = _card(name)
    return redirect_for(card.begin) if card.enabled else render_tab("app_center/install.html", card=card)


@blueprint.post("/<name>/install")
@access(Rule.WRITE)
def install(name: str) -> Response:
    """Install an app with what it needs."""
    card, asker = _card(name), who()
    with writing(released_engine()).begin() as connection:
        added = apps.install(connection, name, now())
        for each in added:
            notices.record(
                connection, "app-installed", each, now(), actor=asker.name, actor_id=asker.id, address=asker.address
            )
    if added:
        flash(
            f"{_all([APPS[each].label for each in added])} {'is' if len(added) == 1 else 'are'} installed.", "success"
        )
    else:
        flash(f"{card.app.label} was installed already.", "success")
    return redirect_for(local_path(request.form.get("next"), url_for(".listing")))


@blueprint.post("/<name>/disable")
@access(Rule.WRITE)
def disable(name: str) -> Response:
    """Disable an app and those that need it; what they hold stays."""
    card, asker = _card(name), who()
    with writing(released_engine()).begin() as connection:
        removed = apps.disable(connection, name)
        for each in removed:
            notices.record(
                connection, "app-disabled", each, now(), actor=asker.name, actor_id=asker.id, address=asker.address
            )
    if removed:
        labels = _all([APPS[each].label for each in removed])
        flash(f"{labels} {'is' if len(removed) == 1 else 'are'} disabled. Everything is kept.", "success")
    else:
        flash(f"{card.app.label} was disabled already.", "success")
    return redirect_for(url_for(".listing"))


def _card(name: str) -> Card:
    return next((card for card in _cards() if card.app.name == name), None) or abort(404)


def _cards() -> list[Card]:
    on, held = enabled_apps(), apps.installed(db.session.connection())
    connected = set(db.session.scalars(select(SisConnection.kind)))
    return [
        Card(
            app=app,
            enabled=app.name in on,
            disabled=app.name in held - on,
            page=_page(app.name, connected),
            begin=_begin(app.name, connected),
            missing=[APPS[each].label for each in apps.with_needs(app.name)[:-1] if each not in on],
            needing=[other.label for other in apps.needing(app.name) if other.name in on],
        )
        for app in APPS.values()
    ]


def _page(name: str, connected: set[str]) -> str:
    return PAGES.get(name) or (f"{SETUP}/{name}/configure" if name in connected else SETUP)


def _begin(name: str, connected: set[str]) -> str:
    return f"{SETUP}/{name}/connect" if name in NAMES and name not in connected else _page(name, connected)


def _all(labels: list[str]) -> str:
    """``A``, ``A and B``, ``A, B and C``."""
    return " and ".join(part for part in (", ".join(labels[:-1]), labels[-1]) if part)
