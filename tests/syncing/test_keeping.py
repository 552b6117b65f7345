"""How long things are kept, and everything that is held of one person, on both databases."""

from datetime import datetime, timedelta
from typing import Any

import msgspec
import pytest
from sqlalchemy import insert, select, update

from sisportal.models import (
    Account,
    Action,
    AuditEvent,
    HandEdit,
    LoginCard,
    Mail,
    MailKind,
    MailState,
    Notification,
    PasswordLink,
    SignedInBrowser,
    SisEnrollment,
    SisPerson,
    Sync,
    SyncWarning,
)
from sisportal.models.database import writing
from sisportal.sandbox import edits
from sisportal.sandbox.district import District
from sisportal.sandbox.entities import Person
from sisportal.syncing import keeping, outbox, selfcheck
from sisportal.syncing.credentials import Cipher
from sisportal.syncing.person_export import SECRET, export_person
from sisportal.syncing.review import Who
from sisportal.syncing.states import NotAllowed
from sisportal.syncing.undo import require_undoable
from tests.syncing.portal import Portal

YEARS = timedelta(days=366 * 6)
ADA = Who("ada@example.org", None, "10.0.0.7")


@pytest.fixture
def student(district: District) -> Person:
    return next(person for person in district.people if person.student and person.email)


def later(portal: Portal, time: timedelta) -> datetime:
    portal.now += time
    return portal.now


def test_details_of_old_plans_go_and_their_numbers_stay_and_what_undo_needs_is_kept(
    portal: Portal, district: District, student: Person
) -> None:
    portal.sync_all()
    edits.change_email(district, student.id, "new@example.org")
    portal.sync_all()
    newest = portal.prepare()
    counts = portal.sync(1).counts
    before = portal.dump()

    removed = keeping.remove_old(portal.engine, later(portal, YEARS))

    assert removed["plans"] == sum(verb["planned"] for verbs in counts.values() for verb in verbs.values())
    assert [portal.actions(sync_id) == {} for sync_id in (1, 2)] == [True, False]
    assert (portal.sync(1).counts, portal.sync(1).details_removed_at) == (counts, portal.now)
    assert [portal.sync(sync_id).details_removed_at for sync_id in (2, newest)] == [None, None]
    assert portal.dump() == before
    assert selfcheck.check_store(portal.engine, Cipher("made-up"), portal.now) == []
    assert "plans" not in keeping.remove_old(portal.engine, portal.now)
    with portal.engine.connect() as connection, pytest.raises(NotAllowed, match="were removed"):
        require_undoable(connection, 1)
    with portal.engine.connect() as connection:
        assert require_undoable(connection, 2).id == 2


def test_somebody_whose_mirror_row_went_gets_the_same_account_when_listed_again(
    portal: Portal, district: District, student: Person
) -> None:
    portal.sync_all()
    account_id = portal.account_of(student.id).id
    edits.leave(district, student.id)
    district.settle()
    portal.sync_all()
    later(portal, timedelta(days=1))
    portal.sync_all()
    assert portal.rows(SisPerson, SisPerson.source_id == student.id)

    assert keeping.remove_old(portal.engine, later(portal, YEARS))["gone"] >= 1

    assert portal.rows(SisPerson, SisPerson.source_id == student.id) == []
    ids = {row.id for row in portal.rows(SisPerson)}
    assert {row.person_id for row in portal.rows(SisEnrollment)} <= ids
    assert portal.account_of(student.id).archived_at is not None
    edits.come_back(district, student.id)
    district.settle()
    portal.sync_all()
    assert (portal.account_of(student.id).id, portal.account_of(student.id).archived_at) == (account_id, None)


def test_somebody_who_is_gone_and_not_archived_yet_stays_in_the_mirror(
    portal: Portal, district: District, student: Person
) -> None:
    portal.sync_all()
    edits.leave(district, student.id)
    district.settle()
    sync_id = portal.prepare()
    portal.untick(sync_id, student.id)
    portal.commit(sync_id)

    keeping.remove_old(portal.engine, later(portal, YEARS))

    assert portal.rows(SisPerson, SisPerson.source_id == student.id)
    assert portal.actions(portal.prepare())["student", "delete", student.id].ticked


