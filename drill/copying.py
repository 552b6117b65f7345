"""The copy that the drill plays on: a portal's data in a database of its own, and a SIS made from what that portal's SIS last said."""

import hashlib
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

import msgspec
import stamina
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection, Engine, Text, func, inspect, select, type_coerce, update

from drill.scene import Base
from drill.stores import Stores
from sisportal.config import load
from sisportal.extensions import db
from sisportal.factory import create_app
from sisportal.models import (
    Base as Tables,
)
from sisportal.models import (
    Mapping,
    SisConnection,
    SisPerson,
    SisReference,
    SisSchool,
    SisSection,
    Sync,
    SyncState,
)
from sisportal.models.database import make_engine, writing
from sisportal.roster import records
from sisportal.roster.options import defaults
from sisportal.roster.records import Role
from sisportal.sandbox import entities
from sisportal.sandbox.district import District
from sisportal.sandbox.entities import at
from sisportal.sandbox.generator import DEFAULT_DAY, generate
from sisportal.sandbox.service import create_sandbox
from sisportal.sandbox.serving import serve
from sisportal.syncing.backup import write_backup
from sisportal.syncing.commit import commit
from sisportal.syncing.connections import options_to_store
from sisportal.syncing.releasing import release_guards
from tests.syncing.portal import WHO, Portal

T = TypeVar("T")
Renamed = Callable[[str], str]
SAMPLE_STUDENTS = 60
BEGINNING = at(DEFAULT_DAY)


class NothingToCopy(Exception):
    """The portal holds nothing of a SIS yet; the message is a sentence."""


def base_of(database_url: str, folder: Path, stores: Stores) -> Base:
    """A copy of a portal, which is only read, with a SIS that says what its own last said. Raises ``NothingToCopy``."""
    backup = folder / "original.zip"
    source = make_engine(database_url)
    try:
        if not _holds_people(source):
            raise NothingToCopy("The portal holds nothing of a SIS yet.")
        with backup.open("wb") as fresh:
            write_backup(source, fresh, datetime.now(UTC), _revision(source), None)
    finally:
        source.dispose()
    url = stores.new()
    typed(url, folder, "restore", str(backup))
    backup.unlink()
    engine = make_engine(url)
    with writing(engine).begin() as connection:
        connection_id, as_clever = _only_connection(connection)
        district = _district(connection, connection_id, as_clever)
    return _settled(engine, stores, district, connection_id)


def sample(folder: Path, stores: Stores, students: int = SAMPLE_STUDENTS) -> Base:
    """A portal made for the drill that holds a generated district."""
    url = stores.new()
    typed(url, folder, "check")  # makes the tables
    engine, district = make_engine(url), generate(students)
    with serve(create_sandbox(district)) as served, stamina.set_testing(True):
        portal = Portal(engine, served)
        portal.connect(organizations=True)
    return _settled(engine, stores, district, portal.connection_id)


def typed(url: str, folder: Path, *words: str) -> None:
    """Type a command for the portal whose database is at ``url``. Raises ``NothingToCopy`` where it fails."""
    environ = {"DATA_DIR": str(folder / "copy"), "DATABASE_URL": url, "SECRET_KEY": "drill"}
    app = create_app(load(environ, env_file=None), TESTING=True)
    done = app.test_cli_runner().invoke(args=list(words))
    with app.app_context():
        db.engine.dispose()
    if done.exit_code:
        raise NothingToCopy(f"The copy could not be made: {done.stderr.strip()}")


def _holds_people(engine: Engine) -> bool:
    with engine.connect() as connection:
        return (
            inspect(connection).has_table("sis_person") and connection.scalar(select(SisPerson.id).limit(1)) is not None
        )


def _revision(engine: Engine) -> str:
    with engine.connect() as connection:
        return str(MigrationContext.configure(connection).get_current_revision())


def _only_connection(connection: Connection) -> tuple[int, Renamed]:
    """The connection that the drill syncs, of Clever if there is one, else the one with most people, and its ids in Clever's form.

    The others rest.
    """
    counted = select(SisPerson.connection_id, func.count()).group_by(SisPerson.connection_id)
    people = Counter({row[0]: row[1] for row in connection.execute(counted)})
    kinds = {row.kind: row.id for row in connection.execute(select(SisConnection.kind, SisConnection.id))}
    chosen: int = kinds["clever"] if people[kinds.get("clever", 0)] else people.most_common(1)[0][0]
    connection.execute(update(SisConnection).where(SisConnection.id != chosen).values(enabled=False))
    values: dict[str, Any] = {"enabled": True, "cursor": None, "settings": {}, "secrets": None}
    if kinds.get("clever") != chosen:
        connection.execute(update(SisConnection).where(SisConnection.kind == "clever").values(kind="resting"))
        values |= {"kind": "clever", "options": options_to_store(defaults("clever"))}
    connection.execute(update(SisConnection).where(SisConnection.id == chosen).values(values))
    if kinds.get("clever") == chosen:
        return chosen, str
    _rename(connection, chosen)
    return chosen, _as_clever


