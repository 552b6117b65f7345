"""A connection with a mirror and a portal beside it, made row by row: what the lists and pages of records show."""

import re
from typing import Any

import msgspec
from flask import Flask
from sqlalchemy import Engine, func, insert, select
from werkzeug.test import TestResponse

from sisportal.extensions import db
from sisportal.models import (
    Account,
    AccountLink,
    Action,
    ClassLink,
    Membership,
    Organization,
    SchoolClass,
    SisConnection,
    SisEnrollment,
    SisPerson,
    SisSchool,
    SisSection,
    Sync,
)
from sisportal.models.database import writing
from sisportal.roster.fields import account_values, class_values
from sisportal.roster.options import defaults
from sisportal.roster.records import Person, Role, School, Section, encoded, fingerprint
from sisportal.syncing.connections import options_to_store
from sisportal.syncing.held import account_search, class_search, column_name
from sisportal.syncing.mirror import person_search, section_search
from tests.web.conftest import NOW

NORTH, SOUTH = "north", "south"
PLACES = {NORTH: 1, SOUTH: 2}
OPTIONS = defaults("clever")


def payload(record: Any) -> Any:
    """A record as the mirror keeps it."""
    return msgspec.json.decode(encoded(record))


def student(source_id: str, last_name: str = "Abara", first_name: str = "Mia", **values: Any) -> Person:
    """A student of the northern school."""
    school = values.pop("school", NORTH)
    return Person(
        source_id,
        Role.STUDENT,
        last_name,
        first_name,
        school=school,
        schools=(school,),
        roles=(Role.STUDENT,),
        **values,
    )


def teacher(source_id: str, last_name: str = "Eze", first_name: str = "Tom", **values: Any) -> Person:
    """A teacher of the northern school."""
    return Person(
        source_id, Role.TEACHER, last_name, first_name, school=NORTH, schools=(NORTH,), roles=(Role.TEACHER,), **values
    )


class Mirrored:
    """Writes the rows; every method returns the id of what it made."""

    def __init__(self, engine: Engine) -> None:
        self.engine: Engine = writing(engine)
        self._add(
            SisConnection, kind="clever", options=options_to_store(OPTIONS), created_at=NOW, updated_at=NOW,
            district={"name": "Lincoln Unified"}, others={"staff": 12, "contact": 0}, committed_sync_id=1,
        )  # fmt: skip
        for source_id, organization_id in PLACES.items():
            name = f"{source_id.capitalize()} High"
            self._add(Organization, name=name, slug=source_id, created_at=NOW)
            self.school(School(source_id, name, sis_id=f"S-{source_id}"), "mapped", organization_id)
        self.sync("committed")

    @classmethod
    def of(cls, app: Flask) -> "Mirrored":
        with app.app_context():
            return cls(db.engine)

    def school(self, school: School, mapping: str = "unmapped", organization_id: int | None = None) -> int:
        return self._add(
            SisSchool, connection_id=1, source_id=school.source_id, payload=payload(school), name=school.name,
            sis_id=school.sis_id, mapping=mapping, organization_id=organization_id,
        )  # fmt: skip

    def sync(self, state: str) -> int:
        return self._add(Sync, connection_id=1, mode="full", state=state, created_at=NOW, finished_at=NOW)

    def person(self, person: Person, **values: Any) -> int:
        return self._add(
            SisPerson, connection_id=1, source_id=person.source_id, role=str(person.role), school=person.school,
            payload=payload(person), fingerprint=fingerprint(encoded(person)), search=person_search(person), **values,
        )  # fmt: skip

    def account(self, person: Person, *, changed: bool = False, **values: Any) -> int:
        """The account of a person with its link; ``changed``: the SIS has said something else since it was written."""
        held = account_values(person, OPTIONS, PLACES)
        columns = {column_name(name): value for name, value in held.items()} | {"username": person.source_id}
        search = account_search(held | {"username": person.source_id})
        account_id = self._add(Account, **{**columns, "search": search, "source": "sync", "created_at": NOW} | values)
        mark = fingerprint(encoded(person)) + changed
        self._add(
            AccountLink, connection_id=1, source_id=person.source_id, account_id=account_id, written_fingerprint=mark
        )
        return account_id

    def linked(self, person: Person, **values: Any) -> int:
        """A person with an account; the account's id."""
        self.person(person)
        return self.account(person, **values)

    def section(self, section: Section, people: tuple[int, ...] = (), **values: Any) -> int:
        section_id = self._add(
            SisSection, connection_id=1, source_id=section.source_id, school=section.school, payload=payload(section),
            fingerprint=fingerprint(encoded(section)), search=section_search(section), **values,
        )  # fmt: skip
        for person_id in people:
            self._add(SisEnrollment, person_id=person_id, section_id=section_id)
        return section_id

    def class_(self, section: Section, members: tuple[tuple[int, int], ...] = (), **values: Any) -> int:
        """The class of a section with its link; members are (account, position)."""
        held = class_values(section, PLACES)
        columns = {column_name(name): value for name, value in held.items()}
        class_id = self._add(
            SchoolClass, **{**columns, "search": class_search(held), "source": "sync", "created_at": NOW} | values
        )
        mark = fingerprint(encoded(section))
        self._add(ClassLink, connection_id=1, source_id=section.source_id, class_id=class_id, written_fingerprint=mark)
        for account_id, position in members:
            self._add(Membership, class_id=class_id, account_id=account_id, position=position)
        return class_id

    def action(
        self, source_id: str, verb: str, state: str, *, type_: str = "student", sync_id: int = 1, **values: Any
    ) -> int:
        return self._add(
            Action, sync_id=sync_id, type=type_, verb=verb, state=state, source_id=source_id, label="", **values
        )

    def _add(self, table: Any, **values: Any) -> int:
        with self.engine.begin() as connection:
            connection.execute(insert(table), [values])
            return connection.scalar(select(func.max(table.id))) or 0 if "id" in table.__table__.c else 0


def rows_of(answer: TestResponse) -> list[str]:
    """The first cell of every row of a list, as text."""
    return [
        " ".join(re.sub(r"<[^>]+>", " ", cell).split())
        for cell in re.findall(r'<th scope="row">(.*?)</th>', answer.text, re.DOTALL)
    ]