@pytest.mark.parametrize(
    ("kind", "days_old", "stays"),
    [("sign-ins", 729, True), ("sign-ins", 731, False), ("audit", 731, True), ("audit", 2556, False)],
)
def test_lines_of_the_audit_log_are_kept_as_long_as_was_chosen(
    quick_portal: Portal, kind: str, days_old: int, stays: bool
) -> None:
    portal = quick_portal
    event = "signed-in" if kind == "sign-ins" else "options-changed"
    with writing(portal.engine).begin() as connection:
        connection.execute(insert(AuditEvent), [{"at": portal.now, "actor": "ada", "event": event, "subject": "x"}])
    removed = keeping.remove_old(portal.engine, later(portal, timedelta(days=days_old)))
    assert removed == ({} if stays else {kind: 1})
    told = portal.rows(AuditEvent, AuditEvent.event == "old-records-removed")
    assert [row.details for row in told] == ([] if stays else [{"removed": {kind: 1}}])


def test_kept_for_ever_is_never_removed_and_a_time_that_is_not_offered_is_refused(quick_portal: Portal) -> None:
    portal = quick_portal
    portal.sync_all()
    with writing(portal.engine).begin() as connection:
        assert keeping.keep(connection, dict.fromkeys(keeping.kept_days(connection), 0))
        with pytest.raises(ValueError, match="not a choice"):
            keeping.keep(connection, {"plans": 1})
    assert keeping.remove_old(portal.engine, later(portal, YEARS * 10)) == {}


def test_read_notifications_ended_links_and_expired_sessions_go(quick_portal: Portal) -> None:
    portal = quick_portal
    account_id = portal.add_administrator()
    portal.sync_all()
    now, ended = portal.now, {"made_by": "x", "created_at": portal.now, "expires_at": portal.now}
    with writing(portal.engine).begin() as connection:
        connection.execute(update(Notification).where(Notification.id == 1).values(read_at=now))
        link = {"key": "l", "account_id": account_id, "purpose": "set", **ended}
        connection.execute(insert(PasswordLink), [link])
        browser = {"key": "k", "account_id": account_id, "session_version": 1, "way": "password", "created_at": now}
        connection.execute(insert(SignedInBrowser), [browser])
    unread = len(portal.rows(Notification)) - 1
    removed = keeping.remove_old(portal.engine, later(portal, timedelta(days=800)))
    assert (removed["notifications"], removed["links"]) == (1, 1)
    assert (len(portal.rows(Notification)), portal.rows(SignedInBrowser)) == (unread, [])


def test_mails_that_ended_go_and_those_that_wait_stay(quick_portal: Portal) -> None:
    portal = quick_portal
    account_id = portal.add_administrator()
    with writing(portal.engine).begin() as connection:
        for state in MailState:
            mail_id = outbox.put(connection, MailKind.TEST, account_id, f"{state}@example.org", portal.now)
            ended = {"state": state, "ended_at": None if state in keeping.OUTGOING else portal.now}
            connection.execute(update(Mail).where(Mail.id == mail_id).values(ended))

    assert "mails" not in keeping.remove_old(portal.engine, later(portal, timedelta(days=365)))
    removed = keeping.remove_old(portal.engine, later(portal, timedelta(minutes=1)))

    assert removed["mails"] == len(MailState) - len(keeping.OUTGOING)
    assert [row.state for row in portal.rows(Mail)] == list(keeping.OUTGOING)


def test_login_cards_go_once_they_ended_long_ago_and_one_that_is_good_stays(quick_portal: Portal) -> None:
    portal = quick_portal
    card: dict[str, Any] = {
        "account_id": portal.add_administrator(),
        "key": "k",
        "printed_by": "ada",
        "created_at": portal.now,
    }
    year = timedelta(days=366)
    cards: dict[str, dict[str, Any]] = {
        "good": {"expires_at": portal.now + 2 * year, "ended_at": None, "used": False},
        "used": {"expires_at": portal.now + 2 * year, "ended_at": portal.now, "used": True},
        "expired": {"expires_at": portal.now, "ended_at": None, "used": False},
    }
    with writing(portal.engine).begin() as connection:
        connection.execute(insert(LoginCard), [card | {"key": name} | each for name, each in cards.items()])

    assert keeping.remove_old(portal.engine, later(portal, year))["cards"] == 2

    assert [row.key for row in portal.rows(LoginCard)] == ["good"]


