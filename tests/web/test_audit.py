"""The audit log: that everything of SPEC 2.5 is written to it, summed up, filtered and never with a secret."""

import dataclasses
import re
from typing import Any, get_args

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import insert, select

from sisportal.config import PROJECT, Settings
from sisportal.extensions import db
from sisportal.models import Action, AuditEvent, Organization, SisSchool
from sisportal.models.database import writing
from sisportal.roster.options import catalogue
from sisportal.sandbox.district import District
from sisportal.sandbox.serving import Served
from sisportal.syncing.audit_events import NAMES, Classes
from sisportal.syncing.audit_lines import record_summed
from sisportal.syncing.commit import commit
from sisportal.syncing.prepare import prepare
from sisportal.syncing.setup_code import setup_code
from sisportal.web.audit import in_words
from tests.fakes import FakeClock
from tests.syncing.plans import make_connection, make_sync
from tests.web.conftest import NOW, browser
from tests.web.mirrored import rows_of
from tests.web.test_clever_sso import CALLBACK, Browser
from tests.web.test_setup import ANSWERS
from tests.web.watching import words

CLEVER = "/admin/sis/clever"
PASSWORD = "a long enough one"
ELSEWHERE = {
    "automatic-sync-switched-off": "tests/syncing/test_automatic.py",
    "password-changed": "tests/web/test_passwords.py",
    **dict.fromkeys(["account-changed", "account-archived", "account-reactivated"], "tests/web/test_account_forms.py"),
    **dict.fromkeys(get_args(Classes), "tests/web/test_class_forms.py"),
    **dict.fromkeys(["accounts-imported", "classes-imported"], "tests/cli/test_directory_import.py"),
    "old-records-removed": "tests/syncing/test_keeping.py",
    "person-exported": "tests/syncing/test_keeping.py",
    "directory-exported": "tests/web/test_directory_export.py",
    "portal-restored": "tests/cli/test_backups.py",
    **dict.fromkeys(
        ["second-factor-failed", "second-factor-set-up", "second-factor-switched-off", "recovery-code-used"],
        "tests/web/test_second_factor.py",
    ),
    "recovery-codes-made": "tests/web/test_second_factor.py",
    "second-factor-reset": "tests/web/test_second_factor_required.py",
    "password-reset-asked": "tests/web/test_forgotten.py",
    "login-card-printed": "tests/web/test_login_cards.py",
    "login-card-used": "tests/web/test_login_cards.py",
    "mails-sent-again": "tests/web/test_mails.py",
    "mails-given-up": "tests/web/test_mails.py",
    **dict.fromkeys(["file-taken", "file-refused"], "tests/syncing/test_watched.py"),
    "guards-released": "tests/web/test_sync_release.py",
    "pins-released": "tests/web/test_sis_pins.py",
    "undo-asked": "tests/cli/test_undoing.py",
    "proposed-again": "tests/cli/test_undoing.py",
    "match-decided": "tests/syncing/test_deciding.py",
    "matches-decided": "tests/web/test_sync_decide_all.py",
    "value-chosen": "tests/syncing/test_deciding.py",
    **dict.fromkeys(["sample-tried", "sample-day-passed", "sample-removed"], "tests/web/test_sample.py"),
}
"""What only a district out of the ordinary leads to: the test that shows that it is written."""


@pytest.fixture
def settings(settings: Settings, sandbox: Served) -> Settings:
    """A portal that Clever's double knows."""
    sandbox.sandbox.login.redirect_uris = [CALLBACK]
    return dataclasses.replace(settings, clever_login_url=sandbox.url, clever_api_url=sandbox.url)


