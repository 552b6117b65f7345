"""Connecting OneRoster on pages: the form, Test connection by endpoint, stored secrets, and the businesses made at once."""

import re
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from sisportal.extensions import db
from sisportal.models import AuditEvent, Organization, SisConnection, SisSchool
from sisportal.sandbox.serving import Served
from sisportal.syncing.apps import enabled
from sisportal.syncing.connections import load
from sisportal.syncing.settings import PARTITION, read_settings
from tests.web.watching import words

CONNECT = "/admin/sis/oneroster/connect"
BUSINESSES = "/admin/sis/oneroster/configure/mapping"
DAYS = {
    "year_start": "2026-08-01", "year_end": "2027-07-31", "semester_start": "2026-08-01", "semester_end": "2027-01-15",
}  # fmt: skip


def entered(sandbox: Served, **more: str) -> dict[str, str]:
    """What the administrator types: OAuth 1.0a, as no token URL is given."""
    access = sandbox.sandbox.access
    client = {"client_id": access.client_id, "client_secret": access.client_secret, "token_url": ""}
    return {"base_url": sandbox.url, **client, "version": "", "signature": "sha256", **DAYS, **more}


def kept(app: Flask) -> tuple[dict[str, Any], dict[str, str], str]:
    """Settings and secrets of the connection, and the version of OneRoster."""
    with app.app_context():
        row = db.session.scalars(select(SisConnection)).one()
        return row.settings, app.extensions["cipher"].decrypt(row.secrets), row.options["api_version"]


def organizations(app: Flask) -> dict[str, str | None]:
    """Name -> name of the one above."""
    with app.app_context():
        rows = {row.id: row for row in db.session.scalars(select(Organization))}
        return {row.name: rows[row.parent_id].name if row.parent_id else None for row in rows.values()}


def shown(ada: FlaskClient, page_url: str = BUSINESSES) -> dict[str, str]:
    """What a browser would send of the page as it is: each drop-down with what is selected."""
    page = ada.get(page_url).text
    selects = re.findall(r'<select[^>]* name="([^"]+)".*?</select>', page, re.DOTALL)
    chosen = re.findall(r'<option value="([^"]*)" selected>', page)
    return dict(zip(selects, chosen, strict=True))


def listed(app: Flask) -> dict[str, SisSchool]:
    with app.app_context():
        return {row.name: row for row in db.session.scalars(select(SisSchool))}


def test_testing_names_what_works_by_endpoint_and_stores_nothing(app: Flask, ada: FlaskClient, sandbox: Served) -> None:
    answer = ada.post(CONNECT, data=entered(sandbox, test="yes"), headers={"HX-Request": "true"})

    text = words(answer)
    assert "Everything works" in text
    assert [f"{name} :" in text for name in ("Orgs", "Users", "Classes", "Enrollments", "Demographics")] == [True] * 5
    assert "<form" not in answer.text
    with app.app_context():
        assert db.session.scalars(select(SisConnection)).all() == []


def test_what_does_not_work_is_named_with_what_to_check(ada: FlaskClient, sandbox: Served) -> None:
    text = words(ada.post(CONNECT, data=entered(sandbox, client_secret="wrong", test="yes")))

    assert "Something does not work" in text
    assert "Connection :" in text


@pytest.mark.parametrize("way", ["signed", "token", "bearer"])
def test_connecting_finds_the_version_and_leads_to_the_businesses(
    app: Flask, ada: FlaskClient, sandbox: Served, way: str
) -> None:
    oneroster = sandbox.sandbox.oneroster
    typed = entered(sandbox)
    if way == "token":
        typed["token_url"] = sandbox.url + oneroster.profile.grants_at
    if way == "bearer":
        typed |= {"client_id": "", "client_secret": "", "bearer": oneroster.access.bearer}

    answer = ada.post(CONNECT, data=typed, follow_redirects=True)

    assert answer.request.path == BUSINESSES
    assert [name in answer.text for name in listed(app)] == [True] * 4
    settings, secrets, version = kept(app)
    assert (settings["base_url"], settings["any_version"], version) == (sandbox.url, False, "1.1")
    assert list(secrets) == (["bearer"] if way == "bearer" else ["client_secret"])
    again = ada.get(CONNECT).text
    assert [secret in again for secret in secrets.values()] == [False]
    with app.app_context():
        assert not set(secrets.values()) & set(str(db.session.scalars(select(AuditEvent.details)).all()).split("'"))
        assert {"oneroster", "organizations", "organization-portals"} <= enabled(db.session.connection())


def test_a_server_of_one_version_is_found_out(app: Flask, ada: FlaskClient, sandbox: Served) -> None:
    sandbox.sandbox.oneroster.use("like-skyward")  # 1.2 alone

    ada.post(CONNECT, data=entered(sandbox, bearer=sandbox.sandbox.oneroster.access.bearer))

    assert kept(app)[2] == "1.2"
    assert '<option value="1.2" selected>' in ada.get(CONNECT).text


def test_a_blank_secret_keeps_the_stored_one_but_not_for_another_address(
    app: Flask, ada: FlaskClient, sandbox: Served
) -> None:
    ada.post(CONNECT, data=entered(sandbox))
    secret = sandbox.sandbox.access.client_secret

    same = ada.post(CONNECT, data=entered(sandbox, client_secret="", version="1.1"))
    elsewhere = [
        ada.post(CONNECT, data=entered(sandbox, client_secret="", **place))
        for place in ({"base_url": "https://elsewhere.example.org"}, {"token_url": "https://elsewhere.example.org/token"})
    ]  # fmt: skip

    assert (same.status_code, [each.status_code for each in elsewhere]) == (303, [422, 422])
    assert "Enter the client secret" in words(elsewhere[0])
    assert kept(app)[1] == {"client_secret": secret}