def test_the_clock_looks_once_a_day(quick_portal: Portal) -> None:
    portal = quick_portal
    looked = []
    for hours in (0, 1, 12, 21, 24):
        keeping.remove_when_due(portal.engine, portal.now + timedelta(hours=hours))
        with portal.engine.connect() as connection:
            looked.append(keeping.last_run(connection))
    assert looked == [portal.now, portal.now, portal.now] + [portal.now + timedelta(hours=21)] * 2


def test_everything_that_is_held_of_one_person_is_in_the_export_and_nothing_of_another(
    portal: Portal, district: District, student: Person
) -> None:
    portal.sync_all()
    account_id = portal.account_of(student.id).id
    edits.change_email(district, student.id, "new@example.org")
    portal.sync_all()
    others = [row for row in portal.rows(Account) if row.id != account_id and row.last_name != student.last]
    with writing(portal.engine).begin() as connection:
        browser = {
            "key": "hush-1",
            "account_id": account_id,
            "session_version": 1,
            "way": "clever",
            "created_at": portal.now,
        }
        connection.execute(insert(SignedInBrowser), [browser])
        edit = {"record": "account", "field": "grade", "member_id": 0, "edited_at": portal.now, "editor": "ada"}
        connection.execute(
            insert(HandEdit), [edit | {"record_id": account_id}, edit | {"record_id": 99_999, "editor": "eve"}]
        )
        connection.execute(update(Account).where(Account.id == account_id).values(password_hash="hush-2"))
        found = export_person(connection, account_id, ADA, portal.now)
        assert export_person(connection, 99_999, ADA, portal.now) is None
    assert found is not None

    assert (found["account"]["email"], found["account"]["has_password"]) == ("new@example.org", True)
    assert [link["id"] for link in found["links"]] == [student.id]
    assert found["sis"][0]["record"]["email"] == "new@example.org"
    taken = {section.id for section in district.sections if student.id in section.students}
    assert {section["id"] for section in found["sis"][0]["sections"]} == taken
    assert len(found["classes"]) == len(taken)
    assert [change["verb"] for change in found["changes"]] == ["add", "edit"]
    assert {entry["said"][0] for entry in found["rosters"]} == {"join"}
    assert [(edit["field"], edit["editor"]) for edit in found["edited_by_hand"]] == [("grade", "ada")]
    assert [row["way"] for row in found["signed_in_browser"]] == ["clever"]
    text = msgspec.json.encode(found).decode()
    assert "hush" not in text
    assert [row.username for row in others if f'"{row.username}"' in text] == []
    assert [row.event for row in portal.rows(AuditEvent, AuditEvent.event == "person-exported")] == ["person-exported"]


def test_every_table_that_refers_to_accounts_is_in_the_export(quick_portal: Portal) -> None:
    portal = quick_portal
    account_id = portal.add_administrator()
    with writing(portal.engine).begin() as connection:
        found = export_person(connection, account_id, ADA, portal.now)
    assert found is not None
    referring = {
        table.name for table in Account.metadata.sorted_tables
        for column in table.columns if column.name == "account_id"
    }  # fmt: skip
    told = {"account_link": "links", "membership": "classes"}
    assert {told.get(name, name) for name in referring} <= found.keys()
    assert {"key", "password_hash"} <= SECRET


def test_warnings_go_with_the_plan_that_they_are_of(quick_portal: Portal) -> None:
    portal = quick_portal
    portal.sync_all()
    portal.sync_all()
    values = {"sync_id": 1, "stage": "prepare", "code": "duplicate-email", "type": "student", "external_id": "s"}
    with writing(portal.engine).begin() as connection:
        connection.execute(insert(SyncWarning), [values])
    keeping.remove_old(portal.engine, later(portal, YEARS))
    with portal.engine.connect() as connection:
        assert connection.scalars(select(SyncWarning.id).where(SyncWarning.sync_id == 1)).all() == []
        assert connection.scalars(select(Action.id).where(Action.sync_id == 1)).all() == []
        assert connection.scalars(select(Sync.id).order_by(Sync.id)).all() == [1, 2]
