"""One district by Clever and by OneRoster at once: one account for each person, and nobody archived who is listed by one."""

from collections.abc import Iterator

import pytest
from sqlalchemy import and_, or_

from sisportal.models import Account, AccountLink, ClassLink, SchoolClass, SyncMode
from sisportal.models.database import make_engine
from sisportal.sandbox import edits
from sisportal.sandbox.serving import Served
from sisportal.syncing import running
from tests.syncing.oneroster import OneRosterPortal
from tests.syncing.portal import WHO, Portal

Both = tuple[Portal, OneRosterPortal]


@pytest.fixture
def both(sqlite_store_url: str, sandbox: Served) -> Iterator[Both]:
    """A portal that has read the district by Clever, and the same portal connected by OneRoster."""
    engine = make_engine(sqlite_store_url)
    clever, oneroster = Portal(engine, sandbox), OneRosterPortal(engine, sandbox)
    clever.connect(organizations=True)
    clever.option("match_sections", "sis_id")
    clever.sync_all()
    oneroster.connect()
    oneroster.now = clever.now
    yield clever, oneroster
    engine.dispose()


def student_of(portal: Portal) -> tuple[str, str]:
    """(id in the district, student ID) of a student whom Clever lists."""
    person = next(each for each in portal.served.sandbox.district.people if each.student and each.student.number)
    assert person.student
    return person.id, person.student.number or ""


def is_archived(portal: Portal, student_id: str) -> bool:
    return portal.rows(Account, Account.student_id == student_id)[0].archived_at is not None


def test_a_person_known_by_both_is_one_account(both: Both) -> None:
    clever, oneroster = both
    numbered = (
        or_(
            and_(Account.role == "student", Account.student_id != ""),
            and_(Account.role == "teacher", Account.email != ""),
        ),
    )
    before = {row.id for row in clever.rows(Account, *numbered)}

    oneroster.commit_everything(oneroster.prepare())

    assert {row.id for row in clever.rows(Account, *numbered)} == before
    links = {
        row.account_id for row in oneroster.rows(AccountLink, AccountLink.connection_id == oneroster.connection_id)
    }
    assert before <= links


def test_neither_source_plans_anything_once_both_agree(both: Both) -> None:
    clever, oneroster = both
    oneroster.commit_everything(oneroster.prepare())
    clever.now = oneroster.now
    clever.sync_all()

    assert clever.actions(clever.prepare()) == {}
    held = {action.held for action in oneroster.actions(oneroster.prepare()).values()}
    assert held <= {"several-candidates", "claimed-twice"}


def test_an_undo_keeps_whom_the_other_source_lists_too(both: Both) -> None:
    clever, oneroster = both
    oneroster.commit_everything(oneroster.prepare())
    clever.now = oneroster.now
    _, student_id = student_of(clever)

    undo = clever.undo(1)

    assert not is_archived(clever, student_id)
    reasons = {value.split(": ")[-1] for code, _, value in clever.warnings(undo) if code == "undo-kept"}
    assert "OneRoster lists it, too" in reasons


def test_who_is_listed_by_the_other_source_is_kept_and_the_report_says_why(both: Both) -> None:
    clever, oneroster = both
    oneroster.commit_everything(oneroster.prepare())
    source_id, student_id = student_of(clever)

    edits.leave(clever.served.sandbox.district, source_id)
    clever.now = oneroster.now
    sync_id = clever.sync_all()

    assert not is_archived(clever, student_id)
    assert ("listed-elsewhere", source_id, "OneRoster") in clever.warnings(sync_id)

    oneroster.now = clever.now
    oneroster.commit_everything(oneroster.prepare())
    assert is_archived(clever, student_id), "now neither lists them"


def test_a_sync_of_changes_alone_archives_nobody_whom_the_other_source_lists(both: Both) -> None:
    clever, oneroster = both
    oneroster.commit_everything(oneroster.prepare())
    source_id, student_id = student_of(clever)

    edits.leave(clever.served.sandbox.district, source_id)
    sync_id = oneroster.commit_everything(oneroster.quick())

    assert oneroster.sync(sync_id).mode == SyncMode.QUICK
    assert not is_archived(clever, student_id)
    assert "Clever" in {text for code, _, text in oneroster.warnings(sync_id) if code == "listed-elsewhere"}


def test_a_source_that_is_disabled_keeps_nobody(both: Both) -> None:
    clever, oneroster = both
    oneroster.commit_everything(oneroster.prepare())
    source_id, student_id = student_of(clever)
    running.set_enabled(clever.engine, oneroster.connection_id, False, WHO, clever.now)

    edits.leave(clever.served.sandbox.district, source_id)
    clever.now = oneroster.now
    clever.sync_all()

    assert is_archived(clever, student_id)


def test_a_class_that_the_other_source_lists_is_kept(both: Both) -> None:
    clever, oneroster = both
    oneroster.commit_everything(oneroster.prepare())
    linked_twice = {row.class_id for row in clever.rows(ClassLink, ClassLink.connection_id == oneroster.connection_id)}
    link = next(
        row
        for row in clever.rows(ClassLink, ClassLink.connection_id == clever.connection_id)
        if row.class_id in linked_twice
    )

    edits.drop_section(clever.served.sandbox.district, link.source_id)
    clever.now = oneroster.now
    sync_id = clever.sync_all()

    assert clever.rows(SchoolClass, SchoolClass.id == link.class_id)[0].archived_at is None
    assert ("listed-elsewhere", link.source_id, "OneRoster") in clever.warnings(sync_id)