def test_another_school_year_means_that_the_next_sync_reads_everything(
    app: Flask, ada: FlaskClient, sandbox: Served
) -> None:
    def stale() -> tuple[bool, int]:
        with app.app_context():
            facts = load(db.session.connection(), 1)
        return facts.mirror_stale, facts.options_version

    ada.post(CONNECT, data=entered(sandbox))
    before = stale()
    same = words(ada.post(CONNECT, data=entered(sandbox, client_secret="", version="1.1"), follow_redirects=True))
    assert ("Nothing was changed." in same, stale()) == (True, before)

    ada.post(CONNECT, data=entered(sandbox, year_end="2027-06-30"))

    assert (before[0], stale()[0], stale()[1] > before[1]) == (False, True, True)


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        ({"base_url": ""}, "Enter the address that the SIS gives for OneRoster."),
        ({"base_url": "javascript:alert(1)"}, "This is no address that can be read."),
        ({"token_url": "ftp://nowhere"}, "This is no address that can be read."),
        ({"client_id": ""}, "Enter the client ID, or a bearer token below."),
        ({"client_secret": ""}, "Enter the client secret that belongs to this client ID."),
        ({"client_secret": "x" * 3000}, "This is longer than 2,000 letters."),
        ({"version": "3.0"}, "Choose one of these."),
        ({"year_start": ""}, "Enter its first day."),
        ({"year_end": "next summer"}, "This is no day. Write it like 2026-08-31."),
        ({"year_end": "2026-07-31"}, "It ends before it starts."),
        ({"semester_end": ""}, "Enter both days of the semester, or neither."),
        ({"semester_end": "2028-01-15"}, "The semester is not within the school year."),
    ],
)
def test_what_cannot_be_used_is_refused_with_the_fields_message(
    app: Flask, ada: FlaskClient, sandbox: Served, changed: dict[str, str], sentence: str
) -> None:
    answer = ada.post(CONNECT, data=entered(sandbox) | changed)

    assert (answer.status_code, sentence in words(answer)) == (422, True)
    assert sandbox.sandbox.access.client_secret not in answer.text
    with app.app_context():
        assert db.session.scalars(select(SisConnection)).all() == []


def test_auto_create_makes_every_organization_under_that_of_its_parent_and_leads_to_configure(
    app: Flask, ada: FlaskClient, sandbox: Served
) -> None:
    page = ada.post(CONNECT, data=entered(sandbox), follow_redirects=True)
    assert ("Auto create" in words(page), "Create the organizations?" in words(page)) == (True, True)

    answer = ada.post(BUSINESSES, data=shown(ada), follow_redirects=True)

    district = sandbox.sandbox.district
    assert answer.request.path == "/admin/sis/oneroster/configure"
    assert organizations(app) == {district.name: None} | {school.name: district.name for school in district.schools}
    text = words(answer)
    assert [word in text for word in ("School year", "2026-08-01 to 2027-07-31", "OneRoster version", "Edit")] == [
        True,
        True,
        True,
        True,
    ]
    assert [f"{option} by" in text for option in ("Match students", "Match teachers", "Match sections")] == [True] * 3
    assert "OneRoster ID" in text
    with app.app_context():
        assert read_settings(db.session.connection())[PARTITION] is True


def test_a_person_says_what_stands_under_what_and_what_is_left_out(
    app: Flask, ada: FlaskClient, sandbox: Served
) -> None:
    ada.post(CONNECT, data=entered(sandbox))
    one, two, three = (school.name for school in sandbox.sandbox.district.schools)
    rows = listed(app)
    top = sandbox.sandbox.district.name
    form = {f"parent-{rows[two].source_id}": rows[one].source_id, f"school-{rows[three].source_id}": ""}

    ada.post(BUSINESSES, data=shown(ada) | form)

    assert organizations(app) == {top: None, one: top, two: one}
    assert listed(app)[three].mapping == "ignored"
    circle = {f"parent-{rows[one].source_id}": rows[two].source_id}
    assert "would stand below itself" in words(ada.post(BUSINESSES, data=shown(ada) | circle))
    moved = {f"parent-{rows[two].source_id}": rows[top].source_id}
    assert "The organizations are as chosen." in words(
        ada.post(BUSINESSES, data=shown(ada) | moved, follow_redirects=True)
    )
    assert organizations(app) == {top: None, one: top, two: top}


def test_who_is_left_out_is_passed_over_and_a_place_that_was_given_by_hand_is_kept(
    app: Flask, ada: FlaskClient, sandbox: Served
) -> None:
    ada.post(CONNECT, data=entered(sandbox))
    one, two, _ = (school.name for school in sandbox.sandbox.district.schools)
    with app.app_context():
        db.session.add(Organization(id=70, name="West", slug="west", created_at=app.extensions["clock"]()))
        db.session.flush()
        db.session.add(Organization(id=71, name=one, slug="one", parent_id=70, created_at=app.extensions["clock"]()))
        db.session.commit()

    ada.post(BUSINESSES, data=shown(ada) | {f"school-{listed(app)[sandbox.sandbox.district.name].source_id}": ""})

    found = organizations(app)
    assert (found[one], found[two]) == ("West", None)
    assert listed(app)[one].organization_id == 71