class Story:
    """A portal's first days, by its pages and its command line; every event once, or more often."""

    def __init__(self, app: Flask, sandbox: Served) -> None:
        self.app, self.sandbox, self.ada = app, sandbox, app.test_client()
        with app.app_context():
            self.engine = db.engine

    def tell(self) -> None:
        self.set_up()
        self.connect()
        self.organizations()
        self.sync()
        self.passwords()
        self.clever()
        self.ada.post("/my-account/sign-out-everywhere")

    def set_up(self) -> None:
        code = setup_code(self.app.extensions["settings"].data_dir)
        self.post("/setup", **ANSWERS, code=code)

    def connect(self) -> None:
        for name in ("clever", "organizations", "organization-portals"):
            self.post(f"/admin/apps/{name}/install")
        self.post("/admin/apps/organization-portals/disable")
        place = {"base_url": self.sandbox.url, "login_url": self.sandbox.url, "token": self.sandbox.sandbox.token}
        self.post(f"{CLEVER}/connect", **place)
        first, second, *rest = self.every(select(SisSchool.source_id).order_by(SisSchool.id))
        self.post(f"{CLEVER}/configure/school", school=first)
        self.post(f"{CLEVER}/configure", blended="yes")
        self.post(f"{CLEVER}/disable")
        self.post(f"{CLEVER}/enable")
        self.flask("sis", "map", "clever", second, "--organization", "Annex")
        self.flask("sis", "map", "clever", second, "--ignore")
        self.post(
            f"{CLEVER}/configure/mapping",
            **{f"school-{first}": "new"},
            **{f"school-{each}": "" for each in (second, *rest)},
        )

    def organizations(self) -> None:
        self.post("/organizations/new", name="Gym", slug="gym", parent="")
        gym = max(self.every(select(Organization.id)))
        self.post(f"/organizations/{gym}/edit", name="Sports hall", slug="gym", parent="")
        self.post(f"/organizations/{gym}/archive")
        self.post(f"/organizations/{gym}/reactivate")
        self.post("/organizations/options")  # the mapping has partitioned them
        self.post("/organizations/options", partition="yes")
        made = {"first_name": "Nora", "last_name": "Diaz", "email": "nora@example.org"}
        self.post(f"/organizations/{gym}/administrators/new", **made)

    def sync(self) -> None:
        engine, found = self.engine, self.app.extensions
        self.post(f"{CLEVER}/sync")
        self.post("/syncs/1/cancel")
        self.post(f"{CLEVER}/sync")
        prepare(engine, 2, found["open_provider"], found["clock"])
        first = self.every(select(Action.id).where(Action.sync_id == 2).limit(3))
        for id_ in first:
            self.post(f"/syncs/2/actions/{id_}/tick")
        self.post(f"/syncs/2/actions/{first[0]}/tick", ticked="yes")
        self.post("/syncs/2/commit")
        commit(engine, 2, found["clock"])
        self.post(f"{CLEVER}/sync")
        prepare(engine, 3, found["open_provider"], found["clock"])
        self.post("/syncs/3/discard")

    def passwords(self) -> None:
        answer = self.ada.post("/accounts/2/password-link")
        path = re.findall(r"/choose-password/[\w-]+", answer.text)[0]
        nora = self.app.test_client()
        nora.post(path, data={"password": PASSWORD, "again": PASSWORD})
        nora.get(path)
        nora.post("/sign-in", data={"username": "nora@example.org", "password": PASSWORD})
        nora.post("/sign-out")
        for _ in range(12):
            nora.post("/sign-in", data={"username": "nora@example.org", "password": "wrong"})
        self.flask("backup", str(self.app.extensions["settings"].data_dir / "kept.zip"))
        self.flask("user", "reset-password", "nora@example.org", "--password", "another long one")

    def clever(self) -> None:
        visitor = Browser(self.app, self.sandbox)
        people = self.sandbox.sandbox.district.people
        stranger = next(person for person in people if person.administrator and not person.teacher)
        visitor.at_clever(stranger, "district_admin")
        visitor.by_button()

    def post(self, path: str, **data: str) -> None:
        answer = self.ada.post(path, data=data)
        assert answer.status_code in {200, 303}, (path, words(answer))

    def flask(self, *arguments: str) -> None:
        result = self.app.test_cli_runner().invoke(args=arguments)
        assert result.exit_code == 0, result.output

    def every(self, statement: Any) -> list[Any]:
        with self.engine.connect() as connection:
            return list(connection.scalars(statement))


