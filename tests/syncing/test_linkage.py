"""How the mirror stands to the portal, on both databases, and when it is looked at anew."""

from collections.abc import Iterator

import pytest
from sqlalchemy import Engine, insert

from sisportal.models import AuditEvent, SisPerson, SisSection
from sisportal.models.database import make_engine
from sisportal.roster.records import Section
from sisportal.syncing.linkage import Linkage, Linkages
from tests.web.conftest import NOW
from tests.web.mirrored import NORTH, SOUTH, Mirrored, student, teacher


@pytest.fixture
def mirrored(database_url: str) -> Iterator[Mirrored]:
    engine = make_engine(database_url)
    made = Mirrored(engine)
    made.linked(student("a"))
    made.linked(student("b"), changed=True)
    made.person(student("c", school=SOUTH))
    made.linked(student("d"), archived_at=NOW)
    made.person(student("e"), gone_in_sync=1)
    made.person(student("f", school="far"), in_scope=False)
    made.person(teacher("t"))
    art = Section("art", "Art", school=NORTH)
    made.section(art)
    made.class_(art)
    made.section(Section("bio", "Biology", school=NORTH))
    yield made
    engine.dispose()


def look(engine: Engine, linkages: Linkages) -> tuple[Linkage, Linkage, Linkage]:
    with engine.connect() as connection:
        return (
            linkages.of(connection, 1, SisPerson, "student"),
            linkages.of(connection, 1, SisPerson, "teacher"),
            linkages.of(connection, 1, SisSection),
        )


def test_every_record_stands_where_it_belongs(mirrored: Mirrored) -> None:
    students, teachers, sections = look(mirrored.engine, Linkages())
    assert students == Linkage({NORTH: 3, SOUTH: 1}, {"far": 1}, gone=1, unmatched=[3], changed=[2], archived=[4])
    assert teachers == Linkage({NORTH: 1}, unmatched=[7])
    assert sections == Linkage({NORTH: 2}, unmatched=[2])
    assert (students.listed, teachers.listed, sections.listed) == (4, 1, 2)


def act(mirrored: Mirrored, event: str) -> None:
    with mirrored.engine.begin() as connection:
        connection.execute(insert(AuditEvent), [{"at": NOW, "event": event, "actor": "ada", "subject": "x"}])


def test_it_is_looked_at_anew_once_something_was_decided(mirrored: Mirrored) -> None:
    linkages = Linkages()
    look(mirrored.engine, linkages)
    mirrored.account(student("c", school=SOUTH))
    seen = []
    for event in ("signed-in", "action-unticked", "account-linked"):
        act(mirrored, event)
        seen.append(look(mirrored.engine, linkages)[0].unmatched)

    assert seen == [[3], [3], []]


def test_it_is_looked_at_anew_once_a_sync_moved(mirrored: Mirrored) -> None:
    linkages = Linkages()
    look(mirrored.engine, linkages)
    mirrored.account(student("c", school=SOUTH))
    mirrored.sync("committed")
    assert look(mirrored.engine, linkages)[0].unmatched == []


def test_a_connection_without_a_mirror_has_nothing(mirrored: Mirrored) -> None:
    with mirrored.engine.connect() as connection:
        assert Linkages().of(connection, 2, SisPerson, "student") == Linkage()
