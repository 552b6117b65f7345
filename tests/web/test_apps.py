"""The App center: install with what is needed, disable with what needs it; menu, pages and schedule follow."""

from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import delete, select, update

from sisportal.extensions import db
from sisportal.models import Account, AuditEvent, InstalledApp, SisConnection, Sync
from sisportal.models.database import writing
from sisportal.syncing import apps
from sisportal.syncing.prepare import request_sync
from sisportal.syncing.states import NotAllowed
from tests.web.conftest import NOW, browser
from tests.web.mirrored import Mirrored, student
from tests.web.test_site import path, routes
from tests.web.watching import words


@pytest.fixture
def mirrored(app: Flask) -> Mirrored:
    made = Mirrored.of(app)
    made.linked(student("m", "Abel"))
    return made


def without_apps(app: Flask) -> None:
    with app.app_context():
        db.session.execute(delete(InstalledApp))
        db.session.commit()


def enabled(app: Flask) -> set[str]:
    with app.app_context():
        return apps.enabled(db.session.connection())


def test_cards_say_what_each_app_does_and_how_it_stands(app: Flask, ada: FlaskClient) -> None:
    ada.post("/admin/apps/csv/disable")
    page = words(ada.get("/admin/apps"))
    assert [each.label in page and each.about in page for each in apps.APPS.values()] == [True] * 6
    assert "OneRoster CSV Disabled" in page
    assert "Clever SIS Enabled" in page
    without_apps(app)
    assert "Clever SIS Not installed" in words(ada.get("/admin/apps"))


def test_the_search_looks_at_names_and_at_what_apps_do(ada: FlaskClient) -> None:
    page = words(ada.get("/admin/apps?q=welcome+colour"))
    assert ("Organization portals" in page, "Clever SIS" in page) == (True, False)
    assert "No app matches" in words(ada.get("/admin/apps?q=zzz"))


def test_installing_says_what_else_is_needed_and_installs_it(app: Flask, ada: FlaskClient) -> None:
    without_apps(app)
    asked = words(ada.get("/admin/apps/oneroster/install"))
    assert "It needs SIS integration, Organizations, Organization portals, which are installed with it." in asked
    answer = ada.post("/admin/apps/oneroster/install", follow_redirects=True)
    assert "SIS integration, Organizations, Organization portals and OneRoster are installed." in words(answer)
    assert enabled(app) == {"sis-integration", "organizations", "organization-portals", "oneroster"}


def test_installing_from_another_page_leads_on_to_the_app(app: Flask, ada: FlaskClient) -> None:
    without_apps(app)
    assert 'href="/admin/apps/clever/install"' in ada.get("/").text
    assert 'name="next" value="/admin/sis/clever/connect"' in ada.get("/admin/apps/clever/install").text
    assert (
        ada.post("/admin/apps/clever/install", data={"next": "/admin/sis/clever/connect"}).location
        == "/admin/sis/clever/connect"
    )
    assert ada.post("/admin/apps/clever/install", data={"next": "//elsewhere.org"}).location == "/admin/apps"
    assert ada.get("/admin/apps/clever/install").location == "/admin/sis/clever/connect"


def test_disabling_takes_along_what_needs_it_and_keeps_everything(
    app: Flask, ada: FlaskClient, mirrored: Mirrored
) -> None:
    assert "OneRoster needs it" not in words(ada.get("/admin/apps?q=clever"))
    answer = ada.post("/admin/apps/organizations/disable", follow_redirects=True)
    assert "Organizations, Organization portals and OneRoster are disabled. Everything is kept." in words(answer)
    assert enabled(app) == {"sis-integration", "clever", "csv"}
    ada.post("/admin/apps/organizations/install")
    assert "North High" in words(ada.get("/organizations"))


def test_both_are_in_the_audit_log(app: Flask, ada: FlaskClient) -> None:
    ada.post("/admin/apps/csv/disable")
    ada.post("/admin/apps/csv/install")
    with app.app_context():
        rows = db.session.execute(select(AuditEvent.event, AuditEvent.subject, AuditEvent.actor)).all()
    who = "ada@example.org"
    assert [tuple(row) for row in rows] == [("app-disabled", "csv", who), ("app-installed", "csv", who)]


INSTALLS_WHAT_IT_NEEDS = "/admin/sis/sample"


