"""Who is let in, and where the others are led: every route, by every role, as docs/access.md says."""

import re
from collections.abc import Callable

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.routing import Rule as Route

from sisportal.config import PROJECT
from sisportal.extensions import db
from sisportal.models import Account, AccountRole, Organization
from sisportal.syncing import settings
from sisportal.web.access import access, rule_of
from sisportal.web.access_page import ROLES, as_page
from tests.web.conftest import NOW, browser
from tests.web.test_site import path, routes

PAGE = (PROJECT / "docs/access.md").read_text()


def test_every_page_of_a_new_portal_leads_to_set_up(bare_app: Flask) -> None:
    client = bare_app.test_client()
    answers = [client.get(path) for path in ("/", "/sign-in", "/notifications")]
    assert [(answer.status_code, answer.location) for answer in answers] == [(303, "/setup")] * 3


def test_nobody_is_led_to_sign_in_and_back(nobody: FlaskClient) -> None:
    assert nobody.get("/notifications?page=2").location == "/sign-in?next=/notifications?page%3D2"


def test_a_part_that_nobody_may_see_leads_the_whole_page_to_sign_in(nobody: FlaskClient) -> None:
    answer = nobody.get(
        "/notifications/bell", headers={"HX-Request": "true", "HX-Current-URL": "http://localhost/notifications?page=2"}
    )
    assert (answer.status_code, answer.headers["HX-Redirect"]) == (200, "/sign-in?next=/notifications?page%3D2")


def test_an_administrator_sees_the_home_page(ada: FlaskClient) -> None:
    assert ada.get("/").status_code == 200


def page_rows() -> dict[tuple[str, str], dict[str, str]]:
    """(method, path) -> role -> cell, as docs/access.md has them."""
    rows = [re.match(r"\| `(\S+) (\S+)` \| (.*) \|$", line) for line in PAGE.splitlines()]
    return {(row[1], row[2]): dict(zip(ROLES, row[3].split(" | "), strict=True)) for row in rows if row}


def named(route: Route, method: str) -> tuple[str, str]:
    """A route as that page names it."""
    return method, re.sub(r"<[^<>:]+:", "<", route.rule)


@pytest.fixture
def everyone(app: Flask) -> dict[str, FlaskClient]:
    """A browser of each role, while organizations are partitioned."""
    ids = {"administrator": 1, "viewer": 2, "teacher": 3}
    roles = {
        "viewer of one organization": AccountRole.VIEWER,
        "organization administrator": AccountRole.ORGANIZATION_ADMINISTRATOR,
        "student": AccountRole.STUDENT,
    }
    with app.app_context():
        settings.write_setting(db.session.connection(), settings.PARTITION, value=True)
        db.session.add(Organization(id=1, name="North", slug="north", created_at=NOW))
        db.session.flush()
        for name, role in roles.items():
            account = Account(role=role, roles=[role], username=name, organization_id=1, created_at=NOW)
            db.session.add(account)
            db.session.flush()
            ids[name] = account.id
        db.session.commit()
    return {name: browser(app, ids.get(name)) for name in ROLES}


def test_the_page_of_who_may_open_what_is_up_to_date(app: Flask) -> None:
    assert as_page(app) == PAGE, "a route or a rule has changed: read the difference, then run tools/access-page"


def test_every_route_lets_in_exactly_the_roles_that_the_page_names(
    app: Flask, everyone: dict[str, FlaskClient]
) -> None:
    """Each view is stood in for by one that notes that it was reached: so a form changes nothing for those after it."""
    reached: list[str] = []

    def stand_in(endpoint: str) -> Callable[..., str]:
        def view(**_: object) -> str:
            reached.append(endpoint)
            return ""

        rule = rule_of(app.view_functions[endpoint])
        return access(rule)(view) if rule else view

    endpoints = {route.endpoint for route, _ in routes(app)}
    app.view_functions |= {endpoint: stand_in(endpoint) for endpoint in endpoints}
    expected, wrong, walked = page_rows(), {}, 0
    for route, method in routes(app):
        for role, client in everyone.items():
            reached.clear()
            answer = client.open(path(app, route), method=method)
            place = (answer.location or "").partition("?")[0]
            got = "let in" if reached else "sign-in" if place == "/sign-in" else str(answer.status_code)
            wanted = expected[named(route, method)][role]
            walked += 1
            if got != ("let in" if wanted in {"yes", "own part"} else wanted):
                wrong[f"{method} {route.rule} as {role}"] = (got, wanted)
    assert wrong == {}
    assert walked == len(expected) * len(ROLES)


def test_no_page_fails_for_any_role(app: Flask, everyone: dict[str, FlaskClient]) -> None:
    asked = [path(app, route) for route, method in routes(app) if method == "GET"]
    answers = {
        (role, address): client.get(address).status_code for role, client in everyone.items() for address in asked
    }
    assert {which: status for which, status in answers.items() if status >= 500} == {}
