"""Signing in with Clever in a browser: the three ways in, and the pages of those who are turned away."""

import dataclasses
from collections.abc import Iterator

import pytest
from flask import Flask
from playwright.sync_api import Browser, Page, expect
from sqlalchemy import select, update

from sisportal.extensions import db
from sisportal.foundation import utc_now
from sisportal.models import Account, AccountLink
from sisportal.sandbox import clever_login, edits
from sisportal.sandbox.clever_visitors import elsewhere
from sisportal.sandbox.district import District
from sisportal.sandbox.entities import Person
from sisportal.sandbox.faults import Fault
from sisportal.sandbox.serving import Served
from sisportal.syncing.commit import commit
from sisportal.syncing.prepare import prepare, request_sync
from tests.browser.watching import unusable


@pytest.fixture
def signing_in(connected: Flask, address: str, sandbox: Served) -> Flask:
    """The portal after its first commit, known to Clever's double by its address."""
    clever, login = sandbox.url, sandbox.sandbox.login
    login.redirect_uris, login.oidc = [f"{address}/clever/callback"], True
    connected.extensions["settings"] = dataclasses.replace(
        connected.extensions["settings"], base_url=address, clever_client_id="sandbox-client",
        clever_client_secret="sandbox-secret", clever_login_url=clever, clever_api_url=clever,
    )  # fmt: skip
    with connected.app_context():
        sync_id = request_sync(db.engine, 1, utc_now())
        prepare(db.engine, sync_id, connected.extensions["open_provider"], utc_now)
        commit(db.engine, sync_id, utc_now)
    return connected


@pytest.fixture
def page(signing_in: Flask, address: str, browser: Browser) -> Iterator[Page]:
    """A page that may leave the portal for Clever and come back."""
    with browser.new_context(base_url=address) as context:
        yield context.new_page()


@pytest.fixture
def student(sandbox: Served) -> Person:
    """A student of the school that the portal is for."""
    district = sandbox.sandbox.district
    return next(p for p in district.people if p.student and p.student.school == district.schools.ids[0])


@pytest.fixture
def teacher(sandbox: Served) -> Person:
    district = sandbox.sandbox.district
    return next(p for p in district.people if p.teacher and p.teacher.school == district.schools.ids[0])


def name(person: Person) -> str:
    return f"{person.first or ''} {person.last}".strip()


def choose(page: Page, person: Person, role: str) -> None:
    """At Clever: find oneself and sign in."""
    page.get_by_label("Name or e-mail").fill(name(person))
    page.get_by_role("button", name="Search").click()
    row = page.get_by_role("row", name=name(person)).filter(has_text=person.email or "no e-mail").first
    row.get_by_role("link", name=role, exact=True).click()


def by_button(page: Page, person: Person, role: str) -> None:
    page.goto("/sign-in")
    page.get_by_role("link", name="Sign in with Clever").click()
    choose(page, person, role)


def expect_signed_in(page: Page, person: Person, address: str) -> None:
    expect(page).to_have_url(f"{address}/")
    expect(page.get_by_text(f"Hello, {name(person)}.")).to_be_visible()


def refused(page: Page) -> str:
    """What the page of a refusal is called, after a look at it."""
    title = page.get_by_role("heading", level=1).inner_text()
    assert unusable(page) == []
    return title


def test_a_teacher_signs_in_by_the_button_and_opens_a_class(
    page: Page, address: str, sandbox: Served, teacher: Person
) -> None:
    by_button(page, teacher, "teacher")
    expect_signed_in(page, teacher, address)
    assert unusable(page) == []
    page.get_by_role("link", name=name(teacher)).click()
    expect(page.get_by_text("With Clever")).to_be_visible()


def test_a_student_comes_from_the_clever_portal_to_the_computer_that_a_teacher_used(
    page: Page, address: str, sandbox: Served, teacher: Person, student: Person
) -> None:
    by_button(page, teacher, "teacher")
    expect_signed_in(page, teacher, address)
    page.goto(f"{sandbox.url}/portal/sign-out")
    choose(page, student, "student")
    page.get_by_role("link", name="SIS Portal").click()
    expect_signed_in(page, student, address)


def test_a_student_follows_an_instant_login_link(page: Page, address: str, sandbox: Served, student: Person) -> None:
    district = sandbox.sandbox.district.id
    page.goto(f"{sandbox.url}/oauth/instant-login?client_id=sandbox-client&district_id={district}")
    choose(page, student, "student")
    expect_signed_in(page, student, address)


def test_going_back_to_a_used_address_signs_in_again_and_goes_round_once(
    page: Page, address: str, student: Person
) -> None:
    used: list[str] = []
    page.on("request", lambda request: used.append(request.url) if "/clever/callback?" in request.url else None)
    by_button(page, student, "student")
    expect_signed_in(page, student, address)
    page.goto(used[0])
    expect_signed_in(page, student, address)
    assert len(used) == 3


def test_somebody_of_another_district_is_asked_at_clever_for_an_account_of_this_one(
    page: Page, address: str, district: District, sandbox: Served, student: Person
) -> None:
    theirs = elsewhere(district)[0].person
    page.goto(f"{sandbox.url}/portal?person={theirs.id}&role=student")
    page.get_by_role("link", name="SIS Portal").click()
    choose(page, student, "student")
    expect_signed_in(page, student, address)


def test_everybody_who_is_turned_away_learns_why(
    page: Page, signing_in: Flask, district: District, sandbox: Served, student: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    titles = {}
    other_school = next(p for p in district.people if p.student and p.student.school == district.schools.ids[-1])
    by_button(page, other_school, "student")
    titles["no account"] = refused(page)
    page.goto(f"{sandbox.url}/portal/sign-out")

    with signing_in.app_context():
        linked = select(AccountLink.account_id).where(AccountLink.source_id == student.id)
        db.session.execute(update(Account).where(Account.id.in_(linked)).values(archived_at=utc_now()))
        db.session.commit()
    by_button(page, student, "student")
    titles["archived"] = refused(page)

    sandbox.sandbox.faults.add(Fault(name="502", path="/v3.1/me"))
    page.goto("/clever/sign-in")
    titles["away"] = refused(page)
    sandbox.sandbox.faults.clear("")

    monkeypatch.setattr(clever_login, "CODE_LIFETIME", -1)
    page.goto("/clever/sign-in")
    titles["too late"] = refused(page)
    page.goto("/clever/callback?code=x&state=again-forged")
    titles["not begun here"] = refused(page)

    edits.unshare_school(district, district.schools.ids[0])
    page.goto("/clever/sign-in")
    titles["not shared"] = refused(page)
    assert titles == {
        "no account": "You have no account here yet",
        "archived": "Your account here is archived",
        "away": "Clever does not answer as it should",
        "too late": "The sign-in came too late",
        "not begun here": "The sign-in could not be finished",
        "not shared": "Your school does not share you with this portal",
    }