@pytest.fixture
def told(bare_app: Flask, sandbox: Served, district: District) -> list[Any]:
    """The audit log after the story."""
    story = Story(bare_app, sandbox)
    story.tell()
    with story.engine.connect() as connection:
        return list(connection.execute(select(AuditEvent.__table__).order_by(AuditEvent.id)))


def test_everything_that_can_happen_is_written_with_who_what_when_and_from_where(
    told: list[Any], sandbox: Served
) -> None:
    by_event = {row.event: row for row in told}
    assert by_event.keys() | ELSEWHERE.keys() == NAMES
    from_no_browser = {"school-mapped", "school-ignored", "password-reset", "sync-committed", "backup-made"}
    for event, row in by_event.items():
        assert row.at == NOW, event
        assert row.address == ("" if event in from_no_browser else "127.0.0.1"), event
    actors = {event: row.actor for event, row in by_event.items() if row.actor != "ada@example.org"}
    assert actors == {
        "administrator-made": "set-up",
        "school-mapped": "command line",
        "school-ignored": "command line",
        "password-reset": "command line",
        "backup-made": "command line",
        "password-chosen": "nora@example.org",
        "password-link-refused": "unknown",
        "signed-in": "nora@example.org",
        "signed-out": "nora@example.org",
        "sign-in-failed": "nora@example.org",
        "sign-in-throttled": "nora@example.org",
        "sign-in-refused": "unknown",
    }
    assert [row.event for row in told].count("sign-in-failed") == 10
    assert [row.event for row in told].count("sign-in-throttled") == 1
    assert by_event["sync-committed"].details["outcomes"]["unticked"] == 2
    everything = str([tuple(row) for row in told])
    for secret in (sandbox.sandbox.token, PASSWORD, ANSWERS["password"], "another long one"):
        assert secret not in everything


@pytest.mark.parametrize("event", sorted(ELSEWHERE))
def test_what_the_story_leaves_out_has_a_test_that_names_it(event: str) -> None:
    assert f'"{event}"' in (PROJECT / ELSEWHERE[event]).read_text()


def test_ticks_of_one_person_that_follow_each_other_are_one_line(told: list[Any]) -> None:
    ticks = [row for row in told if row.event in {"action-ticked", "action-unticked"}]
    assert [(row.event, row.details.get("times"), row.details["actions"]) for row in ticks] == [
        ("action-unticked", 3, 3),
        ("action-ticked", None, 1),
    ]
    assert len(ticks[0].details["label"]) == 3


def test_a_tick_after_a_while_or_after_somebody_else_is_a_line_of_its_own(
    app: Flask, ada: FlaskClient, clock: FakeClock
) -> None:
    def tick(actor: str) -> None:
        with app.app_context(), writing(db.engine).begin() as connection:
            record_summed(
                connection,
                "action-ticked",
                "sync 1",
                clock(),
                actor=actor,
                actor_id=1,
                address="",
                actions=1,
                label="x",
            )

    for actor in ("ada", "ada", "eve", "ada"):
        tick(actor)
    clock.pass_(minutes=11)
    tick("ada")
    with app.app_context():
        rows = db.session.execute(select(AuditEvent.actor, AuditEvent.details).order_by(AuditEvent.id)).all()
    assert [(row.actor, row.details["actions"]) for row in rows] == [("ada", 2), ("eve", 1), ("ada", 1), ("ada", 1)]


