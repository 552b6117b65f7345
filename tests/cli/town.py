"""A portal of one small school, and what is done to both of them by the command line."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

from flask import current_app
from sqlalchemy import insert, select

from sisportal.extensions import db
from sisportal.foundation import utc_now
from sisportal.models import Account, Notification, SchoolClass
from sisportal.models.database import writing
from sisportal.sandbox.entities import Person, Section
from sisportal.sandbox.serving import Served
from sisportal.syncing import commit as committing
from sisportal.syncing import prepare as preparing
from sisportal.syncing import running
from sisportal.syncing.automatic import run_due
from tests.cli.conftest import CommandLine
from tests.fakes import FakeQueue

NOW = datetime(2026, 11, 3, 13, 5, tzinfo=UTC)


class Town:
    """A portal of one small school, and what is done to both of them."""

    def __init__(self, cli: CommandLine, sandbox: Served) -> None:
        self.cli, self.sandbox, self.district = cli, sandbox, sandbox.sandbox.district
        cli.connect(sandbox)
        cli.answer("sis", "map", "clever", self.district.schools.ids[0], "--organization", "The school")

    @property
    def student(self) -> Person:
        return next(p for p in self.district.people if p.student and p.student.number and p.middle)

    @property
    def teacher(self) -> Person:
        return next(p for p in self.district.people if p.teacher and p.teacher.number and p.email)

    @property
    def section(self) -> Section:
        return next(s for s in self.district.sections if s.students and s.teachers and s.term and s.course)

    def option(self, name: str, value: str) -> None:
        self.cli.answer("sis", "option", "clever", name, value)

    def sync(self) -> dict[str, Any]:
        """Prepare and commit; the sync as it was planned."""
        result = self.cli.run("sis", "prepare", "clever", "--json")
        planned: dict[str, Any] = json.loads(result.stdout)
        if result.exit_code != 1:
            self.cli.run("sis", "commit", planned["id"])
        return planned

    def held(self) -> set[str]:
        """Why something of the next sync is held."""
        return {each["reason"] for each in self.sync()["held"]}

    def export(self) -> dict[str, list[dict[str, Any]]]:
        found: dict[str, list[dict[str, Any]]] = json.loads(self.cli.run("directory", "export", "-").stdout)
        return found

    def account(self, person: Person) -> dict[str, Any]:
        return next(each for each in self.export()["accounts"] if each["identifiers"].get("clever") == person.id)

    def class_(self, section: Section) -> dict[str, Any]:
        return next(each for each in self.export()["classes"] if each["identifiers"].get("clever") == section.id)

    def add(self, model: type[Account] | type[SchoolClass], **values: Any) -> int:
        """A record made by hand, in the school's organization; its id."""
        with self.cli.app.app_context(), writing(db.engine).begin() as connection:
            given = {"organization_id": 1, "created_at": NOW, **values}
            key = connection.execute(insert(model).values(given)).inserted_primary_key
            assert key
            return int(key[0])

    def add_person(self, person: Person, role: str, **values: Any) -> int:
        names = {"first_name": person.first, "last_name": person.last}
        return self.add(Account, role=role, roles=[role], username="by.hand", **names, **values)

    def set_up(self) -> None:
        self.cli.run("setup", "--email", "ada@example.org", "--password", "correct horse")

    # --- what runs by itself

    def clock(self, **later: float) -> list[int]:
        """What the clock does, so much later than now; the ids of what it starts."""
        with self.cli.app.app_context():
            return run_due(db.engine, FakeQueue(), utc_now() + timedelta(**later))

    def work(self, sync_id: int) -> None:
        """What the worker does with a sync."""
        with self.cli.app.app_context():
            portal = current_app.extensions
            preparing.prepare(db.engine, sync_id, portal["open_provider"], utc_now)
            if running.is_commit_asked(db.engine, sync_id):
                committing.commit(db.engine, sync_id, utc_now)

    def told(self) -> list[str]:
        """The kinds of everything that administrators were told."""
        with self.cli.app.app_context():
            return list(db.session.scalars(select(Notification.kind).order_by(Notification.id)))