@pytest.mark.parametrize(
    ("name", "starts"),
    [
        ("organizations", ("/organizations",)),
        ("organization-portals", ("/o/",)),
        ("sis-integration", ("/admin/sis", "/syncs/")),
        ("clever", ("/admin/sis/clever/", "/syncs/")),
    ],
)
def test_every_page_of_a_disabled_app_is_gone_with_a_sentence(
    app: Flask, ada: FlaskClient, mirrored: Mirrored, name: str, starts: tuple[str, ...]
) -> None:
    ids: dict[str, Any] = {"organization_id": 1, "sync_id": 1, "source_id": "m", "slug": "north"}
    addresses = [path(app, route, **ids) for route, method in routes(app) if method == "GET"]
    mine = [each for each in addresses if f"{each}/".startswith(starts) and not each.startswith(INSTALLS_WHAT_IT_NEEDS)]
    ada.post(f"/admin/apps/{name}/disable")
    answers = {address: ada.get(address) for address in mine}
    assert len(mine) > 0
    assert {address for address, answer in answers.items() if answer.status_code != 404} == set()
    assert {
        address for address, answer in answers.items() if "which is not enabled in this portal" not in answer.text
    } == set()
    others = ("/", "/accounts", "/classes", "/accounts/4", "/admin/apps", "/audit")
    assert [ada.get(address).status_code for address in others] == [200] * 6


def test_the_menu_and_links_follow(ada: FlaskClient, mirrored: Mirrored) -> None:
    assert 'href="/admin/sis/clever/students/m"' in ada.get("/accounts/4").text
    ada.post("/admin/apps/sis-integration/disable")
    ada.post("/admin/apps/organizations/disable")
    page = ada.get("/accounts/4").text
    assert [f'href="{place}' in page for place in ("/admin/sis", "/organizations", "/accounts")] == [False, False, True]
    assert "Lincoln Unified" not in words(ada.get("/"))


def test_the_setup_screen_offers_what_is_installed(ada: FlaskClient) -> None:
    assert "Connect Clever" in words(ada.get("/admin/sis"))
    ada.post("/admin/apps/clever/disable")
    assert "Connect Clever" not in words(ada.get("/admin/sis"))


def test_nothing_is_synced_for_a_disabled_app(app: Flask, ada: FlaskClient, mirrored: Mirrored) -> None:
    ada.post("/admin/apps/sis-integration/disable")
    with app.app_context(), pytest.raises(NotAllowed, match="Clever is disabled"):
        request_sync(db.engine, 1, NOW)
    with app.app_context():
        assert list(db.session.scalars(select(Sync.id))) == [1]
        assert list(db.session.scalars(select(SisConnection.enabled))) == [True]
    ada.post("/admin/apps/clever/install")
    with app.app_context():
        assert request_sync(db.engine, 1, NOW) == 2


def test_a_viewer_looks_and_installs_nothing(app: Flask, ben: FlaskClient, tom: FlaskClient) -> None:
    without_apps(app)
    page = ben.get("/admin/apps")
    assert (page.status_code, "Install</" in page.text) == (200, False)
    assert ben.post("/admin/apps/clever/install").status_code == 403
    assert tom.get("/admin/apps").status_code == 404


def test_an_app_that_there_is_not_is_not_found(ada: FlaskClient) -> None:
    assert [ada.post(f"/admin/apps/nonsense/{verb}").status_code for verb in ("install", "disable")] == [404, 404]


def test_somebody_who_is_not_let_in_is_not_told_what_is_installed(
    app: Flask, tom: FlaskClient, nobody: FlaskClient
) -> None:
    without_apps(app)
    assert "not enabled" not in tom.get("/admin/sis").text
    assert nobody.get("/admin/sis").status_code == 303


def test_an_organization_keeps_its_administrators_part_while_its_app_is_disabled(app: Flask, ada: FlaskClient) -> None:
    with writing_engine(app).begin() as connection:
        connection.execute(update(Account).where(Account.id == 2).values(role="organization-administrator"))
    ada.post("/admin/apps/organizations/disable")
    assert "Abara" not in browser(app, 2).get("/accounts?state=all").text


def writing_engine(app: Flask) -> Any:
    with app.app_context():
        return writing(db.engine)


def test_a_page_that_is_switched_off_leads_whoever_can_enable_it_to_the_app_center(
    app: Flask, ada: FlaskClient, ben: FlaskClient
) -> None:
    ada.post("/admin/apps/organizations/disable")

    assert 'class="btn btn-primary" href="/admin/apps"' in ada.get("/organizations").text
    assert 'href="/admin/apps"' not in ben.get("/organizations").text
    card = words(ada.get("/admin/apps?q=tree"))
    assert "Enable Organizations?" in card
    assert "Install" not in card