def _rename(connection: Connection, connection_id: int) -> None:
    """Give every record of the connection the id that it has in the drill's SIS, so that links stay what they are."""
    for table in Tables.metadata.tables.values():
        if not {"connection_id", "source_id"} <= set(table.columns.keys()) or "mode" in table.columns:
            continue
        mine = table.c.connection_id == connection_id
        for (old,) in connection.execute(select(table.c.source_id).where(mine).distinct()).all():
            renamed = update(table).where(mine, table.c.source_id == old)
            connection.execute(renamed.values(source_id=_as_clever(old)))


def _as_clever(id_: str) -> str:
    """An id in the form of Clever's, 24 hexadecimal digits; always the same for the same one."""
    return hashlib.blake2b(id_.encode(), digest_size=12).hexdigest() if id_ else ""


def _district(connection: Connection, connection_id: int, id_of: Renamed) -> District:
    """What the SIS last said, as a district that can be served and changed; ``id_of`` gives each id its form there."""
    district = District(id="d0d0d0d0d0d0d0d0d0d0d0d0", name="Drill", seed=1, today=DEFAULT_DAY)

    def listed(table: Any, type_: type[T], *where: Any) -> list[T]:
        statement = select(type_coerce(table.payload, Text)).where(table.connection_id == connection_id, *where)
        decode = msgspec.json.Decoder(type_).decode
        return [decode(payload) for payload in connection.scalars(statement)]

    for school in listed(SisSchool, records.School, SisSchool.gone_at.is_(None)):
        district.put(_school(school, id_of))
    for term in listed(SisReference, records.Term, SisReference.collection == "terms"):
        district.put(entities.Term(id_of(term.source_id), term.name or None, term.start or None, term.finish or None))
    for course in listed(SisReference, records.Course, SisReference.collection == "courses"):
        district.put(entities.Course(id_of(course.source_id), course.name or None, course.number or None))
    for person in listed(SisPerson, records.Person, SisPerson.gone_in_sync.is_(None)):
        district.put(_person(person, id_of))
    for section in listed(SisSection, records.Section, SisSection.gone_in_sync.is_(None)):
        district.put(_section(section, id_of))
    district.forget_changes()
    return district


def _school(school: records.School, id_of: Renamed) -> entities.School:
    return entities.School(
        id_of(school.source_id), BEGINNING, BEGINNING, school.name, school.sis_id, school.number,
        school.low_grade or "Kindergarten", school.high_grade or "12", "", school.city, school.state, "",
    )  # fmt: skip


def _person(person: records.Person, id_of: Renamed) -> entities.Person:
    made = entities.Person(
        id_of(person.source_id),
        BEGINNING,
        BEGINNING,
        person.last_name,
        person.first_name,
        person.middle_name,
        person.email,
    )
    legacy, schools = person.legacy_id or id_of(person.source_id), [id_of(each) for each in person.schools]
    school = id_of(person.school)
    if Role.STUDENT in person.roles or person.role is Role.STUDENT:
        made.student = entities.Student(
            legacy, school, schools, person.sis_id, person.number, person.grade, person.state_id,
            person.graduation_year, person.gender, person.birth_date or None, person.username or None,
            preferred_first=person.preferred_name or None,
        )  # fmt: skip
    if person.role is Role.TEACHER:
        made.teacher = entities.Teacher(
            legacy,
            school,
            schools,
            person.sis_id,
            person.number,
            person.state_id,
            username=person.username or None,
        )
    return made


def _section(section: records.Section, id_of: Renamed) -> entities.Section:
    return entities.Section(
        id_of(section.source_id), BEGINNING, BEGINNING, section.name, id_of(section.school), section.sis_id, id_of(section.course) or None,
        id_of(section.term) or None, section.number, section.period, section.grade, section.subject,
        [id_of(each) for each in section.teachers], sorted(map(id_of, section.students)),
    )  # fmt: skip


def _settled(engine: Engine, stores: Stores, district: District, connection_id: int) -> Base:
    """Bring the copy in line with its SIS, so that whatever an accident changes is the accident's."""
    with serve(create_sandbox(district)) as served, stamina.set_testing(True):
        portal = Portal(engine, served, connection_id)
        portal.now = datetime.now(UTC).replace(microsecond=0)
        _go_on(portal)
        _map_all(portal)
        portal.add_account("administrator", "drill@example.org", search="drill@example.org")
        for _ in range(2):
            sync_id = portal.prepare()
            release_guards(engine, sync_id, WHO, portal.now)
            commit(engine, sync_id, portal.clock)
            portal.now += timedelta(minutes=1)
        usual = frozenset(portal.actions(portal.prepare()))
    engine.dispose()
    url = engine.url.render_as_string(hide_password=False)
    return Base(stores, url, district, connection_id, portal.now, usual)


def _go_on(portal: Portal) -> None:
    """End a commit that had stopped half-way."""
    for row in portal.rows(Sync, Sync.state == SyncState.COMMITTING):
        commit(portal.engine, row.id, portal.clock)


def _map_all(portal: Portal) -> None:
    """Where nobody has chosen a school yet, all of them are synced."""
    schools = portal.rows(SisSchool, SisSchool.connection_id == portal.connection_id)
    if not any(row.mapping == Mapping.MAPPED for row in schools):
        for row in schools:
            portal.map(row.source_id)
