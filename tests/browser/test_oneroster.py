"""OneRoster from the App center to the badges of the organizations, in a browser against the whole portal; and a file."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from sisportal.sandbox import edits
from sisportal.sandbox.district import District
from sisportal.sandbox.generator import generate
from sisportal.sandbox.oneroster_csv import write_package
from sisportal.sandbox.serving import Served
from tests.browser import steps
from tests.browser.conftest import Open
from tests.browser.test_first_sync import exported, open_report_from_notification, printed_code
from tests.jobs.launched import running
from tests.syncing.oracle import Expected, Values

LONG = 30_000


@pytest.fixture
def district() -> District:
    """One whose day is today, by the clock that the portal goes by: a quick sync asks what changed since yesterday."""
    return generate(60, today=datetime.now(UTC).date())


PERSON = ("role", "first_name", "middle_name", "last_name", "email", "student_id", "teacher_id", "sis_id", "archived")
CLASS = ("name", "code", "subject", "period", "term", "start", "finish", "archived", "teachers", "students")
Found = dict[str, Values]


def install(page: Page, search: str, *apps: str) -> None:
    """Search the App center for them, and install each."""
    for app in apps:
        page.get_by_label("Name or what it does").fill(search)
        expect(page).to_have_url(re.compile(f"q={search}"))
        card = page.locator(".app-card", has=page.get_by_role("heading", name=app, exact=True))
        card.get_by_role("button", name="Install").click()
        card.get_by_role("dialog").get_by_role("button", name="Yes").click()
        expect(page.get_by_text(f"{app} is installed.")).to_be_visible()


def install_apps(page: Page) -> None:
    """The four of the seed, and organizations partitioned."""
    page.get_by_role("link", name="App center").first.click()
    install(page, "organization", "Organizations", "Organization portals")
    install(page, "sis", "SIS integration")
    install(page, "oneroster", "OneRoster")
    partition(page)


def partition(page: Page) -> None:
    page.get_by_role("link", name="Organizations", exact=True).click()
    page.get_by_role("link", name="Options").click()
    page.get_by_label("Partition organizations").check()
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_label("Partition organizations")).to_be_checked()


def year_of(district: District) -> tuple[str, str]:
    """The first and the last day of its terms."""
    return min(t.start for t in district.terms if t.start), max(t.finish for t in district.terms if t.finish)


def connect(page: Page, sandbox: Served) -> None:
    """From the Setup screen: credentials and dates, tested before they are saved."""
    access, (first, last) = sandbox.sandbox.access, year_of(sandbox.sandbox.district)
    page.get_by_role("link", name="SIS", exact=True).click()
    page.get_by_role("link", name="Connect OneRoster", exact=True).click()
    for label, text in (
        ("Base URL", sandbox.url), ("Client ID", access.client_id), ("Client secret", access.client_secret),
        ("School year start", first), ("School year end", last),
        ("Semester start", first), ("Semester end", last),
    ):  # fmt: skip
        page.get_by_label(label, exact=label == "Base URL").fill(text)
    page.get_by_role("button", name="Test connection").click()
    expect(page.get_by_text("Everything works")).to_be_visible()
    for endpoint in ("Orgs", "Users", "Classes", "Enrollments"):
        expect(page.locator("#trial strong", has_text=re.compile(f"^{endpoint}$"))).to_be_visible()
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Businesses")


def create(page: Page, business: str, *, under: str) -> None:
    """Say what stands under what, and make the organizations; it leads to Configure."""
    page.get_by_label(f"{business} stands under").select_option(label=under)
    page.get_by_role("button", name="Auto create").click()
    page.get_by_role("dialog").get_by_role("button", name="Yes").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Configure")
    expect(page.get_by_role("link", name="Edit").first).to_be_visible()
    for text in (business, "Match students by", "School year"):
        expect(page.get_by_text(text).first).to_be_visible()


def tick_only(page: Page, *schools: str) -> None:
    page.get_by_role("link", name="Tick none").click()
    for school in schools:
        page.get_by_role("checkbox", name=school).check()


def start(page: Page, way: str, *, auto_commit: bool) -> None:
    page.get_by_role("button", name=way).click()
    dialog = page.get_by_role("dialog", name=re.compile(way))
    if auto_commit:
        dialog.get_by_label("Auto commit").check()
    dialog.get_by_role("button", name="Start").click()


def review_and_commit(page: Page, learners: int) -> None:
    """From the report: look at the learners, commit, and see that History says so."""
    row = page.get_by_role("row", name=re.compile("^Learners"))
    expect(row).to_contain_text(str(learners))
    row.get_by_role("link").first.click()
    expect(page.locator("tbody.action")).to_have_count(min(learners, 50))
    page.get_by_role("link", name="Report").click()
    steps.commit(page)
    expect(page.get_by_text("Committed", exact=True)).to_be_visible(timeout=LONG)
    page.get_by_role("link", name="History").click()
    expect(page.get_by_role("row", name=re.compile("Committed"))).to_contain_text("Manual")


def sis_ids(district: District) -> dict[str, str]:
    """What OneRoster calls the records that Clever calls otherwise."""
    people = {person.id: (person.student or person.teacher) for person in district.people}
    ids = {id_: part.sis_id for id_, part in people.items() if part}
    return ids | {section.id: section.sis_id for section in district.sections if section.sis_id}


def expected_of(district: District, oracle: Expected, *ticked: str) -> tuple[Found, Found]:
    """The oracle's accounts and classes under OneRoster's ids.

    Of several schools one is a person's own: whose own is not ticked waits, also in the rosters of those that are.
    """
    ids = sis_ids(district)
    own = {person.id: part.school for person in district.people if (part := person.teacher or person.student)}
    waiting = {id_ for id_, school in own.items() if ticked and school not in ticked}
    accounts = {ids[id_]: fields(values, PERSON) for id_, values in oracle.accounts.items() if id_ not in waiting}
    classes = {}
    for id_, values in oracle.classes.items():
        people = {"teachers": primary_first([ids[each] for each in values["teachers"] if each not in waiting])}
        people["students"] = sorted(ids[each] for each in values["students"] if each not in waiting)
        classes[ids[id_]] = fields(values | people | _term_of(district, id_), CLASS)
    return accounts, classes


def _term_of(district: District, section_id: str) -> Values:
    """OneRoster knows no class without a term: the school year stands in."""
    if district.sections[section_id].term in district.terms:
        return {}
    year = next(term for term in district.terms if (term.name or "").startswith("Y"))
    return {"term": year.name, "start": year.start, "finish": year.finish}


def held_of(whole: Mapping[str, list[dict[str, Any]]], source: str) -> tuple[Found, Found]:
    """The accounts and classes of an export that came from the SIS, under its ids."""
    ids = {account["id"]: account["identifiers"].get(source, "") for account in whole["accounts"]}
    accounts = {ids[account["id"]]: fields(account, PERSON) for account in whole["accounts"] if ids[account["id"]]}
    classes = {}
    for held in whole["classes"]:
        people = {"teachers": primary_first([ids[each] for each in held["teachers"]])}
        people["students"] = sorted(ids[each] for each in held["students"])
        if source_id := held["identifiers"].get(source):
            classes[source_id] = fields(held | people, CLASS)
    return accounts, classes


def primary_first(teachers: list[str]) -> list[str]:
    """Enrollments say who is the primary teacher, and nothing of the order of the others."""
    return [*teachers[:1], *sorted(teachers[1:])]


def fields(record: Mapping[str, Any], names: tuple[str, ...]) -> Values:
    """Some fields of a record; what it does not have is blank."""
    return {name: "" if (value := record.get(name)) is None else value for name in names}


def test_oneroster_is_installed_connected_synced_and_seen_in_the_organizations(
    tmp_path: Path, sandbox: Served, open_browser: Open
) -> None:
    district = sandbox.sandbox.district
    one, two, three = district.schools
    oracle = Expected(one.id, two.id)
    oracle.commit(district)
    with running(tmp_path) as (port, printed, _launcher):
        page = open_browser(f"http://127.0.0.1:{port}")
        steps.set_up(page, printed_code(printed))
        install_apps(page)
        connect(page, sandbox)
        create(page, two.name, under=one.name)
        page.get_by_role("link", name="Status", exact=True).click()
        tick_only(page, one.name, two.name)
        start(page, "Full Sync", auto_commit=False)
        expect(page.get_by_text("Waiting for review")).to_be_visible(timeout=LONG)
        open_report_from_notification(page, "prepared")
        review_and_commit(page, sum(account["role"] == "student" for account in oracle.accounts.values()))
        student = next(person for person in district.people if person.student and person.student.school == one.id)
        edits.rename_person(district, student.id, last="Quickly")
        oracle.commit(district)
        page.get_by_role("link", name="Status", exact=True).click()
        tick_only(page, one.name, two.name)
        start(page, "Quick Sync", auto_commit=True)
        expect(page.get_by_text("Sync 2")).to_be_visible()
        expect(page.get_by_text("Committed", exact=True)).to_be_visible(timeout=LONG)

        page.get_by_role("link", name="Organizations", exact=True).click()
        line = page.get_by_role("row", name=re.compile(f"^{re.escape(one.name)}"))
        line.get_by_role("link", name=re.compile("^1 learner changed")).click()
        expect(page.get_by_role("row", name=re.compile("Quickly"))).to_contain_text("Changed")
        whole = exported(tmp_path)

    tree = {each["name"]: each["parent"] for each in whole["organizations"]}
    ids = {each["id"]: each["name"] for each in whole["organizations"]}
    assert {name: ids.get(parent) for name, parent in tree.items()} == {
        district.name: None, one.name: district.name, two.name: one.name, three.name: district.name,
    }  # fmt: skip
    accounts, classes = held_of(whole, "oneroster")
    expected_accounts, expected_classes = expected_of(district, oracle, one.id, two.id)
    assert accounts == expected_accounts
    assert classes == expected_classes


def test_a_file_is_uploaded_in_a_browser(tmp_path: Path, sandbox: Served, open_browser: Open) -> None:
    district, package = sandbox.sandbox.district, tmp_path / "roster.zip"
    with package.open("wb") as out:
        write_package(district, out)
    (tmp_path / "wrong.zip").write_bytes(package.read_bytes()[:3000])
    with running(tmp_path / "portal") as (port, printed, _launcher):
        page = open_browser(f"http://127.0.0.1:{port}")
        steps.set_up(page, printed_code(printed))
        page.get_by_role("link", name="Upload OneRoster CSV").click()
        page.get_by_role("button", name="Yes").click()
        for label, day in zip(("School year start", "School year end"), year_of(district), strict=True):
            page.get_by_label(label).fill(day)
        page.get_by_role("button", name="Save").click()

        page.get_by_label("Zip file").set_input_files(tmp_path / "wrong.zip")
        page.get_by_role("button", name="Upload").click()
        expect(page.get_by_text("The file is not a zip, or it is damaged.")).to_be_visible()
        page.get_by_label("Zip file").set_input_files(package)
        page.get_by_role("button", name="Upload").click()
        page.get_by_role("button", name="Auto create").click()
        page.get_by_role("dialog").get_by_role("button", name="Yes").click()
        page.get_by_role("link", name="Status", exact=True).click()
        page.get_by_role("button", name="Start the sync").click()
        expect(page.get_by_text("Waiting for review")).to_be_visible(timeout=LONG)
        page.get_by_role("link", name="Upload a file").click()
        page.get_by_label("Zip file").set_input_files(package)
        page.get_by_label("Auto commit").check()
        page.get_by_role("button", name="Upload").click()
        expect(page.get_by_text("Committed", exact=True)).to_be_visible(timeout=LONG)
        whole = exported(tmp_path / "portal")

    oracle = Expected()
    oracle.commit(district)
    expected_accounts, expected_classes = expected_of(district, oracle)
    accounts, classes = held_of(whole, "csv")
    assert accounts == expected_accounts
    assert classes == expected_classes
