"""Puts the portal's pages and commands together: blueprints, error pages, what ``flask`` offers."""

from typing import Any

from flask import Flask
from werkzeug.middleware.proxy_fix import ProxyFix

from sisportal import cli
from sisportal.config import Settings
from sisportal.extensions import csrf, htmx
from sisportal.foundation import create_portal, utc_now
from sisportal.syncing.connections import OpenProvider
from sisportal.syncing.progress import Clock
from sisportal.syncing.queue import StageQueue
from sisportal.web import (
    account_forms,
    account_sessions,
    accounts,
    app_center,
    appearance,
    audit,
    card_sign_in,
    class_forms,
    class_members,
    class_sessions,
    classes,
    clever_sign_in,
    directory_export,
    directory_import,
    forgotten,
    home,
    keeping,
    login_cards,
    mails,
    my_account,
    my_classes,
    notification_copies,
    notifications,
    organization_administrators,
    organization_forms,
    organization_portals,
    organization_profile,
    organizations,
    password_links,
    person_export,
    printed_cards,
    sample,
    second_factor,
    second_step,
    setup,
    sign_in,
    sign_in_rules,
    sis_configure,
    sis_history,
    sis_kept_back,
    sis_mapping,
    sis_oneroster,
    sis_overview,
    sis_people,
    sis_pins,
    sis_schools,
    sis_sections,
    sis_setup,
    sis_status,
    sis_upload,
    sync_actions,
    sync_decide,
    sync_decide_all,
    sync_report,
    sync_undo,
    sync_worksheet,
    this_portal,
)
from sisportal.web.access import init_access
from sisportal.web.app_gate import init_app_gate
from sisportal.web.errors import init_errors
from sisportal.web.frame import shell
from sisportal.web.login_cards import init_login_cards
from sisportal.web.portal import name_for_error, time_zone
from sisportal.web.rendering import init_rendering
from sisportal.web.scope import init_scope
from sisportal.web.security import cookie_settings, init_security
from sisportal.web.sis_words import init_sis_words
from sisportal.web.spooling import SpoolingRequest

BLUEPRINTS = (
    account_forms.blueprint,
    account_sessions.blueprint,
    accounts.blueprint,
    app_center.blueprint,
    appearance.blueprint,
    audit.blueprint,
    class_forms.blueprint,
    class_members.blueprint,
    class_sessions.blueprint,
    card_sign_in.blueprint,
    classes.blueprint,
    clever_sign_in.blueprint,
    directory_export.blueprint,
    directory_import.blueprint,
    forgotten.blueprint,
    home.blueprint,
    login_cards.blueprint,
    mails.blueprint,
    keeping.blueprint,
    my_account.blueprint,
    my_classes.blueprint,
    notification_copies.blueprint,
    notifications.blueprint,
    organization_administrators.blueprint,
    organization_forms.blueprint,
    organization_portals.blueprint,
    organization_profile.blueprint,
    organizations.blueprint,
    password_links.blueprint,
    printed_cards.blueprint,
    person_export.blueprint,
    sample.blueprint,
    second_factor.blueprint,
    second_step.blueprint,
    setup.blueprint,
    sign_in.blueprint,
    sign_in_rules.blueprint,
    sis_configure.blueprint,
    sis_history.blueprint,
    sis_kept_back.blueprint,
    sis_mapping.blueprint,
    sis_oneroster.blueprint,
    sis_overview.blueprint,
    sis_people.blueprint,
    sis_pins.blueprint,
    sis_schools.blueprint,
    sis_sections.blueprint,
    sis_setup.blueprint,
    sis_status.blueprint,
    sis_upload.blueprint,
    sync_actions.blueprint,
    sync_decide.blueprint,
    sync_decide_all.blueprint,
    sync_report.blueprint,
    sync_undo.blueprint,
    sync_worksheet.blueprint,
    this_portal.blueprint,
)
LARGEST_FORM = 2_000_000


def create_app(
    settings: Settings,
    *,
    clock: Clock = utc_now,
    open_provider: OpenProvider | None = None,
    queue: StageQueue | None = None,
    **config: Any,
) -> Flask:
    """The portal with its pages and commands; the keywords are those of ``create_portal``."""
    app = create_portal(settings, clock=clock, open_provider=open_provider, queue=queue, **_config(settings) | config)
    _bind(app)
    for blueprint in BLUEPRINTS:
        app.register_blueprint(blueprint)
    cli.register(app)
    if settings.base_url.startswith("https://"):
        # The portal speaks plain HTTP itself: where its address is https, one proxy stands before it.
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=1, x_proto=1)  # type: ignore[method-assign] # as Flask documents it
    return app


def _config(settings: Settings) -> dict[str, Any]:
    return {
        **cookie_settings(secure=settings.base_url.startswith("https://")),
        "SESSION_REFRESH_EACH_REQUEST": False,  # the bell asks for ever: it must not keep an empty room signed in
        "WTF_CSRF_TIME_LIMIT": None,  # as long as the session
        "MAX_CONTENT_LENGTH": LARGEST_FORM,
    }


def _bind(app: Flask) -> None:
    csrf.init_app(app)
    htmx.init_app(app)
    app.request_class = SpoolingRequest
    init_access(app)
    init_app_gate(app)
    init_scope(app)
    init_login_cards(app)
    init_sis_words(app)
    init_rendering(app, shell=shell, zone=time_zone, clock=app.extensions["clock"])
    init_security(app)
    init_errors(app, name_for_error)
