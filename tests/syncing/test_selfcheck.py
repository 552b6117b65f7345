"""What the check of the store finds in rows that no stage would write."""

from collections.abc import Iterator

import pytest
from sqlalchemy import update

from sisportal.models import SchoolClass
from sisportal.models.database import make_engine
from sisportal.roster.records import Section
from sisportal.syncing.credentials import Cipher
from sisportal.syncing.selfcheck import check_store
from tests.web.conftest import NOW
from tests.web.mirrored import NORTH, Mirrored, student


@pytest.fixture
def store(database_url: str) -> Iterator[Mirrored]:
    engine = make_engine(database_url)
    yield Mirrored(engine)
    engine.dispose()


def found(store: Mirrored) -> list[str]:
    return [finding.what for finding in check_store(store.engine, Cipher("made-up"), NOW)]


def test_a_store_that_fits_together_has_no_findings(store: Mirrored) -> None:
    parent = store.class_(Section("p", "Algebra", school=NORTH), is_parent=True)
    mia = store.linked(student("a"))
    store.class_(Section("s", "Algebra 1", school=NORTH), ((mia, 1000),), parent_id=parent)
    assert found(store) == []


def test_parents_with_people_or_without_sessions_are_told(store: Mirrored) -> None:
    mia = store.linked(student("a"))
    parent = store.class_(Section("p", "Algebra", school=NORTH), ((mia, 1000),), is_parent=True)
    store.class_(Section("s", "Algebra 1", school=NORTH), parent_id=parent, archived_at=NOW)
    assert found(store) == [
        f"1 parent classes have people of their own ({parent}).",
        f"1 parent classes are active without an active session ({parent}).",
    ]


def test_sessions_of_what_is_no_parent_are_told(store: Mirrored) -> None:
    alone = store.class_(Section("p", "Algebra", school=NORTH))
    session = store.class_(Section("s", "Algebra 1", school=NORTH), parent_id=alone)
    with store.engine.begin() as connection:
        connection.execute(update(SchoolClass).where(SchoolClass.id == alone).values(archived_at=NOW))
    assert found(store) == [
        f"1 classes are sessions of a class that is no parent ({session}).",
        f"1 classes are active under an archived parent ({session}).",
    ]


def test_actions_that_were_applied_to_nothing_are_told(store: Mirrored) -> None:
    action = store.action("a", "add", "applied")
    assert found(store) == [f"1 actions were applied to no record ({action})."]