@pytest.fixture
def lines(app: Flask) -> None:
    """Five lines: of three people, on three days."""
    rows = [
        ("2026-11-01T23:30", "ada@example.org", "signed-in", "ada@example.org"),
        ("2026-11-02T08:00", "ada@example.org", "action-unticked", "sync 1"),
        ("2026-11-02T09:00", "ben@example.org", "sign-in-failed", "ben@example.org"),
        ("2026-11-03T10:00", "ada@example.org", "password-link-made", "tom@example.org"),
        ("2026-11-03T11:00", "command line", "commit-asked", "sync 1"),
    ]
    with app.app_context(), writing(db.engine).begin() as connection:
        values = [
            {"at": NOW.fromisoformat(f"{at}+00:00"), "actor": actor, "event": event, "subject": subject}
            for at, actor, event, subject in rows
        ]
        connection.execute(insert(AuditEvent), values)


FILTERS = {
    "": 5,
    "what=sign-ins": 2,
    "what=signed-in": 1,
    "what=nonsense": 5,
    "who=ADA@example.org": 3,
    "who=tom@example.org": 1,
    "who=command+line": 1,
    "since=2026-11-02": 4,
    "until=2026-11-02": 3,
    "since=2026-11-02&until=2026-11-02&what=reviews": 1,
    "since=yesterday": 5,
    "q=sync&who=ada@example.org": 1,
}


def test_the_log_is_filtered_by_what_happened_by_whom_and_when(ada: FlaskClient, lines: None) -> None:
    assert {query: len(rows_of(ada.get(f"/audit?{query}"))) for query in FILTERS} == FILTERS
    files = {query: len(ada.get(f"/audit.csv?{query}").text.splitlines()) - 1 for query in FILTERS}
    assert files == FILTERS


def test_a_day_begins_at_midnight_of_the_portal(app: Flask, ada: FlaskClient, lines: None) -> None:
    with app.app_context(), writing(db.engine).begin() as connection:
        connection.execute(insert(db.metadata.tables["setting"]), [{"name": "timezone", "value": "Europe/Stockholm"}])
    assert len(rows_of(ada.get("/audit?since=2026-11-02"))) == 5


def test_a_viewer_reads_the_log_and_nobody_changes_it(app: Flask, ben: FlaskClient, lines: None) -> None:
    assert len(rows_of(ben.get("/audit"))) == 5
    assert 'href="/audit"' in ben.get("/").text
    assert {route.endpoint for route in app.url_map.iter_rules() if route.rule.startswith("/audit")} == {
        "audit.listing",
        "audit.spreadsheet",
    }
    assert [browser(app, 1).post(path).status_code for path in ("/audit", "/audit.csv")] == [405, 405]


def test_a_sync_leads_to_its_report_while_there_is_one(app: Flask, ada: FlaskClient) -> None:
    with app.app_context():
        sync_id = make_sync(db.engine, make_connection(db.engine))
        for subject, details in ((f"sync {sync_id}", {}), ("sync 77", {"fields": ["first_name", "email"]})):
            db.session.add(AuditEvent(event="sync-started", subject=subject, details=details, at=NOW, actor="ada"))
        db.session.commit()

    page = ada.get("/audit")

    assert f'<a href="/syncs/{sync_id}">sync {sync_id}</a>' in page.text
    assert "/syncs/77" not in page.text
    assert "fields: first name, e-mail address" in words(page)


def test_a_commit_is_told_by_what_became_of_how_many() -> None:
    outcomes = {"planned": 95, "applied": 93, "unticked": 2}
    assert in_words("sync-committed", {"state": "committed", "outcomes": outcomes}) == "93 applied, 2 unticked"
    left = {"planned": 2, "applied": 1, "conflict": 1}
    assert (
        in_words("sync-committed", {"state": "partly-committed", "outcomes": left}) == "in part: 1 applied, 1 conflict"
    )


def test_options_are_called_as_on_their_page() -> None:
    label = catalogue()["guard_deletes_percent"].label
    assert in_words("options-changed", {"guard_deletes_percent": "25"}) == f"{label}: 25"
    assert in_words("options-changed", {"options": {"guard_deletes_percent": "25"}}) == f"{label}: 25"
